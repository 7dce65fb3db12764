"""Disks for tests of what happens when there is no room: a small one, and what fills it."""

import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def mounted(place: Path, size: str) -> Iterator[Path]:
    """A disk of so many bytes ("4m") in memory; the test is skipped, with the reason, where none can be mounted."""
    place.mkdir()
    why = "" if sys.platform == "linux" and shutil.which("mount") else f"{sys.platform} has no tmpfs"
    if not why:
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
        said = subprocess.run(command, capture_output=True, text=True)
        why = said.stderr.strip() if said.returncode else ""
    if why:
        pytest.skip(f"no small disk can be mounted here: {why}")
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def fill(place: Path) -> Path:
    """Fills a disk to its last byte; with which file."""
    file = place / "filler"
    for size in (1 << 16, 1):
        with contextlib.suppress(OSError), open(file, "ab", buffering=0) as stream:
            while stream.write(b"0" * size):
                pass
    return file
