"""The queue: who asked for which run, and whose turn it is.

It says what is to be done; what has been done is said by the folders of the runs. Several servers and workers share it,
so every change is one transaction. What decides something is read from the database as it is now, and raises when that
cannot be read; what is only shown (`job`, `requesters`, `order`) is then what was read last. Nothing here imports
torch.
"""

from __future__ import annotations

import dataclasses
import json
import sqlite3
import time
from collections.abc import Mapping
from typing import Any

from aecore.errors import UserError
from aecore.store import database, database_snapshot
from aecore.store.database_snapshot import Job as Job
from aecore.store.processes_table import check_leadership

MAX_WAITING_PER_USER = 200  # runs of one user that may wait
MAX_WAITING = 5000  # runs that may wait in all


def jobs() -> list[Job]:
    """All jobs, the first asked first."""
    return list(database_snapshot.snapshot().jobs.values())


def job(run: str) -> Job | None:
    return database_snapshot.cached_snapshot().jobs.get(run)


def enqueue(
    run: str,
    config: Mapping[str, Any],
    user: str,
    device: str | None,
    environment: Mapping[str, str],
) -> bool:
    """Notes that a user requests a run; whether that made a new job (else somebody requested it before). Raises
    UserError when too many runs of theirs wait already.
    """
    now = time.time()
    with database.transaction() as connection:
        known = connection.execute("SELECT 1 FROM jobs WHERE run = ?", (run,)).fetchone() is not None
        if not known:
            _refuse_too_many(connection, user)
            row = (run, json.dumps(config), device, json.dumps(environment), now)
            connection.execute(
                "INSERT INTO jobs (run, config, device, environment, requested_at) VALUES (?, ?, ?, ?, ?)", row
            )
        connection.execute("INSERT OR IGNORE INTO users (user) VALUES (?)", (user,))
        connection.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", (run, user, now))
        connection.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, NULL)", (run, user))
        connection.execute("UPDATE labels SET owner = ? WHERE run = ? AND owner IS NULL", (user, run))
    return not known


def _refuse_too_many(connection: sqlite3.Connection, user: str) -> None:
    waiting = "SELECT count(*) FROM jobs WHERE state = 'waiting'"
    (theirs,) = connection.execute(
        f"{waiting} AND run IN (SELECT run FROM requests WHERE user = ?)", (user,)
    ).fetchone()
    if theirs >= MAX_WAITING_PER_USER:
        raise UserError(
            f"{theirs} runs of yours are waiting, and {MAX_WAITING_PER_USER} may: stop some, or wait until some "
            f"have begun."
        )
    (all_of_them,) = connection.execute(waiting).fetchone()
    if all_of_them >= MAX_WAITING:
        raise UserError(
            f"{all_of_them:,} runs are waiting here, and no more than {MAX_WAITING:,} may: try again later."
        )


def requesters(run: str) -> list[str]:
    """The people who want a run that has not come to rest, the first asked first."""
    return list(database_snapshot.cached_snapshot().requesters.get(run, ()))


def withdraw(run: str, user: str) -> tuple[int, Job | None]:
    """A user no longer requests a run. How many others still do, and its job; one that waits and that nobody requests
    any more is gone from the queue.
    """
    job = database_snapshot.snapshot().jobs.get(run)
    with database.transaction() as connection:
        connection.execute("DELETE FROM requests WHERE run = ? AND user = ?", (run, user))
        (others,) = connection.execute("SELECT count(*) FROM requests WHERE run = ?", (run,)).fetchone()
        state = connection.execute("SELECT state FROM jobs WHERE run = ?", (run,)).fetchone()
        if not others:
            connection.execute("DELETE FROM jobs WHERE run = ? AND state = 'waiting'", (run,))
    if job is None or state is None:
        return others, None
    return others, dataclasses.replace(job, state=state[0])


def order() -> list[str]:
    """The waiting runs in the order of their turns (see `Snapshot.order`)."""
    return [run for run, _ in database_snapshot.cached_snapshot().order]


def claim(leader: bool = False) -> Job | None:
    """The waiting job whose turn it is, running from now on; None when none waits. As the `leader`: raises
    LeadershipLost when this process is not that any more."""
    for run, user in (known := database_snapshot.snapshot()).order:
        with database.transaction() as connection:
            if leader:
                check_leadership(connection)
            done = connection.execute(
                "UPDATE jobs SET state = 'running', handle = NULL WHERE run = ? AND state = 'waiting'", (run,)
            )
            if done.rowcount:
                # turns are counted, not timed: a clock that jumps makes nobody wait
                turn = "(SELECT max(last_turn) + 1 FROM users)"
                connection.execute(f"UPDATE users SET last_turn = {turn} WHERE user = ?", (user,))
                return known.jobs[run]
    return None


def mark_started(run: str, executor: str, handle: str) -> None:
    """Which worker has a job, whoever was noted before."""
    with database.transaction() as connection:
        values = (executor, handle, run)
        connection.execute("UPDATE jobs SET state = 'running', executor = ?, handle = ? WHERE run = ?", values)


def register_worker(run: str, executor: str, handle: str) -> bool:
    """Notes that this worker has a job; False when another one is noted, which nobody has found dead."""
    with database.transaction() as connection:
        row = connection.execute("SELECT executor, handle FROM jobs WHERE run = ?", (run,)).fetchone()
        if row and row[1] and row != (executor, handle):
            return False
        values = (executor, handle, run)
        connection.execute("UPDATE jobs SET state = 'running', executor = ?, handle = ? WHERE run = ?", values)
    return True


def record_crash(run: str, checkpoint_version: int, leader: bool = False) -> int:
    """Notes the death of a job's worker while the checkpoint was `checkpoint_version` (0: none). How many there were
    in a row with no new checkpoint between."""
    with database.transaction() as connection:
        if leader:
            check_leadership(connection)
        (deaths, before) = connection.execute(
            "SELECT crashes, checkpoint_version FROM jobs WHERE run = ?", (run,)
        ).fetchone()
        deaths = 1 if checkpoint_version and checkpoint_version != before else deaths + 1
        connection.execute(
            "UPDATE jobs SET crashes = ?, checkpoint_version = ?, handle = NULL WHERE run = ?",
            (deaths, checkpoint_version, run),
        )
    return int(deaths)


def complete(run: str, requeue: bool = False, leader: bool = False) -> None:
    """A job has come to rest. `requeue`: unless somebody has asked for it since, who then waits for a new turn."""
    with database.transaction() as connection:
        if leader:
            check_leadership(connection)
        wants = connection.execute("SELECT 1 FROM requests WHERE run = ?", (run,)).fetchone()
        if requeue and wants:
            connection.execute("UPDATE jobs SET state = 'waiting', handle = NULL, crashes = 0 WHERE run = ?", (run,))
            return
        connection.execute("DELETE FROM jobs WHERE run = ?", (run,))
        connection.execute("DELETE FROM requests WHERE run = ?", (run,))
