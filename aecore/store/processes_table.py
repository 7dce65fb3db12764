"""The processes that share a runs folder: servers, which want jobs done, and the scheduler, the one that has them done.

Each notes itself in the database's table `processes`; a process that died is not counted. The scheduler leads as long
as it gives a sign of life (a file that it writes over): one that is frozen is replaced. Nothing here imports torch.
"""

from __future__ import annotations

import os
import sqlite3
import time
from dataclasses import dataclass

from aecore import files, system
from aecore.errors import UserError
from aecore.store import database, database_snapshot
from aecore.store.database_snapshot import Snapshot

HEARTBEAT_TIMEOUT = 20.0  # seconds without a heartbeat after which a scheduler counts as frozen
STARTUP_TIMEOUT = 120.0  # the same while it still imports what it needs
HEARTBEAT_FILE = ".heartbeat"


class LeadershipLost(UserError):
    """Another process leads now: this one did not give a sign of life for too long."""


def _count_active_servers(connection: sqlite3.Connection) -> int:
    rows = connection.execute("SELECT pid, start_time FROM processes WHERE role = 'server'").fetchall()
    for dead in [row for row in rows if not system.is_alive(*row)]:
        connection.execute("DELETE FROM processes WHERE pid = ? AND start_time = ?", dead)
        rows.remove(dead)
    return len(rows)


def register_server() -> None:
    """Notes that this process is a server that wants its jobs done."""
    row = (os.getpid(), system.start_time())
    if any(
        (each.pid, each.start_time) == row and each.role == "server" for each in database_snapshot.snapshot().processes
    ):
        return
    with database.transaction() as connection:
        connection.execute("INSERT OR IGNORE INTO processes VALUES (?, ?, 'server', NULL, NULL)", row)


def unregister_server() -> None:
    with database.transaction() as connection:
        connection.execute("DELETE FROM processes WHERE pid = ? AND role = 'server'", (os.getpid(),))


def active_servers() -> int:
    """How many servers use this folder at this moment."""
    noted = [each for each in database_snapshot.snapshot().processes if each.role == "server"]
    return sum(system.is_alive(each.pid, each.start_time) for each in noted)


def acquire_leadership(port: int) -> bool:
    """Makes this process the one that starts workers here; False when another one is, and gives signs of life."""
    with database.transaction() as connection:
        rows = connection.execute("SELECT pid, start_time, slots FROM processes WHERE role = 'scheduler'").fetchall()
        if any(
            system.is_alive(pid, start_time) and not _is_frozen(pid, start_time, slots)
            for pid, start_time, slots in rows
        ):
            return False
        connection.execute("DELETE FROM processes WHERE role = 'scheduler'")
        row = (os.getpid(), system.start_time(), port)
        connection.execute("INSERT INTO processes VALUES (?, ?, 'scheduler', ?, NULL)", row)
        send_heartbeat()
    return True


def check_leadership(connection: sqlite3.Connection) -> None:
    row = (os.getpid(), system.start_time())
    if not connection.execute(
        "SELECT 1 FROM processes WHERE role = 'scheduler' AND pid = ? AND start_time = ?", row
    ).fetchone():
        raise LeadershipLost("Another process leads this folder now.")


def is_leader() -> bool:
    """Whether this process is still the one that starts workers here."""
    row = (os.getpid(), system.start_time())
    return any(
        (each.pid, each.start_time) == row and each.role == "scheduler"
        for each in database_snapshot.snapshot().processes
    )


def send_heartbeat() -> None:
    """Gives a sign of life of the process that leads. It is written over the last one: that needs no room on the disk.
    In seconds that no correction of the clock moves, which are the same in all processes of a machine."""
    said = f"{os.getpid()} {system.start_time()} {time.monotonic()}".ljust(80) + "\n"
    with files.open_overwrite(files.runs_dir() / HEARTBEAT_FILE) as file:
        file.write(said.encode())


def _is_frozen(pid: int, start_time: float, slots: int | None) -> bool:
    """Whether a process that leads has given no sign of life for too long (`slots` is None while it gets ready)."""
    try:
        said, birth, at = files.read_bytes(files.runs_dir() / HEARTBEAT_FILE, 200).decode().split()
        ours = int(said) == pid and abs(float(birth) - start_time) < 0.5
        age = time.monotonic() - float(at)
    except (OSError, ValueError, UserError):  # none yet, one that is half written, or no file
        return False
    return ours and age > (STARTUP_TIMEOUT if slots is None else HEARTBEAT_TIMEOUT)


def set_capacity(slots: int) -> None:
    """How many jobs this process, the scheduler, has going at a time."""
    with database.transaction() as connection:
        connection.execute("UPDATE processes SET slots = ? WHERE role = 'scheduler'", (slots,))


def release_leadership() -> bool:
    """Ends this process' lead when no server is open, in one step, so that one which opens meanwhile is not left
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


def scheduler_process(snapshot: Snapshot | None = None) -> SchedulerProcess | None:
    """The process that starts workers here, as the database has it now (or had it); None when there is none, or none
    that gives signs of life."""
    for each in (snapshot or database_snapshot.snapshot()).processes:
        leads = each.role == "scheduler" and system.is_alive(each.pid, each.start_time)
        if leads and not _is_frozen(each.pid, each.start_time, each.slots):
            return SchedulerProcess(each.pid, each.port or 0, each.slots)
    return None
