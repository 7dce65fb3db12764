"""Normalizing flows: maps of vectors that can be inverted, whose change of volume is known."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from aecore.models.networks import mlp

MAX_LOG_SCALE = 2.0  # of a coupling layer, either way: a factor of 7 each, which keeps float32 invertible


class AffineCoupling(nn.Module):
    """Scales and shifts half of a vector by functions of its other half (Dinh, Sohl-Dickstein & Bengio 2017, eq. 7).

    `mask` `[D]` is 1 where a number stays as it is and sets what happens to the others.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.network = mlp([len(mask), width, width, 2 * len(mask)])
        last = self.network[-1]
        assert isinstance(last, nn.Linear) and last.bias is not None
        nn.init.zeros_(last.weight)  # the identity to begin with
        nn.init.zeros_(last.bias)

    def _scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.network(x * self.mask).chunk(2, 1)
        moved = 1 - self.mask
        return MAX_LOG_SCALE * torch.tanh(scale / MAX_LOG_SCALE) * moved, shift * moved

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, D]` to `[B, D]`, and the log of the change of volume, `[B]`."""
        log_scale, shift = self._scale_and_shift(x)
        return x * log_scale.exp() + shift, log_scale.sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        log_scale, shift = self._scale_and_shift(z)
        return (z - shift) * (-log_scale).exp()


class RealNVP(nn.Module):
    """Affine couplings one after the other, each keeping what the one before moved: an invertible map between vectors
    `[B, D]` and draws of a standard normal, and so a density (Dinh, Sohl-Dickstein & Bengio 2017).

    Each coupling keeps a half drawn at random, and the next keeps the other half. Of one number (`dim` 1) there is no
    half: then couplings shift and scale it alike for all.
    """

    def __init__(self, dim: int, n_couplings: int = 6, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(n_couplings):
            if number % 2 == 0:
                mask = torch.zeros(dim)
                mask[torch.randperm(dim)[: dim // 2]] = 1
            layers.append(AffineCoupling(mask if number % 2 == 0 else 1 - mask, width))
        self.dim, self.layers = dim, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What x `[B, D]` is in the space of the normal, `[B, D]`, and log |det dz/dx|, `[B]`."""
        log_det = x.new_zeros(len(x))
        for layer in self.layers:
            x, change = layer(x)
            log_det = log_det + change
        return x, log_det

    def inverse(self, z: Tensor) -> Tensor:
        """The x `[B, D]` of which `forward` makes z."""
        for layer in reversed(self.layers):
            assert isinstance(layer, AffineCoupling)
            z = layer.inverse(z)
        return z

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, `[B]`: exact, by the change of variables."""
        z, log_det = self(x)
        return log_det - 0.5 * (z.square() + math.log(2 * math.pi)).sum(1)

    def sample(self, n: int) -> Tensor:
        """Draws `[n, D]`."""
        return self.inverse(torch.randn(n, self.dim, device=next(self.parameters()).device))
