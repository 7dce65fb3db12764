"""Projections of codes (t-SNE, UMAP), each computed beside the pages and kept: requesting one, and where it stands.

The key of a projection is a hash of all that shapes it, so whoever requests the same one shares the work. It is done by
`projection_worker`, which an executor starts at once and which waits for its turn. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import heapq
import io
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
import psutil

from aecore import disk, files, limits, system
from aecore.analysis import projection_engines, projections
from aecore.errors import UserError
from aecore.jobs import executors
from aecore.jobs.executors import Task
from aecore.jobs.projection_store import (
    DEFAULT_SECONDS,
    MAX_BYTES,
    SLOTS,
    ProjectionRequest,
    active_requests,
    evict,
    expected_seconds,
    job_dir,
    lock,
    read_request,
    result_path,
)
from aecore.params import resolve
from aecore.store import permissions, processes_table

MAX_PRECOMPUTED = 8  # projections that may wait to be precomputed: of a long search, nobody looks at all
OVERDUE_SHARE = 0.2  # of the time it has taken: how much longer a projection is said to take that should be ready

State = Literal["waiting", "running", "ready", "failed", "cancelled"]
NO_PARAMS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class ProjectionStatus:
    """Where a projection stands."""

    key: str
    state: State
    fraction: float = 0.0  # 0..1, estimated from earlier ones; 1 only when ready
    seconds: float = 0.0  # since it began
    seconds_left: float | None = None  # until it is ready, with those before it; None when nobody knows
    ahead: int = 0  # projections that come before it
    users: Sequence[str] = ()  # who requested it, while it is not ready
    message: str = ""  # one sentence, when it failed
    count: int = 0  # points that it must have; 0 where whoever looks does not know

    def points(self) -> np.ndarray:
        """The points, float32 [N, 2]. Raises UserError when they are not there (any more)."""
        file = result_path(self.key)
        try:
            with contextlib.suppress(OSError):
                os.utime(file, follow_symlinks=False)  # it was looked at: others go first when room is needed
            found: np.ndarray = np.load(io.BytesIO(files.read_bytes(file, MAX_BYTES)))
        except (OSError, ValueError, EOFError):
            raise UserError("This projection is not there any more: ask for it again.") from None
        fits = found.dtype == np.float32 and found.shape == (self.count or len(found), 2)
        if not fits or not np.isfinite(found).all():
            raise UserError(
                f"The file of this projection is invalid: delete {file.name} in the folder .projections, and ask again."
            )
        return found


def submit(
    codes: np.ndarray, kind: str, params: Mapping[str, Any] = NO_PARAMS, urgent: bool = True, user: str = ""
) -> ProjectionStatus:
    """Has `codes` [N, D] projected to the plane by `kind` ("t-SNE" or "UMAP") unless they are or it is under way.

    Returns at once. `urgent`: a `user` waits for it, so it comes before those that are precomputed, and one that
    failed or was cancelled is tried again. Raises UserError for too few codes, settings out of range, or a full disk.
    """
    limits.check_projection(*np.shape(codes))
    codes = projections.check_codes(codes)
    params = _resolve_params(kind, params)
    key = _key(codes, kind, params)
    try:
        with lock():
            now = _status_of(key)
            if now is None or (urgent and now.state in ("failed", "cancelled")):
                evict()
                _start(key, codes, kind, params, urgent)
            request = read_request(key) if urgent else None
            people = (*request.users, user) if request and user not in ("", *request.users) else None
            if request and (people or not request.urgent):
                dataclasses.replace(request, urgent=True, users=people or request.users).save()
            found = _status_of(key)
    except OSError as error:
        raise UserError(disk.error_message(error, "The projection cannot be computed")) from None
    except psutil.Error as error:
        raise UserError(f"The projection cannot be computed: its process could not be started ({error}).") from None
    assert found is not None
    return dataclasses.replace(found, count=len(codes))


def status(codes: np.ndarray, kind: str, params: Mapping[str, Any] = NO_PARAMS) -> ProjectionStatus | None:
    """Where a projection stands; None when nobody requested it. Starts nothing."""
    found = _status_of(_key(np.asarray(codes, np.float32), kind, _resolve_params(kind, params)))
    return found and dataclasses.replace(found, count=len(codes))


def precompute_enabled() -> bool:
    """Whether projections are computed before anybody asks: where a server is open, if AECORE_PRECOMPUTE allows."""
    with contextlib.suppress(UserError):
        return os.environ.get("AECORE_PRECOMPUTE") != "off" and processes_table.active_servers() > 0
    return False


def precompute(codes: np.ndarray) -> None:
    """Has `codes` [N, D] projected by every kind with default parameters, for nobody yet. What cannot be computed is
    left out, and so is what finds enough others waiting."""
    for kind in DEFAULT_SECONDS:
        with contextlib.suppress(UserError, OSError):
            if sum(request.started_at is None for request in active_requests()) < MAX_PRECOMPUTED:
                submit(codes, kind, urgent=False)


def cancel(projection: ProjectionStatus, user: str = "") -> int:
    """A user no longer waits for a projection. It ends when nobody else does; how many others still do. One that is
    ready stays. Raises NotAllowed for somebody who has not requested it."""
    with lock():
        request = read_request(projection.key)
        if request is None or not request.alive:
            return 0
        permissions.check("cancel", request_for_projection(request.users, user), f"This projection by {request.kind}")
        others = [each for each in request.users if each != user]
        if others:
            dataclasses.replace(request, users=others).save()
            return len(others)
        executors.kill(request.executor, request.handle)
        dataclasses.replace(request, cancelled=True).save()
        (job_dir(projection.key) / "codes.npy").unlink(missing_ok=True)
    return 0


def request_for_projection(requesters: Sequence[str], user: str) -> permissions.AccessRequest:
    """What the table of permissions asks of a user and a projection."""
    return permissions.AccessRequest(user, requesters=requesters)


def _resolve_params(kind: str, params: Mapping[str, Any]) -> dict[str, Any]:
    if kind not in DEFAULT_SECONDS:
        raise UserError(f"Only {' and '.join(DEFAULT_SECONDS)} are computed beside the page, not {kind}.")
    return resolve(projections.PROJECTIONS[kind], params)


def _key(codes: np.ndarray, kind: str, params: Mapping[str, Any]) -> str:
    """A hash of all that shapes a projection: codes, kind, parameters, and the version of what computes it."""
    said = json.dumps([kind, params, codes.shape, projection_engines.engine_version(kind)], sort_keys=True)
    found = hashlib.blake2b(said.encode(), digest_size=12)
    found.update(np.ascontiguousarray(codes, np.float32).data)
    return found.hexdigest()


def _start(key: str, codes: np.ndarray, kind: str, params: Mapping[str, Any], urgent: bool) -> None:
    """Writes a request and starts its process, which waits for the lock that we hold."""
    place = job_dir(key)
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(exist_ok=True)
    try:
        disk.retry_freeing_space(lambda: np.save(place / "codes.npy", codes), place)
        executor = executors.get(executors.PROJECTION_EXECUTOR)
        environment = disk.current_store().environment()
        log = str((place / "log.txt").resolve())
        task = Task(
            "aecore.jobs.projection_worker:run_task", {"key": key}, log, environment, system.OOM_SCORE_PROJECTION
        )
        handle = executor.start(task)
        turn = 1 + max((each.sequence for each in active_requests()), default=0)
        ProjectionRequest(key, kind, params, len(codes), urgent, turn, executor.name, handle).save()
    except (OSError, psutil.Error):
        shutil.rmtree(place, ignore_errors=True)
        raise


# --- Where a projection stands ----------------------------------------------------------------------------------------


def _status_of(key: str) -> ProjectionStatus | None:
    if result_path(key).exists():
        return ProjectionStatus(key, "ready", 1.0)
    request = read_request(key)
    if request is None:
        return None
    if request.cancelled:
        return ProjectionStatus(key, "cancelled")
    if not request.alive:
        return (
            ProjectionStatus(key, "ready", 1.0)
            if result_path(key).exists()
            else ProjectionStatus(key, "failed", message=_failure_message(key))
        )
    if request.started_at:
        seconds = max(0.0, time.time() - request.started_at)
        whole = request.ends_at - request.started_at if request.ends_at else expected_seconds(request)
        left = whole - seconds if whole > seconds else None
        fraction = _fraction(seconds / max(whole, 1e-3))
        return ProjectionStatus(key, "running", fraction, seconds, left, users=request.users)
    others = [other for other in active_requests() if other.key != key]
    wait, ahead = _wait(request, others)
    return ProjectionStatus(
        key, "waiting", seconds_left=wait + expected_seconds(request), ahead=ahead, users=request.users
    )


def _wait(request: ProjectionRequest, others: Sequence[ProjectionRequest]) -> tuple[float, int]:
    """Seconds until a projection begins, and how many others end before it may: as many run at a time as its urgency
    allows."""
    ends = [_seconds_left(other) for other in others if other.started_at]
    heapq.heapify(ends)
    now, ended = 0.0, 0
    before = [other for other in others if not other.started_at and other.priority < request.priority]
    for each in (*before, request):
        while len(ends) >= SLOTS[each.urgent]:
            now, ended = max(now, heapq.heappop(ends)), ended + 1
        heapq.heappush(ends, now + expected_seconds(each))
    return now, ended


def _seconds_left(request: ProjectionRequest) -> float:
    """Seconds until a projection that is being computed is ready; of one that takes longer than expected, some more."""
    now = time.time()
    began = request.started_at or now
    expected = (request.ends_at or began + expected_seconds(request)) - now
    return max(expected, OVERDUE_SHARE * (now - began))


def _fraction(share: float) -> float:
    """Estimated progress after a share of the expected time: even at first, slower from nine tenths on,
    and never 1."""
    return max(0.0, share) if share < 0.9 else 1 - 0.01 / (share - 0.8)


def _failure_message(key: str) -> str:
    """Why a projection failed, in a sentence: the last line that its process printed."""
    try:
        said = files.read_tail(job_dir(key) / "log.txt", 3000).split("\n")
    except UserError:
        said = []
    last = next((line for line in reversed(said) if line.strip()), "")
    return last or "Its process ended before the projection was ready: try again, with fewer points if memory is short."
