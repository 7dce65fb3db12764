"""What the pixels of images in [0, 1] are to the loss: other likelihoods, asked on another scale."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor

from aecore.models.likelihoods.pointwise import Likelihood, Pointwise


@dataclass(frozen=True)
class ScaledTo255:
    """Another likelihood, asked about pixels as files have them: white is 255. A mistake that is easily made, and a
    lesson: a Bernoulli's loss has no floor then, and its images stay black."""

    inner: Likelihood

    @property
    def normalised(self) -> bool:
        return self.inner.normalised

    @property
    def skips_missing(self) -> bool:
        return self.inner.skips_missing

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return self.inner.nll(raw, 255 * x)

    def mean(self, raw: Tensor) -> Tensor:
        return self.inner.mean(raw) / 255

    def out_of_support(self, x: Tensor) -> Tensor:
        return self.inner.out_of_support(255 * x)


@dataclass(frozen=True)
class Symmetric(Pointwise):
    """Another likelihood, asked about pixels from -1 to 1, outputs bent by tanh: white is 1, black -1, as the images
    of many generative models have it (Radford, Metz & Chintala 2016).

    Differences are twice as large as on the usual scale: with the same sigma a squared error weighs four times as much,
    an absolute one twice.
    """

    inner: Pointwise

    @property
    def normalised(self) -> bool:
        return cast(Likelihood, self.inner).normalised

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        return self.inner.nll_per_value(torch.tanh(raw), 2 * x - 1)

    def mean(self, raw: Tensor) -> Tensor:
        return (self.inner.mean(torch.tanh(raw)) + 1) / 2


PIXEL_RANGES: dict[str, Callable[[Likelihood], Likelihood]] = {
    "0 to 1": lambda usual: usual,
    "0 to 255": ScaledTo255,
    "-1 to 1": lambda usual: Symmetric(cast(Pointwise, usual)),
}
SYMMETRIC_LIKELIHOODS = ("gaussian", "laplace")  # those that have values below 0
