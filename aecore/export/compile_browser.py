"""A trained model as a list of steps (browser_layers) and one block of weights, as static/net/net.js reads them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.analysis.loaded import LoadedModel
from aecore.export.browser_layers import BOTTLENECKS, Ops, WeightBuffer, lookup, translate
from aecore.export.program import Program, TooLarge, UnsupportedLayer
from aecore.models import likelihoods
from aecore.models.autoencoder import Autoencoder, Conditional, LinearAutoencoder
from aecore.models.footprint import count_parameters
from aecore.models.networks import Shape

MAX_PARAMETERS = 8_000_000  # 32 MB to fetch, for each page that is opened, and as much memory on each side


def compile_model(run: LoadedModel) -> Program:
    """The encoder (as `encode`) and the decoder (as `decode`) of a model.

    Raises UnsupportedLayer when a layer has no step, TooLarge when there are more weights than a browser is sent.
    """
    weights = count_parameters(run.model)
    if weights > MAX_PARAMETERS:
        raise TooLarge(
            f"A browser is sent models of {MAX_PARAMETERS:,} parameters at most, and this one has {weights:,}."
        )
    return compile_autoencoder(run.model, run.card.shape)


def compile_autoencoder(model: Autoencoder, shape: Shape) -> Program:
    """The same of any model for images of a shape `[C, H, W]`."""
    block = WeightBuffer()
    before, behind, classes = lookup(MODELS, model)(model, block)
    code, decoder_input = lookup(BOTTLENECKS, model.bottleneck)
    size = model.bottleneck.out_features
    hidden, _ = translate(model.encoder, shape, block)
    drawn = _image_ops(model, shape, classes, block)
    head = {
        "shape": list(shape),
        "code_size": size,
        "n_classes": classes,
        "encoder": [*before, *hidden, *code(model.bottleneck, block)],
        "decoder": [*decoder_input(model.bottleneck, block), *behind, *drawn],
    }
    return Program(head, block.packed())


def compile_decoder(model: Autoencoder, shape: Shape) -> Program:
    """The decoder alone; the encoder has no steps."""
    block = WeightBuffer()
    _, behind, classes = lookup(MODELS, model)(model, WeightBuffer())
    _, decoder_input = lookup(BOTTLENECKS, model.bottleneck)
    drawn = _image_ops(model, shape, classes, block)
    head = {
        "shape": list(shape),
        "code_size": model.bottleneck.out_features,
        "n_classes": classes,
        "encoder": [],
        "decoder": [*decoder_input(model.bottleneck, block), *behind, *drawn],
    }
    return Program(head, block.packed())


def _image_ops(model: Autoencoder, shape: Shape, classes: int, block: WeightBuffer) -> Ops:
    """The steps from the decoder's input to an image of that shape."""
    drawn, left = translate(model.decoder, (model.bottleneck.decoder_in_features + classes,), block)
    if left != shape:
        raise UnsupportedLayer(
            f"The decoder of this model draws {left}, not {shape}, and the browser does not know what to do."
        )
    return [*drawn, *lookup(LIKELIHOODS, model.likelihood)]


# What models do before the encoder and before the decoder, and how many labels they know: (model, buffer) -> (...)


def _unconditional(model: Autoencoder, buffer: WeightBuffer) -> tuple[Ops, Ops, int]:
    return [], [], 0


def _conditional(model: Conditional, buffer: WeightBuffer) -> tuple[Ops, Ops, int]:
    classes = len(model.label_embedding)
    hint = {
        "op": "add_label_image",
        "n_classes": classes,
        "size": model.label_embedding[0].numel(),
        "weight": buffer.add(model.label_embedding),
    }
    return [hint], [{"op": "concat_label", "n_classes": classes}], classes


MODELS: dict[type, Callable[[Any, WeightBuffer], tuple[Ops, Ops, int]]] = {
    Autoencoder: _unconditional,
    LinearAutoencoder: _unconditional,
    Conditional: _conditional,
}

# The expected image, made to lie within [0, 1].
LIKELIHOODS: dict[type, Ops] = {
    likelihoods.Bernoulli: [{"op": "sigmoid"}],
    likelihoods.Gaussian: [{"op": "clip"}],
    likelihoods.Laplace: [{"op": "clip"}],
}
