"""The ledger: who asked for what, whose turn it is, and what people call their runs.

It says what is to be done; what has been done is said by the folders of the runs. Several servers and workers share it,
so every change is one transaction. What decides something is read from the database as it is now, and raises when that
cannot be read; what is only shown (`job`, `wanted_by`, `turns`, `called`, `labels`) is then what was read last. Nothing
here imports torch.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from aecore import files, system
from aecore.errors import UserError
from aecore.store import database
from aecore.store.database import Job as Job

MAX_WAITING_PER_USER = 200  # runs of one person that may wait
MAX_WAITING = 5000  # runs that may wait in all
HEARTBEAT_TIMEOUT = 20.0  # seconds without a heartbeat after which a scheduler counts as frozen
STARTUP_TIMEOUT = 120.0  # the same while it still imports what it needs
HEARTBEAT_FILE = ".heartbeat"


class LeadershipLost(UserError):
    """Another process leads now: this one did not give a sign of life for too long."""


@dataclass(frozen=True)
class RunLabel:
    """What people say of a run."""

    owner: str | None = None  # the person who asked first
    owner_name: str = ""
    name: str = ""
    pinned: bool = False


# --- Jobs -------------------------------------------------------------------------------------------------------------


def jobs() -> list[Job]:
    """All jobs, the first asked first."""
    return list(database.snapshot().jobs.values())


def job(run: str) -> Job | None:
    return database.cached_snapshot().jobs.get(run)


def enqueue(
    run: str,
    config: Mapping[str, Any],
    user: str,
    device: str | None,
    environment: Mapping[str, str],
    exists_or_create: Callable[[], bool],
) -> bool:
    """Notes that a person wants a run. True when somebody else did before, or when it is `there` already (asked within
    the transaction, so that nothing can come between). Raises UserError when too many runs of theirs wait already.
    """
    now = time.time()
    with database.transaction() as connection:
        known = connection.execute("SELECT 1 FROM jobs WHERE run = ?", (run,)).fetchone() is not None
        if not known:
            _refuse_too_many(connection, user)
        if not known and exists_or_create():
            return True
        if not known:
            row = (run, json.dumps(config), device, json.dumps(environment), now)
            connection.execute(
                "INSERT INTO jobs (run, config, device, environment, requested_at) VALUES (?, ?, ?, ?, ?)", row
            )
        connection.execute("INSERT OR IGNORE INTO users (user) VALUES (?)", (user,))
        connection.execute("INSERT OR IGNORE INTO requests VALUES (?, ?, ?)", (run, user, now))
        connection.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, NULL)", (run, user))
        connection.execute("UPDATE labels SET owner = ? WHERE run = ? AND owner IS NULL", (user, run))
    return known


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
    return list(database.cached_snapshot().requesters.get(run, ()))


def withdraw(run: str, user: str) -> tuple[int, Job | None]:
    """A person no longer wants a run. How many others still do, and its job; one that waits and that nobody wants any
    more is gone from the ledger.
    """
    job = database.snapshot().jobs.get(run)
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
    """The waiting runs in the order of their turns (see `database.Snapshot.turns`)."""
    return [run for run, _ in database.cached_snapshot().order]


def claim(leader: bool = False) -> Job | None:
    """The waiting job whose turn it is, running from now on; None when none waits. As the `leader`: raises Superseded
    when this process is not that any more."""
    for run, person in (known := database.snapshot()).order:
        with database.transaction() as connection:
            if leader:
                _check_leadership(connection)
            done = connection.execute(
                "UPDATE jobs SET state = 'running', pid = NULL WHERE run = ? AND state = 'waiting'", (run,)
            )
            if done.rowcount:
                # turns are counted, not timed: a clock that jumps makes nobody wait
                turn = "(SELECT max(last_turn) + 1 FROM users)"
                connection.execute(f"UPDATE users SET last_turn = {turn} WHERE user = ?", (person,))
                return known.jobs[run]
    return None


def mark_started(run: str, pid: int, start_time: float) -> None:
    """Which process works on a job."""
    with database.transaction() as connection:
        connection.execute(
            "UPDATE jobs SET state = 'running', pid = ?, start_time = ? WHERE run = ?", (pid, start_time, run)
        )


def register_worker(run: str) -> bool:
    """Notes that this process works on a job; False when another one that lives does."""
    with database.transaction() as connection:
        row = connection.execute("SELECT pid, start_time FROM jobs WHERE run = ?", (run,)).fetchone()
        if row and row[0] != os.getpid() and system.is_alive(*row):
            return False
        values = (os.getpid(), system.start_time(), run)
        connection.execute("UPDATE jobs SET state = 'running', pid = ?, start_time = ? WHERE run = ?", values)
    return True


def record_crash(run: str, checkpoint_version: int, leader: bool = False) -> int:
    """Notes the death of a job's worker while the checkpoint was `mark` (0: none). How many there were in a row with no
    new checkpoint between."""
    with database.transaction() as connection:
        if leader:
            _check_leadership(connection)
        (deaths, before) = connection.execute(
            "SELECT crashes, checkpoint_version FROM jobs WHERE run = ?", (run,)
        ).fetchone()
        deaths = 1 if checkpoint_version and checkpoint_version != before else deaths + 1
        connection.execute(
            "UPDATE jobs SET crashes = ?, checkpoint_version = ?, pid = NULL WHERE run = ?",
            (deaths, checkpoint_version, run),
        )
    return int(deaths)


def complete(run: str, requeue: bool = False, leader: bool = False) -> None:
    """A job has come to rest. `again`: unless somebody has asked for it since, who then waits for a new turn."""
    with database.transaction() as connection:
        if leader:
            _check_leadership(connection)
        wants = connection.execute("SELECT 1 FROM requests WHERE run = ?", (run,)).fetchone()
        if requeue and wants:
            connection.execute("UPDATE jobs SET state = 'waiting', pid = NULL, crashes = 0 WHERE run = ?", (run,))
            return
        connection.execute("DELETE FROM jobs WHERE run = ?", (run,))
        connection.execute("DELETE FROM requests WHERE run = ?", (run,))


# --- Processes --------------------------------------------------------------------------------------------------------


def _count_active_servers(connection: sqlite3.Connection) -> int:
    rows = connection.execute("SELECT pid, start_time FROM processes WHERE role = 'server'").fetchall()
    for dead in [row for row in rows if not system.is_alive(*row)]:
        connection.execute("DELETE FROM processes WHERE pid = ? AND start_time = ?", dead)
        rows.remove(dead)
    return len(rows)


def register_server() -> None:
    """Notes that this process is a laboratory that wants its jobs done."""
    row = (os.getpid(), system.start_time())
    if any((each.pid, each.start_time) == row and each.role == "server" for each in database.snapshot().processes):
        return
    with database.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO processes VALUES (?, ?, 'server', NULL, NULL)", row)


def unregister_server() -> None:
    with database.transaction() as connection:
        connection.execute("DELETE FROM processes WHERE pid = ? AND role = 'server'", (os.getpid(),))


def active_servers() -> int:
    """How many laboratories use this folder at this moment."""
    noted = [each for each in database.snapshot().processes if each.role == "server"]
    return sum(system.is_alive(each.pid, each.start_time) for each in noted)


def acquire_leadership(port: int) -> bool:
    """Makes this process the one that starts workers here; False when another one is, and gives signs of life."""
    with database.transaction() as connection:
        rows = connection.execute("SELECT pid, start_time, slots FROM processes WHERE role = 'scheduler'").fetchall()
        if any(system.is_alive(pid, born) and not _is_frozen(pid, born, lanes) for pid, born, lanes in rows):
            return False
        connection.execute("DELETE FROM processes WHERE role = 'scheduler'")
        row = (os.getpid(), system.start_time(), port)
        connection.execute("INSERT INTO processes VALUES (?, ?, 'scheduler', ?, NULL)", row)
        send_heartbeat()
    return True


def _check_leadership(connection: sqlite3.Connection) -> None:
    row = (os.getpid(), system.start_time())
    if not connection.execute(
        "SELECT 1 FROM processes WHERE role = 'scheduler' AND pid = ? AND start_time = ?", row
    ).fetchone():
        raise LeadershipLost("Another process leads this folder now.")


def is_leader() -> bool:
    """Whether this process is still the one that starts workers here."""
    row = (os.getpid(), system.start_time())
    return any(
        (each.pid, each.start_time) == row and each.role == "scheduler" for each in database.snapshot().processes
    )


def send_heartbeat() -> None:
    """Gives a sign of life of the process that leads. It is written over the last one: that needs no room on the disk.
    In seconds that no correction of the clock moves, which are the same in all processes of a machine."""
    said = f"{os.getpid()} {system.start_time()} {time.monotonic()}".ljust(80) + "\n"
    with files.open_overwrite(files.runs_dir() / HEARTBEAT_FILE) as file:
        file.write(said.encode())


def _is_frozen(pid: int, start_time: float, slots: int | None) -> bool:
    """Whether a process that leads has given no sign of life for too long (`lanes` is None while it gets ready)."""
    try:
        said, birth, at = files.read_bytes(files.runs_dir() / HEARTBEAT_FILE, 200).decode().split()
        ours = int(said) == pid and abs(float(birth) - start_time) < 0.5
        age = time.monotonic() - float(at)
    except (OSError, ValueError, UserError):  # none yet, one that is half written, or no file
        return False
    return ours and age > (STARTUP_TIMEOUT if slots is None else HEARTBEAT_TIMEOUT)


def set_capacity(slots: int) -> None:
    """How many jobs this process, the foreman, has going at a time."""
    with database.transaction() as connection:
        connection.execute("UPDATE processes SET slots = ? WHERE role = 'scheduler'", (slots,))


def release_leadership() -> bool:
    """Ends this process' lead when no laboratory is open, in one step, so that one which opens meanwhile is not left
    without; whether it did."""
    if active_servers():
        return False
    with database.transaction() as connection:
        if _count_active_servers(connection):
            return False
        connection.execute("DELETE FROM processes WHERE role = 'scheduler' AND pid = ?", (os.getpid(),))
    return True


@dataclass(frozen=True)
class SchedulerProcess:
    """The standing process of this folder."""

    pid: int
    port: int  # where it hears that there is something to do
    slots: int | None  # None while it gets ready


def scheduler_process(snapshot: database.Snapshot | None = None) -> SchedulerProcess | None:
    """The process that starts workers here, as the database has it now (or had it); None when there is none, or none
    that gives signs of life."""
    for each in (snapshot or database.snapshot()).processes:
        leads = each.role == "scheduler" and system.is_alive(each.pid, each.start_time)
        if leads and not _is_frozen(each.pid, each.start_time, each.slots):
            return SchedulerProcess(each.pid, each.port or 0, each.slots)
    return None


# --- What people say of runs ------------------------------------------------------------------------------------------


def sanitise(name: str, max_length: int) -> str:
    """A name that people typed, without what a page could take for markup."""
    return re.sub(r"[^\w .,'+-]", "", name).strip()[:max_length]


def set_display_name(user: str, name: str) -> None:
    """Notes what a person wants to be called."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO users (user, name) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET name = excluded.name",
            (user, sanitise(name, 40)),
        )


def display_name(user: str) -> str:
    """The name that a person goes by; empty when none was given."""
    people = database.cached_snapshot().users
    return people[user].name if user in people else ""


def labels(user: str = "") -> dict[str, RunLabel]:
    """What is said of each run, and which ones this person has pinned."""
    return _labels(database.cached_snapshot(), user)


def label(run: str, user: str = "") -> RunLabel:
    """What is said of a run, as the database holds it now: raises DatabaseError when it cannot be read."""
    return _labels(database.snapshot(), user, [run]).get(run, RunLabel())


def _labels(snapshot: database.Snapshot, user: str, only: Iterable[str] | None = None) -> dict[str, RunLabel]:
    pinned = snapshot.pins.get(user, frozenset())
    found = {}
    for run in {**snapshot.labels, **dict.fromkeys(pinned)} if only is None else only:
        owner, name = snapshot.labels.get(run, (None, ""))
        owner_name = snapshot.users[owner].name if owner and owner in snapshot.users else ""
        found[run] = RunLabel(owner, owner_name, name, run in pinned)
    return found


def rename(run: str, name: str) -> None:
    """Gives a run a name of its own; an empty one takes it away."""
    with database.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO labels VALUES (?, NULL, NULL)", (run,))
        connection.execute("UPDATE labels SET name = ? WHERE run = ?", (sanitise(name, 80) or None, run))


def pin(run: str, user: str, pinned: bool) -> None:
    with database.transaction() as connection:
        if pinned:
            connection.execute("INSERT OR IGNORE INTO pins VALUES (?, ?)", (run, user))
        else:
            connection.execute("DELETE FROM pins WHERE run = ? AND user = ?", (run, user))


def delete_labels(run: str) -> None:
    """Removes what is said of a run, because it was deleted."""
    with database.transaction() as connection:
        connection.execute("DELETE FROM labels WHERE run = ?", (run,))
        connection.execute("DELETE FROM pins WHERE run = ?", (run,))


def restore_labels(run: str, owner: str | None, name: str) -> None:
    """Says of a run again who owns it and what it is called."""
    with database.transaction() as connection:
        connection.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", (run, owner, name or None))
