"""Bounds on log p(x) of variational models."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aecore.bottlenecks import GaussianLatent
from aecore.losses import log_normal
from aecore.model import Autoencoder


@torch.no_grad()
def importance_weighted(model: Autoencoder, x: Tensor, k: int, y: Tensor | None = None) -> Tensor:
    """A lower bound on log p(x) in nats, `[B]`, from `k` draws each (Burda, Grosse & Salakhutdinov 2015).

    With one draw it is the ELBO on average; it rises with k, towards log p(x).
    """
    weights = []
    for _ in range(k):
        latent = model.encode(x, y)
        assert isinstance(latent, GaussianLatent)
        z = latent.z
        prior = log_normal(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
        drawn = log_normal(z, latent.mean, latent.logvar).sum(1)
        weights.append(prior - drawn - model.likelihood.nll(model.decode(z, y), x))
    return torch.logsumexp(torch.stack(weights), 0) - math.log(k)
