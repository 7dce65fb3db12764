"""The database of a runs folder: one SQLite file beside the runs. How it is opened, and what can be wrong with it.

It keeps a rollback journal, and no write-ahead log: reading then needs no other file, so pages go on when the disk is
full or the folder is read-only, and the journal's room is never given back (`PERSIST`), so small changes find it when
the disk is full. Nothing stays open between two transactions: a process that forks must not hand its connection on.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from aecore import disk, files
from aecore.errors import UserError

FILE_NAME = "aecore.sqlite"
SCHEMA_VERSION = 2
VERSION_1_FILE = "laboratory.sqlite"  # the file of version 1, which `python -m aecore upgrade` converts
WRITE_TIMEOUT = 30.0  # seconds that a change waits for others to finish theirs
READ_TIMEOUT = 2.0  # seconds that a look waits: people wait for a page
MAX_CHANGE_BYTES = 2**16  # bytes that one may take
JOURNAL_SUFFIXES = ("-journal", "-wal", "-shm")  # how the files end that SQLite may open beside it
TABLES_SQL = """
CREATE TABLE jobs (
    run TEXT PRIMARY KEY, config TEXT NOT NULL, device TEXT, environment TEXT NOT NULL,
    requested_at REAL NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', executor TEXT, handle TEXT, crashes INTEGER NOT NULL DEFAULT 0,
    checkpoint_version INTEGER
);
CREATE TABLE requests (run TEXT, user TEXT, requested_at REAL NOT NULL, PRIMARY KEY (run, user));
CREATE TABLE users (user TEXT PRIMARY KEY, name TEXT NOT NULL DEFAULT '', last_turn REAL NOT NULL DEFAULT 0);
CREATE TABLE labels (run TEXT PRIMARY KEY, owner TEXT, name TEXT);
CREATE TABLE pins (run TEXT, user TEXT, PRIMARY KEY (run, user));
CREATE TABLE processes (
    pid INTEGER, start_time REAL, role TEXT, port INTEGER, slots INTEGER, PRIMARY KEY (pid, start_time, role)
);
"""
SUSPECTS: set[Path] = set()  # databases that a change found damaged, perhaps
_WRITE_LOCK = threading.Lock()
TABLE_NAMES = frozenset(re.findall(r"CREATE TABLE (\w+)", TABLES_SQL))


class DatabaseError(UserError):
    """The database cannot be used. Its text says why, and what to do."""


class Busy(DatabaseError):
    """Others use it at this moment; it is sound."""


class Full(DatabaseError):
    """The disk has no room for a change; it is sound."""


class Damaged(DatabaseError):
    """Its content is not what this program wrote; it can be set aside whole and made again from the runs."""


def path() -> Path:
    """Where the database is."""
    return files.runs_dir() / FILE_NAME


# --- What can be wrong ------------------------------------------------------------------------------------------------

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)  # the latter for a text that is none
_DAMAGE_CODES = ("SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_FORMAT")
_BUSY_CODES = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_PROTOCOL")


def database_error(error: Exception) -> DatabaseError:
    """What SQLite says, as a sentence for people. A locked database is not damaged, and a full disk harms none."""
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(_DAMAGE_CODES):
        return damaged_error(error)
    if name.startswith(_BUSY_CODES):
        return Busy(f"The database {path()} is in use by another program ({error}): try again in a moment.")
    if name == "SQLITE_FULL" or (name.startswith("SQLITE_IOERR") and _is_disk_full()):
        return Full(disk.DISK_FULL_MESSAGE)
    if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM", "SQLITE_AUTH", "SQLITE_IOERR")):
        return DatabaseError(disk.runs_dir_error() or f"The database {path()} cannot be opened or changed ({error}).")
    if isinstance(error, sqlite3.IntegrityError):
        return DatabaseError(f"The database {path()} cannot be changed ({error}): try again.")
    return damaged_error(error)  # a table or a column that is not there


def damaged_error(why: object) -> Damaged:
    return Damaged(
        f"The database {path()} is damaged ({why}). It is set aside whole and made again from the runs as soon as that "
        "can be done; until then what was trained can be looked at."
    )


def _is_disk_full() -> bool:
    """Whether the disk has no room for a change."""
    with contextlib.suppress(OSError):
        return shutil.disk_usage(files.runs_dir()).free < MAX_CHANGE_BYTES
    return False


def stat_file(file: Path) -> os.stat_result | None:
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


def has_tables(connection: sqlite3.Connection) -> bool:
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
        raise damaged_error(f"there is no table {min(TABLE_NAMES - there)}")
    return version == SCHEMA_VERSION


# --- Changing it ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def transaction() -> Iterator[sqlite3.Connection]:
    """The database, made when there is none; one transaction, whole or not at all. Raises DatabaseError."""
    with disk.user_errors("The database cannot be made"):
        files.runs_dir().mkdir(parents=True, exist_ok=True)
    stat_file(path())  # what is no file is not opened
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
    connection = connect(WRITE_TIMEOUT)
    try:
        _disable_wal(connection)
        connection.execute("BEGIN IMMEDIATE")
        if not has_tables(connection):
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
    """What SQLite says of a change, as a sentence. What may mean damage is remembered: an index may be wrong that no
    look has read."""
    said = database_error(error)
    if isinstance(said, Damaged) or isinstance(error, sqlite3.IntegrityError):
        SUSPECTS.add(path().absolute())
    return said


def connect(timeout: float, create: bool = True) -> sqlite3.Connection:
    """A connection. Of a file that may only be read SQLite makes a reader by itself."""
    address = f"file:{quote(str(path().absolute()))}?mode={'rwc' if create else 'rw'}"
    try:
        return sqlite3.connect(address, uri=True, timeout=timeout, isolation_level=None)
    except SQLITE_ERRORS as error:
        raise database_error(error) from None


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


# --- When it is damaged -----------------------------------------------------------------------------------------------


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
