"""What people do to runs on their shelf: delete them, take them back, see what they weigh."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import stat
import time
from functools import lru_cache
from pathlib import Path

from aecore import files, ledger, runs, schema
from aecore.errors import UserError

TRASH = ".trash"
KEPT = 24 * 3600  # seconds that a deleted run can be taken back


def may_delete(entry: runs.Entry, label: ledger.Label, person: str) -> str:
    """Why a person may not delete a run; empty when they may. A run that nobody owns is everybody's."""
    if entry.gallery:
        return "It came with the laboratory."
    if entry.moving:
        return "It is being trained: stop it first."
    if label.owner not in (None, person):
        return f"Only {label.owner_name or 'the one who trained it'} can delete it."
    return ""


def delete(run: str, person: str) -> str:
    """Takes a run off the shelf; the ticket returned takes it back within a day. Raises UserError where that is not
    allowed."""
    entry, label = runs.entry(run), ledger.labels(person).get(run, ledger.Label())
    if why := may_delete(entry, label, person):
        raise UserError(f"{run} cannot be deleted. {why}")
    ticket = f"{run}~{time.time_ns()}"
    trash = files.folder() / TRASH
    files.refuse_links(trash / ticket)
    try:
        trash.mkdir(exist_ok=True)
        _empty(trash)
        place = runs.path(run)
        if not place.is_symlink():  # else the link itself goes, and nothing is written where it leads
            files.remove(place / "label.json")
            files.write(place / "label.json", json.dumps(dataclasses.asdict(label)))
        os.replace(place, trash / ticket)
    except OSError as error:
        raise UserError(f"{run} cannot be deleted ({error.strerror}): see to the permissions of its folder.") from None
    ledger.forget(run)
    return ticket


def take_back(ticket: str) -> str:
    """Puts a deleted run where it was, with its name and owner; its id. Raises UserError when that cannot be."""
    run, _, _ = ticket.partition("~")
    trashed, place = files.folder() / TRASH / Path(ticket).name, files.folder() / run
    if not runs.ID.fullmatch(run) or not os.path.lexists(trashed):
        raise UserError(f"{run[:80]} cannot be taken back: it was deleted more than a day ago.")
    if os.path.lexists(place):
        raise UserError(f"{run} was trained again meanwhile, so the deleted one stays deleted.")
    label = {} if trashed.is_symlink() else _label(trashed)
    os.replace(trashed, place)
    if not place.is_symlink():
        files.remove(place / "label.json")
    ledger.restore(run, label.get("owner"), label.get("name") or "")
    return run


def _label(trashed: Path) -> dict[str, str | None]:
    """What a deleted run was called and whose it was; nothing where that was spoilt: then it is everybody's."""
    try:
        found = files.read_json(trashed / "label.json")
    except UserError:
        return {}
    return {} if schema.LABEL(found) else dict(found)


def _empty(trash: Path) -> None:
    """Removes for good what was deleted more than a day ago."""
    for folder in trash.iterdir():
        moment = folder.name.rpartition("~")[2]
        if moment.isdecimal() and time.time() - int(moment) / 1e9 > KEPT:
            with contextlib.suppress(OSError):  # it stays until somebody may remove it
                files.remove(folder)


def weight(entry: runs.Entry) -> int:
    """Bytes that a run takes on the disk; of a finished one looked up once."""
    place = runs.path(entry.id)
    return _finished_weight(place, entry.created) if entry.finished else folder_weight(place)


@lru_cache(maxsize=4096)
def _finished_weight(place: Path, created: float) -> int:
    return folder_weight(place)


def folder_weight(place: Path) -> int:
    """Bytes of all files in a folder; those that vanish meanwhile count nothing."""
    total = 0
    if place.is_symlink():
        return total
    for file in place.rglob("*"):
        with contextlib.suppress(OSError):
            found = file.lstat()
            total += found.st_size if stat.S_ISREG(found.st_mode) else 0
    return total
