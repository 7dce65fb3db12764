"""Latents: what a bottleneck makes of a batch, by the kind of its code."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor


@dataclass
class Latent:
    """What a bottleneck makes of a batch."""

    z: Tensor  # [B, D], what the decoder gets (may be random)
    code: Tensor  # [B, D], where the input lives (never random)

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same with `function` applied to each of its tensors."""
        return replace(self, **{name: function(tensor) for name, tensor in self._tensors().items()})

    @classmethod
    def concatenate(cls, batches: Sequence[Self]) -> Self:
        """Latents of several batches as one, `[N, ...]`; what is no tensor is the first one's."""
        columns = [batch._tensors() for batch in batches]
        return replace(batches[0], **{name: torch.cat([each[name] for each in columns]) for name in columns[0]})

    def _tensors(self) -> dict[str, Tensor]:
        return {each.name: value for each in fields(self) if isinstance(value := getattr(self, each.name), Tensor)}


@dataclass
class GaussianLatent(Latent):
    """A cloud for each input: N(mean, exp(logvar)); `code` is the mean."""

    mean: Tensor  # [B, D]
    logvar: Tensor  # [B, D]

    @property
    def sigma(self) -> Tensor:
        """Standard deviations, `[B, D]`."""
        return (0.5 * self.logvar).exp()

    @property
    def kl(self) -> Tensor:
        """KL(q(z|x) || N(0, 1)) of each dimension in nats, `[B, D]` (Kingma & Welling 2013, appendix B)."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar)


@dataclass
class LadderLatent(GaussianLatent):
    """Two levels of clouds side by side."""

    n_top: int  # how many of the first numbers belong to the top level


@dataclass
class SparseLatent(Latent):
    """Units that are more or less active: 0 says that a picture does not need one."""

    sparsity_by_design: float  # the share of units that are at 0 for any picture, by design: 0 to 1


@dataclass
class Quantized(Latent):
    """S slots, each holding one of K vectors; side by side they are the code."""

    encoded: Tensor  # [B, S, d], what the encoder said
    quantized: Tensor  # [B, S, d], the nearest vectors of the codebook
    indices: Tensor  # [B, S], their numbers
