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
from dataclasses import dataclass
from pathlib import Path

from aecore.errors import UserError

TRASH_DIR = ".trash"
RESERVE_FILE = ".reserve"  # a file that is held back, and given up when something vital finds no room
RESERVE_BYTES = 8 * 2**20  # bytes of it; on a small disk a sixteenth of that
DISK_FULL_ERRNOS = (errno.ENOSPC, errno.EDQUOT)
DISK_FULL_MESSAGE = "The disk is full: delete runs for good on the page Runs, or empty its trash, then try again."


# --- The folder -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Store:
    """A runs folder: all that a laboratory keeps lies in `root`.

    One store is in use in a process, and everything that reads or writes runs asks for it (`current_store`), so that no
    function passes it on. Usually it is the one that AECORE_RUNS names. Who works in another folder for a while says
    `with Store(folder).use():`, for all threads of the process, and leaves the environment as it is.
    """

    root: Path

    @classmethod
    def from_env(cls) -> Store:
        """The store that AECORE_RUNS names, else `runs` in the current folder."""
        return cls(Path(os.environ.get("AECORE_RUNS") or "runs"))

    @contextlib.contextmanager
    def use(self) -> Iterator[Store]:
        """Inside, this is the store in use."""
        _IN_USE.append(self)
        try:
            yield self
        finally:
            _IN_USE.remove(self)

    def environment(self) -> dict[str, str]:
        """The variable by which another process, in whatever folder, uses this store."""
        return {"AECORE_RUNS": str(self.root.resolve())}


_IN_USE: list[Store] = []


def current_store() -> Store:
    """The store in use: that of the innermost `Store.use`, else that of the environment."""
    return _IN_USE[-1] if _IN_USE else Store.from_env()


def runs_dir() -> Path:
    """The folder of the store in use."""
    return current_store().root


def pretrained_dir() -> Path:
    """The folder of the gallery: the environment's AECORE_PRETRAINED, or `pretrained` beside the package's sources."""
    return Path(os.environ.get("AECORE_PRETRAINED") or Path(__file__).resolve().parents[1] / "pretrained")


@contextlib.contextmanager
def user_errors(action: str = "") -> Iterator[None]:
    """Turns what the system refuses into a sentence for people: a full disk, or a place that cannot be written.
    `action` was to be done, as in "The map cannot be drawn"."""
    try:
        yield
    except OSError as error:
        raise UserError(error_message(error, action)) from None


def error_message(error: OSError, action: str = "") -> str:
    """What the system refuses, in a sentence that says what to do."""
    if error.errno in DISK_FULL_ERRNOS:
        return DISK_FULL_MESSAGE
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return (
            runs_dir_error()
            or f"{action or 'Nothing can be written'}: {error.filename} is protected ({error.strerror})."
        )
    return runs_dir_error() or f"{action or 'A file could not be read or written'} ({error})."


def runs_dir_error() -> str:
    """What is wrong with the runs folder, and what to do; empty when it can be used, or made."""
    place = runs_dir()
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


def refuse_link(path: Path) -> None:
    """Raises UserError for a symbolic link in the runs folder: it may lead anywhere."""
    if path.is_symlink():
        raise UserError(
            f"{path.name} is a symbolic link, and links in the runs folder are not followed; delete the link, and "
            "move the folder itself there."
        )


def internal_dir(name: str) -> Path:
    """A folder of the laboratory's own in the runs folder, made where it is missing. A link is not followed: raises
    UserError for that, OSError when it cannot be made."""
    place = runs_dir() / name
    refuse_link(place)
    place.mkdir(parents=True, exist_ok=True)
    return place


# --- Room -------------------------------------------------------------------------------------------------------------


def retry_freeing_space(write: Callable[[], None], file: Path, use_reserve: bool = False) -> None:
    """Writes, and again whenever something could be given up for it. Raises OSError when nothing is left to give."""
    while True:
        try:
            if not use_reserve and _in_runs_dir(file):
                _protect_reserve()
            return write()
        except OSError as error:
            if error.errno not in DISK_FULL_ERRNOS or not _in_runs_dir(file) or not free_space(use_reserve):
                raise


def _in_runs_dir(file: Path) -> bool:
    """Whether a file lies in the runs folder: what lies elsewhere may be on another disk."""
    return Path(os.path.abspath(file)).is_relative_to(os.path.abspath(runs_dir()))


def _protect_reserve() -> None:
    """Refuses what is not vital while the reserve is given up and not yet replaced: its room is not for that."""
    with contextlib.suppress(FileNotFoundError):
        disk = shutil.disk_usage(runs_dir())
        if disk.free < _reserve_size(disk.total) and not (runs_dir() / RESERVE_FILE).exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _reserve_size(total: int) -> int:
    return min(RESERVE_BYTES, total // 16)


def is_full() -> bool:
    """Whether there is no room on the disk for anything but what is vital."""
    with contextlib.suppress(OSError):
        disk = shutil.disk_usage(runs_dir())
        return disk.free < 2**16 + (0 if (runs_dir() / RESERVE_FILE).exists() else _reserve_size(disk.total))
    return False


def create_reserve() -> None:
    """Holds back some room for when the disk is full, as soon as there is plenty. Raises OSError when it cannot."""
    disk, file = shutil.disk_usage(runs_dir()), runs_dir() / RESERVE_FILE
    size = _reserve_size(disk.total)
    if not file.exists() and disk.free > 4 * size:
        _write_random_bytes(file, size)


def _write_random_bytes(file: Path, size: int) -> None:
    """Writes so many bytes whole or not at all, which no disk can compress: those would hold back nothing."""
    half = file.with_name(f"{file.name}-{os.getpid()}-{uuid.uuid4().hex}")
    try:
        half.write_bytes(os.urandom(size))
        os.replace(half, file)
    finally:
        half.unlink(missing_ok=True)


def free_space(use_reserve: bool = False) -> bool:
    """Gives up the reserve, for something vital, and else what was deleted longest ago; whether there was any."""
    reserve = runs_dir() / RESERVE_FILE
    if use_reserve and reserve.exists():
        reserve.unlink(missing_ok=True)
        return True
    trash = runs_dir() / TRASH_DIR
    if trash.is_dir() and not trash.is_symlink():
        for oldest in sorted(trash.iterdir(), key=deleted_at):
            with contextlib.suppress(OSError):  # the next one, perhaps
                remove(oldest)
                return True
    return False


def deleted_at(path: Path) -> int:
    """When something was put into the trash, as its name says: nanoseconds since 1970, 0 for a name that does not."""
    moment = path.name.rpartition("~")[2]
    return int(moment) if moment.isdecimal() and moment.isascii() else 0


def remove(path: Path) -> None:
    """Removes what lies there: a file, a folder with all in it, or a link, never what it leads to; nothing is fine.
    Raises OSError when it cannot be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
