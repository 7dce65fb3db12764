"""NumPy's files, .npz and .npy: arrays `x` and, where there are labels, `y`. Pickled objects are never read."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from aecore import disk
from aecore.data.adding import archives, division, labels
from aecore.data.adding.parsed import MAX_SAMPLE_BYTES, MAX_VALUES, ParsedData, check_size, standardise
from aecore.data.adding.series import standardised
from aecore.data.adding.understood import MAX_CLASSES, AddOptions, WorkFolder
from aecore.data.adding.wording import counted, listed
from aecore.data.modalities import Image, Modality, Points, Vector
from aecore.errors import UserError

X_NAMES, Y_NAMES = ("x", "data", "images", "samples", "arr_0"), ("y", "labels", "label", "target", "targets", "arr_1")
MAX_ARRAYS, MAX_SIDE = 1000, 256
MAX_HEADER = 100_000  # bytes of the description of an array
CHUNK = 2**22  # bytes
NO_PICKLES = "The file holds Python objects, which are never opened here: save x as a plain array of numbers."


def is_npz(archive: archives.Archive) -> bool:
    """Whether a zip holds nothing but arrays."""
    names = [info.filename for info in archive.zip.infolist()[:MAX_ARRAYS]]
    return bool(names) and all(name.endswith(".npy") for name in names)


def from_npz(archive: archives.Archive, options: AddOptions, work: WorkFolder) -> ParsedData:
    """What is in an .npz. UserError when it cannot be used."""
    infos = {info.filename.removesuffix(".npy"): info for info in archive.zip.infolist()}
    named = {name.lower(): name for name in infos}
    x_name = next((named[name] for name in X_NAMES if name in named), "")
    if not x_name and len(infos) == 1:
        x_name = next(iter(infos))
    if not x_name:
        raise UserError(
            f"There is no array called x in the file, only {listed(list(infos))}: save x, and y for labels."
        )
    y_name = next((named[name] for name in Y_NAMES if name in named and named[name] != x_name), "")
    x = _unpack(archive, infos[x_name], work.path / "x.raw")
    y = _unpack(archive, infos[y_name], work.path / "y.raw") if y_name and options.label != "-" else None
    others = [name for name in infos if name not in (x_name, y_name)]
    parsed = _parse(x, y, options, work)
    if others:
        parsed.notes.insert(0, f"Left out (only x and y are read): {listed(others)}.")
    return parsed


def from_npy(file: Path, options: AddOptions, work: WorkFolder) -> ParsedData:
    """What is in an .npy, which has no labels. UserError when it cannot be used."""
    copy = work.path / "x.npy"  # the file itself may change while it is looked at
    shutil.copyfile(file, copy)
    with open(copy, "rb") as stream:
        header = _header(stream)
        offset = stream.tell()
    if copy.stat().st_size < offset + header.n_bytes:
        raise UserError("The array breaks off: save it again, or copy it once more.")
    return _parse(header.map(copy, offset), None, options, work)


@dataclass
class _Header:
    """What an .npy says of its array."""

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]

    @property
    def n_bytes(self) -> int:
        count = self.dtype.itemsize
        for length in self.shape:
            count *= length
        return count

    def map(self, file: Path, offset: int) -> np.ndarray:
        """The array in a file, memory-mapped."""
        if not self.n_bytes:
            return np.zeros(self.shape, self.dtype)
        order: Any = "F" if self.fortran else "C"
        return np.memmap(file, self.dtype, "r", offset, self.shape, order)


def _header(stream: IO[bytes]) -> _Header:
    """The header of an array, checked before any of it is read. UserError when it is broken, too large, no numbers."""
    read: dict[tuple[int, int], Callable[..., Any]] = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }
    try:
        version = np.lib.format.read_magic(stream)
        if version not in read:
            raise ValueError(f"version {version}")
        found = _Header(*read[version](stream, max_header_size=MAX_HEADER))
    except (ValueError, SyntaxError, TypeError, EOFError, LookupError, RecursionError, *archives.ZIP_ERRORS):
        raise UserError("The array has no sound header: save it again with numpy.savez.") from None
    if found.dtype.hasobject:
        raise UserError(NO_PICKLES)
    if found.dtype.kind not in "biufUS" or found.dtype.names or found.dtype.subdtype:
        raise UserError(f"The array holds {found.dtype}, and only plain numbers are read: save x as numbers.")
    if found.n_bytes > 2 * MAX_SAMPLE_BYTES or any(length < 0 for length in found.shape):
        raise UserError(
            f"The array has {found.n_bytes / 1e9:,.1f} GB and at most {2 * MAX_SAMPLE_BYTES / 1e9:g} are taken: add a "
            "part of it."
        )
    return found


def _unpack(archive: archives.Archive, info: zipfile.ZipInfo, file: Path) -> np.ndarray:
    """An array of a zip, unpacked into a file as its header says and memory-mapped."""
    if info.flag_bits & 0x1:
        raise UserError("The file is protected by a password: save it again without one.")
    if info.compress_type not in archives.METHODS:
        raise UserError("The arrays are packed by a method that is not read here: save them with numpy.savez.")
    left = -1
    try:
        with archive.zip.open(info) as stream, open(file, "wb") as out:
            header = _header(stream)
            left = header.n_bytes
            while left > 0 and (block := stream.read(min(left, CHUNK))):
                archive.count(len(block))
                out.write(block)
                left -= len(block)
    except archives.ZIP_ERRORS as error:
        if isinstance(error, OSError) and error.errno in disk.DISK_FULL_ERRNOS:
            raise
        left = -1
    if left:
        raise UserError("An array in the file breaks off or is damaged: save it again with numpy.savez.")
    return header.map(file, 0)


def _parse(x: np.ndarray, y: np.ndarray | None, options: AddOptions, work: WorkFolder) -> ParsedData:
    """Arrays as what their shape and numbers say they are."""
    if x.dtype.kind in "US" or x.ndim < 2:
        raise UserError(
            f"x has the shape {x.shape} of {x.dtype}: save numbers as [samples, values], [samples, time, channels] or "
            "[samples, height, width]."
        )
    division.check_count(len(x), "samples")
    read = _read_y(y, len(x), options)
    kind = options.kind or _kind_of(x)
    if kind not in BUILDERS:
        raise UserError(f"Arrays are read as image, series or vector, not as {kind}: choose one of these.")
    return BUILDERS[kind](x, read, options, work)


def _kind_of(x: np.ndarray) -> str:
    """What an array is, by its shape and its numbers."""
    if x.ndim == 2:
        return "points" if x.shape[1] == 2 else "vector"
    if x.ndim == 3:
        return "image" if x.dtype in (np.uint8, np.bool_) else "series"
    return "image"


def _read_y(y: np.ndarray | None, count: int, options: AddOptions) -> labels.Labels:
    """Labels out of an array of whole numbers or of texts."""
    if y is None:
        return labels.none(count)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if y.shape != (count,):
        raise UserError(f"y has the shape {y.shape} and x has {count:,} samples: save one label for each sample.")
    if y.dtype.kind == "f" and (not np.isfinite(y).all() or np.any(y != np.floor(y))):
        raise UserError("y holds fractions, and classes are whole numbers or texts: leave y out, or round it.")
    different = np.unique(y)
    if len(different) > MAX_CLASSES:
        raise UserError(
            f"y has {len(different):,} different values and at most {MAX_CLASSES} can be classes: leave y out."
        )
    if y.dtype.kind in "US":
        texts = y.astype(str).tolist()
    else:
        texts = [str(each) for each in y.astype(np.int64).tolist()]
    return labels.from_names(texts, "values of y")


def _images(x: np.ndarray, read: labels.Labels, options: AddOptions, work: WorkFolder) -> ParsedData:
    """[N, H, W], [N, H, W, C] or [N, C, H, W] as uint8 `[N, C, H, W]`."""
    notes: list[str] = []
    if x.ndim == 3:
        x = x[:, None]
    elif x.ndim == 4 and x.shape[1] not in (1, 3) and x.shape[3] in (1, 3):
        x = np.moveaxis(x, 3, 1)
    if x.ndim != 4 or x.shape[1] not in (1, 3) or not (2 <= x.shape[2] <= MAX_SIDE and 2 <= x.shape[3] <= MAX_SIDE):
        raise UserError(
            f"x has the shape {x.shape}, and images are [samples, height, width] with 1 or 3 channels, up to "
            f"{MAX_SIDE} pixels high and wide: save them so."
        )
    if x.dtype != np.uint8:
        x = _to_uint8(x, work, notes)
    if options.colour is False and x.shape[1] == 3:
        x = x.mean(1, keepdims=True).round().astype(np.uint8)
        notes.append("Colours were turned into gray.")
    return ParsedData("image", Image(*x.shape[1:]), x, *read[:2], [*notes, *read[2]])


def _to_uint8(x: np.ndarray, work: WorkFolder, notes: list[str]) -> np.ndarray:
    """Numbers from 0 to 1, or from 0 to 255, as bytes, through a file, some samples at a time."""
    step = max(1, CHUNK // max(1, x[:1].nbytes))
    low, high = np.inf, -np.inf
    for at in range(0, len(x), step):
        part = np.asarray(x[at : at + step], float)
        low, high = min(low, part.min()), max(high, part.max())
    if not (np.isfinite(low) and np.isfinite(high)) or low < 0 or high > 255:
        raise UserError(f"The pixels go from {low:g} to {high:g}, and images are 0 to 1 or 0 to 255: scale them so.")
    scale = 255.0 if high <= 1 else 1.0
    with open(work.path / "pixels.raw", "wb") as out:
        for at in range(0, len(x), step):
            out.write((np.asarray(x[at : at + step], float) * scale + 0.5).astype(np.uint8).tobytes())
    notes.append(f"Pixels from 0 to {'1' if scale > 1 else '255'} were rounded to 256 levels.")
    made: np.ndarray = np.memmap(work.path / "pixels.raw", np.uint8, "r", shape=x.shape)
    return made


def _vectors(x: np.ndarray, read: labels.Labels, options: AddOptions, work: WorkFolder) -> ParsedData:
    """[N, F], standardised by the training samples."""
    points = options.kind in ("", "points") and x.ndim == 2 and x.shape[1] == 2
    if options.kind == "points" and not points:
        raise UserError(f"Points have the shape [samples, 2], and x has {x.shape}: choose vector.")
    flat = x.reshape(len(x), -1)
    if not 2 <= flat.shape[1] <= MAX_VALUES:
        raise UserError(f"A sample has {flat.shape[1]:,} values, and 2 to {MAX_VALUES:,} are taken: save others.")
    check_size(*flat.shape)
    whole = np.flatnonzero(np.isfinite(flat).all(1)) if flat.dtype.kind == "f" else np.arange(len(flat))
    notes = (
        [f"{counted(len(flat) - len(whole), 'sample')} with NaN or infinity left out."]
        if len(whole) < len(flat)
        else []
    )
    division.check_count(len(whole), "samples without NaN")
    rows, how = division.by_lot(len(whole), options.seed)
    made = np.empty((len(whole), flat.shape[1]), np.float32)
    means, stds = [], []
    for at in range(flat.shape[1]):
        made[:, at], mean, std, _ = standardise(np.asarray(flat[whole, at], float), rows[0])
        means.append(mean)
        stds.append(std)
    names = ("x", "y") if points else tuple(f"value {at + 1}" for at in range(flat.shape[1]))
    modality: Modality = (Points if points else Vector)(names, tuple(means), tuple(stds))
    kind = "points" if points else "vector"
    return ParsedData(kind, modality, made, read[0][whole], read[1], [*notes, *read[2], how], rows)


def _series(x: np.ndarray, read: labels.Labels, options: AddOptions, work: WorkFolder) -> ParsedData:
    """[N, T, C] or [N, T], standardised by the training samples; NaN is a gap."""
    x = x[:, :, None] if x.ndim == 2 else x
    if x.ndim != 3 or not 2 <= x.shape[1] <= MAX_VALUES or not 1 <= x.shape[2] <= 100:
        raise UserError(f"x has the shape {x.shape}, and series are [samples, time, channels]: save them so.")
    check_size(len(x), x.shape[1] * x.shape[2])
    values = np.where(np.isfinite(x), x, np.nan).astype(float)
    rows, how = division.by_lot(len(x), options.seed)
    channels = ("value",) if x.shape[2] == 1 else tuple(f"channel {at + 1}" for at in range(x.shape[2]))
    made, modality, notes = standardised(values, channels, rows[0])
    return ParsedData("series", modality, made, *read[:2], [*read[2], *notes, how], rows)


BUILDERS: dict[str, Callable[[np.ndarray, labels.Labels, AddOptions, WorkFolder], ParsedData]] = {
    "image": _images,
    "vector": _vectors,
    "points": _vectors,
    "series": _series,
}
