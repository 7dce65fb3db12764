"""Deleting people's own data sets, and taking them back within a day.

own/.trash/<name>~<moment>/    a deleted data set; the moment is in nanoseconds since 1970
"""

from __future__ import annotations

import contextlib
import os
import time
from pathlib import Path

from filelock import FileLock

from aecore import disk
from aecore.data import own_datasets
from aecore.data.adding.room import folder_bytes
from aecore.data.cards import BUILT_IN
from aecore.errors import UserError

RETENTION_SECONDS = 24 * 3600
TRASH, TEMPORARY = ".trash", ".adding-"
LOCK_FILE = ".lock"
GONE = "This data set is not in the trash any more: it was deleted more than a day ago, or its room was needed."


def lock() -> FileLock:
    """Held by whoever counts the room and then takes it. Raises OSError when the folder cannot be made."""
    own_datasets.own_dir().mkdir(parents=True, exist_ok=True)
    return FileLock(own_datasets.own_dir() / LOCK_FILE)


def delete(name: str) -> str:
    """Move a data set that somebody added to the trash; the ticket returned takes it back within a day.

    Raises
    ------
    UserError
        When there is none of that name, it came with the laboratory, or the disk refuses.
    """
    if name in BUILT_IN:
        raise UserError(f"{name} comes with the laboratory and cannot be deleted: delete data sets that were added.")
    ticket = f"{name}~{time.time_ns()}"
    try:
        folder = own_datasets.folder_of(name)
        with lock():
            purge()
            _trash().mkdir(exist_ok=True)
            os.replace(folder, _trash() / ticket)
    except (KeyError, FileNotFoundError):
        raise UserError(
            f"There is no data set of one's own called {name[:60]}: look at the list of data sets."
        ) from None
    except OSError as error:
        raise UserError(f"{name} cannot be deleted ({error.strerror}): ask who runs this server.") from None
    return ticket


def restore(ticket: str) -> str:
    """Put a deleted data set where it was; returns its name.

    Raises
    ------
    UserError
        When it is not in the trash any more, or the disk refuses.
    """
    name, _, moment = ticket.partition("~")
    if not own_datasets.NAME.fullmatch(name) or not (moment.isdecimal() and moment.isascii()):
        raise UserError(GONE)
    trashed, folder = _trash() / ticket, own_datasets.folder_of(name)
    try:
        with lock():
            if not trashed.is_dir():
                raise UserError(GONE)
            if folder.exists():  # the same was added again meanwhile
                disk.remove(trashed)
            else:
                os.replace(trashed, folder)
    except OSError as error:
        raise UserError(f"{name} cannot be restored ({error.strerror}): ask who runs this server.") from None
    return name


def _trash() -> Path:
    return own_datasets.own_dir() / TRASH


def purge(everything: bool = False) -> None:
    """Remove what was deleted more than a day ago, or `everything` where its room is needed, and what people left half
    written whose server died."""
    oldest = time.time() - (0 if everything else RETENTION_SECONDS)
    for each in _entries(_trash()):
        if disk.deleted_at(each) / 1e9 < oldest:
            with contextlib.suppress(OSError):  # it stays until somebody may remove it
                disk.remove(each)
    for each in _entries(own_datasets.own_dir()):
        with contextlib.suppress(OSError):
            if each.name.startswith(TEMPORARY) and each.stat().st_mtime < time.time() - RETENTION_SECONDS:
                disk.remove(each)


def sizes() -> list[int]:
    """Bytes of each data set in the trash."""
    return [folder_bytes(each) for each in _entries(_trash())]


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []
