"""Files that are written whole or not at all, and where the laboratory keeps them."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from pathlib import Path
from typing import Any

from aecore.errors import UserError


def folder() -> Path:
    """Where runs are kept: AECORE_RUNS, else `runs` in the current folder."""
    return Path(os.environ.get("AECORE_RUNS") or "runs")


def write(file: Path, content: bytes | str, lasting: bool = False) -> None:
    """Writes a file whole or not at all: readers see the old content or the new, never half.

    A `lasting` one is on the disk when this returns, and outlives a power cut; that takes a few milliseconds longer.
    """
    data = content.encode() if isinstance(content, str) else content
    temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
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
