"""The laboratory's database: one SQLite file beside the runs. How it is opened and read, and what can be wrong with it.

It keeps a rollback journal, and no write-ahead log: reading then needs no other file, so pages go on when the disk is
full or the folder is read-only, and the journal's room is never given back (`PERSIST`), so small changes find it when
the disk is full. Nothing stays open between two transactions: a process that forks must not hand its connection on.

Reading is done once for everybody: `snapshot` keeps all that the database holds until the file changes.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote

from aecore import disk, files
from aecore.errors import UserError

FILE_NAME = "aecore.sqlite"
SCHEMA_VERSION = 2
VERSION_1_FILE = "laboratory.sqlite"  # the file of version 1, which `python -m aecore upgrade` converts
WRITE_TIMEOUT = 30.0  # seconds that a change waits for others to finish theirs
READ_TIMEOUT = 2.0  # seconds that a look waits: people wait for a page
MAX_CHANGE_BYTES = 2**16  # bytes that one may take
RETRY_SECONDS = 1.0  # seconds until somebody looks again after a look that failed
JOURNAL_SUFFIXES = ("-journal", "-wal", "-shm")  # how the files end that SQLite may open beside it
MTIME_RESOLUTION, COARSE_MTIME_RESOLUTION = (
    0.05,
    2.5,
)  # seconds that the clock of a file system stands still at most; where it has no fractions
TABLES_SQL = """
CREATE TABLE jobs (
    run TEXT PRIMARY KEY, config TEXT NOT NULL, device TEXT, environment TEXT NOT NULL,
    requested_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', pid INTEGER, start_time REAL, crashes INTEGER NOT NULL DEFAULT 0,
    checkpoint_version INTEGER
);
CREATE TABLE requests (run TEXT, user TEXT, requested_at REAL NOT NULL, PRIMARY KEY (run, user));
CREATE TABLE users (user TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', last_turn REAL NOT NULL DEFAULT 0);
CREATE TABLE labels (run TEXT PRIMARY KEY, owner TEXT, name TEXT);
CREATE TABLE pins (run TEXT, user TEXT, PRIMARY KEY (run, user));
CREATE TABLE processes (
    pid INTEGER, start_time REAL, role TEXT, port INTEGER, slots INTEGER, PRIMARY KEY (pid, start_time)
);
"""
TABLE_NAMES = frozenset(re.findall(r"CREATE TABLE (\w+)", TABLES_SQL))


class DatabaseError(UserError):
    """The database cannot be used. Its text says why, and what to do."""


class Busy(DatabaseError):
    """Others use it at this moment; it is sound."""


class Full(DatabaseError):
    """The disk has no room for a change; it is sound."""


class Damaged(DatabaseError):
    """Its content is not what this laboratory wrote; it can be set aside whole and made again from the runs."""


def path() -> Path:
    """Where the database is."""
    return files.runs_dir() / FILE_NAME


# --- What can be wrong ------------------------------------------------------------------------------------------------

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)  # the latter for a text that is none
_DAMAGE_CODES = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")
_BUSY_CODES = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")


def _database_error(error: Exception) -> DatabaseError:
    """What SQLite says, as a sentence for people. A locked database is not damaged, and a full disk harms none."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(_DAMAGE_CODES):
        return _damaged_error(error)
    if name.startswith(_BUSY_CODES):
        return Busy(f"The database {path()} is in use by another program ({error}): try again in a moment.")
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _is_disk_full()):
        return Full(disk.DISK_FULL_MESSAGE)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH", "SQLITE_IOERR")):
        return DatabaseError(disk.runs_dir_error() or f"The database {path()} cannot be opened or changed ({error}).")
    if isinstance(error, sqlite3.IntegrityError):
        return DatabaseError(f"The database {path()} cannot be changed ({error}): try again.")
    return _damaged_error(error)  # a table or a column that is not there


def _damaged_error(why: object) -> Damaged:
    return Damaged(
        f"The database {path()} is damaged ({why}). It is set aside whole and made again from the runs as soon as that "
        "can be done; until then what was trained can be looked at."
    )


def _is_disk_full() -> bool:
    """Whether the disk has no room for a change."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(files.runs_dir()).free < MAX_CHANGE_BYTES
    return False


def _stat(file: Path) -> os.stat_result | None:
    """What the system says of the database; None when there is none yet. A link is not followed. Only SQLite opens the
    file: a process that closes one loses all locks that its threads hold on it (POSIX). Raises DatabaseError where
    there is only one of version 1."""
    about: list[os.stat_result | None] = []
    for name in ("", *JOURNAL_SUFFIXES):
        try:
            found = os.lstat(f"{file}{name}")
        except (FileNotFoundError, NotADirectoryError):
            about.append(None)
            continue
        except OSError as error:
            raise DatabaseError(
                disk.runs_dir_error() or f"The database {file} cannot be read ({error.strerror})."
            ) from None
        if not stat.S_ISREG(found.st_mode):
            raise DatabaseError(f"{file}{name} is no file: move it away, so that the database can be used.")
        about.append(found)
    if about[0] is None and os.path.lexists(file.with_name(VERSION_1_FILE)):
        raise _version_1_error(file.with_name(VERSION_1_FILE))
    return about[0]


def _version_1_error(file: Path) -> DatabaseError:
    return DatabaseError(
        f"The database {file} is of an earlier version of the laboratory: run `python -m aecore upgrade` to convert it."
    )


def _has_tables(connection: sqlite3.Connection) -> bool:
    """Whether a database has its tables; an empty one has none yet. Raises DatabaseError for one of a newer version, or
    of another program."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise DatabaseError(
            f"These runs were kept by a newer version of the laboratory ({path()} has format {version}, and this one "
            f"knows {SCHEMA_VERSION}): what was trained can be looked at; to train, use that version, or another "
            f"folder."
        )
    if version == 1:
        raise _version_1_error(path())
    there = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if there and not there >= TABLE_NAMES and version != SCHEMA_VERSION:
        raise DatabaseError(
            f"{path()} was not made by this laboratory (it holds {min(there)[:40]!r}): move it away, or name another "
            "folder in AECORE_RUNS."
        )
    if version == SCHEMA_VERSION and not there >= TABLE_NAMES:
        raise _damaged_error(f"there is no table {min(TABLE_NAMES - there)}")
    return version == SCHEMA_VERSION


# --- Changing it ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """The database, made when there is none; one transaction, whole or not at all. Raises DatabaseError."""
    with disk.user_errors("The database cannot be made"):
        files.runs_dir().mkdir(parents=True, exist_ok=True)
    _stat(path())  # what is no file is not opened
    with _WRITE_LOCK:  # threads wait here, in turn: of those that wait for SQLite some would wait for very long
        connection = _begin()
        try:
            yield connection
            connection.execute("COMMIT")
        except SQLITE_ERRORS as error:
            raise _change_error(error) from None
        finally:
            connection.close()  # rolls back what was not committed


def _begin() -> sqlite3.Connection:
    """A connection in a transaction that may write, with the tables there."""
    while _is_disk_full() and disk.free_space(use_reserve=True):
        pass
    connection = _connect(WRITE_TIMEOUT)
    try:
        _disable_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        if not _has_tables(connection):
            for statement in filter(str.strip, TABLES_SQL.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        return connection
    except BaseException as error:
        connection.close()
        if isinstance(error, SQLITE_ERRORS):
            raise _change_error(error) from None
        raise


def _change_error(error: Exception) -> DatabaseError:
    """What SQLite says of a change, as a sentence. What may mean damage is remembered: an index may be spoilt that no
    look has read."""
    said = _database_error(error)
    if isinstance(said, Damaged) or isinstance(error, sqlite3.IntegrityError):
        with _CACHE_LOCK:
            _cache_entry(path().absolute()).suspect = True
    return said


def _connect(timeout: float, create: bool = True) -> sqlite3.Connection:
    """A connection. Of a file that may only be read SQLite makes a reader by itself."""
    address = f"file:{quote(str(path().absolute()))}?mode={'rwc' if create else 'rw'}"
    try:
        return sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None)
    except SQLITE_ERRORS as error:
        raise _database_error(error) from None


def _disable_wal(connection: sqlite3.Connection) -> None:
    """Sets the kind of journal, for this connection; once it turns off the log that earlier versions kept, for which
    others must be gone for a moment."""
    end = time.monotonic() + WRITE_TIMEOUT
    while True:
        try:
            connection.execute("PRAGMA journal_mode = PERSIST")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > end:
                raise
            time.sleep(0.01)


# --- Reading it -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Job:
    """A run that somebody asked for and that has not come to rest."""

    run: str
    config: Mapping[str, Any]
    device: str | None
    environment: Mapping[str, str]
    requested_at: float  # seconds since 1970
    state: Literal["waiting", "running"] = "waiting"
    pid: int | None = None  # of its worker, once there is one
    start_time: float | None = None
    crashes: int = 0  # of workers, since the last new checkpoint
    checkpoint_version: int | None = None  # which checkpoint there was at the last death


@dataclass(frozen=True)
class User:
    """Somebody who was here."""

    name: str  # what they want to be called; may be empty
    last_turn: float  # the number of their last turn: higher for who was served later


@dataclass(frozen=True)
class Process:
    """A server or the scheduler, as it noted itself."""

    pid: int
    start_time: float
    role: str
    port: int | None
    slots: int | None


@dataclass(frozen=True, eq=False)
class Snapshot:
    """All that the database holds at one moment."""

    jobs: Mapping[str, Job] = field(default_factory=dict)  # the first asked first
    requesters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # run -> people, the first asked first
    requests: tuple[tuple[str, str], ...] = ()  # (run, person), the first asked first
    users: Mapping[str, User] = field(default_factory=dict)
    labels: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)  # run -> owner, name
    pins: Mapping[str, frozenset[str]] = field(default_factory=dict)  # person -> runs
    processes: tuple[Process, ...] = ()

    @cached_property
    def order(self) -> tuple[tuple[str, str], ...]:
        """(run, person whose turn it is) of all that wait, in order: the person served least recently comes first, so
        that one person's ten do not block another's first; each person's own come in the order they were asked for.
        """
        queues: dict[str, list[tuple[int, str]]] = {}
        for number, (run, person) in enumerate(self.requests):
            if run in self.jobs and self.jobs[run].state == "waiting":
                queues.setdefault(person, []).append((number, run))
        served = {person: self.users[person].last_turn if person in self.users else 0.0 for person in queues}
        clock = max(served.values(), default=0.0)
        for queue in queues.values():
            queue.reverse()  # the next one is taken from the end
        order, taken = list[tuple[str, str]](), set[str]()
        while queues:
            person = min(queues, key=lambda each: (served[each], queues[each][-1]))
            _, run = queues[person].pop()
            if not queues[person]:
                del queues[person]
            if run not in taken:
                order.append((run, person))
                taken.add(run)
                clock += 1  # later than everybody else
                served[person] = clock
        return tuple(order)


EMPTY_SNAPSHOT = Snapshot()


@dataclass
class _CacheEntry:
    """What was read last of one database."""

    stamp: object = None
    snapshot: Snapshot = EMPTY_SNAPSHOT
    rows: Mapping[str, tuple[tuple[Any, ...], Job]] = field(default_factory=dict)  # of the jobs, and what they say
    suspect: bool = False  # whether a change found it damaged
    error: DatabaseError | None = None
    failed_at: float = 0.0  # when that was (time.monotonic)
    read_at: float = -math.inf  # when it was last read


_CACHE: dict[Path, _CacheEntry] = {}
_MAX_CACHED = 4  # databases: a process uses one, and tests one after the other
_CACHE_LOCK, _WRITE_LOCK = threading.Lock(), threading.Lock()


def _cache_entry(file: Path) -> _CacheEntry:
    if file not in _CACHE:
        while len(_CACHE) >= _MAX_CACHED:
            del _CACHE[next(iter(_CACHE))]
        _CACHE[file] = _CacheEntry()
    return _CACHE[file]


def snapshot() -> Snapshot:
    """What the database holds now; empty when there is none. Read anew only when it was changed, by one thread for all
    who wait. Raises DatabaseError."""
    file, asked = path().absolute(), time.monotonic()
    with _CACHE_LOCK:
        return _current(_cache_entry(file), file, asked)


def _current(entry: _CacheEntry, file: Path, requested_at: float) -> Snapshot:
    if entry.read_at >= requested_at:  # somebody began to read it while we waited for the lock
        return entry.snapshot
    about = _stat(file)
    if about is None or not about.st_size:  # not made yet, or at this moment
        entry.stamp, entry.snapshot = None, EMPTY_SNAPSHOT
        return EMPTY_SNAPSHOT
    stamp = (about.st_mtime_ns, about.st_size, about.st_ino, about.st_dev)
    if stamp != entry.stamp:
        # of two changes within a tick of the file system's clock a look between them must not hide the second
        settled = abs(time.time() - about.st_mtime) > (
            MTIME_RESOLUTION if about.st_mtime_ns % 10**9 else COARSE_MTIME_RESOLUTION
        )
        began, entry.stamp = time.monotonic(), None
        entry.snapshot = _read(entry)
        entry.stamp, entry.read_at = stamp if settled else None, began
    return entry.snapshot


def _read(entry: _CacheEntry) -> Snapshot:
    connection = _connect(READ_TIMEOUT, create=False)
    try:
        if not _has_tables(connection):
            return EMPTY_SNAPSHOT
        connection.execute("BEGIN")
        tables = {name: connection.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in TABLE_NAMES}
    except SQLITE_ERRORS as error:
        raise _database_error(error) from None
    finally:
        connection.close()
    try:
        entry.rows = {
            row[0]: entry.rows[row[0]] if _is_unchanged(entry, row) else (row, _parse_job(row))
            for row in tables["jobs"]
        }
        return _parse_snapshot(tables, {run: job for run, (_, job) in entry.rows.items()})
    except (TypeError, ValueError, RecursionError) as error:
        raise _damaged_error(error) from None


def _is_unchanged(entry: _CacheEntry, row: tuple[Any, ...]) -> bool:
    return row[0] in entry.rows and entry.rows[row[0]][0] == row


def _parse_job(row: tuple[Any, ...]) -> Job:
    run, config, device, environment, asked, state, pid, born, deaths, mark = row
    said, around = json.loads(config), json.loads(environment)
    if not isinstance(said, dict) or not isinstance(around, dict) or state not in ("waiting", "running"):
        raise ValueError(f"a job of {str(run)[:80]!r} that no laboratory wrote")
    around = {_require_text(name): _require_text(value) for name, value in around.items()}
    numbers = [None if number is None else int(number) for number in (pid, deaths, mark)]
    return Job(
        _require_text(run), MappingProxyType(said), None if device is None else _require_text(device),
        MappingProxyType(around),
        float(asked), state, numbers[0], None if born is None else float(born), numbers[1] or 0, numbers[2],
    )  # fmt: skip


def _require_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} where a text was written")
    return value


def _parse_snapshot(tables: Mapping[str, list[tuple[Any, ...]]], jobs: Mapping[str, Job]) -> Snapshot:
    wants: dict[str, tuple[str, ...]] = {}
    wishes = tuple((_require_text(run), _require_text(person)) for run, person, _ in tables["requests"])
    for run, person in wishes:
        wants[run] = (*wants.get(run, ()), person)
    pins: dict[str, set[str]] = {}
    for run, person in tables["pins"]:
        pins.setdefault(_require_text(person), set()).add(_require_text(run))
    return Snapshot(
        jobs,
        wants,
        wishes,
        {_require_text(person): User(_require_text(name), float(served)) for person, name, served in tables["users"]},
        {
            _require_text(run): (None if owner is None else _require_text(owner), _require_text(name or ""))
            for run, owner, name in tables["labels"]
        },
        {person: frozenset(runs) for person, runs in pins.items()},
        tuple(
            Process(
                int(pid), float(born), _require_text(role), None if port is None else int(port), lanes and int(lanes)
            )
            for pid, born, role, port, lanes in tables["processes"]
        ),
    )


def cached_snapshot() -> Snapshot:
    """What the database holds, for showing it: when it cannot be read, what it held when it last could (`trouble` says
    so). Never raises, and never waits for long."""
    file, asked = path().absolute(), time.monotonic()
    with _CACHE_LOCK:
        kept = _cache_entry(file)
        if kept.error and time.monotonic() - kept.failed_at < RETRY_SECONDS:
            return kept.snapshot
        try:
            found, kept.error = _current(kept, file, asked), None
        except DatabaseError as error:
            found, kept.error, kept.failed_at = kept.snapshot, error, time.monotonic()
        return found


def current_error() -> DatabaseError | None:
    """What is wrong with the database at this moment; None when it can be read."""
    cached_snapshot()
    with _CACHE_LOCK:
        return _cache_entry(path().absolute()).error


# --- When it is damaged -----------------------------------------------------------------------------------------------


def is_damaged() -> bool:
    """Whether the database was found damaged, by looking or by changing. Raises DatabaseError for whatever else is
    wrong with it."""
    try:
        snapshot()
    except Damaged:
        return True
    return _cache_entry(path().absolute()).suspect


def check_integrity() -> None:
    """Reads the whole database, every page of it. Raises Damaged, or another DatabaseError."""
    with _CACHE_LOCK:
        _CACHE.pop(path().absolute(), None)
    found = _stat(path())
    if found is None or not found.st_size:
        return
    connection = _connect(READ_TIMEOUT, create=False)
    try:
        _has_tables(connection)
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except SQLITE_ERRORS as error:
        raise _database_error(error) from None
    finally:
        connection.close()
    if said != "ok":
        raise _damaged_error(said)
    _read(_CacheEntry())


def quarantine() -> Path:
    """Moves the database away, whole, with its journal; where it lies now. Raises OSError when it cannot be moved."""
    file = path()
    aside = file.with_name(f"{file.stem}.damaged-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}{file.suffix}")
    for ending in (*JOURNAL_SUFFIXES, ""):  # the file itself last: until then a look finds it damaged
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{file}{ending}", f"{aside}{ending}")
    return aside


def quarantined_files() -> list[Path]:
    """The databases that were set aside, the latest last."""
    return sorted(files.runs_dir().glob(f"{Path(FILE_NAME).stem}.damaged-*{Path(FILE_NAME).suffix}"))
