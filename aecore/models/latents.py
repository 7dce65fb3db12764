"""Latents: what a bottleneck makes of a batch, by the type of its code.

A latent says of itself what the rest of the laboratory asks: signals for the history, a description for the drawing of
a model, the code that derivatives are taken of. A new type overrides what differs from its parent's. Beside this file
it touches `models/bottlenecks/` (the module that makes it) and, where there is more to say of it,
`analysis/latents/<type>.py` with a line in `analysis/report.py`, a panel in `ui/panels/registry.py`, advice in
`content/advice.py`, an operation in `export/browser_layers.py` and its twin in `static/net/latent_ops.js`. All
of these fall back on the parent's, or do without.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Self

import torch
from torch import Tensor

ACTIVE_THRESHOLD = 1e-6  # activation at and below which a unit counts as inactive


@dataclass(frozen=True)
class LatentSummary:
    """What stands between encoder and decoder, in words."""

    shape: tuple[int, ...]
    type: str
    description: str


@dataclass
class Latent:
    """What a bottleneck makes of a batch."""

    z: Tensor  # [B, D], what the decoder gets (may be random)
    code: Tensor  # [B, D], where the input lives (never random)

    @property
    def differentiable_code(self) -> Tensor:
        """The numbers `[B, D]` that follow the input smoothly."""
        return self.code

    def signals(self) -> dict[str, Tensor]:
        """What is noted of the latents of validation samples after each epoch: name -> `[D]`, `[1]` or `[K]`.

        std: the standard deviation of each latent dimension over the samples.
        """
        return {"std": self.code.double().std(0, correction=0)}

    def describe(self) -> LatentSummary:
        count = self.code.shape[1]
        return LatentSummary((count,), "point (deterministic code)", count_text(count, "latent dimension"))

    def map(self, function: Callable[[Tensor], Tensor]) -> Self:
        """The same with `function` applied to each of its tensors."""
        return replace(self, **{name: function(tensor) for name, tensor in self._tensors().items()})

    @classmethod
    def concatenate(cls, batches: Sequence[Self]) -> Self:
        """Latents of several batches as one, `[N, ...]`; what is no tensor is the first one's."""
        columns = [batch._tensors() for batch in batches]
        return replace(batches[0], **{name: torch.cat([each[name] for each in columns]) for name in columns[0]})

    def _tensors(self) -> dict[str, Tensor]:
        return {each.name: value for each in fields(self) if isinstance(value := getattr(self, each.name), Tensor)}


@dataclass
class GaussianLatent(Latent):
    """A Gaussian posterior for each input: N(mean, exp(logvar)); `code` is the mean."""

    mean: Tensor  # [B, D]
    logvar: Tensor  # [B, D]

    def signals(self) -> dict[str, Tensor]:
        """kl: nats of each dimension, the mean over the samples; sigma: the mean width of the posteriors."""
        return super().signals() | {"kl": self.kl.mean(0), "sigma": self.sigma.mean(0)}

    def describe(self) -> LatentSummary:
        count = self.code.shape[1]
        text = f"{count_text(count, 'latent dimension')}, for each of which the encoder gives a mean and a "
        return LatentSummary((count,), "Gaussian posterior", f"{text}standard deviation")

    @property
    def sigma(self) -> Tensor:
        """Standard deviations, `[B, D]`."""
        return (0.5 * self.logvar).exp()

    @property
    def kl(self) -> Tensor:
        """KL(q(z|x) || N(0, 1)) of each dimension in nats, `[B, D]` (Kingma & Welling 2013, appendix B)."""
        return 0.5 * (self.mean.square() + self.logvar.exp() - 1 - self.logvar)

    @property
    def log_prob(self) -> Tensor:
        """log q(z|x) of the z that was drawn, in nats: `[B]`."""
        return log_normal_density(self.z, self.mean, self.logvar).sum(1)


@dataclass
class FlowLatent(GaussianLatent):
    """A Gaussian on which a flow has acted. `mean` and `logvar` are the moments of what became of it, estimated, and
    `code` is where the flow takes the Gaussian's mean."""

    log_q: Tensor  # [B, D], what each number adds to log q(z|x)

    def describe(self) -> LatentSummary:
        text = f"{count_text(self.code.shape[1], 'latent dimension')}: a Gaussian posterior that a flow bends"
        return LatentSummary((self.code.shape[1],), "posterior with a normalizing flow", text)

    @property
    def kl(self) -> Tensor:
        """log q(z|x) - log p(z) of each dimension at the z that was drawn, `[B, D]`: its mean over draws is the KL, and
        one draw can lie below 0 (Rezende & Mohamed 2015, eq. 15)."""
        return self.log_q - log_normal_density(self.z, torch.zeros_like(self.z), torch.zeros_like(self.z))

    @property
    def log_prob(self) -> Tensor:
        return self.log_q.sum(1)


@dataclass
class LadderLatent(GaussianLatent):
    """Two levels of posteriors side by side."""

    n_top: int  # how many of the first numbers belong to the top level

    def describe(self) -> LatentSummary:
        count = self.code.shape[1]
        text = f"{count_text(count, 'latent dimension')}: {self.n_top} of the top level, which sets the prior of the "
        return LatentSummary((count,), "two-level Gaussian posterior (ladder)", f"{text}bottom level")


@dataclass
class SparseLatent(Latent):
    """Units that are more or less active: 0 says that an image does not need one."""

    sparsity_by_design: float  # the share of units that are at 0 for any image, by design: 0 to 1
    pre_activation: Tensor | None = None  # [B, D], what the encoder said
    per_batch: bool = False  # whether it is the share of a batch, of which one code may have more than another

    def signals(self) -> dict[str, Tensor]:
        """active_rate: the share of samples that each unit is active for; sparsity_by_design: `[1]`."""
        rate = (self.code.abs() > ACTIVE_THRESHOLD).float().mean(0)
        return super().signals() | {"active_rate": rate, "sparsity_by_design": torch.tensor([self.sparsity_by_design])}

    def describe(self) -> LatentSummary:
        count = self.code.shape[1]
        most = round((1 - self.sparsity_by_design) * count)
        limit = "on average" if self.per_batch else "at most"
        more = f", of which {limit} {most} are not 0" if self.sparsity_by_design else ", each more or less active"
        return LatentSummary((count,), "sparse activations", count_text(count, "unit") + more)


@dataclass
class ClusterLatent(Latent):
    """Probabilities of clusters, and a style beside them: the first numbers of a code, and the others."""

    n_clusters: int  # K

    @property
    def clusters(self) -> Tensor:
        """The likeliest cluster of each sample, `[B]`."""
        return self.code[:, : self.n_clusters].argmax(1)

    def describe(self) -> LatentSummary:
        style = self.code.shape[1] - self.n_clusters
        text = f"probabilities of {count_text(self.n_clusters, 'cluster')}, and {count_text(style, 'number')} of style"
        return LatentSummary((self.code.shape[1],), "cluster and style", text)


@dataclass(kw_only=True)
class JumpReLULatent(SparseLatent):
    """Units with a threshold each, above which they are active."""

    n_active: Tensor  # [B], how many are; thresholds get pseudo-gradients of it

    def describe(self) -> LatentSummary:
        return replace(super().describe(), type="sparse activations (JumpReLU)")


@dataclass
class Quantized(Latent):
    """S slots, each holding one of K vectors; side by side they are the code."""

    encoded: Tensor  # [B, S, d], what the encoder said
    quantized: Tensor  # [B, S, d], the nearest vectors of the codebook
    indices: Tensor  # [B, S], their numbers
    codebook_size: int  # K

    @property
    def differentiable_code(self) -> Tensor:
        """What the encoder gives before an entry is chosen, `[B, S d]`."""
        return self.encoded.flatten(1)

    def signals(self) -> dict[str, Tensor]:
        """usage: how often each codebook entry that was used at all was, in shares that add up to 1, falling."""
        counts = self.indices.flatten().bincount().float()
        return super().signals() | {"usage": (counts[counts > 0] / counts.sum()).sort(descending=True).values}

    def describe(self) -> LatentSummary:
        _, positions, width = self.quantized.shape
        text = f"{count_text(positions, 'position')}, each one of {self.codebook_size} codebook entries of dimension"
        return LatentSummary((positions, width), "codebook indices", f"{text} {width}")


def count_text(count: int, noun: str) -> str:
    """`1 unit`, `1,024 units`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def log_normal_density(z: Tensor, mean: Tensor, logvar: Tensor) -> Tensor:
    """log N(z; mean, exp(logvar)), elementwise."""
    return -0.5 * (math.log(2 * math.pi) + logvar + (z - mean).square() * (-logvar).exp())
