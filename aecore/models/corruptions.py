"""Corruptions: noises that pictures are put through, on any device."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor


def gaussian(x: Tensor, strength: float | Tensor) -> Tensor:
    """Normal noise of standard deviation `strength` (1 is the whole range from black to white), clipped."""
    return (x + strength * torch.randn_like(x)).clamp(0, 1)


def _pixels(x: Tensor) -> Tensor:
    """Uniform numbers `[B, 1, H, W]`: a pixel is hit in all its colours or in none."""
    return torch.rand_like(x[:, :1])


def masking(x: Tensor, strength: float | Tensor) -> Tensor:
    """A share `strength` of the pixels is put to black (Vincent et al. 2008)."""
    return x * (_pixels(x) >= strength)


def salt_and_pepper(x: Tensor, strength: float | Tensor) -> Tensor:
    """A share `strength` of the pixels becomes black or white, half of them each."""
    chance = _pixels(x)
    return torch.where(chance < strength / 2, 0.0, torch.where(chance < strength, 1.0, x))


def dropout(x: Tensor, strength: float) -> Tensor:
    """A share `strength` of the pixels is put to black and the others are made brighter by 1 / (1 - strength), so that
    the sum stays the same on average: masking as nn.Dropout does it. Values can pass 1."""
    return masking(x, strength) / max(1 - strength, 1e-3)


CORRUPTIONS: dict[str, Callable[[Tensor, float], Tensor]] = {
    "gaussian": gaussian,
    "masking": masking,
    "salt-and-pepper": salt_and_pepper,
    "dropout": dropout,
}


def mixed(x: Tensor, strength: float) -> Tensor:
    """Each picture gets Gaussian noise, masking, or salt and pepper, at a strength anywhere between none and this."""
    kind, strengths = torch.randint(3, (len(x), 1, 1, 1), device=x.device), strength * torch.rand_like(x[:, :1, :1, :1])
    hit, salted = (spoil(x, strengths) for spoil in (masking, salt_and_pepper))
    return torch.where(kind == 0, gaussian(x, strengths), torch.where(kind == 1, hit, salted))


# what models may be trained with: one that has met all of them at many strengths can be asked about any
LEARNT: dict[str, Callable[[Tensor, float], Tensor]] = CORRUPTIONS | {"mixed": mixed}


def corrupted(pictures: np.ndarray, noise: str, strength: float, seed: int) -> np.ndarray:
    """`pictures` float32 `[N, C, H, W]` under one of the noises; the same seed gives the same noise."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return CORRUPTIONS[noise](torch.from_numpy(pictures), strength).numpy()
