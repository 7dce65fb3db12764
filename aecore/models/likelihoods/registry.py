"""The likelihoods there are, by name, and the one of a run."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from aecore.data.modalities import Modality, Table
from aecore.models.likelihoods.observed_only import ObservedOnly
from aecore.models.likelihoods.per_column import PerColumn
from aecore.models.likelihoods.pixel_ranges import PIXEL_RANGES
from aecore.models.likelihoods.pointwise import Bernoulli, Gaussian, Laplace, Likelihood, Pointwise
from aecore.models.likelihoods.ssim import build_ssim

LIKELIHOODS: dict[str, Callable[[Modality], Likelihood]] = {
    "bernoulli": lambda modality: Bernoulli(),
    "gaussian": lambda modality: Gaussian(),
    "laplace": lambda modality: Laplace(),
    "ssim": build_ssim,
    "per-column": lambda modality: PerColumn(cast(Table, modality)),
}


def build_likelihood(name: str, pixel_range: str, modality: Modality) -> Likelihood:
    """The likelihood of a run: values that are missing are skipped where a sample may have such."""
    made = LIKELIHOODS[name](modality)
    if modality.has_missing and not made.skips_missing:
        made = cast(Likelihood, ObservedOnly(cast(Pointwise, made)))
    return PIXEL_RANGES[pixel_range](made)
