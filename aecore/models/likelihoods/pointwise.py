"""What a likelihood is, and those under which all values are of one kind and independent, given the code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor


class Likelihood(Protocol):
    """p(x | z). `raw` is what the decoder returns, `x` the sample as networks get it; both `[B, *shape]`."""

    @property
    def normalised(self) -> bool:
        """Whether `nll` leaves no constant out, so that sums of it are bounds on log p(x) itself."""
        ...

    @property
    def skips_missing(self) -> bool:
        """Whether `x` may hold NaN, which costs nothing and teaches nothing."""
        ...

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        """-log p(x | z) in nats, summed over the values of a sample: `[B]`."""
        ...

    def mean(self, raw: Tensor) -> Tensor:
        """The expected sample, `[B, *shape]`."""
        ...

    def out_of_support(self, x: Tensor) -> Tensor:
        """Which values of `x` it can never have made, bool as `x`."""
        ...


class Pointwise:
    """A likelihood under which the values of a sample are independent, given its code."""

    skips_missing = False

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        """-log p of each value, in nats, as `x`."""
        raise NotImplementedError

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return self.nll_per_value(raw, x).flatten(1).sum(1)

    def mean(self, raw: Tensor) -> Tensor:
        return raw

    def out_of_support(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x, dtype=torch.bool)


@dataclass(frozen=True)
class Bernoulli(Pointwise):
    """Each value is the probability of one (white); the loss is binary cross-entropy (BCE).

    A gray pixel never reaches zero loss: the floor is its own entropy, 0.69 nats at 0.5.
    """

    normalised = True

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(raw, x, reduction="none")

    def mean(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw)

    def out_of_support(self, x: Tensor) -> Tensor:
        return (x < 0) | (x > 1)


@dataclass(frozen=True)
class Gaussian(Pointwise):
    """Each value is the mean of a normal with one fixed standard deviation; the loss is squared error (MSE).

    With sigma 0.2 the loss is 12.5 times the summed squared error, plus a constant that is left out. Sigma sets how
    much a wrong pixel weighs against the KL of a VAE; sigma = sqrt(1/2), the "MSE + KL" of many tutorials, collapses a
    VAE on small images.
    """

    sigma: float = 0.2
    normalised = False

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        return (raw - x).square() / (2 * self.sigma**2)

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return (raw - x).square().flatten(1).sum(1) / (2 * self.sigma**2)  # one division for a sample


@dataclass(frozen=True)
class Laplace(Pointwise):
    """Each value is the median of a Laplace distribution of one fixed width; the loss is absolute error (MAE).

    With width 0.15 the loss is 6.7 times the summed absolute error, plus a constant that is left out. One value that is
    far off weighs less than in squared error.
    """

    scale: float = 0.15
    normalised = False

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        return (raw - x).abs() / self.scale

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return (raw - x).abs().flatten(1).sum(1) / self.scale
