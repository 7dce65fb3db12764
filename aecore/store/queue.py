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

EACH = 200  # runs of one person that may wait
TOGETHER = 5000  # runs that may wait in all
FROZEN = 20.0  # seconds without a heartbeat after which a scheduler counts as frozen
STARTING = 120.0  # the same while it still imports what it needs
HEARTBEAT = ".heartbeat"


class Superseded(UserError):
    """Another process leads now: this one did not give a sign of life for too long."""


@dataclass(frozen=True)
class Label:
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
    return database.known().jobs.get(run)


def ask(
    run: str,
    config: Mapping[str, Any],
    person: str,
    device: str | None,
    environment: Mapping[str, str],
    there: Callable[[], bool],
) -> bool:
    """Notes that a person wants a run. True when somebody else did before, or when it is `there` already (asked within
    the transaction, so that nothing can come between). Raises UserError when too many runs of theirs wait already.
    """
    now = time.time()
    with database.changing() as connection:
        known = connection.execute("SELECT 1 FROM jobs WHERE run = ?", (run,)).fetchone() is not None
        if not known:
            _refuse_too_many(connection, person)
        if not known and there():
            return True
        if not known:
            row = (run, json.dumps(config), device, json.dumps(environment), now)
            connection.execute("INSERT INTO jobs (run, config, device, environment, asked) VALUES (?, ?, ?, ?, ?)", row)
        connection.execute("INSERT OR IGNORE INTO people (person) VALUES (?)", (person,))
        connection.execute("INSERT OR IGNORE INTO wants VALUES (?, ?, ?)", (run, person, now))
        connection.execute("INSERT OR IGNORE INTO labels VALUES (?, ?, NULL)", (run, person))
        connection.execute("UPDATE labels SET owner = ? WHERE run = ? AND owner IS NULL", (person, run))
    return known


def _refuse_too_many(connection: sqlite3.Connection, person: str) -> None:
    waiting = "SELECT count(*) FROM jobs WHERE state = 'waiting'"
    (theirs,) = connection.execute(
        f"{waiting} AND run IN (SELECT run FROM wants WHERE person = ?)", (person,)
    ).fetchone()
    if theirs >= EACH:
        raise UserError(
            f"{theirs} runs of yours are waiting, and {EACH} may: stop some, or wait until some have begun."
        )
    (all_of_them,) = connection.execute(waiting).fetchone()
    if all_of_them >= TOGETHER:
        raise UserError(f"{all_of_them:,} runs are waiting here, and no more than {TOGETHER:,} may: try again later.")


def wanted_by(run: str) -> list[str]:
    """The people who want a run that has not come to rest, the first asked first."""
    return list(database.known().wants.get(run, ()))


def leave(run: str, person: str) -> tuple[int, Job | None]:
    """A person no longer wants a run. How many others still do, and its job; one that waits and that nobody wants any
    more is gone from the ledger.
    """
    job = database.snapshot().jobs.get(run)
    with database.changing() as connection:
        connection.execute("DELETE FROM wants WHERE run = ? AND person = ?", (run, person))
        (others,) = connection.execute("SELECT count(*) FROM wants WHERE run = ?", (run,)).fetchone()
        state = connection.execute("SELECT state FROM jobs WHERE run = ?", (run,)).fetchone()
        if not others:
            connection.execute("DELETE FROM jobs WHERE run = ? AND state = 'waiting'", (run,))
    if job is None or state is None:
        return others, None
    return others, dataclasses.replace(job, state=state[0])


def turns() -> list[str]:
    """The waiting runs in the order of their turns (see `database.Snapshot.turns`)."""
    return [run for run, _ in database.known().turns]


def claim(leader: bool = False) -> Job | None:
    """The waiting job whose turn it is, running from now on; None when none waits. As the `leader`: raises Superseded
    when this process is not that any more."""
    for run, person in (known := database.snapshot()).turns:
        with database.changing() as connection:
            if leader:
                _lead_still(connection)
            done = connection.execute(
                "UPDATE jobs SET state = 'running', pid = NULL WHERE run = ? AND state = 'waiting'", (run,)
            )
            if done.rowcount:
                # turns are counted, not timed: a clock that jumps makes nobody wait
                turn = "(SELECT max(served) + 1 FROM people)"
                connection.execute(f"UPDATE people SET served = {turn} WHERE person = ?", (person,))
                return known.jobs[run]
    return None


def started(run: str, pid: int, born: float) -> None:
    """Which process works on a job."""
    with database.changing() as connection:
        connection.execute("UPDATE jobs SET state = 'running', pid = ?, born = ? WHERE run = ?", (pid, born, run))


def enlist(run: str) -> bool:
    """Notes that this process works on a job; False when another one that lives does."""
    with database.changing() as connection:
        row = connection.execute("SELECT pid, born FROM jobs WHERE run = ?", (run,)).fetchone()
        if row and row[0] != os.getpid() and system.alive(*row):
            return False
        values = (os.getpid(), system.born(), run)
        connection.execute("UPDATE jobs SET state = 'running', pid = ?, born = ? WHERE run = ?", values)
    return True


def died(run: str, mark: int, leader: bool = False) -> int:
    """Notes the death of a job's worker while the checkpoint was `mark` (0: none). How many there were in a row with no
    new checkpoint between."""
    with database.changing() as connection:
        if leader:
            _lead_still(connection)
        (deaths, before) = connection.execute("SELECT deaths, mark FROM jobs WHERE run = ?", (run,)).fetchone()
        deaths = 1 if mark and mark != before else deaths + 1
        connection.execute("UPDATE jobs SET deaths = ?, mark = ?, pid = NULL WHERE run = ?", (deaths, mark, run))
    return int(deaths)


def rested(run: str, again: bool = False, leader: bool = False) -> None:
    """A job has come to rest. `again`: unless somebody has asked for it since, who then waits for a new turn."""
    with database.changing() as connection:
        if leader:
            _lead_still(connection)
        wants = connection.execute("SELECT 1 FROM wants WHERE run = ?", (run,)).fetchone()
        if again and wants:
            connection.execute("UPDATE jobs SET state = 'waiting', pid = NULL, deaths = 0 WHERE run = ?", (run,))
            return
        connection.execute("DELETE FROM jobs WHERE run = ?", (run,))
        connection.execute("DELETE FROM wants WHERE run = ?", (run,))


# --- Processes --------------------------------------------------------------------------------------------------------


def _open_laboratories(connection: sqlite3.Connection) -> int:
    rows = connection.execute("SELECT pid, born FROM processes WHERE role = 'laboratory'").fetchall()
    for dead in [row for row in rows if not system.alive(*row)]:
        connection.execute("DELETE FROM processes WHERE pid = ? AND born = ?", dead)
        rows.remove(dead)
    return len(rows)


def open_laboratory() -> None:
    """Notes that this process is a laboratory that wants its jobs done."""
    row = (os.getpid(), system.born())
    if any((each.pid, each.born) == row and each.role == "laboratory" for each in database.snapshot().processes):
        return
    with database.changing() as connection:
        connection.execute("INSERT OR IGNORE INTO processes VALUES (?, ?, 'laboratory', NULL, NULL)", row)


def close_laboratory() -> None:
    with database.changing() as connection:
        connection.execute("DELETE FROM processes WHERE pid = ? AND role = 'laboratory'", (os.getpid(),))


def laboratories() -> int:
    """How many laboratories use this folder at this moment."""
    noted = [each for each in database.snapshot().processes if each.role == "laboratory"]
    return sum(system.alive(each.pid, each.born) for each in noted)


def lead(port: int) -> bool:
    """Makes this process the one that starts workers here; False when another one is, and gives signs of life."""
    with database.changing() as connection:
        rows = connection.execute("SELECT pid, born, lanes FROM processes WHERE role = 'foreman'").fetchall()
        if any(system.alive(pid, born) and not _frozen(pid, born, lanes) for pid, born, lanes in rows):
            return False
        connection.execute("DELETE FROM processes WHERE role = 'foreman'")
        row = (os.getpid(), system.born(), port)
        connection.execute("INSERT INTO processes VALUES (?, ?, 'foreman', ?, NULL)", row)
        beat()
    return True


def _lead_still(connection: sqlite3.Connection) -> None:
    row = (os.getpid(), system.born())
    if not connection.execute(
        "SELECT 1 FROM processes WHERE role = 'foreman' AND pid = ? AND born = ?", row
    ).fetchone():
        raise Superseded("Another process leads this folder now.")


def leads() -> bool:
    """Whether this process is still the one that starts workers here."""
    row = (os.getpid(), system.born())
    return any((each.pid, each.born) == row and each.role == "foreman" for each in database.snapshot().processes)


def beat() -> None:
    """Gives a sign of life of the process that leads. It is written over the last one: that needs no room on the disk.
    In seconds that no correction of the clock moves, which are the same in all processes of a machine."""
    said = f"{os.getpid()} {system.born()} {time.monotonic()}".ljust(80) + "\n"
    with files.overwriting(files.folder() / HEARTBEAT) as file:
        file.write(said.encode())


def _frozen(pid: int, born: float, lanes: int | None) -> bool:
    """Whether a process that leads has given no sign of life for too long (`lanes` is None while it gets ready)."""
    try:
        said, birth, at = files.read_bytes(files.folder() / HEARTBEAT, 200).decode().split()
        ours = int(said) == pid and abs(float(birth) - born) < 0.5
        age = time.monotonic() - float(at)
    except (OSError, ValueError, UserError):  # none yet, one that is half written, or no file
        return False
    return ours and age > (STARTING if lanes is None else FROZEN)


def carries(lanes: int) -> None:
    """How many jobs this process, the foreman, has going at a time."""
    with database.changing() as connection:
        connection.execute("UPDATE processes SET lanes = ? WHERE role = 'foreman'", (lanes,))


def resign() -> bool:
    """Ends this process' lead when no laboratory is open, in one step, so that one which opens meanwhile is not left
    without; whether it did."""
    if laboratories():
        return False
    with database.changing() as connection:
        if _open_laboratories(connection):
            return False
        connection.execute("DELETE FROM processes WHERE role = 'foreman' AND pid = ?", (os.getpid(),))
    return True


@dataclass(frozen=True)
class Foreman:
    """The standing process of this folder."""

    pid: int
    port: int  # where it hears that there is something to do
    lanes: int | None  # None while it gets ready


def foreman(known: database.Snapshot | None = None) -> Foreman | None:
    """The process that starts workers here, as the database has it now (or had it); None when there is none, or none
    that gives signs of life."""
    for each in (known or database.snapshot()).processes:
        leads = each.role == "foreman" and system.alive(each.pid, each.born)
        if leads and not _frozen(each.pid, each.born, each.lanes):
            return Foreman(each.pid, each.port or 0, each.lanes)
    return None


# --- What people say of runs ------------------------------------------------------------------------------------------


def plain(name: str, most: int) -> str:
    """A name that people typed, without what a page could take for markup."""
    return re.sub(r"[^\w .,'+-]", "", name).strip()[:most]


def greet(person: str, name: str) -> None:
    """Notes what a person wants to be called."""
    with database.changing() as connection:
        connection.execute(
            "INSERT INTO people (person, name) VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET name = excluded.name",
            (person, plain(name, 40)),
        )


def called(person: str) -> str:
    """The name that a person goes by; empty when none was given."""
    people = database.known().people
    return people[person].name if person in people else ""


def labels(person: str = "") -> dict[str, Label]:
    """What is said of each run, and which ones this person has pinned."""
    return _labels(database.known(), person)


def label(run: str, person: str = "") -> Label:
    """What is said of a run, as the database holds it now: raises DatabaseError when it cannot be read."""
    return _labels(database.snapshot(), person, [run]).get(run, Label())


def _labels(known: database.Snapshot, person: str, only: Iterable[str] | None = None) -> dict[str, Label]:
    pinned = known.pins.get(person, frozenset())
    found = {}
    for run in {**known.labels, **dict.fromkeys(pinned)} if only is None else only:
        owner, name = known.labels.get(run, (None, ""))
        owner_name = known.people[owner].name if owner and owner in known.people else ""
        found[run] = Label(owner, owner_name, name, run in pinned)
    return found


def rename(run: str, name: str) -> None:
    """Gives a run a name of its own; an empty one takes it away."""
    with database.changing() as connection:
        connection.execute("INSERT OR IGNORE INTO labels VALUES (?, NULL, NULL)", (run,))
        connection.execute("UPDATE labels SET name = ? WHERE run = ?", (plain(name, 80) or None, run))


def pin(run: str, person: str, pinned: bool) -> None:
    with database.changing() as connection:
        if pinned:
            connection.execute("INSERT OR IGNORE INTO pins VALUES (?, ?)", (run, person))
        else:
            connection.execute("DELETE FROM pins WHERE run = ? AND person = ?", (run, person))


def forget(run: str) -> None:
    """Removes what is said of a run, because it was deleted."""
    with database.changing() as connection:
        connection.execute("DELETE FROM labels WHERE run = ?", (run,))
        connection.execute("DELETE FROM pins WHERE run = ?", (run,))


def restore(run: str, owner: str | None, name: str) -> None:
    """Says of a run again who owns it and what it is called."""
    with database.changing() as connection:
        connection.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", (run, owner, name or None))
