"""The ledger: one SQLite file beside the runs. Who asked for what, whose turn it is, and what people call their runs.

Several servers and workers share it, so every change is one transaction, and nothing is kept open between two: a
process that forks must not hand its connection on. It says what is to be done; what has been done is said by the
folders of the runs. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from aecore import files, processes
from aecore.errors import UserError

NAME = "laboratory.sqlite"
SCHEMA = 1
PATIENCE = 30  # seconds that somebody waits for others to finish with the ledger
TABLES = """
CREATE TABLE jobs (
    run TEXT PRIMARY KEY, config TEXT NOT NULL, device TEXT, environment TEXT NOT NULL, asked REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', pid INTEGER, born REAL, deaths INTEGER NOT NULL DEFAULT 0, mark INTEGER
);
CREATE TABLE wants (run TEXT, person TEXT, asked REAL NOT NULL, PRIMARY KEY (run, person));
CREATE TABLE people (person TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', served REAL NOT NULL DEFAULT 0);
CREATE TABLE labels (run TEXT PRIMARY KEY, owner TEXT, name TEXT);
CREATE TABLE pins (run TEXT, person TEXT, PRIMARY KEY (run, person));
CREATE TABLE processes (pid INTEGER, born REAL, role TEXT, port INTEGER, lanes INTEGER, PRIMARY KEY (pid, born));
"""

Alive = Callable[[int | None, float | None], bool]


@dataclass(frozen=True)
class Job:
    """A run that somebody asked for and that has not come to rest."""

    run: str
    config: Mapping[str, Any]
    device: str | None
    environment: Mapping[str, str]
    asked: float  # seconds since 1970
    state: Literal["waiting", "running"] = "waiting"
    pid: int | None = None  # of its worker, once there is one
    born: float | None = None
    deaths: int = 0  # of workers, since the last new checkpoint
    mark: int | None = None  # which checkpoint there was at the last death


@dataclass(frozen=True)
class Label:
    """What people say of a run."""

    owner: str | None = None  # the person who asked first
    owner_name: str = ""
    name: str = ""
    pinned: bool = False


@contextlib.contextmanager
def _opened(to_read: bool = False) -> Iterator[sqlite3.Connection]:
    """The ledger, made when there is none; one transaction, whole or not at all. Readers wait for nobody."""
    place = files.folder()
    place.mkdir(parents=True, exist_ok=True)
    file = place / NAME
    try:
        connection = sqlite3.connect(file, timeout=PATIENCE, isolation_level=None)
    except sqlite3.Error as error:
        raise UserError(f"The laboratory's ledger {file} cannot be opened ({error}).") from None
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] != SCHEMA:
            _prepare(connection)
        connection.execute("BEGIN" if to_read else "BEGIN IMMEDIATE")
        yield connection
        connection.execute("COMMIT")
    except sqlite3.DatabaseError as error:
        if "full" in str(error):
            raise UserError("The disk is full: free some space, then try again.") from None
        raise UserError(f"The ledger {file} cannot be used ({error}); move it away to start a new one.") from None
    finally:
        connection.close()  # rolls back what was not committed


def _prepare(connection: sqlite3.Connection) -> None:
    """Makes the tables. Two processes may come here at once: the second finds them."""
    _write_ahead(connection)
    connection.execute("BEGIN IMMEDIATE")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA:
        raise UserError("These runs were kept by a newer version of the laboratory: use that one, or another folder.")
    if version < SCHEMA:
        for statement in filter(str.strip, TABLES.split(";")):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {SCHEMA}")
    connection.execute("COMMIT")


def _write_ahead(connection: sqlite3.Connection) -> None:
    """Lets readers read while somebody writes. Alone among all that SQLite is asked this does not wait for others but
    gives up at once, so it is tried again until they are gone."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


def _read(query: str, *values: Any) -> list[tuple[Any, ...]]:
    """The rows of a query; none when there is no ledger yet."""
    if not (files.folder() / NAME).exists():
        return []
    with _opened(to_read=True) as connection:
        return connection.execute(query, values).fetchall()


# --- Jobs -------------------------------------------------------------------------------------------------------------

_JOB = "SELECT run, config, device, environment, asked, state, pid, born, deaths, mark FROM jobs"


def _job(row: tuple[Any, ...]) -> Job:
    run, config, device, environment, *rest = row
    return Job(run, json.loads(config), device, json.loads(environment), *rest)


def jobs() -> list[Job]:
    """All jobs, the first asked first."""
    return [_job(row) for row in _read(f"{_JOB} ORDER BY asked")]


def job(run: str) -> Job | None:
    found = _read(f"{_JOB} WHERE run = ?", run)
    return _job(found[0]) if found else None


def ask(
    run: str,
    config: Mapping[str, Any],
    person: str,
    device: str | None,
    environment: Mapping[str, str],
    there: Callable[[], bool],
) -> bool:
    """Notes that a person wants a run. True when somebody else did before, or when it is `there` already (asked within
    the transaction, so that nothing can come between).
    """
    now = time.time()
    with _opened() as connection:
        known = connection.execute("SELECT 1 FROM jobs WHERE run = ?", (run,)).fetchone() is not None
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


def wanted_by(run: str) -> list[str]:
    """The people who want a run that has not come to rest, the first asked first."""
    return [person for (person,) in _read("SELECT person FROM wants WHERE run = ? ORDER BY asked", run)]


def leave(run: str, person: str) -> tuple[int, Job | None]:
    """A person no longer wants a run. How many others still do, and its job; one that waits and that nobody wants any
    more is gone from the ledger.
    """
    with _opened() as connection:
        connection.execute("DELETE FROM wants WHERE run = ? AND person = ?", (run, person))
        (others,) = connection.execute("SELECT count(*) FROM wants WHERE run = ?", (run,)).fetchone()
        row = connection.execute(f"{_JOB} WHERE run = ?", (run,)).fetchone()
        if not others:
            connection.execute("DELETE FROM jobs WHERE run = ? AND state = 'waiting'", (run,))
    return others, _job(row) if row else None


def turns() -> list[str]:
    """The waiting runs in the order of their turns: the person served least recently comes first, so that one person's
    ten do not block another's first; each person's own come in the order they were asked for.
    """
    return [run for run, _ in _turns()]


def _turns() -> list[tuple[str, str]]:
    """(run, person whose turn it is) of all that wait, in order."""
    rows = _read(
        "SELECT jobs.run, wants.person, wants.asked, people.served FROM jobs JOIN wants USING (run) "
        "JOIN people USING (person) WHERE jobs.state = 'waiting' ORDER BY wants.asked"
    )
    queues: dict[str, list[tuple[float, str]]] = {}
    served: dict[str, float] = {}
    for run, person, asked, last in rows:
        queues.setdefault(person, []).append((asked, run))
        served[person] = last
    clock, order, taken = max(served.values(), default=0.0), list[tuple[str, str]](), set[str]()
    while queues:
        person = min(queues, key=lambda each: (served[each], queues[each][0]))
        _, run = queues[person].pop(0)
        if not queues[person]:
            del queues[person]
        if run not in taken:
            order.append((run, person))
            taken.add(run)
            clock += 1  # later than everybody else
            served[person] = clock
    return order


def claim() -> Job | None:
    """The waiting job whose turn it is, running from now on; None when none waits."""
    for run, person in _turns():
        with _opened() as connection:
            row = connection.execute(f"{_JOB} WHERE run = ? AND state = 'waiting'", (run,)).fetchone()
            if row:
                connection.execute("UPDATE jobs SET state = 'running', pid = NULL WHERE run = ?", (run,))
                connection.execute("UPDATE people SET served = ? WHERE person = ?", (time.time(), person))
                return _job(row)
    return None


def started(run: str, pid: int, born: float) -> None:
    """Which process works on a job."""
    with _opened() as connection:
        connection.execute("UPDATE jobs SET state = 'running', pid = ?, born = ? WHERE run = ?", (pid, born, run))


def died(run: str, mark: int) -> int:
    """Notes the death of a job's worker while the checkpoint was `mark` (0: none). How many there were in a row with no
    new checkpoint between."""
    with _opened() as connection:
        (deaths, before) = connection.execute("SELECT deaths, mark FROM jobs WHERE run = ?", (run,)).fetchone()
        deaths = 1 if mark and mark != before else deaths + 1
        connection.execute("UPDATE jobs SET deaths = ?, mark = ?, pid = NULL WHERE run = ?", (deaths, mark, run))
    return int(deaths)


def rested(run: str, again: bool = False) -> None:
    """A job has come to rest. `again`: unless somebody has asked for it since, who then waits for a new turn."""
    with _opened() as connection:
        wants = connection.execute("SELECT 1 FROM wants WHERE run = ?", (run,)).fetchone()
        if again and wants:
            connection.execute("UPDATE jobs SET state = 'waiting', pid = NULL, deaths = 0 WHERE run = ?", (run,))
            return
        connection.execute("DELETE FROM jobs WHERE run = ?", (run,))
        connection.execute("DELETE FROM wants WHERE run = ?", (run,))


# --- Processes --------------------------------------------------------------------------------------------------------


def _open_laboratories(connection: sqlite3.Connection) -> int:
    rows = connection.execute("SELECT pid, born FROM processes WHERE role = 'laboratory'").fetchall()
    for dead in [row for row in rows if not processes.alive(*row)]:
        connection.execute("DELETE FROM processes WHERE pid = ? AND born = ?", dead)
        rows.remove(dead)
    return len(rows)


def open_laboratory() -> None:
    """Notes that this process is a laboratory that wants its jobs done."""
    with _opened() as connection:
        row = (os.getpid(), processes.born())
        connection.execute("INSERT OR IGNORE INTO processes VALUES (?, ?, 'laboratory', NULL, NULL)", row)


def close_laboratory() -> None:
    with _opened() as connection:
        connection.execute("DELETE FROM processes WHERE pid = ? AND role = 'laboratory'", (os.getpid(),))


def laboratories() -> int:
    """How many laboratories use this folder at this moment."""
    if not _read("SELECT 1 FROM processes WHERE role = 'laboratory'"):
        return 0
    with _opened() as connection:
        return _open_laboratories(connection)


def lead(port: int) -> bool:
    """Makes this process the one that starts workers here; False when another one is."""
    with _opened() as connection:
        for pid, born in connection.execute("SELECT pid, born FROM processes WHERE role = 'foreman'").fetchall():
            if processes.alive(pid, born):
                return False
        connection.execute("DELETE FROM processes WHERE role = 'foreman'")
        row = (os.getpid(), processes.born(), port)
        connection.execute("INSERT INTO processes VALUES (?, ?, 'foreman', ?, NULL)", row)
    return True


def carries(lanes: int) -> None:
    """How many jobs this process, the foreman, has going at a time."""
    with _opened() as connection:
        connection.execute("UPDATE processes SET lanes = ? WHERE role = 'foreman'", (lanes,))


def resign() -> bool:
    """Ends this process' lead when no laboratory is open, in one step, so that one which opens meanwhile is not left
    without; whether it did."""
    with _opened() as connection:
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


def foreman() -> Foreman | None:
    """The process that starts workers here; None when there is none, or none alive."""
    for pid, born, port, lanes in _read("SELECT pid, born, port, lanes FROM processes WHERE role = 'foreman'"):
        if processes.alive(pid, born):
            return Foreman(pid, port, lanes)
    return None


# --- What people say of runs ------------------------------------------------------------------------------------------


def plain(name: str, most: int) -> str:
    """A name that people typed, without what a page could take for markup."""
    return re.sub(r"[^\w .,'+-]", "", name).strip()[:most]


def greet(person: str, name: str) -> None:
    """Notes what a person wants to be called."""
    with _opened() as connection:
        connection.execute(
            "INSERT INTO people (person, name) VALUES (?, ?) ON CONFLICT (person) DO UPDATE SET name = excluded.name",
            (person, plain(name, 40)),
        )


def called(person: str) -> str:
    """The name that a person goes by; empty when none was given."""
    found = _read("SELECT name FROM people WHERE person = ?", person)
    return str(found[0][0]) if found else ""


def labels(person: str = "") -> dict[str, Label]:
    """What is said of each run, and which ones this person has pinned."""
    rows = _read("SELECT run, owner, people.name, labels.name FROM labels LEFT JOIN people ON people.person = owner")
    found = {run: Label(owner, owner_name or "", name or "") for run, owner, owner_name, name in rows}
    for (run,) in _read("SELECT run FROM pins WHERE person = ?", person):
        known = found.get(run, Label())
        found[run] = Label(known.owner, known.owner_name, known.name, True)
    return found


def rename(run: str, name: str) -> None:
    """Gives a run a name of its own; an empty one takes it away."""
    with _opened() as connection:
        connection.execute("INSERT OR IGNORE INTO labels VALUES (?, NULL, NULL)", (run,))
        connection.execute("UPDATE labels SET name = ? WHERE run = ?", (plain(name, 80) or None, run))


def pin(run: str, person: str, pinned: bool) -> None:
    with _opened() as connection:
        if pinned:
            connection.execute("INSERT OR IGNORE INTO pins VALUES (?, ?)", (run, person))
        else:
            connection.execute("DELETE FROM pins WHERE run = ? AND person = ?", (run, person))


def forget(run: str) -> None:
    """Removes what is said of a run, because it was deleted."""
    with _opened() as connection:
        connection.execute("DELETE FROM labels WHERE run = ?", (run,))
        connection.execute("DELETE FROM pins WHERE run = ?", (run,))


def restore(run: str, owner: str | None, name: str) -> None:
    """Says of a run again who owns it and what it is called."""
    with _opened() as connection:
        connection.execute("INSERT OR REPLACE INTO labels VALUES (?, ?, ?)", (run, owner, name or None))
