"""Projections: codes of any size drawn as points of a plane, to look at; only PCA can be walked back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np

from aecore.errors import UserError
from aecore.knobs import Says
from aecore.latents import FLAT, checked, plane_of_components

FEWEST = 5  # points below which a neighbourhood is not worth the name

Perplexity = Annotated[
    float, Says("About how many neighbours each point tries to stay close to.", low=2, high=100, step=1)
]
Neighbors = Annotated[
    int,
    Says(
        "How many neighbours each point tries to stay close to: few show detail, many the large layout.",
        low=2,
        high=100,
        step=1,
        label="Neighbours",
    ),
]
MinDist = Annotated[
    float,
    Says(
        "How close points may be drawn: smaller packs clusters tighter, whatever the codes are like.",
        low=0.0,
        high=0.99,
        step=0.01,
        label="Minimum distance",
    ),
]
Seed = Annotated[
    int,
    Says("Where the random numbers start: the same seed draws the same map.", low=0, high=9999, step=1),
]


def _neighborly(codes: np.ndarray) -> np.ndarray:
    """`codes` [N, D] as float32, or a UserError when they are too few to have neighbourhoods."""
    codes = checked(codes)
    if len(codes) < FEWEST:
        raise UserError(f"This map needs at least {FEWEST} points, not {len(codes)}: show more, or use PCA.")
    return codes.astype(np.float32)


def _all_one(codes: np.ndarray) -> bool:
    """Whether the codes are one point (a collapsed model): these maps would draw a cloud of mere noise."""
    return bool(np.ptp(codes, axis=0).max() <= FLAT * max(1, np.abs(codes).max()))


def pca(codes: np.ndarray) -> np.ndarray:
    """PCA: the flat view of the codes that keeps most of their variance, as a shadow does (Pearson 1901).

    `codes` [N, D] -> [N, 2]; codes of one dimension come out on a line. Signs as in `plane_of_components`.
    """
    return plane_of_components(codes).project(codes)


def tsne(codes: np.ndarray, perplexity: Perplexity = 30.0, seed: Seed = 0) -> np.ndarray:
    """t-SNE: neighbours stay neighbours; cluster sizes and gaps mean little (van der Maaten & Hinton 2008).

    `codes` [N, D] -> [N, 2]. Fewer than 5 codes raise a UserError; a perplexity over (N - 1) / 3 is lowered to that,
    for it looks at 3 times as many neighbours. It starts from PCA, which keeps the large layout (Kobak & Berens 2019),
    with a little noise by seed, which also lets codes of one dimension leave their line.
    """
    from sklearn.manifold import TSNE

    codes = _neighborly(codes)
    if _all_one(codes):
        return np.zeros((len(codes), 2), np.float32)
    start = pca(codes)
    start = start / start[:, 0].std() + 0.1 * np.random.default_rng(seed).normal(size=start.shape)
    start = (1e-4 * start).astype(np.float32)  # the sd of the paper's own random start; larger ones get stuck
    return TSNE(perplexity=min(perplexity, (len(codes) - 1) / 3), init=start).fit_transform(codes)


def umap(codes: np.ndarray, n_neighbors: Neighbors = 15, min_dist: MinDist = 0.1, seed: Seed = 0) -> np.ndarray:
    """UMAP: neighbours stay neighbours, drawn tight; gaps mean little (McInnes, Healy & Melville 2018).

    `codes` [N, D] -> [N, 2]. Fewer than 5 codes raise a UserError; `n_neighbors` is lowered to N - 1 at most. The first
    call of a process takes seconds: umap-learn compiles itself.
    """
    codes = _neighborly(codes)
    if _all_one(codes):
        return np.zeros((len(codes), 2), np.float32)
    from umap import UMAP  # here: what was refused above need not wait for it

    # One thread, said here: a seed forces it anyway, and umap-learn would warn that it does.
    model = UMAP(n_neighbors=min(n_neighbors, len(codes) - 1), min_dist=min_dist, random_state=seed, n_jobs=1)
    return model.fit_transform(codes)


PROJECTIONS: dict[str, Callable[..., np.ndarray]] = {"PCA": pca, "t-SNE": tsne, "UMAP": umap}


def explained_variance(codes: np.ndarray) -> np.ndarray:
    """The share 0..1 of the variance of `codes` [N, D] that each component carries, falling: [min(D, N)].

    They add up to 1; all are 0 when the codes are one point.
    """
    codes = checked(codes)
    variances = np.linalg.svd(codes - codes.mean(axis=0), compute_uv=False) ** 2
    return variances / (variances.sum() or 1)
