"""Convolutional networks for images: with strided convolutions (conv), or with pooling (conv-pool)."""

from __future__ import annotations

import math
from itertools import pairwise

from torch import nn

from aecore.errors import UserError
from aecore.models.networks.factory import NetworkFactory


def _halved_sizes(make: NetworkFactory, times: int) -> list[tuple[int, int]]:
    """Height and width before the first and after each halving layer; a UserError when an image is too small."""
    _, height, width = make.shape
    sizes = [(height, width)]
    for _ in range(times):
        height, width = height // 2, width // 2
        if min(height, width) < 1:
            most = int(math.log2(min(make.shape[1:])))
            raise UserError(
                f"Images of {make.shape[1]} x {make.shape[2]} pixels can be halved {most} times: "
                f"give at most {most} convolutional layers, not {times}."
            )
        sizes.append((height, width))
    return sizes


def conv_encoder(make: NetworkFactory, out: int) -> nn.Module:
    """Halves the image at each layer, `[B, C, H, W] -> [B, out]`."""
    layers: list[nn.Module] = []
    for before, after in pairwise([make.shape[0], *make.hidden_sizes]):
        # kernel 4 at stride 2 halves exactly (odd sizes round down), every input pixel seen equally often
        layers += make.hidden_layer(nn.Conv2d, before, after, 4, stride=2, padding=1)
    height, width = _halved_sizes(make, len(make.hidden_sizes))[-1]
    channels = [make.shape[0], *make.hidden_sizes][-1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, out))


def conv_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    """Doubles the image at each layer, `[B, in_features] -> [B, C, H, W]`."""
    sizes = _halved_sizes(make, len(make.decoder_widths))[::-1]
    channels = [*make.decoder_widths, make.shape[0]]
    layers = make.unfold(in_features, (channels[0], *sizes[0]))
    for number, (before, after) in enumerate(pairwise(channels), 1):
        height, width = sizes[number]
        # output_padding gives back the odd row that halving dropped; kernel divisible by stride: no checkerboard of
        # unequal overlaps (Odena et al. 2016)
        settings = {"stride": 2, "padding": 1, "output_padding": (height % 2, width % 2)}
        if number == len(make.decoder_widths):
            layers += [nn.ConvTranspose2d(before, after, 4, **settings)]  # type: ignore[arg-type]
        else:
            layers += make.hidden_layer(nn.ConvTranspose2d, before, after, 4, **settings)
    return nn.Sequential(*layers)


def _pooled_sizes(make: NetworkFactory, times: int) -> list[tuple[int, int]]:
    """Height and width before the first and after each pooling; odd sizes round up, so that any image can be pooled."""
    _, height, width = make.shape
    sizes = [(height, width)]
    for _ in range(times):
        sizes.append(((sizes[-1][0] + 1) // 2, (sizes[-1][1] + 1) // 2))
    return sizes


def conv_pool_encoder(make: NetworkFactory, out: int) -> nn.Module:
    """3 x 3 convolutions with max-pooling, `[B, C, H, W] -> [B, out]`, as LeCun et al. (1998) and most textbooks."""
    layers: list[nn.Module] = []
    for before, after in pairwise([make.shape[0], *make.hidden_sizes]):
        layers += make.hidden_layer(nn.Conv2d, before, after, 3, padding=1)
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
    height, width = _pooled_sizes(make, len(make.hidden_sizes))[-1]
    channels = [make.shape[0], *make.hidden_sizes][-1]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * height * width, out))


def conv_pool_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    """Pixels repeated and 3 x 3 convolutions, `[B, in_features] -> [B, C, H, W]`."""
    sizes = _pooled_sizes(make, len(make.decoder_widths))[::-1]
    channels = [*make.decoder_widths, make.shape[0]]
    layers = make.unfold(in_features, (channels[0], *sizes[0]))
    for number, (before, after) in enumerate(pairwise(channels), 1):
        layers += [nn.Upsample(size=sizes[number])]
        if number == len(make.decoder_widths):
            layers += [nn.Conv2d(before, after, 3, padding=1)]
        else:
            layers += make.hidden_layer(nn.Conv2d, before, after, 3, padding=1)
    return nn.Sequential(*layers)
