"""Corruptions: noises that samples are put through, on any device.

A modality says what is hit together (all colours of a pixel, all channels of a moment, a column), to what a value is
set at most, and whether values are clipped. Without one, `[B, C, H, W]` are images.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from aecore.data.modalities import Image, Modality
from aecore.models.rng import seeded


def gaussian(x: Tensor, level: float | Tensor, modality: Modality | None = None) -> Tensor:
    """Normal noise of standard deviation `level` (for images 1 is the whole range from black to white)."""
    noisy: Tensor = (modality or Image(*x.shape[1:])).clip(x + level * torch.randn_like(x))
    return noisy


def _uniform(x: Tensor, modality: Modality | None) -> Tensor:
    """Uniform numbers that broadcast to `x`: what belongs together gets the same."""
    kind = modality or Image(*x.shape[1:])
    return kind.broadcast_positions(torch.rand(len(x), *kind.position_shape, dtype=x.dtype, device=x.device))


def masking(x: Tensor, level: float | Tensor, modality: Modality | None = None) -> Tensor:
    """A share `level` of the values is put to 0: black, or the mean (Vincent et al. 2008)."""
    return x * (_uniform(x, modality) >= level)


def salt_and_pepper(x: Tensor, level: float | Tensor, modality: Modality | None = None) -> Tensor:
    """A share `level` of the values becomes the least or the greatest that there is, half of them each; what is missing
    stays so."""
    chance, (low, high) = _uniform(x, modality), (modality or Image).value_range
    salted = torch.where(chance < level / 2, low, torch.where(chance < level, high, x))
    return torch.where(x.isnan(), x, salted) if modality and modality.has_missing else salted


def dropout(x: Tensor, level: float, modality: Modality | None = None) -> Tensor:
    """A share `level` of the values is put to 0 and the others are multiplied by 1 / (1 - level), so that the sum stays
    the same on average: masking as nn.Dropout does it. Pixels can pass 1."""
    return masking(x, level, modality) / max(1 - level, 1e-3)


Corruption = Callable[[Tensor, float, Modality | None], Tensor]

CORRUPTIONS: dict[str, Corruption] = {
    "gaussian": gaussian,
    "masking": masking,
    "salt-and-pepper": salt_and_pepper,
    "dropout": dropout,
}


def random_mixture(x: Tensor, level: float, modality: Modality | None = None) -> Tensor:
    """Each sample gets Gaussian noise, masking, or salt and pepper, at a strength anywhere between none and this."""
    one = (len(x), *(1 for _ in x.shape[1:]))
    kind = torch.randint(3, one, device=x.device)
    strengths = level * torch.rand(one, dtype=x.dtype, device=x.device)
    hit, salted = (spoil(x, strengths, modality) for spoil in (masking, salt_and_pepper))
    return torch.where(kind == 0, gaussian(x, strengths, modality), torch.where(kind == 1, hit, salted))


# what models may be trained with: one that has met all of them at many strengths can be asked about any
TRAINING_CORRUPTIONS: dict[str, Corruption] = CORRUPTIONS | {"mixed": random_mixture}


def corrupt(x: np.ndarray, corruption: str, level: float, seed: int, modality: Modality | None = None) -> np.ndarray:
    """`x` float32 `[N, *shape]` under one of the noises; the same seed gives the same noise."""
    with seeded(seed):
        return CORRUPTIONS[corruption](torch.from_numpy(x), level, modality).numpy()
