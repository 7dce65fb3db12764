"""Features: what the first units of a network look for, and what each number of a code draws."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from aecore.analysis.loaded import LoadedModel
from aecore.data import images
from aecore.dispatch import lookup
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.latents import Latent, Quantized

MAX_SHOWN = 32  # filters or atoms at a time


COLOUR_PERCENTILE = 99.5  # percentile of sizes that gets the full colour: one odd pixel does not make all others pale


@dataclass(frozen=True, eq=False)
class Filters:
    """What the units of the first layer weigh their input with, the largest weights first."""

    weights: np.ndarray  # float32 [n, C, h, w]
    indices: np.ndarray  # [n], which units they are
    total: int  # how many there are in all
    full_image: bool  # whether each looks at the whole picture


def filters(run: LoadedModel, max_filters: int = MAX_SHOWN) -> Filters | None:
    """The weights of the encoder's first layer as pictures; None when it is of a kind that has none."""
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
    """What one number of a code, or one slot, does to the picture."""

    difference: np.ndarray  # [C, H, W], the picture at the one end less the picture at the other
    name: str
    endpoints: tuple[float, float]  # where the number went from and to; numbers of vectors for a slot


def atoms(run: LoadedModel, codes: np.ndarray, order: Sequence[int], max_atoms: int = MAX_SHOWN) -> list[Atom]:
    """How the picture changes with the numbers of a code one at a time, in the order given; `codes` [N, D] are those of
    the test pictures."""
    return lookup(ATOMS, run.types[0])(run, codes, list(order)[:max_atoms])


def _dimension_atoms(run: LoadedModel, codes: np.ndarray, order: list[int]) -> list[Atom]:
    """Each number goes from a standard deviation below its mean to one above, no further than codes go; the others stay
    at their mean."""
    mean, sd = codes.mean(axis=0), codes.std(axis=0)
    low, high = np.maximum(mean - sd, codes.min(axis=0)), np.minimum(mean + sd, codes.max(axis=0))
    low, high = np.minimum(low, mean), np.maximum(high, mean)  # rounding may put a constant's mean beside it
    ends = [np.tile(mean, (len(order), 1)) for _ in "-+"]
    for row, number in enumerate(order):
        ends[0][row, number], ends[1][row, number] = low[number], high[number]
    change = _decode_unclipped(run, ends[1]) - _decode_unclipped(run, ends[0])
    return [
        Atom(change[row], f"z{number + 1}", (float(low[number]), float(high[number])))
        for row, number in enumerate(order)
    ]


def _position_atoms(run: LoadedModel, codes: np.ndarray, order: list[int]) -> list[Atom]:
    """Each slot goes from the vector that it takes most often to its second; the others keep their first."""
    book = run.model.bottleneck
    assert isinstance(book, VectorQuantizer)
    with torch.inference_mode():
        taken = book.quantize_indices(
            torch.from_numpy(codes).to(book.book).unflatten(1, (book.n_positions, book.embedding_dim))
        )
    counts = torch.stack([torch.bincount(column, minlength=len(book.book)) for column in taken.T])  # [S, K]
    first, second = counts.topk(2).indices.T.unbind()  # of each slot
    changed = first.repeat(book.n_positions, 1)
    changed.fill_diagonal_(0).add_(torch.diag(second))
    vectors = book.book[torch.cat([first[None], changed])].flatten(1).detach().cpu().numpy()
    drawn = _decode_unclipped(run, vectors)
    ends = [(int(a), int(b)) for a, b in zip(first, second, strict=True)]
    found = [Atom(drawn[slot + 1] - drawn[0], f"slot {slot + 1}", ends[slot]) for slot in range(book.n_positions)]
    return sorted(found, key=lambda atom: -float(np.square(atom.difference).sum()))[:MAX_SHOWN]


def _decode_unclipped(run: LoadedModel, codes: np.ndarray) -> np.ndarray:
    """The expected pictures of codes `[N, D]`, not clipped: differences of them add up."""
    weight = next(run.model.parameters())
    z = torch.from_numpy(np.asarray(codes, np.float32)).to(weight.device)
    labels = torch.full((len(z),), run.class_label, device=weight.device)
    return run.model.decode_mean(z, labels).cpu().numpy()


# kind of code -> how its atoms are found
ATOMS: dict[type, Callable[[LoadedModel, np.ndarray, list[int]], list[Atom]]] = {
    Latent: _dimension_atoms,
    Quantized: _position_atoms,
}


def signed_colormap(signed: np.ndarray) -> np.ndarray:
    """Signed pictures `[N, C, H, W]` on one scale as ones to look at, `[N, 3, H, W]`: gray ones as in
    `pictures.error_map`, orange above 0 and blue below; those of colours around a middle gray."""
    full = float(np.percentile(np.abs(signed), COLOUR_PERCENTILE)) or float(np.abs(signed).max()) or 1.0
    scaled = np.asarray(signed / full, np.float32)
    if scaled.shape[1] == 1:
        return images.signed_error_map(np.zeros_like(scaled), scaled)
    return (0.5 + 0.5 * scaled).clip(0, 1)
