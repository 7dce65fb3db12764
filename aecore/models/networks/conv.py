"""Convolutional networks for images and videos: with strided convolutions (conv), with pooling (conv-pool), and with
pooling and a map for a code (conv-spatial). The frames of a video are their channels."""

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


def _pooling_layers(make: NetworkFactory) -> list[nn.Module]:
    """3 x 3 convolutions, each followed by a max-pooling that halves the map."""
    layers: list[nn.Module] = []
    for before, after in pairwise([make.shape[0], *make.hidden_sizes]):
        layers += make.hidden_layer(nn.Conv2d, before, after, 3, padding=1)
        layers += [nn.MaxPool2d(2, ceil_mode=True)]
    return layers


def _enlarging_layers(make: NetworkFactory) -> list[nn.Module]:
    """Pixels repeated before each 3 x 3 convolution, `[B, decoder_widths[0], h, w] -> [B, C, H, W]`."""
    sizes = _pooled_sizes(make, len(make.decoder_widths))[::-1]
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise([*make.decoder_widths, make.shape[0]]), 1):
        layers += [nn.Upsample(size=sizes[number])]
        if number == len(make.decoder_widths):
            layers += [nn.Conv2d(before, after, 3, padding=1)]
        else:
            layers += make.hidden_layer(nn.Conv2d, before, after, 3, padding=1)
    return layers


def conv_pool_encoder(make: NetworkFactory, out: int) -> nn.Module:
    """3 x 3 convolutions with max-pooling, `[B, C, H, W] -> [B, out]`, as LeCun et al. (1998) and most textbooks."""
    height, width = _pooled_sizes(make, len(make.hidden_sizes))[-1]
    channels = [make.shape[0], *make.hidden_sizes][-1]
    return nn.Sequential(*_pooling_layers(make), nn.Flatten(), nn.Linear(channels * height * width, out))


def conv_pool_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    """Pixels repeated and 3 x 3 convolutions, `[B, in_features] -> [B, C, H, W]`."""
    start = [*make.decoder_widths, make.shape[0]][0], *_pooled_sizes(make, len(make.decoder_widths))[-1]
    return nn.Sequential(*make.unfold(in_features, start), *_enlarging_layers(make))


def code_grid(make: NetworkFactory) -> tuple[int, int]:
    """Height and width of the smallest map."""
    return _pooled_sizes(make, len(make.hidden_sizes))[-1]


def _code_map(make: NetworkFactory, numbers: int) -> tuple[int, int, int]:
    """Channels, height and width of the smallest map, of `numbers` in all; a UserError when a code is no such map."""
    height, width = code_grid(make)
    places, size = height * width, make.code_size
    if not size:
        raise UserError(
            "The network conv-spatial takes its smallest map for the code, which this model cannot: labels, "
            "levels or a layer of its own stand between the two. Choose conv-pool."
        )
    if size % places:
        below = size - size % places
        fitting = " or ".join(str(each) for each in (below, below + places) if each)
        raise UserError(
            f"The code of conv-spatial is a map of {height} x {width} places here: give a latent dimension that is a "
            f"multiple of {places}, such as {fitting}, not {size}."
        )
    return numbers // places, height, width


def conv_spatial_encoder(make: NetworkFactory, out: int) -> nn.Module:
    """As `conv_pool_encoder` with a last convolution in place of the dense layer, `[B, C, H, W] -> [B, out]`: the code
    is the smallest map, laid out channel by channel (Masci, Meier, Ciresan & Schmidhuber 2011)."""
    channels, _, _ = _code_map(make, out)
    before = [make.shape[0], *make.hidden_sizes][-1]
    return nn.Sequential(*_pooling_layers(make), nn.Conv2d(before, channels, 3, padding=1), nn.Flatten())


def conv_spatial_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    """As `conv_pool_decoder` from the code as a map on, `[B, in_features] -> [B, C, H, W]`."""
    code, widths = _code_map(make, in_features), make.decoder_widths
    if len(widths) != len(make.hidden_sizes):
        raise UserError(
            f"The decoder of conv-spatial enlarges the map as often as its encoder halves it: give it "
            f"{len(make.hidden_sizes)} layers, not {len(widths)}."
        )
    if not widths:
        return nn.Sequential(nn.Unflatten(1, code), nn.Conv2d(code[0], make.shape[0], 3, padding=1))
    first = make.hidden_layer(nn.Conv2d, code[0], widths[0], 3, padding=1)
    return nn.Sequential(nn.Unflatten(1, code), *first, *_enlarging_layers(make))
