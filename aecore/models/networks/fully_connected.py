"""Fully connected networks (mlp), and those that share the encoder's weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from aecore.models.networks.factory import NetworkFactory


def mlp(widths: Sequence[int], activation: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    """Fully connected layers, `activation` between them and none after the last."""
    layers: list[nn.Module] = []
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), activation()]
    return nn.Sequential(*layers[:-1])


def hidden_layers(make: NetworkFactory, in_features: int, widths: Sequence[int]) -> list[nn.Module]:
    """Fully connected hidden layers, each with what follows it."""
    sizes = [in_features, *widths]
    return [part for before, after in pairwise(sizes) for part in make.hidden_layer(nn.Linear, before, after)]


def mlp_encoder(make: NetworkFactory, out: int) -> nn.Module:
    size = math.prod(make.shape)
    hidden = hidden_layers(make, size, make.hidden_sizes)
    return nn.Sequential(nn.Flatten(), *hidden, nn.Linear([size, *make.hidden_sizes][-1], out))


def mlp_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    hidden, size = hidden_layers(make, in_features, make.decoder_widths), math.prod(make.shape)
    last = nn.Linear([in_features, *make.decoder_widths][-1], size)
    return nn.Sequential(*hidden, last, nn.Unflatten(1, make.shape))


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
