"""Rivals: detectors without an autoencoder, fitted to the same training samples and asked about the same others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from aecore.analysis.baselines import PCA, squared_errors
from aecore.data.datasets import Split

N_NEIGHBOURS, LOF_NEIGHBOURS = 5, 20  # the second is scikit-learn's own
MAX_TRAIN = 10_000  # training samples, of which the first are a fair sample: distances to more take minutes
BATCH_SIZE = 2000
SEED = 0

Scorer = Callable[[Split], np.ndarray]  # -> [N], higher = odder


@dataclass(frozen=True)
class Rival:
    """A detector that is no autoencoder."""

    title: str
    description: str
    fit: Callable[[Split, int], Scorer]  # training samples, and how many numbers the model's code has


def values(split: Split, rows: slice = slice(None)) -> np.ndarray:
    """The samples as a network gets them, float32 `[n, values]`; 0 for what is missing."""
    found = split.to_float(rows)
    return found.reshape(len(found), -1)


def _in_batches(score: Callable[[np.ndarray], np.ndarray], split: Split) -> np.ndarray:
    starts = range(0, len(split), BATCH_SIZE)
    return np.concatenate([score(values(split, slice(start, start + BATCH_SIZE))) for start in starts])


def fit_pca(train: Split, code_size: int) -> Scorer:
    pca = PCA.fit(train, min(code_size, max(1, int(np.prod(train.x.shape[1:])) - 1)))
    return lambda split: squared_errors(split, pca.reconstruct)


def fit_knn(train: Split, code_size: int) -> Scorer:
    from sklearn.neighbors import NearestNeighbors

    known = values(train.head(MAX_TRAIN))
    found = NearestNeighbors(n_neighbors=min(N_NEIGHBOURS, len(known))).fit(known)
    return lambda split: _in_batches(lambda x: found.kneighbors(x)[0].mean(axis=1), split)


def fit_isolation_forest(train: Split, code_size: int) -> Scorer:
    from sklearn.ensemble import IsolationForest

    found = IsolationForest(random_state=SEED).fit(values(train.head(MAX_TRAIN)))
    return lambda split: _in_batches(lambda x: -found.score_samples(x), split)


def fit_lof(train: Split, code_size: int) -> Scorer:
    from sklearn.neighbors import LocalOutlierFactor

    known = values(train.head(MAX_TRAIN))
    found = LocalOutlierFactor(n_neighbors=min(LOF_NEIGHBOURS, len(known) - 1), novelty=True).fit(known)
    return lambda split: _in_batches(lambda x: -found.score_samples(x), split)


def fit_mean(train: Split, code_size: int) -> Scorer:
    mean = PCA.fit(train, 0)
    return lambda split: squared_errors(split, mean.reconstruct)


RIVALS: dict[str, Rival] = {
    "pca": Rival("PCA residual", "Squared error of PCA with as many components as a code has numbers.", fit_pca),
    "knn": Rival(
        "k-NN distance of raw values",
        f"Mean Euclidean distance to the {N_NEIGHBOURS} nearest training samples: nothing is learnt.",
        fit_knn,
    ),
    "isolation-forest": Rival(
        "Isolation forest", "How few random cuts set a sample apart (Liu, Ting & Zhou 2008).", fit_isolation_forest
    ),
    "lof": Rival(
        "Local outlier factor",
        "How sparse a sample's surroundings are beside those of its neighbours (Breunig et al. 2000).",
        fit_lof,
    ),
    "mean": Rival("Distance to the mean", "Squared error of always answering the mean sample.", fit_mean),
}
