"""The foreman: the one standing process of a runs folder, `python -m aecore.jobs.scheduler`. It gives jobs to workers.

It has imported torch and waits; for each job it forks a worker (on Windows and macOS it hands the job to a spare that
has imported torch already), at most as many at a time as the machine carries. It never computes: a process that has
cannot be forked safely. Jobs, and who works on them, stand in the ledger: a new foreman takes over where the last left.
"""

from __future__ import annotations

import contextlib
import dataclasses
import faulthandler
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil

from aecore import files, system
from aecore.config import Config
from aecore.errors import UserError
from aecore.limits import cores as cores
from aecore.limits import gpus as gpus
from aecore.limits import lanes as lanes
from aecore.store import queue, recovery, runs

HASTY, BUSY, IDLE = 0.1, 0.5, 2.0  # seconds until it looks by itself: for an order, while workers run, and else
PATIENCE = 0.6  # seconds that a worker has to follow an order by itself
DEATHS = 2  # of workers in a row, with no new checkpoint between, until a run counts as failed

Ended = Callable[[], str | None]  # how a process ended, in words; None while it runs


# --- In the worker ----------------------------------------------------------------------------------------------------


def work(job: dict[str, Any]) -> None:
    """Does one job in this process. What goes wrong is in the run's state already; the log gets the traceback."""
    os.environ.update(job["environment"])
    import torch

    from aecore.jobs.worker import carry_out

    torch.set_num_threads(job["threads"])
    config = Config.from_json(job["config"])
    if not queue.enlist(job["run"]):  # another worker, which a dead foreman started and did not note
        return
    while True:
        try:
            # not a run that whoever had it before has brought to rest, by an order that this worker has not seen
            for _ in carry_out(config, job["device"], resume=False, wait_for_room=True):
                pass
            return
        except runs.AlreadyTraining:  # the command line: it may die before it is done
            time.sleep(HASTY)


def alone(job: dict[str, Any]) -> None:
    """`work`, with what it prints in the run's log."""
    with files.appending(runs.path(job["run"]) / "log.txt") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    faulthandler.enable()  # says where, when the processor gives up
    system.ends_first(system.TRAINING)
    try:
        work(job)
    except UserError:
        pass  # said to people in the run's state
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _words(code: int) -> str:
    """How a process ended that returned `code` (negative: the signal that killed it)."""
    if code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    why = ", which the system does when memory runs out" if name == "SIGKILL" else ""
    return f"was killed ({name}{why})"


# --- Starting one -----------------------------------------------------------------------------------------------------


def fork(job: dict[str, Any]) -> tuple[int, Ended]:
    """A worker that starts with everything imported, 20 ms after the click."""
    with warnings.catch_warnings():
        # Python warns of forking with threads about; ours hold no locks, and the worker starts its own
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child, Forked(child).ended
    code = 1
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        alone(job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


@dataclass
class Forked:
    """A child of this process; its end can be heard only once, so it is kept."""

    pid: int
    how: str | None = None

    def ended(self) -> str | None:
        if self.how is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.how = _words(os.waitstatus_to_exitcode(status)) if pid else None
        return self.how


class Spares:
    """Where forking is unsafe or unknown: one process that has imported torch waits for the next job."""

    def __init__(self) -> None:
        self.spare = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "aecore.jobs.scheduler", "spare"], stdin=subprocess.PIPE, text=True
        )

    def __call__(self, job: dict[str, Any]) -> tuple[int, Ended]:
        busy, self.spare = self.spare, self._start()
        assert busy.stdin is not None
        busy.stdin.write(json.dumps(job) + "\n")
        busy.stdin.close()

        def ended() -> str | None:
            code = busy.poll()
            return None if code is None else _words(code)

        return busy.pid, ended

    def close(self) -> None:
        assert self.spare.stdin is not None
        self.spare.stdin.close()


Start = Callable[[dict[str, Any]], tuple[int, Ended]]


# --- The foreman ------------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """A process at work on a job."""

    job: queue.Job
    pid: int
    ended: Ended
    lane: int
    ordered: float | None = None  # when an order to come to rest was first seen (time.monotonic)


class Foreman:
    """Looks after one runs folder."""

    def __init__(self, start: Start, lanes: int, gpus: int) -> None:
        self.start, self.lanes, self.gpus = start, lanes, gpus
        self.workers: list[Worker] = []
        self.hasty = False  # whether somebody waits for a worker to come to rest

    def look(self) -> bool:
        """Looks after everything once; whether there is still something to look after. Raises Superseded when another
        process leads by now: this one was frozen for too long."""
        queue.beat()
        if not queue.leads():
            raise queue.Superseded("Another process leads this folder now.")
        self.adopt()
        self.hasty = False
        for worker in list(self.workers):
            self.hurry(worker)
            how = worker.ended()
            if how is not None:
                self.workers.remove(worker)
                self.settle(worker.job, how, worker.lane)
        if queue.laboratories():
            while len(self.workers) < self.lanes and (job := queue.claim(leader=True)):
                self.employ(job, self.free_lane())
        return bool(self.workers) or not queue.resign()

    def adopt(self) -> None:
        """Takes over the jobs of a foreman before this one: their workers go on, or have died meanwhile."""
        ours = {worker.job.run for worker in self.workers}
        for job in [job for job in queue.jobs() if job.state == "running" and job.run not in ours]:
            if job.pid is None and (found := _trains(job.run)):  # begun, and not noted
                job = dataclasses.replace(job, pid=found[0], born=found[1])
                queue.started(job.run, *found)
            if job.pid is None:  # claimed, and never begun
                self.employ(job, self.free_lane())
            else:
                self.workers.append(Worker(job, job.pid, partial(_ended, job), self.free_lane()))

    def free_lane(self) -> int:
        taken = {worker.lane for worker in self.workers}
        return next(lane for lane in range(len(taken) + 1) if lane not in taken)

    def employ(self, job: queue.Job, lane: int) -> None:
        """Starts a worker. What the ledger or the disk refuses is tried again at the next look."""
        environment = {name: value for name, value in job.environment.items() if name != "AECORE_RUNS"}
        if self.gpus > 1:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
            visible = visible if len(visible) == self.gpus else [str(number) for number in range(self.gpus)]
            environment["CUDA_VISIBLE_DEVICES"] = visible[lane % self.gpus]
        try:
            config = Config.from_json(dict(job.config))
        except UserError:  # of another version: it must not keep the others from their turns
            queue.rested(job.run, leader=True)
            return
        draft = runs.Draft(config)
        if draft.said in runs.RESTS.values():  # an earlier rest must not be taken for this worker's
            draft.say("waiting", reason="")
        told = {
            "run": job.run,
            "config": dict(job.config),
            "device": job.device,
            "environment": environment,
            "threads": max(1, cores() // self.lanes),
        }
        pid, ended = self.start(told)
        self.workers.append(Worker(job, pid, ended, lane))

    def hurry(self, worker: Worker) -> None:
        """Ends a worker that does not follow its order; what it did since its last checkpoint is done again later."""
        draft = runs.Draft(Config.from_json(dict(worker.job.config)))
        given = draft.ordered
        self.hasty = self.hasty or given is not None
        worker.ordered = (worker.ordered or time.monotonic()) if given else None
        if worker.ordered and time.monotonic() - worker.ordered > PATIENCE and worker.ended() is None:
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(worker.pid).kill()  # its end is heard by `ended`: a child's can be heard only once

    def settle(self, job: queue.Job, how: str, lane: int) -> None:
        """A worker has ended: with its run at rest, or before."""
        now = queue.job(job.run)
        if now and now.pid not in (None, job.pid) and system.alive(now.pid, now.born):  # another one was there first
            return
        draft = runs.Draft(Config.from_json(dict(job.config)))
        said = draft.said
        if said in ("finished", "failed"):
            if said == "finished":
                draft.tidy()  # it may have died in doing so
            queue.rested(job.run, leader=True)
        elif said in ("stopped", "paused"):
            queue.rested(job.run, again=True, leader=True)
        elif given := draft.ordered:
            draft.rest(given[0])
            queue.rested(job.run, again=True, leader=True)
        else:
            self.mourn(job, draft, how, lane)

    def mourn(self, job: queue.Job, draft: runs.Draft, how: str, lane: int) -> None:
        """A worker died: another one goes on from the checkpoint, unless that has just been tried."""
        mark = draft.mark()
        deaths = queue.died(job.run, mark, leader=True)
        if deaths >= DEATHS:
            log = draft.log()
            more = ": the log says more." if log.strip() else ", and printed nothing."
            draft.say("failed", reason=f"Its process {how}, twice in a row{more}", log=log)
            queue.rested(job.run, leader=True)
        else:
            on = "goes on from the last checkpoint" if mark else "starts over, for there is no checkpoint yet"
            draft.say("training", reason=f"Its process {how}; another one {on}.")
            self.employ(dataclasses.replace(job, pid=None), lane)


def _ended(job: queue.Job) -> str | None:
    """How the worker of an earlier foreman ended: nobody heard."""
    return None if system.alive(job.pid, job.born) else "ended"


def _trains(run: str) -> tuple[int, float] | None:
    """The process that trains a run, as the run itself says; None when none that lives does."""
    said = runs.kept_state(run)
    pid, born = said.get("pid"), said.get("born")
    if said.get("state") != "training" or pid == os.getpid() or not system.alive(pid, born):
        return None
    return int(pid or 0), float(born or 0)


class Bell:
    """What the foreman hears: a byte on a port of this machine, or the end of a child."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, lambda *_: self.ring())

    def ring(self) -> None:
        self.socket.sendto(b"!", ("127.0.0.1", self.port))

    def wait(self, seconds: float) -> None:
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self.socket.recv(16)
            self.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while self.socket.recv(16):  # rung more than once: looked once
                    pass


def stand(start: Callable[[], Start]) -> None:
    """Works until no laboratory is open and no job running. Only one process does so for a folder."""
    bell = Bell()
    if not queue.lead(bell.port):
        return
    begin = start()
    count = gpus()
    foreman = Foreman(begin, lanes(), count)
    queue.carries(foreman.lanes)
    busy = True
    while busy:
        try:
            busy = foreman.look()
        except queue.Superseded:  # its workers go on, as those of the one that leads now
            break
        except (UserError, OSError):  # the disk is full, say: nothing is lost, and it may be mended
            traceback.print_exc()
            time.sleep(1)
            with contextlib.suppress(UserError, OSError):
                recovery.mend()
        if busy:
            bell.wait(HASTY if foreman.hasty else BUSY if foreman.workers else IDLE)
    if isinstance(begin, Spares):
        begin.close()


def warm_up() -> None:
    """Imports what a job needs. Only imports: forking needs that nothing was computed before."""
    import sklearn.datasets
    import sklearn.decomposition  # noqa: F401  what a finished model is compared with
    import torch._dynamo  # noqa: F401  torch's optimisers import it when first made, for two seconds

    import aecore.jobs.worker  # noqa: F401


def forking() -> Start:
    warm_up()
    return fork


def main() -> None:
    if sys.argv[1:] == ["spare"]:
        warm_up()
        line = sys.stdin.readline()
        if line:
            alone(json.loads(line))
    elif sys.argv[1:] == ["spares"] or not hasattr(os, "fork") or sys.platform == "darwin":
        stand(Spares)
    else:
        stand(forking)


if __name__ == "__main__":
    main()
