"""Maps of codes (t-SNE, UMAP), each drawn in a process of its own beside the pages, and kept.

    <runs>/.projections/<key>.npy       a map that is ready, float32 [N, 2]
    <runs>/.projections/<key>/          one that was asked for: codes.npy, request.json, log.txt
    <runs>/.projections/timings.json      how long the last maps took

`python -m aecore.jobs.projection_jobs KEY` waits for its turn, draws one map and ends. The key is a hash of all that
shapes a map, so whoever asks for the same one shares the drawing. Whoever changes the folder holds its lock, which the
system takes from the dead; a request counts only while its process lives: nothing that dies blocks the others.

Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import json
import math
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import psutil
from filelock import FileLock

from aecore import disk, files, limits, system
from aecore.analysis import projections
from aecore.errors import UserError
from aecore.params import resolve
from aecore.store import permissions, processes_table, schema
from aecore.store.trash import dir_size

LOCK = ".lock"
ROOT = Path(__file__).resolve().parents[2]
MAX_BYTES = 200_000_000  # of the whole folder; the maps that nobody has looked at for longest go first
SLOTS = {True: 2, False: 1}  # maps at a time, up to which an urgent one may begin, and one that is only prepared
NICENESS = 5  # of niceness, by which maps stand behind pages and training; those only prepared by twice as much
MAX_PRECOMPUTED = 8  # maps that may wait to be prepared: of a long search, nobody looks at all
FAILURE_TTL = 3600  # seconds for which it is known that a map failed or was cancelled
POLL = {True: 0.05, False: 0.25}  # seconds between two looks whether it is a map's turn, by whether it is urgent
MAX_TIMINGS = 24  # drawings whose time is remembered
IMPORT_SECONDS = 0.7  # seconds until a process has imported what it needs
DEFAULT_SECONDS = {"t-SNE": 7.0, "UMAP": 6.0}  # seconds for 10,000 codes, until one was drawn here

State = Literal["waiting", "running", "ready", "failed", "cancelled"]
NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ProjectionStatus:
    """Where a map stands."""

    key: str
    state: State
    fraction: float = 0.0  # 0..1, guessed from earlier maps; 1 only when ready
    seconds: float = 0.0  # since it began
    seconds_left: float | None = None  # until it is ready, with those before it; None when nobody knows
    ahead: int = 0  # maps that come before it
    users: Sequence[str] = ()  # who asked for it, while it is not there yet
    message: str = ""  # one sentence, when it failed
    count: int = 0  # points that it must have; 0 where whoever looks does not know

    def points(self) -> np.ndarray:
        """The map, float32 [N, 2]. Raises UserError when it is not there (any more)."""
        file = _result_path(self.key)
        try:
            with contextlib.suppress(OSError):
                os.utime(file, follow_symlinks=False)  # it was looked at: others go first when room is needed
            found: np.ndarray = np.load(io.BytesIO(files.read_bytes(file, MAX_BYTES)))
        except (OSError, ValueError, EOFError):
            raise UserError("This map is not there any more: ask for it again.") from None
        fits = found.dtype == np.float32 and found.shape == (self.count or len(found), 2)
        if not fits or not np.isfinite(found).all():
            raise UserError(
                f"The file of this map is spoilt: delete {file.name} in the folder .projections, and ask again."
            )
        return found


@dataclass(frozen=True)
class ProjectionRequest:
    """A map that somebody asked for, as its request.json says it."""

    key: str
    kind: str
    params: Mapping[str, Any]
    count: int
    urgent: bool
    sequence: int  # its number: higher for one that was asked for later
    pid: int
    start_time: float
    started_at: float | None = None  # seconds since 1970, once it is being drawn
    cancelled: bool = False
    users: Sequence[str] = ()  # who asked for it; nobody for one that is only prepared

    @property
    def alive(self) -> bool:
        return not self.cancelled and system.is_alive(self.pid, self.start_time)

    @property
    def priority(self) -> tuple[bool, int, str]:
        """What the waiting ones are sorted by: urgent ones first, then who asked first."""
        return not self.urgent, self.sequence, self.key

    def save(self) -> None:
        files.atomic_write(_job_dir(self.key) / "request.json", json.dumps(dataclasses.asdict(self)), use_reserve=True)


# --- Asking -----------------------------------------------------------------------------------------------------------


def submit(
    codes: np.ndarray, kind: str, params: Mapping[str, Any] = NO_PARAMS, urgent: bool = True, user: str = ""
) -> ProjectionStatus:
    """Has `codes` [N, D] drawn as a map of this kind ("t-SNE" or "UMAP") unless it is drawn or under way.

    Returns at once. `urgent`: a `person` waits for it, so it comes before those that are only prepared, and one that
    failed or was cancelled is tried again. Raises UserError for too few codes, settings out of range, or a full disk.
    """
    limits.check_projection(*np.shape(codes))
    codes = projections.check_codes(codes)
    params = _resolve_params(kind, params)
    key = _key(codes, kind, params)
    try:
        with _lock():
            now = _status_of(key)
            if now is None or (urgent and now.state in ("failed", "cancelled")):
                _evict()
                _start(key, codes, kind, params, urgent)
            request = _read_request(key) if urgent else None
            people = (*request.users, user) if request and user not in ("", *request.users) else None
            if request and (people or not request.urgent):
                dataclasses.replace(request, urgent=True, users=people or request.users).save()
            found = _status_of(key)
    except OSError as error:
        raise UserError(disk.error_message(error, "The map cannot be drawn")) from None
    except psutil.Error as error:
        raise UserError(f"The map cannot be drawn: its process could not be started ({error}).") from None
    assert found is not None
    return dataclasses.replace(found, count=len(codes))


def status(codes: np.ndarray, kind: str, params: Mapping[str, Any] = NO_PARAMS) -> ProjectionStatus | None:
    """Where a map stands; None when nobody asked for it. Starts nothing."""
    found = _status_of(_key(np.asarray(codes, np.float32), kind, _resolve_params(kind, params)))
    return found and dataclasses.replace(found, count=len(codes))


def precompute_enabled() -> bool:
    """Whether maps are drawn before anybody asks: where a laboratory is open, unless AECORE_PRECOMPUTE is off."""
    with contextlib.suppress(UserError):
        return os.environ.get("AECORE_PRECOMPUTE") != "off" and processes_table.active_servers() > 0
    return False


def precompute(codes: np.ndarray) -> None:
    """Has every kind of map of `codes` [N, D] drawn with the settings that people find there first. What cannot be
    drawn is left, and so is what finds enough others waiting."""
    for kind in DEFAULT_SECONDS:
        with contextlib.suppress(UserError, OSError):
            if sum(request.started_at is None for request in _active_requests()) < MAX_PRECOMPUTED:
                submit(codes, kind, urgent=False)


def cancel(projection: ProjectionStatus, user: str = "") -> int:
    """A person no longer waits for a map. It ends when nobody else does; how many others still do. A map that is ready
    stays. Raises NotAllowed for somebody who has not asked for it."""
    with _lock():
        request = _read_request(projection.key)
        if request is None or not request.alive:
            return 0
        permissions.check("cancel", request_for_projection(request.users, user), f"This map by {request.kind}")
        others = [each for each in request.users if each != user]
        if others:
            dataclasses.replace(request, users=others).save()
            return len(others)
        with contextlib.suppress(psutil.Error):
            psutil.Process(request.pid).kill()
        dataclasses.replace(request, cancelled=True).save()
        (_job_dir(projection.key) / "codes.npy").unlink(missing_ok=True)
    return 0


def request_for_projection(requesters: Sequence[str], user: str) -> permissions.AccessRequest:
    """Somebody, and a map that some people asked for."""
    return permissions.AccessRequest(user, requesters=requesters)


def _resolve_params(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in DEFAULT_SECONDS:
        raise UserError(f"Only {' and '.join(DEFAULT_SECONDS)} are drawn beside the page, not {kind}.")
    return resolve(projections.PROJECTIONS[kind], params)


def _key(codes: np.ndarray, kind: str, params: Mapping[str, Any]) -> str:
    """The name of a map: whatever would draw it differently gives it another."""
    said = json.dumps([kind, params, codes.shape, projections.engine_version(kind)], sort_keys=True)
    found = hashlib.blake2b(said.encode(), digest_size=12)
    found.update(np.ascontiguousarray(codes, np.float32).data)
    return found.hexdigest()


# --- The folder -------------------------------------------------------------------------------------------------------


def _projections_dir() -> Path:
    return files.runs_dir() / ".projections"


def _result_path(key: str) -> Path:
    return _projections_dir() / f"{key}.npy"


def _job_dir(key: str) -> Path:
    return _projections_dir() / key


def _lock() -> FileLock:
    """The folder's lock, for `with`; nobody holds it for longer than writing some files takes."""
    return FileLock(str(disk.internal_dir(_projections_dir().name) / LOCK))


def _read_request(key: str) -> ProjectionRequest | None:
    """What was asked; None when nobody did, or nobody can read it."""
    with contextlib.suppress(UserError, TypeError):
        found = files.read_json(_job_dir(key) / "request.json")
        if not schema.PROJECTION_REQUEST(found) and found["key"] == key:
            return ProjectionRequest(**found)
    return None


def _active_requests() -> list[ProjectionRequest]:
    """The requests whose process lives, in the order of their turns."""
    if not _projections_dir().is_dir():
        return []
    found = [_read_request(place.name) for place in _projections_dir().iterdir() if place.is_dir()]
    return sorted((each for each in found if each and each.alive), key=lambda each: each.priority)


def _start(key: str, codes: np.ndarray, kind: str, params: Mapping[str, Any], urgent: bool) -> None:
    """Writes a request and starts its process, which waits for the lock that we hold."""
    place = _job_dir(key)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(exist_ok=True)
    try:
        disk.retry_freeing_space(lambda: np.save(place / "codes.npy", codes), place)
        with open(place / "log.txt", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "aecore.jobs.projection_jobs", key],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                process_group=0,  # Ctrl-C in the laboratory's terminal is not meant for it
                env=os.environ | {"AECORE_RUNS": str(files.runs_dir().resolve())},
            )
        born = system.start_time(process.pid)
        threading.Thread(target=process.wait, daemon=True).start()  # somebody must hear its end
        turn = 1 + max((each.sequence for each in _active_requests()), default=0)
        ProjectionRequest(key, kind, params, len(codes), urgent, turn, process.pid, born).save()
    except (OSError, psutil.Error):
        shutil.rmtree(place, ignore_errors=True)
        raise


def _evict() -> None:
    """Removes what ended long ago or was left half written, and maps until the others take little enough room."""
    now, alive = time.time(), {request.key for request in _active_requests()}
    for place in [each for each in _projections_dir().iterdir() if each.is_dir() and each.name not in alive]:
        if _result_path(place.name).exists() or now - place.stat().st_mtime > FAILURE_TTL:
            shutil.rmtree(place, ignore_errors=True)
    for half in [
        file for file in _projections_dir().glob(".*") if file.name != LOCK
    ]:  # nobody writes: we hold the lock
        half.unlink()
    weight = dir_size(_projections_dir())
    for file in sorted(_projections_dir().glob("*.npy"), key=lambda file: file.stat().st_mtime):
        if weight <= MAX_BYTES:
            return
        weight -= file.stat().st_size
        file.unlink()


# --- Where a map stands -----------------------------------------------------------------------------------------------


def _status_of(key: str) -> ProjectionStatus | None:
    if _result_path(key).exists():
        return ProjectionStatus(key, "ready", 1.0)
    request = _read_request(key)
    if request is None:
        return None
    if request.cancelled:
        return ProjectionStatus(key, "cancelled")
    if not request.alive:
        return (
            ProjectionStatus(key, "ready", 1.0)
            if _result_path(key).exists()
            else ProjectionStatus(key, "failed", message=_failure_message(key))
        )
    if request.started_at:
        seconds = max(0.0, time.time() - request.started_at)
        return ProjectionStatus(
            key,
            "running",
            _fraction(seconds / _expected_seconds(request)),
            seconds,
            _seconds_left(request),
            users=request.users,
        )
    before = [
        other
        for other in _active_requests()
        if other.key != key and (other.started_at or other.priority < request.priority)
    ]
    left = [_seconds_left(each) for each in (*before, request)]
    seconds_left = None if None in left else sum(filter(None, left))
    return ProjectionStatus(key, "waiting", seconds_left=seconds_left, ahead=len(before), users=request.users)


def _seconds_left(request: ProjectionRequest) -> float | None:
    """Seconds until a map is ready once it is its turn; None when it takes longer than was to be expected."""
    left = _expected_seconds(request) - (time.time() - request.started_at if request.started_at else 0)
    return left if left > 0 else None


def _fraction(share: float) -> float:
    """How much of a map is done after a share of the time it should take: even at first, slower from nine tenths on,
    and never 1."""
    return max(0.0, share) if share < 0.9 else 1 - 0.01 / (share - 0.8)


def _failure_message(key: str) -> str:
    """Why a map was not drawn, in a sentence: the last that its process said."""
    try:
        said = files.read_tail(_job_dir(key) / "log.txt", 3000).split("\n")
    except UserError:
        said = []
    last = next((line for line in reversed(said) if line.strip()), "")
    return last or "Its process was ended before the map was done: try again, with fewer points if memory is short."


# --- How long it takes ------------------------------------------------------------------------------------------------


def _timings() -> list[list[Any]]:
    """[kind, package, count, seconds] of the last maps, the latest last."""
    with contextlib.suppress(UserError):
        found = files.read_json(_projections_dir() / "timings.json")
        return [] if schema.PROJECTION_DURATIONS(found) else found
    return []


def _expected_seconds(request: ProjectionRequest) -> float:
    """Seconds that a map takes, by the last one of its kind that was most like it in size."""
    drawn = [request.kind, projections.engine(request.kind)]
    known = [(count, seconds) for *by, count, seconds in _timings() if by == drawn]
    known = known[::-1] or [(10_000, DEFAULT_SECONDS[request.kind])]
    count, seconds = min(known, key=lambda each: abs(math.log(each[0] / request.count)))
    return IMPORT_SECONDS + max(0.1, seconds - IMPORT_SECONDS) * request.count / count


def _record_timing(request: ProjectionRequest, seconds: float) -> None:
    line = [request.kind, projections.engine(request.kind), request.count, round(seconds, 2)]
    files.atomic_write(_projections_dir() / "timings.json", json.dumps([*_timings(), line][-MAX_TIMINGS:]))


# --- In the process that draws ----------------------------------------------------------------------------------------


def _wait_for_turn(key: str) -> ProjectionRequest | None:
    """Waits until this map may be drawn, and notes that it is; None when nobody wants it any more."""
    while True:
        with _lock():
            request = _read_request(key)
            if request is None or request.cancelled:
                return None
            others = [other for other in _active_requests() if other.key != key]
            drawn = sum(other.started_at is not None for other in others)
            first = all(other.started_at or other.priority > request.priority for other in others)
            if first and drawn < SLOTS[request.urgent]:
                request = dataclasses.replace(request, started_at=time.time())
                request.save()
                return request
        time.sleep(POLL[request.urgent])


def _lower_priority() -> None:
    """Lets others on this machine go first."""
    process = psutil.Process()
    process.nice(process.nice() + NICENESS if psutil.POSIX else psutil.BELOW_NORMAL_PRIORITY_CLASS)
    system.raise_oom_score(system.OOM_SCORE_PROJECTION)


def run(key: str) -> None:
    """Draws the map that was asked for under this key, when it is its turn."""
    _lower_priority()
    request = _wait_for_turn(key)
    if request is None:
        return
    if not request.urgent:
        _lower_priority()
    codes, content = np.load(_job_dir(key) / "codes.npy"), io.BytesIO()
    np.save(content, projections.PROJECTIONS[request.kind](codes, **request.params))
    with _lock():
        files.atomic_write(_result_path(key), content.getvalue())
        _record_timing(request, time.time() - (request.started_at or 0.0))
        shutil.rmtree(_job_dir(key), ignore_errors=True)
        _evict()


def main() -> None:
    """Draws, or says in its last line why not."""
    try:
        run(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
    except MemoryError:
        sys.exit("The memory is exhausted: draw fewer points.")
    except OSError as error:
        sys.exit(disk.error_message(error))


if __name__ == "__main__":
    main()
