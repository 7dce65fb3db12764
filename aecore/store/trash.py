"""What people do to runs: rename and pin them, delete them and take them back, delete them for good.

    <runs>/.trash/<run>~<moment>/    a deleted run, with its label.json (owner, name) and deleted.json (by whom)

What is in the trash can be taken back for a day; it goes earlier, the oldest first, when the disk is full
(`disk.free_space`). Each act is checked here, by the table in `permissions`.
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
from aecore.store import checks, people, permissions, runs, schema
from aecore.store.run_info import RunInfo

RETENTION_SECONDS = 24 * 3600  # seconds that a deleted run can be taken back


# --- Names and pins ---------------------------------------------------------------------------------------------------


def rename(run: str, name: str, user: str) -> None:
    """Gives a run a name of its own; an empty one takes it away. Raises UserError where that is not allowed."""
    permissions.check("rename", permissions.request_for_run(run, user), run)
    people.rename(run, name)
    save_label(run)


def pin(run: str, user: str, pinned: bool) -> None:
    """Puts a run first in somebody's list, or no longer."""
    permissions.check("pin", permissions.request_for_run(run, user), run)
    people.pin(run, user, pinned)


def save_label(run: str) -> None:
    """Writes a run's owner and name into its folder too, from where they are had again when the database is lost."""
    place, label = files.runs_dir() / run, people.label(run)
    if place.is_dir() and not place.is_symlink():
        said = {"owner": label.owner, "owner_name": label.owner_name, "name": label.name}
        with disk.user_errors():
            if not (place / runs.LABEL_FILE).is_file():
                disk.remove(place / runs.LABEL_FILE)  # a folder, say, which no file can replace
            files.atomic_write(place / runs.LABEL_FILE, json.dumps(said), use_reserve=True)


# --- Deleting ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class DeletedRun:
    """A run in the trash."""

    trash_id: str  # takes it back
    run: str
    deleted_by: str  # the user who deleted it
    label: people.RunLabel
    age: float  # seconds since it was deleted
    disk_usage: int  # bytes

    @property
    def name(self) -> str:
        return self.label.name or self.run

    def access_request(self, user: str) -> permissions.AccessRequest:
        """Somebody who wants to do something to it."""
        return permissions.AccessRequest(user, label=self.label, deleted_by=self.deleted_by)


def delete(run: str, user: str) -> str:
    """Moves a run to the trash; the ticket returned takes it back within a day. Raises UserError where that is not
    allowed. It needs no room: on a full disk the notes are left out, and the database keeps whose the run was."""
    permissions.check("delete", permissions.request_for_run(run, user), run)
    room = not disk.is_full()
    if room:
        save_label(run)
    with disk.user_errors(f"{run} cannot be deleted"):
        trash = disk.internal_dir(disk.TRASH_DIR)
        _purge_expired(trash)
        ticket = f"{run}~{time.time_ns()}"
        os.replace(files.runs_dir() / run, trash / ticket)  # a link itself, not what it leads to
        if room and not (trash / ticket).is_symlink():
            said = {"deleted_by": user, "uptime": system.uptime(), "boot_id": system.boot_id()}
            files.atomic_write(trash / ticket / runs.DELETED_FILE, json.dumps(said), use_reserve=True)
    if room:
        people.delete_labels(run)
    return ticket


def restore(trash_id: str, user: str) -> str:
    """Puts a deleted run where it was, with its name and owner; its id. Raises UserError when that cannot be."""
    found = load_deleted(trash_id)
    place, trashed = files.runs_dir() / found.run, files.runs_dir() / disk.TRASH_DIR / trash_id
    permissions.check("restore", found.access_request(user), found.run)
    if place.exists() or place.is_symlink():
        raise UserError(f"{found.run} was trained again meanwhile, so the deleted one stays deleted.")
    # what is said of it comes first: whoever dies after that has lost nothing, and can do it again
    people.restore_labels(found.run, found.label.owner, found.label.name)
    with disk.user_errors(f"{found.run} cannot be restored"):
        os.replace(trashed, place)
        if not place.is_symlink():
            disk.remove(place / runs.DELETED_FILE)
    return found.run


def delete_permanently(trash_id: str, user: str) -> None:
    """Removes a run from the trash, which frees its room at once. Raises UserError where that is not allowed."""
    found = load_deleted(trash_id)
    permissions.check("delete permanently", found.access_request(user), found.run)
    with disk.user_errors(f"{found.run} cannot be deleted for good"):
        disk.remove(files.runs_dir() / disk.TRASH_DIR / trash_id)


def load_deleted(trash_id: str) -> DeletedRun:
    """What is known of a run in the trash. Raises UserError when it is not there (any more)."""
    run, _, moment = trash_id.partition("~")
    trashed = files.runs_dir() / disk.TRASH_DIR / trash_id
    there = trashed.is_dir() or trashed.is_symlink()
    if not runs.RUN_ID.fullmatch(run) or not moment.isdecimal() or not there:
        raise UserError("This run is not in the trash any more: it was deleted more than a day ago, or for good.")
    label, about = (
        _read_fields(trashed / runs.LABEL_FILE, schema.LABEL),
        _read_fields(trashed / runs.DELETED_FILE, schema.DELETED),
    )
    owner, owner_name, name = (label.get(each) or "" for each in ("owner", "owner_name", "name"))
    said = people.RunLabel(owner or None, owner_name, name) if label else people.label(run)
    return DeletedRun(trash_id, run, about.get("deleted_by") or "", said, _age(trashed, about), dir_size(trashed))


def _read_fields(file: Path, check: checks.Check) -> dict[str, Any]:
    """What one of the two small files in a deleted run says; nothing when it is spoilt."""
    with contextlib.suppress(UserError):
        found: dict[str, Any] = schema.validate(files.read_json(file) or {}, check, file.name)
        return found
    return {}


def _age(run_dir: Path, deletion: dict[str, Any]) -> float:
    """Seconds since something was deleted, by the time that the machine is up: a clock that is set right empties no
    trash. Across a restart only the clock is left."""
    if deletion.get("boot_id") == system.boot_id() and "uptime" in deletion:
        return max(0.0, system.uptime() - deletion["uptime"])
    return max(0.0, time.time() - disk.deleted_at(run_dir) / 1e9)


def list_deleted(user: str) -> list[DeletedRun]:
    """The runs in the trash that somebody may take back or delete for good, the latest first."""
    place = files.runs_dir() / disk.TRASH_DIR
    if not place.is_dir() or place.is_symlink():
        return []
    found = []
    for each in sorted(place.iterdir(), key=disk.deleted_at, reverse=True):
        with contextlib.suppress(UserError):  # no run of ours, or taken back at this moment
            found.append(load_deleted(each.name))
    return [each for each in found if not permissions.denial_reason("delete permanently", each.access_request(user))]


def _purge_expired(trash: Path) -> None:
    """Removes for good what was deleted more than a day ago, and what is no deleted run."""
    for place in list(trash.iterdir()):
        if _age(place, _read_fields(place / runs.DELETED_FILE, schema.DELETED)) > RETENTION_SECONDS:
            with contextlib.suppress(OSError):  # it stays until somebody may remove it
                disk.remove(place)


# --- What it weighs ---------------------------------------------------------------------------------------------------


def disk_usage(entry: RunInfo) -> int:
    """Bytes that a run takes on the disk; of one at rest looked up once."""
    if entry.active and not entry.has_checkpoint:
        return 0  # a few settings: of a thousand that wait nobody wants to know
    place = runs.path(entry.id)
    return dir_size(place) if entry.active else _cached_disk_usage(place, entry.created)


@lru_cache(maxsize=4096)
def _cached_disk_usage(run_dir: Path, created: float) -> int:
    return dir_size(run_dir)


def dir_size(root: Path) -> int:
    """Bytes of all files in a folder; those that vanish meanwhile count nothing, and links are not followed."""
    total = 0
    for folder, _, names in os.walk(root if not root.is_symlink() else ""):
        for name in names:
            with contextlib.suppress(OSError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total
