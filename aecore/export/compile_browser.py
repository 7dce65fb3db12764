"""A trained model as a list of small steps and one block of numbers: what static/live/net.js computes in the browser.

A step ("op") is a dictionary that JSON can say; offsets in it count floats from the start of the block. Weights lie
there in the order in which the browser reads them, all outputs of one input side by side:

    linear       in, out, weight [in, out], bias [out]
    conv         from [C, H, W], to [C, H, W], kernel, stride, padding [down, across], weight [kh, kw, in, out], bias
    transposed   the same and output_padding (already in `to`), weight [in, kh, kw, out]
    upsample     from, times [down, across]: every pixel repeated
    relu, leaky-relu (slope), elu (alpha), silu, tanh, sigmoid, clip (to [0, 1])
    first        keep: the first numbers (of a Gaussian the means)
    top          keep: the largest numbers, zeros for the others
    nearest      slots, width, codes, weight [codes, width]: each slot's nearest vector of the codebook
    hint         classes, size, weight [classes, size]: added to the picture by its label
    label        classes: the label as ones and zeros, behind the code
    ladder       top, bottom, and the steps to_bottom, to_top, expect: the two levels of a code
    rungs        top, bottom, and the steps expect: the bottom level in its own units
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor, nn

from aecore.analysis.loaded import Trained, count
from aecore.errors import UserError
from aecore.export.program import Program
from aecore.models import likelihoods
from aecore.models.autoencoder import Autoencoder, Conditional, LinearAutoencoder
from aecore.models.bottlenecks import Bottleneck, Codebook, Gaussian, Ladder, Plain, TopK
from aecore.models.families.build import Rungs
from aecore.models.networks import Shape, Transposed

MOST = 8_000_000  # parameters: 32 MB to fetch, for each page that is opened, and as much memory on each side

Op = dict[str, Any]
Ops = list[Op]


class Unknown(UserError):
    """The model has a layer that the browser cannot compute."""


class TooLarge(Unknown):
    """The model has more weights than a browser is sent."""


class Block:
    """Weights one behind the other; what two layers share stands there once."""

    def __init__(self) -> None:
        self.parts: list[tuple[int, np.ndarray]] = []  # where each begins; views of the model's own numbers
        self.size = 0
        self._places: dict[tuple[Any, ...], int] = {}

    def place(self, tensor: Tensor) -> int:
        """Where a tensor begins, its numbers in the order of its dimensions."""
        seen = (tensor.data_ptr(), tensor.shape, tensor.stride())
        if seen not in self._places:
            part = tensor.detach().float().cpu().numpy()
            self._places[seen] = self.size
            self.parts.append((self.size, part))
            self.size += part.size
        return self._places[seen]

    def bias(self, layer: nn.Module, size: int) -> int:
        """Where a layer's bias begins; zeros where it has none."""
        if isinstance(layer.bias, Tensor):
            return self.place(layer.bias)
        self.parts.append((self.size, np.zeros(size, np.float32)))
        self.size += size
        return self.size - size

    def packed(self) -> np.ndarray:
        """All of them, float32 `[W]`: the one copy that is made."""
        packed = np.empty(self.size, np.float32)
        for start, part in self.parts:
            packed[start : start + part.size].reshape(part.shape)[...] = part
        return packed


def program(opened: Trained) -> Program:
    """The encoder (as in `codes`) and the decoder (as in `pictures`) of a model; Unknown when a layer has no step, or
    when there are more weights than a browser is sent."""
    weights = count(opened.model)
    if weights > MOST:
        raise TooLarge(f"A browser is sent models of {MOST:,} parameters at most, and this one has {weights:,}.")
    return program_of(opened.model, opened.card.shape)


def program_of(model: Autoencoder, shape: Shape) -> Program:
    """The same of any model for pictures of a shape `[C, H, W]`."""
    block = Block()
    before, behind, classes = _find(MODELS, model)(model, block)
    code, nearest = _find(BOTTLENECKS, model.bottleneck)
    size = model.bottleneck.outputs
    hidden, _ = translate(model.encoder, shape, block)
    drawn, left = translate(model.decoder, (size + classes,), block)
    if left != shape:
        raise Unknown(f"The decoder of this model draws {left}, not {shape}, and the browser does not know what to do.")
    head = {
        "shape": list(shape),
        "size": size,
        "classes": classes,
        "encoder": [*before, *hidden, *code(model.bottleneck, block)],
        "decoder": [*nearest(model.bottleneck, block), *behind, *drawn, *_find(LIKELIHOODS, model.likelihood)],
    }
    return Program(head, block.packed())


def translate(module: nn.Module, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    """The steps of a module, and the shape that comes out when `shape` goes in."""
    ops, shape = _find(LAYERS, module)(module, shape, block)
    return ops, shape


def _find(table: dict[type, Any], part: object) -> Any:
    """By exact type: a subclass may do something else."""
    if type(part) not in table:
        raise Unknown(f"The browser cannot compute {type(part).__name__}, a part of this model.")
    return table[type(part)]


# --- Layers: (module, shape before, block) -> (steps, shape after) ----------------------------------------------------

Layer = Callable[[Any, Shape, Block], tuple[Ops, Shape]]


def _sequential(module: nn.Sequential, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    found: Ops = []
    for each in module:
        ops, shape = translate(each, shape, block)
        found += ops
    return found, shape


def _left_out(module: nn.Module, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    return [], shape


def _flatten(module: nn.Flatten, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    return [], (math.prod(shape),)


def _unflatten(module: nn.Unflatten, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    return [], tuple(int(each) for each in module.unflattened_size)


def _act(name: str, **settings: str) -> Layer:
    """An activation; `settings` are the numbers that it takes from attributes of the module."""

    def layer(module: nn.Module, shape: Shape, block: Block) -> tuple[Ops, Shape]:
        return [{"op": name} | {key: getattr(module, attribute) for key, attribute in settings.items()}], shape

    return layer


def _flat(shape: Shape, size: int) -> None:
    if shape != (size,):
        raise Unknown(f"The browser cannot compute a layer of {size} inputs on {' x '.join(map(str, shape))} numbers.")


def _linear(module: nn.Linear, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    _flat(shape, module.in_features)
    sizes = {"in": module.in_features, "out": module.out_features}
    places = {"weight": block.place(module.weight.T), "bias": block.bias(module, module.out_features)}
    return [{"op": "linear", **sizes, **places}], (module.out_features,)


def _transposed_linear(module: Transposed, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    weight = module.of[0].weight  # of the other layer [out, in], so of this one [in, out]
    _flat(shape, len(weight))
    places = {"weight": block.place(weight), "bias": block.place(module.bias)}
    return [{"op": "linear", "in": weight.shape[0], "out": weight.shape[1], **places}], (weight.shape[1],)


def _geometry(module: nn.Conv2d | nn.ConvTranspose2d, shape: Shape) -> tuple[list[int], list[int], list[int]]:
    """Kernel, stride and padding, [down, across] each."""
    plain = module.groups == 1 and set(module.dilation) == {1} and module.padding_mode == "zeros"
    if not plain or isinstance(module.padding, str) or len(shape) != 3 or shape[0] != module.in_channels:
        raise Unknown("The browser cannot compute a convolution with groups, dilation or a padding other than zeros.")
    return list(module.kernel_size), list(module.stride), [int(each) for each in module.padding]


def _conv(module: nn.Conv2d, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    kernel, stride, padding = _geometry(module, shape)
    spans = zip(shape[1:], kernel, stride, padding, strict=True)
    to = (module.out_channels, *((size + 2 * pad - k) // step + 1 for size, k, step, pad in spans))
    places = {"weight": block.place(module.weight.permute(2, 3, 1, 0)), "bias": block.bias(module, to[0])}
    how = {"kernel": kernel, "stride": stride, "padding": padding}
    return [{"op": "conv", "from": list(shape), "to": list(to), **how, **places}], to


def _transposed_conv(module: nn.ConvTranspose2d, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    kernel, stride, padding = _geometry(module, shape)
    more = [int(each) for each in module.output_padding]
    spans = zip(shape[1:], kernel, stride, padding, more, strict=True)
    to = (module.out_channels, *((size - 1) * step - 2 * pad + k + odd for size, k, step, pad, odd in spans))
    places = {"weight": block.place(module.weight.permute(0, 2, 3, 1)), "bias": block.bias(module, to[0])}
    how = {"kernel": kernel, "stride": stride, "padding": padding, "output_padding": more}
    return [{"op": "transposed", "from": list(shape), "to": list(to), **how, **places}], to


def _upsample(module: nn.Upsample, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    factor = module.scale_factor
    times = [float(each) for each in (factor if isinstance(factor, tuple) else (factor or 0.5,) * 2)]
    if module.mode != "nearest" or len(shape) != 3 or not all(each.is_integer() for each in times):
        raise Unknown("The browser can only enlarge pictures by repeating pixels a whole number of times.")
    down, across = map(int, times)
    op = {"op": "upsample", "from": list(shape), "times": [down, across]}
    return [op], (shape[0], shape[1] * down, shape[2] * across)


def _rungs(module: Rungs, shape: Shape, block: Block) -> tuple[Ops, Shape]:
    ladder = module.ladder[0]
    bottom = ladder.outputs - ladder.top
    expect, _ = translate(ladder.expect, (ladder.top,), block)
    ops, shape = translate(module.decoder, (bottom,), block)
    return [{"op": "rungs", "top": ladder.top, "bottom": bottom, "expect": expect}, *ops], shape


LAYERS: dict[type, Layer] = {
    nn.Sequential: _sequential,
    nn.Identity: _left_out,
    nn.Dropout: _left_out,  # a model in use drops nothing
    nn.Flatten: _flatten,
    nn.Unflatten: _unflatten,
    nn.Linear: _linear,
    Transposed: _transposed_linear,
    nn.Conv2d: _conv,
    nn.ConvTranspose2d: _transposed_conv,
    nn.Upsample: _upsample,
    Rungs: _rungs,
    nn.ReLU: _act("relu"),
    nn.LeakyReLU: _act("leaky-relu", slope="negative_slope"),
    nn.ELU: _act("elu", alpha="alpha"),
    nn.SiLU: _act("silu"),
    nn.Tanh: _act("tanh"),
    nn.Sigmoid: _act("sigmoid"),
}


# --- Bottlenecks: what makes a code of the encoder's numbers, and what puts a code right before it is decoded ---------

Step = Callable[[Any, Block], Ops]


def _nothing(bottleneck: Bottleneck, block: Block) -> Ops:
    return []


def _bent(bottleneck: Plain, block: Block) -> Ops:
    return translate(bottleneck.act, (bottleneck.inputs,), block)[0]


def _means(bottleneck: Gaussian, block: Block) -> Ops:
    return [{"op": "first", "keep": bottleneck.outputs}]


def _largest(bottleneck: TopK, block: Block) -> Ops:
    return [{"op": "top", "keep": bottleneck.k}]


def _levels(ladder: Ladder, block: Block) -> Ops:
    parts = {"to_bottom": ladder.to_bottom, "to_top": ladder.to_top, "expect": ladder.expect}
    sizes = {"to_bottom": ladder.inputs, "to_top": ladder.inputs, "expect": ladder.top}
    steps = {name: translate(part, (sizes[name],), block)[0] for name, part in parts.items()}
    return [{"op": "relu"}, {"op": "ladder", "top": ladder.top, "bottom": ladder.outputs - ladder.top, **steps}]


def _vectors(bottleneck: Codebook, block: Block) -> Ops:
    sizes = {"slots": bottleneck.slots, "width": bottleneck.width, "codes": len(bottleneck.book)}
    return [{"op": "nearest", **sizes, "weight": block.place(bottleneck.book)}]


BOTTLENECKS: dict[type, tuple[Step, Step]] = {
    Plain: (_bent, _nothing),
    TopK: (_largest, _nothing),
    Gaussian: (_means, _nothing),
    Ladder: (_levels, _nothing),
    Codebook: (_vectors, _vectors),
}


# --- Models: what they do before the encoder and before the decoder, and how many labels they know --------------------


def _unlabelled(model: Autoencoder, block: Block) -> tuple[Ops, Ops, int]:
    return [], [], 0


def _labelled(model: Conditional, block: Block) -> tuple[Ops, Ops, int]:
    classes = len(model.hints)
    hint = {"op": "hint", "classes": classes, "size": model.hints[0].numel(), "weight": block.place(model.hints)}
    return [hint], [{"op": "label", "classes": classes}], classes


MODELS: dict[type, Callable[[Any, Block], tuple[Ops, Ops, int]]] = {
    Autoencoder: _unlabelled,
    LinearAutoencoder: _unlabelled,
    Conditional: _labelled,
}

# The expected picture, made to lie within [0, 1].
LIKELIHOODS: dict[type, Ops] = {
    likelihoods.Bernoulli: [{"op": "sigmoid"}],
    likelihoods.Gaussian: [{"op": "clip"}],
    likelihoods.Laplace: [{"op": "clip"}],
}
