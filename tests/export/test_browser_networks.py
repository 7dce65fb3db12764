"""Networks for the browser: what is folded, laid side by side, or refused, computed here as the browser computes it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded
from aecore.data.modalities import Column, Table
from aecore.export import browser_layers, compile_browser
from aecore.export.browser_convolutions import folded
from aecore.export.browser_layers import WeightBuffer, translate
from aecore.export.program import UnsupportedLayer
from aecore.models import presets
from aecore.models.families.build import build_recipe, complete_config
from aecore.models.networks import BatchNorm
from aecore.models.networks.tabular import ColumnEmbedding, ColumnHeads

SEED = 4


def _opened(dataset: str, network: str, **settings) -> loaded.LoadedModel:
    config = complete_config(presets.default_config(dataset, network, family="vae", **settings))
    return loaded.LoadedModel(config, build_recipe(config).model.eval(), {})


def _used(norm: BatchNorm) -> BatchNorm:
    """A normalisation that has seen data, and learnt."""
    with torch.no_grad():
        norm.running_mean.normal_(), norm.running_var.uniform_(0.5, 2)
        norm.weight.normal_(), norm.bias.normal_()
    return norm.eval()


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Linear(5, 4), (3, 5)),
        (nn.Linear(5, 4, bias=False), (3, 5)),
        (nn.Conv1d(2, 4, 3, bias=False), (3, 2, 9)),
        (nn.Conv2d(2, 4, 3, stride=2), (3, 2, 9, 7)),
        (nn.ConvTranspose2d(2, 4, 4, stride=2, bias=False), (3, 2, 4, 5)),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_layer_and_its_normalisation_are_one_layer(layer, shape):
    torch.manual_seed(SEED)
    x, norm, before = torch.randn(shape), _used(BatchNorm(4)), layer.weight.clone()
    torch.testing.assert_close(folded(layer, norm)(x), norm(layer(x)))
    assert torch.equal(layer.weight, before), "the model keeps its own"


def test_a_normalised_network_has_the_steps_of_one_that_is_not():
    for dataset, network in (("digits", "mlp"), ("digits", "conv"), ("heartbeats", "tcn")):
        plain, normed = (
            compile_browser.compile_model(_opened(dataset, network, batch_norm=each)).head for each in (False, True)
        )
        for part in ("encoder", "decoder"):
            assert [op["op"] for op in plain[part]] == [op["op"] for op in normed[part]]


def test_a_normalisation_without_a_layer_before_it_is_refused():
    with pytest.raises(UnsupportedLayer, match="BatchNorm"):
        translate(nn.Sequential(nn.ReLU(), BatchNorm(4)), (4,), WeightBuffer())


def test_columns_side_by_side_are_one_linear_step():
    table = Table((Column("a"), Column("kind", "category", categories=("x", "y", "z"))))
    for module, shape in ((ColumnEmbedding(table), (4,)), (ColumnHeads(6, table), (6,))):
        buffer = WeightBuffer()
        (op,), out = translate(module, shape, buffer)
        weights, (n, m) = buffer.packed(), (op["in_features"], op["out_features"])
        matrix = weights[op["weight"] :][: n * m].reshape(n, m)
        x = np.random.default_rng(SEED).standard_normal((5, n)).astype(np.float32)
        made = x @ matrix + weights[op["bias"] :][:m]
        right = module(torch.from_numpy(x)).detach().numpy()
        np.testing.assert_allclose(made, right, atol=1e-6)
        assert out == (m,)


def test_series_are_images_of_one_column():
    head = compile_browser.compile_model(_opened("heartbeats", "tcn", hidden_sizes=(4, 6))).head
    convolutions = [op for op in head["encoder"] if op["op"] == "conv"]
    assert [op["in_shape"] for op in convolutions] == [[1, 140, 1], [4, 70, 1]]
    assert [op["dilation"] for op in convolutions] == [[1, 1], [2, 1]]
    assert [op["out_shape"] for op in head["encoder"] if op["op"] == "max_pool"] == [[4, 70, 1], [6, 35, 1]]
    assert [op["out_shape"] for op in head["decoder"] if op["op"] == "upsample"] == [[6, 70, 1], [4, 140, 1]]
    assert head["decoder"][-2] == {"op": "transpose", "rows": 1, "columns": 140}


def test_a_recurrent_decoder_is_left_to_the_server():
    with pytest.raises(UnsupportedLayer, match="Gru"):
        compile_browser.compile_model(_opened("digits-rows", "gru"))


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Upsample(size=(7, 7)), (1, 3, 3)),  # 3 of 7 is no whole number: torch repeats unevenly
        (nn.MaxPool2d(2), (1, 5, 5)),  # drops what is left over
        (nn.MaxPool2d(3, stride=2, ceil_mode=True), (1, 5, 5)),
        (nn.Conv1d(2, 4, 3, groups=2), (2, 9)),
        (nn.Conv1d(2, 4, 3, padding="same"), (2, 9)),
    ],
)
def test_layers_that_have_no_step_are_refused(layer, shape):
    with pytest.raises(UnsupportedLayer, match="browser"):
        translate(layer, shape, WeightBuffer())


@pytest.mark.parametrize(("before", "sizes"), [((3, 4), (5, 8)), ((3, 4), (3, 7)), ((1, 2), (1, 3)), ((4, 4), (8, 8))])
def test_pixels_are_repeated_as_torch_repeats_them(before, sizes):
    x = torch.arange(float(before[0] * before[1])).view(1, 1, *before)
    (op,), out = browser_layers.translate(nn.Upsample(size=sizes), (1, *before), WeightBuffer())
    down, across = op["scale_factor"]
    made = x[0, 0].repeat_interleave(down, 0).repeat_interleave(across, 1)[: out[1], : out[2]]
    assert torch.equal(made, nn.Upsample(size=sizes)(x)[0, 0])


def test_scales_of_what_is_enlarged_hold_for_every_length_that_pooling_leaves():
    for length in range(1, 300):
        (op,), out = translate(nn.Upsample(size=length), (2, -(-length // 2)), WeightBuffer())
        assert out == (2, length) and op["scale_factor"] == [2 if length > 1 else 1, 1]
