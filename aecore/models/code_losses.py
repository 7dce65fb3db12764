"""Losses of codes that are sparse or chosen from a codebook, in nats per image or squared distances."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from aecore.models.bottlenecks import SparseBottleneck
from aecore.models.latents import Quantized, SparseLatent
from aecore.models.recipe import ForwardPass

# --- Codebooks --------------------------------------------------------------------------------------------------------


def codebook_loss(p: ForwardPass) -> Tensor:
    """How far the vectors chosen are from what the encoder said: the squared distance of `commitment_loss`, whose
    gradient reaches the codebook only here (van den Oord et al. 2017, equation 3)."""
    assert isinstance(p.latent, Quantized)
    return (p.latent.encoded.detach() - p.latent.quantized).square().flatten(1).sum(1).mean()


def code_entropy_loss(encoded: Tensor, codebook: Tensor) -> Tensor:
    """How undecided single positions are, less how varied all of them are together: S (E[H(q)] - H(E[q])) in nats per
    image, from -S log K to 0. A position takes vector k with the probability q_k, proportional to
    exp(-|encoded - codebook_k|^2) (Yu et al. 2023, equation 5). `encoded` `[B, S, d]`, `codebook` `[K, d]`.
    """
    logits = 2 * encoded.flatten(0, 1) @ codebook.T - codebook.square().sum(1)
    log_q = logits.log_softmax(1)
    undecided = -(log_q.exp() * log_q).sum(1).mean()
    shares = log_q.exp().mean(0)
    varied = -(shares * shares.clamp_min(1e-30).log()).sum()  # where a share is 0, its gradient stays finite
    return encoded.shape[1] * (undecided - varied)


# --- Sparse codes -----------------------------------------------------------------------------------------------------


def dead_unit_loss(p: ForwardPass) -> Tensor:
    """What dead units leave over of the residual: -log p(x) in nats per image where what they draw is added to a
    reconstruction that stands still; 0 while no unit is dead.

    With squared error and a linear decoder it is the auxiliary loss |e - W z|^2 of Gao et al. (2024, appendix A.2), e
    being the residual and z the activations of the most active dead units, at most half of a code.
    """
    model, latent = p.model, p.latent
    assert isinstance(model.bottleneck, SparseBottleneck) and isinstance(latent, SparseLatent)
    assert latent.pre_activation is not None
    dead = model.bottleneck.dead()
    if dead.device.type != "meta" and not dead.any():
        return p.x.new_zeros(())
    values, units = latent.pre_activation.masked_fill(~dead, 0).relu().topk(max(1, len(dead) // 2), dim=1)
    code = torch.zeros_like(latent.pre_activation).scatter(1, units, values)
    drawn = model.decode(code, p.y) - model.decode(torch.zeros_like(code), p.y)
    nll = model.likelihood.nll(p.logits.detach() + drawn, p.x)
    return nll.mean() / (p.x[0].numel() if p.mean_reduction else 1)


def prefix_losses(p: ForwardPass, sizes: Sequence[int]) -> Tensor:
    """How surprised reconstructions from the first numbers of a code alone are by the image: `-log p(x | z[:m])` summed
    over the `sizes` m (Kusupati et al. 2022), as `reconstruction_loss` has it of all numbers."""
    places = torch.arange(p.latent.z.shape[1], device=p.x.device)
    raw = (p.model.decode(p.latent.z * (places < size), p.y) for size in sizes)
    total = sum((p.model.likelihood.nll(each, p.x).mean() for each in raw), p.x.new_zeros(()))
    return total / (p.x[0].numel() if p.mean_reduction else 1)
