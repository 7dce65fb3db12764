"""Anatomy: what any model is made of. Its layers, what its first units look for, what each number of a code draws, and
the least that its loss can be."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.analysis import loaded
from aecore.analysis.loaded import Layer, Trained
from aecore.data import images
from aecore.data.datasets import Split
from aecore.dispatch import of_kind
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import Activations, Codebook, GaussianLatent, LadderLatent, Latent, Quantized
from aecore.models.families.build import settle
from aecore.models.likelihoods import Bernoulli

SHOWN = 32  # filters or atoms at a time
WIDEST = 99.5  # percentile of sizes that gets the full colour: one odd pixel does not make all others pale


# The network

SILENT = ("Flatten", "Unflatten", "Identity")  # layers that only lay numbers out anew
BORROWED = "Linear, turned round"
WORDS = {"Transposed": BORROWED}  # names of modules that say too little


@dataclass(frozen=True)
class Code:
    """What stands in the middle of a model."""

    shape: tuple[int, ...]
    kind: str  # in two words
    words: str


@dataclass(frozen=True)
class Drawing:
    """A model from picture to picture."""

    encoder: list[Layer]  # one for each layer that learns, or that changes how many numbers there are
    code: Code
    decoder: list[Layer]
    bottleneck: int  # numbers learnt in between (a ladder's own networks)
    hints: int  # numbers learnt for labels, beside the layers
    training: int  # numbers that only training needs (a critic)

    @property
    def borrows(self) -> bool:
        """Whether layers of the decoder use the encoder's weights."""
        return any(layer.kind.startswith(BORROWED) for layer in self.decoder)

    @property
    def total(self) -> int:
        layers = sum(layer.parameters for layer in (*self.encoder, *self.decoder))
        return layers + self.bottleneck + self.hints + self.training


def drawing(opened: Trained) -> Drawing:
    """The layers of a run's model, activations folded into the layer before."""
    config, model = settle(opened.config, trains=False), opened.model
    found: dict[str, list[Layer]] = {}
    for part, group in groupby(loaded.layers(config), lambda layer: layer.part):
        # a model that is not told the label tries them all: its layers are heard once for each
        found.setdefault(part, _folded(list(group)))
    layers = sum(layer.parameters for part in found.values() for layer in part)
    between, whole = loaded.count(model.bottleneck), loaded.count(model)
    spare = loaded.sizes(config).parameters - whole
    return Drawing(found["encoder"], _code(opened), found["decoder"], between, whole - layers - between, spare)


def _folded(layers: Sequence[Layer]) -> list[Layer]:
    """Layers that learn nothing and keep the count of numbers are told with the one before them."""
    found: list[Layer] = []
    for layer in layers:
        count = math.prod(layer.shape)
        if not layer.parameters and found and count == math.prod(found[-1].shape):
            before = found.pop()
            silent = layer.kind in SILENT
            kind = before.kind if silent else f"{before.kind} + {layer.kind}"
            shape = layer.shape if silent and len(layer.shape) > len(before.shape) else before.shape
            found.append(Layer(layer.part, kind, shape, before.parameters))
        elif layer.parameters or layer.kind not in SILENT:
            found.append(Layer(layer.part, WORDS.get(layer.kind, layer.kind), layer.shape, layer.parameters))
    return found


def _code(opened: Trained) -> Code:
    latent = _latent(opened.model, torch.zeros(1, *opened.card.shape), torch.zeros(1, dtype=torch.long))
    return of_kind(CODES, type(latent))(latent, opened.model)


def _latent(model: Autoencoder, x: Tensor, y: Tensor | None) -> Latent:
    """What becomes of pictures; the same chance at every call."""
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(0)
        return model.encode(x.to(next(model.parameters()).device), y)


def _point(latent: Latent, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    return Code((count,), "a point", _many(count, "number"))


def _units(latent: Activations, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    kept = f", of which at most {round((1 - latent.spare) * count)} are not 0" if latent.spare else ""
    return Code((count,), "units", _many(count, "unit") + (kept or ", each more or less active"))


def _cloud(latent: Latent, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    words = f"{_many(count, 'number')}, for each of which the encoder says a mean and a width"
    return Code((count,), "a cloud", words)


def _levels(latent: LadderLatent, model: Autoencoder) -> Code:
    count = latent.code.shape[1]
    words = f"{_many(count, 'number')}: {latent.top} of a cloud above, which says what to expect of the cloud below"
    return Code((count,), "two clouds", words)


def _slots(latent: Quantized, model: Autoencoder) -> Code:
    _, slots, width = latent.quantized.shape
    assert isinstance(model.bottleneck, Codebook)
    words = (
        f"{_many(slots, 'slot')}, each holding one of {len(model.bottleneck.book)} vectors of {_many(width, 'number')}"
    )
    return Code((slots, width), "slots", words)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# kind of code -> what the middle of the drawing says
CODES: dict[type, Callable[[Any, Autoencoder], Code]] = {
    Latent: _point,
    Activations: _units,
    GaussianLatent: _cloud,
    LadderLatent: _levels,
    Quantized: _slots,
}


# Filters and atoms


@dataclass(frozen=True, eq=False)
class Filters:
    """What the units of the first layer weigh their input with, the largest weights first."""

    weights: np.ndarray  # float32 [n, C, h, w]
    numbers: np.ndarray  # [n], which units they are
    every: int  # how many there are in all
    whole: bool  # whether each looks at the whole picture


def filters(opened: Trained, most: int = SHOWN) -> Filters | None:
    """The weights of the encoder's first layer as pictures; None when it is of a kind that has none."""
    shape = opened.card.shape
    for module in opened.model.encoder.modules():
        if isinstance(module, nn.Conv2d) or (isinstance(module, nn.Linear) and module.in_features == math.prod(shape)):
            weight = module.weight.detach().cpu().float()
            whole = isinstance(module, nn.Linear)
            weight = weight.unflatten(1, shape) if whole else weight
            order = weight.flatten(1).norm(dim=1).argsort(descending=True, stable=True)[:most]
            return Filters(weight[order].numpy(), order.numpy(), len(weight), whole)
    return None


@dataclass(frozen=True, eq=False)
class Atom:
    """What one number of a code, or one slot, does to the picture."""

    change: np.ndarray  # [C, H, W], the picture at the one end less the picture at the other
    name: str
    ends: tuple[float, float]  # where the number went from and to; numbers of vectors for a slot


def atoms(opened: Trained, codes: np.ndarray, order: Sequence[int], most: int = SHOWN) -> list[Atom]:
    """How the picture changes with the numbers of a code one at a time, in the order given; `codes` [N, D] are those of
    the test pictures."""
    return of_kind(ATOMS, opened.kinds[0])(opened, codes, list(order)[:most])


def _by_number(opened: Trained, codes: np.ndarray, order: list[int]) -> list[Atom]:
    """Each number goes from a standard deviation below its mean to one above, no further than codes go; the others stay
    at their mean."""
    mean, sd = codes.mean(axis=0), codes.std(axis=0)
    low, high = np.maximum(mean - sd, codes.min(axis=0)), np.minimum(mean + sd, codes.max(axis=0))
    low, high = np.minimum(low, mean), np.maximum(high, mean)  # rounding may put a constant's mean beside it
    ends = [np.tile(mean, (len(order), 1)) for _ in "-+"]
    for row, number in enumerate(order):
        ends[0][row, number], ends[1][row, number] = low[number], high[number]
    change = _drawn(opened, ends[1]) - _drawn(opened, ends[0])
    return [
        Atom(change[row], f"z{number + 1}", (float(low[number]), float(high[number])))
        for row, number in enumerate(order)
    ]


def _by_slot(opened: Trained, codes: np.ndarray, order: list[int]) -> list[Atom]:
    """Each slot goes from the vector that it takes most often to its second; the others keep their first."""
    book = opened.model.bottleneck
    assert isinstance(book, Codebook)
    with torch.inference_mode():
        taken = book.choose(torch.from_numpy(codes).to(book.book).unflatten(1, (book.slots, book.width)))
    counts = torch.stack([torch.bincount(column, minlength=len(book.book)) for column in taken.T])  # [S, K]
    first, second = counts.topk(2).indices.T.unbind()  # of each slot
    changed = first.repeat(book.slots, 1)
    changed.fill_diagonal_(0).add_(torch.diag(second))
    vectors = book.book[torch.cat([first[None], changed])].flatten(1).detach().cpu().numpy()
    drawn = _drawn(opened, vectors)
    ends = [(int(a), int(b)) for a, b in zip(first, second, strict=True)]
    found = [Atom(drawn[slot + 1] - drawn[0], f"slot {slot + 1}", ends[slot]) for slot in range(book.slots)]
    return sorted(found, key=lambda atom: -float(np.square(atom.change).sum()))[:SHOWN]


def _drawn(opened: Trained, codes: np.ndarray) -> np.ndarray:
    """The expected pictures of codes `[N, D]`, not clipped: differences of them add up."""
    weight = next(opened.model.parameters())
    z = torch.from_numpy(np.asarray(codes, np.float32)).to(weight.device)
    labels = torch.full((len(z),), opened.label, device=weight.device)
    return opened.model.generate(z, labels).cpu().numpy()


# kind of code -> how its atoms are found
ATOMS: dict[type, Callable[[Trained, np.ndarray, list[int]], list[Atom]]] = {Latent: _by_number, Quantized: _by_slot}


def coloured(signed: np.ndarray) -> np.ndarray:
    """Signed pictures `[N, C, H, W]` on one scale as ones to look at, `[N, 3, H, W]`: gray ones as in
    `pictures.error_map`, orange above 0 and blue below; those of colours around a middle gray."""
    full = float(np.percentile(np.abs(signed), WIDEST)) or float(np.abs(signed).max()) or 1.0
    scaled = np.asarray(signed / full, np.float32)
    if scaled.shape[1] == 1:
        return images.error_map(np.zeros_like(scaled), scaled)
    return (0.5 + 0.5 * scaled).clip(0, 1)


# The least that a loss can be


def floor(test: Split) -> float:
    """Nats of binary cross-entropy that no model can save on a picture: the entropy of its gray pixels, averaged."""
    levels = np.arange(test.levels + 1) / test.levels
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-levels * np.log(levels)) + np.nan_to_num(-(1 - levels) * np.log(1 - levels))
    counts = np.bincount(test.pictures.ravel(), minlength=len(levels))
    return float(counts @ entropy / len(test))


def numbers(opened: Trained, test: Split) -> dict[str, Any]:
    """The `floor` of the reconstruction, in nats, where the loss has one and the pictures are those of the data set."""
    if isinstance(opened.model.likelihood, Bernoulli) and not test.drawn:
        return {"floor": floor(test)}
    return {}
