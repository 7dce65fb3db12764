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
from aecore.limits import training_slots as training_slots
from aecore.store import processes_table, queue, recovery, runs

POLL_STOPPING, POLL_BUSY, POLL_IDLE = (
    0.1,
    0.5,
    2.0,
)  # seconds until it looks by itself: for an order, while workers run, and else
KILL_AFTER = 0.6  # seconds that a worker has to follow an order by itself
MAX_CRASHES = 2  # of workers in a row, with no new checkpoint between, until a run counts as failed

ExitPoll = Callable[[], str | None]  # how a process ended, in words; None while it runs


# --- In the worker ----------------------------------------------------------------------------------------------------


def run_job(job: dict[str, Any]) -> None:
    """Does one job in this process. What goes wrong is in the run's state already; the log gets the traceback."""
    os.environ.update(job["environment"])
    import torch

    from aecore.jobs.worker import run_training

    torch.set_num_threads(job["threads"])
    config = Config.from_json(job["config"])
    if not queue.register_worker(job["run"]):  # another worker, which a dead foreman started and did not note
        return
    while True:
        try:
            # not a run that whoever had it before has brought to rest, by an order that this worker has not seen
            for _ in run_training(config, job["device"], resume=False, wait_for_space=True):
                pass
            return
        except runs.AlreadyTraining:  # the command line: it may die before it is done
            time.sleep(POLL_STOPPING)


def run_job_redirected(job: dict[str, Any]) -> None:
    """`work`, with what it prints in the run's log."""
    with files.open_append(runs.path(job["run"]) / "log.txt") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    faulthandler.enable()  # says where, when the processor gives up
    system.raise_oom_score(system.OOM_SCORE_TRAINING)
    try:
        run_job(job)
    except UserError:
        pass  # said to people in the run's state
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


def _exit_message(code: int) -> str:
    """How a process ended that returned `code` (negative: the signal that killed it)."""
    if code >= 0:
        return f"ended with code {code}"
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    why = ", which the system does when memory runs out" if name == "SIGKILL" else ""
    return f"was killed ({name}{why})"


# --- Starting one -----------------------------------------------------------------------------------------------------


def fork_worker(job: dict[str, Any]) -> tuple[int, ExitPoll]:
    """A worker that starts with everything imported, 20 ms after the click."""
    with warnings.catch_warnings():
        # Python warns of forking with threads about; ours hold no locks, and the worker starts its own
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child:
        return child, ForkedWorker(child).poll_exit
    code = 1
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    try:
        run_job_redirected(job)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


@dataclass
class ForkedWorker:
    """A child of this process; its end can be heard only once, so it is kept."""

    pid: int
    exit_message: str | None = None

    def poll_exit(self) -> str | None:
        if self.exit_message is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self.exit_message = _exit_message(os.waitstatus_to_exitcode(status)) if pid else None
        return self.exit_message


class WarmSpawner:
    """Where forking is unsafe or unknown: one process that has imported torch waits for the next job."""

    def __init__(self) -> None:
        self.standby = self._start()

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "aecore.jobs.scheduler", "standby"], stdin=subprocess.PIPE, text=True
        )

    def __call__(self, job: dict[str, Any]) -> tuple[int, ExitPoll]:
        busy, self.standby = self.standby, self._start()
        assert busy.stdin is not None
        busy.stdin.write(json.dumps(job) + "\n")
        busy.stdin.close()

        def ended() -> str | None:
            code = busy.poll()
            return None if code is None else _exit_message(code)

        return busy.pid, ended

    def close(self) -> None:
        assert self.standby.stdin is not None
        self.standby.stdin.close()


Executor = Callable[[dict[str, Any]], tuple[int, ExitPoll]]


# --- The foreman ------------------------------------------------------------------------------------------------------


@dataclass
class Worker:
    """A process at work on a job."""

    job: queue.Job
    pid: int
    poll_exit: ExitPoll
    slot: int
    stopping_since: float | None = None  # when an order to come to rest was first seen (time.monotonic)


class Scheduler:
    """Looks after one runs folder."""

    def __init__(self, executor: Executor, slots: int, gpus: int) -> None:
        self.executor, self.slots, self.gpus = executor, slots, gpus
        self.workers: list[Worker] = []
        self.stopping = False  # whether somebody waits for a worker to come to rest

    def tick(self) -> bool:
        """Looks after everything once; whether there is still something to look after. Raises Superseded when another
        process leads by now: this one was frozen for too long."""
        processes_table.send_heartbeat()
        if not processes_table.is_leader():
            raise processes_table.LeadershipLost("Another process leads this folder now.")
        self.recover_orphans()
        self.stopping = False
        for worker in list(self.workers):
            self.enforce_deadline(worker)
            how = worker.poll_exit()
            if how is not None:
                self.workers.remove(worker)
                self.reap(worker.job, how, worker.slot)
        if processes_table.active_servers():
            while len(self.workers) < self.slots and (job := queue.claim(leader=True)):
                self.start_worker(job, self.free_slot())
        return bool(self.workers) or not processes_table.release_leadership()

    def recover_orphans(self) -> None:
        """Takes over the jobs of a foreman before this one: their workers go on, or have died meanwhile."""
        ours = {worker.job.run for worker in self.workers}
        for job in [job for job in queue.jobs() if job.state == "running" and job.run not in ours]:
            if job.pid is None and (found := _training_process(job.run)):  # begun, and not noted
                job = dataclasses.replace(job, pid=found[0], start_time=found[1])
                queue.mark_started(job.run, *found)
            if job.pid is None:  # claimed, and never begun
                self.start_worker(job, self.free_slot())
            else:
                self.workers.append(Worker(job, job.pid, partial(_poll_exit, job), self.free_slot()))

    def free_slot(self) -> int:
        taken = {worker.slot for worker in self.workers}
        return next(lane for lane in range(len(taken) + 1) if lane not in taken)

    def start_worker(self, job: queue.Job, slot: int) -> None:
        """Starts a worker. What the ledger or the disk refuses is tried again at the next look."""
        environment = {name: value for name, value in job.environment.items() if name != "AECORE_RUNS"}
        if self.gpus > 1:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
            visible = visible if len(visible) == self.gpus else [str(number) for number in range(self.gpus)]
            environment["CUDA_VISIBLE_DEVICES"] = visible[slot % self.gpus]
        try:
            config = Config.from_json(dict(job.config))
        except UserError:  # of another version: it must not keep the others from their turns
            queue.complete(job.run, leader=True)
            return
        draft = runs.RunWriter(config)
        if draft.state in runs.STATE_AFTER.values():  # an earlier rest must not be taken for this worker's
            draft.set_state("waiting", message="")
        told = {
            "run": job.run,
            "config": dict(job.config),
            "device": job.device,
            "environment": environment,
            "threads": max(1, cores() // self.slots),
        }
        pid, ended = self.executor(told)
        self.workers.append(Worker(job, pid, ended, slot))

    def enforce_deadline(self, worker: Worker) -> None:
        """Ends a worker that does not follow its order; what it did since its last checkpoint is done again later."""
        draft = runs.RunWriter(Config.from_json(dict(worker.job.config)))
        given = draft.command
        self.stopping = self.stopping or given is not None
        worker.stopping_since = (worker.stopping_since or time.monotonic()) if given else None
        if (
            worker.stopping_since
            and time.monotonic() - worker.stopping_since > KILL_AFTER
            and worker.poll_exit() is None
        ):
            with contextlib.suppress(psutil.NoSuchProcess):
                psutil.Process(worker.pid).kill()  # its end is heard by `ended`: a child's can be heard only once

    def reap(self, job: queue.Job, exit_message: str, slot: int) -> None:
        """A worker has ended: with its run at rest, or before."""
        now = queue.job(job.run)
        if (
            now and now.pid not in (None, job.pid) and system.is_alive(now.pid, now.start_time)
        ):  # another one was there first
            return
        draft = runs.RunWriter(Config.from_json(dict(job.config)))
        said = draft.state
        if said in ("finished", "failed"):
            if said == "finished":
                draft.cleanup()  # it may have died in doing so
            queue.complete(job.run, leader=True)
        elif said in ("stopped", "paused"):
            queue.complete(job.run, requeue=True, leader=True)
        elif given := draft.command:
            draft.set_stopped(given[0])
            queue.complete(job.run, requeue=True, leader=True)
        else:
            self.handle_crash(job, draft, exit_message, slot)

    def handle_crash(self, job: queue.Job, writer: runs.RunWriter, exit_message: str, slot: int) -> None:
        """A worker died: another one goes on from the checkpoint, unless that has just been tried."""
        mark = writer.checkpoint_version()
        deaths = queue.record_crash(job.run, mark, leader=True)
        if deaths >= MAX_CRASHES:
            log = writer.tail_log()
            more = ": the log says more." if log.strip() else ", and printed nothing."
            writer.set_state("failed", message=f"Its process {exit_message}, twice in a row{more}", log=log)
            queue.complete(job.run, leader=True)
        else:
            on = "goes on from the last checkpoint" if mark else "starts over, for there is no checkpoint yet"
            writer.set_state("training", message=f"Its process {exit_message}; another one {on}.")
            self.start_worker(dataclasses.replace(job, pid=None), slot)


def _poll_exit(job: queue.Job) -> str | None:
    """How the worker of an earlier foreman ended: nobody heard."""
    return None if system.is_alive(job.pid, job.start_time) else "ended"


def _training_process(run: str) -> tuple[int, float] | None:
    """The process that trains a run, as the run itself says; None when none that lives does."""
    said = runs.read_state(run)
    pid, born = said.get("pid"), said.get("start_time")
    if said.get("state") != "training" or pid == os.getpid() or not system.is_alive(pid, born):
        return None
    return int(pid or 0), float(born or 0)


class WakeSocket:
    """What the foreman hears: a byte on a port of this machine, or the end of a child."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, lambda *_: self.notify())

    def notify(self) -> None:
        self.socket.sendto(b"!", ("127.0.0.1", self.port))

    def wait(self, seconds: float) -> None:
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self.socket.recv(16)
            self.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while self.socket.recv(16):  # rung more than once: looked once
                    pass


def serve(make_executor: Callable[[], Executor]) -> None:
    """Works until no laboratory is open and no job running. Only one process does so for a folder."""
    bell = WakeSocket()
    if not processes_table.acquire_leadership(bell.port):
        return
    begin = make_executor()
    count = gpus()
    foreman = Scheduler(begin, training_slots(), count)
    processes_table.set_capacity(foreman.slots)
    busy = True
    while busy:
        try:
            busy = foreman.tick()
        except processes_table.LeadershipLost:  # its workers go on, as those of the one that leads now
            break
        except (UserError, OSError):  # the disk is full, say: nothing is lost, and it may be mended
            traceback.print_exc()
            time.sleep(1)
            with contextlib.suppress(UserError, OSError):
                recovery.recover_if_damaged()
        if busy:
            bell.wait(POLL_STOPPING if foreman.stopping else POLL_BUSY if foreman.workers else POLL_IDLE)
    if isinstance(begin, WarmSpawner):
        begin.close()


def preload() -> None:
    """Imports what a job needs. Only imports: forking needs that nothing was computed before."""
    import sklearn.datasets
    import sklearn.decomposition  # noqa: F401  what a finished model is compared with
    import torch._dynamo  # noqa: F401  torch's optimisers import it when first made, for two seconds

    import aecore.jobs.worker  # noqa: F401


def fork_executor() -> Executor:
    preload()
    return fork_worker


def main() -> None:
    if sys.argv[1:] == ["standby"]:
        preload()
        line = sys.stdin.readline()
        if line:
            run_job_redirected(json.loads(line))
    elif sys.argv[1:] == ["spawn"] or not hasattr(os, "fork") or sys.platform == "darwin":
        serve(WarmSpawner)
    else:
        serve(fork_executor)


if __name__ == "__main__":
    main()
