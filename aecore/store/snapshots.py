"""Snapshots: what a model made of some test pictures at moments of its training, to look back on later.

They hold outputs, not weights: codes of up to 2,000 test pictures, their places on a plane, a grid of decoded pictures
over that plane, and 16 reconstructions. A run keeps at most 41 and at most 10 MB of them, closer together at the
beginning, where most is learnt. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import time
import zlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import save

from aecore import disk, files
from aecore.analysis import latent_space
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.store import runs, schema

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained
    from aecore.data.datasets import Split

FOLDER = "snapshots"
CODES, NUMBERS = 2000, 256_000  # pictures whose codes are kept, and how many numbers all of these have at most
SIDE = 15  # pictures along each side of the manifold
SHOWN = 16  # reconstructions
MOST, BYTES = 40, 10_000_000  # snapshots a run after the first one, and what all of them take on the disk
NAME = re.compile(r"\d{5,7}\.safetensors", re.ASCII)
FILE_BYTES = 50_000_000  # of one of them, unpacked too: ten times the largest that fit into BYTES
START, SHARE = 0.25, 0.004  # of the training time: seconds to begin with, and a share


@dataclass(frozen=True, eq=False)
class Snapshot:
    """What a model made of some test pictures after so many epochs."""

    epoch: int
    names: tuple[str, str]  # of the plane's axes
    codes: np.ndarray  # float16 [N, D]; [0, D] in the gallery
    points: np.ndarray  # float16 [N, 2], the codes on a plane that turns as little as can be from one to the next
    x: np.ndarray  # float32 [SIDE], rising: where the manifold was decoded
    y: np.ndarray  # float32 [SIDE], falling
    manifold: np.ndarray  # uint8 [SIDE * SIDE, C, H, W]
    reconstructions: np.ndarray  # uint8 [SHOWN, C, H, W], of the first test pictures of each class


def _bytes(pictures: np.ndarray) -> np.ndarray:
    return np.round(pictures.clip(0, 1) * 255).astype(np.uint8)


def _short(numbers: np.ndarray) -> np.ndarray:
    """float16, whose end is 65,504: a model on its way to diverging gets there, and infinity has no place on a map."""
    return numbers.clip(-65504, 65504).astype(np.float16)


def shown(split: Split, most: int = SHOWN) -> np.ndarray:
    """The rows of a split that are drawn again and again: the first of each class, then the first of the rest."""
    firsts = [int(np.flatnonzero(split.labels == label)[0]) for label in np.unique(split.labels)]
    rest = [row for row in range(min(len(split), most + len(firsts))) if row not in firsts]
    return np.array([*firsts, *rest][:most])


def count(split: Split, size: int) -> int:
    """How many of the first pictures of a split have their codes of `size` numbers kept."""
    return min(len(split), room(size))


def room(size: int) -> int:
    """How many codes of `size` numbers are kept at most."""
    return min(CODES, max(100, NUMBERS // size))


def take(model: Trained, test: Split, epoch: int, before: Snapshot | None) -> Snapshot:
    """What a model makes of the test pictures. The plane of more than two dimensions turns towards `before`."""
    first = slice(count(test, model.model.bottleneck.outputs))
    codes = model.codes(test.floats(first), test.labels[first])
    if codes.shape[1] > 2:
        plane = latent_space.plane_of_components(codes)
        plane = plane if before is None else latent_space.turned(plane, codes, before.points)
    else:
        plane = latent_space.plane_of_dimensions(codes)
    points = plane.project(codes)
    grid, rows = latent_space.grid(points, SIDE), shown(test)
    return Snapshot(
        epoch,
        plane.names,
        _short(codes),
        _short(points),
        grid.x,
        grid.y,
        _bytes(model.pictures(plane.lift(grid.points))),
        _bytes(model.reconstruct(test.floats(rows), test.labels[rows])),
    )


class Album:
    """The snapshots of one run while it trains: when the next is due, and what they may cost."""

    def __init__(self, place: Path, pixels: int, size: int, epochs: int) -> None:
        self.place = place / FOLDER
        files.refuse_links(self.place / "any")  # nothing is written through it
        self.place.mkdir(exist_ok=True)
        each = (SIDE * SIDE + SHOWN) * pixels + room(size) * (size + 2) * 2 + 2000
        most = max(4, min(MOST, BYTES // each - 1))
        # closer together at the beginning, and one at the end
        self.planned = sorted({math.ceil(epochs * (step / most) ** 1.5) for step in range(most + 1)})
        self.spent, self.last = 0.0, None  # type: float, Snapshot | None
        self.known = {epoch for epoch, _ in _files(place)}

    def back_to(self, epoch: int) -> None:
        """Forgets what was taken later, and what cannot be read: training goes on from there."""
        self.known, self.last = set(), None
        for number, file in _files(self.place.parent):
            read = _read(file) if number <= epoch else None
            if read is None:
                disk.remove(file)
            else:
                self.known.add(number)
                self.last = read

    def due(self, epoch: int, seconds: float, last: bool) -> bool:
        """Whether to take one now, after so many epochs and `seconds` of training."""
        if epoch in self.known:
            return False
        missed = any(each <= epoch for each in self.planned if each > max(self.known, default=-1))
        return last or (missed and self.spent <= START + SHARE * seconds)

    def add(self, model: Trained, test: Split, epoch: int) -> None:
        """Takes one and writes it."""
        started = time.perf_counter()
        self.last = take(model, test, epoch, self.last)
        files.write(self.place / f"{epoch:05}.safetensors", _packed(self.last))
        self.known.add(epoch)
        self.spent += time.perf_counter() - started


def _packed(snapshot: Snapshot) -> bytes:
    arrays = {name: np.ascontiguousarray(each) for name, each in vars(snapshot).items() if isinstance(each, np.ndarray)}
    return save(arrays, {"names": json.dumps(snapshot.names)})


def _files(place: Path) -> list[tuple[int, Path]]:
    """(epoch, file) of the snapshots in a run's folder, by epoch; none where a link stands for their folder."""
    try:
        files.refuse_links(place / FOLDER / "any")
    except UserError:
        return []
    found = (place / FOLDER).glob("[0-9]*.safetensors")
    return sorted((int(file.stem), file) for file in found if NAME.fullmatch(file.name))


def _tight(snapshot: Snapshot) -> bytes:
    """A third of the bytes, for models that travel: pictures compressed, and no codes, which lie in the products."""
    bare = dataclasses.replace(snapshot, codes=snapshot.codes[:0])
    arrays = {name: np.ascontiguousarray(each) for name, each in vars(bare).items() if isinstance(each, np.ndarray)}
    shapes = {name: each.shape for name, each in arrays.items() if each.dtype == np.uint8}
    for name in shapes:
        arrays[name] = np.frombuffer(zlib.compress(arrays[name].tobytes(), 9), np.uint8)
    return save(arrays, {"names": json.dumps(snapshot.names), "compressed": json.dumps(shapes)})


def _open(file: Path) -> Snapshot:
    """A snapshot as it was written; UserError when it is not one."""
    try:
        arrays, said = files.read_tensors(file, FILE_BYTES)
        shapes = schema.fit(files.parsed(said.get("compressed", "{}").encode()), schema.SHAPES, file.name)
        for name, shape in shapes.items():
            arrays[name] = _whole(arrays[name], shape)
        first, second = schema.fit(files.parsed(said["names"].encode()), schema.AXES, file.name)
        taken = Snapshot(int(file.stem), (first, second), **arrays)
    except (KeyError, TypeError, ValueError, zlib.error) as error:
        raise UserError(f"{file.name} is no snapshot of this laboratory ({schema.plain(str(error))}).") from None
    if wrong := _wrong(taken):
        raise UserError(f"{file.name} is spoilt ({wrong}); it is left out.")
    return taken


def _whole(packed: np.ndarray, shape: list[int]) -> np.ndarray:
    """Pictures that were compressed; ValueError when they are not as many as they should be."""
    size = math.prod(shape)
    if size > FILE_BYTES:
        raise ValueError("it unpacks to more than a snapshot has")
    unpacked = zlib.decompressobj().decompress(packed.tobytes(), size + 1)
    return np.frombuffer(unpacked, np.uint8).reshape(shape)


def _wrong(taken: Snapshot) -> str:
    """What is wrong with the arrays of a snapshot among themselves, in words; empty when all fit."""
    kinds = {"codes": ("f2", 2), "points": ("f2", 2), "x": ("f4", 1), "y": ("f4", 1)}
    kinds |= {"manifold": ("u1", 4), "reconstructions": ("u1", 4)}
    arrays = {name: getattr(taken, name) for name in kinds}
    for name, (kind, dimensions) in kinds.items():
        if arrays[name].dtype != np.dtype(kind) or arrays[name].ndim != dimensions:
            return f"{name} has another type or shape"
    side, (count, axes), shape = len(taken.x), taken.points.shape, taken.manifold.shape[1:]
    if not (1 < side == len(taken.y) <= 64 and np.isfinite(taken.x).all() and np.isfinite(taken.y).all()):
        return "its grid is none"
    if axes != 2 or not 0 < count <= CODES or len(taken.codes) not in (0, count) or not taken.codes.shape[1]:
        return "its codes and points do not fit each other"
    if len(taken.manifold) != side**2 or taken.reconstructions.shape[1:] != shape:
        return "its pictures do not fit each other"
    return "" if shape[0] in (1, 3) and 0 < len(taken.reconstructions) <= 64 else "its pictures have no colours"


def _read(file: Path) -> Snapshot | None:
    """A snapshot; None for one that is spoilt, half written at a power cut, or deleted at this moment."""
    try:
        return _open(file)
    except (FileNotFoundError, UserError):
        return None


def thin(place: Path, most: int) -> None:
    """Leaves so many snapshots in a run's folder at most, the first and the last among them, evenly chosen, and writes
    them as small as they get."""
    taken = _files(place)
    kept = {round((len(taken) - 1) * at / (most - 1)) for at in range(most)}
    for number, (_, file) in enumerate(taken):
        if number in kept:
            files.write(file, _tight(_open(file)))
        else:
            file.unlink()


def epochs(run: str) -> list[int]:
    """After which epochs a run has a snapshot, rising; 0 is before its training."""
    return [epoch for epoch, _ in _files(runs.path(run))]


def load(run: str, epoch: int | None = None) -> list[Snapshot]:
    """All snapshots of a run by epoch, or the one of an epoch. One that cannot be read is left out, and so is one that
    is not of this run's data set or not like most of them."""
    try:
        config = runs.entry(run).config
    except runs.UnknownRun:  # deleted at this moment
        return []
    wanted = (_read(file) for number, file in _files(runs.path(run)) if epoch is None or number == epoch)
    taken = [each for each in wanted if each is not None and (config is None or _belongs(each, config.dataset))]
    kinds = Counter(map(_shapes, taken))
    return [each for each in taken if _shapes(each) == max(kinds, key=lambda shapes: kinds[shapes])]


def _belongs(taken: Snapshot, dataset: str) -> bool:
    card = CARDS[dataset]
    return taken.manifold.shape[1:] == card.shape and len(taken.points) <= min(card.test, room(taken.codes.shape[1]))


def _shapes(taken: Snapshot) -> tuple[tuple[int, ...], ...]:
    return tuple(each.shape for each in vars(taken).values() if isinstance(each, np.ndarray))
