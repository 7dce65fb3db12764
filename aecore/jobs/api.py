"""Jobs: training in processes of its own, so that a refreshed or closed page loses nothing.

Three calls: `submit`, `watch`, `cancel`. They write the queue and wake the scheduler (`aecore.jobs.scheduler`), the one
standing process of a runs folder, which gives the work to an executor (`aecore.jobs.executors`); workers write the
run's folder, and pages read it. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

from filelock import Timeout

from aecore import disk
from aecore.config import Config
from aecore.errors import UserError
from aecore.jobs import supervisor
from aecore.store import database_snapshot, permissions, queue, runs, trash
from aecore.store.run_info import Command, RunInfo
from aecore.store.writer import RunWriter

POLL = 0.2  # seconds between two looks at a run
LOCK_TIMEOUT = 1.0  # seconds that a request waits for others for the same run
ANONYMOUS = "anonymous"  # who asks when nobody says who


@dataclass(frozen=True)
class Submission:
    """What became of a request for a run."""

    run: str
    created: bool  # a new job was made; else the run is finished or under way already, and is shared


def submit(config: Config, device: str | None = None, user: str = ANONYMOUS) -> Submission:
    """Have a run trained, or continued, by the scheduler of the runs folder, and return at once.

    What is finished or under way already starts nothing new.

    Parameters
    ----------
    config
        As `resolve_config` returns it.
    device
        "cpu", "cuda" or "mps"; else AECORE_DEVICE, else the fastest there is.
    user
        Who asks: a run goes on while somebody wants it.

    Returns
    -------
    Submission
        The run's id, and whether a new job was made.

    Raises
    ------
    UserError
        When the disk is full, or too much waits already.

    Examples
    --------
    >>> import aecore
    >>> config = aecore.resolve_config(aecore.default_config("digits", epochs=1))
    >>> submission = aecore.submit(config)  # doctest: +SKIP
    >>> *_, last = aecore.watch(submission.run)  # doctest: +SKIP
    >>> last.state  # doctest: +SKIP
    'finished'
    """
    with disk.user_errors("This run cannot be kept"):
        created = not _needs_no_job(config.id) and _request(config, device, user)
    if created:
        trash.save_label(config.id)
    if created or queue.job(config.id):  # those who asked for it first may have closed their server
        supervisor.register_server()
        supervisor.notify_scheduler()
    return Submission(config.id, created)


def _needs_no_job(run: str) -> bool:
    """Whether a run is finished, or being trained by nobody's job: by the command line."""
    try:
        if runs.entry(run).finished:
            return True
        # looked at again when there is no job: that may have ended between the two looks
        return database_snapshot.snapshot().jobs.get(run) is None and runs.entry(run).active
    except runs.UnknownRun:
        return False


def _environment() -> dict[str, str]:
    """The settings of this process that its jobs are trained with."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("AECORE_")}
    if "AECORE_DATA" in environment:  # the scheduler may stand in another folder
        environment["AECORE_DATA"] = os.path.abspath(environment["AECORE_DATA"])
    return environment


def _request(config: Config, device: str | None, user: str) -> bool:
    """Puts a run into the queue and says in its folder that it waits; whether that made a new job. A worker that the
    scheduler starts in between waits until it is said."""
    with _run_lock(config.id):
        created = queue.enqueue(config.id, config.to_json(), user, device, _environment())
        if created:
            try:
                RunWriter(config).request()
            except (OSError, UserError):
                queue.withdraw(config.id, user)
                raise
    return created


@contextlib.contextmanager
def _run_lock(run: str) -> Iterator[None]:
    """Holds a run's lock, or goes on without it where a worker has it."""
    lock = runs.run_lock(run)
    try:
        lock.acquire(timeout=0 if queue.job(run) else LOCK_TIMEOUT, poll_interval=0.01)
    except Timeout:
        yield
        return
    try:
        yield
    finally:
        lock.release()


def watch(run: str) -> Iterator[RunInfo]:
    """Follow a run until it stops.

    Parameters
    ----------
    run
        Id of the run.

    Yields
    ------
    RunInfo
        Where it stands, about five times a second; the last one says how it ended.

    Raises
    ------
    UnknownRun
        When there is no such run.

    Examples
    --------
    >>> import aecore
    >>> pretrained = next(run for run in aecore.list_runs() if run.pretrained)
    >>> [info.state for info in aecore.watch(pretrained.id)]
    ['finished']
    """
    while True:
        entry = runs.entry(run)
        yield entry
        if not entry.active:
            return
        time.sleep(POLL)


def cancel(run: str, user: str = ANONYMOUS, command: Command = "stop") -> int:
    """Withdraw a user's request for a run; it stops (or pauses) when nobody else wants it.

    That takes less than a second, and the checkpoint is kept.

    Parameters
    ----------
    run
        Id of the run.
    user
        Who asked for it.
    command
        "stop" or "pause".

    Returns
    -------
    int
        How many other users still want it.

    Raises
    ------
    UserError
        For a user who has not asked for it.

    Examples
    --------
    >>> import aecore
    >>> pretrained = next(run for run in aecore.list_runs() if run.pretrained)
    >>> aecore.cancel(pretrained.id)
    0
    """
    entry = runs.entry(run)
    if not entry.config or not entry.active:
        return 0
    permissions.check(command, permissions.request_for_run(run, user), run)
    others, job = queue.withdraw(run, user)
    if others:
        return others
    with disk.user_errors("The command cannot be given"):
        writer = RunWriter(entry.config)
        if job and job.state == "waiting":
            writer.set_stopped(command)
        else:
            writer.send_command(command)
            supervisor.notify_scheduler()
    return 0
