"""Rivals: detectors without an autoencoder, fitted to the same training samples and asked about the same others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True, eq=False)
class FittedRival:
    """A rival that has learnt: an estimator, and how it is asked. No closure, so that caches see what it holds."""

    estimator: Any
    score: Callable[[Any, Split], np.ndarray]  # the estimator and samples -> [N], higher = odder

    def __call__(self, split: Split) -> np.ndarray:
        return self.score(self.estimator, split)


def _in_batches(score: Callable[[np.ndarray], np.ndarray], split: Split) -> np.ndarray:
    starts = range(0, len(split), BATCH_SIZE)
    return np.concatenate([score(values(split, slice(start, start + BATCH_SIZE))) for start in starts])


def _neighbour_distance(estimator: Any, split: Split) -> np.ndarray:
    return _in_batches(lambda x: estimator.kneighbors(x)[0].mean(axis=1), split)


def _negative_score(estimator: Any, split: Split) -> np.ndarray:
    return _in_batches(lambda x: -estimator.score_samples(x), split)


def _residual(pca: PCA, split: Split) -> np.ndarray:
    return squared_errors(split, pca.reconstruct)


def fit_pca(train: Split, code_size: int) -> Scorer:
    most = max(1, int(np.prod(train.x.shape[1:])) - 1)  # with all components nothing is left over
    return FittedRival(PCA.fit(train, min(code_size, most)), _residual)


def fit_knn(train: Split, code_size: int) -> Scorer:
    from sklearn.neighbors import NearestNeighbors

    known = values(train.head(MAX_TRAIN))
    return FittedRival(NearestNeighbors(n_neighbors=min(N_NEIGHBOURS, len(known))).fit(known), _neighbour_distance)


def fit_isolation_forest(train: Split, code_size: int) -> Scorer:
    from sklearn.ensemble import IsolationForest

    return FittedRival(IsolationForest(random_state=SEED).fit(values(train.head(MAX_TRAIN))), _negative_score)


def fit_lof(train: Split, code_size: int) -> Scorer:
    from sklearn.neighbors import LocalOutlierFactor

    known = values(train.head(MAX_TRAIN))
    found = LocalOutlierFactor(n_neighbors=min(LOF_NEIGHBOURS, len(known) - 1), novelty=True).fit(known)
    return FittedRival(found, _negative_score)


def fit_mean(train: Split, code_size: int) -> Scorer:
    return FittedRival(PCA.fit(train, 0), _residual)


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
