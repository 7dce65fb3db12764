"""Vitals: signs of life of a model, noted on its way through held-out pictures; what the doctor reads.

They cost nearly nothing: what is looked at was computed for the loss anyway.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import Activations, GaussianLatent, Latent, Quantized
from aecore.models.recipe import Pass

EDGE = 0.001  # of black or white, within which an output counts as certain
ROUNDING = 1e-3  # of a layer's largest weight: what equal gradients may drift apart by
OFF = 1e-6  # at and below which a unit is silent


class Vitals:
    """Notes passes (`add`) and says what was seen of them all (`said`)."""

    def __init__(self) -> None:
        self.latents: list[Latent] = []
        self.sums: dict[str, Tensor] = {}
        self.pictures = 0

    @torch.no_grad()
    def add(self, p: Pass) -> None:
        """Takes note of one batch; draws nothing."""
        drawn, raw = p.model.likelihood.mean(p.output), p.output
        wrong = ((drawn < EDGE) & (p.x > 0.5)) | ((drawn > 1 - EDGE) & (p.x < 0.5))
        share = 1 / p.x[0].numel()
        seen = {
            "saturated": wrong.sum() * share,
            "impossible": p.model.likelihood.impossible(p.x).sum() * share,
            "blank": p.model.likelihood.nll(torch.zeros_like(raw), p.x).sum() * (share if p.averaged else 1),
        }
        self.sums = {name: self.sums.get(name, 0) + each for name, each in seen.items()}
        self.pictures += len(p.x)
        self.latents.append(p.latent)

    def said(self, model: Autoencoder) -> dict[str, Any]:
        """All of it, ready for JSON:

        saturated   share of pixel values that are drawn black where they are light, or white where they are dark
        impossible  share of pixel values that the likelihood can never have made
        blank       nats per picture (or, averaged, per pixel value) of a decoder that says 0 everywhere
        alike       largest share of units of a layer that have the weights of its first one
        code        by the kind of the code, see CODES
        """
        found = {name: _short(float(total) / self.pictures) for name, total in self.sums.items()}
        code: dict[str, Any] = {}
        for kind, look in CODES.items():
            if isinstance(self.latents[0], kind):
                code |= {name: [_short(each) for each in row.tolist()] for name, row in look(self.latents).items()}
        return {**found, "alike": _short(alike(model)), "code": code}


def _short(number: float) -> float:
    """Six digits: more say nothing here, and histories are long."""
    return float(f"{number:.6g}")


# --- By the kind of code: what the latents of held-out pictures look like, [D], [1] or [K] ----------------------------


def _points(latents: list[Any]) -> dict[str, Tensor]:
    """sd: how far each number of the code varies over the pictures."""
    codes = torch.cat([each.code for each in latents]).double()
    return {"sd": codes.std(0, correction=0)}


def _clouds(latents: list[Any]) -> dict[str, Tensor]:
    """kl: the nats that each number tells of a picture on average; sigma: how wide its clouds are."""
    return {
        "kl": torch.cat([each.kl for each in latents]).mean(0),
        "sigma": torch.cat([(0.5 * each.logvar).exp() for each in latents]).mean(0),
    }


def _units(latents: list[Any]) -> dict[str, Tensor]:
    """on: the share of pictures that each unit is active for; spare: the share of zeros that is by design, [1]."""
    codes = torch.cat([each.code for each in latents])
    return {"on": (codes.abs() > OFF).float().mean(0), "spare": torch.tensor([latents[0].spare])}


def _vectors(latents: list[Any]) -> dict[str, Tensor]:
    """taken: how often each vector that was taken at all was, in shares that add up to 1, falling."""
    taken = torch.cat([each.indices.flatten() for each in latents]).bincount().float()
    return {"taken": (taken[taken > 0] / taken.sum()).sort(descending=True).values}


CODES: dict[type[Latent], Callable[[list[Any]], dict[str, Tensor]]] = {
    Latent: _points,
    GaussianLatent: _clouds,
    Activations: _units,
    Quantized: _vectors,
}


# --- Of the weights ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def alike(model: nn.Module) -> float:
    """The largest share, over all layers of two units or more, of units with the weights of the first one (but for
    rounding): 1 / units in a healthy layer, 1 where symmetry was never broken."""
    shares = [0.0]
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            weight = module.weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else module.weight
            rows = weight.flatten(1)
            if len(rows) > 1:
                apart = (rows - rows[0]).abs().amax(1)
                shares.append(float((apart <= ROUNDING * rows.abs().max()).float().mean()))
    return max(shares)
