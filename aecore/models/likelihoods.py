"""Likelihoods: what the decoder's raw numbers mean, and how surprised they are by a sample."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aecore.data.modalities import Column, Modality, Table


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


class PerColumn(Pointwise, nn.Module):
    """A table's columns, each by its kind: a number by a normal distribution whose scale is learnt, yes/no by a
    Bernoulli, a category by a categorical distribution (softmax), a cyclic number's sine and cosine by a normal one.

    The learnt scale is Rybkin, Daniilidis & Levine's (2021, sigma-VAE), one for each column; one head for each column
    and observed cells only are Nazabal, Olmos, Ghahramani & Valera's (2020, HI-VAE).
    """

    normalised = True
    skips_missing = True
    MIN_LOG_SCALE = math.log(
        0.01
    )  # a column that is copied would send its scale to zero and the loss to minus infinity

    def __init__(self, table: Table) -> None:
        super().__init__()
        self.groups = list(zip(table.columns, table.slices, strict=True))
        self.log_scale = nn.Parameter(torch.zeros(table.shape[0]))  # used where values are normal; [F]

    @property
    def log_scales(self) -> Tensor:
        """Of each value, `[F]`: natural logarithms of standard deviations, in those of the training rows."""
        return self.log_scale.clamp(self.MIN_LOG_SCALE, 3.0)

    def nll_per_value(self, raw: Tensor, x: Tensor) -> Tensor:
        """A category's surprise stands in the place of the value that it has; its others have none."""
        observed = ~x.isnan()
        known = torch.where(observed, x, 0.0)
        scales = self.log_scales.to(raw)
        parts = [self._column_nll(column, raw[:, at], known[:, at], scales[at]) for column, at in self.groups]
        return torch.where(observed, torch.cat(parts, 1), 0.0)

    def _column_nll(self, column: Column, raw: Tensor, x: Tensor, log_scale: Tensor) -> Tensor:
        if column.kind == "category":
            return -x * F.log_softmax(raw, 1)
        if column.kind == "boolean":
            return F.binary_cross_entropy_with_logits(raw, x, reduction="none")
        return 0.5 * (raw - x).square() * (-2 * log_scale).exp() + log_scale + 0.5 * math.log(2 * math.pi)

    def mean(self, raw: Tensor) -> Tensor:
        """Numbers as they are, the probability of yes, and of each category."""
        activation = {"category": lambda part: part.softmax(1), "boolean": torch.sigmoid}
        parts = [activation.get(column.kind, lambda part: part)(raw[:, at]) for column, at in self.groups]
        return torch.cat(parts, 1)


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


LIKELIHOODS: dict[str, Callable[[Modality], Likelihood]] = {
    "bernoulli": lambda modality: Bernoulli(),
    "gaussian": lambda modality: Gaussian(),
    "laplace": lambda modality: Laplace(),
    "per-column": lambda modality: PerColumn(cast(Table, modality)),
}


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


# what the pixels of images in [0, 1] are to the loss
PIXEL_RANGES: dict[str, Callable[[Likelihood], Likelihood]] = {"0 to 1": lambda usual: usual, "0 to 255": ScaledTo255}


def build_likelihood(name: str, pixel_range: str, modality: Modality) -> Likelihood:
    """The likelihood of a run: values that are missing are skipped where a sample may have such."""
    made = LIKELIHOODS[name](modality)
    if modality.has_missing and not made.skips_missing:
        made = cast(Likelihood, ObservedOnly(cast(Pointwise, made)))
    return PIXEL_RANGES[pixel_range](made)
