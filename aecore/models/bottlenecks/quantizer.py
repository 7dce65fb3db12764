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


def _autocast_disabled(device: torch.device) -> AbstractContextManager[Any]:
    """Inside, nothing is computed in half precision; torch's meta device knows none."""
    known = torch.amp.is_autocast_available(device.type)
    return torch.autocast(device.type, enabled=False) if known else nullcontext()


class VectorQuantizer(Bottleneck):
    """Each slot may hold one of K vectors: the nearest to what the encoder said (VQ-VAE, van den Oord et al. 2017).

    The vectors follow the means of what is assigned to them (moving averages); one that nothing is assigned to any more
    is put where the encoder is. Gradients pass straight through the choice.
    """

    embedding: Tensor  # [K, d]
    ema_counts: Tensor  # [S, K], moving averages of how often a slot took a vector
    ema_sums: Tensor  # [K, d], moving averages of what was assigned
    initialised: Tensor
    standard_normal_prior = False
    may_be_map = False

    def __init__(
        self,
        n_positions: int,
        codebook_size: int,
        embedding_dim: int,
        decay: float = 0.99,
        reset_dead_codes: bool = True,
    ) -> None:
        super().__init__()
        self.in_features = self.out_features = n_positions * embedding_dim
        self.n_positions, self.embedding_dim, self.decay, self.reset_dead_codes = (
            n_positions,
            embedding_dim,
            decay,
            reset_dead_codes,
        )
        self.register_buffer("embedding", torch.randn(codebook_size, embedding_dim))
        self.register_buffer("ema_counts", torch.ones(n_positions, codebook_size) / codebook_size)
        self.register_buffer("ema_sums", self.embedding.clone())
        # on the CPU to begin with, for it is asked in each step: on torch's meta device there would be no answer
        self.register_buffer("initialised", torch.tensor(False, device="cpu"))

    @property
    def bits(self) -> float:
        """Each slot is stored as the index of its vector: log2 K bits, K being how many vectors there are."""
        return self.n_positions * math.log2(len(self.embedding))

    def forward(self, h: Tensor) -> Quantized:
        encoded = h.to(self.embedding.dtype).unflatten(1, (self.n_positions, self.embedding_dim))  # [B, S, d]
        if self.training and torch.is_grad_enabled() and not self.initialised:
            self._init_from_batch(encoded.detach().flatten(0, 1))
        indices = self.quantize_indices(encoded)
        quantized = self.embedding[indices]
        if self.training and torch.is_grad_enabled():
            self._ema_update(encoded.detach(), indices)
        z = encoded + (quantized - encoded).detach()
        return Quantized(z.flatten(1), quantized.flatten(1), encoded, quantized, indices, len(self.embedding))

    def quantize_indices(self, encoded: Tensor) -> Tensor:
        """The numbers of the nearest vectors of the codebook: `[B, S, d] -> [B, S]`."""
        # the mode is named because choosing it by the number of rows would tie an exported model to one batch size
        distances = torch.cdist(encoded.flatten(0, 1), self.embedding, compute_mode="use_mm_for_euclid_dist")
        return distances.argmin(1).view(encoded.shape[:2])

    def project(self, codes: Tensor) -> Tensor:
        return self.embedding[
            self.quantize_indices(codes.unflatten(1, (self.n_positions, self.embedding_dim)))
        ].flatten(1)

    def sample_prior(self, n: int) -> Tensor:
        """Each slot drawn by how often it took each vector; what slots have to do with each other is not known."""
        drawn = torch.multinomial(self.ema_counts.cpu(), n, replacement=True).T  # [n, S]
        return self.embedding.cpu()[drawn].flatten(1)

    @torch.no_grad()
    def traversals(self, codes: np.ndarray, dims: Sequence[int]) -> list[Traversal]:
        """Each position, whatever `dims`, goes from the entry that it takes most often to its second; the others keep
        their first."""
        taken = self.quantize_indices(
            torch.from_numpy(codes).to(self.embedding).unflatten(1, (self.n_positions, self.embedding_dim))
        )
        counts = torch.stack([torch.bincount(column, minlength=len(self.embedding)) for column in taken.T])  # [S, K]
        first, second = counts.topk(2).indices.T.unbind()  # of each position
        start = self.embedding[first].flatten().cpu().numpy()
        found = []
        for position in range(self.n_positions):
            changed = first.clone()
            changed[position] = second[position]
            ends = (float(first[position]), float(second[position]))
            found.append(
                Traversal(f"position {position + 1}", ends, start, self.embedding[changed].flatten().cpu().numpy())
            )
        return found

    @property
    def perplexity(self) -> float:
        """How many vectors are in use: exp of the entropy of their frequencies, 1 to K."""
        share = self.ema_counts.sum(0) / self.ema_counts.sum()
        return float(torch.special.entr(share).sum().exp())

    @torch.no_grad()
    def _init_from_batch(self, vectors: Tensor) -> None:
        """The first vectors are those of the first batch."""
        self.embedding.copy_(vectors[torch.randint(len(vectors), (len(self.embedding),), device=vectors.device)])
        self.ema_sums.copy_(
            self.embedding * self.n_positions / len(self.embedding)
        )  # as if each were taken equally often
        self.initialised.fill_(True)

    @torch.no_grad()
    def _ema_update(self, encoded: Tensor, indices: Tensor) -> None:
        """One step of the moving averages (van den Oord et al. 2017, appendix A.1), in shares of a batch."""
        taken = nn.functional.one_hot(indices, len(self.embedding)).float()  # [B, S, K]
        vectors, flat = encoded.flatten(0, 1), taken.flatten(0, 1)
        self.ema_counts.lerp_(taken.mean(0), 1 - self.decay)
        with _autocast_disabled(vectors.device):  # averages of small steps need all their bits
            self.ema_sums.lerp_(flat.T @ vectors / len(encoded), 1 - self.decay)
        weight = self.ema_counts.sum(0)  # [K], adds up to S
        if self.reset_dead_codes:
            dead = weight < 0.02 * self.n_positions / len(self.embedding)  # a fiftieth of an equal share
            fresh = vectors[torch.randint(len(vectors), (len(self.embedding),), device=vectors.device)]
            equal = self.n_positions / len(self.embedding)
            self.ema_sums.copy_(torch.where(dead[:, None], equal * fresh, self.ema_sums))
            self.ema_counts.copy_(torch.where(dead, 1 / len(self.embedding), self.ema_counts))
            weight = self.ema_counts.sum(0)
        self.embedding.copy_(self.ema_sums / weight.clamp_min(1e-6)[:, None])
