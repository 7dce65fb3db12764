"""Convolutions, pooling and their like as steps of a browser's program (browser_layers says what a step is).

Series `[C, T]` are images of one column there, `[C, T, 1]`: one step serves both.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import nn

from aecore.export.program import UnsupportedLayer
from aecore.export.weight_buffer import Ops, WeightBuffer
from aecore.models.networks import BatchNorm, Shape


def _geometry(module: nn.Conv2d | nn.ConvTranspose2d, shape: Shape) -> tuple[list[int], list[int], list[int]]:
    """Kernel, stride and padding, [down, across] each."""
    plain = module.groups == 1 and set(module.dilation) == {1} and module.padding_mode == "zeros"
    if not plain or isinstance(module.padding, str) or len(shape) != 3 or shape[0] != module.in_channels:
        raise UnsupportedLayer(
            "The browser cannot compute a convolution with groups, dilation or a padding other than zeros."
        )
    return list(module.kernel_size), list(module.stride), [int(each) for each in module.padding]


def conv(module: nn.Conv2d, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    kernel, stride, padding = _geometry(module, shape)
    spans = zip(shape[1:], kernel, stride, padding, strict=True)
    to = (module.out_channels, *((size + 2 * pad - k) // step + 1 for size, k, step, pad in spans))
    places = {"weight": buffer.add(module.weight.permute(2, 3, 1, 0)), "bias": buffer.add_bias(module, to[0])}
    how = {"kernel": kernel, "stride": stride, "padding": padding}
    return [{"op": "conv", "in_shape": list(shape), "out_shape": list(to), **how, **places}], to


def transposed_conv(module: nn.ConvTranspose2d, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    kernel, stride, padding = _geometry(module, shape)
    more = [int(each) for each in module.output_padding]
    spans = zip(shape[1:], kernel, stride, padding, more, strict=True)
    to = (module.out_channels, *((size - 1) * step - 2 * pad + k + odd for size, k, step, pad, odd in spans))
    places = {"weight": buffer.add(module.weight.permute(0, 2, 3, 1)), "bias": buffer.add_bias(module, to[0])}
    how = {"kernel": kernel, "stride": stride, "padding": padding, "output_padding": more}
    return [{"op": "conv_transpose", "in_shape": list(shape), "out_shape": list(to), **how, **places}], to


def conv1d(module: nn.Conv1d, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    plain = module.groups == 1 and module.padding_mode == "zeros" and not isinstance(module.padding, str)
    if not plain or len(shape) != 2 or shape[0] != module.in_channels:
        raise UnsupportedLayer("The browser cannot compute a convolution with groups or a padding other than zeros.")
    (kernel,), (stride,), (dilation,) = module.kernel_size, module.stride, module.dilation
    padding = int(module.padding[0])
    to = (module.out_channels, (shape[1] + 2 * padding - dilation * (kernel - 1) - 1) // stride + 1)
    weight = buffer.add(module.weight.permute(2, 1, 0)[:, None])  # [kh, kw, in, out]
    op = {
        "op": "conv",
        "in_shape": [*shape, 1],
        "out_shape": [*to, 1],
        "kernel": [kernel, 1],
        "stride": [stride, 1],
        "padding": [padding, 0],
        "dilation": [dilation, 1],
        "weight": weight,
        "bias": buffer.add_bias(module, to[0]),
    }
    return [op], to


def max_pool(module: nn.MaxPool1d | nn.MaxPool2d, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    """Pooling of windows that do not overlap; those at the far ends may be cut off."""
    flat = isinstance(module, nn.MaxPool1d)
    each_side: tuple[Any, Any] = module.kernel_size, module.stride
    kernel, stride = ([each] if flat else [each, each] for each in each_side)
    plain = kernel == stride and module.padding == 0 and module.dilation == 1 and module.ceil_mode
    if not plain or not all(isinstance(each, int) for each in kernel) or len(shape) != 1 + len(kernel):
        raise UnsupportedLayer("The browser cannot compute a pooling whose windows overlap or are not square.")
    to = (shape[0], *(-(-size // each) for size, each in zip(shape[1:], kernel, strict=True)))
    column = [1] if flat else []
    op = {"op": "max_pool", "in_shape": [*shape, *column], "out_shape": [*to, *column], "kernel": [*kernel, *column]}
    return [op], to


def upsample(module: nn.Upsample, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    """Pixels or moments repeated; where a size is asked for, what is too much at the far ends is cut off."""
    if module.mode != "nearest" or len(shape) not in (2, 3):
        raise UnsupportedLayer("The browser can only enlarge images by repeating pixels a whole number of times.")
    column = [1] if len(shape) == 2 else []
    if module.size is not None:
        return _upsample_to(_per_side(module.size, shape), shape, column)
    times = [float(each) for each in _per_side(module.scale_factor or 0.5, shape)]
    if not all(each.is_integer() for each in times):
        raise UnsupportedLayer("The browser can only enlarge images by repeating pixels a whole number of times.")
    scale = [*map(int, times)]
    op = {"op": "upsample", "in_shape": [*shape, *column], "scale_factor": [*scale, *column]}
    return [op], (shape[0], *(size * each for size, each in zip(shape[1:], scale, strict=True)))


def _per_side(value: Any, shape: Shape) -> list[Any]:
    return list(value) if isinstance(value, tuple) else [value] * (len(shape) - 1)


def _upsample_to(sizes: list[int], shape: Shape, column: list[int]) -> tuple[Ops, Shape]:
    scale = [-(-size // before) for size, before in zip(sizes, shape[1:], strict=True)]
    for size, before, each in zip(sizes, shape[1:], scale, strict=True):
        if any(at * before // size != at // each for at in range(size)):  # which pixel torch repeats, and which we do
            raise UnsupportedLayer("The browser can only enlarge images by repeating pixels a whole number of times.")
    to = (shape[0], *sizes)
    op = {"op": "upsample", "in_shape": [*shape, *column], "scale_factor": [*scale, *column]}
    return [op | {"out_shape": [*to, *column]}], to


FOLDABLE = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d


def folded(layer: nn.Module, norm: BatchNorm) -> nn.Module:
    """A layer and the normalisation behind it as one layer, which computes what both do in use."""
    assert isinstance(layer, FOLDABLE) and norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    out_first = not isinstance(layer, nn.ConvTranspose2d)
    around = [1] * (layer.weight.ndim - 2)
    view = scale.view(-1, 1, *around) if out_first else scale.view(1, -1, *around)
    made = copy.deepcopy(layer)
    with torch.no_grad():
        before = 0 if layer.bias is None else layer.bias
        made.weight = nn.Parameter(layer.weight * view)
        made.bias = nn.Parameter(norm.bias + (before - norm.running_mean) * scale)
    return made
