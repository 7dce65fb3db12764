"""The folder that an export goes to: its files are published together, or not at all."""

from __future__ import annotations

import io
import os
import shutil
import time
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from aecore import files
from aecore.errors import UserError

TEMP_PREFIX = ".export-"  # what the name of a folder begins with where an export is being written
STALE_AFTER = 24 * 3600  # seconds after which such a folder is removed: its process has died


def zip_archive(contents: Mapping[str, bytes]) -> bytes:
    """The files as a ZIP archive; of the same files always the same bytes."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in contents.items():
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return written.getvalue()


def write_file(file: Path, content: bytes) -> list[Path]:
    """Writes one file, whole or not at all, into a folder that is made when it is not there; UserError when it cannot
    be."""
    if file.is_dir():
        raise UserError(f"{file} is a folder; name a file.")
    make_folder(file.parent)
    return publish({file.name: content}, file.parent)


def make_folder(to: Path) -> None:
    """UserError when it cannot be made."""
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {to} cannot be made ({error.strerror}); name another.") from None


def publish(contents: Mapping[str, bytes], to: Path, stale: Sequence[str] = ()) -> list[Path]:
    """Puts files into a folder, all or none: an earlier export there, `stale` files of it included, is replaced by the
    whole new one or stays as it was. Other files stay. Returns the files; UserError when they cannot be written."""
    part = to / f"{TEMP_PREFIX}{uuid.uuid4().hex}"
    try:
        _remove_stale(to)
        for folder in (part, part / "new", part / "old"):
            folder.mkdir()
        for name, content in contents.items():
            files.atomic_write(part / "new" / name, content, durable=True)
        _swap(part, to, [*contents, *stale])
    except OSError as error:
        raise UserError(
            f"The export could not be written to {to} ({error.strerror or error}), and what was there is as it was: "
            "free some space there, or name another folder."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sorted(to / name for name in contents)


def _swap(temp_dir: Path, to: Path, names: Sequence[str]) -> None:
    """Moves the earlier files out, then the new ones in: whenever the process dies, none of one export lies beside
    one of another. An error takes it all back."""
    steps = [(to / name, temp_dir / "old" / name) for name in dict.fromkeys(names)]
    steps += [(temp_dir / "new" / name, to / name) for name in dict.fromkeys(names)]
    moved = []
    try:
        for source, target in steps:
            if source.exists():
                os.replace(source, target)
                moved.append((source, target))
    except BaseException:
        for source, target in reversed(moved):
            os.replace(target, source)
        raise


def _remove_stale(to: Path) -> None:
    for place in to.glob(f"{TEMP_PREFIX}*"):
        if time.time() - place.stat().st_mtime > STALE_AFTER:
            shutil.rmtree(place, ignore_errors=True)
