"""Servers and the scheduler: a process that wants jobs done registers here, and keeps one scheduler at work."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import threading

from aecore import disk, files
from aecore.disk import Store
from aecore.errors import UserError
from aecore.jobs.executors.process import ROOT as ROOT
from aecore.jobs.executors.process import python_path
from aecore.store import database_snapshot, processes_table, recovery


class SchedulerSupervisor(threading.Thread):
    """Keeps a scheduler at work for one runs folder, as long as this process, a server, lives. What hinders it stands
    in `error`, and is tried again."""

    INTERVAL = 2.0  # seconds

    def __init__(self, store: Store) -> None:
        super().__init__(name=f"supervisor of {store.root}", daemon=True)
        self.store, self.stop_event = store, threading.Event()
        self.process: subprocess.Popen[bytes] | None = None
        self.error = ""

    def run(self) -> None:
        while not self.stop_event.wait(self.INTERVAL):
            self.check()

    def check(self) -> None:
        """Does what has to be done for jobs to be worked on: mends the database, holds back some room on the disk, and
        starts the scheduler when there is none."""
        # whoever deleted the folder wants no scheduler for it, and whoever names another one by now looks after that
        if not self.store.root.exists() or _store() != self.store:
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
        """Starts the scheduler when there is none, or none that gives signs of life."""
        leader = processes_table.scheduler_process()
        if leader or (self.process and self.process.poll() is None and not self._unresponsive()):
            return
        with files.open_append(self.store.root / ".scheduler.log") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "aecore.jobs.scheduler"],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=log,
                # a group of its own: Ctrl-C in the laboratory's terminal lets a running job finish
                start_new_session=True,
                env=os.environ | _environment(self.store),
            )

    def _unresponsive(self) -> bool:
        """Whether our own scheduler leads and gives no sign of life (one that does not lead yet is about to)."""
        assert self.process
        return any(
            each.pid == self.process.pid and each.role == "scheduler" for each in database_snapshot.snapshot().processes
        )


def _environment(store: Store) -> dict[str, str]:
    return {
        **store.environment(),
        **python_path(),
        # Threads that wait spin for a moment and then sleep: for ever, they would take the cores from whoever else
        # computes, pages included; not at all, and the many short waits of a step make it a quarter slower.
        "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE"),
        "GOMP_SPINCOUNT": os.environ.get("GOMP_SPINCOUNT", "20000"),
        # glibc keeps what a step frees for the next one: given back, large batches pay for their pages again and again
        "MALLOC_MMAP_THRESHOLD_": str(2**32 - 1),
        "MALLOC_TRIM_THRESHOLD_": str(2**32 - 1),
    }


_SUPERVISORS: dict[Store, SchedulerSupervisor] = {}
_LOCK = threading.Lock()


def _store() -> Store:
    """The store in use, by one name however it is written."""
    return Store(disk.runs_dir().resolve())


def register_server() -> None:
    """Makes this process a server: while it lives, its jobs are worked on. Starts the scheduler when there is none,
    so that the first job does not wait for its imports.
    """
    store = _store()
    with _LOCK:
        if store not in _SUPERVISORS:
            with contextlib.suppress(OSError):  # the supervisor says so, and tries again
                store.root.mkdir(parents=True, exist_ok=True)
            _SUPERVISORS[store] = SchedulerSupervisor(store)
            _SUPERVISORS[store].start()
        _SUPERVISORS[store].check()


def service_error() -> str:
    """What keeps this server from working on its jobs, in a sentence; empty when nothing does."""
    supervisor = _SUPERVISORS.get(_store())
    return disk.runs_dir_error() or (supervisor.error if supervisor else "")


def unregister_server() -> None:
    """This process is no server any more; its running jobs go on, its waiting ones wait for the next."""
    with _LOCK:
        supervisor = _SUPERVISORS.pop(_store(), None)
        if supervisor:
            supervisor.stop_event.set()
            with contextlib.suppress(UserError):  # whoever looks next finds this process dead, or gone from the folder
                processes_table.unregister_server()


def has_active_server() -> bool:
    """Whether a server works on the runs of this folder."""
    return processes_table.active_servers() > 0


def notify_scheduler() -> None:
    """Tells the scheduler that there is something to do; it looks by itself a little later when it does not hear."""
    scheduler = processes_table.scheduler_process()
    if scheduler:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as wake:
            wake.sendto(b"!", ("127.0.0.1", scheduler.port))
