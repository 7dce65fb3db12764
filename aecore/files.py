"""Files: written whole or not at all, read without trust in what lies there, and where the laboratory keeps them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from aecore.disk import refuse_link, remove, retry_freeing_space
from aecore.disk import runs_dir as runs_dir
from aecore.errors import UserError


def atomic_write(file: Path, content: bytes | str, durable: bool = False, use_reserve: bool = False) -> None:
    """Writes a file whole or not at all: readers see the old content or the new, never half.

    A `durable` one is on the disk when this returns, and outlives a power cut; that takes a few milliseconds longer.
    On a full disk the trash gives way; what may `use_reserve` (a few bytes that say where things stand) may take
    the reserve before that. Raises OSError when it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    retry_freeing_space(lambda: _write(file, data, durable), file, use_reserve)


def _write(file: Path, data: bytes, durable: bool) -> None:
    # the writer's number tells a half-written file from one that a dead process left (runs.Draft)
    temporary = file.with_name(f".{file.name}-{os.getpid()}-{uuid.uuid4().hex}")
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
            if durable:
                stream.flush()
                os.fsync(stream.fileno())
        try:
            os.replace(temporary, file)
        except IsADirectoryError:  # none of ours is one
            remove(file)
            os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append(file: Path, line: str) -> None:
    """Adds a line to a file, whole or not at all. Raises OSError when it cannot be written."""

    def add() -> None:
        with open_append(file) as stream:
            before = os.fstat(stream.fileno()).st_size
            left = memoryview(line.encode())
            try:
                while left:
                    left = left[stream.write(left) :]
            except OSError:
                os.ftruncate(stream.fileno(), before)  # shrinking needs no room
                raise

    retry_freeing_space(add, file)


def open_append(file: Path) -> FileIO:
    """A regular file, open for adding to its end, made where there is none. What is something else goes: writing to a
    FIFO would wait, and a link may lead anywhere."""
    return _open_write(file, _WRITE_FLAGS | os.O_APPEND)


def open_overwrite(file: Path) -> FileIO:
    """The same, open for writing over its beginning, which needs no room on the disk."""
    return _open_write(file, _WRITE_FLAGS)


def _open_write(file: Path, flags: int) -> FileIO:
    refuse_links(file)
    if os.path.lexists(file) and not stat.S_ISREG(os.lstat(file).st_mode):
        remove(file)
    return FileIO(os.open(file, flags, 0o644), "wb")


def checksum(file: Path, max_bytes: int = 10**10) -> str:
    """The SHA-256 of a file, in hexadecimal. UserError when it has more than `max_bytes` bytes, which takes long."""
    with open_regular(file) as stream:
        if os.fstat(stream.fileno()).st_size > max_bytes:
            raise _too_large_error(file, max_bytes)
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- Reading what others may have put there ---------------------------------------------------------------------------

MAX_JSON_BYTES = 8_000_000  # of a JSON file: the longest code there is, 4,096 numbers in a dozen lists, has half of it
MAX_JSON_DEPTH = 32  # brackets inside each other: ours have 7
_READ_FLAGS, _WRITE_FLAGS = os.O_RDONLY, os.O_WRONLY | os.O_CREAT
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # no platform has all of them
    _READ_FLAGS |= getattr(os, _flag, 0)
    _WRITE_FLAGS |= getattr(os, _flag, 0)

FILE_TYPES: dict[Callable[[int], bool], str] = {
    stat.S_ISLNK: "a symbolic link, and links are not followed here",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe (FIFO)",
    stat.S_ISSOCK: "a socket",
    stat.S_ISBLK: "a device",
    stat.S_ISCHR: "a device",
}


def open_regular(file: Path) -> BufferedReader:
    """A regular file, open for reading. FileNotFoundError when there is none; UserError for anything else in its place:
    a FIFO would be waited for, a link may lead anywhere. Waits for nobody."""
    refuse_links(file)
    try:
        _refuse_irregular(file, os.lstat(file).st_mode)  # opening a device can already do something to it
        stream = open(os.open(file, _READ_FLAGS), "rb")  # noqa: SIM115  whoever called closes it
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable_error(file, error.strerror or str(error)) from None
    try:
        _refuse_irregular(file, os.fstat(stream.fileno()).st_mode)
    except UserError:
        stream.close()
        raise
    return stream


@contextmanager
def regular_path(file: Path) -> Iterator[Path]:
    """The path of a regular file for a library that opens by path, as safetensors does: of the file that was looked at,
    whatever takes its place meanwhile (a FIFO would be waited for, with the interpreter's lock held). Raises what
    `open_regular` raises."""
    with open_regular(file) as stream:
        opened = Path(f"/dev/fd/{stream.fileno()}")  # Windows has none, and no FIFO either
        yield opened if opened.exists() else file


def _refuse_irregular(file: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for is_it, words in FILE_TYPES.items() if is_it(mode)), "no regular file")
        raise _unreadable_error(file, f"it is {kind}")


def _unreadable_error(file: Path, reason: str) -> UserError:
    reason = " ".join(reason.split())[:200]
    return UserError(
        f"{file.name} cannot be read ({reason}); delete the folder {file.parent.name}, or put the file back."
    )


def refuse_links(file: Path) -> None:
    """Raises UserError when a folder between the runs folder and a file (or folder) in it is a symbolic link, or the
    file's own folder is. The runs folder itself may be one: people put it on another disk."""
    root = runs_dir()
    inside = file.is_relative_to(root)
    for place in file.parents:
        if place == root or not (inside or place == file.parent):
            return
        refuse_link(place)


def read_bytes(file: Path, max_bytes: int) -> bytes:
    """What a regular file of at most `max_bytes` holds. FileNotFoundError when there is none; UserError when something
    else is in its place, or it is larger."""
    with open_regular(file) as stream:
        try:
            content = stream.read(max_bytes + 1)
        except OSError as error:
            raise _unreadable_error(file, error.strerror or str(error)) from None
    if len(content) > max_bytes:
        raise _too_large_error(file, max_bytes)
    return content


def _too_large_error(file: Path, max_bytes: int) -> UserError:
    return _unreadable_error(file, f"it has more than the {max_bytes / 1e6:g} MB that such a file can have")


def read_tail(file: Path, max_bytes: int) -> str:
    """The last bytes of a file of text, `max_bytes` at most; "" when there is none. UserError as `read_bytes`."""
    try:
        with open_regular(file) as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - max_bytes))
            return stream.read(max_bytes).decode(errors="replace")
    except FileNotFoundError:
        return ""


def read_json(file: Path, max_bytes: int = MAX_JSON_BYTES) -> Any:
    """What a JSON file holds; None when there is no such file. Raises UserError when it is not JSON, nested too deeply,
    or no regular file. Its types are for aecore.store.schema to check."""
    try:
        return parse_json(read_bytes(file, max_bytes))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _unreadable_error(file, str(error)) from None


def parse_json(content: bytes) -> Any:
    """JSON as Python's objects. ValueError, whose text fits into a sentence, for what is none, names a field twice or
    is nested more than DEPTH deep. NaN and infinity are taken: whether a number may be one the schema says."""
    try:
        found = json.loads(content, object_pairs_hook=_unique_keys)
    except RecursionError:
        raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} deep") from None
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None
    level = [found]
    for _ in range(MAX_JSON_DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        if not level:
            return found
    raise ValueError(f"it is nested more than {MAX_JSON_DEPTH} deep")


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names a field twice")
    return found


def read_tensors(file: Path, max_bytes: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file of at most `max_bytes` bytes, and its metadata. FileNotFoundError when there is
    none, UserError when it is damaged."""
    content = read_bytes(file, max_bytes)
    try:
        arrays = load_tensors(content)
        head = parse_json(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _unreadable_error(file, f"damaged or cut short: {error}") from None
    return arrays, head


Stamp = tuple[int, int, int, int]  # by which a file is known to be the one that was read before


def file_stamp(file: Path | str) -> Stamp | None:
    """What tells a file from another in its place; None when there is none, or nobody may look."""
    try:
        found = os.lstat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode
