"""Partitions: the values of a sample in parts that words can name, and what each adds to the reconstruction error.

Squared errors divided by how many values were observed are contributions: they sum to the reconstruction error. Other
scores are no sums over values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np

from aecore.data.modalities import Image, Modality, Points, Series, Table, Vector

N_WINDOWS = 8  # that a series is told in


def contributions(x: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """What each value adds to the reconstruction error of its sample: `[N, *shape]`, float64.

    Parameters
    ----------
    x
        Samples `[N, *shape]`, NaN where a value is missing.
    errors
        Their squared errors `[N, *shape]`, 0 where a value is missing (`scores.error_maps`).
    """
    observed = np.maximum((~np.isnan(x)).reshape(len(x), -1).sum(axis=1), 1)
    return np.asarray(errors / observed.reshape(-1, *[1] * (x.ndim - 1)), np.float64)


@dataclass(frozen=True, eq=False)
class Partition:
    """The values of a sample in parts that words can name; each value belongs to one."""

    names: tuple[str, ...]
    index: np.ndarray  # int [*shape], the part of each value

    @classmethod
    def of(cls, modality: Modality) -> Partition:
        """The ninths of an image, the columns of a table, the windows of a series by channel, each value else."""
        make = PARTITIONS.get(type(modality), _values)
        return make(modality)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Values `[N, *shape]` summed over each part: `[N, parts]`; the sum over parts is that over values."""
        flat = np.asarray(values, np.float64).reshape(len(values), -1)
        member = self.index.ravel()[:, None] == np.arange(len(self.names))
        return np.asarray(flat @ member)


def _values(modality: Modality) -> Partition:
    count = int(np.prod(modality.shape))
    names = tuple(f"{modality.noun.value} {number + 1}" for number in range(count))
    return Partition(names, np.arange(count).reshape(modality.shape))


def _named(modality: Modality) -> Partition:
    names = cast(Vector | Points, modality).names
    return Partition(tuple(names), np.arange(len(names)))


def _columns(modality: Modality) -> Partition:
    table = cast(Table, modality)
    return Partition(tuple(column.name for column in table.columns), np.array(table.column_of_value))


def _ninths(modality: Modality) -> Partition:
    image = cast(Image, modality)
    down, across = (np.arange(size) * 3 // size for size in (image.height, image.width))
    index = np.broadcast_to(3 * down[:, None] + across, image.shape)
    return Partition(
        ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"), index
    )


def _windows(modality: Modality) -> Partition:
    series = cast(Series, modality)
    count, channels = min(N_WINDOWS, series.length), len(series.channels)
    window = np.arange(series.length) * count // series.length
    names = []
    for number, channel in product(range(count), series.channels):
        inside = np.flatnonzero(window == number)
        moments = f"moments {inside[0] + 1} to {inside[-1] + 1}"
        names.append(f"{channel}, {moments}" if channels > 1 else moments)
    return Partition(tuple(names), window[:, None] * channels + np.arange(channels))


PARTITIONS: dict[type, Callable[[Modality], Partition]] = {
    Image: _ninths, Table: _columns, Series: _windows, Vector: _named, Points: _named,
}  # fmt: skip


def readable(modality: Modality, sample: np.ndarray) -> dict[str, str]:
    """The parts of a sample `[*shape]` that are one value each, in their own units, as people read them: the cells of a
    row, the numbers of a vector; empty for other kinds."""
    if isinstance(modality, Table):
        cells = modality.decode(sample[None])
        return {name: "missing" if cell is None else str(cell) for name, (cell,) in cells.items()}
    if isinstance(modality, Vector | Points):
        values = sample * np.array(modality.std) + np.array(modality.mean)
        return {name: f"{value:.3g}" for name, value in zip(modality.names, values, strict=True)}
    return {}
