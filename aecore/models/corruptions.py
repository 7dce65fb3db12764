"""Corruptions: noises that images are put through, on any device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from aecore.models.rng import seeded


def gaussian(x: Tensor, level: float | Tensor) -> Tensor:
    """Normal noise of standard deviation `level` (1 is the whole range from black to white), clipped."""
    return (x + level * torch.randn_like(x)).clamp(0, 1)


def _uniform_per_pixel(x: Tensor) -> Tensor:
    """Uniform numbers `[B, 1, H, W]`: a pixel is hit in all its colours or in none."""
    return torch.rand_like(x[:, :1])


def masking(x: Tensor, level: float | Tensor) -> Tensor:
    """A share `level` of the pixels is put to black (Vincent et al. 2008)."""
    return x * (_uniform_per_pixel(x) >= level)


def salt_and_pepper(x: Tensor, level: float | Tensor) -> Tensor:
    """A share `level` of the pixels becomes black or white, half of them each."""
    chance = _uniform_per_pixel(x)
    return torch.where(chance < level / 2, 0.0, torch.where(chance < level, 1.0, x))


def dropout(x: Tensor, level: float) -> Tensor:
    """A share `level` of the pixels is put to black and the others are made brighter by 1 / (1 - level), so that
    the sum stays the same on average: masking as nn.Dropout does it. Values can pass 1."""
    return masking(x, level) / max(1 - level, 1e-3)


CORRUPTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "gaussian": gaussian,
    "masking": masking,
    "salt-and-pepper": salt_and_pepper,
    "dropout": dropout,
}


def random_mixture(x: Tensor, level: float) -> Tensor:
    """Each image gets Gaussian noise, masking, or salt and pepper, at a strength anywhere between none and this."""
    kind, strengths = torch.randint(3, (len(x), 1, 1, 1), device=x.device), level * torch.rand_like(x[:, :1, :1, :1])
    hit, salted = (spoil(x, strengths) for spoil in (masking, salt_and_pepper))
    return torch.where(kind == 0, gaussian(x, strengths), torch.where(kind == 1, hit, salted))


# what models may be trained with: one that has met all of them at many strengths can be asked about any
TRAINING_CORRUPTIONS: dict[str, Callable[[Tensor, float], Tensor]] = CORRUPTIONS | {"mixed": random_mixture}


def corrupt_images(images: np.ndarray, corruption: str, level: float, seed: int) -> np.ndarray:
    """`images` float32 `[N, C, H, W]` under one of the noises; the same seed gives the same noise."""
    with seeded(seed):
        return CORRUPTIONS[corruption](torch.from_numpy(images), level).numpy()
