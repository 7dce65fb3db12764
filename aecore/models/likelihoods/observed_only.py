"""ObservedOnly: another likelihood, asked about what was observed alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from aecore.models.likelihoods.pointwise import Likelihood, Pointwise


@dataclass(frozen=True)
class ObservedOnly(Pointwise):
    """Another likelihood, asked about the values that were observed alone: NaN costs nothing and has no gradient."""

    inner: Pointwise
    skips_missing = True

    @property
    def normalised(self) -> bool:
        return cast(Likelihood, self.inner).normalised

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        observed = ~x.isnan()
        found = self.inner.nll_per_value(raw, torch.where(observed, x, 0.0))  # before the loss: 0 * NaN is NaN
        return torch.where(observed, found, 0.0)

    def mean(self, raw: Tensor) -> Tensor:
        return self.inner.mean(raw)

    def out_of_support(self, x: Tensor) -> Tensor:
        return self.inner.out_of_support(x)
