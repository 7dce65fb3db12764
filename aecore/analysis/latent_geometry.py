"""Geometry of codes on a plane: grids to decode, the points inside a lasso, and distances to the nearest codes."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np

from aecore.analysis.latent_space import CONSTANT_TOLERANCE, Plane, check_finite, quantile_ranges, row_chunks
from aecore.errors import UserError


@dataclass(frozen=True, eq=False)
class Grid:
    """n by n points of a plane, in the order in which images are laid out: row by row from the top left.

    `points[row * n + column]` is `(x[column], y[row])`. Up is up: x rises, y falls, row 0 has the largest y.
    """

    x: np.ndarray  # [n], rising
    y: np.ndarray  # [n], falling
    points: np.ndarray  # [n * n, 2]


def _uniform(column: np.ndarray, n: int, prior: bool) -> np.ndarray:
    """[n] even steps from the 1st to the 99th percentile of `column` [N], or of N(0, 1)."""
    low, high = map(NormalDist().inv_cdf, (0.01, 0.99)) if prior else quantile_ranges(column[:, None])[0]
    return np.linspace(low, high, n)


def _gaussian_quantiles(column: np.ndarray, n: int, prior: bool) -> np.ndarray:
    """[n] evenly spaced quantiles, .05 to .95, of N(0, 1), or of a normal with `column`'s own mean and sd."""
    ticks = np.array([NormalDist().inv_cdf(share) for share in np.linspace(0.05, 0.95, n)])
    return ticks if prior else column.mean() + (column.std() or 1) * ticks


_SPACINGS = {"uniform": _uniform, "gaussian-quantiles": _gaussian_quantiles}


def grid(
    points: np.ndarray,
    n: int,
    spacing: Literal["uniform", "gaussian-quantiles"] = "uniform",
    prior: bool = False,
    span: tuple[float, float] | np.ndarray | None = None,
) -> Grid:
    """n by n places to decode, laid over `points` [N, 2], or over the prior N(0, 1) with `prior`.

    `uniform` takes even steps; `gaussian-quantiles` lies denser where a normal is denser: each step passes the same
    share of it (Kingma & Welling 2013). A `span`, (low, high) for both axes or [2, 2] with a row for each, lays an
    even grid there and overrules the rest. On a map that is a line (codes of one dimension) all rows are equal.
    """
    if n < 2:
        raise UserError("A grid needs at least 2 images on each side.")
    if span is not None:
        x, y = (np.linspace(low, high, n) for low, high in np.broadcast_to(span, (2, 2)))
    else:
        x, y = (_SPACINGS[spacing](column, n, prior) for column in check_finite(points).T)
    columns, rows = np.meshgrid(x, y[::-1])  # [n, n] each; row 0 is the top
    places = np.stack([columns.ravel(), rows.ravel()], axis=1)
    return Grid(x.astype(np.float32), y[::-1].astype(np.float32), places.astype(np.float32))


def points_in_polygon(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Which of `points` [N, 2] lie in `polygon` [M, 2], its last corner joined to the first: bool [N].

    The even-odd rule (Shimrat 1962): inside is where a ray to the right meets the border an odd number of times. A
    lasso may cross itself; fewer than three corners hold nothing.
    """
    from skimage.measure import points_in_poly

    corners = np.asarray(polygon, np.float64).reshape(-1, 2)
    if len(corners) < 3:
        return np.zeros(len(points), bool)
    return np.asarray(points_in_poly(np.asarray(points, np.float64), corners), bool)


def nearest(codes: np.ndarray, code: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The rows [n] of those of `codes` [N, D] that lie nearest to `code` [D], and how far away [n] they are."""
    distances = np.concatenate([np.linalg.norm(codes[part] - code, axis=1) for part in row_chunks(codes)])
    rows = np.argsort(distances, kind="stable")[:n]
    return rows, distances[rows]


def neighbour_distances(codes: np.ndarray, max_codes: int = 1000) -> tuple[float, float]:
    """How far a code of `codes` [N, D] is from its nearest neighbour: the median, and the 99th percentile.

    Of at most so many of them, evenly taken. Never zero, even where codes coincide: people divide by it.
    """
    rows = np.unique(np.linspace(0, len(codes) - 1, min(max_codes, len(codes))).astype(int))
    some, nearest, largest = check_finite(codes[rows]), np.full(len(rows), np.inf), 1.0
    own = (some**2).sum(axis=1)[:, None]
    for part in row_chunks(codes):
        # |a - b|^2 = |a|^2 - 2 ab + |b|^2, a matrix product rather than [rows, N, D] differences
        known = check_finite(codes[part])
        apart = own - 2 * some @ known.T + (known**2).sum(axis=1)
        here = (rows >= part.start) & (rows < part.stop)
        apart[np.flatnonzero(here), rows[here] - part.start] = np.inf
        nearest, largest = np.minimum(nearest, apart.min(axis=1)), max(largest, float(np.abs(known).max()))
    steps = np.sqrt(nearest.clip(0)) if len(codes) > 1 else np.zeros(1)
    least = CONSTANT_TOLERANCE * largest
    typical, edge = (max(float(step), least) for step in np.quantile(steps, (0.5, 0.99)))
    return typical, edge


def residual(plane: Plane, codes: np.ndarray) -> np.ndarray:
    """How far each of `codes` [N, D] lies from the plane: [N]. With its shadow that makes its distance to any place."""
    found = np.empty(len(codes), np.float32)
    for part in row_chunks(codes):
        aside, flat = codes[part] - plane.origin, plane.project(codes[part])
        found[part] = np.sqrt((np.square(aside).sum(axis=1) - np.square(flat).sum(axis=1)).clip(0))
    return found


def distance_to_data(plane: Plane, codes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """The distance, in the space of all dimensions, from each of `points` [M, 2] on the plane to the nearest code: [M].

    By Pythagoras that needs no more than three numbers of a code: its shadow, and how far off the plane it lies.
    """
    from scipy.spatial import cKDTree

    known = np.column_stack([plane.project(codes), residual(plane, codes)])
    parts = [plane.project(plane.unproject(points[part])) for part in row_chunks(points, len(plane.origin))]
    asked = np.column_stack([np.concatenate(parts), np.zeros(len(points))])
    return np.asarray(cKDTree(known).query(asked)[0], dtype=np.float32)
