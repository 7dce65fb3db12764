"""Approximate posteriors q(z given x): how much each latent dimension tells of its image; all in nats."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aecore.analysis import metrics
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.errors import UserError
from aecore.models.latents import FlowLatent, GaussianLatent
from aecore.models.losses import kl_decomposition
from aecore.models.rng import seeded

N_EVAL_IMAGES = 2000  # test images that are measured: the first ones
MAX_ARRAY_ELEMENTS = 8_000_000  # float32 numbers in the largest array of an estimate, of which there are four
ACTIVE_THRESHOLD = 0.01  # variance of a dimension's means above which it counts as active (Burda et al. 2015)
N_SAMPLES = 64  # from the posterior of one image


@dataclass(frozen=True, eq=False)
class PosteriorBatch:
    """Approximate posteriors of N images: N(mean, sigma^2) in each dimension. Float32 `[N, D]`, all of them."""

    mean: np.ndarray
    sigma: np.ndarray
    kl: np.ndarray  # KL(N(mean, sigma^2) || N(0, 1))
    z: np.ndarray  # one sample from each posterior


def has_posterior(run: LoadedModel) -> bool:
    """Whether images are encoded as Gaussian posteriors, not as points."""
    return issubclass(run.types[0], GaussianLatent)


def encode(run: LoadedModel, x: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> PosteriorBatch:
    """The posteriors of images `[N, C, H, W]`; a UserError where images are encoded as points. In a ladder, the lower
    posteriors are those that go with the sample from the upper ones."""
    latent = run.latents(x, labels, seed)
    if not isinstance(latent, GaussianLatent):
        raise UserError(f"The codes of {run.id} are points, not posteriors: choose a variational family.")
    return PosteriorBatch(latent.mean.numpy(), latent.sigma.numpy(), latent.kl.numpy(), latent.z.numpy())


def encode_test(run: LoadedModel, test: Split) -> PosteriorBatch:
    """The posteriors of the test images that numbers are measured on."""
    first = slice(N_EVAL_IMAGES)
    return encode(run, test.to_float(first), test.y[first])


# Numbers


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """The posteriors of the first test images, means over images:

    kl, sigma, variance_of_means   of each dimension: nats; standard deviation; variance of the posterior means
    kl_total              the sum of kl, in nats per image
    active_units          dimensions whose variance_of_means is above ACTIVE_THRESHOLD
    mutual_information, total_correlation, dimension_wise_kl    the three parts of the KL, estimated
    kl_of_moments         of posteriors that a flow bends: the KL of normals with their means and standard deviations,
                          which the three parts then add up to
    log_n                 log of the number of training images, which mutual information cannot pass
    n_samples, estimator_batch_size   how many images, and how many at a time for the three parts
    """
    seen = encode_test(run, test)
    kl = seen.kl.mean(axis=0, dtype=np.float64)
    bent = {"kl_of_moments": kl_of_moments(seen)} if issubclass(run.types[0], FlowLatent) else {}
    return {
        "n_samples": len(seen.mean),
        "estimator_batch_size": math.ceil(len(seen.mean) / _n_batches(seen)),
        "kl": kl.tolist(),
        "kl_total": float(kl.sum()),
        "sigma": seen.sigma.mean(axis=0, dtype=np.float64).tolist(),
        "variance_of_means": seen.mean.var(axis=0, dtype=np.float64).tolist(),
        "active_units": metrics.active_units(seen.mean, ACTIVE_THRESHOLD),
        **estimate_kl_decomposition(seen, run.card.n_train),
        "log_n": math.log(run.card.n_train),
        **bent,
    }


def kl_of_moments(posterior: PosteriorBatch) -> float:
    """The KL of normals with the means and standard deviations of posteriors, in nats per image. No posterior with
    these moments has a smaller one: of all densities the normal has the largest entropy."""
    mean, logvar = torch.from_numpy(posterior.mean).double(), 2 * torch.from_numpy(posterior.sigma).double().log()
    return float(GaussianLatent(mean, mean, mean, logvar).kl.sum(1).mean())


def estimate_kl_decomposition(posterior: PosteriorBatch, dataset_size: int, seed: int = 0) -> dict[str, float]:
    """The KL in three parts, in nats (losses.split_kl), estimated as if the posteriors stood for a set of
    `dataset_size` images. Few posteriors are sampled more than once.

    A code is compared with as many posteriors at a time as MAX_ARRAY_ELEMENTS allows. Where too few of them overlap,
    mutual information comes out too large and total correlation as much too small: -0.5 in place of 0.1 nats for a 2-D
    VAE of MNIST and 1,000 posteriors, -0.2 with 2,000. The sum is not touched by that.
    """
    mean, sigma = torch.from_numpy(posterior.mean), torch.from_numpy(posterior.sigma)
    rounds = math.ceil(N_EVAL_IMAGES / len(mean))
    found = torch.zeros(3, dtype=torch.float64)
    with torch.inference_mode(), seeded(seed):
        for rows in np.array_split(np.tile(np.arange(len(mean)), rounds), rounds * _n_batches(posterior)):
            own, width = mean[rows], sigma[rows]
            drawn = own + width * torch.randn_like(own)
            split = kl_decomposition(GaussianLatent(drawn, own, own, 2 * width.log()), dataset_size)
            found += len(rows) * torch.stack(list(split.values())).double()
    names = ("mutual_information", "total_correlation", "dimension_wise_kl")
    return dict(zip(names, (found / (rounds * len(mean))).tolist(), strict=True))


def _n_batches(posterior: PosteriorBatch) -> int:
    """Into how many batches of B posteriors they must be cut: the largest array of the estimate is `[B, B, D]`."""
    count, size = posterior.mean.shape
    return math.ceil(count / math.isqrt(MAX_ARRAY_ELEMENTS // size))


# One image


@dataclass(frozen=True, eq=False)
class ElboBreakdown:
    """The evidence lower bound of one image, item by item, in nats; and what it was reckoned from."""

    mean: np.ndarray  # [D]
    sigma: np.ndarray  # [D]
    kl: np.ndarray  # [D], the KL of each dimension
    reconstruction: float  # -log p(x|z), mean over samples from the posterior
    reconstruction_at_mean_code: float  # -log p(x|z) of the image's code itself
    z: np.ndarray  # [N_SAMPLES, D]

    @property
    def negative_elbo(self) -> float:
        """-ELBO: an upper bound on -log p(x), but for constants that a likelihood leaves out."""
        return self.reconstruction + float(self.kl.sum())


def elbo_breakdown(run: LoadedModel, x: np.ndarray, label: int, seed: int = 0) -> ElboBreakdown:
    """What one image `[C, H, W]` costs the model, every nat of KL at its own price whatever training charged."""
    many, labels = np.repeat(x[None], N_SAMPLES, axis=0), np.full(N_SAMPLES, label)
    seen = encode(run, many, labels, seed)
    code = run.encode(x[None], labels[:1])
    return ElboBreakdown(
        seen.mean.mean(axis=0),
        seen.sigma.mean(axis=0),
        seen.kl.mean(axis=0),
        float(_nll(run, seen.z, many, labels).mean()),
        float(_nll(run, code, many[:1], labels[:1])[0]),
        seen.z,
    )


@torch.inference_mode()
def _nll(run: LoadedModel, codes: np.ndarray, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """-log p(x|z) in nats, `[N]`."""
    z, asked, y = (torch.from_numpy(np.ascontiguousarray(each)).to(run.device) for each in (codes, x, labels))
    found: np.ndarray = run.model.likelihood.nll(run.model.decode(z, y), asked).cpu().numpy()
    return found


# Whose posteriors are drawn on the map


def sample_per_class(labels: np.ndarray, count: int) -> np.ndarray:
    """The rows of about `count` images: of each class as many, the first ones."""
    known = np.unique(labels)
    each = max(1, count // len(known))
    return np.concatenate([np.flatnonzero(labels == label)[:each] for label in known])
