"""Images in run folders: a PNG that a run has written, checked before a page shows it."""

import io
import os
from functools import lru_cache
from pathlib import Path

from PIL import Image

from aecore import files
from aecore.data.uploads import DECODE_ERRORS, DECOMPRESSION_BOMB
from aecore.errors import UserError

MAX_PNG_BYTES, MAX_PNG_PIXELS = 4_000_000, 4_000_000  # of an image in a run's folder, at most: ours have 40 kB


def read_png(file: Path) -> bytes:
    """A PNG from a run's folder, fit for a page; b"" when there is none. UserError when it is no PNG of usual size."""
    try:
        found = os.lstat(file)
    except OSError:
        return b""
    return _read_png(file, (found.st_mtime_ns, found.st_size, found.st_ino))


@lru_cache(maxsize=64)
def _read_png(file: Path, stamp: tuple[int, ...]) -> bytes:
    try:
        content = files.read_bytes(file, MAX_PNG_BYTES)
        image = Image.open(io.BytesIO(content), formats=["PNG"])  # reads the header only
        if image.width * image.height > MAX_PNG_PIXELS:
            raise ValueError("too many pixels")
        image.load()
    except FileNotFoundError:  # deleted at this moment
        return b""
    except (*DECODE_ERRORS, *DECOMPRESSION_BOMB):
        raise UserError(
            f"{file.name} is no image that can be shown: it is damaged, or not of this laboratory."
        ) from None
    return content
