"""Projections: codes of any size drawn as points of a plane, to look at; only PCA can be walked back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from aecore.analysis.latent_space import CONSTANT_TOLERANCE, centred_chunks, check_finite, plane_of_components
from aecore.analysis.projection_engines import ENGINES, engine
from aecore.errors import UserError
from aecore.limits import LARGE_CODE_SIZE
from aecore.params import ParamInfo

MIN_POINTS = 5  # points below which a neighbourhood is not worth the name

Perplexity = Annotated[
    float, ParamInfo("About how many neighbours each point tries to stay close to.", min=2, max=100, step=1)
]
Neighbors = Annotated[
    int,
    ParamInfo(
        "How many neighbours each point tries to stay close to: few show detail, many the large layout.",
        min=2,
        max=100,
        step=1,
        label="Neighbours",
    ),
]
MinDist = Annotated[
    float,
    ParamInfo(
        "How close points may be drawn: smaller packs clusters tighter, whatever the codes are like.",
        min=0.0,
        max=0.99,
        step=0.01,
        label="Minimum distance",
    ),
]
Seed = Annotated[
    int,
    ParamInfo("Where the random numbers start: the same seed draws the same map.", min=0, max=9999, step=1),
]


def check_codes(codes: np.ndarray) -> np.ndarray:
    """`codes` [N, D] as float32, or a UserError when they are too few to have neighbourhoods."""
    codes = check_finite(codes)
    if len(codes) < MIN_POINTS:
        raise UserError(f"This map needs at least {MIN_POINTS} points, not {len(codes)}: show more, or use PCA.")
    return codes.astype(np.float32)


def _all_equal(codes: np.ndarray) -> bool:
    """Whether the codes are one point (a collapsed model): these maps would draw a cloud of mere noise."""
    return bool(np.ptp(codes, axis=0).max() <= CONSTANT_TOLERANCE * max(1, np.abs(codes).max()))


def pca(codes: np.ndarray) -> np.ndarray:
    """Project codes onto the two directions of largest variance (Pearson 1901).

    Parameters
    ----------
    codes
        `[N, D]`; those of one dimension come out on a line.

    Returns
    -------
    np.ndarray
        float32 `[N, 2]`, signs as in `plane_of_components`.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import projections
    >>> projections.pca(np.random.default_rng(0).normal(size=(50, 8))).shape
    (50, 2)
    """
    return plane_of_components(codes).project(codes)


def tsne(codes: np.ndarray, perplexity: Perplexity = 30.0, seed: Seed = 0) -> np.ndarray:
    """Embed codes in the plane by t-SNE: neighbours stay neighbours; cluster sizes and gaps mean little.

    Van der Maaten & Hinton 2008. It starts from PCA, which keeps the large layout (Kobak & Berens 2019), with noise
    by seed, which also lets codes of one dimension leave their line.

    Parameters
    ----------
    codes
        `[N, D]`.
    perplexity
        About how many neighbours each point stays close to; lowered to (N - 1) / 3, for it looks at 3 times as many.
    seed
        Of the noise at the start.

    Returns
    -------
    np.ndarray
        float32 `[N, 2]`.

    Raises
    ------
    UserError
        For fewer than 5 codes.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import projections
    >>> projections.tsne(np.random.default_rng(0).normal(size=(20, 4)), perplexity=5).shape
    (20, 2)
    """
    return _embed("t-SNE", codes, seed, perplexity=min(perplexity, (len(codes) - 1) / 3))


def umap(codes: np.ndarray, n_neighbors: Neighbors = 15, min_dist: MinDist = 0.1, seed: Seed = 0) -> np.ndarray:
    """Embed codes in the plane by UMAP: neighbours stay neighbours, drawn tight; gaps mean little.

    McInnes, Healy & Melville 2018. It starts from PCA as well: what starts there keeps the large layout as well as what
    starts from the graph's spectrum (Kobak & Linderman 2021), and maps of one model look alike.

    Parameters
    ----------
    codes
        `[N, D]`.
    n_neighbors
        How many neighbours each point stays close to; N - 1 at most.
    min_dist
        How close points may lie.
    seed
        Of the layout.

    Returns
    -------
    np.ndarray
        float32 `[N, 2]`.

    Raises
    ------
    UserError
        For fewer than 5 codes.

    Examples
    --------
    >>> import numpy as np
    >>> from aecore import projections
    >>> projections.umap(np.random.default_rng(0).normal(size=(20, 4)), n_neighbors=5).shape  # doctest: +SKIP
    (20, 2)
    """
    return _embed("UMAP", codes, seed, n_neighbors=min(n_neighbors, len(codes) - 1), min_dist=min_dist)


def _embed(kind: str, codes: np.ndarray, seed: int, **settings: float) -> np.ndarray:
    """A map by what draws maps of its kind here; turned like PCA's, for a map has no up or down of its own."""
    from scipy.linalg import orthogonal_procrustes

    codes = check_codes(codes)
    if _all_equal(codes):
        return np.zeros((len(codes), 2), np.float32)
    plane = pca(codes).astype(np.float64)
    plane /= plane[:, 0].std()
    points = ENGINES[kind][engine(kind)](codes, plane, seed, **settings)
    points = points - points.mean(axis=0)
    rotation, _ = orthogonal_procrustes(points, plane)  # the turn that brings both closest (Schoenemann 1966)
    return (points @ rotation).astype(np.float32)


PROJECTIONS: dict[str, Callable[..., np.ndarray]] = {"PCA": pca, "t-SNE": tsne, "UMAP": umap}


def explained_variance_ratio(codes: np.ndarray) -> np.ndarray:
    """The share 0..1 of the variance of `codes` [N, D] that each component carries, falling: [min(D, N)].

    They add up to 1; all are 0 when the codes are one point.
    """
    if np.shape(codes)[1] > LARGE_CODE_SIZE:
        return _variance_ratio_by_covariance(codes)
    codes = check_finite(codes)
    variances = np.linalg.svd(codes - codes.mean(axis=0), compute_uv=False) ** 2
    return variances / (variances.sum() or 1)


def _variance_ratio_by_covariance(codes: np.ndarray) -> np.ndarray:
    """The same of codes of many numbers: from their covariance, summed up some codes at a time."""
    size, mean = codes.shape[1], codes.mean(axis=0, dtype=np.float64)
    scatter = np.zeros((size, size))
    for part in centred_chunks(codes, mean):
        scatter += part.T @ part
    variances = np.linalg.eigvalsh(scatter)[::-1][: min(codes.shape)].clip(0)
    return variances / (variances.sum() or 1)
