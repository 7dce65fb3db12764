"""NetworkFactory: what networks are built from, and what stands between their layers."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aecore.data.modalities import Modality
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
    hidden_sizes: tuple[int, ...] = (128, 64)  # encoder order: widths, or channels of convolutions
    activation: str = "relu"
    likelihood: Likelihood = dataclasses.field(default_factory=Bernoulli)  # what the decoder's numbers mean
    dropout: float = 0.0  # share of hidden units silenced in training
    n_classes: int = 0  # how many classes the data set tells apart
    train_size: int = 0  # how many samples the training set holds
    modality: Modality | None = None  # what its samples are; None: images, where the shape is one of images
    decoder_sizes: tuple[int, ...] = ()  # from the code on; none: the encoder's, mirrored
    batch_norm: bool = False  # whether hidden layers are standardised over the batch
    teacher_forcing: float = 0.0  # share of moments at which a recurrent decoder is given the true value in training
    code_size: int = 0  # numbers of a code, where the decoder is given these and nothing else
    max_value: int = 0  # the whole number that 1 stands for where values are such numbers; 0: they are real

    def encoder(self, out: int) -> nn.Module:
        return KINDS[self.network].encoder(self, out)

    def decoder(self, in_features: int) -> nn.Module:
        return KINDS[self.network].decoder(self, in_features)

    @property
    def code_grid(self) -> tuple[int, int] | None:
        """Height and width of the map that the code is; None where it is none."""
        grid = KINDS[self.network].code_grid
        return grid(self) if grid else None

    def replace(self, **changes: Any) -> NetworkFactory:
        """The same maker with something changed: `make.replace(hidden_sizes=())`."""
        return dataclasses.replace(self, **changes)

    @property
    def decoder_widths(self) -> tuple[int, ...]:
        """Sizes of the decoder's hidden layers, from the code on."""
        return self.decoder_sizes or self.hidden_sizes[::-1]

    def activation_layer(self) -> nn.Module:
        """What stands between two layers."""
        bend = ACTIVATIONS[self.activation]()
        return nn.Sequential(bend, nn.Dropout(self.dropout)) if self.dropout else bend

    def unfold(self, in_features: int, start: tuple[int, ...]) -> list[nn.Module]:
        """How a convolutional decoder begins: `[B, in_features] -> [B, *start]`, channels first."""
        layers: list[nn.Module] = [nn.Linear(in_features, math.prod(start))]
        if self.decoder_widths:
            layers += [self.activation_layer()]
        return [*layers, nn.Unflatten(1, start)]

    def hidden_layer(self, layer: Callable[..., nn.Module], *arguments: int, **settings: Any) -> list[nn.Module]:
        """A layer and what follows it: `layer(*arguments, **settings)`, whose second argument is how many features or
        channels come out; the normalisation, where there is one, and the activation."""
        if not self.batch_norm:
            return [layer(*arguments, **settings), self.activation_layer()]
        # the normalisation takes every mean away, and so makes a bias useless: it has one of its own
        return [layer(*arguments, bias=False, **settings), BatchNorm(arguments[1]), self.activation_layer()]


@dataclass(frozen=True)
class NetworkKind:
    """A kind of network: how it is built. Which samples it fits, their modality says."""

    encoder: Callable[[NetworkFactory, int], nn.Module]
    decoder: Callable[[NetworkFactory, int], nn.Module]
    # whether a step is few products of matrices, which several threads share only where they are large
    matrix_products: bool = True
    unused: tuple[str, ...] = ("teacher_forcing",)  # fields of `Config` that change nothing in it
    code_grid: Callable[[NetworkFactory], tuple[int, int]] | None = None  # of the map that its code is, where it is one


KINDS: dict[str, NetworkKind] = {}  # registry.py fills it: kinds are built from the factory, and stand above it


class BatchNorm(nn.modules.batchnorm._BatchNorm):
    """Batch normalisation of `[B, C]`, `[B, C, T]` or `[B, C, H, W]`, channel by channel (Ioffe & Szegedy 2015).

    The statistics of the batch are used where gradients are taken and a channel has two values or more; else the
    running ones: what only looks at a model in training neither changes it nor depends on who is looked at together.
    """

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, input: Tensor) -> Tensor:
        if self.training and torch.is_grad_enabled() and input.numel() > input.shape[1]:
            return super().forward(input)
        return nn.functional.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )
