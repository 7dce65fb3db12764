"""Temporal convolutional networks for series (tcn): dilated convolutions along time, with pooling between them.

Each hidden layer is a convolution of width 3 over all channels, dilated 1, 2, 4 ... moments of what it is given, as in
Bai, Kolter & Koltun (2018), and halves the length by max-pooling. Two things differ from theirs: nothing is to be
forecast, so a layer sees what comes after a moment as well as what came before; and there are no residual
connections, for layers are few.

One number of the last hidden layer looks at `receptive_field(layers)` moments in a row: 4, 14, 50, 186 for one to four
layers. The linear layer behind them looks at all.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from aecore.models.networks.factory import NetworkFactory

KERNEL_SIZE = 3
POOLING = 2  # how many moments become one


class Transpose(nn.Module):
    """`[B, T, C]` to `[B, C, T]`, as torch convolves, and back."""

    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def receptive_field(layers: int) -> int:
    """How many moments of a series one number of the last of so many hidden layers depends on."""
    field, apart = 1, 1  # moments, and how many of them lie between two neighbours of a layer's input
    for layer in range(layers):
        field += (KERNEL_SIZE - 1) * 2**layer * apart + (POOLING - 1) * apart
        apart *= POOLING
    return field


def _lengths(make: NetworkFactory, times: int) -> list[int]:
    """Moments before the first and after each pooling; odd lengths round up, so that any series can be pooled."""
    lengths = [make.shape[0]]
    for _ in range(times):
        lengths.append(-(-lengths[-1] // POOLING))
    return lengths


def _same_length(dilation: int) -> dict[str, int]:
    return {"dilation": dilation, "padding": dilation * (KERNEL_SIZE - 1) // 2}


def tcn_encoder(make: NetworkFactory, out: int) -> nn.Module:
    """`[B, T, C] -> [B, out]`; `hidden_sizes` are channels. The first part, `Sequential[0]`, is all but the last layer.

    The length is halved by every hidden layer; any length will do.
    """
    layers: list[nn.Module] = [Transpose()]
    for number, (before, after) in enumerate(pairwise([make.shape[1], *make.hidden_sizes])):
        layers += make.hidden_layer(nn.Conv1d, before, after, KERNEL_SIZE, **_same_length(2**number))
        layers += [nn.MaxPool1d(POOLING, ceil_mode=True)]
    channels = [make.shape[1], *make.hidden_sizes][-1]
    moments = _lengths(make, len(make.hidden_sizes))[-1]
    return nn.Sequential(nn.Sequential(*layers), nn.Flatten(), nn.Linear(channels * moments, out))


def tcn_decoder(make: NetworkFactory, in_features: int) -> nn.Module:
    """`[B, in_features] -> [B, T, C]`: moments repeated in place of pooled, and convolutions without dilation.

    A filter that is dilated by 2 over moments that were doubled meets the same numbers at both moments of a pair, and
    cannot tell them apart.
    """
    widths = make.decoder_widths
    lengths, channels = _lengths(make, len(widths))[::-1], [*widths, make.shape[1]]
    layers = make.unfold(in_features, (channels[0], lengths[0]))
    for number, (before, after) in enumerate(pairwise(channels), 1):
        layers += [nn.Upsample(size=lengths[number])]
        settings = _same_length(1)
        if number == len(widths):
            layers += [nn.Conv1d(before, after, KERNEL_SIZE, **settings)]  # type: ignore[arg-type]
        else:
            layers += make.hidden_layer(nn.Conv1d, before, after, KERNEL_SIZE, **settings)
    return nn.Sequential(*layers, Transpose())
