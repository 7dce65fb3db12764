"""Posteriors that a normalizing flow has bent."""

from __future__ import annotations

import torch
from torch import Tensor

from aecore.models.bottlenecks.bottleneck import Bottleneck
from aecore.models.bottlenecks.gaussian import reparameterize
from aecore.models.flows import PosteriorFlow
from aecore.models.latents import FlowLatent, GaussianLatent, log_normal_density

N_MOMENT_DRAWS = 16  # of each posterior, for its mean and its standard deviation


class FlowBottleneck(Bottleneck):
    """The encoder says a Gaussian and what a flow has to know; z is a draw of the Gaussian on which the flow has acted
    (Rezende & Mohamed 2015)."""

    may_be_map = False

    def __init__(self, latent_dim: int, flow: PosteriorFlow) -> None:
        super().__init__()
        self.in_features, self.out_features, self.flow = 2 * latent_dim + flow.context, latent_dim, flow

    def forward(self, h: Tensor) -> FlowLatent:
        parameters, context = h.split([2 * self.out_features, self.flow.context], 1)
        base = reparameterize(parameters)
        z, log_det = self.flow(base.z, context)
        code, _ = self.flow(base.mean, context)
        # a training step asks nobody for the moments, and they take longer than all else here
        in_training = self.training and torch.is_grad_enabled()
        mean, logvar = (code, base.logvar) if in_training else self._moments(base, context)
        return FlowLatent(z, code, mean, logvar, log_normal_density(base.z, base.mean, base.logvar) - log_det)

    @torch.no_grad()
    def _moments(self, base: GaussianLatent, context: Tensor) -> tuple[Tensor, Tensor]:
        """Means and log-variances `[B, D]` of the bent posteriors, of N_MOMENT_DRAWS draws. These have mean 0 and
        variance 1 before, so that both are exact where nothing is bent."""
        noise = torch.randn(N_MOMENT_DRAWS, *base.mean.shape, device=base.mean.device, dtype=base.mean.dtype)
        noise = (noise - noise.mean(0)) / noise.std(0, correction=0)
        drawn = (base.mean + base.sigma * noise).flatten(0, 1)
        bent = self.flow(drawn, context.repeat(N_MOMENT_DRAWS, 1))[0].unflatten(0, (N_MOMENT_DRAWS, -1))
        return bent.mean(0), bent.var(0, correction=0).clamp_min(1e-12).log()
