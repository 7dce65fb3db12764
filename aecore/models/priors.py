"""Priors: distributions that codes can be asked to follow. Each samples codes `[n, D]`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated, Literal

import torch
from torch import Tensor

from aecore.params import ParamInfo

PriorName = Annotated[
    Literal["gaussian", "ring", "square", "mixture"],
    ParamInfo(
        "The prior that the aggregate posterior should match; ring, square and mixture shape the first two dimensions.",
        symbol="p(z)",
        paper="imposed prior",
    ),
]
Prior = Callable[[int, int], Tensor]


def gaussian(n: int, dimensions: int) -> Tensor:
    """The standard normal."""
    return torch.randn(n, dimensions)


def _on_circle(n: int, dimensions: int, angles: Tensor, radius: float, spread: float) -> Tensor:
    """Points near a circle in the first two dimensions, normal in the others."""
    codes = torch.randn(n, dimensions)
    circle = torch.stack([angles.cos(), angles.sin()], 1)[:, :dimensions]
    codes[:, :2] = radius * circle + spread * codes[:, :2]
    return codes


def ring(n: int, dimensions: int) -> Tensor:
    """A ring of radius 2, 0.2 wide, in the first two dimensions; normal in the others."""
    return _on_circle(n, dimensions, 2 * math.pi * torch.rand(n), 2.0, 0.2)


def square(n: int, dimensions: int) -> Tensor:
    """Uniform on a square about 0 in the first two dimensions, its side the root of 12, so that each has variance 1;
    normal in the others."""
    codes = torch.randn(n, dimensions)
    codes[:, :2] = math.sqrt(12) * (torch.rand(n, min(2, dimensions)) - 0.5)
    return codes


def mixture(n: int, dimensions: int) -> Tensor:
    """Ten small normals on a circle of radius 3 in the first two dimensions; normal in the others."""
    return _on_circle(n, dimensions, 2 * math.pi * torch.randint(10, (n,)) / 10, 3.0, 0.35)


PRIORS: dict[str, Prior] = {"gaussian": gaussian, "ring": ring, "square": square, "mixture": mixture}
