"""Bottleneck: what every one promises, and how its codes are walked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from aecore.models.priors import gaussian

if TYPE_CHECKING:
    from aecore.models.learned_priors.learned_prior import LearnedPrior


@dataclass(frozen=True, eq=False)
class Traversal:
    """A latent dimension, or position, moved from one end to the other."""

    name: str
    endpoints: tuple[float, float]  # its values at both ends; indices of codebook entries for a position
    start: np.ndarray  # [D], the codes at both ends
    stop: np.ndarray


class Bottleneck(nn.Module):
    """A module `[B, inputs] -> Latent`; `inputs` is how many numbers the encoder must give it."""

    in_features: int
    out_features: int  # D, the size of a code
    standard_normal_prior = True  # whether `sample` draws from N(0, 1)
    may_be_map = True  # whether a code may be a map of features, in which no number belongs to its neighbours

    def __init__(self) -> None:
        super().__init__()
        self.learned_prior: LearnedPrior | None = None  # what was fitted to the codes after training

    @torch.no_grad()
    def sample(self, n: int) -> Tensor:
        """Codes `[n, D]` to decode for new images, on the CPU: of the learned prior where there is one, else of the
        model's own."""
        return self.sample_prior(n) if self.learned_prior is None else self.learned_prior.sample(n)

    @property
    def samples_normal(self) -> bool:
        """Whether `sample` draws from the standard normal."""
        return self.standard_normal_prior and self.learned_prior is None

    @property
    def bits(self) -> float:
        """Bits that a code takes to store: 32 for each of its numbers, a float32, unless said otherwise."""
        return 32.0 * self.out_features

    def sample_prior(self, n: int) -> Tensor:
        """Codes `[n, D]` of the model's own prior, on the CPU: draws from a normal unless said otherwise."""
        return gaussian(n, self.out_features)

    def project(self, codes: Tensor) -> Tensor:
        """The codes nearest to `codes` `[B, D]` that a decoder can be given; all of them unless said otherwise."""
        return codes

    @property
    def decoder_in_features(self) -> int:
        """How many numbers the decoder network is given: those of a code unless said otherwise."""
        return self.out_features

    def decoder_input(self, z: Tensor) -> Tensor:
        """What the decoder network is given for codes `[B, D]`: these themselves unless said otherwise."""
        return z

    def traversals(self, codes: np.ndarray, dims: Sequence[int]) -> list[Traversal]:
        """Where each of some latent dimensions is moved to show what it does; `codes` `[N, D]` are those of the data.

        It goes from a standard deviation below its mean to one above, no further than codes go; the others stay at
        their mean.
        """
        mean, std = codes.mean(axis=0), codes.std(axis=0)
        low, high = np.maximum(mean - std, codes.min(axis=0)), np.minimum(mean + std, codes.max(axis=0))
        low, high = np.minimum(low, mean), np.maximum(high, mean)  # rounding may put a constant's mean beside it
        return [
            Traversal(
                f"z{dim + 1}",
                (float(low[dim]), float(high[dim])),
                *(np.where(np.arange(len(mean)) == dim, end, mean) for end in (low, high)),
            )
            for dim in dims
        ]
