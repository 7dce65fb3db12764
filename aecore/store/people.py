"""What people say of runs: whose each one is, what it is called, who has pinned it; and what people are called.

What decides something (`label`) is read from the database as it is now, and raises when that cannot be read; what is
only shown (`labels`, `display_name`) is then what was read last. Nothing here imports torch.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from aecore.store import database, database_snapshot
from aecore.store.database_snapshot import Snapshot


@dataclass(frozen=True)
class RunLabel:
    """What people say of a run."""

    owner: str | None = None  # the user who asked first
    owner_name: str = ""
    name: str = ""
    pinned: bool = False


def sanitise(name: str, max_length: int) -> str:
    """A name that people typed, without what a page could take for markup."""
    return re.sub(r"[^\w .,'+-]", "", name).strip()[:max_length]


def set_display_name(user: str, name: str) -> None:
    """Notes what a user wants to be called."""
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO users (user, name) VALUES (?, ?) ON CONFLICT (user) DO UPDATE SET name = excluded.name",
            (user, sanitise(name, 40)),
        )


def display_name(user: str) -> str:
    """The name that a user goes by; empty when none was given."""
    people = database_snapshot.cached_snapshot().users
    return people[user].name if user in people else ""


def labels(user: str = "") -> dict[str, RunLabel]:
    """What is said of each run, and which ones this user has pinned."""
    return _labels(database_snapshot.cached_snapshot(), user)


def label(run: str, user: str = "") -> RunLabel:
    """What is said of a run, as the database holds it now: raises DatabaseError when it cannot be read."""
    return _labels(database_snapshot.snapshot(), user, [run]).get(run, RunLabel())


def _labels(snapshot: Snapshot, user: str, only: Iterable[str] | None = None) -> dict[str, RunLabel]:
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
