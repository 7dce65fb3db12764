"""Posteriors that are kept away from the prior."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from aecore.models.bottlenecks.gaussian import GaussianBottleneck, reparameterize
from aecore.models.latents import GaussianLatent


def max_log_variance(nats: float) -> float:
    """The largest log-variance below 0 of a normal whose KL from N(0, 1) is at least `nats`, wherever its mean is:
    (exp(v) - 1 - v) / 2 = nats, by bisection."""
    low, high = -2 * nats - 1, 0.0  # exp(v) - 1 > -1, so at the lower end the KL is larger
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if (math.exp(middle) - 1 - middle) / 2 > nats else (low, middle)
    return low


class CommittedRateBottleneck(GaussianBottleneck):
    """A Gaussian posterior so narrow that its KL from N(0, 1) is `delta` nats or more, an equal share of it in each
    dimension, whatever the encoder says (delta-VAE: Razavi, van den Oord, Poole & Vinyals 2019)."""

    def __init__(self, latent_dim: int, delta: float) -> None:
        super().__init__(latent_dim)
        self.max_logvar = max_log_variance(delta / latent_dim)

    def forward(self, h: Tensor) -> GaussianLatent:
        mean, narrower = h.chunk(2, dim=1)
        return reparameterize(torch.cat([mean, self.max_logvar - torch.nn.functional.softplus(narrower)], 1))
