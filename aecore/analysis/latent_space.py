"""Walking in code space: ways from code to code, planes through the codes, and grids on those planes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from aecore.errors import UserError
from aecore.limits import LARGE_CODE_SIZE

MIN_SINE = 1e-6  # sine of an angle below which float32 codes cannot tell two directions apart
CONSTANT_TOLERANCE = 1e-6  # a dimension narrower than this, relative to its size, counts as constant


def check_finite(codes: np.ndarray) -> np.ndarray:
    """`codes` [N, D] as float64; a UserError for none, or (training diverged) some not finite."""
    codes = np.asarray(codes, dtype=np.float64)
    if not codes.size:
        raise UserError("There are no codes to draw: choose a run and a data set that have some.")
    if not np.isfinite(codes).all():
        raise UserError("Some of these codes are not finite numbers: train again with a lower learning rate.")
    return codes


# Codes of many numbers are looked at in parts, so that no copy of all of them is made.

CHUNK_ELEMENTS = 5_000_000  # numbers of a part


def _column_chunks(codes: np.ndarray) -> Iterator[np.ndarray]:
    """The columns of codes [N, D], a part at a time."""
    codes = np.asarray(codes)
    each = max(1, CHUNK_ELEMENTS // max(1, len(codes)))
    for start in range(0, max(1, codes.shape[1]), each):
        yield codes[:, start : start + each]


def row_chunks(codes: np.ndarray, size: int | None = None) -> Iterator[slice]:
    """The rows of codes [N, D], a part at a time, one where there are none; `size` is D where it is another."""
    each = max(1, CHUNK_ELEMENTS // max(1, size or np.shape(codes)[1]))
    for start in range(0, max(1, len(codes)), each):
        yield slice(start, min(len(codes), start + each))


# Ways


def _fractions(steps: int) -> np.ndarray:
    """`steps` moments from 0 to 1, both included."""
    if steps < 2:
        raise UserError("A walk needs at least 2 steps: its start and its end.")
    return np.linspace(0, 1, steps)


def lerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """The straight line (1 - t) a + t b, from `a` [D] to `b` [D], both included: [steps, D]."""
    t = _fractions(steps).reshape(-1, *[1] * np.ndim(a))
    return ((1 - t) * a + t * b).astype(np.float32)


def slerp(a: np.ndarray, b: np.ndarray, steps: int) -> np.ndarray:
    """Along the great circle from `a` [D] to `b` [D] (slerp: Shoemake 1985; White 2016): [steps, D].

    The direction turns at constant speed and the length changes linearly, so a walk between two typical samples of a
    normal stays as far from the origin as they are. Equal or opposite directions, and a zero code, have no one great
    circle between them: there it is the straight line.
    """
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    t, lengths = _fractions(steps)[:, None], (np.linalg.norm(a), np.linalg.norm(b))
    if not all(lengths):
        return lerp(a, b, steps)
    start, end = a / lengths[0], b / lengths[1]
    # Kahan's formula: unlike arccos, it is exact for small angles too.
    angle = 2 * np.arctan2(np.linalg.norm(start - end), np.linalg.norm(start + end))
    if np.sin(angle) < MIN_SINE:
        return lerp(a, b, steps)
    direction = (np.sin((1 - t) * angle) * start + np.sin(t * angle) * end) / np.sin(angle)
    return (((1 - t) * lengths[0] + t * lengths[1]) * direction).astype(np.float32)


Interpolation = Callable[[np.ndarray, np.ndarray, int], np.ndarray]

INTERPOLATIONS: dict[str, Interpolation] = {"linear": lerp, "slerp": slerp}


def crossfade(image_a: np.ndarray, image_b: np.ndarray, steps: int) -> np.ndarray:
    """One image [C, H, W] fading into another: [steps, C, H, W]. What a walk through codes has to beat."""
    return lerp(image_a, image_b, steps)  # the same straight line, through pixels


# Dimensions


def quantile_ranges(codes: np.ndarray, low: float = 0.01, high: float = 0.99) -> np.ndarray:
    """Where each dimension of `codes` [N, D] lives, from its `low` to its `high` quantile: [D, 2].

    Never of zero width, so that a slider can stand on it: a constant dimension gets its value plus/minus 1.
    """
    parts = [np.quantile(check_finite(part), (low, high), axis=0).T for part in _column_chunks(codes)]
    spans = np.concatenate(parts)  # [D, 2]
    constant = spans[:, 1] - spans[:, 0] <= CONSTANT_TOLERANCE * np.maximum(1, np.abs(spans).max(axis=1))
    spans[constant] = spans[constant].mean(axis=1, keepdims=True) + np.array([-1, 1])
    return spans.astype(np.float32)


def order_by_variance(codes: np.ndarray) -> np.ndarray:
    """The dimensions of `codes` [N, D], numbered from 0, the one that varies most first: [D]."""
    variances = [check_finite(part).var(axis=0) for part in _column_chunks(codes)]
    return np.argsort(-np.concatenate(variances), kind="stable")


# Planes


@dataclass(frozen=True, eq=False)
class Plane:
    """A flat map through code space. With codes of one dimension the second axis is zeros: a line."""

    origin: np.ndarray  # [D], the code at the point (0, 0)
    axes: np.ndarray  # [2, D], orthonormal rows (the second all zero when D is 1)
    names: tuple[str, str]  # the second is "" when D is 1
    explained_variance_ratio: tuple[float, float] | None = (
        None  # share 0..1 of the variance along each axis, if components
    )

    def project(self, codes: np.ndarray) -> np.ndarray:
        """The shadows [N, 2] of `codes` [N, D] on the plane."""
        found = np.empty((len(codes), 2), np.float32)
        for part in row_chunks(codes):
            found[part] = (codes[part] - self.origin) @ self.axes.T
        return found

    def unproject(self, points: np.ndarray) -> np.ndarray:
        """The codes [N, D] of `points` [N, 2] on the plane: what to decode when somebody points there."""
        return (self.origin + points @ self.axes).astype(np.float32)


def plane_of_dimensions(codes: np.ndarray, first: int = 0, second: int = 1) -> Plane:
    """The plane of two dimensions (numbered from 0) through the mean of `codes` [N, D] in all the others.

    Its points are the raw coordinates; names count from 1, as papers do. With two dimensions nothing is projected away;
    with one, `second` does not matter. A UserError for one dimension twice, or one not there.
    """
    codes = check_finite(codes)
    size = codes.shape[1]
    chosen = [first] if size == 1 else [first, second]
    if not all(0 <= dimension < size for dimension in chosen):
        raise UserError(f"These codes have {size} dimensions: choose from 1 to {size}.")
    if size > 1 and first == second:
        raise UserError("A plane needs two different dimensions: choose another one.")
    origin, axes = codes.mean(axis=0), np.zeros((2, size))
    origin[chosen] = 0  # so that points are raw coordinates
    axes[range(len(chosen)), chosen] = 1
    names = [f"z{dimension + 1}" for dimension in chosen] + [""]
    return Plane(origin.astype(np.float32), axes.astype(np.float32), (names[0], names[1]))


def plane_of_components(codes: np.ndarray) -> Plane:
    """The first two principal components of `codes` [N, D], through their mean (Pearson 1901).

    A component's sign means nothing, so the largest loading of each is made positive: equal codes, equal map.
    """
    if np.shape(codes)[1] > LARGE_CODE_SIZE:
        return _components_by_lanczos(codes)
    codes = check_finite(codes)
    mean = codes.mean(axis=0)
    # [D, D] rather than an SVD of the codes: it has D directions even when there are fewer codes than that.
    scatter = (codes - mean).T @ (codes - mean)
    variances, directions = np.linalg.eigh(scatter)  # rising
    return _plane(mean, variances[::-1], directions.T[::-1], float(np.trace(scatter)))


def _plane(mean: np.ndarray, variances: np.ndarray, directions: np.ndarray, total: float) -> Plane:
    """The plane of the first two of `directions` [n, D], whose `variances` [n] fall and are of `total`."""
    size = len(mean)
    axes, found = np.zeros((2, size)), directions[:2]
    largest = np.abs(found).round(5).argmax(axis=1)  # rounded: rounding errors must not break ties
    axes[: len(found)] = found * np.sign(found[range(len(found)), largest])[:, None]
    first, second = (np.append(variances.clip(0), 0)[:2] / (total or 1)).tolist()
    names = ("PC1", "PC2" if size > 1 else "")
    return Plane(mean.astype(np.float32), axes.astype(np.float32), names, (first, second))


def _components_by_lanczos(codes: np.ndarray) -> Plane:
    """The same of codes of so many numbers that no [D, D], and no copy of all codes, is wanted: by Lanczos' method, to
    the last digits of float32."""
    from scipy.sparse.linalg import LinearOperator, eigsh

    mean, total, size = codes.mean(axis=0, dtype=np.float64), 0.0, codes.shape[1]
    for part in centred_chunks(codes, mean):
        total += float(np.square(part).sum())

    def scatter(direction: np.ndarray) -> np.ndarray:
        found = np.zeros(size)
        for part in centred_chunks(codes, mean):
            found += part.T @ (part @ direction.ravel())
        return found

    if not total:
        return _plane(mean, np.zeros(2), np.eye(2, size), total)
    start = np.random.default_rng(0).standard_normal(size)
    operator = LinearOperator((size, size), matvec=scatter, dtype=np.float64)
    variances, directions = eigsh(operator, k=2, v0=start, tol=1e-9)
    order = np.argsort(-variances)
    return _plane(mean, variances[order], directions.T[order], total)


def centred_chunks(codes: np.ndarray, mean: np.ndarray, rows: int = 500) -> Iterator[np.ndarray]:
    """Codes [N, D] less their mean in float64, so many at a time; UserError as `check_finite`."""
    for start in range(0, len(codes), rows):
        yield check_finite(codes[start : start + rows]) - mean


def procrustes_align(plane: Plane, codes: np.ndarray, towards: np.ndarray) -> Plane:
    """The same plane, its axes turned or flipped so that `codes` [N, D] fall as near as can be to the points `towards`
    [N, 2] (the orthogonal Procrustes problem, Schonemann 1966): maps of a model that learns then do not spin.
    """
    from scipy.linalg import orthogonal_procrustes

    now, then = (each.astype(np.float64) - each.mean(axis=0) for each in (plane.project(codes), towards))
    rotation, _ = orthogonal_procrustes(now, then)
    return replace(plane, axes=(rotation.T @ plane.axes).astype(np.float32))


# Grids


# Places
