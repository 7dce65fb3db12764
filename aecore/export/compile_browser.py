"""A trained model as a list of steps (browser_layers) and one block of weights, as static/net/net.js reads them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, cast

from aecore.analysis.loaded import LoadedModel
from aecore.data.modalities import Image, Modality
from aecore.export.browser_bottlenecks import BOTTLENECKS
from aecore.export.browser_layers import Op, Ops, WeightBuffer, lookup, translate
from aecore.export.program import Program, TooLarge, UnsupportedLayer
from aecore.models import likelihoods
from aecore.models.autoencoder import Autoencoder, Conditional, LinearAutoencoder
from aecore.models.footprint import count_parameters
from aecore.models.masks import MaskedAutoencoder
from aecore.models.networks import Shape
from aecore.models.product_of_experts import MultimodalAutoencoder
from aecore.models.semi_supervised.classifiers import ClassifyingAutoencoder, SemiSupervisedVAE

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
    return compile_autoencoder(run.model, run.card.shape, run.card.modality)


def compile_autoencoder(model: Autoencoder, shape: Shape, modality: Modality | None = None) -> Program:
    """The same of any model for samples of a shape; without a modality they are images `[C, H, W]`."""
    block = WeightBuffer()
    before, behind, classes = lookup(MODELS, model)(model, block)
    code, decoder_input = lookup(BOTTLENECKS, model.bottleneck)
    size = model.bottleneck.out_features
    hidden, _ = translate(model.encoder, shape, block)
    made = _sample_ops(model, shape, classes, block, modality)
    head = {
        **_modality_head(modality),
        "shape": list(shape),
        "code_size": size,
        "n_classes": classes,
        "encoder": [*before, *hidden, *code(model.bottleneck, block)],
        "decoder": [*decoder_input(model.bottleneck, block), *behind, *made],
    }
    return Program(head, block.packed())


def compile_decoder(model: Autoencoder, shape: Shape, modality: Modality | None = None) -> Program:
    """The decoder alone; the encoder has no steps."""
    block = WeightBuffer()
    _, behind, classes = lookup(MODELS, model)(model, WeightBuffer())
    _, decoder_input = lookup(BOTTLENECKS, model.bottleneck)
    made = _sample_ops(model, shape, classes, block, modality)
    head = {
        **_modality_head(modality),
        "shape": list(shape),
        "code_size": model.bottleneck.out_features,
        "n_classes": classes,
        "encoder": [],
        "decoder": [*decoder_input(model.bottleneck, block), *behind, *made],
    }
    return Program(head, block.packed())


def _modality_head(modality: Modality | None) -> dict[str, Any]:
    """How the browser draws a sample. Nothing of images: programs in files that are older than other samples say
    nothing either."""
    if modality is None or isinstance(modality, Image):
        return {}
    return {"modality": json.loads(json.dumps(modality.to_json()))}  # as a file gives it back


def _sample_ops(model: Autoencoder, shape: Shape, classes: int, block: WeightBuffer, modality: Modality | None) -> Ops:
    """The steps from the decoder's input to a sample of that shape; the last one makes the mean of raw numbers."""
    made, left = translate(model.decoder, (model.bottleneck.decoder_in_features + classes,), block)
    if left != shape:
        raise UnsupportedLayer(
            f"The decoder of this model draws {left}, not {shape}, and the browser does not know what to do."
        )
    return [*made, _mean_op(model.likelihood, modality is None or modality.bounded, block)]


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
    ClassifyingAutoencoder: _unconditional,
    SemiSupervisedVAE: _conditional,
    MaskedAutoencoder: _unconditional,
    MultimodalAutoencoder: _unconditional,
}

# The expected sample: (likelihood, whether its values are kept within [0, 1], buffer) -> step


def _mean_op(likelihood: likelihoods.Likelihood, bounded: bool, buffer: WeightBuffer) -> Op:
    found: Op = lookup(LIKELIHOODS, likelihood)(likelihood, bounded, buffer)
    return found


def _sigmoid(likelihood: likelihoods.Likelihood, bounded: bool, buffer: WeightBuffer) -> Op:
    return {"op": "sigmoid"}


def _identity(likelihood: likelihoods.Pointwise, bounded: bool, buffer: WeightBuffer) -> Op:
    return {"op": "clip" if bounded else "identity"}


def _per_column(likelihood: likelihoods.PerColumn, bounded: bool, buffer: WeightBuffer) -> Op:
    columns = [[column.kind, at.start, at.stop] for column, at in likelihood.groups]
    return {"op": "per_column", "columns": columns, "log_scale": buffer.add(likelihood.log_scales)}


def _observed_only(likelihood: likelihoods.ObservedOnly, bounded: bool, buffer: WeightBuffer) -> Op:
    return _mean_op(cast(likelihoods.Likelihood, likelihood.inner), bounded, buffer)


def _tanh_pixels(likelihood: likelihoods.Symmetric, bounded: bool, buffer: WeightBuffer) -> Op:
    return {"op": "tanh_pixels"}


LIKELIHOODS: dict[type, Callable[[Any, bool, WeightBuffer], Op]] = {
    likelihoods.Bernoulli: _sigmoid,
    likelihoods.Gaussian: _identity,
    likelihoods.Laplace: _identity,
    likelihoods.Ssim: _sigmoid,
    likelihoods.Symmetric: _tanh_pixels,
    likelihoods.PerColumn: _per_column,
    likelihoods.ObservedOnly: _observed_only,
}
