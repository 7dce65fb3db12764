"""Posteriors that several experts agree on."""

from __future__ import annotations

import torch
from torch import Tensor

from aecore.models.bottlenecks.bottleneck import Bottleneck
from aecore.models.bottlenecks.gaussian import reparameterize
from aecore.models.latents import GaussianLatent


def product_of_gaussians(means: Tensor, logvars: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and log-variance `[B, D]` of the normalised product of M Gaussians `[M, B, D]`: precisions add up, and means
    are averaged by them (Cao & Fleet 2014). One whose log-variance is infinite says nothing."""
    log_precisions = -logvars
    return (log_precisions.softmax(0) * means).sum(0), -log_precisions.logsumexp(0)


class ProductOfExperts(Bottleneck):
    """The encoder says a mean and a log-variance for each of M experts; the posterior is their product with the prior
    N(0, 1) (Wu & Goodman 2018)."""

    def __init__(self, latent_dim: int, n_experts: int) -> None:
        super().__init__()
        self.in_features, self.out_features, self.n_experts = 2 * latent_dim * n_experts, latent_dim, n_experts

    def forward(self, h: Tensor) -> GaussianLatent:
        means, logvars = h.unflatten(1, (self.n_experts, 2, -1)).transpose(0, 1).unbind(2)  # [M, B, D] both
        prior = torch.zeros_like(means[:1])
        mean, logvar = product_of_gaussians(torch.cat([means, prior]), torch.cat([logvars, prior]))
        return reparameterize(torch.cat([mean, logvar], 1))
