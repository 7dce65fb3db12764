"""Features: what the first units of a network look for, and what each number of a code draws."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from aecore.analysis.loaded import LoadedModel
from aecore.data import images
from aecore.models.bottlenecks import Quantizer
from aecore.models.latents import Quantized

MAX_SHOWN = 32  # filters or atoms at a time


COLOUR_PERCENTILE = 99.5  # percentile of sizes that gets the full colour: one odd pixel does not make all others pale


@dataclass(frozen=True, eq=False)
class Filters:
    """What the units of the first layer weigh their input with, the largest weights first."""

    weights: np.ndarray  # float32 [n, C, h, w]
    indices: np.ndarray  # [n], which units they are
    total: int  # how many there are in all
    full_image: bool  # whether each looks at the whole image


def filters(run: LoadedModel, max_filters: int = MAX_SHOWN) -> Filters | None:
    """The weights of the encoder's first layer as images; None when it is of a kind that has none."""
    shape = run.card.shape
    for module in run.model.encoder.modules():
        if isinstance(module, nn.Conv2d) or (isinstance(module, nn.Linear) and module.in_features == math.prod(shape)):
            weight = module.weight.detach().cpu().float()
            whole = isinstance(module, nn.Linear)
            weight = weight.unflatten(1, shape) if whole else weight
            order = weight.flatten(1).norm(dim=1).argsort(descending=True, stable=True)[:max_filters]
            return Filters(weight[order].numpy(), order.numpy(), len(weight), whole)
    return None


@dataclass(frozen=True, eq=False)
class Atom:
    """What one number of a code, or one slot, does to the image."""

    difference: np.ndarray  # [C, H, W], the image at the one end less the image at the other
    name: str
    endpoints: tuple[float, float]  # where the number went from and to; numbers of vectors for a slot


def atoms(run: LoadedModel, codes: np.ndarray, order: Sequence[int], max_atoms: int = MAX_SHOWN) -> list[Atom]:
    """How the image changes with the latent dimensions one at a time, in the order given; with the positions of a
    codebook, those that change most first. `codes` [N, D] are those of the test images."""
    moved = run.model.bottleneck.traversals(codes, list(order)[:max_atoms])
    start, stop = (
        _decode_unclipped(run, np.stack([getattr(each, end) for each in moved])) for end in ("start", "stop")
    )
    found = [Atom(stop[row] - start[row], each.name, each.endpoints) for row, each in enumerate(moved)]
    if issubclass(run.types[0], Quantized):
        found.sort(key=lambda atom: -float(np.square(atom.difference).sum()))
    return found[:max_atoms]


def n_atoms(run: LoadedModel) -> int:
    """How many atoms there are in all: one for each latent dimension, or position of a codebook."""
    bottleneck = run.model.bottleneck
    return bottleneck.n_positions if isinstance(bottleneck, Quantizer) else bottleneck.out_features


def _decode_unclipped(run: LoadedModel, codes: np.ndarray) -> np.ndarray:
    """The expected images of codes `[N, D]`, not clipped: differences of them add up."""
    weight = next(run.model.parameters())
    z = torch.from_numpy(np.asarray(codes, np.float32)).to(weight.device)
    labels = torch.full((len(z),), run.class_label, device=weight.device)
    return run.model.decode_mean(z, labels).cpu().numpy()


def signed_colormap(signed: np.ndarray) -> np.ndarray:
    """Signed images `[N, C, H, W]` on one scale as ones to look at, `[N, 3, H, W]`: gray ones as in
    `images.signed_error_map`, orange above 0 and blue below; those of colours around a middle gray."""
    full = float(np.percentile(np.abs(signed), COLOUR_PERCENTILE)) or float(np.abs(signed).max()) or 1.0
    scaled = np.asarray(signed / full, np.float32)
    if scaled.shape[1] == 1:
        return images.signed_error_map(np.zeros_like(scaled), scaled)
    return (0.5 + 0.5 * scaled).clip(0, 1)
