"""Networks: encoders `[B, *shape] -> [B, out]` and decoders `[B, z] -> [B, *shape]` that fit one data set."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from aecore.data.modalities import Modality
from aecore.errors import UserError
from aecore.models.likelihoods import Bernoulli, Likelihood

Shape = tuple[int, ...]

ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "leaky-relu": lambda: nn.LeakyReLU(0.01),
    "elu": nn.ELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
}


@dataclass(frozen=True)
class NetworkFactory:
    """Builds networks that fit one data set: its shape and likelihood, the kind of network, widths and activation."""

    shape: Shape  # of one input, without the batch
    network: str = "mlp"
    hidden_sizes: tuple[int, ...] = (128, 64)  # encoder order: widths (mlp) or channels (conv); mirrored in the decoder
    activation: str = "relu"
    likelihood: Likelihood = dataclasses.field(default_factory=Bernoulli)  # what the decoder's numbers mean
    dropout: float = 0.0  # share of hidden units silenced in training
    n_classes: int = 0  # how many classes the data set tells apart
    train_size: int = 0  # how many samples the training set holds
    modality: Modality | None = None  # what its samples are; None: images, where the shape is one of images

    def encoder(self, out: int) -> nn.Module:
        return NETWORKS[self.network].encoder(self, out)

    def decoder(self, in_features: int) -> nn.Module:
        return NETWORKS[self.network].decoder(self, in_features)

    def replace(self, **changes: Any) -> NetworkFactory:
        """The same maker with something changed: `make.replace(hidden_sizes=())`."""
        return dataclasses.replace(self, **changes)

    def activation_layer(self) -> nn.Module:
        """What stands between two layers."""
        bend = ACTIVATIONS[self.activation]()
        return nn.Sequential(bend, nn.Dropout(self.dropout)) if self.dropout else bend


def mlp(widths: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Fully connected layers, `activation` between them and none after the last."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


class TiedLinear(nn.Module):
    """A layer with the weight of another, transposed, and a bias of its own."""

    source: nn.Linear

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        object.__setattr__(self, "source", linear)  # not registered: its weight is listed with the other layer alone
        self.bias = nn.Parameter(torch.zeros(linear.in_features))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.source.weight.T, self.bias)


def tied_mlp(make: NetworkFactory, out: int) -> tuple[nn.Module, nn.Module]:
    """An mlp encoder to `out` numbers, and the decoder that uses the same weights, transposed."""
    encoder = make.replace(network="mlp").encoder(out)
    layers: list[nn.Module] = []
    for layer in reversed([each for each in encoder.modules() if isinstance(each, nn.Linear)]):
        layers += [TiedLinear(layer), make.activation_layer()]
    return encoder, nn.Sequential(*layers[:-1], nn.Unflatten(1, make.shape))


def _mlp_encoder(make: NetworkFactory, out: int) -> nn.Module:
    return nn.Sequential(nn.Flatten(), *mlp([math.prod(make.shape), *make.hidden_sizes, out], make.activation_layer))


def _mlp_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    widths = [in_features, *reversed(make.hidden_sizes), math.prod(make.shape)]
    return nn.Sequential(*mlp(widths, make.activation_layer), nn.Unflatten(1, make.shape))


def _conv_sizes(make: NetworkFactory) -> list[tuple[int, int]]:
    """Height and width before the first and after each halving layer; a UserError when an image is too small."""
    _, height, width = make.shape
    sizes = [(height, width)]
    for _ in make.hidden_sizes:
        height, width = height // 2, width // 2
        if min(height, width) < 1:
            most = int(math.log2(min(make.shape[1:])))
            raise UserError(
                f"Images of {make.shape[1]} x {make.shape[2]} pixels can be halved {most} times: "
                f"give at most {most} convolutional layers, not {len(make.hidden_sizes)}."
            )
        sizes.append((height, width))
    return sizes


def _conv_encoder(make: NetworkFactory, out: int) -> nn.Module:
    layers: list[nn.Module] = []
    for before, after in pairwise([make.shape[0], *make.hidden_sizes]):
        # kernel 4 at stride 2 halves exactly (odd sizes round down), every input pixel seen equally often
        layers += [nn.Conv2d(before, after, 4, stride=2, padding=1), make.activation_layer()]
    height, width = _conv_sizes(make)[-1]
    channels = [make.shape[0], *make.hidden_sizes][-1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, out))


def _conv_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    sizes = _conv_sizes(make)[::-1]
    channels = [make.shape[0], *make.hidden_sizes][::-1]
    start = (channels[0], *sizes[0])
    layers: list[nn.Module] = [nn.Linear(in_features, math.prod(start))]
    if make.hidden_sizes:
        layers += [make.activation_layer()]
    layers += [nn.Unflatten(1, start)]
    for (before, after), (height, width) in zip(pairwise(channels), sizes[1:], strict=True):
        # output_padding gives back the odd row that halving dropped; kernel divisible by stride: no
        # checkerboard
        # of unequal overlaps (Odena et al. 2016)
        odd = (height % 2, width % 2)
        layers += [
            nn.ConvTranspose2d(before, after, 4, stride=2, padding=1, output_padding=odd),
            make.activation_layer(),
        ]
    return nn.Sequential(*layers[:-1] if make.hidden_sizes else layers)


@dataclass(frozen=True)
class NetworkKind:
    """A kind of network: how it is built. Which samples it fits, their modality says."""

    encoder: Callable[[NetworkFactory, int], nn.Module]
    decoder: Callable[[NetworkFactory, int], nn.Module]


NETWORKS: dict[str, NetworkKind] = {
    "mlp": NetworkKind(_mlp_encoder, _mlp_decoder),
    "conv": NetworkKind(_conv_encoder, _conv_decoder),
}


def _initialiser(init_weight: Callable[[Tensor], Tensor]) -> Callable[[nn.Module], None]:
    def fill(network: nn.Module) -> None:
        for module in network.modules():
            if isinstance(module, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
                init_weight(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    return fill


INITIALISATIONS: dict[str, Callable[[nn.Module], None]] = {
    "uniform": lambda network: None,  # torch's own: uniform within 1 / sqrt(inputs)
    "he": _initialiser(nn.init.kaiming_normal_),  # keeps the size of signals through ReLUs (He et al. 2015)
    "glorot": _initialiser(nn.init.xavier_uniform_),  # through layers that are nearly linear (Glorot & Bengio 2010)
    "zeros": _initialiser(nn.init.zeros_),  # a lesson: equal units get equal gradients and stay equal
}
