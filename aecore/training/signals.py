"""Vitals: signs of life of a model, noted on its way through held-out images; what the doctor reads.

They cost nearly nothing: what is looked at was computed for the loss anyway.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from aecore.models.autoencoder import Autoencoder
from aecore.models.latents import Latent
from aecore.models.recipe import ForwardPass

SATURATION_MARGIN = 0.001  # of black or white, within which an output counts as certain
IDENTICAL_TOLERANCE = 1e-3  # of a layer's largest weight: what equal gradients may drift apart by


class TrainingSignals:
    """Collects batches (`update`) and sums them up (`compute`). `bounded` says whether values lie between black (0) and
    white (1), so that one can be certain and wrong."""

    def __init__(self, bounded: bool = True) -> None:
        self.bounded = bounded
        self.latents: list[Latent] = []
        self.sums: dict[str, Tensor] = {}
        self.moments: dict[str, Tensor] = {}
        self.n_samples = 0

    @torch.no_grad()
    def update(self, p: ForwardPass) -> None:
        """Takes note of one batch; draws nothing."""
        drawn, raw = p.model.likelihood.mean(p.logits), p.logits
        wrong = ((drawn < SATURATION_MARGIN) & (p.x > 0.5)) | ((drawn > 1 - SATURATION_MARGIN) & (p.x < 0.5))
        share = 1 / p.x[0].numel()
        seen = {
            "saturated_wrong": wrong.sum() * share * self.bounded,
            "out_of_support": p.model.likelihood.out_of_support(p.x).sum() * share,
            "constant_output_nll": p.model.likelihood.nll(torch.zeros_like(raw), p.x).sum()
            * (share if p.mean_reduction else 1),
        }
        self.sums = {name: self.sums.get(name, 0) + each for name, each in seen.items()}
        self._add_squares(p.x.double(), drawn)
        self.n_samples += len(p.x)
        self.latents.append(p.latent)

    def _add_squares(self, x: Tensor, drawn: Tensor) -> None:
        """What the explained variance is made of; what is missing in `x` counts for nothing."""
        known = ~x.isnan()
        values = x.nan_to_num(0.0)
        moments = {
            "count": known.sum(0),
            "total": values.sum(0),
            "squares": values.square().sum(0),
            "errors": ((values - drawn).square() * known).sum(),
        }
        self.moments = {name: self.moments.get(name, 0) + each for name, each in moments.items()}

    def _explained_variance(self) -> float:
        """1 less the squared errors per squared distance from the mean: R2 over all values; 0 where nothing varies."""
        spread = (self.moments["squares"] - self.moments["total"].square() / self.moments["count"].clamp_min(1)).sum()
        return float(1 - self.moments["errors"] / spread) if spread > 0 else 0.0

    def compute(self, model: Autoencoder) -> dict[str, Any]:
        """All of it, ready for JSON:

        saturated_wrong      share of pixel values that are drawn black where they are light, or white where dark
        out_of_support       share of pixel values that the likelihood can never have made
        constant_output_nll  nats per image (or, averaged, per pixel value) of a decoder whose output is 0 everywhere
        explained_variance   share of the variance of the values that reconstructions have: R2
        identical_units      largest share of units of a layer that have the weights of its first one
        code                 by the type of the latent, see `models.latents`
        """
        found = {name: _six_digits(float(total) / self.n_samples) for name, total in self.sums.items()}
        rows = Latent.concatenate(self.latents).signals() if self.latents else {}  # none: no sample was held out
        code = {name: [_six_digits(each) for each in row.tolist()] for name, row in rows.items()}
        if self.moments:
            found["explained_variance"] = _six_digits(self._explained_variance())
        return {**found, "identical_units": _six_digits(identical_units(model)), "code": code}


def _six_digits(number: float) -> float:
    """Six digits: more say nothing here, and histories are long."""
    return float(f"{number:.6g}")


# --- Of the weights ---------------------------------------------------------------------------------------------------


@torch.no_grad()
def identical_units(model: nn.Module) -> float:
    """The largest share, over all layers of two units or more, of units with the weights of the first one (but for
    rounding): 1 / units in a healthy layer, 1 where symmetry was never broken."""
    shares = [0.0]
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d):
            weight = module.weight.transpose(0, 1) if isinstance(module, nn.ConvTranspose2d) else module.weight
            rows = weight.flatten(1)
            if len(rows) > 1:
                apart = (rows - rows[0]).abs().amax(1)
                shares.append(float((apart <= IDENTICAL_TOLERANCE * rows.abs().max()).float().mean()))
    return max(shares)
