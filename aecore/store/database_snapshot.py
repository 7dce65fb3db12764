"""What the database holds, read once for everybody: a `Snapshot` is kept until the file changes.

`snapshot` is for what decides something and raises when the database cannot be read; `cached_snapshot` is for what is
only shown, and is then what was read last.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal

from aecore.store import database

RETRY_SECONDS = 1.0  # seconds until somebody looks again after a look that failed
MTIME_RESOLUTION, COARSE_MTIME_RESOLUTION = (
    0.05,
    2.5,
)  # seconds that the clock of a file system stands still at most; where it has no fractions


@dataclass(frozen=True)
class Job:
    """A run that somebody asked for and that has not come to rest."""

    run: str
    config: Mapping[str, Any]
    device: str | None
    environment: Mapping[str, str]
    requested_at: float  # seconds since 1970
    state: Literal["waiting", "running"] = "waiting"
    executor: str | None = None  # what started its worker, once there is one
    handle: str | None = None  # by which that executor finds it
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
    requesters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # run -> users, the first asked first
    requests: tuple[tuple[str, str], ...] = ()  # (run, user), the first asked first
    users: Mapping[str, User] = field(default_factory=dict)
    labels: Mapping[str, tuple[str | None, str]] = field(default_factory=dict)  # run -> owner, name
    pins: Mapping[str, frozenset[str]] = field(default_factory=dict)  # user -> runs
    processes: tuple[Process, ...] = ()

    @cached_property
    def order(self) -> tuple[tuple[str, str], ...]:
        """(run, user whose turn it is) of all that wait, in order: the user served least recently comes first, so
        that one user's ten do not block another's first; each user's own come in the order they were asked for.
        """
        queues: dict[str, list[tuple[int, str]]] = {}
        for number, (run, user) in enumerate(self.requests):
            if run in self.jobs and self.jobs[run].state == "waiting":
                queues.setdefault(user, []).append((number, run))
        served = {user: self.users[user].last_turn if user in self.users else 0.0 for user in queues}
        clock = max(served.values(), default=0.0)
        for queue in queues.values():
            queue.reverse()  # the next one is taken from the end
        order, taken = list[tuple[str, str]](), set[str]()
        while queues:
            user = min(queues, key=lambda each: (served[each], queues[each][-1]))
            _, run = queues[user].pop()
            if not queues[user]:
                del queues[user]
            if run not in taken:
                order.append((run, user))
                taken.add(run)
                clock += 1  # later than everybody else
                served[user] = clock
        return tuple(order)


EMPTY_SNAPSHOT = Snapshot()


@dataclass
class _CacheEntry:
    """What was read last of one database."""

    stamp: object = None
    snapshot: Snapshot = EMPTY_SNAPSHOT
    rows: Mapping[str, tuple[tuple[Any, ...], Job]] = field(default_factory=dict)  # of the jobs, and what they say
    error: database.DatabaseError | None = None
    failed_at: float = 0.0  # when that was (time.monotonic)
    read_at: float = -math.inf  # when it was last read


_CACHE: dict[Path, _CacheEntry] = {}
_MAX_CACHED = 4  # databases: a process uses one, and tests one after the other
_CACHE_LOCK = threading.Lock()


def _cache_entry(file: Path) -> _CacheEntry:
    if file not in _CACHE:
        while len(_CACHE) >= _MAX_CACHED:
            del _CACHE[next(iter(_CACHE))]
        _CACHE[file] = _CacheEntry()
    return _CACHE[file]


def snapshot() -> Snapshot:
    """What the database holds now; empty when there is none. Read anew only when it was changed, by one thread for all
    who wait. Raises database.DatabaseError."""
    file, asked = database.path().absolute(), time.monotonic()
    with _CACHE_LOCK:
        return _current(_cache_entry(file), file, asked)


def _current(entry: _CacheEntry, file: Path, requested_at: float) -> Snapshot:
    if entry.read_at >= requested_at:  # somebody began to read it while we waited for the lock
        return entry.snapshot
    about = database.stat_file(file)
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
    connection = database.connect(database.READ_TIMEOUT, create=False)
    try:
        if not database.has_tables(connection):
            return EMPTY_SNAPSHOT
        connection.execute("BEGIN")
        tables = {
            name: connection.execute(f"SELECT * FROM {name} ORDER BY rowid").fetchall() for name in database.TABLE_NAMES
        }
    except database.SQLITE_ERRORS as error:
        raise database.database_error(error) from None
    finally:
        connection.close()
    try:
        entry.rows = {
            row[0]: entry.rows[row[0]] if _is_unchanged(entry, row) else (row, _parse_job(row))
            for row in tables["jobs"]
        }
        return _parse_snapshot(tables, {run: job for run, (_, job) in entry.rows.items()})
    except (TypeError, ValueError, RecursionError) as error:
        raise database.damaged_error(error) from None


def _is_unchanged(entry: _CacheEntry, row: tuple[Any, ...]) -> bool:
    return row[0] in entry.rows and entry.rows[row[0]][0] == row


def _parse_job(row: tuple[Any, ...]) -> Job:
    run, config, device, environment, requested_at, state, executor, handle, crashes, version = row
    said, around = json.loads(config), json.loads(environment)
    if not isinstance(said, dict) or not isinstance(around, dict) or state not in ("waiting", "running"):
        raise ValueError(f"a job of {str(run)[:80]!r} that this program did not write")
    around = {_require_text(name): _require_text(value) for name, value in around.items()}
    return Job(
        _require_text(run), MappingProxyType(said), _optional_text(device), MappingProxyType(around),
        float(requested_at), state, _optional_text(executor), _optional_text(handle), int(crashes),
        None if version is None else int(version),
    )  # fmt: skip


def _optional_text(value: Any) -> str | None:
    return None if value is None else _require_text(value)


def _require_text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} where a text was written")
    return value


def _parse_snapshot(tables: Mapping[str, list[tuple[Any, ...]]], jobs: Mapping[str, Job]) -> Snapshot:
    requesters: dict[str, tuple[str, ...]] = {}
    requests = tuple((_require_text(run), _require_text(user)) for run, user, _ in tables["requests"])
    for run, user in requests:
        requesters[run] = (*requesters.get(run, ()), user)
    pins: dict[str, set[str]] = {}
    for run, user in tables["pins"]:
        pins.setdefault(_require_text(user), set()).add(_require_text(run))
    return Snapshot(
        jobs,
        requesters,
        requests,
        {_require_text(user): User(_require_text(name), float(last_turn)) for user, name, last_turn in tables["users"]},
        {
            _require_text(run): (None if owner is None else _require_text(owner), _require_text(name or ""))
            for run, owner, name in tables["labels"]
        },
        {user: frozenset(runs) for user, runs in pins.items()},
        tuple(
            Process(
                int(pid),
                float(start_time),
                _require_text(role),
                None if port is None else int(port),
                slots and int(slots),
            )
            for pid, start_time, role, port, slots in tables["processes"]
        ),
    )


def cached_snapshot() -> Snapshot:
    """What the database holds, for showing it: when it cannot be read, what it held when it last could (`trouble` says
    so). Never raises, and never waits for long."""
    file, asked = database.path().absolute(), time.monotonic()
    with _CACHE_LOCK:
        kept = _cache_entry(file)
        if kept.error and time.monotonic() - kept.failed_at < RETRY_SECONDS:
            return kept.snapshot
        try:
            found, kept.error = _current(kept, file, asked), None
        except database.DatabaseError as error:
            found, kept.error, kept.failed_at = kept.snapshot, error, time.monotonic()
        return found


def current_error() -> database.DatabaseError | None:
    """What is wrong with the database at this moment; None when it can be read."""
    cached_snapshot()
    with _CACHE_LOCK:
        return _cache_entry(database.path().absolute()).error


# --- When it is damaged -----------------------------------------------------------------------------------------------


def is_damaged() -> bool:
    """Whether the database was found damaged, by looking or by changing. Raises DatabaseError for whatever else is
    wrong with it."""
    try:
        snapshot()
    except database.Damaged:
        return True
    return database.path().absolute() in database.SUSPECTS


def check_integrity() -> None:
    """Reads the whole database, every page of it. Raises database.Damaged, or another database.DatabaseError."""
    with _CACHE_LOCK:
        _CACHE.pop(database.path().absolute(), None)
        database.SUSPECTS.discard(database.path().absolute())
    found = database.stat_file(database.path())
    if found is None or not found.st_size:
        return
    connection = database.connect(database.READ_TIMEOUT, create=False)
    try:
        database.has_tables(connection)
        (said,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    except database.SQLITE_ERRORS as error:
        raise database.database_error(error) from None
    finally:
        connection.close()
    if said != "ok":
        raise database.damaged_error(said)
    _read(_CacheEntry())
