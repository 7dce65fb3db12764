"""What the executors of this machine share: a task in a process of its own, whose handle is `<pid>:<start time>`."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from aecore import files, limits, system
from aecore.jobs.executors import Task

ROOT = Path(__file__).resolve().parents[3]


def process_handle(pid: int | None = None) -> str:
    """The handle of a process (this one, when none is named). psutil.NoSuchProcess when there is none."""
    pid = os.getpid() if pid is None else pid
    return f"{pid}:{system.start_time(pid)}"


def parse_handle(handle: str) -> tuple[int, float]:
    """(pid, start time) of a handle; (-1, 0) for what is none: no process has that number."""
    pid, _, started = handle.partition(":")
    try:
        return int(pid), float(started)
    except ValueError:
        return -1, 0.0


def python_path() -> dict[str, str]:
    """The environment variable by which a new Python finds aecore, whatever folder it starts in."""
    return {"PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}


def exit_message(code: int) -> str:
    """How a process ended that returned `code` (negative: the signal that killed it)."""
    if code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    why = ", which the system does when memory runs out" if name == "SIGKILL" else ""
    return f"was killed ({name}{why})"


class ProcessExecutor:
    """Polls and kills by handle. Of its own children it hears how they ended; of other processes only that they did."""

    def __init__(self) -> None:
        self._children: dict[str, Callable[[], int | None]] = {}  # handle -> exit code, None while it runs

    def poll(self, handle: str) -> str | None:
        if handle in self._children:
            code = self._children[handle]()
            return None if code is None else exit_message(code)
        return None if system.is_alive(*parse_handle(handle)) else "ended"

    def kill(self, handle: str) -> None:
        if system.is_alive(*parse_handle(handle)):
            with contextlib.suppress(psutil.Error):
                psutil.Process(parse_handle(handle)[0]).kill()

    def capacity(self) -> int:
        return limits.training_slots()


def preload() -> None:
    """Imports what a training needs. Only imports: forking needs that nothing was computed before."""
    import sklearn.datasets
    import sklearn.decomposition  # noqa: F401  what a finished model is compared with
    import torch._dynamo  # noqa: F401  torch's optimisers import it when first made, for two seconds

    import aecore.jobs.worker  # noqa: F401


def run_in_process(task: Task, executor: str) -> None:
    """Does a task in this process, which is there for nothing else; what it prints goes to the task's log."""
    os.environ.update(task.environment)
    if task.log:
        with files.open_append(Path(task.log)) as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
    faulthandler.enable()  # says where, when the processor gives up
    if task.oom_score:
        system.raise_oom_score(task.oom_score)
    if task.niceness:
        system.lower_priority(task.niceness)
    try:
        task.call(executor, process_handle())
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
