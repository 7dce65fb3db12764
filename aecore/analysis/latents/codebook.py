"""Codebooks: which vectors a model takes for images, and what becomes of an image when one is exchanged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.models.bottlenecks import Quantizer
from aecore.models.latents import Quantized

N_EVAL_IMAGES = 2000  # test images that are asked: the first ones
MAX_DISTANCE_ENTRIES = 512  # vectors in a table of distances


@dataclass(frozen=True, eq=False)
class Assignments:
    """Which vectors stand for some images."""

    indices: np.ndarray  # int64 [N, S], the vector of each slot
    distances: np.ndarray  # float32 [N, S], from what the encoder said to that vector


def codebook(run: LoadedModel) -> np.ndarray:
    """The vectors, [K, d]."""
    return _bottleneck(run).codebook.detach().cpu().numpy()


def grid(run: LoadedModel) -> tuple[int, int]:
    """Rows and columns in which positions are laid out, one row after another: those of the map that the code is, where
    each place has several positions side by side; a single row where it is none."""
    bottleneck = _bottleneck(run)
    rows = bottleneck.grid[0] if bottleneck.grid else 1
    return rows, bottleneck.n_positions // rows


def _bottleneck(run: LoadedModel) -> Quantizer:
    assert isinstance(run.model.bottleneck, Quantizer)
    return run.model.bottleneck


def assign(run: LoadedModel, x: np.ndarray, labels: np.ndarray | None = None) -> Assignments:
    """What images [N, C, H, W] become."""
    latent = run.latents(x, labels)
    assert isinstance(latent, Quantized)
    return Assignments(latent.indices.numpy(), (latent.encoded - latent.quantized).norm(dim=2).numpy())


def assign_split(run: LoadedModel, split: Split) -> Assignments:
    """What the first ASKED images of a split become."""
    return assign(run, split.to_float(slice(N_EVAL_IMAGES)), split.y[:N_EVAL_IMAGES])


# Numbers


def usage(indices: np.ndarray, codebook_size: int) -> np.ndarray:
    """The share of all choices that each vector has, [K], adding up to 1; `indices` of any shape."""
    return np.bincount(indices.ravel(), minlength=codebook_size) / indices.size


def entropy_bits(shares: np.ndarray) -> float:
    """Of a distribution [K], in bits: 0 when one is always taken, log2 K when all are equally often."""
    known = shares[shares > 0]
    return float(-(known * np.log2(known)).sum()) + 0.0  # no -0.0


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """How the first N_EVAL_IMAGES test images use the codebook.

    used_entries            entries used at least once; usage: the share of all assignments of each
    perplexity              how many entries, used equally often, would be as hard to guess: 1 to K
    bits_stored             of an image, each position as a number below K; entropy_bits: at best, with an entropy code
                            for each position
    quantization_distance   from the encoder's output to the entry assigned, on average
    nearest_entry_distance  from an entry to its nearest other, on average
    """
    vectors, chosen = codebook(run), assign_split(run, test)
    shares, slots = usage(chosen.indices, len(vectors)), chosen.indices.shape[1]
    return {
        "n_samples": len(chosen.indices),
        "n_positions": slots,
        "codebook_size": len(vectors),
        "used_entries": int((shares > 0).sum()),
        "perplexity": 2 ** entropy_bits(shares),
        "usage": shares.tolist(),
        "bits_stored": slots * math.log2(len(vectors)),
        "entropy_bits": sum(entropy_bits(usage(column, len(vectors))) for column in chosen.indices.T),
        "quantization_distance": float(chosen.distances.mean()),
        "nearest_entry_distance": nearest_distance(vectors),
    }


# Between vectors


def pairwise_distances(embeddings: np.ndarray) -> np.ndarray:
    """Distances between vectors [K, d], float64 [K, K]."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(embeddings, embeddings))


def nearest_distance(embeddings: np.ndarray) -> float:
    """How far a vector lies from the one nearest to it, on average."""
    distances = pairwise_distances(embeddings)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).mean())


def leaf_order(embeddings: np.ndarray) -> np.ndarray:
    """Numbers of the vectors [K, d] such that near ones follow each other: the leaves of a tree of nearest groups
    (average linkage, branches turned so that neighbours fit: Bar-Joseph et al. 2001)."""
    from scipy.cluster import hierarchy

    if len(embeddings) < 3:
        return np.arange(len(embeddings))
    tree = hierarchy.linkage(embeddings, "average", optimal_ordering=True)
    return np.asarray(hierarchy.leaves_list(tree))


def principal_ranks(embeddings: np.ndarray) -> np.ndarray:
    """Ranks 0 to K - 1 of the vectors [K, d] along their first principal component: near ones have near ranks."""
    centred = embeddings - embeddings.mean(axis=0)
    direction = np.linalg.svd(centred, full_matrices=False)[2][0]
    ranks = np.empty(len(embeddings), np.int64)
    ranks[np.argsort(centred @ direction, kind="stable")] = np.arange(len(embeddings))
    return ranks


# Painting


def decode_indices(run: LoadedModel, indices: np.ndarray) -> np.ndarray:
    """What choices [N, S] are drawn as, [N, C, H, W]."""
    return run.decode(codebook(run)[indices].reshape(len(indices), -1))


def replace_entry(indices: np.ndarray, position: int, entries: np.ndarray) -> np.ndarray:
    """The choices of one image [S] with each of `entries` [n] at one of its positions: [n, S]."""
    tried = np.tile(indices, (len(entries), 1))
    tried[:, position] = entries
    return tried


def by_usage(indices: np.ndarray, position: int, codebook_size: int) -> np.ndarray:
    """All vectors [K], first those that a slot of `indices` [N, S] takes most often, then those that other slots do."""
    return np.lexsort((-usage(indices, codebook_size), -usage(indices[:, position], codebook_size)))
