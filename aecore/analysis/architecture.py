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
from torch import nn

from aecore.analysis import loaded
from aecore.analysis.loaded import LayerInfo, LoadedModel
from aecore.data import images
from aecore.data.datasets import Split
from aecore.dispatch import lookup
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent, VectorQuantizer
from aecore.models.families.build import resolve_config
from aecore.models.footprint import count_parameters
from aecore.models.likelihoods import Bernoulli

MAX_SHOWN = 32  # filters or atoms at a time
COLOUR_PERCENTILE = 99.5  # percentile of sizes that gets the full colour: one odd pixel does not make all others pale


# The network

RESHAPING_LAYERS = ("Flatten", "Unflatten", "Identity")  # layers that only lay numbers out anew
TIED_LABEL = "Linear, turned round"
LAYER_LABELS = {"Transposed": TIED_LABEL}  # names of modules that say too little


@dataclass(frozen=True)
class LatentSummary:
    """What stands in the middle of a model."""

    shape: tuple[int, ...]
    type: str  # in two words
    description: str


@dataclass(frozen=True)
class ArchitectureSummary:
    """A model from picture to picture."""

    encoder: list[LayerInfo]  # one for each layer that learns, or that changes how many numbers there are
    latent: LatentSummary
    decoder: list[LayerInfo]
    bottleneck_parameters: int  # numbers learnt in between (a ladder's own networks)
    label_parameters: int  # numbers learnt for labels, beside the layers
    training_only_parameters: int  # numbers that only training needs (a critic)

    @property
    def has_tied_weights(self) -> bool:
        """Whether layers of the decoder use the encoder's weights."""
        return any(layer.type.startswith(TIED_LABEL) for layer in self.decoder)

    @property
    def total_parameters(self) -> int:
        layers = sum(layer.parameters for layer in (*self.encoder, *self.decoder))
        return layers + self.bottleneck_parameters + self.label_parameters + self.training_only_parameters


def summarise_architecture(run: LoadedModel) -> ArchitectureSummary:
    """The layers of a run's model, activations folded into the layer before."""
    config, model = resolve_config(run.config, for_training=False), run.model
    found: dict[str, list[LayerInfo]] = {}
    for part, group in groupby(loaded.layers(config), lambda layer: layer.part):
        # a model that is not told the label tries them all: its layers are heard once for each
        found.setdefault(part, _fold_activations(list(group)))
    layers = sum(layer.parameters for part in found.values() for layer in part)
    between, whole = count_parameters(model.bottleneck), count_parameters(model)
    spare = loaded.model_size(config).parameters - whole
    return ArchitectureSummary(
        found["encoder"], _summarise_latent(run), found["decoder"], between, whole - layers - between, spare
    )


def _fold_activations(layers: Sequence[LayerInfo]) -> list[LayerInfo]:
    """Layers that learn nothing and keep the count of numbers are told with the one before them."""
    found: list[LayerInfo] = []
    for layer in layers:
        count = math.prod(layer.shape)
        if not layer.parameters and found and count == math.prod(found[-1].shape):
            before = found.pop()
            silent = layer.type in RESHAPING_LAYERS
            kind = before.type if silent else f"{before.type} + {layer.type}"
            shape = layer.shape if silent and len(layer.shape) > len(before.shape) else before.shape
            found.append(LayerInfo(layer.part, kind, shape, before.parameters))
        elif layer.parameters or layer.type not in RESHAPING_LAYERS:
            found.append(LayerInfo(layer.part, LAYER_LABELS.get(layer.type, layer.type), layer.shape, layer.parameters))
    return found


def _summarise_latent(run: LoadedModel) -> LatentSummary:
    latent = run.latents(np.zeros((1, *run.card.shape), np.float32), np.zeros(1, np.int64))
    return lookup(LATENT_SUMMARIES, type(latent))(latent, run.model)


def _describe_point(latent: Latent, model: Autoencoder) -> LatentSummary:
    count = latent.code.shape[1]
    return LatentSummary((count,), "a point", _count_text(count, "number"))


def _describe_sparse(latent: SparseLatent, model: Autoencoder) -> LatentSummary:
    count = latent.code.shape[1]
    kept = (
        f", of which at most {round((1 - latent.sparsity_by_design) * count)} are not 0"
        if latent.sparsity_by_design
        else ""
    )
    return LatentSummary((count,), "units", _count_text(count, "unit") + (kept or ", each more or less active"))


def _describe_gaussian(latent: Latent, model: Autoencoder) -> LatentSummary:
    count = latent.code.shape[1]
    words = f"{_count_text(count, 'number')}, for each of which the encoder says a mean and a width"
    return LatentSummary((count,), "a cloud", words)


def _describe_ladder(latent: LadderLatent, model: Autoencoder) -> LatentSummary:
    count = latent.code.shape[1]
    words = (
        f"{_count_text(count, 'number')}: {latent.n_top} of a cloud above, which says what to expect of the cloud below"
    )
    return LatentSummary((count,), "two clouds", words)


def _describe_codebook(latent: Quantized, model: Autoencoder) -> LatentSummary:
    _, slots, width = latent.quantized.shape
    assert isinstance(model.bottleneck, VectorQuantizer)
    words = (
        f"{_count_text(slots, 'slot')}, each holding one of {len(model.bottleneck.book)} vectors of "
        f"{_count_text(width, 'number')}"
    )
    return LatentSummary((slots, width), "slots", words)


def _count_text(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


# kind of code -> what the middle of the drawing says
LATENT_SUMMARIES: dict[type, Callable[[Any, Autoencoder], LatentSummary]] = {
    Latent: _describe_point,
    SparseLatent: _describe_sparse,
    GaussianLatent: _describe_gaussian,
    LadderLatent: _describe_ladder,
    Quantized: _describe_codebook,
}


# Filters and atoms


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


# The least that a loss can be


def bce_lower_bound(test: Split) -> float:
    """Nats of binary cross-entropy that no model can save on a picture: the entropy of its gray pixels, averaged."""
    levels = np.arange(test.max_value + 1) / test.max_value
    with np.errstate(divide="ignore", invalid="ignore"):
        entropy = np.nan_to_num(-levels * np.log(levels)) + np.nan_to_num(-(1 - levels) * np.log(1 - levels))
    counts = np.bincount(test.x.ravel(), minlength=len(levels))
    return float(counts @ entropy / len(test))


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """The `floor` of the reconstruction, in nats, where the loss has one and the pictures are those of the data set."""
    if isinstance(run.model.likelihood, Bernoulli) and not test.synthetic:
        return {"bce_lower_bound": bce_lower_bound(test)}
    return {}
