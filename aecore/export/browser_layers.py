"""The steps of a browser's program: what each layer and bottleneck of a model becomes for static/net/net.js.

A step ("op") is a dictionary that JSON can say; offsets in it count floats from the start of the block. Weights lie
there in the order in which the browser reads them, all outputs of one input side by side:

    linear           in_features, out_features, weight [in, out], bias [out]
    conv             in_shape [C, H, W], out_shape [C, H, W], kernel, stride, padding [down, across],
                     weight [kh, kw, in, out], bias; of series, [C, T, 1], also dilation [down, 1]
    conv_transpose   the same and output_padding (already in `out_shape`), weight [in, kh, kw, out]
    max_pool         in_shape, out_shape, kernel [down, across]: the largest of windows side by side
    upsample         in_shape, scale_factor [down, across]: nearest-neighbour; out_shape, where the ends are cut off
    transpose        rows, columns: a matrix [rows, columns] turned into [columns, rows]
    relu, leaky-relu (slope), elu (alpha), silu, tanh, sigmoid, clip (to [0, 1]), identity
    take_mean        size: the first numbers, which of a Gaussian are the means
    experts          in_features, encoders, a list of steps each, weight [encoders, in_features]: what each says of the
                     input times its row of the weight, side by side
    product_of_experts  n_experts, size: the mean of the product of Gaussians and N(0, 1); each is its means, then its
                     log-variances
    softmax          stop: the first numbers as probabilities
    top_k            k: the largest numbers, zeros for the others
    threshold        size, weight [size]: a number that is above its threshold, zero for the others
    quantize         n_positions, embedding_dim, codebook_size, weight [codebook_size, embedding_dim]: at each
                     latent position the codebook vector nearest to the encoder's output
    add_label_image  n_classes, size, weight [n_classes, size]: an embedding of the label, added to the input
    concat_label     n_classes: the label one-hot, behind the code
    tanh_pixels      (tanh + 1) / 2: the pixels of outputs from -1 to 1
    per_column       columns [[kind, start, stop], ...], log_scale [F]: the mean of a table's raw numbers, in which
                     categories are softmaxed and booleans sigmoids; the scales are for guessing a label only
    ladder_encode    n_top, n_bottom, and the steps to_bottom, to_top, prior_net: the two levels of a code
    ladder_prior     n_top, n_bottom, and the steps prior_net: the bottom level in its own units

Tables go by exact type, for a subclass may do something else; what is not in them is refused.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from torch import nn

from aecore.export.browser_convolutions import (
    FOLDABLE,
    conv,
    conv1d,
    folded,
    max_pool,
    transposed_conv,
    upsample,
)
from aecore.export.program import UnsupportedLayer
from aecore.export.weight_buffer import Op as Op
from aecore.export.weight_buffer import Ops as Ops
from aecore.export.weight_buffer import WeightBuffer as WeightBuffer
from aecore.models.networks import BatchNorm, Shape, TiedLinear
from aecore.models.networks.tabular import ColumnEmbedding, ColumnHeads
from aecore.models.networks.tcn import Transpose
from aecore.models.product_of_experts import ExpertEncoders
from aecore.models.variational_layers import VariationalLinear


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
    layers = list(module)
    for number, each in enumerate(layers):
        following = layers[number + 1] if number + 1 < len(layers) else None
        if isinstance(each, BatchNorm) and number and isinstance(layers[number - 1], FOLDABLE):
            continue  # in the layer before it
        if isinstance(each, FOLDABLE) and isinstance(following, BatchNorm):
            each = folded(each, following)
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


def _column_embedding(module: ColumnEmbedding, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    _check_flat(shape, module.in_features)
    sizes = {"in_features": module.in_features, "out_features": module.out_features}
    places = {"weight": buffer.add(module.weight.T), "bias": buffer.add_bias(module, module.out_features)}
    return [{"op": "linear", **sizes, **places}], (module.out_features,)


def _column_heads(module: ColumnHeads, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    """All columns at once: the layers of the columns side by side are one."""
    _check_flat(shape, module.in_features)
    weight, out = module.weight, len(module.bias)
    sizes = {"in_features": module.in_features, "out_features": out}
    return [{"op": "linear", **sizes, "weight": buffer.add(weight.T), "bias": buffer.add(module.bias)}], (out,)


def _transpose(module: Transpose, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    if len(shape) != 2:
        raise UnsupportedLayer("The browser can only exchange the channels and the moments of a series.")
    return [{"op": "transpose", "rows": shape[0], "columns": shape[1]}], (shape[1], shape[0])


def _expert_encoders(module: ExpertEncoders, shape: Shape, buffer: WeightBuffer) -> tuple[Ops, Shape]:
    found = [translate(expert, shape, buffer) for expert in module.experts]
    sizes = {"in_features": math.prod(shape), "encoders": [ops for ops, _ in found]}
    weight = buffer.add(module.modalities.float())
    return [{"op": "experts", **sizes, "weight": weight}], (sum(out for _, (out,) in found),)


LAYERS: dict[type, LayerCompiler] = {
    nn.Sequential: _sequential,
    nn.Identity: _identity,
    nn.Dropout: _identity,  # a model in use drops nothing
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Linear: _linear,
    VariationalLinear: _linear,  # its means
    TiedLinear: _tied_linear,
    ColumnEmbedding: _column_embedding,
    ColumnHeads: _column_heads,
    Transpose: _transpose,
    ExpertEncoders: _expert_encoders,
    nn.Conv1d: conv1d,
    nn.Conv2d: conv,
    nn.ConvTranspose2d: transposed_conv,
    nn.MaxPool1d: max_pool,
    nn.MaxPool2d: max_pool,
    nn.Upsample: upsample,
    nn.ReLU: _activation("relu"),
    nn.LeakyReLU: _activation("leaky-relu", slope="negative_slope"),
    nn.ELU: _activation("elu", alpha="alpha"),
    nn.SiLU: _activation("silu"),
    nn.Tanh: _activation("tanh"),
    nn.Sigmoid: _activation("sigmoid"),
}
