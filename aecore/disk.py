"""The runs folder and the disk under it: where it is, what is wrong with it, and what gives way when there is no room.

<runs>/.trash      what was deleted: goes, the oldest first, when something else needs its room
<runs>/.reserve    held back, and given up when something vital finds no room: a note of where a run stands
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

from aecore.errors import UserError

TRASH = ".trash"
RESERVE = ".reserve"  # a file that is held back, and given up when something vital finds no room
HELD_BACK = 8 * 2**20  # bytes of it; on a small disk a sixteenth of that
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
FULL = "The disk is full: delete runs for good on the page Runs, or empty its trash, then try again."


# --- The folder -------------------------------------------------------------------------------------------------------


def folder() -> Path:
    """Where runs are kept: AECORE_RUNS, else `runs` in the current folder."""
    return Path(os.environ.get("AECORE_RUNS") or "runs")


@contextlib.contextmanager
def explained(what: str = "") -> Iterator[None]:
    """Turns what the system refuses into a sentence for people: a full disk, or a place that cannot be written. `what`
    was to be done, as in "The map cannot be drawn"."""
    try:
        yield
    except OSError as error:
        raise UserError(sentence(error, what)) from None


def sentence(error: OSError, what: str = "") -> str:
    """What the system refuses, in a sentence that says what to do."""
    if error.errno in NO_ROOM:
        return FULL
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return trouble() or f"{what or 'Nothing can be written'}: {error.filename} is protected ({error.strerror})."
    return trouble() or f"{what or 'A file could not be read or written'} ({error})."


def trouble() -> str:
    """What is wrong with the runs folder, and what to do; empty when it can be used, or made."""
    place = folder()
    if place.is_dir():
        if os.access(place, os.R_OK | os.X_OK) and not os.access(place, os.W_OK):
            return (
                f"The runs folder {place} is read-only: what is there can be looked at, but nothing can be trained or "
                "changed. Name another one in AECORE_RUNS, or allow writing."
            )
        if not os.access(place, os.R_OK | os.X_OK):
            return f"The runs folder {place} may not be read: name another one in AECORE_RUNS, or allow reading."
        return ""
    if os.path.lexists(place):
        return f"The runs folder {place} is a file or a broken link: name another one in AECORE_RUNS."
    above = next((each for each in Path(os.path.abspath(place)).parents if os.path.lexists(each)), None)
    if above is None or not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        return f"The runs folder {place} cannot be made in {above}: name another one in AECORE_RUNS."
    return ""


def refuse_link(place: Path) -> None:
    """Raises UserError for a symbolic link in the runs folder: it may lead anywhere."""
    if place.is_symlink():
        raise UserError(
            f"{place.name} is a symbolic link, and links in the runs folder are not followed; delete the link, and "
            "move the folder itself there."
        )


def inner(name: str) -> Path:
    """A folder of the laboratory's own in the runs folder, made where it is missing. A link is not followed: raises
    UserError for that, OSError when it cannot be made."""
    place = folder() / name
    refuse_link(place)
    place.mkdir(parents=True, exist_ok=True)
    return place


# --- Room -------------------------------------------------------------------------------------------------------------


def finding_room(write: Callable[[], None], file: Path, vital: bool = False) -> None:
    """Writes, and again whenever something could be given up for it. Raises OSError when nothing is left to give."""
    while True:
        try:
            if not vital and _inside(file):
                _leave_reserve()
            return write()
        except OSError as error:
            if error.errno not in NO_ROOM or not _inside(file) or not make_room(vital):
                raise


def _inside(file: Path) -> bool:
    """Whether a file lies in the runs folder: what lies elsewhere may be on another disk."""
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(folder()))


def _leave_reserve() -> None:
    """Refuses what is not vital while the reserve is given up and not yet replaced: its room is not for that."""
    with contextlib.suppress(FileNotFoundError):
        disk = shutil.disk_usage(folder())
        if disk.free < _held_back(disk.total) and not (folder() / RESERVE).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _held_back(total: int) -> int:
    return min(HELD_BACK, total // 16)


def full() -> bool:
    """Whether there is no room on the disk for anything but what is vital."""
    with contextlib.suppress(OSError):
        disk = shutil.disk_usage(folder())
        return disk.free < 2**16 + (0 if (folder() / RESERVE).exists() else _held_back(disk.total))
    return False


def hold_reserve() -> None:
    """Holds back some room for when the disk is full, as soon as there is plenty. Raises OSError when it cannot."""
    disk, file = shutil.disk_usage(folder()), folder() / RESERVE
    size = _held_back(disk.total)
    if not file.exists() and disk.free > 4 * size:
        _fill(file, size)


def _fill(file: Path, size: int) -> None:
    """Writes so many bytes whole or not at all, which no disk can compress: those would hold back nothing."""
    half = file.with_name(f"{file.name}-{os.getpid()}-{uuid.uuid4().hex}")
    try:
        half.write_bytes(os.urandom(size))
        os.replace(half, file)
    finally:
        half.unlink(missing_ok=True)


def make_room(vital: bool = False) -> bool:
    """Gives up the reserve, for something vital, and else what was deleted longest ago; whether there was any."""
    reserve = folder() / RESERVE
    if vital and reserve.exists():
        reserve.unlink(missing_ok=True)
        return True
    trash = folder() / TRASH
    if trash.is_dir() and not trash.is_symlink():
        for oldest in sorted(trash.iterdir(), key=deleted_at):
            with contextlib.suppress(OSError):  # the next one, perhaps
                remove(oldest)
                return True
    return False


def deleted_at(place: Path) -> int:
    """When something was put into the trash, as its name says: nanoseconds since 1970, 0 for a name that does not."""
    moment = place.name.rpartition("~")[2]
    return int(moment) if moment.isdecimal() and moment.isascii() else 0


def remove(place: Path) -> None:
    """Removes what lies there: a file, a folder with all in it, or a link, never what it leads to; nothing is fine.
    Raises OSError when it cannot be removed."""
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
