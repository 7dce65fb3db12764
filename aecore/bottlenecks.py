"""Bottlenecks: what happens between encoder and decoder, and the latents that come of it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass
class Latent:
    """What a bottleneck makes of a batch."""

    z: Tensor  # [B, D], what the decoder gets (may be random)
    code: Tensor  # [B, D], where the input lives (never random)


@dataclass
class GaussianLatent(Latent):
    """A cloud for each input: N(mean, exp(logvar)); `code` is the mean."""

    mean: Tensor  # [B, D]
    logvar: Tensor  # [B, D]

    @property
    def kl(self) -> Tensor:
        """KL(q(z|x) || N(0, 1)) of each dimension in nats, `[B, D]` (Kingma & Welling 2013, appendix B)."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar)


class Bottleneck(nn.Module):
    """A module `[B, inputs] -> Latent`; `inputs` is how many numbers the encoder must give it."""

    inputs: int


class Plain(Bottleneck):
    """The code is what the encoder says: linear, so that no unit can die."""

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.inputs = z_dim

    def forward(self, h: Tensor) -> Latent:
        return Latent(z=h, code=h)


class Gaussian(Bottleneck):
    """The encoder says a mean and a log-variance; z is drawn as mean + sigma * epsilon, so that gradients
    pass.
    """

    def __init__(self, z_dim: int) -> None:
        super().__init__()
        self.inputs = 2 * z_dim

    def forward(self, h: Tensor) -> GaussianLatent:
        mean, logvar = h.chunk(2, dim=1)
        z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
        return GaussianLatent(z=z, code=mean, mean=mean, logvar=logvar)
