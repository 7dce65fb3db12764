"""Bounds on log p(x) of variational models, in nats; how loose the evidence lower bound (ELBO) is."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.models.autoencoder import Autoencoder
from aecore.models.latents import GaussianLatent, log_normal_density
from aecore.models.rng import seeded

N_EVAL_IMAGES = 200  # test images that bounds are taken of: the first ones
IMPORTANCE_SAMPLES = (1, 16, 128)  # importance samples for each of them; each divides the last
SEED = 0


@torch.no_grad()
def log_weights(model: Autoencoder, x: Tensor, n_samples: int, y: Tensor | None = None) -> Tensor:
    """log p(x, z) - log q(z|x) in nats at `n_samples` codes z from q(z|x) for each image, `[n_samples, B]`."""
    features, found = model.features(x, y), []
    for _ in range(n_samples):
        latent = model.bottleneck(features)
        assert isinstance(latent, GaussianLatent)
        z = latent.z
        prior = log_normal_density(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
        found.append(prior - latent.log_prob - model.likelihood.nll(model.decode(z, y), x))
    return torch.stack(found)


def iwae_bound(weights: Tensor, k: int) -> Tensor:
    """The lower bound on log p(x) of `k` importance samples, `[B]` (IWAE: Burda, Grosse & Salakhutdinov 2015), averaged
    over the groups of k in `weights` `[n k, B]`. With k = 1 it is the ELBO; it rises with k, towards log p(x)."""
    groups = weights.unflatten(0, (-1, k))
    return (torch.logsumexp(groups, 1) - math.log(k)).mean(0)


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """Bounds on log p(x) of the first N_EVAL_IMAGES test images, in nats, means over them:

    log_likelihood   by the number of importance samples, those of IMPORTANCE_SAMPLES
    gap, gap_std_error   how much the most samples add to one, which is the ELBO; its standard error over images

    Nothing for images that the model has drawn itself (`synthetic`). Constants that a likelihood
    leaves out are left out.
    """
    if test.synthetic:
        return {}
    device, first = run.device, slice(N_EVAL_IMAGES)
    x, y = (torch.from_numpy(each).to(device) for each in (test.to_float(first), test.y[first]))
    with seeded(SEED, device):
        weights = log_weights(run.model, x, IMPORTANCE_SAMPLES[-1], y).double().cpu()
    bounds = {k: iwae_bound(weights, k).numpy() for k in IMPORTANCE_SAMPLES}
    gap = bounds[IMPORTANCE_SAMPLES[-1]] - bounds[IMPORTANCE_SAMPLES[0]]
    return {
        "n_samples": len(x),
        "log_likelihood": {str(k): float(each.mean()) for k, each in bounds.items()},
        "gap": float(gap.mean()),
        "gap_std_error": float(np.std(gap, ddof=1) / math.sqrt(len(gap))),
    }
