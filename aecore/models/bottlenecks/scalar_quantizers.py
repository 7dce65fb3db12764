"""Codebooks without vectors to learn: each number of a position is rounded by itself."""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor

from aecore.models.bottlenecks.quantizer import Quantizer

MIN_LEVELS = 5  # of each number, where one does not hold them all (Mentzer et al. 2023, section 4.1)


@lru_cache(maxsize=64)
def fsq_levels(codebook_size: int) -> tuple[int, ...]:
    """How many levels each number of a position has, the most first: as many numbers of `MIN_LEVELS` or more as there
    can be, whose product is closest to `codebook_size`; of equally close ones the most even.

    Examples
    --------
    >>> fsq_levels(64), fsq_levels(1024)
    ((8, 8), (8, 5, 5, 5))
    """
    numbers = 1
    while MIN_LEVELS ** (numbers + 1) <= codebook_size:
        numbers += 1
    if numbers == 1:
        return (codebook_size,)
    return min(
        _products(numbers, MIN_LEVELS, 2 * codebook_size), key=lambda each: (abs(math.prod(each) - codebook_size), each)
    )


def _products(numbers: int, least: int, most: int) -> list[tuple[int, ...]]:
    """All falling tuples of so many whole numbers of `least` or more whose product is at most `most`."""
    if not numbers:
        return [()]
    return [
        (*rest, first)
        for first in range(least, int(most ** (1 / numbers) + 1e-9) + 1)
        for rest in _products(numbers - 1, first, most // first)
    ]


def lfq_bits(codebook_size: int) -> int:
    """How many signs a position has: 2 to this power is the power of 2 closest to `codebook_size` by its logarithm."""
    return max(1, round(math.log2(codebook_size)))


class ScalarQuantizer(Quantizer):
    """Positions of a few numbers, each of which takes one of some levels, equally spaced over [-1, 1]: the codebook is
    every combination of levels, and nothing of it is learned."""

    embedding: Tensor  # [K, d], the combinations

    def __init__(
        self, n_positions: int, levels: tuple[int, ...], decay: float = 0.99, grid: tuple[int, int] | None = None
    ) -> None:
        super().__init__(n_positions, math.prod(levels), len(levels), decay, grid)
        self.levels = levels
        axes = (torch.linspace(-1, 1, each) for each in levels)
        self.register_buffer("embedding", torch.stack(torch.meshgrid(*axes, indexing="ij"), -1).flatten(0, -2))

    @property
    def codebook(self) -> Tensor:
        return self.embedding

    def quantize_indices(self, encoded: Tensor) -> Tensor:
        """The numbers of the nearest combinations, `[B, S, d] -> [B, S]`: each level is chosen by itself."""
        steps = encoded.new_tensor(self.levels) - 1
        chosen = ((encoded.detach().clamp(-1, 1) + 1) / 2 * steps).round().long().unbind(2)
        indices = chosen[0]
        for each, count in zip(chosen[1:], self.levels[1:], strict=True):
            indices = indices * count + each
        return indices


class FiniteScalarQuantizer(ScalarQuantizer):
    """FSQ (Mentzer et al. 2023): each number is bounded by a tanh and rounded. Levels lie symmetrically about 0, so
    that an even number of them needs no shift."""

    def __init__(
        self, n_positions: int, codebook_size: int, decay: float = 0.99, grid: tuple[int, int] | None = None
    ) -> None:
        super().__init__(n_positions, fsq_levels(codebook_size), decay, grid)

    def bound(self, encoded: Tensor) -> Tensor:
        return torch.tanh(encoded)


class LookupFreeQuantizer(ScalarQuantizer):
    """LFQ (Yu et al. 2023): of each number only the sign is kept."""

    def __init__(
        self, n_positions: int, codebook_size: int, decay: float = 0.99, grid: tuple[int, int] | None = None
    ) -> None:
        super().__init__(n_positions, lfq_bits(codebook_size) * (2,), decay, grid)
