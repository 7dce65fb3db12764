"""Codes that are what the encoder says."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from aecore.models.bottlenecks.bottleneck import Bottleneck
from aecore.models.latents import Latent, SparseLatent
from aecore.models.priors import Prior, gaussian


class DeterministicBottleneck(Bottleneck):
    """The code is what the encoder says: linear, so that no unit can die, unless `activation` bends it."""

    def __init__(
        self, latent_dim: int, activation: Callable[[], nn.Module] = nn.Identity, prior: Prior = gaussian
    ) -> None:
        super().__init__()
        self.in_features = self.out_features = latent_dim
        self.activation, self.prior = activation(), prior
        self.standard_normal_prior = prior is gaussian

    def forward(self, h: Tensor) -> Latent:
        code = self.activation(h)
        if isinstance(self.activation, nn.Identity):
            return Latent(z=code, code=code)
        return SparseLatent(z=code, code=code, sparsity_by_design=0.0)

    def sample_prior(self, n: int) -> Tensor:
        return self.prior(n, self.out_features)
