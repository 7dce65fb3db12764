"""Two domains of samples, and a gradient that is turned round on its way from a head that tells them apart."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from aecore.data.modalities import Modality
from aecore.models.recipe import ForwardPass


class _Reversal(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return h.view_as(h)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        return -ctx.weight * gradients[0], None


def reverse_gradient(h: Tensor, weight: float) -> Tensor:
    """`h` itself; on the way back its gradient is multiplied by -`weight` (Ganin et al. 2016, equations 15 and 16)."""
    found: Tensor = _Reversal.apply(h, weight)
    return found


def reversal_schedule(progress: float) -> float:
    """How much of its weight a reversal has: from 0 to nearly 1 as the training goes on (Ganin et al. 2016, 5.2.2)."""
    return 2 / (1 + math.exp(-10 * min(progress, 1.0))) - 1


def inverted(modality: Modality | None) -> Callable[[Tensor], Tensor]:
    """What makes samples of the second domain: the negative of an image, the sample with its signs turned of others."""
    bounded = modality is None or modality.bounded  # None: images
    return lambda x: 1 - x if bounded else -x


def two_domains(p: ForwardPass, shift: Callable[[Tensor], Tensor]) -> tuple[ForwardPass, Tensor]:
    """A batch of which the second half is changed to another domain: the first half on its way through the model, and
    the codes `[B / 2, D]` of the second. Both are encoded together: what is standardised sees both."""
    middle = (len(p.x) + 1) // 2
    latent = p.model.encode(torch.cat([p.x_in[:middle], shift(p.x_in[middle:])]))
    labels = None if p.y is None else p.y[:middle]
    first = ForwardPass(p.model, p.x[:middle], p.x_in[:middle], labels, p.progress, p.mean_reduction)
    first.latent = latent.map(lambda each: each[:middle])
    return first, latent.code[middle:]


def domain_loss(head: nn.Module, codes: Tensor, n_second: int) -> Tensor:
    """Cross-entropy in nats of telling of codes `[B, D]` the last `n_second` from those before them, which are of the
    first domain; the mean over all: log 2 of two halves where it is a guess."""
    logits = head(codes).squeeze(1)
    domain = (torch.arange(len(codes), device=codes.device) >= len(codes) - n_second).to(logits)
    return nn.functional.binary_cross_entropy_with_logits(logits, domain)
