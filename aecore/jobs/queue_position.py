"""Where a waiting run stands in the queue, and how long runs take: estimates, for showing."""

from __future__ import annotations

import heapq
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aecore.config import total_epochs
from aecore.errors import UserError
from aecore.jobs import run_times
from aecore.store import database_snapshot, processes_table, runs

CACHE_SECONDS = 0.5  # seconds for which what was worked out about the queue is good
HANDOVER_SECONDS = 1.5  # seconds from a finished run to the next one's worker: codes for its maps, and being noticed
MAX_INSPECTED = 100  # runs of the queue, from its head, whose folders are asked how long they take


@dataclass(frozen=True)
class QueuePosition:
    """Where a waiting run stands in the queue."""

    ahead: int  # runs that come first, those in training among them
    seconds: float | None  # until its turn; None when nothing is known that would tell


def position(run: str) -> QueuePosition:
    """How many runs a waiting one has before it, and about how long they take."""
    known = database_snapshot.cached_snapshot()
    running = sum(job.state == "running" for job in known.jobs.values())
    return _queue_positions(known, time.monotonic() // CACHE_SECONDS).get(run, QueuePosition(running, None))


@lru_cache(maxsize=1)
def _queue_positions(snapshot: database_snapshot.Snapshot, now: float) -> Mapping[str, QueuePosition]:
    """Where everything stands that waits: worked out once for all who ask within a moment."""
    running = [job for job in snapshot.jobs.values() if job.state == "running"]
    scheduler = processes_table.scheduler_process(snapshot)
    slots = [0.0] * max(1, (scheduler and scheduler.slots) or 1)
    clear = True  # whether it is known how long all those before take
    for job in running:
        clear = _take_slot(slots, seconds_left(job.run)) and clear
    found = {}
    for before, (run, _) in enumerate(snapshot.order, len(running)):
        found[run] = QueuePosition(before, (slots[0] if before else 0.0) if clear else None)
        look = before < len(running) + MAX_INSPECTED
        clear = _take_slot(slots, seconds_left(run) if look else _typical_seconds(snapshot.jobs[run].config)) and clear
    return found


def _take_slot(slots: list[float], seconds: float | None) -> bool:
    """Puts a run that takes so long into the slot that is free first; False when nobody knows how long."""
    heapq.heappush(slots, heapq.heappop(slots) + (seconds or 0.0))
    return seconds is not None


def seconds_left(run: str) -> float | None:
    """How long a run has still to go until the next one can begin: by its own pace, else by that of finished runs like
    it."""
    try:
        entry = runs.entry(run)
    except UserError:
        return None
    if entry.finished:  # its worker has yet to leave
        return HANDOVER_SECONDS
    left = entry.progress.get("seconds_left")
    if left is None or left >= 1e8:
        left = _typical_seconds(entry.config.to_json()) if entry.config else None
    if left is None:
        return None
    age = time.time() - entry.created if entry.state == "training" else 0.0  # of what it said last
    return max(1.0, left - max(0.0, age)) + HANDOVER_SECONDS


def _typical_seconds(config: Mapping[str, Any]) -> float | None:
    """How long runs with such settings take, from the start of the worker; None when none has been finished here."""
    known, epochs = run_times.expected(config), config.get("epochs")
    if known is None or not isinstance(epochs, int):
        return None
    return known.total(total_epochs(epochs, str(config.get("learned_prior", "none"))))
