"""Snapshots: what a model made of some test pictures at moments of its training, to look back on later.

They hold outputs, not weights: codes of up to 2,000 test pictures, their places on a plane, a grid of decoded pictures
over that plane, and 16 reconstructions. A run keeps at most 41 and at most 10 MB of them, closer together at the
beginning, where most is learnt. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import math
import time
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from aecore import files, latents, runs

if TYPE_CHECKING:
    from aecore.data import Split
    from aecore.trained import Trained

FOLDER = "snapshots"
CODES, NUMBERS = 2000, 256_000  # pictures whose codes are kept, and how many numbers all of these have at most
SIDE = 15  # pictures along each side of the manifold
SHOWN = 16  # reconstructions
MOST, BYTES = 40, 10_000_000  # snapshots a run after the first one, and what all of them take on the disk
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
        plane = latents.plane_of_components(codes)
        plane = plane if before is None else latents.turned(plane, codes, before.points)
    else:
        plane = latents.plane_of_dimensions(codes)
    points = plane.project(codes)
    grid, rows = latents.grid(points, SIDE), shown(test)
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
                file.unlink(missing_ok=True)
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
    """(epoch, file) of the snapshots in a run's folder, by epoch."""
    found = (place / FOLDER).glob("[0-9]*.safetensors")
    return sorted((int(file.stem), file) for file in found if file.stem.isdecimal())


def _tight(snapshot: Snapshot) -> bytes:
    """A third of the bytes, for models that travel: pictures compressed, and no codes, which lie in the products."""
    bare = dataclasses.replace(snapshot, codes=snapshot.codes[:0])
    arrays = {name: np.ascontiguousarray(each) for name, each in vars(bare).items() if isinstance(each, np.ndarray)}
    shapes = {name: each.shape for name, each in arrays.items() if each.dtype == np.uint8}
    for name in shapes:
        arrays[name] = np.frombuffer(zlib.compress(arrays[name].tobytes(), 9), np.uint8)
    return save(arrays, {"names": json.dumps(snapshot.names), "compressed": json.dumps(shapes)})


def _open(file: Path) -> Snapshot:
    with safe_open(file, framework="numpy") as saved:
        said = saved.metadata()
        arrays: dict[str, Any] = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118
    for name, shape in json.loads(said.get("compressed", "{}")).items():
        arrays[name] = np.frombuffer(zlib.decompress(arrays[name].tobytes()), np.uint8).reshape(shape)
    first, second = json.loads(said["names"])
    return Snapshot(int(file.stem), (first, second), **arrays)


def _read(file: Path) -> Snapshot | None:
    """A snapshot; None for one half written at a power cut, or deleted at this moment."""
    with contextlib.suppress(SafetensorError, OSError, KeyError, TypeError, ValueError, zlib.error):
        return _open(file)
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
    """All snapshots of a run by epoch, or the one of an epoch; one that cannot be read is left out."""
    wanted = (_read(file) for number, file in _files(runs.path(run)) if epoch is None or number == epoch)
    return [each for each in wanted if each is not None]
