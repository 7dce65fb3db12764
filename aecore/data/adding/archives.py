"""Zip archives from strangers: what may be read of one, within bounds that are counted while reading.

A header may lie about sizes, so nothing is believed that it says: entries are counted before Python's zipfile, which
holds a description of each in memory, is let at them, and bytes are counted as they are unpacked.
"""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from os.path import splitext
from pathlib import Path
from typing import NamedTuple

from aecore.errors import UserError

MAX_ENTRIES = 200_000
MAX_NAME_BYTES = 64 * 2**20  # of all names and comments together
MAX_UNPACKED_BYTES = 4 * 10**9
MAX_RATIO, RATIO_FROM = 200, 100 * 10**6  # times the size of the file, asked once so many bytes are unpacked
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others take as much memory as their header asks for
ARCHIVES = (".zip", ".7z", ".rar", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".zst")
ENTRY = b"PK\x01\x02"  # begins what the directory says of an entry: 46 bytes, then names of the lengths at 28
# What zipfile lets through of broken archives
ZIP_ERRORS = (
    zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError, struct.error,
    LookupError, OverflowError,
)  # fmt: skip
BROKEN = "The zip breaks off or is damaged: pack it again, or copy it once more."


class ZipMember(NamedTuple):
    """A file in a zip: the folders that lead to it and its name, and what zipfile knows of it."""

    path: tuple[str, ...]
    info: zipfile.ZipInfo

    @property
    def suffix(self) -> str:
        """What its name ends in, in small letters, with the dot."""
        return splitext(self.path[-1])[1].lower()


@dataclass
class Archive:
    """An open zip, and how much of it was unpacked."""

    zip: zipfile.ZipFile
    file_bytes: int
    unpacked: int = 0
    left_out: Counter[str] = field(default_factory=Counter)  # why, and how many entries

    def entries(self) -> Iterator[ZipMember]:
        """Files that may be read. UserError when the zip has a password."""
        for info in self.zip.infolist():
            name = _true_name(info)
            parts = tuple(part for part in name.split("/") if part not in ("", "."))
            if info.is_dir() or not parts or "__MACOSX" in parts or parts[-1].startswith("."):
                continue
            reason = _refusal(info, name, parts)
            if reason:
                self.left_out[reason] += 1
            else:
                yield ZipMember(parts, info)

    def read(self, info: zipfile.ZipInfo, max_bytes: int) -> bytes:
        """The bytes of an entry, `max_bytes` + 1 of them where there are more. ZIP_ERRORS when it is damaged; UserError
        when the zip unpacks to more than anybody means."""
        with self.zip.open(info) as stream:
            data = stream.read(max_bytes + 1)
        self.count(len(data))
        return data

    def count(self, n_bytes: int) -> None:
        """Count what was unpacked. UserError above all bounds."""
        self.unpacked += n_bytes
        if self.unpacked > MAX_UNPACKED_BYTES or (
            self.unpacked > RATIO_FROM and self.unpacked > MAX_RATIO * self.file_bytes
        ):
            raise UserError(
                f"The zip unpacks to more than {min(MAX_UNPACKED_BYTES, self.unpacked) / 1e9:.1f} GB, far more than "
                "it should: pack fewer or smaller files."
            )


def _true_name(info: zipfile.ZipInfo) -> str:
    """The path of an entry; some programs write UTF-8 without saying so, and zipfile takes it for code page 437."""
    name = info.filename
    if not info.flag_bits & 0x800:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode("utf-8")
    return unicodedata.normalize("NFC", name.replace("\\", "/"))


def _refusal(info: zipfile.ZipInfo, name: str, parts: tuple[str, ...]) -> str:
    """Why an entry is not read; empty when it may be. UserError for a password."""
    if info.flag_bits & 0x1:
        raise UserError("The zip is protected by a password: pack it again without one.")
    if name.startswith("/") or ".." in parts or ":" in parts[0]:
        return "with a path that leads out of the zip"
    if stat.S_ISLNK(info.external_attr >> 16):
        return "of the kind link"
    if parts[-1].lower().endswith(ARCHIVES):
        return "of the kind archive"
    return "" if info.compress_type in METHODS else "packed by a method that is not read here"


def _check_directory(file: Path) -> None:
    """UserError for more entries or longer names than anybody means."""
    entries = names = 0
    tail = b""
    with open(file, "rb") as stream:
        while block := stream.read(2**20):
            data = tail + block
            at = data.find(ENTRY)
            while 0 <= at <= len(data) - 46:
                entries += 1
                names += sum(struct.unpack_from("<3H", data, at + 28))
                at = data.find(ENTRY, at + 4)
            # 45 bytes are kept: one that begins in them is counted with the next block
            tail = data[-45:]
    if entries > MAX_ENTRIES:
        raise UserError(f"The zip has more than {MAX_ENTRIES:,} entries: pack fewer files.")
    if names > MAX_NAME_BYTES:
        raise UserError("The names in the zip take more room than pictures should: pack it again with shorter names.")


@contextmanager
def open_archive(file: Path) -> Iterator[Archive]:
    """A zip, open for reading. UserError when it cannot be opened or is beyond all bounds."""
    _check_directory(file)
    try:
        opened = zipfile.ZipFile(file)
    except ZIP_ERRORS:
        raise UserError(BROKEN) from None
    with opened:
        yield Archive(opened, file.stat().st_size)
