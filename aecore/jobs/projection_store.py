"""Where projections of codes are kept, and the requests for them; how long they take.

    <runs>/.projections/<key>.npy       a projection that is ready, float32 [N, 2]
    <runs>/.projections/<key>/          one that was requested: codes.npy, request.json, log.txt
    <runs>/.projections/timings.json    how long the last ones took

Whoever changes the folder holds its lock, which the system takes from the dead; a request counts only while its worker
lives: nothing that dies blocks the others. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from aecore import disk, files
from aecore.analysis import projection_engines
from aecore.errors import UserError
from aecore.jobs import executors
from aecore.store import schema
from aecore.store.trash import dir_size

LOCK = ".lock"
MAX_BYTES = 200_000_000  # of the whole folder; the projections that nobody has looked at for longest go first
FAILURE_TTL = 3600  # seconds for which it is known that a projection failed or was cancelled
MAX_TIMINGS = 24  # projections whose time is remembered
IMPORT_SECONDS = 0.7  # seconds until a process has imported what it needs
SLOTS = {True: 2, False: 1}  # projections at a time, up to which an urgent one may begin, and one that is precomputed
# Seconds on two idle cores by numbers of codes (docs/performance.md), and how much longer other packages take
DEFAULT_SECONDS = {
    "t-SNE": ((20, 0.01), (2000, 0.8), (10_000, 5.4), (60_000, 58.7), (600_000, 700.0)),
    "UMAP": ((20, 0.05), (2000, 1.5), (10_000, 4.7), (60_000, 35.0), (600_000, 350.0)),
}
SLOWER_ENGINES = {"scikit-learn": 7.0, "umap-learn": 6.0}
DEFAULT_WEIGHT, AGEING = 0.1, 0.5  # of these beside the newest one that was computed here; of each one before it
OTHER_KIND_WEIGHT = 0.5  # of UMAP for t-SNE and the other way round: they share the machine
SHORT_SECONDS = 2.0  # of what takes no longer, a busy moment says little about others


@dataclass(frozen=True)
class ProjectionRequest:
    """A projection that was requested, as its request.json holds it."""

    key: str
    kind: str
    params: Mapping[str, Any]
    count: int
    urgent: bool
    sequence: int  # higher for one that was requested later
    executor: str
    handle: str
    started_at: float | None = None  # seconds since 1970, once it is being computed
    ends_at: float | None = None  # the same, about, once what computes it can tell
    cancelled: bool = False
    users: Sequence[str] = ()  # who requested it; nobody for one that is precomputed

    @property
    def alive(self) -> bool:
        return not self.cancelled and executors.poll(self.executor, self.handle) is None

    @property
    def priority(self) -> tuple[bool, int, str]:
        """What the waiting ones are sorted by: urgent ones first, then who asked first."""
        return not self.urgent, self.sequence, self.key

    def save(self) -> None:
        files.atomic_write(job_dir(self.key) / "request.json", json.dumps(dataclasses.asdict(self)), use_reserve=True)


def projections_dir() -> Path:
    return files.runs_dir() / ".projections"


def result_path(key: str) -> Path:
    return projections_dir() / f"{key}.npy"


def job_dir(key: str) -> Path:
    return projections_dir() / key


def lock() -> FileLock:
    """The folder's lock, for `with`; nobody holds it for longer than writing some files takes."""
    return FileLock(str(disk.internal_dir(projections_dir().name) / LOCK))


def read_request(key: str) -> ProjectionRequest | None:
    """What was asked; None when nobody did, or nobody can read it."""
    with contextlib.suppress(UserError, TypeError):
        found = files.read_json(job_dir(key) / "request.json")
        if not schema.PROJECTION_REQUEST(found) and found["key"] == key:
            return ProjectionRequest(**found)
    return None


def active_requests() -> list[ProjectionRequest]:
    """The requests whose process lives, in the order of their turns."""
    if not projections_dir().is_dir():
        return []
    found = [read_request(place.name) for place in projections_dir().iterdir() if place.is_dir()]
    return sorted((each for each in found if each and each.alive), key=lambda each: each.priority)


def evict() -> None:
    """Removes what ended long ago or was left half written, and projections beyond MAX_BYTES, the oldest first."""
    now, alive = time.time(), {request.key for request in active_requests()}
    for place in [each for each in projections_dir().iterdir() if each.is_dir() and each.name not in alive]:
        if result_path(place.name).exists() or now - place.stat().st_mtime > FAILURE_TTL:
            shutil.rmtree(place, ignore_errors=True)
    for half in [file for file in projections_dir().glob(".*") if file.name != LOCK]:  # nobody writes: we hold the lock
        half.unlink()
    weight = dir_size(projections_dir())
    for file in sorted(projections_dir().glob("*.npy"), key=lambda file: file.stat().st_mtime):
        if weight <= MAX_BYTES:
            return
        weight -= file.stat().st_size
        file.unlink()


def _timings() -> list[list[Any]]:
    """[kind, package, count, seconds] of the last projections, the latest last."""
    with contextlib.suppress(UserError):
        found = files.read_json(projections_dir() / "timings.json")
        return [] if schema.PROJECTION_DURATIONS(found) else found
    return []


def expected_seconds(request: ProjectionRequest) -> float:
    """Seconds that a projection takes: as an idle machine does, times how much longer the last ones took here. Of these
    the newest count most, and those most like it in size."""
    engine, logs, weights = projection_engines.engine(request.kind), 0.0, DEFAULT_WEIGHT
    known = [(kind, count, seconds) for kind, by, count, seconds in _timings() if by == engine]
    for age, (kind, count, seconds) in enumerate(reversed(known)):
        usual = _default_seconds(kind, engine, count)
        weight = AGEING**age / (1 + math.log2(count / request.count) ** 2) * usual / (usual + SHORT_SECONDS)
        weight *= 1.0 if kind == request.kind else OTHER_KIND_WEIGHT
        logs += weight * math.log(seconds / usual)
        weights += weight
    return _default_seconds(request.kind, engine, request.count) * math.exp(logs / weights)


def _default_seconds(kind: str, engine: str, count: int) -> float:
    counts, seconds = np.log(DEFAULT_SECONDS[kind]).T
    work = float(np.exp(np.interp(math.log(count), counts, seconds)))
    return IMPORT_SECONDS + work * SLOWER_ENGINES.get(engine, 1.0)


def record_timing(request: ProjectionRequest, seconds: float) -> None:
    line = [request.kind, projection_engines.engine(request.kind), request.count, round(seconds, 2)]
    files.atomic_write(projections_dir() / "timings.json", json.dumps([*_timings(), line][-MAX_TIMINGS:]))
