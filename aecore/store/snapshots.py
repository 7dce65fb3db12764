"""Snapshots: what a model made of some test images at moments of its training, to look back on later.

They hold outputs, not weights: codes of up to 2,000 test images, their places on a plane, a grid of decoded images
over that plane, and 16 reconstructions. A run keeps at most 41 and at most 10 MB of them, closer together at the
beginning, where most is learnt. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from aecore import files
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.store import runs, schema

if TYPE_CHECKING:
    from aecore.data.datasets import Split
    from aecore.data.modalities import Modality

FOLDER = "snapshots"
MAX_CODES, MAX_CODE_VALUES = (
    2000,
    256_000,
)  # images whose codes are kept, and how many numbers all of these have at most
GRID_SIDE = 15  # images along each side of the manifold
N_PREVIEWS = 16  # reconstructions
MAX_SNAPSHOTS, MAX_TOTAL_BYTES = (
    40,
    10_000_000,
)  # snapshots a run after the first one, and what all of them take on the disk
FILE_NAME = re.compile(r"\d{5,7}\.safetensors", re.ASCII)
MAX_FLOAT16 = 65504.0  # a model on its way to diverging gets there, and infinity has no place in a plot
MAX_FILE_BYTES = 50_000_000  # of one of them, unpacked too: ten times the largest that fit into BYTES


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a model made of some test images after so many epochs."""

    epoch: int
    axis_names: tuple[str, str]  # of the plane's axes
    codes: np.ndarray  # float16 [N, D]; [0, D] in the gallery
    points: np.ndarray  # float16 [N, 2], the codes on a plane that turns as little as can be from one to the next
    x: np.ndarray  # float32 [SIDE], rising: where the manifold was decoded
    y: np.ndarray  # float32 [SIDE], falling
    # decoded samples [N, *shape]: uint8 of images and videos, where 255 is 1.0; float16 of all else
    manifold: np.ndarray  # N = SIDE * SIDE
    reconstructions: np.ndarray  # N = SHOWN, of the first test samples of each class


def pack_samples(x: np.ndarray, modality: Modality) -> np.ndarray:
    """Decoded samples `[N, *shape]` as snapshots hold them."""
    if modality.bounded:
        return np.round(x.clip(0, 1) * 255).astype(np.uint8)
    return x.clip(-MAX_FLOAT16, MAX_FLOAT16).astype(np.float16)


def draw(snapshot: Snapshot, modality: Modality) -> Snapshot:
    """The same with pictures of its decoded samples in their place, uint8 `[N, 1 or 3, h, w]`."""
    if modality.kind == "image":
        return snapshot

    def drawn(decoded: np.ndarray) -> np.ndarray:
        samples = np.divide(decoded, 255 if modality.bounded else 1, dtype=np.float32)
        return np.round(modality.render(samples) * 255).astype(np.uint8)

    return dataclasses.replace(
        snapshot, manifold=drawn(snapshot.manifold), reconstructions=drawn(snapshot.reconstructions)
    )


def preview_rows(split: Split, max_rows: int = N_PREVIEWS) -> np.ndarray:
    """The rows of a split that are drawn again and again: the first of each class, then the first of the rest."""
    firsts = [int(np.flatnonzero(split.y == label)[0]) for label in np.unique(split.y)]
    rest = [row for row in range(min(len(split), max_rows + len(firsts))) if row not in firsts]
    return np.array([*firsts, *rest][:max_rows])


def n_codes(split: Split, code_size: int) -> int:
    """How many of the first images of a split have their codes of `code_size` numbers kept."""
    return min(len(split), max_codes(code_size))


def max_codes(code_size: int) -> int:
    """How many codes of `code_size` numbers are kept at most."""
    return min(MAX_CODES, max(100, MAX_CODE_VALUES // code_size))


def serialise(snapshot: Snapshot) -> bytes:
    arrays = {name: np.ascontiguousarray(each) for name, each in vars(snapshot).items() if isinstance(each, np.ndarray)}
    return save(arrays, {"axis_names": json.dumps(snapshot.axis_names)})


def snapshot_files(run_dir: Path) -> list[tuple[int, Path]]:
    """(epoch, file) of the snapshots in a run's folder, by epoch; none where a link stands for their folder."""
    try:
        files.refuse_links(run_dir / FOLDER / "any")
    except UserError:
        return []
    found = (run_dir / FOLDER).glob("[0-9]*.safetensors")
    return sorted((int(file.stem), file) for file in found if FILE_NAME.fullmatch(file.name))


def _serialise_compressed(snapshot: Snapshot) -> bytes:
    """A third of the bytes, for models that travel: images compressed, and no codes, which lie in the products."""
    bare = dataclasses.replace(snapshot, codes=snapshot.codes[:0])
    arrays = {name: np.ascontiguousarray(each) for name, each in vars(bare).items() if isinstance(each, np.ndarray)}
    shapes = {name: each.shape for name, each in arrays.items() if each.dtype == np.uint8}
    for name in shapes:
        arrays[name] = np.frombuffer(zlib.compress(arrays[name].tobytes(), 9), np.uint8)
    return save(arrays, {"axis_names": json.dumps(snapshot.axis_names), "compressed": json.dumps(shapes)})


def _load_file(file: Path) -> Snapshot:
    """A snapshot as it was written; UserError when it is not one."""
    try:
        arrays, said = files.read_tensors(file, MAX_FILE_BYTES)
        shapes = schema.validate(
            files.parse_json(said.get("compressed", "{}").encode()), schema.SNAPSHOT_SHAPES, file.name
        )
        for name, shape in shapes.items():
            arrays[name] = _decompress(arrays[name], shape)
        first, second = schema.validate(files.parse_json(said["axis_names"].encode()), schema.AXIS_NAMES, file.name)
        taken = Snapshot(int(file.stem), (first, second), **arrays)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise UserError(f"{file.name} is no snapshot of this laboratory ({schema.plain_text(str(error))}).") from None
    if wrong := _content_error(taken):
        raise UserError(f"{file.name} is spoilt ({wrong}); it is left out.")
    return taken


def _decompress(data: np.ndarray, shape: list[int]) -> np.ndarray:
    """Images that were compressed; ValueError when they are not as many as they should be."""
    size = math.prod(shape)
    if size > MAX_FILE_BYTES:
        raise ValueError("it unpacks to more than a snapshot has")
    unpacked = zlib.decompressobj().decompress(data.tobytes(), size + 1)
    return np.frombuffer(unpacked, np.uint8).reshape(shape)


def _content_error(snapshot: Snapshot) -> str:
    """What is wrong with the arrays of a snapshot among themselves, in words; empty when all fit."""
    kinds = {"codes": ("f2", 2), "points": ("f2", 2), "x": ("f4", 1), "y": ("f4", 1)}
    for name, (kind, dimensions) in kinds.items():
        array = getattr(snapshot, name)
        if array.dtype != np.dtype(kind) or array.ndim != dimensions:
            return f"{name} has another type or shape"
    decoded = snapshot.manifold, snapshot.reconstructions
    if {each.dtype.str[1:] for each in decoded} not in ({"u1"}, {"f2"}) or min(each.ndim for each in decoded) < 2:
        return "its decoded samples have another type or shape"
    side, (count, axes), shape = len(snapshot.x), snapshot.points.shape, snapshot.manifold.shape[1:]
    if not (1 < side == len(snapshot.y) <= 64 and np.isfinite(snapshot.x).all() and np.isfinite(snapshot.y).all()):
        return "its grid is none"
    if axes != 2 or not 0 < count <= MAX_CODES or len(snapshot.codes) not in (0, count) or not snapshot.codes.shape[1]:
        return "its codes and points do not fit each other"
    if len(snapshot.manifold) != side**2 or snapshot.reconstructions.shape[1:] != shape:
        return "its images do not fit each other"
    if not 0 < len(snapshot.reconstructions) <= 64:
        return "its reconstructions are too many, or none"
    if snapshot.manifold.dtype == np.uint8:
        return "" if len(shape) == 3 else "its images are none"
    return "" if all(np.isfinite(each).all() for each in decoded) else "its samples are not finite"


def try_load(file: Path) -> Snapshot | None:
    """A snapshot; None for one that is spoilt, half written at a power cut, or deleted at this moment."""
    try:
        return _load_file(file)
    except (FileNotFoundError, UserError):
        return None


def thin(run_dir: Path, max_snapshots: int) -> None:
    """Leaves so many snapshots in a run's folder at most, the first and the last among them, evenly chosen, and writes
    them as small as they get."""
    taken = snapshot_files(run_dir)
    kept = {round((len(taken) - 1) * at / (max_snapshots - 1)) for at in range(max_snapshots)}
    for number, (_, file) in enumerate(taken):
        if number in kept:
            files.atomic_write(file, _serialise_compressed(_load_file(file)))
        else:
            file.unlink()


def epochs(run: str) -> list[int]:
    """After which epochs a run has a snapshot, rising; 0 is before its training."""
    return [epoch for epoch, _ in snapshot_files(runs.path(run))]


def load(run: str, epoch: int | None = None) -> list[Snapshot]:
    """All snapshots of a run by epoch, or the one of an epoch, what they decoded drawn as pictures. One that cannot be
    read is left out, and so is one that is not of this run's data set or not like most of them."""
    try:
        config = runs.entry(run).config
    except runs.UnknownRun:  # deleted at this moment
        return []
    wanted = (try_load(file) for number, file in snapshot_files(runs.path(run)) if epoch is None or number == epoch)
    taken = [each for each in wanted if each is not None and (config is None or _matches_dataset(each, config.dataset))]
    kinds = Counter(map(_shapes, taken))
    alike = [each for each in taken if _shapes(each) == max(kinds, key=lambda shapes: kinds[shapes])]
    return [draw(each, CARDS[config.dataset].modality) if config else each for each in alike]


def _matches_dataset(snapshot: Snapshot, dataset: str) -> bool:
    card = CARDS[dataset]
    in_bytes = snapshot.manifold.dtype == np.uint8
    return (
        snapshot.manifold.shape[1:] == card.shape
        and in_bytes == card.modality.bounded
        and len(snapshot.points) <= min(card.n_test, max_codes(snapshot.codes.shape[1]))
    )


def _shapes(snapshot: Snapshot) -> tuple[tuple[int, ...], ...]:
    return tuple(each.shape for each in vars(snapshot).values() if isinstance(each, np.ndarray))
