"""What people do to runs: rename and pin them, delete them and take them back, delete them for good.

    <runs>/.trash/<run>~<moment>/    a deleted run, with its label.json (owner, name) and deleted.json (by whom)

What is in the trash can be taken back for a day; it goes earlier, the oldest first, when the disk is full
(`disk.make_room`). Each act is checked here, by the table in `permissions`.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from aecore import disk, files, system
from aecore.errors import UserError
from aecore.store import checks, permissions, queue, runs, schema

KEPT = 24 * 3600  # seconds that a deleted run can be taken back


# --- Names and pins ---------------------------------------------------------------------------------------------------


def rename(run: str, name: str, person: str) -> None:
    """Gives a run a name of its own; an empty one takes it away. Raises UserError where that is not allowed."""
    permissions.check("rename", permissions.of_run(run, person), run)
    queue.rename(run, name)
    keep_label(run)


def pin(run: str, person: str, pinned: bool) -> None:
    """Puts a run first in somebody's list, or no longer."""
    permissions.check("pin", permissions.of_run(run, person), run)
    queue.pin(run, person, pinned)


def keep_label(run: str) -> None:
    """Writes a run's owner and name into its folder too, from where they are had again when the database is lost."""
    place, label = files.folder() / run, queue.label(run)
    if place.is_dir() and not place.is_symlink():
        said = {"owner": label.owner, "owner_name": label.owner_name, "name": label.name}
        with disk.explained():
            if not (place / runs.LABEL).is_file():
                disk.remove(place / runs.LABEL)  # a folder, say, which no file can replace
            files.write(place / runs.LABEL, json.dumps(said), vital=True)


# --- Deleting ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deleted:
    """A run in the trash."""

    ticket: str  # takes it back
    run: str
    by: str  # the person who deleted it
    label: queue.Label
    age: float  # seconds since it was deleted
    weight: int  # bytes

    @property
    def name(self) -> str:
        return self.label.name or self.run

    def case(self, person: str) -> permissions.Case:
        """Somebody who wants to do something to it."""
        return permissions.Case(person, label=self.label, deleted_by=self.by)


def delete(run: str, person: str) -> str:
    """Moves a run to the trash; the ticket returned takes it back within a day. Raises UserError where that is not
    allowed. It needs no room: on a full disk the notes are left out, and the database keeps whose the run was."""
    permissions.check("delete", permissions.of_run(run, person), run)
    room = not disk.full()
    if room:
        keep_label(run)
    with disk.explained(f"{run} cannot be deleted"):
        trash = disk.inner(disk.TRASH)
        _tidy(trash)
        ticket = f"{run}~{time.time_ns()}"
        os.replace(files.folder() / run, trash / ticket)  # a link itself, not what it leads to
        if room and not (trash / ticket).is_symlink():
            said = {"by": person, "up": system.up(), "boot": system.boot()}
            files.write(trash / ticket / runs.DELETED, json.dumps(said), vital=True)
    if room:
        queue.forget(run)
    return ticket


def take_back(ticket: str, person: str) -> str:
    """Puts a deleted run where it was, with its name and owner; its id. Raises UserError when that cannot be."""
    found = deleted(ticket)
    place, trashed = files.folder() / found.run, files.folder() / disk.TRASH / ticket
    permissions.check("restore", found.case(person), found.run)
    if place.exists() or place.is_symlink():
        raise UserError(f"{found.run} was trained again meanwhile, so the deleted one stays deleted.")
    # what is said of it comes first: whoever dies after that has lost nothing, and can do it again
    queue.restore(found.run, found.label.owner, found.label.name)
    with disk.explained(f"{found.run} cannot be restored"):
        os.replace(trashed, place)
        if not place.is_symlink():
            disk.remove(place / runs.DELETED)
    return found.run


def delete_for_good(ticket: str, person: str) -> None:
    """Removes a run from the trash, which frees its room at once. Raises UserError where that is not allowed."""
    found = deleted(ticket)
    permissions.check("delete for good", found.case(person), found.run)
    with disk.explained(f"{found.run} cannot be deleted for good"):
        disk.remove(files.folder() / disk.TRASH / ticket)


def deleted(ticket: str) -> Deleted:
    """What is known of a run in the trash. Raises UserError when it is not there (any more)."""
    run, _, moment = ticket.partition("~")
    trashed = files.folder() / disk.TRASH / ticket
    there = trashed.is_dir() or trashed.is_symlink()
    if not runs.ID.fullmatch(run) or not moment.isdecimal() or not there:
        raise UserError("This run is not in the trash any more: it was deleted more than a day ago, or for good.")
    label, about = _said(trashed / runs.LABEL, schema.LABEL), _said(trashed / runs.DELETED, schema.DELETED)
    owner, owner_name, name = (label.get(each) or "" for each in ("owner", "owner_name", "name"))
    said = queue.Label(owner or None, owner_name, name) if label else queue.label(run)
    return Deleted(ticket, run, about.get("by") or "", said, _age(trashed, about), folder_weight(trashed))


def _said(file: Path, format: checks.Check) -> dict[str, Any]:
    """What one of the two small files in a deleted run says; nothing when it is spoilt."""
    with contextlib.suppress(UserError):
        found: dict[str, Any] = schema.fit(files.read_json(file) or {}, format, file.name)
        return found
    return {}


def _age(trashed: Path, about: dict[str, Any]) -> float:
    """Seconds since something was deleted, by the time that the machine is up: a clock that is set right empties no
    trash. Across a restart only the clock is left."""
    if about.get("boot") == system.boot() and "up" in about:
        return max(0.0, system.up() - about["up"])
    return max(0.0, time.time() - disk.deleted_at(trashed) / 1e9)


def trash(person: str) -> list[Deleted]:
    """The runs in the trash that somebody may take back or delete for good, the latest first."""
    place = files.folder() / disk.TRASH
    if not place.is_dir() or place.is_symlink():
        return []
    found = []
    for each in sorted(place.iterdir(), key=disk.deleted_at, reverse=True):
        with contextlib.suppress(UserError):  # no run of ours, or taken back at this moment
            found.append(deleted(each.name))
    return [each for each in found if not permissions.why_not("delete for good", each.case(person))]


def _tidy(trash: Path) -> None:
    """Removes for good what was deleted more than a day ago, and what is no deleted run."""
    for place in list(trash.iterdir()):
        if _age(place, _said(place / runs.DELETED, schema.DELETED)) > KEPT:
            with contextlib.suppress(OSError):  # it stays until somebody may remove it
                disk.remove(place)


# --- What it weighs ---------------------------------------------------------------------------------------------------


def weight(entry: runs.Entry) -> int:
    """Bytes that a run takes on the disk; of one at rest looked up once."""
    if entry.moving and not entry.kept:
        return 0  # a few settings: of a thousand that wait nobody wants to know
    place = runs.path(entry.id)
    return folder_weight(place) if entry.moving else _weight_at_rest(place, entry.created)


@lru_cache(maxsize=4096)
def _weight_at_rest(place: Path, created: float) -> int:
    return folder_weight(place)


def folder_weight(place: Path) -> int:
    """Bytes of all files in a folder; those that vanish meanwhile count nothing, and links are not followed."""
    total = 0
    for folder, _, names in os.walk(place if not place.is_symlink() else ""):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
