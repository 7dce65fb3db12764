"""Sparse codes: most units of each code are at 0."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from aecore.models.bottlenecks.bottleneck import Bottleneck
from aecore.models.latents import JumpReLULatent, SparseLatent


class SparseBottleneck(Bottleneck):
    """Units that are more or less active. With `dead_after` it keeps count of the training samples since each was last
    active: so many, and it is dead."""

    idle_samples: Tensor  # [D]

    def __init__(self, latent_dim: int, dead_after: int = 0) -> None:
        super().__init__()
        self.in_features = self.out_features = latent_dim
        self.dead_after = dead_after
        if dead_after:
            self.register_buffer("idle_samples", torch.zeros(latent_dim))

    @property
    def learning(self) -> bool:
        """Whether this is a step of training, not a look at the model."""
        return self.training and torch.is_grad_enabled()

    def count_idle(self, code: Tensor) -> None:
        """Counts on, in a step of training: `code` `[B, D]`."""
        if self.dead_after and self.learning:
            active = (code.detach() != 0).any(0)
            self.idle_samples.copy_(torch.where(active, 0, self.idle_samples + len(code)))

    def dead(self) -> Tensor:
        """Which units have not been active for long, bool `[D]`."""
        return self.idle_samples >= self.dead_after


class TopK(SparseBottleneck):
    """Only the k largest numbers of each code are kept, the others are put to 0 (Makhzani & Frey 2013)."""

    def __init__(self, latent_dim: int, k: int, dead_after: int = 0) -> None:
        super().__init__(latent_dim, dead_after)
        self.k = min(k, latent_dim)

    def forward(self, h: Tensor) -> SparseLatent:
        values, places = h.topk(self.k, dim=1)
        code = torch.zeros_like(h).scatter(1, places, values)
        self.count_idle(code)
        return SparseLatent(code, code, sparsity_by_design=1 - self.k / self.out_features, pre_activation=h)


class BatchTopK(SparseBottleneck):
    """Of the codes of B samples the B k largest activations are kept: one sample may have more than another (Bussmann,
    Leask & Nanda 2024). In use, where a code hangs on no other, all above a threshold are: the mean of the least that
    was kept in batches of training."""

    threshold: Tensor  # []
    initialised: Tensor

    def __init__(self, latent_dim: int, k: int, dead_after: int = 0, decay: float = 0.99) -> None:
        super().__init__(latent_dim, dead_after)
        self.k, self.decay = min(k, latent_dim), decay
        self.register_buffer("threshold", torch.tensor(0.0))
        # on the CPU to begin with, for it is asked in each step: on torch's meta device there would be no answer
        self.register_buffer("initialised", torch.tensor(False, device="cpu"))

    def forward(self, h: Tensor) -> SparseLatent:
        active = torch.relu(h)
        if self.learning:
            values, places = active.flatten().topk(self.k * len(h))
            code = torch.zeros_like(active).flatten().scatter(0, places, values).view_as(active)
            self._follow(values.detach())
        else:
            code = torch.where(active > self.threshold, active, 0)
        self.count_idle(code)
        share = 1 - self.k / self.out_features
        return SparseLatent(code, code, sparsity_by_design=share, pre_activation=h, per_batch=True)

    @torch.no_grad()
    def _follow(self, kept: Tensor) -> None:
        """One step of the moving average of the least activation kept that is not 0."""
        least = torch.where(kept > 0, kept, math.inf).amin()
        least = torch.where(least.isfinite(), least, self.threshold)
        self.threshold.lerp_(least, 1 - self.decay if self.initialised else 1.0)
        self.initialised.fill_(True)


def rectangle(u: Tensor) -> Tensor:
    """The kernel of the pseudo-gradients: 1 within half a unit of 0, else 0."""
    return (u.abs() < 0.5).to(u)


class _JumpReLU(torch.autograd.Function):
    """h where it is above the threshold, else 0. Its pseudo-gradient by the threshold is -(threshold / bandwidth)
    within half a bandwidth of it (Rajamanoharan et al. 2024, equation 11)."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(h, threshold)
        ctx.bandwidth = bandwidth
        return torch.where(h > threshold, h, 0)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, Tensor, None]:
        h, threshold = ctx.saved_tensors
        near = rectangle((h - threshold) / ctx.bandwidth)
        by_threshold = -(threshold / ctx.bandwidth) * near * gradients[0]
        return (h > threshold) * gradients[0], by_threshold.sum(0), None


class _Step(torch.autograd.Function):
    """1 where h is above the threshold, else 0. Its pseudo-gradient by the threshold is -1 / bandwidth within half a
    bandwidth of it (equation 12); by h it has none."""

    @staticmethod
    def forward(ctx: Any, h: Tensor, threshold: Tensor, bandwidth: float) -> Tensor:
        ctx.save_for_backward(h, threshold)
        ctx.bandwidth = bandwidth
        return (h > threshold).to(h)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, Tensor, None]:
        h, threshold = ctx.saved_tensors
        near = rectangle((h - threshold) / ctx.bandwidth)
        return None, (-near / ctx.bandwidth * gradients[0]).sum(0), None


class JumpReLU(SparseBottleneck):
    """Each unit is active above a threshold of its own, which is learned (Rajamanoharan et al. 2024)."""

    def __init__(self, latent_dim: int, bandwidth: float, initial_threshold: float = 0.1, dead_after: int = 0) -> None:
        super().__init__(latent_dim, dead_after)
        self.bandwidth = bandwidth
        self.log_threshold = nn.Parameter(torch.full((latent_dim,), math.log(initial_threshold)))

    @property
    def threshold(self) -> Tensor:
        """Of each unit, `[D]`: above 0."""
        return self.log_threshold.exp()

    def forward(self, h: Tensor) -> JumpReLULatent:
        threshold = self.threshold
        if torch.is_grad_enabled():
            code: Tensor = _JumpReLU.apply(h, threshold, self.bandwidth)
            active: Tensor = _Step.apply(h, threshold, self.bandwidth)
        else:  # as exported programs have it
            code, active = torch.where(h > threshold, h, 0), (h > threshold).to(h)
        self.count_idle(code)
        return JumpReLULatent(code, code, sparsity_by_design=0.0, pre_activation=h, n_active=active.sum(1))
