"""Units: how often each number of a sparse code is active, and what each of them adds to an image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.models.families.registry import get_family
from aecore.models.latents import SparseLatent

N_EVAL_IMAGES = 2000  # test images that are asked: the first ones
DEAD_STD = 0.01  # standard deviation below which a unit that is never quite 0 says nothing


def activation_kind(run: LoadedModel) -> tuple[bool, float]:
    """Whether units are smooth (between 0 and 1 and, but for rounding, never quite either: a sigmoid's), and the share
    of them that the bottleneck puts to 0 for any image. Asked of the bottleneck alone, with -1 for each unit."""
    latent = _code_of_minus_one(run)
    return bool(((latent.code > 0) & (latent.code < 1)).all()), latent.sparsity_by_design


def is_per_batch(run: LoadedModel) -> bool:
    """Whether training kept so many activations of a batch, not of each code."""
    return _code_of_minus_one(run).per_batch


@torch.inference_mode()
def _code_of_minus_one(run: LoadedModel) -> SparseLatent:
    bottleneck = run.model.bottleneck
    latent = bottleneck(-torch.ones(1, bottleneck.in_features, device=next(run.model.parameters()).device))
    assert isinstance(latent, SparseLatent)
    return latent


def is_active(codes: np.ndarray, is_sigmoid: bool) -> np.ndarray:
    """Which numbers of `codes` [N, D] count as active, bool [N, D]: all but exact zeros; in a smooth code those nearer
    to 1 than to 0."""
    return codes > 0.5 if is_sigmoid else codes != 0


def is_dead(codes: np.ndarray, is_sigmoid: bool) -> np.ndarray:
    """Which units say nothing of any image, bool [D]: 0 for all of them; in a smooth code hardly varying."""
    return codes.std(axis=0, dtype=np.float64) < DEAD_STD if is_sigmoid else ~(codes != 0).any(axis=0)


def baseline_code(codes: np.ndarray, is_sigmoid: bool) -> np.ndarray:
    """The code [D] that says nothing: all units at 0; in a smooth code, where 0 can be a loud word too, at their
    medians."""
    return np.median(codes, axis=0) if is_sigmoid else np.zeros_like(codes[0])


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """How sparse the codes of the first N_EVAL_IMAGES test images are.

    is_sigmoid          whether the activation is a sigmoid, which is never 0
    zero_share          share of all activations that are exactly 0; sparsity_by_design: that are 0 whatever is learnt
    active_per_sample   active units of a sample, on average
    rho_hat             over units: the mean, least and largest mean activation; rho: its target, or None
    """
    codes = run.encode(test.to_float(slice(N_EVAL_IMAGES)), test.y[:N_EVAL_IMAGES])
    smooth, by_design = activation_kind(run)
    rates, rho = codes.mean(axis=0, dtype=np.float64), get_family(run.config.family).target(run.config.params)
    return {
        "n_samples": len(codes),
        "n_units": codes.shape[1],
        "is_sigmoid": smooth,
        "zero_share": float((codes == 0).mean()),
        "sparsity_by_design": by_design,
        "active_per_sample": float(is_active(codes, smooth).sum(axis=1).mean()),
        "dead_units": int(is_dead(codes, smooth).sum()),
        "rho_hat": {"mean": float(rates.mean()), "min": float(rates.min()), "max": float(rates.max())},
        "rho": rho,
    }


# Atoms


@dataclass(frozen=True, eq=False)
class Atoms:
    """The units that say most of one image, the strongest first, and what each draws alone."""

    units: np.ndarray  # int [n], numbered from 0
    activations: np.ndarray  # [n]
    single_unit_images: np.ndarray  # [n, C, H, W], all other units at rest
    baseline_image: np.ndarray  # [C, H, W], all units at rest

    @property
    def contributions(self) -> np.ndarray:
        """What each unit adds to the image of no unit, [n, C, H, W]; negative where it darkens."""
        return self.single_unit_images - self.baseline_image


def by_contribution(code: np.ndarray, baseline: np.ndarray) -> np.ndarray:
    """The units of a code [D] that are not at rest, int [n]: the one furthest from it first."""
    strength = np.abs(code - baseline)
    order = np.argsort(-strength, kind="stable")
    return order[strength[order] > 0]


def atoms(run: LoadedModel, code: np.ndarray, baseline: np.ndarray, max_atoms: int = 8) -> Atoms:
    """The `max_atoms` strongest units of a code [D]; `baseline` [D] is the code that says nothing."""
    units = by_contribution(code, baseline)[:max_atoms]
    lone = np.tile(baseline, (len(units) + 1, 1))
    lone[range(len(units)), units] = code[units]
    drawn = run.decode(lone)
    return Atoms(units, code[units], drawn[:-1], drawn[-1])


def progressive_reconstruction(
    run: LoadedModel, code: np.ndarray, baseline: np.ndarray, counts: tuple[int, ...] = (0, 1, 2, 4, 8, 16)
) -> tuple[list[int], np.ndarray]:
    """How an image builds up: numbers of units [n], the last of which is all that are not at rest, and what the code
    [D] draws with only so many of the strongest, [n, C, H, W]."""
    order = by_contribution(code, baseline)
    steps = [*(count for count in counts if count < len(order)), len(order)]
    codes = np.tile(baseline, (len(steps), 1))
    for row, count in enumerate(steps):
        codes[row, order[:count]] = code[order[:count]]
    return steps, run.decode(codes)
