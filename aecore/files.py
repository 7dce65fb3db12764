"""Files that are written whole or not at all, and where the laboratory keeps them."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

from aecore.disk import finding_room
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
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def append(file: Path, line: str) -> None:
    """Adds a line to a file, whole or not at all. Raises OSError when it cannot be written."""
    before = file.stat().st_size if file.exists() else 0

    def add() -> None:
        try:
            with open(file, "ab") as stream:
                stream.write(line.encode())
        except OSError:
            if file.exists():
                os.truncate(file, before)  # shrinking needs no room
            raise

    finding_room(add, file)


def checksum(file: Path) -> str:
    """The SHA-256 of a file, in hexadecimal."""
    with open(file, "rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def read_json(file: Path) -> Any:
    """What a JSON file holds; None when there is no such file. Raises UserError when it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise UserError(f"{file.name} cannot be read ({error}); delete the run's folder {file.parent}.") from None
