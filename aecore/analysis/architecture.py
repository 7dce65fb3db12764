"""Anatomy: what any model is made of. Its layers, what its first units look for, what each number of a code draws, and
the least that its loss can be."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models.families.build import build_on_meta, model_size, resolve_config
from aecore.models.footprint import META, count_parameters
from aecore.models.latents import LatentSummary

# The network

RESHAPING_LAYERS = ("Flatten", "Unflatten", "Identity", "Transpose")  # layers that only lay numbers out anew
TIED_LABEL = "Linear, tied (transposed encoder weights)"
LAYER_LABELS = {
    "TiedLinear": TIED_LABEL,
    "GruStack": "GRU",
    "GruDecoder": "GRU, autoregressive",
    "ColumnEmbedding": "Embedding of categories",
    "ColumnHeads": "Linear, one for each column",
}  # names of modules that say too little


@dataclass(frozen=True)
class LayerInfo:
    """A line of the table of layers."""

    part: str  # encoder, decoder
    type: str
    shape: tuple[int, ...]  # of the output, without the batch
    parameters: int


def layers(config: Config) -> list[LayerInfo]:
    """The layers of a settled run in order, with what comes out of each; nothing is allocated."""
    model = build_on_meta(config).model.eval()
    found: list[LayerInfo] = []

    def note(part: str) -> Any:
        def hook(module: nn.Module, _: Any, output: Tensor | tuple[Tensor, Any]) -> None:
            output = output[0] if isinstance(output, tuple) else output
            found.append(LayerInfo(part, _describe_layer(module), tuple(output.shape[1:]), count_parameters(module)))

        return hook

    for part, network in (("encoder", model.encoder), ("decoder", model.decoder)):
        for module in _layers_of(network):
            module.register_forward_hook(note(part))
    with torch.inference_mode(), META:
        x, y = torch.zeros(1, *CARDS[config.dataset].shape), torch.zeros(1, dtype=torch.long)  # told, none is guessed
        model.decode(model.encode(x, y).z, y)
    return found


def _layers_of(module: nn.Module) -> list[nn.Module]:
    """The modules that are told as one layer: those without others inside, and those that say so of themselves."""
    children = list(module.children())
    if not children or getattr(module, "is_layer", False):
        return [module]
    return [layer for child in children for layer in _layers_of(child)]


def _describe_layer(module: nn.Module) -> str:
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        size, stride = module.kernel_size[0], module.stride[0]
        return f"{type(module).__name__} {size} x {size}, stride {stride}"
    if isinstance(module, nn.Conv1d):
        return f"Conv1d {module.kernel_size[0]}, dilation {module.dilation[0]}"
    return type(module).__name__


@dataclass(frozen=True)
class ArchitectureSummary:
    """A model from image to image."""

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
    for part, group in groupby(layers(config), lambda layer: layer.part):
        # a model that is not told the label tries them all: its layers are heard once for each
        found.setdefault(part, _fold_activations(list(group)))
    learnt = sum(layer.parameters for part in found.values() for layer in part)
    between, whole = count_parameters(model.bottleneck), count_parameters(model)
    spare = model_size(config).parameters - whole
    return ArchitectureSummary(
        found["encoder"], _summarise_latent(run), found["decoder"], between, whole - learnt - between, spare
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
    return latent.describe()
