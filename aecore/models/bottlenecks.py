"""Bottlenecks: what happens between encoder and decoder, and the latents that come of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.models.latents import GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent
from aecore.models.networks import mlp
from aecore.models.priors import Prior, gaussian


def reparameterize(h: Tensor) -> GaussianLatent:
    """One sample from the posterior that `h` `[B, 2 D]` parametrises (means, then log-variances): gradients pass."""
    mean, logvar = h.chunk(2, dim=1)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    return GaussianLatent(z=z, code=mean, mean=mean, logvar=logvar)


@dataclass(frozen=True, eq=False)
class Traversal:
    """A latent dimension, or position, moved from one end to the other."""

    name: str
    endpoints: tuple[float, float]  # its values at both ends; indices of codebook entries for a position
    start: np.ndarray  # [D], the codes at both ends
    stop: np.ndarray


class Bottleneck(nn.Module):
    """A module `[B, inputs] -> Latent`; `inputs` is how many numbers the encoder must give it."""

    in_features: int
    out_features: int  # D, the size of a code
    standard_normal_prior = True  # whether `sample` draws from N(0, 1)
    may_be_map = True  # whether a code may be a map of features, in which no number belongs to its neighbours

    @property
    def bits(self) -> float:
        """Bits that a code takes to store: 32 for each of its numbers, a float32, unless said otherwise."""
        return 32.0 * self.out_features

    def sample_prior(self, n: int) -> Tensor:
        """Codes `[n, D]` to decode for new images, on the CPU: draws from a normal unless said otherwise."""
        return gaussian(n, self.out_features)

    def project(self, codes: Tensor) -> Tensor:
        """The codes nearest to `codes` `[B, D]` that a decoder can be given; all of them unless said otherwise."""
        return codes

    @property
    def decoder_in_features(self) -> int:
        """How many numbers the decoder network is given: those of a code unless said otherwise."""
        return self.out_features

    def decoder_input(self, z: Tensor) -> Tensor:
        """What the decoder network is given for codes `[B, D]`: these themselves unless said otherwise."""
        return z

    def traversals(self, codes: np.ndarray, dims: Sequence[int]) -> list[Traversal]:
        """Where each of some latent dimensions is moved to show what it does; `codes` `[N, D]` are those of the data.

        It goes from a standard deviation below its mean to one above, no further than codes go; the others stay at
        their mean.
        """
        mean, std = codes.mean(axis=0), codes.std(axis=0)
        low, high = np.maximum(mean - std, codes.min(axis=0)), np.minimum(mean + std, codes.max(axis=0))
        low, high = np.minimum(low, mean), np.maximum(high, mean)  # rounding may put a constant's mean beside it
        return [
            Traversal(
                f"z{dim + 1}",
                (float(low[dim]), float(high[dim])),
                *(np.where(np.arange(len(mean)) == dim, end, mean) for end in (low, high)),
            )
            for dim in dims
        ]


class DeterministicBottleneck(Bottleneck):
    """The code is what the encoder says: linear, so that no unit can die, unless `activation` bends it."""

    def __init__(
        self, latent_dim: int, activation: Callable[[], nn.Module] = nn.Identity, prior: Prior = gaussian
    ) -> None:
        super().__init__()
        self.in_features = self.out_features = latent_dim
        self.activation, self.prior = activation(), prior
        self.standard_normal_prior = prior is gaussian

    def forward(self, h: Tensor) -> Latent:
        code = self.activation(h)
        if isinstance(self.activation, nn.Identity):
            return Latent(z=code, code=code)
        return SparseLatent(z=code, code=code, sparsity_by_design=0.0)

    def sample_prior(self, n: int) -> Tensor:
        return self.prior(n, self.out_features)


class TopK(Bottleneck):
    """Only the k largest numbers of each code are kept, the others are put to 0 (Makhzani & Frey 2013)."""

    def __init__(self, latent_dim: int, k: int) -> None:
        super().__init__()
        self.in_features = self.out_features = latent_dim
        self.k = min(k, latent_dim)

    def forward(self, h: Tensor) -> SparseLatent:
        values, places = h.topk(self.k, dim=1)
        code = torch.zeros_like(h).scatter(1, places, values)
        return SparseLatent(z=code, code=code, sparsity_by_design=1 - self.k / self.out_features)


class GaussianBottleneck(Bottleneck):
    """The encoder says a mean and a log-variance; z is drawn as mean + sigma * epsilon."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.in_features, self.out_features = 2 * latent_dim, latent_dim

    def forward(self, h: Tensor) -> GaussianLatent:
        return reparameterize(h)


class LadderBottleneck(Bottleneck):
    """Two levels of posteriors: the top one says what to expect of the bottom one (Sonderby et al. 2016).

    The bottom level is kept in units of what the top expects, so that both are measured against N(0, 1) and lie side by
    side in one code, top first: a walk along a top dimension takes the bottom one with it.
    """

    def __init__(self, n_top: int, n_bottom: int, width: int = 64) -> None:
        super().__init__()
        self.in_features, self.out_features, self.n_top = width, n_top + n_bottom, n_top
        self.to_bottom = nn.Linear(width, 2 * n_bottom)
        self.to_top = mlp([width, width, 2 * n_top])
        self.prior_net = mlp([n_top, width, 2 * n_bottom])  # p(bottom | top): mean and log-variance

    def forward(self, h: Tensor) -> LadderLatent:
        h = torch.relu(h)
        top = reparameterize(self.to_top(h))
        bottom = reparameterize(self._posterior_given_top(h, top.z))
        mean = torch.cat([top.mean, bottom.mean], 1)
        code = torch.cat([top.mean, self._posterior_given_top(h, top.mean).chunk(2, 1)[0]], 1)
        logvar = torch.cat([top.logvar, bottom.logvar], 1)
        return LadderLatent(torch.cat([top.z, bottom.z], 1), code, mean, logvar, self.n_top)

    def _posterior_given_top(self, h: Tensor, top: Tensor) -> Tensor:
        """q(bottom | x, top) in units of p(bottom | top): the product of what is seen and what is expected."""
        (seen, doubt), (expected, spread) = self.to_bottom(h).chunk(2, 1), self.prior_net(top).chunk(2, 1)
        share = torch.sigmoid(spread - doubt)  # of the precision that comes from what is seen
        # exp(logvar) = 1 / (1/exp(doubt) + 1/exp(spread)), so in units of the spread it is 1 - share
        mean = share * (seen - expected) * (-0.5 * spread).exp()
        return torch.cat([mean, nn.functional.logsigmoid(doubt - spread)], 1)

    @property
    def decoder_in_features(self) -> int:
        return self.out_features - self.n_top

    def decoder_input(self, z: Tensor) -> Tensor:
        """The bottom level in its own units, `[B, bottom]`, of codes `[B, top + bottom]`."""
        top, bottom = z[:, : self.n_top], z[:, self.n_top :]
        expected, spread = self.prior_net(top).chunk(2, 1)
        return expected + (0.5 * spread).exp() * bottom


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
