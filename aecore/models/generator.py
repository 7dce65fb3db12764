"""Generator: a network that draws samples from noise, and the codes of what it draws as a prior."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.models.likelihoods import Likelihood


class Generator(nn.Module):
    """Samples from normal noise. As a `Prior` it gives their codes, so that what is decoded for a new sample is what
    the autoencoder makes of a generated one."""

    encoder: nn.Module

    def __init__(self, network: nn.Module, noise_dim: int, likelihood: Likelihood) -> None:
        super().__init__()
        self.network, self.noise_dim, self.likelihood = network, noise_dim, likelihood

    def encode_with(self, encoder: nn.Module) -> None:
        """Says which encoder gives its samples their codes."""
        object.__setattr__(self, "encoder", encoder)  # not registered: its weights are listed with the model alone

    def samples(self, n: int) -> Tensor:
        """Generated samples `[n, *shape]`, on the device of the weights; noise hangs on torch's own random state."""
        noise = torch.randn(n, self.noise_dim).to(next(self.network.parameters()))
        return self.likelihood.mean(self.network(noise))

    @torch.no_grad()
    def forward(self, n: int, dimensions: int) -> Tensor:
        """Codes `[n, D]` of generated samples, on the CPU."""
        codes: Tensor = self.encoder(self.samples(n)).cpu()
        return codes
