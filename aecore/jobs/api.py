"""Jobs: training in processes of its own, so that a refreshed or closed page loses nothing.

Three calls: `submit`, `watch`, `cancel`. They write the ledger and ring for the foreman (`aecore.jobs.scheduler`), the
one standing process of a runs folder, which gives the work to workers; those write the run's folder, and pages read it.
Another executor would stand behind the same three calls. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import heapq
import os
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aecore import disk, files
from aecore.config import Config
from aecore.errors import UserError
from aecore.store import database_snapshot, permissions, processes_table, queue, recovery, runs, trash

ROOT = Path(__file__).resolve().parents[2]
POLL = 0.2  # seconds between two looks at a run
ANONYMOUS = "anonymous"  # who asks when nobody says who
CACHE_SECONDS = 0.5  # seconds for which what was worked out about the queue is good
MAX_INSPECTED = 100  # runs of the queue, from its head, whose folders are asked how long they take


def submit(config: Config, device: str | None = None, user: str = ANONYMOUS) -> bool:
    """Has a settled run trained, or gone on with, and returns at once. True when it is finished already or under way:
    nothing new starts, and the person shares it. Raises UserError when the disk is full, or too much waits already.
    """

    def there() -> bool:
        try:
            entry = runs.entry(config.id)
        except runs.UnknownRun:
            entry = None
        if entry is None or not (entry.finished or entry.active):
            runs.RunWriter(config).request()
            return False
        return True

    environment = {name: value for name, value in os.environ.items() if name.startswith("AECORE_")}
    if "AECORE_DATA" in environment:  # the foreman may stand in another folder
        environment["AECORE_DATA"] = os.path.abspath(environment["AECORE_DATA"])
    with disk.user_errors("This run cannot be kept"):
        known = queue.enqueue(config.id, config.to_json(), user, device, environment, there)
    if not known:
        trash.save_label(config.id)
    if not known or queue.job(config.id):  # those who asked for it first may have closed their laboratory
        register_server()
        notify_scheduler()
    return known


def watch(run: str) -> Iterator[runs.RunInfo]:
    """Where a run stands, again and again until it comes to rest; the last one says how."""
    while True:
        entry = runs.entry(run)
        yield entry
        if not entry.active:
            return
        time.sleep(POLL)


def cancel(run: str, user: str = ANONYMOUS, command: runs.Command = "stop") -> int:
    """A person leaves a run. It stops (or pauses) when nobody else wants it, within a second and with its checkpoint
    kept; how many others still do. Raises UserError for somebody who has not asked for it.
    """
    entry = runs.entry(run)
    if not entry.config or not entry.active:
        return 0
    permissions.check(command, permissions.request_for_run(run, user), run)
    others, job = queue.withdraw(run, user)
    if others:
        return others
    with disk.user_errors("The order cannot be given"):
        draft = runs.RunWriter(entry.config)
        if job and job.state == "waiting":
            draft.set_stopped(command)
        else:
            draft.send_command(command)
            notify_scheduler()
    return 0


# --- Whose turn it is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class QueuePosition:
    """Where a waiting run stands in the queue."""

    ahead: int  # runs that come first, those in training among them
    seconds: float | None  # until its turn; None when nothing is known that would tell


def queue_position(run: str) -> QueuePosition:
    """How many runs a waiting one has before it, and about how long they take."""
    known = database_snapshot.cached_snapshot()
    running = sum(job.state == "running" for job in known.jobs.values())
    return _queue_positions(known, time.monotonic() // CACHE_SECONDS).get(run, QueuePosition(running, None))


@lru_cache(maxsize=1)
def _queue_positions(snapshot: database_snapshot.Snapshot, now: float) -> Mapping[str, QueuePosition]:
    """Where everything stands that waits: worked out once for all who ask within a moment."""
    running = [job for job in snapshot.jobs.values() if job.state == "running"]
    foreman = processes_table.scheduler_process(snapshot)
    lanes = [0.0] * max(1, (foreman and foreman.slots) or 1)
    clear = True  # whether it is known how long all those before take
    for job in running:
        clear = _take_slot(lanes, seconds_left(job.run)) and clear
    found = {}
    for before, (run, _) in enumerate(snapshot.order, len(running)):
        found[run] = QueuePosition(before, (lanes[0] if before else 0.0) if clear else None)
        look = before < len(running) + MAX_INSPECTED
        clear = _take_slot(lanes, seconds_left(run) if look else _typical_seconds(snapshot.jobs[run].config)) and clear
    return found


def _take_slot(slots: list[float], seconds: float | None) -> bool:
    """Puts a run that takes so long into the lane that is free first; False when nobody knows how long."""
    heapq.heappush(slots, heapq.heappop(slots) + (seconds or 0.0))
    return seconds is not None


def seconds_left(run: str) -> float | None:
    """How long a run has still to train: by its own pace, else by that of finished runs like it."""
    try:
        entry = runs.entry(run)
    except UserError:
        return None
    left = entry.progress.get("seconds_left")
    if left is not None and left < 1e8:
        return float(left)
    return _typical_seconds(entry.config.to_json()) if entry.config else None


def _typical_seconds(config: Mapping[str, Any]) -> float | None:
    """How long runs with such settings take; None when none has been finished here."""
    pace = _seconds_per_epoch(int(time.monotonic() / 10)).get((str(config.get("dataset")), str(config.get("network"))))
    epochs = config.get("epochs")
    return pace * epochs if pace is not None and isinstance(epochs, int) else None


@lru_cache(maxsize=1)
def _seconds_per_epoch(now: int) -> Mapping[tuple[str, str], float]:
    """Seconds an epoch of the finished runs on each data set with each network, their median; looked up every ten
    seconds."""
    known: dict[tuple[str, str], list[float]] = {}
    for entry in runs.entries():
        if entry.finished and entry.config:
            key = entry.config.dataset, entry.config.network
            known.setdefault(key, []).append(entry.result["seconds"] / entry.config.epochs)
    return {key: statistics.median(paces) for key, paces in known.items()}


# --- The laboratory and its foreman -----------------------------------------------------------------------------------


class SchedulerSupervisor(threading.Thread):
    """Keeps a foreman at work for one runs folder, as long as this process, a laboratory, lives. What hinders it stands
    in `trouble`, and is tried again."""

    INTERVAL = 2.0  # seconds

    def __init__(self, runs_dir: Path) -> None:
        super().__init__(name=f"foreman of {runs_dir}", daemon=True)
        self.runs_dir, self.stop_event = runs_dir, threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.error = ""

    def run(self) -> None:
        while not self.stop_event.wait(self.INTERVAL):
            self.check()

    def check(self) -> None:
        """Does what has to be done for jobs to be worked on: mends the database, holds back some room on the disk, and
        starts the foreman when there is none."""
        # whoever deleted the folder wants no foreman for it, and whoever names another one by now looks after that
        if not self.runs_dir.exists() or files.runs_dir().resolve() != self.runs_dir:
            return
        try:
            with disk.user_errors("The laboratory cannot be opened"):
                recovery.recover_if_damaged()
                processes_table.register_server()
                disk.create_reserve()
                self.start_scheduler()
            self.error = ""
        except UserError as error:  # a full disk, say: it may be mended
            self.error = str(error)

    def start_scheduler(self) -> None:
        """Starts the foreman when there is none, or none that gives signs of life."""
        there = processes_table.scheduler_process()
        if there or (self.process and self.process.poll() is None and not self._unresponsive()):
            return
        with files.open_append(self.runs_dir / ".scheduler.log") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aecore.jobs.scheduler"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # a group of its own: Ctrl-C in the laboratory's terminal lets a running job finish
                start_new_session=True,
                env=os.environ | _environment(self.runs_dir),
            )

    def _unresponsive(self) -> bool:
        """Whether our own foreman leads and gives no sign of life (one that does not lead yet is about to)."""
        assert self.process
        return any(
            each.pid == self.process.pid and each.role == "scheduler" for each in database_snapshot.snapshot().processes
        )


def _environment(runs_dir: Path) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "AECORE_RUNS": str(runs_dir.resolve()),
        "PYTHONPATH": os.pathsep.join(paths),
        # Threads that wait spin for a moment and then sleep: for ever, they would take the cores from whoever else
        # computes, pages included; not at all, and the many short waits of a step make it a quarter slower.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "20000"),
        # glibc keeps what a step frees for the next one: given back, large batches pay for their pages again and again
        "MALLOC_MMAP_THRESHOLD_": str(2**32 - 1),
        "MALLOC_TRIM_THRESHOLD_": str(2**32 - 1),
    }


_SUPERVISORS: dict[Path, SchedulerSupervisor] = {}
_LOCK = threading.Lock()


def register_server() -> None:
    """Makes this process a laboratory: while it lives, its jobs are worked on. Starts the foreman when there is none,
    so that the first job does not wait for its imports.
    """
    folder = files.runs_dir().resolve()
    with _LOCK:
        if folder not in _SUPERVISORS:
            with contextlib.suppress(OSError):  # the keeper says so, and tries again
                folder.mkdir(parents=True, exist_ok=True)
            _SUPERVISORS[folder] = SchedulerSupervisor(folder)
            _SUPERVISORS[folder].start()
        _SUPERVISORS[folder].check()


def service_error() -> str:
    """What keeps this laboratory from working on its jobs, in a sentence; empty when nothing does."""
    keeper = _SUPERVISORS.get(files.runs_dir().resolve())
    return disk.runs_dir_error() or (keeper.error if keeper else "")


def unregister_server() -> None:
    """This process is no laboratory any more; its running jobs go on, its waiting ones wait for the next."""
    with _LOCK:
        keeper = _SUPERVISORS.pop(files.runs_dir().resolve(), None)
        if keeper:
            keeper.stop_event.set()
            with contextlib.suppress(UserError):  # whoever looks next finds this process dead, or gone from the folder
                processes_table.unregister_server()


def has_active_server() -> bool:
    """Whether a laboratory works on the runs of this folder."""
    return processes_table.active_servers() > 0


def notify_scheduler() -> None:
    """Tells the foreman that there is something to do; it looks by itself a little later when it does not hear."""
    foreman = processes_table.scheduler_process()
    if foreman:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"!", ("127.0.0.1", foreman.port))
