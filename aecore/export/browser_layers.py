"""The steps of a browser's program: what each layer and bottleneck of a model becomes for static/net/net.js.

A step ("op") is a dictionary that JSON can say; offsets in it count floats from the start of the block. Weights lie
there in the order in which the browser reads them, all outputs of one input side by side:

    linear           in_features, out_features, weight [in, out], bias [out]
    conv             in_shape [C, H, W], out_shape [C, H, W], kernel, stride, padding [down, across],
                     weight [kh, kw, in, out], bias
    conv_transpose   the same and output_padding (already in `out_shape`), weight [in, kh, kw, out]
    upsample         in_shape, scale_factor [down, across]: nearest-neighbour
    relu, leaky-relu (slope), elu (alpha), silu, tanh, sigmoid, clip (to [0, 1])
    take_mean        size: the first numbers, which of a Gaussian are the means
    top_k            k: the largest numbers, zeros for the others
    quantize         n_positions, embedding_dim, codebook_size, weight [codebook_size, embedding_dim]: at each
                     latent position the codebook vector nearest to the encoder's output
    add_label_image  n_classes, size, weight [n_classes, size]: an embedding of the label, added to the input
    concat_label     n_classes: the label one-hot, behind the code
    ladder_encode    n_top, n_bottom, and the steps to_bottom, to_top, prior_net: the two levels of a code
    ladder_prior     n_top, n_bottom, and the steps prior_net: the bottom level in its own units

Tables go by exact type, for a subclass may do something else; what is not in them is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from aecore.export.program import UnsupportedLayer
from aecore.models.bottlenecks import (
    Bottleneck,
    DeterministicBottleneck,
    GaussianBottleneck,
    LadderBottleneck,
    TopK,
    VectorQuantizer,
)
from aecore.models.networks import Shape, TiedLinear

Op = dict[str, Any]
Ops = list[Op]


class WeightBuffer:
    """Weights one behind the other; what two layers share stands there once."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, np.ndarray]] = []  # where each begins; views of the model's own numbers
        self.size = 0
        self._offsets: dict[tuple[Any, ...], int] = {}

    def add(self, tensor: Tensor) -> int:
        """Where a tensor begins, its numbers in the order of its dimensions."""
        seen = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if seen not in self._offsets:
            part = tensor.detach().float().cpu().numpy()
            self._offsets[seen] = self.size
            self.parts.append((self.size, part))
            self.size += part.size
        return self._offsets[seen]

    def add_bias(self, layer: nn.Module, size: int) -> int:
        """Where a layer's bias begins; zeros where it has none."""
        if isinstance(layer.bias, Tensor):
            return self.add(layer.bias)
        self.parts.append((self.size, np.zeros(size, np.float32)))
        self.size += size
        return self.size - size

    def packed(self) -> np.ndarray:
        """All of them, float32 `[W]`: the one copy that is made."""
        packed = np.empty(self.size, np.float32)
        for start, part in self.parts:
            packed[start : start + part.size].reshape(part.shape)[...] = part
        return packed


def translate(module: nn.Module, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    """The steps of a module, and the shape that comes out when `shape` goes in."""
    ops, shape = lookup(LAYERS, module)(module, shape, buffer)
    return ops, shape


def lookup(table: dict[type, Any], part: object) -> Any:
    """By exact type: a subclass may do something else."""
    if type(part) not in table:
        raise UnsupportedLayer(f"The browser cannot compute {type(part).__name__}, a part of this model.")
    return table[type(part)]


# --- Layers: (module, shape before, block) -> (steps, shape after) ----------------------------------------------------

LayerCompiler = Callable[[Any, Shape, WeightBuffer], tuple[Ops, Shape]]


def _sequential(module: nn.Sequential, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    found: Ops = []
    for each in module:
        ops, shape = translate(each, shape, buffer)
        found += ops
    return found, shape


def _identity(module: nn.Module, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    return [], shape


def _flatten(module: nn.Flatten, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    return [], (math.prod(shape),)


def _unflatten(module: nn.Unflatten, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    return [], tuple(int(each) for each in module.unflattened_size)


def _activation(name: str, **attributes: str) -> LayerCompiler:
    """An activation; `attributes`: key of the op -> attribute of the module that holds its value."""

    def layer(module: nn.Module, shape: Shape, block: WeightBuffer) -> tuple[Ops, Shape]:
        return [{"op": name} | {key: getattr(module, attribute) for key, attribute in attributes.items()}], shape

    return layer


def _check_flat(shape: Shape, size: int) -> None:
    if shape != (size,):
        raise UnsupportedLayer(
            f"The browser cannot compute a layer of {size} inputs on {' x '.join(map(str, shape))} numbers."
        )


def _linear(module: nn.Linear, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    _check_flat(shape, module.in_features)
    sizes = {"in_features": module.in_features, "out_features": module.out_features}
    places = {"weight": buffer.add(module.weight.T), "bias": buffer.add_bias(module, module.out_features)}
    return [{"op": "linear", **sizes, **places}], (module.out_features,)


def _tied_linear(module: TiedLinear, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    weight = module.source.weight  # of the other layer [out, in], so of this one [in, out]
    _check_flat(shape, len(weight))
    places = {"weight": buffer.add(weight), "bias": buffer.add(module.bias)}
    sizes = {"in_features": weight.shape[0], "out_features": weight.shape[1]}
    return [{"op": "linear", **sizes, **places}], (weight.shape[1],)


def _geometry(module: nn.Conv2d | nn.ConvTranspose2d, shape: Shape) -> tuple[list[int], list[int], list[int]]:
    """Kernel, stride and padding, [down, across] each."""
    plain = module.groups == 1 and set(module.dilation) == {1} and module.padding_mode == "zeros"
    if not plain or isinstance(module.padding, str) or len(shape) != 3 or shape[0] != module.in_channels:
        raise UnsupportedLayer(
            "The browser cannot compute a convolution with groups, dilation or a padding other than zeros."
        )
    return list(module.kernel_size), list(module.stride), [int(each) for each in module.padding]


def _conv(module: nn.Conv2d, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    kernel, stride, padding = _geometry(module, shape)
    spans = zip(shape[1:], kernel, stride, padding, strict=True)
    to = (module.out_channels, *((size + 2 * pad - k) // step + 1 for size, k, step, pad in spans))
    places = {"weight": buffer.add(module.weight.permute(2, 3, 1, 0)), "bias": buffer.add_bias(module, to[0])}
    how = {"kernel": kernel, "stride": stride, "padding": padding}
    return [{"op": "conv", "in_shape": list(shape), "out_shape": list(to), **how, **places}], to


def _transposed_conv(module: nn.ConvTranspose2d, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    kernel, stride, padding = _geometry(module, shape)
    more = [int(each) for each in module.output_padding]
    spans = zip(shape[1:], kernel, stride, padding, more, strict=True)
    to = (module.out_channels, *((size - 1) * step - 2 * pad + k + odd for size, k, step, pad, odd in spans))
    places = {"weight": buffer.add(module.weight.permute(0, 2, 3, 1)), "bias": buffer.add_bias(module, to[0])}
    how = {"kernel": kernel, "stride": stride, "padding": padding, "output_padding": more}
    return [{"op": "conv_transpose", "in_shape": list(shape), "out_shape": list(to), **how, **places}], to


def _upsample(module: nn.Upsample, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    factor = module.scale_factor
    times = [float(each) for each in (factor if isinstance(factor, tuple) else (factor or 0.5,) * 2)]
    if module.mode != "nearest" or len(shape) != 3 or not all(each.is_integer() for each in times):
        raise UnsupportedLayer("The browser can only enlarge images by repeating pixels a whole number of times.")
    down, across = map(int, times)
    op = {"op": "upsample", "in_shape": list(shape), "scale_factor": [down, across]}
    return [op], (shape[0], shape[1] * down, shape[2] * across)


LAYERS: dict[type, LayerCompiler] = {
    nn.Sequential: _sequential,
    nn.Identity: _identity,
    nn.Dropout: _identity,  # a model in use drops nothing
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Linear: _linear,
    TiedLinear: _tied_linear,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _transposed_conv,
    nn.Upsample: _upsample,
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: _activation("leaky-relu", slope="negative_slope"),
    nn.ELU: _activation("elu", alpha="alpha"),
    nn.SiLU: _activation("silu"),
    nn.Tanh: _activation("tanh"),
    nn.Sigmoid: _activation("sigmoid"),
}


# --- Bottlenecks: what makes a code of the encoder's numbers, and the decoder's input of a code -----------------------

BottleneckCompiler = Callable[[Any, WeightBuffer], Ops]


def _no_ops(bottleneck: Bottleneck, buffer: WeightBuffer) -> Ops:
    return []


def _latent_activation(bottleneck: DeterministicBottleneck, buffer: WeightBuffer) -> Ops:
    return translate(bottleneck.activation, (bottleneck.in_features,), buffer)[0]


def _take_mean(bottleneck: GaussianBottleneck, buffer: WeightBuffer) -> Ops:
    return [{"op": "take_mean", "size": bottleneck.out_features}]


def _top_k(bottleneck: TopK, buffer: WeightBuffer) -> Ops:
    return [{"op": "top_k", "k": bottleneck.k}]


def _ladder(ladder: LadderBottleneck, buffer: WeightBuffer) -> Ops:
    parts = {"to_bottom": ladder.to_bottom, "to_top": ladder.to_top, "prior_net": ladder.prior_net}
    sizes = {"to_bottom": ladder.in_features, "to_top": ladder.in_features, "prior_net": ladder.n_top}
    steps = {name: translate(part, (sizes[name],), buffer)[0] for name, part in parts.items()}
    return [
        {"op": "relu"},
        {"op": "ladder_encode", "n_top": ladder.n_top, "n_bottom": ladder.out_features - ladder.n_top, **steps},
    ]


def _ladder_decoder_input(ladder: LadderBottleneck, buffer: WeightBuffer) -> Ops:
    prior_net, _ = translate(ladder.prior_net, (ladder.n_top,), buffer)
    sizes = {"n_top": ladder.n_top, "n_bottom": ladder.decoder_in_features}
    return [{"op": "ladder_prior", **sizes, "prior_net": prior_net}]


def _quantize(bottleneck: VectorQuantizer, buffer: WeightBuffer) -> Ops:
    positions, dim, size = bottleneck.n_positions, bottleneck.embedding_dim, len(bottleneck.embedding)
    sizes = {"n_positions": positions, "embedding_dim": dim, "codebook_size": size}
    return [{"op": "quantize", **sizes, "weight": buffer.add(bottleneck.embedding)}]


BOTTLENECKS: dict[type, tuple[BottleneckCompiler, BottleneckCompiler]] = {
    DeterministicBottleneck: (_latent_activation, _no_ops),
    TopK: (_top_k, _no_ops),
    GaussianBottleneck: (_take_mean, _no_ops),
    LadderBottleneck: (_ladder, _ladder_decoder_input),
    VectorQuantizer: (_quantize, _quantize),
}
