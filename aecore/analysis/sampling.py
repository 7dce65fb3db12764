"""Samples: new images from codes drawn in three ways, and how near they come to real ones."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch

from aecore.analysis import metrics
from aecore.analysis.loaded import LoadedModel
from aecore.data import datasets
from aecore.data.datasets import Split
from aecore.limits import LARGE_CODE_SIZE
from aecore.models import losses
from aecore.models.rng import seeded

N_FIT_CODES = 10_000  # training codes that distributions are fitted to: the first ones
N_SAMPLES = 1000  # samples, and test images that they are measured against, at most
GMM_COMPONENTS = 10  # of the mixture
FULL_COVARIANCE_MAX_DIM = 512  # numbers that vary up to which the mixture's covariances are full
MAX_FIT_ELEMENTS = 5_000_000  # of all codes that the mixture is fitted to: 40 MB, and some times as much on the way
SEED = 0


# Codes


def sample_gaussian_fit(codes: np.ndarray, n: int, seed: int = SEED) -> np.ndarray:
    """Codes [n, D] from one Gaussian with the mean and the covariance of `codes` [N, D]."""
    rng = np.random.default_rng(seed)
    if (
        codes.shape[1] > LARGE_CODE_SIZE
    ):  # sums of all codes, weighed by normal draws, have that covariance: no [D, D] is needed
        mean = codes.mean(axis=0, dtype=np.float64).astype(np.float32)
        weights = rng.standard_normal((n, len(codes)), dtype=np.float32) / math.sqrt(max(1, len(codes) - 1))
        # the share of the mean in each sum is taken off again: as if codes had been centred, without a copy of them
        return np.asarray(mean + weights @ codes - weights.sum(axis=1, keepdims=True) * mean)
    codes = codes.astype(np.float64)
    mean, covariance = codes.mean(axis=0), np.atleast_2d(np.cov(codes, rowvar=False))
    # units that never vary make the covariance singular, which eigenvalues do not mind
    drawn = rng.multivariate_normal(mean, covariance, n, method="eigh", check_valid="ignore")
    return drawn.astype(np.float32)


def sample_gmm_fit(codes: np.ndarray, n: int, seed: int = SEED) -> np.ndarray:
    """Codes [n, D] from a mixture of COMPONENTS Gaussians, each with a covariance of its own, fitted to `codes` [N, D].

    Fitted to the numbers that vary, each in units of its own spread: those of any size are alike to it, and those that
    never vary stay as they are. At most ten steps: twenty score the same. Of more than FULL numbers a component has a
    variance for each and no covariances: there would be fewer codes than these have numbers. Of codes with many numbers
    the first ones are enough, MAX_VALUES in all.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    codes = codes[: max(N_SAMPLES, MAX_FIT_ELEMENTS // codes.shape[1])]
    mean, spread = codes.mean(axis=0, dtype=np.float64), codes.std(axis=0, dtype=np.float64)
    lively = spread > 1e-6 * max(1.0, spread.max())
    drawn = np.tile(mean, (n, 1))
    if lively.any():
        kind = "full" if lively.sum() <= FULL_COVARIANCE_MAX_DIM else "diag"
        settings = {"reg_covar": 1e-4, "max_iter": 10, "tol": 0.01, "random_state": seed}
        model = GaussianMixture(min(GMM_COMPONENTS, len(codes)), covariance_type=kind, **settings)
        with warnings.catch_warnings(), _one_thread():
            warnings.simplefilter("ignore", ConvergenceWarning)
            found = model.fit((codes[:, lively] - mean[lively]) / spread[lively]).sample(n)[0]
        found = np.random.default_rng(seed).permutation(found)  # they come sorted by component
        drawn[:, lively] += found * spread[lively]
    return drawn.astype(np.float32)


def _one_thread() -> AbstractContextManager[Any]:
    """For products so small that threads mostly wait for each other: on a busy computer 25 times as long."""
    from threadpoolctl import threadpool_limits  # comes with scikit-learn

    limits: AbstractContextManager[Any] = threadpool_limits(1)
    return limits


def fit_codes(run: LoadedModel, test: Split) -> tuple[np.ndarray, np.ndarray]:
    """The codes [N, D] and labels [N] that distributions are fitted to: of training images, never of the test ones;
    where the data set is not here, of what stands in for it."""
    split = test if test.synthetic else datasets.load_training(run.config).train
    labels = split.y[:N_FIT_CODES]
    return run.encode(split.to_float(slice(N_FIT_CODES)), labels), labels


def generate(run: LoadedModel, test: Split, n: int, seed: int = SEED) -> dict[str, np.ndarray]:
    """New images [n, C, H, W] from the model's prior, from its learned prior where it has one, and from a Gaussian and
    a mixture fitted to its codes. A conditional model is told classes at their shares."""
    codes, labels = fit_codes(run, test)
    told = np.random.default_rng(seed).choice(labels, n)
    ways: dict[str, Callable[[], np.ndarray]] = {
        "prior": lambda: run.sample_prior(n, seed),
        "learned_prior": lambda: run.sample(n, seed),
        "gaussian_fit": lambda: sample_gaussian_fit(codes, n, seed),
        "gmm_fit": lambda: sample_gmm_fit(codes, n, seed),
    }
    if run.model.bottleneck.learned_prior is None:
        del ways["learned_prior"]
    return {name: run.decode(draw(), told) for name, draw in ways.items()}


def denoising_path(run: LoadedModel, n: int, n_steps: int, seed: int = SEED) -> np.ndarray:
    """What `n` codes decode to on their way from noise to samples of a diffusion prior in `n_steps` steps, the noise
    first, `[n_steps + 1, n, *shape]`."""
    prior = run.model.bottleneck.learned_prior
    assert prior is not None
    with seeded(seed):
        path = prior.sample_path(n, n_steps)
    images = run.decode(path.flatten(0, 1).numpy())
    return images.reshape(*path.shape[:2], *images.shape[1:])


def aggregate_posterior(run: LoadedModel, x: np.ndarray, labels: np.ndarray, seed: int = SEED) -> np.ndarray:
    """What the decoder is given for images [N, C, H, W], [N, D]: their codes; where those are posteriors, one sample
    from each, because it is the aggregated posterior that a prior is compared with."""
    return run.latents(x, labels, seed).z.numpy()


# Numbers


def sample_quality(real: np.ndarray, generated: np.ndarray) -> dict[str, float]:
    """How near `generated` images come to `real` ones, both [N, C, H, W]: all 0 to 1, see aecore.analysis.metrics."""
    with _one_thread():
        precision, coverage = metrics.precision_and_coverage(real, generated)
        strict = metrics.strict_precision(real, generated)
    return {"precision": precision, "strict_precision": strict, "coverage": coverage}


def mmd(a: np.ndarray, b: np.ndarray) -> float:
    """How different two crowds of codes [n, D] are: near 0 for two draws of one distribution (losses.mmd)."""
    return float(losses.mmd(torch.from_numpy(a), torch.from_numpy(b)))


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """How near samples come to test images: as many of each, N_SAMPLES at most. `reconstructions` are those of the test
    images themselves; `training_data`: as many training images, which is what a perfect sampler would score.

    mmd compares the codes of the test images with as many draws of the prior, mmd_noise_floor two crowds of draws. Of
    images that the model has drawn itself (`synthetic`) only that is known: nothing can be measured against them.
    """
    n = min(N_SAMPLES, len(test))
    x, labels, draws = test.to_float(slice(n)), test.y[:n], run.sample_prior(n, SEED)
    said: dict[str, Any] = {"n_samples": 0, "mmd": mmd(aggregate_posterior(run, x, labels), draws)}
    said["mmd_noise_floor"] = mmd(draws, run.sample_prior(n, SEED + 1))
    if test.synthetic:
        return said
    made = generate(run, test, n)
    made["reconstructions"] = run.reconstruct(x, labels)
    made["training_data"] = datasets.load_training(run.config).train.to_float(slice(n))
    return said | {"n_samples": n} | {name: sample_quality(x, each) for name, each in made.items()}
