"""LearnedPrior: what every prior that is fitted to codes promises."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from aecore.models.latents import Latent
from aecore.models.loss_terms import LossTerm

CODE_DENSITY = LossTerm(r"-\log p_\psi(z)", "Codes that the learned prior thinks unlikely.")


class LearnedPrior(nn.Module):
    """A distribution of codes `[B, D]` that training fits: `loss` is minimised, `sample` draws."""

    term = CODE_DENSITY  # what the loss is, as a formula and in words
    of_codebook = False  # whether it draws the entries of a codebook, not vectors of numbers
    n_steps = 0  # in how many steps noise becomes a code; 0 where codes are drawn at once

    def __init__(self, codes: Any) -> None:
        """`codes` says what is drawn: how many numbers a code has, or the codebook that has its entries."""
        super().__init__()

    def loss(self, latent: Latent) -> Tensor:
        """What the fit minimises for each code, `[B]`."""
        raise NotImplementedError

    def sample(self, n: int) -> Tensor:
        """Codes `[n, D]`, on the CPU; they hang on torch's random state alone."""
        raise NotImplementedError

    def sample_path(self, n: int, n_steps: int) -> Tensor:
        """Codes on their way from noise to samples in `n_steps` steps, the noise first, `[n_steps + 1, n, D]`, on the
        CPU; of those that are drawn at once only the samples, `[1, n, D]`."""
        return self.sample(n)[None]


class ContinuousPrior(LearnedPrior):
    """A prior of codes that are vectors of numbers, each in units of its spread over the first batch that it is fitted
    to: codes of any size are alike to it."""

    mean: Tensor  # [D]
    scale: Tensor  # [D]
    initialised: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.dim = dim
        self.register_buffer("mean", torch.zeros(self.dim))
        self.register_buffer("scale", torch.ones(self.dim))
        self.register_buffer("initialised", torch.tensor(False, device="cpu"))

    def loss(self, latent: Latent) -> Tensor:
        z = latent.z.detach()
        if self.training and torch.is_grad_enabled() and not self.initialised:
            self._init_from_batch(z)
        return self.loss_of_scaled((z - self.mean) / self.scale)

    @torch.no_grad()
    def _init_from_batch(self, z: Tensor) -> None:
        self.mean.copy_(z.mean(0))
        spread = z.std(0, correction=0)
        self.scale.copy_(spread.clamp_min(1e-3 * spread.max().clamp_min(1e-3)))  # a number that never varies too
        self.initialised.fill_(True)

    def sample(self, n: int) -> Tensor:
        return self._unscaled(self.sample_scaled(n))

    def _unscaled(self, z: Tensor) -> Tensor:
        return (z * self.scale + self.mean).cpu()

    def noise(self, n: int) -> Tensor:
        """Draws `[n, D]` of the standard normal, the same on every device."""
        return torch.randn(n, self.dim).to(self.mean)

    def loss_of_scaled(self, z: Tensor) -> Tensor:
        """`loss` of codes `[B, D]` in units of their spread, `[B]`."""
        raise NotImplementedError

    def sample_scaled(self, n: int) -> Tensor:
        """Codes `[n, D]` in units of their spread."""
        raise NotImplementedError
