"""A zip of pictures: decoded one at a time, fitted to one size, and named by their folders."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import PIL.Image as PIL

from aecore.data import images, uploads
from aecore.data.adding import archives, labels
from aecore.data.adding.archives import Archive, ZipMember
from aecore.data.adding.parsed import ParsedData
from aecore.data.adding.understood import AddOptions, WorkFolder
from aecore.data.adding.wording import counted, listed, one_line
from aecore.data.modalities import Image
from aecore.errors import UserError

SUFFIXES = (".png", ".jpg", ".jpeg", ".jpe", ".webp", ".gif", ".bmp", ".tif", ".tiff")
MIN_SIDE, MAX_SIDE = 8, 128
MAX_PIXELS = 10**10  # of all pictures before they are fitted: some minutes of decoding
SPLIT_FOLDERS = {"train", "training", "test", "testing", "val", "valid", "validation", "dev"}
REPORT_EVERY = 500  # pictures


@dataclass
class _Reading:
    """What was decoded so far."""

    folders: list[str] = field(default_factory=list)
    coloured: bool = False
    pixels: int = 0
    broken: list[str] = field(default_factory=list)
    changes: Counter[str] = field(default_factory=Counter)  # what the decoder had to do, and how often


def from_zip(archive: Archive, options: AddOptions, work: WorkFolder, progress: Callable[[str], None]) -> ParsedData:
    """The pictures of a zip as a data set. UserError when it cannot be used."""
    if not MIN_SIDE <= options.side <= MAX_SIDE:
        raise UserError(
            f"Pictures can be fitted to {MIN_SIDE} to {MAX_SIDE} pixels, not {options.side}: choose another size."
        )
    found, other = _find(archive)
    store = work.path / "pictures.raw"
    reading = _decode_all(archive, found, store, options, progress)
    side, count = options.side, len(reading.folders)
    if not count:
        raise UserError(f"None of the {len(found):,} pictures in the zip can be read: save them as PNG or JPEG.")
    # Never written through the map: on a full disk that would end the process, where a file raises an error.
    x: np.ndarray = np.memmap(store, np.uint8, "r", shape=(count, 3, side, side))
    colour = reading.coloured if options.colour is None else options.colour
    x = x if colour else x[:, :1]
    y, classes, notes = labels.from_names(reading.folders)
    notes = [*_notes(archive, reading, other), *notes]
    if colour != reading.coloured and options.colour is not None:
        notes.append("Colours were turned into gray." if not colour else "All pictures are gray; colour was asked for.")
    return ParsedData("image", Image(*x.shape[1:]), x, y, classes, notes)


def _find(archive: Archive) -> tuple[list[ZipMember], int]:
    """The pictures of an archive, by the path that names their class, and how many other files there are."""
    entries = list(archive.entries())
    found = [entry for entry in entries if entry.suffix in SUFFIXES]
    if not found:
        raise UserError(_no_picture(archive, entries))
    return _unwrap(found), len(entries) - len(found)


def _no_picture(archive: Archive, entries: list[ZipMember]) -> str:
    """Why there is nothing to read, and what to do."""
    names = ["/".join(entry.path) for entry in entries[:1000]]
    if "[Content_Types].xml" in names:
        return "This is a document of an office program: save its sheet as CSV (UTF-8) and add that."
    if any(name.endswith((".pkl", ".pickle")) for name in names):
        return "This file holds Python pickles, which are never opened here: save arrays with numpy.savez and add that."
    if archive.left_out:
        why = archive.left_out.most_common(1)[0][0]
        return f"The zip holds no picture that can be read, only entries {why}: pack the pictures themselves."
    more = f" and {len(entries) - 2:,} more" if len(entries) > 3 else ""
    held = (
        f"only {', '.join(one_line(name) for name in names[: 2 if more else 3])}{more}" if names else "nothing at all"
    )
    return f"The zip holds no picture, {held}: pack PNG, JPEG, WebP, GIF, BMP or TIFF files, in one folder a class."


def _unwrap(found: list[ZipMember]) -> list[ZipMember]:
    """Without the folder that all are in, as long as there are folders in it; train and test are no classes."""
    while True:
        tops = {entry.path[0].lower() for entry in found}
        nested = all(len(entry.path) > 1 for entry in found) and any(len(entry.path) > 2 for entry in found)
        if not nested or not (len(tops) == 1 or tops <= SPLIT_FOLDERS):
            return found
        found = [ZipMember(entry.path[1:], entry.info) for entry in found]


def _decode_all(
    archive: Archive,
    found: list[ZipMember],
    store: Path,
    options: AddOptions,
    progress: Callable[[str], None],
) -> _Reading:
    """Decode and fit all pictures, one after the other, into a file of uint8 `[N, 3, side, side]`."""
    reading = _Reading()
    with open(store, "wb") as out:
        for number, entry in enumerate(found):
            if number % REPORT_EVERY == 0:
                progress(f"{number:,} of {len(found):,} pictures are read.")
            pixels = _decode(archive, entry, options, reading)
            if pixels is not None:
                out.write(pixels.tobytes())
                reading.folders.append(one_line(entry.path[0]) if len(entry.path) > 1 else "")
    return reading


def _decode(archive: Archive, entry: ZipMember, options: AddOptions, reading: _Reading) -> np.ndarray | None:
    """A picture as uint8 `[3, side, side]`; None, and a name among the broken, where it is none."""
    try:
        data = archive.read(entry.info, uploads.MAX_UPLOAD_BYTES)
        upload = uploads.open_upload(data)
    except (uploads.ImageError, *archives.ZIP_ERRORS):
        reading.broken.append("/".join(entry.path))
        return None
    reading.pixels += upload.image.width * upload.image.height
    if reading.pixels > MAX_PIXELS:
        raise UserError(
            f"The pictures have more than {MAX_PIXELS // 10**9} billion pixels together: shrink them before packing, "
            f"{options.side} x {options.side} are kept of each."
        )
    reading.changes.update(upload.notes)
    gray = options.colour is False or upload.image.mode == "L"
    pixels = _fitted(upload.image, 1 if gray else 3, options.side)
    if not gray and not ((pixels[0] == pixels[1]) & (pixels[1] == pixels[2])).all():
        reading.coloured = True
    return np.broadcast_to(pixels, (3, options.side, options.side))


def _fitted(image: PIL.Image, channels: int, side: int) -> np.ndarray:
    """uint8 `[channels, side, side]`; of the right size already, it is only turned, which takes half the time."""
    if image.size == (side, side):
        plain = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(side, side, channels)
        return np.ascontiguousarray(plain.transpose(2, 0, 1))
    return (images.resize_to(image, (channels, side, side)) * 255 + 0.5).astype(np.uint8)


def _notes(archive: Archive, reading: _Reading, other: int) -> list[str]:
    notes = []
    if broken := len(reading.broken):
        said = f"{counted(broken, 'picture')} could not be read and {_were(broken)} left out"
        notes.append(f"{said}: {listed(reading.broken)}.")
    for why, count in archive.left_out.items():
        notes.append(f"{counted(count, 'entry', 'entries')} {why} {_were(count)} left out.")
    if other:
        notes.append(
            f"{counted(other, 'file')} that {'is' if other == 1 else 'are'} no picture {_were(other)} left out."
        )
    notes += [f"{text} ({counted(count, 'picture')})" for text, count in reading.changes.most_common(5)]
    return notes


def _were(count: int) -> str:
    return "was" if count == 1 else "were"
