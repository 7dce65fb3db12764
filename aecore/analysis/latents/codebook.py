"""Codebooks: which vectors a model takes for pictures, and what becomes of a picture when one is exchanged."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aecore.analysis.loaded import Trained
from aecore.data.datasets import Split
from aecore.models.bottlenecks import Codebook, Quantized

ASKED = 2000  # test pictures that are asked: the first ones
MOST = 512  # vectors in a table of distances


@dataclass(frozen=True, eq=False)
class Choices:
    """Which vectors stand for some pictures."""

    indices: np.ndarray  # int64 [N, S], the vector of each slot
    distances: np.ndarray  # float32 [N, S], from what the encoder said to that vector


def book(opened: Trained) -> np.ndarray:
    """The vectors, [K, d]."""
    return _bottleneck(opened).book.cpu().numpy()


def _bottleneck(opened: Trained) -> Codebook:
    assert isinstance(opened.model.bottleneck, Codebook)
    return opened.model.bottleneck


def choices(opened: Trained, x: np.ndarray, labels: np.ndarray | None = None) -> Choices:
    """What pictures [N, C, H, W] become."""
    device = next(opened.model.parameters()).device
    indices, distances = [], []
    with torch.inference_mode():
        for rows in opened.parts(len(x)):
            y = None if labels is None else torch.from_numpy(labels[rows]).to(device)
            latent = opened.model.encode(torch.from_numpy(x[rows]).to(device), y)
            assert isinstance(latent, Quantized)
            indices.append(latent.indices.cpu().numpy())
            distances.append((latent.encoded - latent.quantized).norm(dim=2).cpu().numpy())
    return Choices(np.concatenate(indices), np.concatenate(distances))


def of(opened: Trained, split: Split) -> Choices:
    """What the first ASKED pictures of a split become."""
    return choices(opened, split.floats(slice(ASKED)), split.labels[:ASKED])


# Numbers


def usage(indices: np.ndarray, vectors: int) -> np.ndarray:
    """The share of all choices that each vector has, [K], adding up to 1; `indices` of any shape."""
    return np.bincount(indices.ravel(), minlength=vectors) / indices.size


def entropy(shares: np.ndarray) -> float:
    """Of a distribution [K], in bits: 0 when one is always taken, log2 K when all are equally often."""
    known = shares[shares > 0]
    return float(-(known * np.log2(known)).sum()) + 0.0  # no -0.0


def numbers(opened: Trained, test: Split) -> dict[str, Any]:
    """How the first ASKED test pictures use the codebook.

    used         vectors taken at least once; usage: the share of all choices of each
    perplexity   how many vectors, taken equally often, would be as hard to guess: 1 to K
    bits_stored  of a picture, each slot as a number below K; bits_used: at best, when frequent choices are told shorter
                 and each slot by its own frequencies
    distance     from what the encoder said to the vector taken, on average; apart: from a vector to its nearest other
    """
    vectors, chosen = book(opened), of(opened, test)
    shares, slots = usage(chosen.indices, len(vectors)), chosen.indices.shape[1]
    return {
        "pictures": len(chosen.indices),
        "slots": slots,
        "vectors": len(vectors),
        "used": int((shares > 0).sum()),
        "perplexity": 2 ** entropy(shares),
        "usage": shares.tolist(),
        "bits_stored": slots * math.log2(len(vectors)),
        "bits_used": sum(entropy(usage(column, len(vectors))) for column in chosen.indices.T),
        "distance": float(chosen.distances.mean()),
        "apart": apart(vectors),
    }


# Between vectors


def between(vectors: np.ndarray) -> np.ndarray:
    """Distances between vectors [K, d], float64 [K, K]."""
    from scipy.spatial.distance import cdist

    return np.asarray(cdist(vectors, vectors))


def apart(vectors: np.ndarray) -> float:
    """How far a vector lies from the one nearest to it, on average."""
    distances = between(vectors)
    np.fill_diagonal(distances, np.inf)
    return float(distances.min(axis=1).mean())


def in_order(vectors: np.ndarray) -> np.ndarray:
    """Numbers of the vectors [K, d] such that near ones follow each other: the leaves of a tree of nearest groups
    (average linkage, branches turned so that neighbours fit: Bar-Joseph et al. 2001)."""
    from scipy.cluster import hierarchy

    if len(vectors) < 3:
        return np.arange(len(vectors))
    tree = hierarchy.linkage(vectors, "average", optimal_ordering=True)
    return np.asarray(hierarchy.leaves_list(tree))


# Painting


def painted(opened: Trained, indices: np.ndarray) -> np.ndarray:
    """What choices [N, S] are drawn as, [N, C, H, W]."""
    return opened.pictures(book(opened)[indices].reshape(len(indices), -1))


def exchanged(indices: np.ndarray, slot: int, vectors: np.ndarray) -> np.ndarray:
    """The choices of one picture [S] with each of `vectors` [n] in one of its slots: [n, S]."""
    tried = np.tile(indices, (len(vectors), 1))
    tried[:, slot] = vectors
    return tried


def by_use(indices: np.ndarray, slot: int, vectors: int) -> np.ndarray:
    """All vectors [K], first those that a slot of `indices` [N, S] takes most often, then those that other slots do."""
    return np.lexsort((-usage(indices, vectors), -usage(indices[:, slot], vectors)))
