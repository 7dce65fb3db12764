"""What can be added without changing aecore: each toy is all that such an addition needs (docs/architecture.md)."""

import threading
import time

import pytest

from aecore import limits
from aecore.jobs import api, executors, scheduler
from aecore.jobs.executors import Task
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import processes_table, queue, runs

TINY = resolve_config(presets.default_config("digits", family="vanilla", hidden=(8,), epochs=2))


# --- An executor ------------------------------------------------------------------------------------------------------


class Threads:
    """Does tasks in threads of this process: nothing but the protocol of `aecore.jobs.executors`."""

    name = "threads"

    def __init__(self, warm: bool = False) -> None:
        self.threads: dict[str, threading.Thread] = {}

    def start(self, task: Task) -> str:
        handle = f"thread {len(self.threads)}"
        self.threads[handle] = threading.Thread(target=task.call, args=(self.name, handle), daemon=True)
        self.threads[handle].start()
        return handle

    def poll(self, handle: str) -> str | None:
        return None if handle in self.threads and self.threads[handle].is_alive() else "ended"

    def kill(self, handle: str) -> None:
        """A thread cannot be ended: it hears the command at its next report."""

    def capacity(self) -> int:
        return 1


@pytest.fixture
def threads(monkeypatch, tmp_path) -> Threads:
    """A runs folder with a server, whose jobs threads of this process do."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setitem(executors.EXECUTORS, "threads", Threads)
    monkeypatch.setattr(limits, "cores", lambda: 1)  # a thread that trains changes how many threads torch has here
    monkeypatch.setattr(api, "register_server", processes_table.register_server)  # starts no process
    return Threads()


def _until_done(standing: scheduler.Scheduler) -> None:
    deadline = time.monotonic() + 60
    while queue.jobs():
        assert time.monotonic() < deadline, "waited in vain"
        standing.tick()
        time.sleep(0.01)


def test_an_executor_trains_a_run_and_hears_its_stop(threads):
    assert processes_table.acquire_leadership(9)
    standing = scheduler.Scheduler(threads)
    assert api.submit(TINY).created
    standing.tick()
    assert [(worker.executor, worker.handle) for worker in standing.workers] == [("threads", "thread 0")]
    _until_done(standing)
    assert runs.entry(TINY.id).finished and [line["epoch"] for line in runs.history(TINY.id)] == [1, 2]

    long = resolve_config(presets.default_config("digits", family="vanilla", hidden=(8,), epochs=1000, batch_size=8))
    api.submit(long)
    while not runs.entry(long.id).progress.get("step"):
        standing.tick()
        time.sleep(0.01)
    job = queue.job(long.id)
    assert (job.executor, job.handle) == ("threads", "thread 1") and runs.read_state(long.id)["handle"] == "thread 1"
    api.cancel(long.id)
    _until_done(standing)
    assert runs.entry(long.id).state == "stopped" and runs.entry(long.id).has_checkpoint
