"""Fork: a worker starts with everything imported, 20 ms after the click. The process that forks may never compute."""

from __future__ import annotations

import os
import signal
import traceback
import warnings

from aecore.jobs.executors import Task
from aecore.jobs.executors.process import ProcessExecutor, preload, process_handle, run_in_process


class ForkExecutor(ProcessExecutor):
    """Each task in a fork of this process. `warm`: with what a training imports imported before."""

    name = "fork"

    def __init__(self, warm: bool) -> None:
        super().__init__()
        if warm:
            preload()

    def start(self, task: Task) -> str:
        with warnings.catch_warnings():
            # Python warns of forking with threads about; ours hold no locks, and the worker starts its own
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if not pid:
            _run_and_exit(task, self.name)
        handle = process_handle(pid)
        self._children[handle] = _ForkedChild(pid).poll
        return handle


def _run_and_exit(task: Task, executor: str) -> None:
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        run_in_process(task, executor)
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class _ForkedChild:
    """A child of this process; its end can be heard only once, so it is kept."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.code: int | None = None

    def poll(self) -> int | None:
        if self.code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.code = os.waitstatus_to_exitcode(status) if pid else None
        return self.code
