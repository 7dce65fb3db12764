"""Vitals: signs of life of a model, noted on its way through held-out pictures; what the doctor reads.

They cost nearly nothing: what is looked at was computed for the loss anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from aecore.models.autoencoder import Autoencoder
from aecore.models.latents import GaussianLatent, Latent, Quantized, SparseLatent
from aecore.models.recipe import ForwardPass

SATURATION_MARGIN = 0.001  # of black or white, within which an output counts as certain
IDENTICAL_TOLERANCE = 1e-3  # of a layer's largest weight: what equal gradients may drift apart by
ACTIVE_THRESHOLD = 1e-6  # at and below which a unit is silent


class TrainingSignals:
    """Collects batches (`update`) and sums them up (`compute`)."""

    def __init__(self) -> None:
        self.latents: list[Latent] = []
        self.sums: dict[str, Tensor] = {}
        self.n_samples = 0

    @torch.no_grad()
    def update(self, p: ForwardPass) -> None:
        """Takes note of one batch; draws nothing."""
        drawn, raw = p.model.likelihood.mean(p.logits), p.logits
        wrong = ((drawn < SATURATION_MARGIN) & (p.x > 0.5)) | ((drawn > 1 - SATURATION_MARGIN) & (p.x < 0.5))
        share = 1 / p.x[0].numel()
        seen = {
            "saturated_wrong": wrong.sum() * share,
            "out_of_support": p.model.likelihood.out_of_support(p.x).sum() * share,
            "constant_output_nll": p.model.likelihood.nll(torch.zeros_like(raw), p.x).sum()
            * (share if p.mean_reduction else 1),
        }
        self.sums = {name: self.sums.get(name, 0) + each for name, each in seen.items()}
        self.n_samples += len(p.x)
        self.latents.append(p.latent)

    def compute(self, model: Autoencoder) -> dict[str, Any]:
        """All of it, ready for JSON:

        saturated_wrong      share of pixel values that are drawn black where they are light, or white where dark
        out_of_support       share of pixel values that the likelihood can never have made
        constant_output_nll  nats per image (or, averaged, per pixel value) of a decoder whose output is 0 everywhere
        identical_units      largest share of units of a layer that have the weights of its first one
        code                 by the type of the latent, see LATENT_SIGNALS
        """
        found = {name: _six_digits(float(total) / self.n_samples) for name, total in self.sums.items()}
        code: dict[str, Any] = {}
        for kind, look in LATENT_SIGNALS.items():
            if isinstance(self.latents[0], kind):
                code |= {name: [_six_digits(each) for each in row.tolist()] for name, row in look(self.latents).items()}
        return {**found, "identical_units": _six_digits(identical_units(model)), "code": code}


def _six_digits(number: float) -> float:
    """Six digits: more say nothing here, and histories are long."""
    return float(f"{number:.6g}")


# --- By the kind of code: what the latents of held-out pictures look like, [D], [1] or [K] ----------------------------


def _latent_std(latents: list[Any]) -> dict[str, Tensor]:
    """std: how far each number of the code varies over the pictures."""
    codes = torch.cat([each.code for each in latents]).double()
    return {"std": codes.std(0, correction=0)}


def _gaussian_signals(latents: list[Any]) -> dict[str, Tensor]:
    """kl: the nats that each number tells of a picture on average; sigma: how wide its clouds are."""
    return {
        "kl": torch.cat([each.kl for each in latents]).mean(0),
        "sigma": torch.cat([(0.5 * each.logvar).exp() for each in latents]).mean(0),
    }


def _activation_signals(latents: list[Any]) -> dict[str, Tensor]:
    """active_rate: the share of images that each unit is active for; sparsity_by_design: share of zeros, [1]."""
    codes = torch.cat([each.code for each in latents])
    return {
        "active_rate": (codes.abs() > ACTIVE_THRESHOLD).float().mean(0),
        "sparsity_by_design": torch.tensor([latents[0].sparsity_by_design]),
    }


def _codebook_signals(latents: list[Any]) -> dict[str, Tensor]:
    """usage: how often each codebook entry that is used at all is, in shares that add up to 1, falling."""
    taken = torch.cat([each.indices.flatten() for each in latents]).bincount().float()
    return {"usage": (taken[taken > 0] / taken.sum()).sort(descending=True).values}


LATENT_SIGNALS: dict[type[Latent], Callable[[list[Any]], dict[str, Tensor]]] = {
    Latent: _latent_std,
    GaussianLatent: _gaussian_signals,
    SparseLatent: _activation_signals,
    Quantized: _codebook_signals,
}


# --- Of the weights ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def identical_units(model: nn.Module) -> float:
    """The largest share, over all layers of two units or more, of units with the weights of the first one (but for
    rounding): 1 / units in a healthy layer, 1 where symmetry was never broken."""
    shares = [0.0]
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            weight = module.weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else module.weight
            rows = weight.flatten(1)
            if len(rows) > 1:
                apart = (rows - rows[0]).abs().amax(1)
                shares.append(float((apart <= IDENTICAL_TOLERANCE * rows.abs().max()).float().mean()))
    return max(shares)
