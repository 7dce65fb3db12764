"""Codebooks: each position of a code holds one of K vectors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.models.bottlenecks.bottleneck import Bottleneck, Traversal
from aecore.models.latents import Quantized

DEAD_SHARE = 0.02  # of an equal share of all choices: a vector that is taken less often counts as unused


def _autocast_disabled(device: torch.device) -> AbstractContextManager[Any]:
    """Inside, nothing is computed in half precision; torch's meta device knows none."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


class Quantizer(Bottleneck):
    """Each of S positions holds one of K vectors of d numbers: that nearest to what the encoder said.

    Gradients pass straight through the choice (Bengio, Leonard & Courville 2013). On a `grid`, whose height and width
    are those of the map that the encoder gives, channels first, the positions are its places, row by row: where there
    are more positions than places, each place has equally many of them side by side.
    """

    ema_counts: Tensor  # [S, K], moving averages of how often a position took a vector
    standard_normal_prior = False

    def __init__(
        self,
        n_positions: int,
        codebook_size: int,
        embedding_dim: int,
        decay: float = 0.99,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__()
        self.in_features = self.out_features = n_positions * embedding_dim
        self.n_positions, self.embedding_dim, self.decay, self.grid = n_positions, embedding_dim, decay, grid
        self.register_buffer("ema_counts", torch.ones(n_positions, codebook_size) / codebook_size)

    @property
    def codebook(self) -> Tensor:
        """The vectors, `[K, d]`."""
        raise NotImplementedError

    @property
    def codebook_size(self) -> int:
        """K, how many vectors there are."""
        return self.ema_counts.shape[1]

    @property
    def bits(self) -> float:
        """Each position is stored as the index of its vector: log2 K bits."""
        return self.n_positions * math.log2(self.codebook_size)

    def forward(self, h: Tensor) -> Quantized:
        learning = self.training and torch.is_grad_enabled()
        encoded = self.bound(self.to_positions(h.to(self.ema_counts.dtype)))
        if learning:
            self.prepare(encoded.detach())
        indices = self.quantize_indices(encoded)
        quantized = nn.functional.embedding(indices, self.codebook)
        if learning:
            self.follow(encoded.detach(), indices)
        z = encoded + (quantized - encoded).detach()
        code = quantized.detach().flatten(1)
        return Quantized(z.flatten(1), code, encoded, quantized, indices, self.codebook_size)

    def to_positions(self, h: Tensor) -> Tensor:
        """What the encoder gave `[B, S d]`, position by position: `[B, S, d]`."""
        if self.grid:
            h = h.unflatten(1, (-1, math.prod(self.grid))).transpose(1, 2).flatten(1)
        return h.unflatten(1, (self.n_positions, self.embedding_dim))

    def decoder_input(self, z: Tensor) -> Tensor:
        """Codes `[B, S d]`; on a grid as a map, channels first."""
        return z.unflatten(1, (math.prod(self.grid), -1)).transpose(1, 2).flatten(1) if self.grid else z

    def bound(self, encoded: Tensor) -> Tensor:
        """What is quantised, `[B, S, d]`: what the encoder said unless said otherwise."""
        return encoded

    def prepare(self, encoded: Tensor) -> None:
        """What has to be done in a step of training before vectors are chosen: nothing unless said otherwise."""

    @torch.no_grad()
    def follow(self, encoded: Tensor, indices: Tensor) -> None:
        """Takes note in a step of training of what was chosen."""
        self.ema_counts.lerp_(self.assignments(indices).mean(0), 1 - self.decay)

    def assignments(self, indices: Tensor) -> Tensor:
        """Choices `[B, S]` as zeros and ones, `[B, S, K]`."""
        return self.ema_counts.new_zeros(*indices.shape, self.codebook_size).scatter_(2, indices[..., None], 1)

    def quantize_indices(self, encoded: Tensor) -> Tensor:
        """The numbers of the nearest vectors of the codebook: `[B, S, d] -> [B, S]`."""
        # the mode is named because choosing it by the number of rows would tie an exported model to one batch size
        said, vectors = encoded.detach().flatten(0, 1), self.codebook.detach()
        distances = torch.cdist(said, vectors, compute_mode="use_mm_for_euclid_dist")
        return distances.argmin(1).view(encoded.shape[:2])

    def lookup(self, indices: Tensor) -> Tensor:
        """The codes `[B, D]` of vectors by their numbers `[B, S]`."""
        return self.codebook.detach()[indices].flatten(1)

    def project(self, codes: Tensor) -> Tensor:
        return self.lookup(self.quantize_indices(codes.unflatten(1, (self.n_positions, self.embedding_dim))))

    def sample_prior(self, n: int) -> Tensor:
        """Each position drawn by how often it took each vector; what positions have to do with each other is not
        known."""
        drawn = torch.multinomial(self.ema_counts.cpu(), n, replacement=True).T  # [n, S]
        return self.codebook.detach().cpu()[drawn].flatten(1)

    @torch.no_grad()
    def traversals(self, codes: np.ndarray, dims: Sequence[int]) -> list[Traversal]:
        """Each position, whatever `dims`, goes from the entry that it takes most often to its second; the others keep
        their first."""
        taken = self.quantize_indices(
            torch.from_numpy(codes).to(self.ema_counts).unflatten(1, (self.n_positions, self.embedding_dim))
        )
        counts = torch.stack([torch.bincount(column, minlength=self.codebook_size) for column in taken.T])  # [S, K]
        first, second = counts.topk(2).indices.T.unbind()  # of each position
        start = self.lookup(first[None])[0].cpu().numpy()
        found = []
        for position in range(self.n_positions):
            changed = first.clone()
            changed[position] = second[position]
            ends = (float(first[position]), float(second[position]))
            found.append(
                Traversal(f"position {position + 1}", ends, start, self.lookup(changed[None])[0].cpu().numpy())
            )
        return found

    @property
    def perplexity(self) -> float:
        """How many vectors are in use: exp of the entropy of their frequencies, 1 to K."""
        share = self.ema_counts.sum(0) / self.ema_counts.sum()
        return float(torch.special.entr(share).sum().exp())

    def dead(self) -> Tensor:
        """Which vectors hardly any position took of late, bool `[K]`."""
        return self.ema_counts.sum(0) < DEAD_SHARE * self.n_positions / self.codebook_size


def random_rows(matrix: Tensor, count: int) -> Tensor:
    """`count` rows of a matrix `[N, d]`, drawn with replacement."""
    return matrix[torch.randint(len(matrix), (count,), device=matrix.device)]


class FreeQuantizer(Quantizer):
    """A codebook whose vectors lie anywhere: the first ones where the encoder is. With `reset_dead_codes` one that
    hardly anything is assigned to is put there again."""

    embedding: Tensor  # [K, d]
    initialised: Tensor

    def __init__(
        self,
        n_positions: int,
        codebook_size: int,
        embedding_dim: int,
        decay: float = 0.99,
        reset_dead_codes: bool = True,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(n_positions, codebook_size, embedding_dim, decay, grid)
        self.reset_dead_codes = reset_dead_codes
        # on the CPU to begin with, for it is asked in each step: on torch's meta device there would be no answer
        self.register_buffer("initialised", torch.tensor(False, device="cpu"))

    @property
    def codebook(self) -> Tensor:
        return self.embedding


class VectorQuantizer(FreeQuantizer):
    """Vectors that follow the means of what is assigned to them, by moving averages (VQ-VAE, van den Oord et al. 2017,
    appendix A.1); one that nothing is assigned to any more is put where the encoder is."""

    ema_sums: Tensor  # [K, d], moving averages of what was assigned

    def __init__(self, n_positions: int, codebook_size: int, embedding_dim: int, *settings: Any, **more: Any) -> None:
        super().__init__(n_positions, codebook_size, embedding_dim, *settings, **more)
        self.register_buffer("embedding", torch.randn(codebook_size, embedding_dim))
        self.register_buffer("ema_sums", self.embedding.clone())

    @torch.no_grad()
    def prepare(self, encoded: Tensor) -> None:
        """The first vectors are those of the first batch."""
        if not self.initialised:
            self.embedding.copy_(random_rows(encoded.flatten(0, 1), self.codebook_size))
            self.ema_sums.copy_(
                self.embedding * self.n_positions / self.codebook_size
            )  # as if each were taken equally often
            self.initialised.fill_(True)

    @torch.no_grad()
    def follow(self, encoded: Tensor, indices: Tensor) -> None:
        """One step of the moving averages, in shares of a batch."""
        taken, vectors = self.assignments(indices), encoded.flatten(0, 1)
        self.ema_counts.lerp_(taken.mean(0), 1 - self.decay)
        with _autocast_disabled(vectors.device):  # averages of small steps need all their bits
            self.ema_sums.lerp_(taken.flatten(0, 1).T @ vectors / len(encoded), 1 - self.decay)
        if self.reset_dead_codes:
            dead, equal = self.dead(), self.n_positions / self.codebook_size
            fresh = random_rows(vectors, self.codebook_size)
            self.ema_sums.copy_(torch.where(dead[:, None], equal * fresh, self.ema_sums))
            self.ema_counts.copy_(torch.where(dead, 1 / self.codebook_size, self.ema_counts))
        weight = self.ema_counts.sum(0)  # [K], adds up to S
        self.embedding.copy_(self.ema_sums / weight.clamp_min(1e-6)[:, None])


class GradientVectorQuantizer(FreeQuantizer):
    """Vectors that are weights: the codebook loss pulls each to what was assigned to it (van den Oord et al. 2017,
    equation 3). The first ones are outputs of the encoder, and one that hardly anything is assigned to is put there
    again."""

    def __init__(self, n_positions: int, codebook_size: int, embedding_dim: int, *settings: Any, **more: Any) -> None:
        super().__init__(n_positions, codebook_size, embedding_dim, *settings, **more)
        self.embedding = nn.Parameter(torch.randn(codebook_size, embedding_dim))

    @torch.no_grad()
    def prepare(self, encoded: Tensor) -> None:
        vectors = encoded.flatten(0, 1)
        if not self.initialised:
            self.embedding.copy_(random_rows(vectors, self.codebook_size))
            self.initialised.fill_(True)
        elif self.reset_dead_codes:
            dead = self.dead()
            fresh = random_rows(vectors, self.codebook_size)
            self.embedding.copy_(torch.where(dead[:, None], fresh, self.embedding))
            self.ema_counts.copy_(torch.where(dead, 1 / self.codebook_size, self.ema_counts))


class SimVQ(Quantizer):
    """Vectors that a learned linear map makes of fixed random ones: a step moves all of them, used or not, so that none
    dies (Zhu et al. 2024)."""

    embedding: Tensor  # [K, d], drawn once

    def __init__(
        self,
        n_positions: int,
        codebook_size: int,
        embedding_dim: int,
        decay: float = 0.99,
        grid: tuple[int, int] | None = None,
    ) -> None:
        super().__init__(n_positions, codebook_size, embedding_dim, decay, grid)
        self.register_buffer("embedding", torch.randn(codebook_size, embedding_dim))
        self.projection = nn.Linear(embedding_dim, embedding_dim, bias=False)

    @property
    def codebook(self) -> Tensor:
        vectors: Tensor = self.projection(self.embedding)
        return vectors
