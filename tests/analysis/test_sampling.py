"""Samples: distributions fitted to codes against crowds with known answers; scores of samplers that are known to be
perfect or hopeless; the numbers of every family; the panels that show them."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from aecore.analysis import loaded, report, sampling
from aecore.analysis.loaded import LoadedModel
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.data.datasets import Split, load
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.latents import Latent
from tests.kit.cases import crossed
from tests.kit.trained_runs import furnished
from ui.panels.sampling import METHOD_LABELS, SAMPLES

DIGITS = load("digits")
TEST = DIGITS.test
FEW = Split(TEST.x[:60], TEST.y[:60], TEST.max_value)
SCORES = ("precision", "strict_precision", "coverage")


def untrained(family: str, **settings) -> LoadedModel:
    config = resolve_config(
        presets.default_config("digits", **{"family": family, "latent_dim": 3, "hidden_sizes": (8,), **settings})
    )
    return LoadedModel(config, build_recipe(config).model.eval(), {})


def silent(family: str, **settings) -> LoadedModel:
    """A model whose encoder says 0 whatever it sees."""
    opened = untrained(family, **settings)
    for parameter in opened.model.encoder.parameters():
        nn.init.zeros_(parameter)
    return opened


def crowds(n: int = 2000) -> np.ndarray:
    """Two far blobs, a quarter and three quarters, standard deviation 0.5."""
    rng = np.random.default_rng(0)
    return (rng.normal(0, 0.5, (n, 2)) + np.where(np.arange(n)[:, None] % 4, 10, -10)).astype(np.float32)


# --- Fitted to codes --------------------------------------------------------------------------------------------------


def test_a_mixture_draws_from_both_of_two_far_blobs_and_never_between():
    drawn = sampling.sample_gmm_fit(crowds(), 1000)
    left, right = (np.abs(drawn - place).max(axis=1) < 3 for place in (-10, 10))
    assert (left | right).all()
    assert left.mean() == pytest.approx(0.25, abs=0.05)
    assert drawn[right].std(axis=0) == pytest.approx([0.5, 0.5], abs=0.08)


def test_a_gaussian_keeps_mean_and_covariance_and_so_fills_the_gap():
    codes = crowds()
    drawn = sampling.sample_gaussian_fit(codes, 5000)
    np.testing.assert_allclose(drawn.mean(axis=0), codes.mean(axis=0), atol=0.4)  # standard error 0.12
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(codes.T), rtol=0.07)  # standard error 2 %
    assert (np.abs(drawn) < 5).all(axis=1).mean() > 0.2


def test_draws_of_a_mixture_are_not_sorted_by_component():
    first = sampling.sample_gmm_fit(crowds(), 1000)[:20, 0] > 0
    assert 0 < first.sum() < 20


@pytest.mark.parametrize("draw", [sampling.sample_gaussian_fit, sampling.sample_gmm_fit])
@pytest.mark.parametrize("size", [1, 2, 80])
def test_distributions_fit_codes_of_any_size_with_units_that_never_vary(draw, size):
    rng = np.random.default_rng(size)
    codes = np.maximum(rng.normal(size=(300, size)), 0).astype(np.float32)  # as a ReLU gives them
    codes[:, -1] = 0.25
    drawn = draw(codes, 50)
    assert drawn.shape == (50, size) and drawn.dtype == np.float32 and np.isfinite(drawn).all()
    np.testing.assert_allclose(drawn[:, -1], 0.25, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_a_mixture_minds_no_scale(scale):
    drawn = sampling.sample_gmm_fit(scale * crowds(), 200) / scale
    assert (np.abs(np.abs(drawn) - 10) < 3).all()


@pytest.mark.parametrize("draw", [sampling.sample_gaussian_fit, sampling.sample_gmm_fit])
def test_seeds_make_draws(draw):
    codes = crowds(200)
    np.testing.assert_array_equal(draw(codes, 20, 3), draw(codes, 20, 3))
    assert not np.array_equal(draw(codes, 20, 3), draw(codes, 20, 4))


def test_a_mixture_of_fewer_codes_than_components():
    assert sampling.sample_gmm_fit(crowds(4), 7).shape == (7, 2)


def test_distributions_are_fitted_to_training_codes():
    opened = untrained("vae")
    codes, labels = sampling.fit_codes(opened, TEST)
    np.testing.assert_array_equal(codes, opened.encode(DIGITS.train.to_float(), DIGITS.train.y))
    np.testing.assert_array_equal(labels, DIGITS.train.y)


# --- Of a model -------------------------------------------------------------------------------------------------------


def test_the_prior_of_an_aae_is_its_own_shape():
    ring = untrained("aae", latent_dim=2, params={"prior": "ring"}).sample_prior(500)
    assert np.linalg.norm(ring, axis=1) == pytest.approx(np.full(500, 2.0), abs=0.9)  # 0.2 wide


def test_the_prior_of_a_codebook_is_made_of_its_vectors():
    opened = untrained("vq-vae", params={"codebook_size": 5, "embedding_dim": 2})
    codes = opened.sample_prior(40)
    book = opened.model.bottleneck.embedding.numpy()
    gaps = np.abs(codes.reshape(-1, 1, 2) - book).max(axis=2).min(axis=1)
    assert gaps.max() == 0


def test_drawing_leaves_the_random_state_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    opened = untrained("vae")
    opened.sample_prior(10), sampling.aggregate_posterior(opened, FEW.to_float(), FEW.y)
    torch.testing.assert_close(torch.rand(3), expected)


def test_points_are_given_to_the_decoder_as_they_are():
    opened = untrained("vanilla")
    crowd = sampling.aggregate_posterior(opened, FEW.to_float(), FEW.y)
    np.testing.assert_array_equal(crowd, opened.encode(FEW.to_float(), FEW.y))


def test_clouds_that_say_nothing_fill_the_prior_though_their_means_do_not():
    """Every posterior is N(0, 1): the crowd of draws is the prior itself, the crowd of means is one point."""
    opened, x = silent("vae"), TEST.to_float()
    crowd = sampling.aggregate_posterior(opened, x, TEST.y)
    draws = opened.sample_prior(len(x), 7)
    assert abs(sampling.mmd(crowd, draws)) < 0.03
    assert sampling.mmd(opened.encode(x), draws) > 1


def test_a_point_is_no_normal():
    assert sampling.report(silent("vanilla"), FEW)["mmd"] > 1


def test_a_conditional_model_is_told_classes_at_their_shares(monkeypatch):
    told = []
    monkeypatch.setattr(LoadedModel, "decode", lambda self, codes, labels=None: told.append(labels))
    sampling.generate(untrained("conditional-vae"), TEST, 2000)
    for labels in told:
        shares = np.bincount(labels, minlength=10) / len(labels)
        np.testing.assert_allclose(shares, np.bincount(DIGITS.train.y) / len(DIGITS.train), atol=0.03)


# --- Scores -----------------------------------------------------------------------------------------------------------


def test_the_test_set_itself_scores_1():
    assert sampling.sample_quality(FEW.to_float(), FEW.to_float()) == dict.fromkeys(SCORES, 1.0)


def test_one_picture_again_and_again_covers_nearly_nothing():
    x = TEST.to_float()
    said = sampling.sample_quality(x, np.repeat(x[:1], len(x), axis=0))
    assert said["precision"] == said["strict_precision"] == 1 and said["coverage"] < 0.1


def test_noise_is_neither_precise_nor_does_it_cover():
    x = TEST.to_float()
    noise = np.random.default_rng(0).random(x.shape, dtype=np.float32)
    assert sampling.sample_quality(x, noise) == dict.fromkeys(SCORES, 0.0)


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_numbers(family):
    opened = untrained(family)
    said = sampling.report(opened, FEW)
    assert said == sampling.report(opened, FEW)  # seeded
    assert set(said) == {*METHOD_LABELS, "mmd", "mmd_noise_floor", "n_samples"} and said["n_samples"] == 60
    assert all(0 <= said[way][score] <= 1 for way in METHOD_LABELS for score in SCORES)
    assert np.isfinite(said["mmd"]) and abs(said["mmd_noise_floor"]) < 0.3
    json.dumps(said, allow_nan=False)


def test_nothing_is_measured_against_pictures_that_the_model_drew():
    said = sampling.report(untrained("vae"), dataclasses.replace(FEW, synthetic=True))
    assert set(said) == {"mmd", "mmd_noise_floor", "n_samples"} and said["n_samples"] == 0


# --- Panels -----------------------------------------------------------------------------------------------------------

ROOMS = {
    "1-D": {"family": "vanilla", "latent_dim": 1},
    "2-D": {"family": "vae", "latent_dim": 2},
    "overcomplete": {"family": "sparse", "latent_dim": 80},
    "ring": {"family": "aae", "latent_dim": 3, "params": {"prior": "ring"}},
    "codebook": {"family": "vq-vae", "latent_dim": 4},
    "conditional": {"family": "conditional-vae", "latent_dim": 2},
    "diffusion": {"family": "vanilla", "latent_dim": 3, "hidden_sizes": (8,), "learned_prior": "diffusion"},
    "colour": {"family": "wae", "latent_dim": 3, "dataset": "shapes-colour", "hidden_sizes": (8,)},
}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    place = tmp_path_factory.mktemp("samples")
    return place, furnished(place, {name: {"epochs": 1, **settings} for name, settings in ROOMS.items()})


@pytest.fixture
def runs_of(rooms, monkeypatch):
    place, ids = rooms
    monkeypatch.setenv("AECORE_RUNS", str(place))
    monkeypatch.setattr(report, "REPORTS", {Latent: {"sampling": sampling.report}})  # the others take time
    return ids


def _show(run: str, module: str, title: str) -> None:
    import importlib

    from aecore.store import runs
    from ui.run_data import models

    table = importlib.import_module(f"ui.panels.{module}")
    panels = next(value for name, value in vars(table).items() if name in ("SPARSE", "CODEBOOK", "SAMPLES"))
    panel = next(panel for panel in panels if panel.title == title)
    panel.show(models.load_model(run, runs.entry(run).created))


def panel(run: str, module: str, title: str) -> AppTest:
    """A panel of one of our three modules, as Streamlit runs it."""
    page = AppTest.from_function(_show, args=(run, module, title), default_timeout=60).run()
    return whole(page)


def whole(page: AppTest) -> AppTest:
    assert not page.exception, page.exception[0].value
    return page


def seen(page: AppTest) -> str:
    return " ".join(str(each.value) for each in (*page.markdown, *page.caption, *page.metric, *page.info))


@pytest.mark.parametrize(("kind", "title"), crossed([*ROOMS], [each.title for each in SAMPLES]))
def test_every_panel_shows_every_kind_of_run(kind, title, runs_of):
    page = panel(runs_of[kind], "sampling", title)
    assert seen(page) and len(page.get("plotly_chart")) == 1


def test_panels_say_the_numbers_that_evaluate_says(runs_of):
    said = sampling.report(loaded.load(runs_of["2-D"]), TEST)
    new, crowd = (panel(runs_of["2-D"], "sampling", each.title) for each in SAMPLES)
    for way in ("prior", "gmm_fit"):
        assert f"{said[way]['strict_precision']:.2f} and {said[way]['coverage']:.2f}" in seen(new)
    rows = new.dataframe[0].value
    assert rows["coverage"].tolist() == [said[way]["coverage"] for way in METHOD_LABELS]
    assert rows["precision"].tolist() == [said[way]["precision"] for way in METHOD_LABELS]
    assert crowd.metric[0].value == f"{said['mmd']:.3f}"


def test_who_was_asked_to_fill_the_prior_is_said(runs_of):
    for kind, words in (("2-D", "by *kl*"), ("ring", "by *adversarial*"), ("colour", "by *mmd*")):
        assert words in seen(panel(runs_of[kind], "sampling", "Aggregate posterior against the prior"))
    assert "they lie wherever" in seen(panel(runs_of["1-D"], "sampling", "Aggregate posterior against the prior"))


def test_another_draw_gives_other_pictures(runs_of):
    page = panel(runs_of["2-D"], "sampling", "Samples")
    before = page.get("html")[0].proto.body
    page.number_input(key="panel-seed").set_value(2).run()
    assert whole(page).get("html")[0].proto.body != before


EXHIBIT = resolve_config(PRETRAINED_MODELS["mnist-vae-2d"].config).id


def test_without_the_data_set_the_numbers_are_those_that_were_kept():
    kept = loaded.load(EXHIBIT).result["scores"]["report"]["sampling"]["prior"]
    page = panel(EXHIBIT, "sampling", "Samples")
    assert f"prior {kept['strict_precision']:.2f} and {kept['coverage']:.2f}" in seen(page)


def test_without_the_data_set_and_kept_numbers_there_are_pictures_alone(monkeypatch, numbers_forgotten):
    monkeypatch.setattr(report, "REPORTS", {Latent: {"sampling": sampling.report}})
    monkeypatch.setattr("ui.panels.sampling.link", lambda *given: None)  # there are no pages in this script
    page = panel(EXHIBIT, "sampling", "Samples")
    assert "not on this computer" in seen(page) and not page.get("plotly_chart") and page.get("html")


def test_a_learned_prior_stands_beside_the_others_and_its_steps_are_a_slider(runs_of):
    page = panel(runs_of["diffusion"], "sampling", "Samples")
    pictures = " ".join(each.proto.body for each in page.get("html"))
    assert "The **learned prior** scores" in seen(page)
    assert "learned prior (diffusion)" in pictures and "After step 100 of 100" in pictures
    steps = next(each for each in page.select_slider if each.label == "Denoising steps")
    steps.set_value(5)
    whole(page.run())
    assert "After step 5 of 5" in " ".join(each.proto.body for each in page.get("html"))
