"""What draws t-SNE and UMAP: the packages that can be installed, and how each is called.

Each takes codes float32 [N, D], where PCA puts them (float64 [N, 2], sd 1 across) and a seed; it gives points [N, 2].
"""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from functools import lru_cache
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from aecore.limits import cores

if TYPE_CHECKING:
    from knncolle import FindKnnResults

LAYOUT_VERSION = 1  # counted up when the same package and settings come to draw another map
EXACT_KNN_LIMIT = 20_000  # codes up to which finding all true neighbours takes a few seconds
TSNE_STEPS = 500
PROBE_STEPS, PROBE_MIN_COUNT = 10, 5000  # steps that are timed beforehand, and codes from which that is worth 4 %

_listener: ContextVar[Callable[[float], None] | None] = ContextVar("listener", default=None)


@contextlib.contextmanager
def telling_seconds_left(listener: Callable[[float], None]) -> Iterator[None]:
    """Inside, an engine that can tell how long it has still to go, on this machine as busy as it is, tells it."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def _threads() -> int:
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return int(asked) if asked.isdigit() else cores()


def _nearest_neighbours(codes: np.ndarray, count: int) -> FindKnnResults:
    """Each code's nearest others: exact ones, but where that takes long nearly exact ones (recall .99)."""
    import knncolle

    count = min(count, len(codes) - 1)
    way = knncolle.KmknnParameters() if len(codes) <= EXACT_KNN_LIMIT else knncolle.HnswParameters()
    index = knncolle.build_index(way, codes.astype(np.float64))
    return knncolle.find_knn(index, num_neighbors=count, num_threads=_threads())


def _tsne_by_scranpy(codes: np.ndarray, plane: np.ndarray, seed: int, perplexity: float) -> np.ndarray:
    """Barnes-Hut in C++. Its step is as long as N / 12, which needs half the steps (Belkina et al. 2019).

    It takes no start but makes one up by the seed: so the codes are handed over in the order in which PCA lies like it.
    """
    import knncolle
    import scranpy

    near = _nearest_neighbours(codes, scranpy.tsne_perplexity_to_neighbors(perplexity))
    settings = {"perplexity": perplexity, "num_neighbors": None, "seed": seed}
    began = time.perf_counter()
    start = scranpy.run_tsne(near, max_iterations=0, **settings)
    setup = time.perf_counter() - began
    row = np.empty(len(codes), np.int64)  # which code stands in each place
    row[_strip_order(start)] = _strip_order(plane)
    place = np.argsort(row).astype(near.index.dtype)
    near = knncolle.FindKnnResults(place[near.index[row]], near.distance[row])
    settings |= {"eta": max(200, len(codes) / 12), "num_threads": _threads()}
    if (listener := _listener.get()) and len(codes) >= PROBE_MIN_COUNT:
        began = time.perf_counter()
        scranpy.run_tsne(near, max_iterations=PROBE_STEPS, **settings)
        step = max(0.0, time.perf_counter() - began - setup) / PROBE_STEPS
        listener(setup + TSNE_STEPS * step)
    return scranpy.run_tsne(near, max_iterations=TSNE_STEPS, **settings)[place]


def _strip_order(points: np.ndarray) -> np.ndarray:
    """The rows of `points` [N, 2] strip by strip from the left, each from below: what stands at one place of two such
    lists lies alike in both."""
    from_left = np.argsort(np.argsort(points[:, 0], kind="stable"))
    strip = from_left // math.isqrt(len(points))
    return np.lexsort((points[:, 1], strip))


def _umap_by_scranpy(codes: np.ndarray, plane: np.ndarray, seed: int, n_neighbors: int, min_dist: float) -> np.ndarray:
    """In C++, on one thread; 2 million moves of points are enough when it starts from PCA."""
    import scranpy

    return scranpy.run_umap(
        _nearest_neighbours(codes, n_neighbors),
        min_dist=min_dist,
        initialize_method="none",
        initial_coordinates=_start(plane, seed),
        optimize_seed=seed,
        num_epochs=int(np.clip(2_000_000 / len(codes), 200, 500)),
        num_threads=_threads(),
    )


def _start(plane: np.ndarray, seed: int) -> np.ndarray:
    """Where UMAP starts: PCA, 20 units wide, with a little noise, so that no two points lie on one spot."""
    noise = 0.01 * np.random.default_rng(seed).normal(size=plane.shape)
    return 10 * (plane + noise) / np.abs(plane).max()


def _tsne_by_sklearn(codes: np.ndarray, plane: np.ndarray, seed: int, perplexity: float) -> np.ndarray:
    from sklearn.manifold import TSNE

    start = plane + 0.1 * np.random.default_rng(seed).normal(size=plane.shape)
    start = (1e-4 * start).astype(np.float32)  # the sd of the paper's own random start; larger ones get stuck
    return TSNE(perplexity=perplexity, init=start).fit_transform(codes)


def _umap_by_umap(codes: np.ndarray, plane: np.ndarray, seed: int, n_neighbors: int, min_dist: float) -> np.ndarray:
    """The first call of a process takes half a minute: it compiles itself."""
    from umap import UMAP

    # One thread, said here: a seed forces it anyway, and umap-learn would warn that it does.
    settings = {"min_dist": min_dist, "random_state": seed, "n_jobs": 1, "init": _start(plane, seed)}
    return UMAP(n_neighbors=n_neighbors, **settings).fit_transform(codes)


Engine = Callable[..., np.ndarray]

# by the name of the package that brings them, the best first; the last is always there
ENGINES: dict[str, dict[str, Engine]] = {
    "t-SNE": {"scranpy": _tsne_by_scranpy, "scikit-learn": _tsne_by_sklearn},
    "UMAP": {"scranpy": _umap_by_scranpy, "umap-learn": _umap_by_umap},
}


@lru_cache
def _version(package: str) -> str:
    """Which version of a package is installed; empty for none."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def engine(kind: str) -> str:
    """The package that draws maps of a kind here."""
    return next(package for package in ENGINES[kind] if _version(package))


def engine_version(kind: str) -> str:
    """What draws maps of a kind here, with its version and ours: something else draws them otherwise."""
    return f"{engine(kind)} {_version(engine(kind))}, {LAYOUT_VERSION}"
