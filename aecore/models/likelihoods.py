"""Likelihoods: what the decoder's raw numbers mean, and how surprised they are by an image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Likelihood(Protocol):
    """p(x | z). `raw` is what the decoder returns, `x` the image in [0, 1]; both `[B, *shape]`."""

    @property
    def normalised(self) -> bool:
        """Whether `nll` leaves no constant out, so that sums of it are bounds on log p(x) itself."""
        ...

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        """-log p(x | z) in nats, summed over pixels: `[B]`."""
        ...

    def mean(self, raw: Tensor) -> Tensor:
        """The expected image, `[B, *shape]`."""
        ...

    def out_of_support(self, x: Tensor) -> Tensor:
        """Which pixel values of `x` it can never have made, bool as `x`."""
        ...


@dataclass(frozen=True)
class Bernoulli:
    """Each pixel is the probability of white; the loss is binary cross-entropy (BCE).

    A gray pixel never reaches zero loss: the floor is its own entropy, 0.69 nats at 0.5.
    """

    normalised = True

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(raw, x, reduction="none").flatten(1).sum(1)

    def mean(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw)

    def out_of_support(self, x: Tensor) -> Tensor:
        return (x < 0) | (x > 1)


@dataclass(frozen=True)
class Gaussian:
    """Each pixel is the mean of a normal with one fixed standard deviation; the loss is squared error (MSE).

    With sigma 0.2 the loss is 12.5 times the summed squared error, plus a constant that is left out. Sigma sets how
    much a wrong pixel weighs against the KL of a VAE; sigma = sqrt(1/2), the "MSE + KL" of many tutorials, collapses a
    VAE on small images.
    """

    sigma: float = 0.2
    normalised = False

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return (raw - x).square().flatten(1).sum(1) / (2 * self.sigma**2)

    def mean(self, raw: Tensor) -> Tensor:
        return raw

    def out_of_support(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x, dtype=torch.bool)


@dataclass(frozen=True)
class Laplace:
    """Each pixel is the median of a Laplace distribution of one fixed width; the loss is absolute error (MAE).

    With width 0.15 the loss is 6.7 times the summed absolute error, plus a constant that is left out. One pixel that is
    far off weighs less than in squared error.
    """

    scale: float = 0.15
    normalised = False

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return (raw - x).abs().flatten(1).sum(1) / self.scale

    def mean(self, raw: Tensor) -> Tensor:
        return raw

    def out_of_support(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x, dtype=torch.bool)


LIKELIHOODS: dict[str, Likelihood] = {"bernoulli": Bernoulli(), "gaussian": Gaussian(), "laplace": Laplace()}


@dataclass(frozen=True)
class ScaledTo255:
    """Another likelihood, asked about pixels as files have them: white is 255. A mistake that is easily made, and a
    lesson: a Bernoulli's loss has no floor then, and its images stay black."""

    inner: Likelihood

    @property
    def normalised(self) -> bool:
        return self.inner.normalised

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return self.inner.nll(raw, 255 * x)

    def mean(self, raw: Tensor) -> Tensor:
        return self.inner.mean(raw) / 255

    def out_of_support(self, x: Tensor) -> Tensor:
        return self.inner.out_of_support(255 * x)


# what the pixels of images in [0, 1] are to the loss
PIXEL_RANGES: dict[str, Callable[[Likelihood], Likelihood]] = {"0 to 1": lambda usual: usual, "0 to 255": ScaledTo255}
