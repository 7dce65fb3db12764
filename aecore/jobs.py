"""Jobs: training in processes of its own, so that a refreshed or closed page loses nothing.

One standing process, started with the laboratory, has imported torch and waits; for each job it forks a worker (on
Windows and macOS it hands the job to a spare that has imported torch already), at most as many at a time as the machine
carries. The rest wait their turn. Workers write the run's folder; pages read it. This half, up to the dashes, imports
no torch.
"""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import traceback
import warnings
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aecore import runs
from aecore.config import Config

ROOT = Path(__file__).resolve().parent.parent


class Standing:
    """Our end of the standing process; it is started again when it has died."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.process: subprocess.Popen[str] | None = None

    def alive(self) -> subprocess.Popen[str]:
        with self.lock:
            if self.process is None or self.process.poll() is not None:
                self.process = subprocess.Popen(
                    [sys.executable, "-m", "aecore.jobs"],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    text=True,
                    # a group of its own: Ctrl-C in the laboratory's terminal lets a running job finish
                    start_new_session=True,
                    env=os.environ | self._environment(),
                )
            return self.process

    @staticmethod
    def _environment() -> dict[str, str]:
        paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        # threads that wait asleep: spinning ones take the cores from whoever else computes, pages included
        return {"PYTHONPATH": os.pathsep.join(paths), "OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}

    def send(self, job: dict[str, Any]) -> None:
        process = self.alive()
        with self.lock:
            assert process.stdin is not None
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()


_STANDING = Standing()


def warm() -> None:
    """Starts the standing process, so that the first job does not wait for its imports."""
    _STANDING.alive()


def submit(config: Config, device: str | None = None) -> bool:
    """Has a settled run trained, and returns at once. True when it is finished already or under way: nothing new
    starts.
    """
    try:
        entry = runs.entry(config.id)
        if entry.finished or entry.moving:
            return True
    except runs.UnknownRun:
        pass
    runs.Draft(config).wait(_STANDING.alive().pid)
    environment = {name: value for name, value in os.environ.items() if name.startswith("AECORE_")}
    _STANDING.send({"config": config.to_json(), "device": device, "environment": environment})
    return False


def cancel(run: str) -> None:
    """Asks a run to stop; its worker does so within about 0.2 s, and a waiting one never starts."""
    entry = runs.entry(run)
    if entry.config and entry.moving:
        draft = runs.Draft(entry.config)
        draft.ask_stop()
        if entry.state == "waiting":
            draft.say("stopped", reason="Stopped before its turn came.")


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def lanes() -> int:
    """How many runs train side by side: AECORE_WORKERS, else one for every two cores, four at most."""
    asked = os.environ.get("AECORE_WORKERS", "")
    return max(1, int(asked)) if asked.isdigit() else max(1, min(4, cores() // 2))


# --- The standing process -----------------------------------------------------------------------------------

Worker = Callable[[], bool]  # whether it has ended


def work(job: dict[str, Any]) -> None:
    """Does one job in this process. What goes wrong is in the run's state already; the log gets the traceback."""
    import torch

    from aecore.work import carry_out

    torch.set_num_threads(max(1, cores() // lanes()))
    os.environ.update(job["environment"])
    config = Config.from_json(job["config"])
    if runs.Draft(config).stop_asked or runs.entry(config.id).finished:  # asked for twice: done once
        return
    try:
        for _ in carry_out(config, job["device"]):
            pass
    except runs.AlreadyTraining:
        pass  # another laboratory was faster; its worker writes the folder that our page reads


def fork(job: dict[str, Any]) -> Worker:
    """A worker that starts with everything imported, 20 ms after the click."""
    with warnings.catch_warnings():
        # Python warns of forking with threads about; ours hold no locks, and the worker starts its own
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return lambda: os.waitpid(child, os.WNOHANG)[0] != 0
    code = 1
    try:
        work(job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


class Spares:
    """Where forking is unsafe or unknown: one process that has imported torch waits for the next job."""

    def __init__(self) -> None:
        self.spare = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen([sys.executable, "-m", "aecore.jobs", "spare"], stdin=subprocess.PIPE, text=True)

    def __call__(self, job: dict[str, Any]) -> Worker:
        busy, self.spare = self.spare, self._start()
        assert busy.stdin is not None
        busy.stdin.write(json.dumps(job) + "\n")
        busy.stdin.close()
        return lambda: busy.poll() is not None


def stand(start: Callable[[dict[str, Any]], Worker]) -> None:
    """Takes jobs from standard input, one JSON line each, until it closes and all are done."""
    arrived: queue.SimpleQueue[str] = queue.SimpleQueue()

    def read() -> None:
        for line in sys.stdin:
            arrived.put(line)
        arrived.put("")

    threading.Thread(target=read, daemon=True).start()
    waiting: deque[dict[str, Any]] = deque()
    running: list[Worker] = []
    open_, most = True, lanes()
    while open_ or waiting or running:
        try:
            # asleep until something arrives; while workers run, look after them now and then
            line = arrived.get(timeout=0.05 if running or not open_ else None)
            open_ = open_ and line != ""
            waiting.extend([json.loads(line)] if line else [])
        except queue.Empty:
            pass
        running = [worker for worker in running if not worker()]
        while waiting and len(running) < most:
            running.append(start(waiting.popleft()))


def warm_up() -> None:
    """Imports what a job needs. Only imports: forking needs that nothing was computed before."""
    import sklearn.datasets  # noqa: F401  the digits
    import torch._dynamo  # noqa: F401  torch's optimisers import it when first made, for two seconds

    import aecore.work  # noqa: F401


def main() -> None:
    if sys.argv[1:] == ["spare"]:
        warm_up()
        line = sys.stdin.readline()
        if line:
            work(json.loads(line))
    elif sys.argv[1:] == ["spares"] or not hasattr(os, "fork") or sys.platform == "darwin":
        stand(Spares())
    else:
        warm_up()
        stand(fork)


if __name__ == "__main__":
    main()
