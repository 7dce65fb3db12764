"""The steps of bottlenecks in a browser's program; browser_layers.py describes each."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from aecore.export.browser_layers import translate
from aecore.export.weight_buffer import Ops, WeightBuffer
from aecore.models.bottlenecks import (
    BatchTopK,
    Bottleneck,
    ClusterBottleneck,
    DeterministicBottleneck,
    FiniteScalarQuantizer,
    GaussianBottleneck,
    GradientVectorQuantizer,
    JumpReLU,
    LadderBottleneck,
    LookupFreeQuantizer,
    Quantizer,
    SimVQ,
    TopK,
    VectorQuantizer,
)
from aecore.models.bottlenecks.committed import CommittedRateBottleneck
from aecore.models.bottlenecks.product_of_experts import ProductOfExperts

BottleneckCompiler = Callable[[Any, WeightBuffer], Ops]


def _no_ops(bottleneck: Bottleneck, buffer: WeightBuffer) -> Ops:
    return []


def _latent_activation(bottleneck: DeterministicBottleneck, buffer: WeightBuffer) -> Ops:
    return translate(bottleneck.activation, (bottleneck.in_features,), buffer)[0]


def _take_mean(bottleneck: GaussianBottleneck, buffer: WeightBuffer) -> Ops:
    return [{"op": "take_mean", "size": bottleneck.out_features}]


def _clusters(bottleneck: ClusterBottleneck, buffer: WeightBuffer) -> Ops:
    """The normalisation of the first numbers as a linear layer that leaves the others alone, and their softmax."""
    size, n_clusters = bottleneck.out_features, bottleneck.n_clusters
    layer = nn.Linear(size, size).requires_grad_(False)
    layer.weight.copy_(torch.eye(size))
    layer.bias.zero_()
    layer.weight[:n_clusters, :n_clusters], layer.bias[:n_clusters] = bottleneck.normalisation()
    return [*translate(layer, (size,), buffer)[0], {"op": "softmax", "stop": n_clusters}]


def _batch_top_k(bottleneck: BatchTopK, buffer: WeightBuffer) -> Ops:
    size = bottleneck.out_features
    return [{"op": "threshold", "size": size, "weight": buffer.add(bottleneck.threshold.repeat(size))}]


def _jump_relu(bottleneck: JumpReLU, buffer: WeightBuffer) -> Ops:
    return [{"op": "threshold", "size": bottleneck.out_features, "weight": buffer.add(bottleneck.threshold)}]


def _product_of_experts(bottleneck: ProductOfExperts, buffer: WeightBuffer) -> Ops:
    return [{"op": "product_of_experts", "n_experts": bottleneck.n_experts, "size": bottleneck.out_features}]


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


def _quantize(bottleneck: Quantizer, buffer: WeightBuffer) -> Ops:
    positions, dim, size = bottleneck.n_positions, bottleneck.embedding_dim, bottleneck.codebook_size
    sizes = {"n_positions": positions, "embedding_dim": dim, "codebook_size": size}
    return [{"op": "quantize", **sizes, "weight": buffer.add(bottleneck.codebook)}]


def _map_sizes(bottleneck: Quantizer) -> tuple[int, int]:
    """Channels and places of the map that a code on a grid is."""
    places = math.prod(bottleneck.grid) if bottleneck.grid else 1
    return bottleneck.out_features // places, places


def _quantized_code(bottleneck: Quantizer, buffer: WeightBuffer) -> Ops:
    channels, places = _map_sizes(bottleneck)
    turned = [{"op": "transpose", "rows": channels, "columns": places}] if bottleneck.grid else []
    return [*turned, *_quantize(bottleneck, buffer)]


def _bounded_code(bottleneck: FiniteScalarQuantizer, buffer: WeightBuffer) -> Ops:
    return [{"op": "tanh"}, *_quantized_code(bottleneck, buffer)]


def _quantized_decoder_input(bottleneck: Quantizer, buffer: WeightBuffer) -> Ops:
    channels, places = _map_sizes(bottleneck)
    turned = [{"op": "transpose", "rows": places, "columns": channels}] if bottleneck.grid else []
    return [*_quantize(bottleneck, buffer), *turned]


# bottleneck -> what makes a code of the encoder's numbers, and the decoder's input of a code
BOTTLENECKS: dict[type, tuple[BottleneckCompiler, BottleneckCompiler]] = {
    DeterministicBottleneck: (_latent_activation, _no_ops),
    ClusterBottleneck: (_clusters, _no_ops),
    TopK: (_top_k, _no_ops),
    BatchTopK: (_batch_top_k, _no_ops),
    JumpReLU: (_jump_relu, _no_ops),
    GaussianBottleneck: (_take_mean, _no_ops),
    CommittedRateBottleneck: (_take_mean, _no_ops),
    ProductOfExperts: (_product_of_experts, _no_ops),
    LadderBottleneck: (_ladder, _ladder_decoder_input),
    VectorQuantizer: (_quantized_code, _quantized_decoder_input),
    GradientVectorQuantizer: (_quantized_code, _quantized_decoder_input),
    SimVQ: (_quantized_code, _quantized_decoder_input),
    FiniteScalarQuantizer: (_bounded_code, _quantized_decoder_input),
    LookupFreeQuantizer: (_quantized_code, _quantized_decoder_input),
}
