"""What is sent to the browser: every part of every model has a step, and every step finds its weights in the block."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded
from aecore.data.cards import CARDS
from aecore.data.modalities import Image, modality_from_json
from aecore.export import browser_layers, compile_browser
from aecore.export.program import Program, UnsupportedLayer
from aecore.models import presets
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.footprint import count_parameters
from aecore.models.likelihoods import ObservedOnly
from aecore.models.networks import ACTIVATIONS
from tests.kit.networks import SERVER_ONLY, is_refused

BESIDE = {"weight", "bias"}  # settings that are places in the block
NETS = [
    (family.name, network)
    for family in FAMILIES.values()
    if family.name not in SERVER_ONLY
    for network in Image.networks
    if family.fixed.get("network", network) == network and not is_refused(family.name, network)
]


def opened(dataset="digits", network=None, **settings) -> loaded.LoadedModel:
    config = resolve_config(presets.default_config(dataset, network, **settings))
    return loaded.LoadedModel(config, build_recipe(config).model.eval(), {})


def steps(ops: list[dict]):
    """All steps, those inside other steps too."""
    for op in ops:
        yield op
        for value in op.values():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                yield from steps(value)
            elif isinstance(value, list) and value and isinstance(value[0], list):
                yield from (each for inner in value for each in steps(inner))


def length(op: dict, name: str) -> int:
    """How many numbers a step reads at one of its places."""
    out = op.get("out_features") or op.get("out_shape", [0])[0]
    if name == "bias":
        return out
    sizes = {
        "linear": lambda: op["in_features"] * out,
        "conv": lambda: math.prod(op["kernel"]) * op["in_shape"][0] * out,
        "conv_transpose": lambda: math.prod(op["kernel"]) * op["in_shape"][0] * out,
        "quantize": lambda: op["codebook_size"] * op["embedding_dim"],
        "add_label_image": lambda: op["n_classes"] * op["size"],
        "threshold": lambda: op["size"],
        "experts": lambda: len(op["encoders"]) * op["in_features"],
    }
    return sizes[op["op"]]()


def pieces(program: Program) -> set[tuple[int, int]]:
    """Where in the block something is read, and how much."""
    all_steps = [*steps(program.head["encoder"]), *steps(program.head["decoder"])]
    return {(op[name], length(op, name)) for op in all_steps for name in BESIDE & set(op)}


@pytest.mark.parametrize(("family", "network"), NETS)
def test_every_family_has_a_program(family, network):
    run = opened(network=network, family=family, **FAMILIES[family].defaults)
    program = compile_browser.compile_model(run)
    assert json.loads(json.dumps(program.head)) == program.head
    assert program.head["shape"] == [1, 8, 8]
    assert program.head["code_size"] == run.model.bottleneck.out_features
    assert program.head["n_classes"] == (10 if run.model.is_conditional else 0)
    assert program.weights.dtype == np.float32 and program.weights.ndim == 1
    covered = np.zeros(len(program.weights), int)
    for start, size in pieces(program):
        assert start >= 0 and start + size <= len(program.weights)
        covered[start : start + size] += 1
    assert (covered == 1).all(), "nothing is sent that nobody reads, and no two pieces overlap"


def test_every_activation_and_likelihood_has_a_step():
    for name in ACTIVATIONS:
        head = compile_browser.compile_model(opened(activation=name, family="vae")).head
        assert [op["op"] for op in head["encoder"]] == ["linear", name, "linear", name, "linear", "take_mean"]
    for name in Image.likelihoods:
        last = compile_browser.compile_model(opened(likelihood=name, family="vae")).head["decoder"][-1]["op"]
        assert last == ("clip" if name in ("gaussian", "laplace") else "sigmoid")


@pytest.mark.parametrize(
    ("dataset", "likelihood", "last"),
    [
        ("heartbeats", "gaussian", "identity"),
        ("moons", "laplace", "identity"),
        ("iris", "gaussian", "identity"),
        ("iris", "per-column", "per_column"),
    ],
)
def test_a_program_says_what_its_samples_are(dataset, likelihood, last):
    program = compile_browser.compile_model(opened(dataset, family="vae", likelihood=likelihood))
    assert json.loads(json.dumps(program.head)) == program.head
    assert modality_from_json(program.head["modality"]) == CARDS[dataset].modality
    assert program.head["decoder"][-1]["op"] == last, "no value is clipped that may be beyond 0 and 1"


def test_the_scales_of_columns_are_sent_within_their_limits():
    run = opened("iris", family="conditional-vae")
    with torch.no_grad():
        run.model.likelihood.log_scale.copy_(torch.tensor([-9.0, -1.0, 0.0, 9.0]))
    program = compile_browser.compile_model(run)
    op = program.head["decoder"][-1]
    assert op["columns"] == [["number", at, at + 1] for at in range(4)]
    sent = program.weights[op["log_scale"] :][:4]
    assert sent == pytest.approx([math.log(0.01), -1, 0, 3])


def test_values_that_are_missing_change_no_step():
    run = opened("machine", family="vae")
    head = compile_browser.compile_model(run).head
    run.model.likelihood = ObservedOnly(run.model.likelihood)
    assert compile_browser.compile_model(run).head == head


def test_a_program_of_images_says_nothing_of_them():
    """As those in files that are older than other samples."""
    assert "modality" not in compile_browser.compile_model(opened(family="vae")).head


def test_weights_are_sent_once():
    for family in ("vae", "conditional-vae", "ladder-vae", "aae"):
        run = opened(family=family)
        assert len(compile_browser.compile_model(run).weights) == count_parameters(run.model)
    tied = opened(family="tied-weights")
    once = compile_browser.compile_model(tied)
    matrices = sum(p.numel() for p in tied.model.parameters() if p.ndim == 2)
    # read along the other side, so they lie there both ways
    assert len(once.weights) == count_parameters(tied.model) + matrices


def test_dropout_is_left_out():
    with_dropout = compile_browser.compile_model(opened(dropout=0.5, family="vae")).head
    assert with_dropout == compile_browser.compile_model(opened(family="vae")).head


@pytest.mark.parametrize(
    "layer",
    [
        nn.GRU(64, 4),
        nn.Sequential(nn.Flatten(), nn.Linear(64, 4), nn.Softplus()),
        nn.Conv2d(1, 4, 3, dilation=2),
        nn.Conv2d(1, 4, 3, padding="same"),
        nn.Upsample(scale_factor=1.5),
        nn.Upsample(scale_factor=2, mode="bilinear"),
        nn.Linear(8, 4),  # along the rows of an image
    ],
)
def test_what_the_browser_does_not_know_is_said_in_a_sentence(layer):
    run = opened(family="vae")
    run.model.encoder = layer
    with pytest.raises(UnsupportedLayer) as error:
        compile_browser.compile_model(run)
    sentence = str(error.value)
    assert sentence.endswith(".") and "browser" in sentence and sentence.count(". ") == 0


def test_a_bottleneck_of_its_own_is_not_taken_for_its_parent():
    class Other(DeterministicBottleneck):
        pass

    run = opened(family="vanilla")
    run.model.bottleneck = Other(2)
    with pytest.raises(UnsupportedLayer, match="Other"):
        compile_browser.compile_model(run)


def test_upsampling_is_known():
    shape = CARDS["shapes"].shape
    ops, out = browser_layers.translate(nn.Upsample(scale_factor=2), shape, browser_layers.WeightBuffer())
    assert ops == [{"op": "upsample", "in_shape": list(shape), "scale_factor": [2, 2]}]
    assert out == tuple(nn.Upsample(scale_factor=2)(torch.zeros(1, *shape)).shape[1:])
