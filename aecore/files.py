"""Files: written whole or not at all, read without trust in what lies there, and where the laboratory keeps them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import uuid
from collections.abc import Callable
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors

from aecore.disk import finding_room, refuse_link, remove
from aecore.disk import folder as folder
from aecore.errors import UserError


def write(file: Path, content: bytes | str, lasting: bool = False, vital: bool = False) -> None:
    """Writes a file whole or not at all: readers see the old content or the new, never half.

    A `lasting` one is on the disk when this returns, and outlives a power cut; that takes a few milliseconds longer.
    On a full disk the trash gives way; what is `vital` (a few bytes that say where things stand) may use the reserve
    before that. Raises OSError when it cannot be written.
    """
    data = content.encode() if isinstance(content, str) else content
    finding_room(lambda: _write(file, data, lasting), file, vital)


def _write(file: Path, data: bytes, lasting: bool) -> None:
    # the writer's number tells a half-written file from one that a dead process left (runs.Draft)
    temporary = file.with_name(f".{file.name}-{os.getpid()}-{uuid.uuid4().hex}")
    try:
        with open(temporary, "wb") as stream:
            stream.write(data)
            if lasting:
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
        with appending(file) as stream:
            before = os.fstat(stream.fileno()).st_size
            left = memoryview(line.encode())
            try:
                while left:
                    left = left[stream.write(left) :]
            except OSError:
                os.ftruncate(stream.fileno(), before)  # shrinking needs no room
                raise

    finding_room(add, file)


def appending(file: Path) -> FileIO:
    """A regular file, open for adding to its end, made where there is none. What is something else goes: writing to a
    FIFO would wait, and a link may lead anywhere."""
    return _writing(file, _WRITE | os.O_APPEND)


def overwriting(file: Path) -> FileIO:
    """The same, open for writing over its beginning, which needs no room on the disk."""
    return _writing(file, _WRITE)


def _writing(file: Path, how: int) -> FileIO:
    refuse_links(file)
    if os.path.lexists(file) and not stat.S_ISREG(os.lstat(file).st_mode):
        remove(file)
    return FileIO(os.open(file, how, 0o644), "wb")


def checksum(file: Path, most: int = 10**10) -> str:
    """The SHA-256 of a file, in hexadecimal. UserError when it has more than `most` bytes, which takes long."""
    with opened(file) as stream:
        if os.fstat(stream.fileno()).st_size > most:
            raise _too_large(file, most)
        return hashlib.file_digest(stream, "sha256").hexdigest()


# --- Reading what others may have put there ---------------------------------------------------------------------------

JSON_BYTES = 8_000_000  # of a JSON file: the longest code there is, 4,096 numbers in a dozen lists, has half of it
DEPTH = 32  # brackets inside each other: ours have 7
_READ, _WRITE = os.O_RDONLY, os.O_WRONLY | os.O_CREAT
for _flag in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):  # no platform has all of them
    _READ |= getattr(os, _flag, 0)
    _WRITE |= getattr(os, _flag, 0)

KINDS: dict[Callable[[int], bool], str] = {
    stat.S_ISLNK: "a symbolic link, and links are not followed here",
    stat.S_ISDIR: "a folder",
    stat.S_ISFIFO: "a named pipe (FIFO)",
    stat.S_ISSOCK: "a socket",
    stat.S_ISBLK: "a device",
    stat.S_ISCHR: "a device",
}


def opened(file: Path) -> BufferedReader:
    """A regular file, open for reading. FileNotFoundError when there is none; UserError for anything else in its place:
    a FIFO would be waited for, a link may lead anywhere. Waits for nobody."""
    refuse_links(file)
    try:
        _refuse_irregular(file, os.lstat(file).st_mode)  # opening a device can already do something to it
        stream = open(os.open(file, _READ), "rb")  # noqa: SIM115  whoever called closes it
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unreadable(file, error.strerror or str(error)) from None
    try:
        _refuse_irregular(file, os.fstat(stream.fileno()).st_mode)
    except UserError:
        stream.close()
        raise
    return stream


def _refuse_irregular(file: Path, mode: int) -> None:
    if not stat.S_ISREG(mode):
        kind = next((words for is_it, words in KINDS.items() if is_it(mode)), "no regular file")
        raise _unreadable(file, f"it is {kind}")


def _unreadable(file: Path, why: str) -> UserError:
    why = " ".join(why.split())[:200]
    return UserError(f"{file.name} cannot be read ({why}); delete the folder {file.parent.name}, or put the file back.")


def refuse_links(file: Path) -> None:
    """Raises UserError when a folder between the runs folder and a file (or folder) in it is a symbolic link, or the
    file's own folder is. The runs folder itself may be one: people put it on another disk."""
    root = folder()
    inside = file.is_relative_to(root)
    for place in file.parents:
        if place == root or not (inside or place == file.parent):
            return
        refuse_link(place)


def read_bytes(file: Path, most: int) -> bytes:
    """What a regular file of `most` bytes at most holds. FileNotFoundError when there is none; UserError when something
    else is in its place, or it is larger."""
    with opened(file) as stream:
        try:
            content = stream.read(most + 1)
        except OSError as error:
            raise _unreadable(file, error.strerror or str(error)) from None
    if len(content) > most:
        raise _too_large(file, most)
    return content


def _too_large(file: Path, most: int) -> UserError:
    return _unreadable(file, f"it has more than the {most / 1e6:g} MB that such a file can have")


def read_end(file: Path, most: int) -> str:
    """The last bytes of a file of text, `most` at most; "" when there is none. UserError as `read_bytes`."""
    try:
        with opened(file) as stream:
            stream.seek(max(0, os.fstat(stream.fileno()).st_size - most))
            return stream.read(most).decode(errors="replace")
    except FileNotFoundError:
        return ""


def read_json(file: Path, most: int = JSON_BYTES) -> Any:
    """What a JSON file holds; None when there is no such file. Raises UserError when it is not JSON, nested too deeply,
    or no regular file. Its types are for aecore.store.schema to check."""
    try:
        return parsed(read_bytes(file, most))
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise _unreadable(file, str(error)) from None


def parsed(content: bytes) -> Any:
    """JSON as Python's objects. ValueError, whose text fits into a sentence, for what is none, names a field twice or
    is nested more than DEPTH deep. NaN and infinity are taken: whether a number may be one the schema says."""
    try:
        found = json.loads(content, object_pairs_hook=_once)
    except RecursionError:
        raise ValueError(f"it is nested more than {DEPTH} deep") from None
    except UnicodeDecodeError:
        raise ValueError("it is no text") from None
    level = [found]
    for _ in range(DEPTH):
        inner = (each.values() if isinstance(each, dict) else each for each in level if isinstance(each, dict | list))
        level = [each for values in inner for each in values if isinstance(each, dict | list)]
        if not level:
            return found
    raise ValueError(f"it is nested more than {DEPTH} deep")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("it names a field twice")
    return found


def read_tensors(file: Path, most: int) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    """The arrays of a safetensors file of `most` bytes at most, and what its head says. FileNotFoundError when there is
    none, UserError when it is damaged."""
    content = read_bytes(file, most)
    try:
        arrays = load_tensors(content)
        head = parsed(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__") or {}
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise _unreadable(file, f"damaged or cut short: {error}") from None
    return arrays, head
