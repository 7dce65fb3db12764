"""Units: sparsity of codes with known answers, atoms of a decoder that adds up, and the panels that show them."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded, report
from aecore.analysis.latents import sparsity
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split, load
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.latents import SparseLatent
from tests.analysis.test_sampling import panel, seen, whole
from tests.kit.cases import crossed
from tests.kit.trained_runs import furnished
from ui.panels.sparsity import SPARSE

TEST = load("digits").test
FEW = Split(TEST.x[:50], TEST.y[:50], TEST.max_value)


def untrained(family: str, **settings) -> LoadedModel:
    config = resolve_config(
        presets.default_config("digits", **{"family": family, "latent_dim": 6, "hidden_sizes": (), **settings})
    )
    return LoadedModel(config, build_recipe(config).model.eval(), {})


def saying(family: str, *said: float, **settings) -> LoadedModel:
    """A model whose encoder says the same of every image."""
    opened = untrained(family, latent_dim=len(said), **settings)
    last = next(each for each in opened.model.encoder.modules() if isinstance(each, nn.Linear))
    with torch.no_grad():
        nn.init.zeros_(last.weight)
        last.bias.copy_(torch.tensor(said))
    return opened


def adding(seed: int = 0) -> LoadedModel:
    """A sparse model whose decoder adds up: small weights around grey, so that nothing is clipped."""
    opened = untrained("sparse", likelihood="gaussian", seed=seed)
    last = next(each for each in opened.model.decoder.modules() if isinstance(each, nn.Linear))
    with torch.no_grad():
        last.weight.mul_(0.1)
        nn.init.constant_(last.bias, 0.5)
    return opened


SPARSE_FAMILIES = [name for name in FAMILIES if issubclass(untrained(name).types[0], SparseLatent)]

# --- Numbers ----------------------------------------------------------------------------------------------------------


def test_a_unit_that_is_never_active_is_dead():
    codes = np.array([[0, 1, 0], [0, 0, 2], [0, 3, 0]], np.float32)
    assert sparsity.is_dead(codes, is_sigmoid=False).tolist() == [True, False, False]
    assert sparsity.is_active(codes, is_sigmoid=False).sum() == 3


def test_a_sigmoid_unit_that_hardly_varies_is_dead():
    codes = np.array([[0.50, 0.1], [0.51, 0.9]], np.float32)  # standard deviations 0.005 and 0.4
    assert sparsity.is_dead(codes, is_sigmoid=True).tolist() == [True, False]
    assert sparsity.is_active(codes, is_sigmoid=True).tolist() == [[False, False], [True, True]]


def test_the_families_that_are_measured():
    assert {"sparse", "sparse-kl", "top-k", "contractive"} <= set(SPARSE_FAMILIES)


@pytest.mark.parametrize(
    ("family", "params", "expected"),
    [
        ("sparse", {}, (False, 0.0)),
        ("sparse-kl", {}, (True, 0.0)),
        ("contractive", {}, (True, 0.0)),
        ("top-k", {"k": 2}, (False, 4 / 6)),
        ("top-k", {"k": 6}, (False, 0.0)),  # nothing is left out, and yet it is no sigmoid
    ],
)
def test_the_manner_of_units(family, params, expected):
    smooth, by_design = sparsity.activation_kind(untrained(family, params=params))
    assert (smooth, pytest.approx(by_design)) == expected


def test_a_relu_code_of_known_activations():
    said = sparsity.report(saying("sparse", -1.0, 0.5, 0.2, -0.1), FEW)
    assert said["zero_share"] == 0.5 and said["dead_units"] == 2 and said["active_per_sample"] == 2
    assert said["rho_hat"] == {"mean": pytest.approx(0.175), "min": 0, "max": 0.5}
    assert said["rho"] is None and not said["is_sigmoid"] and said["n_units"] == 4 and said["n_samples"] == 50


def test_a_sigmoid_code_of_known_activations():
    said = sparsity.report(saying("sparse-kl", 0.0, 3.0, params={"rho": 0.2}), FEW)
    high = 1 / (1 + np.exp(-3))
    assert said["zero_share"] == 0 and said["dead_units"] == 2 and said["active_per_sample"] == 1 and said["rho"] == 0.2
    assert said["rho_hat"] == {"mean": pytest.approx((0.5 + high) / 2), "min": 0.5, "max": pytest.approx(high)}


def test_a_sigmoid_that_is_rounded_to_0_is_still_a_sigmoid():
    said = sparsity.report(saying("contractive", -200.0, 1.0), FEW)
    assert said["is_sigmoid"] and said["zero_share"] == 0.5


def test_the_zeros_of_top_k_are_those_by_design():
    said = sparsity.report(untrained("top-k", params={"k": 2}), TEST)
    assert said["zero_share"] == pytest.approx(said["sparsity_by_design"]) == pytest.approx(4 / 6)
    assert said["active_per_sample"] == 2


def test_at_most_2000_pictures_are_asked():
    many = Split(np.tile(TEST.x, (6, 1, 1, 1)), np.tile(TEST.y, 6), TEST.max_value)
    assert sparsity.report(untrained("sparse"), many)["n_samples"] == 2000 < len(many)


@pytest.mark.parametrize("family", SPARSE_FAMILIES)
@pytest.mark.parametrize("size", [1, 80])
def test_every_family_has_numbers(family, size):
    said = sparsity.report(untrained(family, latent_dim=size), FEW)
    assert 0 <= said["zero_share"] <= 1 and 0 <= said["dead_units"] <= size and 0 <= said["active_per_sample"] <= size
    json.dumps(said, allow_nan=False)


# --- Atoms ------------------------------------------------------------------------------------------------------------


def test_atoms_of_a_decoder_without_hidden_layers_add_up_to_the_picture():
    opened = adding()
    code = np.array([1.0, 0, 0.5, 0, 2.0, 0.1], np.float32)
    found = sparsity.atoms(opened, code, np.zeros_like(code))
    assert found.units.tolist() == [4, 0, 2, 5] and found.activations.tolist() == pytest.approx([2, 1, 0.5, 0.1])
    whole = found.baseline_image + found.contributions.sum(axis=0)
    np.testing.assert_allclose(whole, opened.decode(code[None])[0], atol=1e-6)


def test_the_picture_builds_up_to_its_reconstruction():
    opened = adding()
    code = np.array([1.0, 0, 0.5, 0, 2.0, 0], np.float32)
    counts, drawn = sparsity.progressive_reconstruction(opened, code, np.zeros_like(code))
    assert counts == [0, 1, 2, 3]
    # one image among several, and alone: how many there are at a time may change the last digits of a product
    np.testing.assert_allclose(drawn[-1], opened.decode(code[None])[0], atol=1e-6)
    np.testing.assert_allclose(drawn[0], 0.5, atol=1e-6)  # the decoder's bias
    only = np.array([0, 0, 0, 0, 2.0, 0], np.float32)
    np.testing.assert_allclose(drawn[1], opened.decode(only[None])[0], atol=1e-6)


def test_steps_double_up_to_all_that_say_something():
    opened = untrained("sparse", latent_dim=80)
    assert sparsity.progressive_reconstruction(opened, np.ones(80, np.float32), np.zeros(80, np.float32))[0] == [
        0,
        1,
        2,
        4,
        8,
        16,
        80,
    ]


def test_a_code_of_zeros_has_no_atoms():
    opened, nothing = untrained("sparse"), np.zeros(6, np.float32)
    assert not len(sparsity.atoms(opened, nothing, nothing).units)
    assert sparsity.progressive_reconstruction(opened, nothing, nothing)[0] == [0]


def test_strength_is_the_distance_from_rest_and_rest_is_0_or_the_median():
    codes = np.array([[0.4, 0.9], [0.5, 0.1], [0.9, 0.2]], np.float32)
    still = sparsity.baseline_code(codes, is_sigmoid=True)
    assert still.tolist() == pytest.approx([0.5, 0.2]) and not sparsity.baseline_code(codes, is_sigmoid=False).any()
    assert sparsity.by_contribution(np.array([0.6, 0.9], np.float32), still).tolist() == [1, 0]
    assert sparsity.by_contribution(still, still).tolist() == []


# --- Panels -----------------------------------------------------------------------------------------------------------

ROOMS = {
    **{family: {"family": family} for family in SPARSE_FAMILIES},
    "overcomplete": {"family": "sparse", "latent_dim": 80},
    "1-D": {"family": "sparse", "latent_dim": 1, "hidden_sizes": ()},
    "colour, conv": {"family": "top-k", "dataset": "shapes-colour", "network": "conv", "hidden_sizes": (4, 4)},
}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    place = tmp_path_factory.mktemp("units")
    return place, furnished(
        place, {name: {"epochs": 1, "latent_dim": 12, **settings} for name, settings in ROOMS.items()}
    )


@pytest.fixture
def runs_of(rooms, monkeypatch):
    place, ids = rooms
    monkeypatch.setenv("AECORE_RUNS", str(place))
    monkeypatch.setattr(report, "REPORTS", {SparseLatent: {"sparsity": sparsity.report}})  # the others take time
    return ids


@pytest.mark.parametrize(("kind", "title"), crossed([*ROOMS], [each.title for each in SPARSE]))
def test_every_panel_shows_every_kind_of_run(kind, title, runs_of):
    assert seen(panel(runs_of[kind], "sparsity", title))


@pytest.mark.parametrize("kind", ["sparse", "sparse-kl", "top-k"])
def test_panels_say_the_numbers_that_evaluate_says(kind, runs_of):
    said = sparsity.report(loaded.load(runs_of[kind]), TEST)
    values = [each.value for each in panel(runs_of[kind], "sparsity", "Unit activity and sparsity").metric]
    assert values == [
        f"{said['zero_share']:.1%}",
        f"{said['active_per_sample']:.1f} of 12",
        f"{said['dead_units']} of 12",
        f"{said['rho_hat']['mean']:.3f}",
    ]


def test_where_zeros_come_from_is_said(runs_of):
    for kind, words in (("sparse", "ReLU"), ("sparse-kl", "asked for a mean of **0.1**"), ("top-k", "by design")):
        assert words in seen(panel(runs_of[kind], "sparsity", "Unit activity and sparsity"))


def test_another_picture_has_other_atoms(runs_of):
    page = panel(runs_of["sparse"], "sparsity", "Active atoms of one image")
    before = [each.proto.body for each in page.get("html")]
    page.number_input(key="test-image").set_value(7).run()
    assert [each.proto.body for each in whole(page).get("html")] != before
