"""Ladders and labels: what a level or a label rules, told by decoding; the panels that show it."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from aecore.analysis import loaded, report
from aecore.analysis.latents import conditional, hierarchy, posterior
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split, load
from aecore.models import presets
from aecore.models.autoencoder import Conditional
from aecore.models.bottlenecks import LadderBottleneck
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.latents import LadderLatent
from tests.kit.trained_runs import furnished

TEST = load("digits").test


def untrained(family: str, latent_dim: int, **more) -> LoadedModel:
    config = resolve_config(
        presets.default_config("digits", family=family, latent_dim=latent_dim, hidden_sizes=(16,), **more)
    )
    return LoadedModel(config, build_recipe(config).model.eval(), {})


# Levels


def test_a_level_is_kept_and_the_other_drawn():
    codes = np.arange(10, dtype=np.float32).reshape(2, 5) + 100
    drawn = hierarchy.resample_level(codes, 2, 6, seed=1)
    assert {name: each.shape for name, each in drawn.items()} == dict.fromkeys(drawn, (2, 6, 5))
    assert (drawn["bottom_resampled"][..., :2] == codes[:, None, :2]).all() and (
        drawn["bottom_resampled"][..., 2:] < 50
    ).all()
    assert (drawn["top_resampled"][..., 2:] == codes[:, None, 2:]).all() and (
        drawn["top_resampled"][..., :2] < 50
    ).all()
    assert (drawn["both_resampled"] < 50).all()
    assert all((each == hierarchy.resample_level(codes, 2, 6, seed=1)[name]).all() for name, each in drawn.items())


def test_a_bottom_drawn_from_n_0_1_is_one_that_the_top_expects():
    # in its own units the bottom is then N(expected, spread): what the ladder says of p(bottom | top)
    ladder = LadderBottleneck(2, 3)
    code = np.array([[0.3, -1.2, 0, 0, 0]], np.float32)
    drawn = hierarchy.resample_level(code, 2, 20_000)["bottom_resampled"][0]
    with torch.no_grad():
        own = ladder.decoder_input(torch.from_numpy(drawn))
        expected, spread = ladder.prior_net(torch.from_numpy(code[:, :2])).chunk(2, 1)
    assert own.mean(0).tolist() == pytest.approx(expected[0].tolist(), abs=0.03)
    assert own.std(0).tolist() == pytest.approx((0.5 * spread[0]).exp().tolist(), rel=0.03)


def test_numbers_of_a_ladder_say_what_each_level_tells():
    opened = untrained("ladder-vae", 5, params={"top_level_share": 0.4})
    found = hierarchy.report(opened, TEST)
    assert json.loads(json.dumps(found)) == found and hierarchy.report(opened, TEST) == found
    assert (found["top"]["dimensions"], found["bottom"]["dimensions"]) == (2, 3) and found[
        "n_samples"
    ] == hierarchy.N_EVAL_IMAGES
    kl = posterior.report(opened, TEST)["kl"]
    assert found["top"]["kl"] == pytest.approx(sum(kl[:2])) and found["bottom"]["kl"] == pytest.approx(sum(kl[2:]))


def test_a_top_that_the_bottom_does_not_hear_changes_nothing():
    opened = untrained("ladder-vae", 4)
    for parameter in opened.model.bottleneck.prior_net.parameters():
        nn.init.zeros_(parameter)  # whatever the top says, N(0, 1) is expected
    found = hierarchy.report(opened, TEST)
    assert found["top"]["effect"] == pytest.approx(0, abs=1e-9)
    assert found["bottom"]["effect"] == pytest.approx(1, abs=1e-6)


# Styles


def test_a_cell_is_what_its_code_decodes_to_under_its_label():
    opened = untrained("conditional-vae", 2)
    codes = np.random.default_rng(0).normal(size=(3, 2)).astype(np.float32)
    cells = conditional.grid(opened, codes)
    assert cells.shape == (3, 10, 1, 8, 8)
    np.testing.assert_allclose(cells[2, 7], opened.decode(codes[[2]], np.array([7]))[0], atol=1e-6)


class _Told(nn.Module):
    """A decoder that draws the image of its label, whatever the code, or always the first one."""

    def __init__(self, pictures: np.ndarray, deaf: bool = False) -> None:
        super().__init__()
        self.pictures, self.deaf = torch.from_numpy(pictures), deaf

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        labels = z[:, -10:].argmax(1) * (0 if self.deaf else 1)
        return torch.logit(self.pictures[labels], eps=1e-4)


@pytest.mark.parametrize(("deaf", "share"), [(False, 1.0), (True, 0.1)])
def test_the_share_that_obeys_is_1_for_a_decoder_that_does_and_chance_for_a_deaf_one(deaf, share):
    opened = untrained("conditional-vae", 2)
    rows = np.array([int(np.flatnonzero(TEST.y == label)[0]) for label in range(10)])
    opened.model.decoder = _Told(TEST.to_float(rows), deaf)
    again = np.tile(rows, 30)  # only these ten images, so that votes are certain
    test = Split(TEST.x[again], TEST.y[again], TEST.max_value)
    found = conditional.report(opened, test)
    assert json.loads(json.dumps(found)) == found
    assert found["label_fidelity"] == pytest.approx(share, abs=1e-9) and found["real_baseline"] == 1.0
    assert (found["n_styles"], found["n_generated"], found["n_reference_samples"]) == (100, 900, 200)


def test_few_pictures_are_enough():
    few = Split(TEST.x[:12], TEST.y[:12], TEST.max_value)
    found = conditional.report(untrained("conditional-vae", 1), few)
    assert found["n_styles"] == 6 and found["n_reference_samples"] == 6


# Panels


def _ladder(run: str) -> None:
    from aecore.analysis import loaded
    from ui.panels.hierarchy import LADDER

    LADDER[0].show(loaded.load(run))


def _conditional(run: str) -> None:
    from aecore.analysis import loaded
    from ui.panels.conditional import CONDITIONAL

    CONDITIONAL[0].show(loaded.load(run))


ROOMS = {
    "ladder": {"family": "ladder-vae", "latent_dim": 4},
    "smallest ladder": {"family": "ladder-vae", "latent_dim": 2, "network": "conv"},
    "conditional": {"family": "conditional-vae", "latent_dim": 1},
    "colour": {"family": "conditional-vae", "latent_dim": 80, "dataset": "shapes-colour", "hidden_sizes": (8,)},
}


@pytest.fixture(scope="module")
def trained_runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("hierarchy")
    return place, furnished(place, {name: {"epochs": 1, **settings} for name, settings in ROOMS.items()})


@pytest.fixture
def runs_of(trained_runs, monkeypatch):
    place, ids = trained_runs
    ours = {LadderLatent: {"hierarchy": hierarchy.report}, Conditional: {"conditional": conditional.report}}
    monkeypatch.setattr(report, "REPORTS", ours)  # and no others: they take time
    monkeypatch.setenv("AECORE_RUNS", str(place))
    return ids


def shown(function, run: str) -> AppTest:
    page = AppTest.from_function(function, args=(run,), default_timeout=60).run()
    assert not page.exception, page.exception[0].value
    return page


@pytest.mark.parametrize("kind", ["ladder", "smallest ladder"])
def test_the_levels_of_a_ladder_are_shown_with_their_numbers(kind, runs_of):
    page = shown(_ladder, runs_of[kind])
    found = hierarchy.report(loaded.load(runs_of[kind]), TEST)
    assert [metric.value for metric in page.metric] == [f"{found[name]['kl']:.2f} nats" for name in ("top", "bottom")]
    assert f"{found['bottom']['effect']:.0%} as much" in page.caption[-1].value
    pictures = "".join(element.proto.body for element in page.get("html"))
    assert pictures.count("<img") == 2 + 2 * 10 and "0, test image 0, sample 10" in pictures


@pytest.mark.parametrize("kind", ["conditional", "colour"])
def test_every_style_is_shown_under_every_label(kind, runs_of):
    page = shown(_conditional, runs_of[kind])
    opened = loaded.load(runs_of[kind])
    classes, test = opened.card.classes, load(opened.config.dataset).test
    found = conditional.report(opened, test)
    said = [f"{found[name]:.0%}" for name in ("label_fidelity", "real_baseline", "label_leakage")]
    assert [metric.value for metric in page.metric] == said
    pictures = "".join(element.proto.body for element in page.get("html"))
    assert pictures.count("<img") == 5 * (1 + len(classes)) + 3 * len(classes)
    assert f"decoded as {classes[-1]}" in pictures


def test_the_last_pictures_styles_go_on_with_the_first(runs_of):
    page = shown(_conditional, runs_of["conditional"])
    page.number_input(key="test-image").set_value(len(TEST) - 1).run()
    assert not page.exception
    pictures = "".join(element.proto.body for element in page.get("html"))
    assert f"test image {len(TEST) - 1}" in pictures and "test image 3" in pictures
