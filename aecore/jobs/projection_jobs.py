"""Maps of codes (t-SNE, UMAP), each drawn in a process of its own beside the pages, and kept.

    <runs>/.maps/<key>.npy       a map that is ready, float32 [N, 2]
    <runs>/.maps/<key>/          one that was asked for: codes.npy, request.json, log.txt
    <runs>/.maps/paces.json      how long the last maps took

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
from aecore.params import complete
from aecore.store import permissions, queue, schema
from aecore.store.trash import folder_weight

LOCK = ".lock"
ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 200_000_000  # of the whole folder; the maps that nobody has looked at for longest go first
LANES = {True: 2, False: 1}  # maps at a time, up to which an urgent one may begin, and one that is only prepared
STEP = 5  # of niceness, by which maps stand behind pages and training; those only prepared by twice as much
PREPARED = 8  # maps that may wait to be prepared: of a long search, nobody looks at all
REMEMBERED = 3600  # seconds for which it is known that a map failed or was cancelled
LOOK = {True: 0.05, False: 0.25}  # seconds between two looks whether it is a map's turn, by whether it is urgent
PACES = 24  # drawings whose time is remembered
START = 0.7  # seconds until a process has imported what it needs
FIRST_GUESS = {"t-SNE": 7.0, "UMAP": 6.0}  # seconds for 10,000 codes, until one was drawn here

State = Literal["waiting", "drawing", "ready", "failed", "cancelled"]
NOTHING: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Drawing:
    """Where a map stands."""

    key: str
    state: State
    fraction: float = 0.0  # 0..1, guessed from earlier maps; 1 only when ready
    seconds: float = 0.0  # since it began
    seconds_left: float | None = None  # until it is ready, with those before it; None when nobody knows
    ahead: int = 0  # maps that come before it
    people: Sequence[str] = ()  # who asked for it, while it is not there yet
    reason: str = ""  # one sentence, when it failed
    count: int = 0  # points that it must have; 0 where whoever looks does not know

    def points(self) -> np.ndarray:
        """The map, float32 [N, 2]. Raises UserError when it is not there (any more)."""
        file = _ready(self.key)
        try:
            with contextlib.suppress(OSError):
                os.utime(file, follow_symlinks=False)  # it was looked at: others go first when room is needed
            found: np.ndarray = np.load(io.BytesIO(files.read_bytes(file, MOST_BYTES)))
        except (OSError, ValueError, EOFError):
            raise UserError("This map is not there any more: ask for it again.") from None
        fits = found.dtype == np.float32 and found.shape == (self.count or len(found), 2)
        if not fits or not np.isfinite(found).all():
            raise UserError(f"The file of this map is spoilt: delete {file.name} in the folder .maps, and ask again.")
        return found


@dataclass(frozen=True)
class Request:
    """A map that somebody asked for, as its request.json says it."""

    key: str
    kind: str
    knobs: Mapping[str, Any]
    count: int
    urgent: bool
    asked: int  # its number: higher for one that was asked for later
    pid: int
    born: float
    began: float | None = None  # seconds since 1970, once it is being drawn
    cancelled: bool = False
    people: Sequence[str] = ()  # who asked for it; nobody for one that is only prepared

    @property
    def alive(self) -> bool:
        return not self.cancelled and system.alive(self.pid, self.born)

    @property
    def turn(self) -> tuple[bool, int, str]:
        """What the waiting ones are sorted by: urgent ones first, then who asked first."""
        return not self.urgent, self.asked, self.key

    def save(self) -> None:
        files.write(_making(self.key) / "request.json", json.dumps(dataclasses.asdict(self)), vital=True)


# --- Asking -----------------------------------------------------------------------------------------------------------


def ask(
    codes: np.ndarray, kind: str, knobs: Mapping[str, Any] = NOTHING, urgent: bool = True, person: str = ""
) -> Drawing:
    """Has `codes` [N, D] drawn as a map of this kind ("t-SNE" or "UMAP") unless it is drawn or under way.

    Returns at once. `urgent`: a `person` waits for it, so it comes before those that are only prepared, and one that
    failed or was cancelled is tried again. Raises UserError for too few codes, settings out of range, or a full disk.
    """
    limits.check_map(*np.shape(codes))
    codes = projections.neighborly(codes)
    knobs = _settings(kind, knobs)
    key = _key(codes, kind, knobs)
    try:
        with _held():
            now = _stands(key)
            if now is None or (urgent and now.state in ("failed", "cancelled")):
                _make_room()
                _start(key, codes, kind, knobs, urgent)
            request = _request(key) if urgent else None
            people = (*request.people, person) if request and person not in ("", *request.people) else None
            if request and (people or not request.urgent):
                dataclasses.replace(request, urgent=True, people=people or request.people).save()
            found = _stands(key)
    except OSError as error:
        raise UserError(disk.sentence(error, "The map cannot be drawn")) from None
    except psutil.Error as error:
        raise UserError(f"The map cannot be drawn: its process could not be started ({error}).") from None
    assert found is not None
    return dataclasses.replace(found, count=len(codes))


def look(codes: np.ndarray, kind: str, knobs: Mapping[str, Any] = NOTHING) -> Drawing | None:
    """Where a map stands; None when nobody asked for it. Starts nothing."""
    found = _stands(_key(np.asarray(codes, np.float32), kind, _settings(kind, knobs)))
    return found and dataclasses.replace(found, count=len(codes))


def wanted() -> bool:
    """Whether maps are drawn before anybody asks: where a laboratory is open, unless AECORE_MAPS is off."""
    with contextlib.suppress(UserError):
        return os.environ.get("AECORE_MAPS") != "off" and queue.laboratories() > 0
    return False


def prepare(codes: np.ndarray) -> None:
    """Has every kind of map of `codes` [N, D] drawn with the settings that people find there first. What cannot be
    drawn is left, and so is what finds enough others waiting."""
    for kind in FIRST_GUESS:
        with contextlib.suppress(UserError, OSError):
            if sum(request.began is None for request in _alive()) < PREPARED:
                ask(codes, kind, urgent=False)


def cancel(drawing: Drawing, person: str = "") -> int:
    """A person no longer waits for a map. It ends when nobody else does; how many others still do. A map that is ready
    stays. Raises NotAllowed for somebody who has not asked for it."""
    with _held():
        request = _request(drawing.key)
        if request is None or not request.alive:
            return 0
        permissions.check("cancel", asked_for(request.people, person), f"This map by {request.kind}")
        others = [each for each in request.people if each != person]
        if others:
            dataclasses.replace(request, people=others).save()
            return len(others)
        with contextlib.suppress(psutil.Error):
            psutil.Process(request.pid).kill()
        dataclasses.replace(request, cancelled=True).save()
        (_making(drawing.key) / "codes.npy").unlink(missing_ok=True)
    return 0


def asked_for(people: Sequence[str], person: str) -> permissions.Case:
    """Somebody, and a map that some people asked for."""
    return permissions.Case(person, asked=people)


def _settings(kind: str, knobs: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in FIRST_GUESS:
        raise UserError(f"Only {' and '.join(FIRST_GUESS)} are drawn beside the page, not {kind}.")
    return complete(projections.PROJECTIONS[kind], knobs)


def _key(codes: np.ndarray, kind: str, knobs: Mapping[str, Any]) -> str:
    """The name of a map: whatever would draw it differently gives it another."""
    said = json.dumps([kind, knobs, codes.shape, projections.made_by(kind)], sort_keys=True)
    found = hashlib.blake2b(said.encode(), digest_size=12)
    found.update(np.ascontiguousarray(codes, np.float32).data)
    return found.hexdigest()


# --- The folder -------------------------------------------------------------------------------------------------------


def _folder() -> Path:
    return files.folder() / ".maps"


def _ready(key: str) -> Path:
    return _folder() / f"{key}.npy"


def _making(key: str) -> Path:
    return _folder() / key


def _held() -> FileLock:
    """The folder's lock, for `with`; nobody holds it for longer than writing some files takes."""
    return FileLock(str(disk.inner(_folder().name) / LOCK))


def _request(key: str) -> Request | None:
    """What was asked; None when nobody did, or nobody can read it."""
    with contextlib.suppress(UserError, TypeError):
        found = files.read_json(_making(key) / "request.json")
        if not schema.MAP_REQUEST(found) and found["key"] == key:
            return Request(**found)
    return None


def _alive() -> list[Request]:
    """The requests whose process lives, in the order of their turns."""
    if not _folder().is_dir():
        return []
    found = [_request(place.name) for place in _folder().iterdir() if place.is_dir()]
    return sorted((each for each in found if each and each.alive), key=lambda each: each.turn)


def _start(key: str, codes: np.ndarray, kind: str, knobs: Mapping[str, Any], urgent: bool) -> None:
    """Writes a request and starts its process, which waits for the lock that we hold."""
    place = _making(key)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(exist_ok=True)
    try:
        disk.finding_room(lambda: np.save(place / "codes.npy", codes), place)
        with open(place / "log.txt", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", "aecore.jobs.projection_jobs", key],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=ROOT,
                process_group=0,  # Ctrl-C in the laboratory's terminal is not meant for it
                env=os.environ | {"AECORE_RUNS": str(files.folder().resolve())},
            )
        born = system.born(process.pid)
        threading.Thread(target=process.wait, daemon=True).start()  # somebody must hear its end
        turn = 1 + max((each.asked for each in _alive()), default=0)
        Request(key, kind, knobs, len(codes), urgent, turn, process.pid, born).save()
    except (OSError, psutil.Error):
        shutil.rmtree(place, ignore_errors=True)
        raise


def _make_room() -> None:
    """Removes what ended long ago or was left half written, and maps until the others take little enough room."""
    now, alive = time.time(), {request.key for request in _alive()}
    for place in [each for each in _folder().iterdir() if each.is_dir() and each.name not in alive]:
        if _ready(place.name).exists() or now - place.stat().st_mtime > REMEMBERED:
            shutil.rmtree(place, ignore_errors=True)
    for half in [file for file in _folder().glob(".*") if file.name != LOCK]:  # nobody writes: we hold the lock
        half.unlink()
    weight = folder_weight(_folder())
    for file in sorted(_folder().glob("*.npy"), key=lambda file: file.stat().st_mtime):
        if weight <= MOST_BYTES:
            return
        weight -= file.stat().st_size
        file.unlink()


# --- Where a map stands -----------------------------------------------------------------------------------------------


def _stands(key: str) -> Drawing | None:
    if _ready(key).exists():
        return Drawing(key, "ready", 1.0)
    request = _request(key)
    if request is None:
        return None
    if request.cancelled:
        return Drawing(key, "cancelled")
    if not request.alive:
        return Drawing(key, "ready", 1.0) if _ready(key).exists() else Drawing(key, "failed", reason=_why(key))
    if request.began:
        seconds = max(0.0, time.time() - request.began)
        return Drawing(
            key, "drawing", _fraction(seconds / _expected(request)), seconds, _left(request), people=request.people
        )
    before = [other for other in _alive() if other.key != key and (other.began or other.turn < request.turn)]
    left = [_left(each) for each in (*before, request)]
    seconds_left = None if None in left else sum(filter(None, left))
    return Drawing(key, "waiting", seconds_left=seconds_left, ahead=len(before), people=request.people)


def _left(request: Request) -> float | None:
    """Seconds until a map is ready once it is its turn; None when it takes longer than was to be expected."""
    left = _expected(request) - (time.time() - request.began if request.began else 0)
    return left if left > 0 else None


def _fraction(share: float) -> float:
    """How much of a map is done after a share of the time it should take: even at first, slower from nine tenths on,
    and never 1."""
    return max(0.0, share) if share < 0.9 else 1 - 0.01 / (share - 0.8)


def _why(key: str) -> str:
    """Why a map was not drawn, in a sentence: the last that its process said."""
    try:
        said = files.read_end(_making(key) / "log.txt", 3000).split("\n")
    except UserError:
        said = []
    last = next((line for line in reversed(said) if line.strip()), "")
    return last or "Its process was ended before the map was done: try again, with fewer points if memory is short."


# --- How long it takes ------------------------------------------------------------------------------------------------


def _paces() -> list[list[Any]]:
    """[kind, package, count, seconds] of the last maps, the latest last."""
    with contextlib.suppress(UserError):
        found = files.read_json(_folder() / "paces.json")
        return [] if schema.MAP_PACES(found) else found
    return []


def _expected(request: Request) -> float:
    """Seconds that a map takes, by the last one of its kind that was most like it in size."""
    drawn = [request.kind, projections.engine(request.kind)]
    known = [(count, seconds) for *by, count, seconds in _paces() if by == drawn]
    known = known[::-1] or [(10_000, FIRST_GUESS[request.kind])]
    count, seconds = min(known, key=lambda each: abs(math.log(each[0] / request.count)))
    return START + max(0.1, seconds - START) * request.count / count


def _note(request: Request, seconds: float) -> None:
    line = [request.kind, projections.engine(request.kind), request.count, round(seconds, 2)]
    files.write(_folder() / "paces.json", json.dumps([*_paces(), line][-PACES:]))


# --- In the process that draws ----------------------------------------------------------------------------------------


def _turn(key: str) -> Request | None:
    """Waits until this map may be drawn, and notes that it is; None when nobody wants it any more."""
    while True:
        with _held():
            request = _request(key)
            if request is None or request.cancelled:
                return None
            others = [other for other in _alive() if other.key != key]
            drawn = sum(other.began is not None for other in others)
            first = all(other.began or other.turn > request.turn for other in others)
            if first and drawn < LANES[request.urgent]:
                request = dataclasses.replace(request, began=time.time())
                request.save()
                return request
        time.sleep(LOOK[request.urgent])


def _step_back() -> None:
    """Lets others on this machine go first."""
    process = psutil.Process()
    process.nice(process.nice() + STEP if psutil.POSIX else psutil.BELOW_NORMAL_PRIORITY_CLASS)
    system.ends_first(system.MAP)


def draw(key: str) -> None:
    """Draws the map that was asked for under this key, when it is its turn."""
    _step_back()
    request = _turn(key)
    if request is None:
        return
    if not request.urgent:
        _step_back()
    codes, content = np.load(_making(key) / "codes.npy"), io.BytesIO()
    np.save(content, projections.PROJECTIONS[request.kind](codes, **request.knobs))
    with _held():
        files.write(_ready(key), content.getvalue())
        _note(request, time.time() - (request.began or 0.0))
        shutil.rmtree(_making(key), ignore_errors=True)
        _make_room()


def main() -> None:
    """Draws, or says in its last line why not."""
    try:
        draw(sys.argv[1])
    except UserError as error:
        sys.exit(str(error))
    except MemoryError:
        sys.exit("The memory is exhausted: draw fewer points.")
    except OSError as error:
        sys.exit(disk.sentence(error))


if __name__ == "__main__":
    main()
