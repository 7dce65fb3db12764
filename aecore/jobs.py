"""Jobs: training in processes of its own, so that a refreshed or closed page loses nothing.

Three calls: `submit`, `watch`, `cancel`. They write the ledger and ring for the foreman (`aecore.foreman`), the one
standing process of a runs folder, which gives the work to workers; those write the run's folder, and pages read it.
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
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from aecore import files, ledger, runs
from aecore.config import Config
from aecore.errors import UserError

ROOT = Path(__file__).resolve().parent.parent
LOOK = 0.2  # seconds between two looks at a run
SOMEBODY = "somebody"  # who asks when nobody says who


def submit(config: Config, device: str | None = None, person: str = SOMEBODY) -> bool:
    """Has a settled run trained, or gone on with, and returns at once. True when it is finished already or under way:
    nothing new starts, and the person shares it.
    """

    def there() -> bool:
        try:
            entry = runs.entry(config.id)
        except runs.UnknownRun:
            entry = None
        if entry is None or not (entry.finished or entry.moving):
            runs.Draft(config).ask()
            return False
        return True

    environment = {name: value for name, value in os.environ.items() if name.startswith("AECORE_")}
    if "AECORE_DATA" in environment:  # the foreman may stand in another folder
        environment["AECORE_DATA"] = os.path.abspath(environment["AECORE_DATA"])
    known = ledger.ask(config.id, config.to_json(), person, device, environment, there)
    if not known or ledger.job(config.id):  # those who asked for it first may have closed their laboratory
        open_laboratory()
        ring()
    return known


def watch(run: str) -> Iterator[runs.Entry]:
    """Where a run stands, again and again until it comes to rest; the last one says how."""
    while True:
        entry = runs.entry(run)
        yield entry
        if not entry.moving:
            return
        time.sleep(LOOK)


def cancel(run: str, person: str = SOMEBODY, order: runs.Order = "stop") -> int:
    """A person leaves a run. It stops (or pauses) when nobody else wants it, within a second and with its checkpoint
    kept; how many others still do. Raises UserError for somebody who has not asked for it.
    """
    entry = runs.entry(run)
    if not entry.config or not entry.moving:
        return 0
    wanted = ledger.wanted_by(run)
    if wanted and person not in wanted:
        raise UserError("Others asked for this run, so only they can stop it.")
    others, job = ledger.leave(run, person)
    if others:
        return others
    draft = runs.Draft(entry.config)
    if job and job.state == "waiting":
        draft.rest(order)
    else:
        draft.order(order)
        ring()
    return 0


# --- Whose turn it is -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Place:
    """Where a waiting run stands in the queue."""

    before: int  # runs that come first, those in training among them
    seconds: float | None  # until its turn; None when nothing is known that would tell


def place(run: str) -> Place:
    """How many runs a waiting one has before it, and about how long they take."""
    jobs, turns = ledger.jobs(), ledger.turns()
    ahead = turns[: turns.index(run)] if run in turns else []
    running = [job.run for job in jobs if job.state == "running"]
    foreman = ledger.foreman()
    lanes = [0.0] * max(1, (foreman and foreman.lanes) or 1)
    needed = [seconds_left(each) for each in [*running, *ahead]]
    if None in needed:
        return Place(len(needed), None)
    heapq.heapify(lanes)
    for seconds in needed:
        heapq.heappush(lanes, heapq.heappop(lanes) + (seconds or 0.0))
    return Place(len(needed), lanes[0] if needed else 0.0)


def seconds_left(run: str) -> float | None:
    """How long a run in the ledger has still to train: by its own pace, else by that of finished runs like it."""
    try:
        entry = runs.entry(run)
    except UserError:
        return None
    if entry.config is None:
        return None
    left = entry.progress.get("seconds_left")
    if left is not None and left < 1e8:
        return float(left)
    pace = _pace(entry.config.dataset, entry.config.network, int(time.time() / 10))
    return None if pace is None else pace * entry.config.epochs


@lru_cache(maxsize=64)
def _pace(dataset: str, network: str, now: int) -> float | None:
    """Seconds an epoch of finished runs on this data with this network, their median; looked up every ten seconds."""
    known = [
        entry.result["seconds"] / entry.config.epochs
        for entry in runs.entries()
        if entry.finished and entry.config and (entry.config.dataset, entry.config.network) == (dataset, network)
    ]
    return statistics.median(known) if known else None


# --- The laboratory and its foreman -----------------------------------------------------------------------------------


class Keeper(threading.Thread):
    """Keeps a foreman at work for one runs folder, as long as this process, a laboratory, lives."""

    EVERY = 2.0  # seconds

    def __init__(self, folder: Path) -> None:
        super().__init__(name=f"foreman of {folder}", daemon=True)
        self.folder, self.closed = folder, threading.Event()
        self.process: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        while not self.closed.wait(self.EVERY):
            with contextlib.suppress(UserError, OSError):  # a full disk, say: it may be mended
                self.look()

    def look(self) -> None:
        """Starts the foreman when there is none."""
        if self.process and self.process.poll() is None:
            return
        if not self.folder.exists() or ledger.foreman():
            return
        with open(self.folder / ".foreman.log", "ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aecore.foreman"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # a group of its own: Ctrl-C in the laboratory's terminal lets a running job finish
                start_new_session=True,
                env=os.environ | _environment(self.folder),
            )


def _environment(folder: Path) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {
        "AECORE_RUNS": str(folder.resolve()),
        "PYTHONPATH": os.pathsep.join(paths),
        # Threads that wait spin for a moment and then sleep: for ever, they would take the cores from whoever else
        # computes, pages included; not at all, and the many short waits of a step make it a quarter slower.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "20000"),
        # glibc keeps what a step frees for the next one: given back, large batches pay for their pages again and again
        "MALLOC_MMAP_THRESHOLD_": str(2**32 - 1),
        "MALLOC_TRIM_THRESHOLD_": str(2**32 - 1),
    }


_KEEPERS: dict[Path, Keeper] = {}
_LOCK = threading.Lock()


def open_laboratory() -> None:
    """Makes this process a laboratory: while it lives, its jobs are worked on. Starts the foreman when there is none,
    so that the first job does not wait for its imports.
    """
    folder = files.folder().resolve()
    with _LOCK:
        folder.mkdir(parents=True, exist_ok=True)
        ledger.open_laboratory()
        if folder not in _KEEPERS:
            _KEEPERS[folder] = Keeper(folder)
            _KEEPERS[folder].start()
        _KEEPERS[folder].look()


def close_laboratory() -> None:
    """This process is no laboratory any more; its running jobs go on, its waiting ones wait for the next."""
    with _LOCK:
        keeper = _KEEPERS.pop(files.folder().resolve(), None)
        if keeper:
            keeper.closed.set()
            ledger.close_laboratory()


def is_open() -> bool:
    """Whether a laboratory works on the runs of this folder."""
    return ledger.laboratories() > 0


def ring() -> None:
    """Tells the foreman that there is something to do; it looks by itself a little later when it does not hear."""
    foreman = ledger.foreman()
    if foreman:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"!", ("127.0.0.1", foreman.port))
