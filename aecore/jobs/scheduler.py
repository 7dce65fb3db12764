"""The scheduler: the one standing process of a runs folder, `python -m aecore.jobs.scheduler [EXECUTOR]`. It gives the
jobs of the queue to an executor, at most as many at a time as that carries, and looks after them until they end.

It never computes. Jobs, and who works on them, stand in the queue: a new scheduler takes over where the last one left,
and finds workers by their handles. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aecore import disk, limits, system
from aecore.config import Config
from aecore.errors import UserError
from aecore.jobs import executors
from aecore.jobs.executors import Executor, Task
from aecore.jobs.wake import WakeSocket
from aecore.store import processes_table, queue, recovery, runs
from aecore.store.run_info import INACTIVE_STATES
from aecore.store.writer import RunWriter

POLL_STOPPING, POLL_BUSY, POLL_IDLE = 0.1, 0.5, 2.0  # seconds until it looks by itself: while a worker stops or works
KILL_AFTER = 0.6  # seconds that a worker has to follow a command by itself
MAX_CRASHES = 2  # of workers in a row, with no new checkpoint between, until a run counts as failed


@dataclass
class Worker:
    """What an executor does for a job."""

    job: queue.Job
    executor: str
    handle: str
    slot: int
    stopping_since: float | None = None  # when a command to stop was first seen (time.monotonic)


class Scheduler:
    """Looks after one runs folder."""

    def __init__(self, executor: Executor, gpus: int = 0) -> None:
        self.executor, self.slots, self.gpus = executor, executor.capacity(), gpus
        self.workers: list[Worker] = []
        self.stopping = False  # whether somebody waits for a worker to stop

    def tick(self) -> bool:
        """Looks after everything once: workers that ended, jobs that wait. Whether there is still something to look
        after. Raises LeadershipLost when another process leads by now: this one was frozen for too long."""
        processes_table.send_heartbeat()
        if not processes_table.is_leader():
            raise processes_table.LeadershipLost("Another process leads this folder now.")
        self.recover_orphans()
        self.stopping = False
        for worker in list(self.workers):
            self.enforce_deadline(worker)
            exit_message = self.poll(worker)
            if exit_message is not None:
                self.workers.remove(worker)
                self.reap(worker, exit_message)
        if processes_table.active_servers():
            while len(self.workers) < self.slots and (job := queue.claim(leader=True)):
                self.start_worker(job, self.free_slot())
        return bool(self.workers) or not processes_table.release_leadership()

    def poll(self, worker: Worker) -> str | None:
        """How a worker ended; None while it works."""
        if worker.executor == self.executor.name:
            return self.executor.poll(worker.handle)
        return executors.poll(worker.executor, worker.handle)

    def recover_orphans(self) -> None:
        """Takes over the jobs of a scheduler before this one: their workers go on, or have died meanwhile."""
        own = {worker.job.run for worker in self.workers}
        for job in [job for job in queue.jobs() if job.state == "running" and job.run not in own]:
            if not job.handle and (worker := self._worker_in_state(job)):  # begun, and not noted
                job = dataclasses.replace(job, executor=worker[0], handle=worker[1])
                queue.mark_started(job.run, *worker)
            if job.handle:
                self.workers.append(Worker(job, job.executor or "", job.handle, self.free_slot()))
            else:  # claimed, and never begun
                self.start_worker(job, self.free_slot())

    def _worker_in_state(self, job: queue.Job) -> tuple[str, str] | None:
        """(executor, handle) of the living worker that a run's own state names; None when there is none."""
        fields = runs.read_state(job.run)
        worker = Worker(job, fields.get("executor", ""), fields.get("handle", ""), 0)
        if fields.get("state") != "training" or not worker.handle or self.poll(worker) is not None:
            return None
        return worker.executor, worker.handle

    def free_slot(self) -> int:
        """The lowest number that no worker has."""
        taken = {worker.slot for worker in self.workers}
        return next(slot for slot in range(len(taken) + 1) if slot not in taken)

    def start_worker(self, job: queue.Job, slot: int) -> None:
        """Starts a worker. What the queue or the disk refuses is tried again at the next look."""
        try:
            writer = RunWriter(Config.from_json(dict(job.config)))
        except UserError:  # settings of another version: they must not keep the others from their turns
            queue.complete(job.run, leader=True)
            return
        if writer.state in INACTIVE_STATES and writer.state != "finished":
            writer.set_state("waiting", message="")  # an earlier end must not be taken for this worker's
        handle = self.executor.start(self._task(job, slot))
        self.workers.append(Worker(job, self.executor.name, handle, slot))

    def _task(self, job: queue.Job, slot: int) -> Task:
        environment = {**job.environment, **disk.current_store().environment()}
        if self.gpus > 1:
            visible = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")
            visible = visible if len(visible) == self.gpus else [str(number) for number in range(self.gpus)]
            environment["CUDA_VISIBLE_DEVICES"] = visible[slot % self.gpus]
        arguments: dict[str, Any] = {
            "run": job.run,
            "config": dict(job.config),
            "device": job.device,
            "threads": max(1, limits.cores() // self.slots),
        }
        log = str(runs.path(job.run).resolve() / "log.txt")
        return Task(
            "aecore.jobs.tasks:train",
            arguments,
            log,
            environment,
            system.OOM_SCORE_TRAINING,
            system.NICENESS_TRAINING,
        )

    def enforce_deadline(self, worker: Worker) -> None:
        """Kills a worker that does not follow its command; what came after its last checkpoint is done again later."""
        command = RunWriter(Config.from_json(dict(worker.job.config))).command
        self.stopping = self.stopping or command is not None
        worker.stopping_since = (worker.stopping_since or time.monotonic()) if command else None
        if worker.stopping_since and time.monotonic() - worker.stopping_since > KILL_AFTER:
            if worker.executor == self.executor.name:
                self.executor.kill(worker.handle)
            else:
                executors.kill(worker.executor, worker.handle)

    def reap(self, worker: Worker, exit_message: str) -> None:
        """A worker has ended: with its run stopped or finished, or before."""
        job, now = worker.job, queue.job(worker.job.run)
        if now and now.handle and (now.executor, now.handle) != (worker.executor, worker.handle):
            return  # another one was there first
        writer = RunWriter(Config.from_json(dict(job.config)))
        state = writer.state
        if state in ("finished", "failed"):
            if state == "finished":
                writer.cleanup()  # it may have died in doing so
            queue.complete(job.run, leader=True)
        elif state in ("stopped", "paused"):
            queue.complete(job.run, requeue=True, leader=True)
        elif command := writer.command:
            writer.set_stopped(command[0])
            queue.complete(job.run, requeue=True, leader=True)
        else:
            self.handle_crash(job, writer, exit_message, worker.slot)

    def handle_crash(self, job: queue.Job, writer: RunWriter, exit_message: str, slot: int) -> None:
        """A worker died: another one goes on from the checkpoint, unless that has just been tried."""
        version = writer.checkpoint_version()
        crashes = queue.record_crash(job.run, version, leader=True)
        if crashes >= MAX_CRASHES:
            log = writer.tail_log()
            more = ": the log says more." if log.strip() else ", and printed nothing."
            writer.set_state("failed", message=f"Its process {exit_message}, twice in a row{more}", log=log)
            queue.complete(job.run, leader=True)
        else:
            on = "goes on from the last checkpoint" if version else "starts over, for there is no checkpoint yet"
            writer.set_state("training", message=f"Its process {exit_message}; another one {on}.")
            self.start_worker(dataclasses.replace(job, executor=None, handle=None), slot)


def serve(make_executor: Callable[[], Executor]) -> None:
    """Works until no server is open and no job running. Only one process does so for a folder."""
    wake = WakeSocket()
    if not processes_table.acquire_leadership(wake.port):
        return
    scheduler = Scheduler(make_executor(), limits.gpus())
    processes_table.set_capacity(scheduler.slots)
    busy = True
    while busy:
        try:
            busy = scheduler.tick()
        except processes_table.LeadershipLost:  # its workers go on, as those of the one that leads now
            break
        except (UserError, OSError):  # the disk is full, say: nothing is lost, and it may be mended
            traceback.print_exc()
            time.sleep(1)
            with contextlib.suppress(UserError, OSError):
                recovery.recover_if_damaged()
        if busy:
            wake.wait(POLL_STOPPING if scheduler.stopping else POLL_BUSY if scheduler.workers else POLL_IDLE)


def main() -> None:
    name = sys.argv[1] if len(sys.argv) > 1 else executors.TRAINING_EXECUTOR
    serve(lambda: executors.EXECUTORS[name](True))


if __name__ == "__main__":
    main()
