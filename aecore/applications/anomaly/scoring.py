"""Anomaly scores of a trained model: how odd each sample is, higher = odder, by kind of code.

None of them is given labels, and none is told what an anomaly looks like: the model and the training samples are all
they know.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import torch

from aecore.analysis import metrics
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.dispatch import collect
from aecore.errors import UserError
from aecore.models.latents import GaussianLatent, Latent

if TYPE_CHECKING:
    from sklearn.covariance import LedoitWolf

N_NEIGHBOURS = 5
MAX_REFERENCE = 10_000  # training samples whose codes others are compared with; the first are a fair sample
SEED = 0  # of what posteriors draw
LARGEST = float(np.finfo(np.float32).max)
DEFAULT_SCORE = "reconstruction"  # named before anything is measured


@dataclass(frozen=True, eq=False)
class Reference:
    """A model, and the training samples that its scores compare with."""

    run: LoadedModel
    train: Split  # what the model learnt from

    @cached_property
    def codes(self) -> np.ndarray:
        """Codes of the training samples, `[N, D]`."""
        return encode(self.run, self.train.head(MAX_REFERENCE))

    def nearest_rows(self, codes: np.ndarray, count: int) -> np.ndarray:
        """Rows of `train` whose codes are nearest to `codes` [n, D], the nearest first: int `[n, count]`."""
        return np.asarray(self._neighbours.kneighbors(codes, min(count, len(self.codes)), return_distance=False))

    def neighbour_distance(self, codes: np.ndarray) -> np.ndarray:
        """Mean Euclidean distance of `codes` [n, D] to the N_NEIGHBOURS nearest training codes, `[n]`."""
        count = min(N_NEIGHBOURS, len(self.codes))
        return np.asarray(self._neighbours.kneighbors(codes, count)[0].mean(axis=1))

    def mahalanobis_distance(self, codes: np.ndarray) -> np.ndarray:
        """Distance of `codes` [n, D] to the mean of the training codes, in the metric of their covariance (Mahalanobis
        1936), which is shrunk so that it can be inverted (Ledoit & Wolf 2004): `[n]`."""
        return np.sqrt(self.covariance.mahalanobis(codes))

    @cached_property
    def _neighbours(self):  # type: ignore[no-untyped-def]
        from sklearn.neighbors import NearestNeighbors

        return NearestNeighbors(n_neighbors=N_NEIGHBOURS).fit(self.codes)

    @cached_property
    def covariance(self) -> LedoitWolf:
        """Mean and shrunk covariance of the training codes."""
        from sklearn.covariance import LedoitWolf

        return LedoitWolf().fit(self.codes.astype(np.float64))


ScoreFunction = Callable[[Reference, Split], np.ndarray]


@dataclass(frozen=True)
class Score:
    """A way to say how odd a sample is."""

    title: str
    description: str  # a sentence: what it is, and in which unit
    function: ScoreFunction  # -> [N], higher = odder

    def __call__(self, reference: Reference, split: Split) -> np.ndarray:
        """`[N]`, float64, higher = odder; what is no number counts as the largest there is."""
        found = np.asarray(self.function(reference, split), np.float64)
        return np.nan_to_num(found, nan=LARGEST, posinf=LARGEST)


def batches(run: LoadedModel, split: Split) -> Iterator[np.ndarray]:
    """The samples of a split, float32 `[n, *shape]`, a batch of the run at a time; NaN where a value is missing."""
    for rows in run.batches(len(split)):
        yield split.observed(rows)


def encode(run: LoadedModel, split: Split) -> np.ndarray:
    """Codes `[N, D]` of a split, whose labels nobody is told."""
    return np.concatenate([run.encode(np.nan_to_num(x)) for x in batches(run, split)])


def error_maps(run: LoadedModel, x: np.ndarray) -> np.ndarray:
    """Squared error of each value of samples `x` [n, *shape], 0 where it is missing: `[n, *shape]`."""
    return np.nan_to_num(np.square(x - run.reconstruct(np.nan_to_num(x))))


def reconstruction_error(reference: Reference, split: Split) -> np.ndarray:
    run = reference.run
    return np.concatenate([metrics.mse(x, run.reconstruct(np.nan_to_num(x))) for x in batches(run, split)])


def worst_neighbourhood(reference: Reference, split: Split) -> np.ndarray:
    run, kind = reference.run, reference.run.card.modality
    return np.concatenate([kind.worst_neighbourhood(error_maps(run, x)) for x in batches(run, split)])


@torch.inference_mode()
def negative_log_likelihood(reference: Reference, split: Split) -> np.ndarray:
    model, found = reference.run.model, []
    for x in batches(reference.run, split):
        for inputs, y, latent in reference.run.latent_batches(x, seed=SEED):
            found.append(model.likelihood.nll(model.decode(latent.code, y), inputs).cpu().numpy())
    return np.concatenate(found)


@torch.inference_mode()
def _elbo_terms(reference: Reference, split: Split) -> np.ndarray:
    """-ELBO with one draw of each posterior, and its KL divergence, in nats: `[N, 2]`."""
    model, found = reference.run.model, []
    for x in batches(reference.run, split):
        for inputs, y, latent in reference.run.latent_batches(x, seed=SEED):
            assert isinstance(latent, GaussianLatent)
            kl = latent.kl.sum(1)
            found.append(torch.stack([model.likelihood.nll(model.decode(latent.z, y), inputs) + kl, kl], 1).cpu())
    return np.concatenate([each.numpy() for each in found])


def negative_elbo(reference: Reference, split: Split) -> np.ndarray:
    return _elbo_terms(reference, split)[:, 0]


def kl_divergence(reference: Reference, split: Split) -> np.ndarray:
    return _elbo_terms(reference, split)[:, 1]


def code_distance(reference: Reference, split: Split) -> np.ndarray:
    return reference.neighbour_distance(encode(reference.run, split))


def code_mahalanobis(reference: Reference, split: Split) -> np.ndarray:
    return reference.mahalanobis_distance(encode(reference.run, split))


# kind of code -> name in JSON, addresses and on the command line -> score
SCORES: dict[type, dict[str, Score]] = {
    Latent: {
        "reconstruction": Score(
            "Reconstruction error", "Mean squared error of the reconstruction, per value.", reconstruction_error
        ),
        "worst-neighbourhood": Score(
            "Worst neighbourhood",
            "Mean squared error where it is largest: in a window of a quarter of an image's sides, an eighth of a "
            "series, or one column.",
            worst_neighbourhood,
        ),
        "likelihood": Score(
            "Negative log-likelihood", "-log p(x | z) at the code, in nats a sample.", negative_log_likelihood
        ),
        "knn-codes": Score(
            "k-NN distance of codes",
            f"Mean Euclidean distance to the {N_NEIGHBOURS} nearest training codes.",
            code_distance,
        ),
        "mahalanobis-codes": Score(
            "Mahalanobis distance of codes",
            "Distance to the mean training code, counted in standard deviations along each direction.",
            code_mahalanobis,
        ),
    },
    GaussianLatent: {
        "elbo": Score(
            "Negative ELBO", "Reconstruction plus KL divergence, one draw of each posterior, in nats.", negative_elbo
        ),
        "kl": Score("KL divergence", "KL(q(z | x) || p(z)): how unusual the code is, in nats.", kl_divergence),
    },
}


def scores_of(run: LoadedModel) -> Mapping[str, Score]:
    """The scores that a run's kind of code has, by name."""
    return {name: score for table in collect(SCORES, run.types) for name, score in table.items()}


def score_of(run: LoadedModel, name: str) -> Score:
    """One of these. UserError: this model has no such score."""
    known = scores_of(run)
    if name not in known:
        raise UserError(f"{run.id} has no anomaly score {name}; its scores are: {', '.join(known)}.")
    return known[name]
