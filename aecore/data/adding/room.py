"""The room that people's own data sets may take: AECORE_OWN_MB on a server, AECORE_OWN_MB_PERSON of one person."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from aecore.data import own_datasets
from aecore.errors import UserError

SERVER_MB, PERSON_MB = 2000, 500
MAX_MB = 10**9


@dataclass(frozen=True)
class Room:
    """Bytes that are taken and allowed: by all people together, and by one of them."""

    used: int
    limit: int
    person_used: int
    person_limit: int

    @property
    def left(self) -> int:
        """Bytes that this person may still add."""
        return max(0, min(self.limit - self.used, self.person_limit - self.person_used))


def room_left(added_by: str = "") -> Room:
    """The room for one more data set of somebody; what is in the trash gives way and counts nothing. UserError when a
    limit in the environment is no number."""
    used = person_used = 0
    for name in own_datasets.names():
        with contextlib.suppress(KeyError):  # spoilt, or deleted at this moment
            origin = own_datasets.read_card(name).origin
            size = max(folder_bytes(own_datasets.folder_of(name)), origin.bytes if origin else 0)
            used += size
            person_used += size if origin and origin.added_by == added_by else 0
    return Room(used, _limit("AECORE_OWN_MB", SERVER_MB), person_used, _limit("AECORE_OWN_MB_PERSON", PERSON_MB))


def _limit(name: str, default: int) -> int:
    """Bytes that the environment allows."""
    said = os.environ.get(name) or str(default)
    if not (said.isdecimal() and said.isascii()) or int(said) > MAX_MB:
        raise UserError(f"{name} takes a whole number of megabytes, not {said[:40]!r}: set another one or none.")
    return int(said) * 10**6


def folder_bytes(folder: Path) -> int:
    """Bytes of the files in a folder; those that vanish meanwhile count nothing."""
    total = 0
    with contextlib.suppress(OSError):
        for each in os.scandir(folder):
            with contextlib.suppress(OSError):
                total += each.stat(follow_symlinks=False).st_size
    return total
