"""The field of an autoencoder over a plane: where it moves each point to, and how far."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

MARGIN = 0.15  # of the width of the data: how far beyond them a field reaches


@dataclass(frozen=True, eq=False)
class PlaneField:
    """What a reconstruction does to the points of a grid.

    For a denoising autoencoder trained with little Gaussian noise of variance s^2 and squared error, `shift` / s^2
    comes near to the score, the gradient of log p(x) (Alain & Bengio 2014).
    """

    x: np.ndarray  # [n], rising
    y: np.ndarray  # [n], rising
    shift: np.ndarray  # [n, n, 2]: reconstruction less the point itself, at [row of y, column of x]

    @cached_property
    def error(self) -> np.ndarray:
        """Squared length of the shift, float64 `[n, n]`."""
        return np.square(self.shift, dtype=np.float64).sum(axis=2)

    @property
    def least(self) -> np.ndarray:
        """The place of the grid, `[2]`, that is moved least."""
        row, column = np.unravel_index(int(self.error.argmin()), self.error.shape)
        return np.array([self.x[column], self.y[row]])


@dataclass(frozen=True, eq=False)
class PlaneReconstruction:
    """What a model makes of a plane: of places all over it, and of data that lie there."""

    field: PlaneField
    points: np.ndarray  # float32 [N, 2]
    reconstructions: np.ndarray  # float32 [N, 2]


def extent(points: np.ndarray, margin: float = MARGIN) -> np.ndarray:
    """The square, `[2, 2]` (low, high of each axis), that holds `points` `[N, 2]` and a margin."""
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    middle, half = (low + high) / 2, (float((high - low).max()) or 1.0) * (0.5 + margin)
    return np.stack([middle - half, middle + half], axis=1)


def compute(reconstruct: Callable[[np.ndarray], np.ndarray], square: np.ndarray, n: int) -> PlaneField:
    """The field on n x n places of a square `[2, 2]`, both edges included.

    Parameters
    ----------
    reconstruct
        Takes points float32 `[N, 2]` to points `[N, 2]`.
    square
        Low and high of each axis.
    n
        Places along each side, 2 or more.
    """
    x, y = (np.linspace(low, high, n) for low, high in square)
    points = np.stack(np.meshgrid(x, y), axis=2).astype(np.float32)  # [n, n, 2], rows are y
    shift = reconstruct(points.reshape(-1, 2)).reshape(n, n, 2) - points
    return PlaneField(x, y, shift)
