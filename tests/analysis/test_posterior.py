"""Clouds: nats against torch.distributions and against truths; one image's account; the panels that show them."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn
from torch.distributions import Normal, kl_divergence

from aecore.analysis import report
from aecore.analysis.latents import posterior
from aecore.analysis.latents.posterior import PosteriorBatch
from aecore.analysis.loaded import LoadedModel
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.latents import FlowLatent, GaussianLatent
from tests.kit.cases import crossed
from tests.kit.trained_runs import furnished
from ui.panels.charts import posterior_charts
from ui.panels.posterior import GAUSSIAN

PARTS = ("mutual_information", "total_correlation", "dimension_wise_kl")
TEST = load("digits").test


def untrained(family: str, latent_dim: int = 3, seed: int = 0) -> LoadedModel:
    config = resolve_config(
        presets.default_config("digits", family=family, latent_dim=latent_dim, hidden_sizes=(16,), seed=seed)
    )
    return LoadedModel(config, build_recipe(config).model.eval(), {})


def silent(latent_dim: int = 3) -> LoadedModel:
    """A VAE whose every cloud is N(0, 1)."""
    opened = untrained("vae", latent_dim)
    for parameter in opened.model.encoder.parameters():
        nn.init.zeros_(parameter)
    return opened


def crowd(mean: np.ndarray, sigma: np.ndarray | float) -> PosteriorBatch:
    """Clouds without a model."""
    mean = mean.astype(np.float32)
    sigma = np.broadcast_to(np.float32(sigma), mean.shape).copy()
    nats = kl_divergence(Normal(torch.tensor(mean), torch.tensor(sigma)), Normal(0, 1)).numpy()
    return PosteriorBatch(mean, sigma, nats, mean)


KINDS = [name for name in FAMILIES if issubclass(untrained(name).types[0], GaussianLatent)]
NORMAL = [name for name in KINDS if not issubclass(untrained(name).types[0], FlowLatent)]  # posteriors


# Numbers


@pytest.mark.parametrize("family", NORMAL)
def test_nats_are_those_of_torch_distributions(family):
    opened, rows = untrained(family), slice(40)
    seen = posterior.encode(opened, TEST.to_float(rows), TEST.y[rows])
    said = Normal(torch.from_numpy(seen.mean), torch.from_numpy(seen.sigma))
    np.testing.assert_allclose(seen.kl, kl_divergence(said, Normal(0, 1)).numpy(), atol=1e-5)


@pytest.mark.parametrize("family", KINDS)
def test_numbers_of_every_family_add_up_and_fit_into_json(family):
    opened = untrained(family)
    found = posterior.report(opened, TEST)
    assert json.loads(json.dumps(found)) == found
    assert found["n_samples"] == len(TEST) and found["estimator_batch_size"] == len(TEST)
    assert [len(found[name]) for name in ("kl", "sigma", "variance_of_means")] == [3, 3, 3]
    assert found["kl_total"] == pytest.approx(sum(found["kl"]))
    assert sum(found[part] for part in PARTS) == pytest.approx(found.get("kl_of_moments", found["kl_total"]), abs=0.05)
    assert found["active_units"] == sum(
        variance > posterior.ACTIVE_THRESHOLD for variance in found["variance_of_means"]
    )
    assert posterior.report(opened, TEST) == found  # seeded


def test_a_model_that_makes_points_is_told_so():
    with pytest.raises(UserError, match="points, not posteriors"):
        posterior.report(untrained("vanilla"), TEST)


@pytest.mark.parametrize("latent_dim", [1, 3, 80])
def test_clouds_that_are_all_the_prior_tell_nothing(latent_dim):
    found = posterior.report(silent(latent_dim), TEST)
    assert found["kl"] == [0.0] * latent_dim and found["active_units"] == 0
    assert found["sigma"] == [1.0] * latent_dim
    for part in PARTS:
        assert found[part] == pytest.approx(0, abs=2e-4 * latent_dim)  # float32 sums of latent_dim logarithms


@pytest.mark.parametrize("pictures", [200, 5000])
def test_clouds_far_apart_give_their_pictures_away(pictures):
    seen = crowd(100 * np.arange(200)[:, None] * np.ones(2), 1.0)
    found = posterior.estimate_kl_decomposition(seen, pictures)
    assert found["mutual_information"] == pytest.approx(math.log(pictures), abs=1e-3)
    # both numbers say which image it is: they tell all of each other
    assert found["total_correlation"] == pytest.approx(math.log(pictures), abs=1e-3)


def test_the_parts_of_a_crowd_that_fills_the_prior_are_the_information_alone():
    # means N(0, 1 - s^2) and clouds of width s make N(0, 1) in each of two independent dimensions, so all of the KL
    # is mutual information: -log s each
    width = 0.5
    seen = crowd(np.random.default_rng(0).normal(0, math.sqrt(1 - width**2), (2000, 2)), width)
    found = posterior.estimate_kl_decomposition(seen, 10**9)
    assert found["mutual_information"] == pytest.approx(-2 * math.log(width), abs=0.05)
    assert found["total_correlation"] == pytest.approx(0, abs=0.05)
    assert found["dimension_wise_kl"] == pytest.approx(0, abs=0.05)


def test_a_shift_that_all_clouds_share_is_dimension_wise_kl():
    found = posterior.estimate_kl_decomposition(crowd(np.full((500, 1), 2.0), 1.0), 500)
    assert found["dimension_wise_kl"] == pytest.approx(2.0, abs=0.1)  # mean^2 / 2
    assert found["mutual_information"] == pytest.approx(0, abs=1e-5)


def test_two_numbers_that_say_the_same_are_total_correlation():
    # both hold the same mean: the crowd is a normal of unit variances and correlation rho = 1 - s^2
    width = 0.6
    mean = np.random.default_rng(0).normal(0, math.sqrt(1 - width**2), (2000, 1)) * np.ones(2)
    found = posterior.estimate_kl_decomposition(crowd(mean, width), 10**9)
    assert found["total_correlation"] == pytest.approx(-0.5 * math.log(1 - (1 - width**2) ** 2), abs=0.05)


def test_batches_of_many_numbers_bound_the_memory(monkeypatch):
    monkeypatch.setattr(posterior, "MAX_ARRAY_ELEMENTS", 50 * 50 * 4)
    seen = crowd(np.random.default_rng(0).normal(0, 0.8, (300, 4)), 0.6)
    sizes = []
    split = posterior.kl_decomposition
    monkeypatch.setattr(posterior, "kl_decomposition", lambda each, n: sizes.append(each.z.shape) or split(each, n))
    found = posterior.estimate_kl_decomposition(seen, 300)
    assert max(sizes) <= (50, 4) and sum(size[0] for size in sizes) >= posterior.N_EVAL_IMAGES
    assert sum(found.values()) == pytest.approx(seen.kl.sum(1).mean(), abs=0.1)


# One image


@pytest.mark.parametrize("family", KINDS)
def test_an_account_is_the_elbo_of_its_picture(family):
    opened, x, label = untrained(family), TEST.to_float([5])[0], int(TEST.y[5])
    bill = posterior.elbo_breakdown(opened, x, label)
    still = opened.encode(x[None], TEST.y[[5]])
    with torch.inference_mode():
        y = torch.tensor([label])
        asked = torch.from_numpy(x[None])
        many, labels = asked.repeat(posterior.N_SAMPLES, 1, 1, 1), y.repeat(posterior.N_SAMPLES)
        drawn = opened.model.decode(torch.from_numpy(bill.z), labels)
        mean = float(opened.model.likelihood.nll(drawn, many).mean())
        calm = float(opened.model.likelihood.nll(opened.model.decode(torch.from_numpy(still), y), asked))
    assert bill.reconstruction == pytest.approx(mean, rel=1e-5)
    assert bill.reconstruction_at_mean_code == pytest.approx(calm, rel=1e-5)
    assert bill.negative_elbo == pytest.approx(mean + bill.kl.sum(), rel=1e-5)
    assert len(np.unique(bill.z[:, 0])) == posterior.N_SAMPLES


def test_clouds_to_draw_are_spread_over_the_classes():
    labels = np.array([0] * 90 + [1] * 8 + [3] * 2)
    rows = posterior.sample_per_class(labels, 12)
    assert np.bincount(labels[rows]).tolist() == [4, 4, 0, 2]


# Charts


def test_an_ellipse_is_as_wide_as_its_cloud():
    x, y = posterior_charts._outlines(np.array([[1.0, -1.0]]), np.array([[0.5, 2.0]]))
    assert np.nanmax(x) == 1.5 and np.nanmin(x) == 0.5 and np.nanmax(y) == 1 and np.nanmin(y) == -3


def test_bars_that_add_up_begin_where_the_one_above_ends():
    chart = posterior_charts.waterfall({"a": 3.0, "b": -1.0, "c": 0.5}, "all", ("#000", "#fff"))
    (bars,) = chart.figure.data
    assert list(bars.base) == [0, 3, 2, 0] and list(bars.x) == [3, -1, 0.5, 2.5]
    assert "all, 2.50: a 3.00, b -1.00, c 0.50" in chart.alt


def test_a_kl_of_next_to_nothing_looks_like_it():
    chart = posterior_charts.kl_bars(["z1"], [1e-4], [False], "#123456")
    assert chart.figure.layout.yaxis.range[1] >= 0.1 and chart.figure.data[0].marker.color == (posterior_charts.GREY,)
    chart = posterior_charts.kl_heatmap(["z1"], [1, 2], np.array([[1e-4, 1e-4]]))
    assert chart.figure.data[0].zmax >= 0.1


# Panels


def _show(run: str, title: str) -> None:
    from aecore.analysis import loaded
    from ui.panels.posterior import GAUSSIAN

    next(panel for panel in GAUSSIAN if panel.title == title).show(loaded.load(run))


ROOMS = {
    "1-D": {"family": "vae", "latent_dim": 1},
    "2-D, conv": {"family": "info-vae", "latent_dim": 2, "network": "conv"},
    "overcomplete": {"family": "beta-vae", "latent_dim": 80},
    "conditional": {"family": "conditional-vae", "latent_dim": 2},
    "ladder": {"family": "ladder-vae", "latent_dim": 4},
    "flow": {"family": "flow-vae", "latent_dim": 3},
    "colour": {"family": "vae", "latent_dim": 3, "dataset": "shapes-colour", "hidden_sizes": (8,)},
}


@pytest.fixture(scope="module")
def trained_runs(tmp_path_factory):
    place = tmp_path_factory.mktemp("posterior")
    return place, furnished(place, {name: {"epochs": 1, **settings} for name, settings in ROOMS.items()})


@pytest.fixture
def runs_of(trained_runs, monkeypatch):
    place, ids = trained_runs
    monkeypatch.setattr(
        report, "REPORTS", {GaussianLatent: {"posterior": posterior.report}}
    )  # and no others: they take time
    monkeypatch.setenv("AECORE_RUNS", str(place))
    return ids


def seen(page: AppTest) -> str:
    assert not page.exception, page.exception[0].value
    said = [*page.markdown, *page.caption, *page.metric]
    return " ".join(str(each.value) for each in said)


@pytest.mark.parametrize(("kind", "panel"), crossed([*ROOMS], [panel.title for panel in GAUSSIAN]))
def test_every_panel_shows_every_kind_of_run(kind, panel, runs_of):
    page = AppTest.from_function(_show, args=(runs_of[kind], panel), default_timeout=60).run()
    assert seen(page)
    assert page.get("plotly_chart")


def test_panels_say_the_numbers_that_evaluate_says(runs_of):
    from aecore.analysis import loaded

    run = runs_of["2-D, conv"]
    found = posterior.report(loaded.load(run), TEST)
    told = seen(AppTest.from_function(_show, args=(run, GAUSSIAN[0].title), default_timeout=60).run())
    assert f"{found['kl_total']:.2f} nats" in told and f"{found['active_units']} of 2" in told
    parts = seen(AppTest.from_function(_show, args=(run, GAUSSIAN[3].title), default_timeout=60).run())
    for part in PARTS:
        assert f"{found[part]:z.2f} nats**" in parts
    assert f"exact KL is {found['kl_total']:.2f}" in parts


def test_another_picture_gets_its_own_account(runs_of):
    from aecore.analysis import loaded

    opened = loaded.load(runs_of["1-D"])
    page = AppTest.from_function(_show, args=(opened.id, "ELBO of one image"), default_timeout=60).run()
    page.number_input(key="test-image").set_value(7).run()
    bill = posterior.elbo_breakdown(opened, TEST.to_float([7])[0], int(TEST.y[7]))
    assert f"**{bill.negative_elbo:.2f}** in all" in seen(page)


def test_runs_of_before_have_no_kl_by_epoch_and_no_empty_section(runs_of, monkeypatch):
    from aecore.store import history

    lines = [{"epoch": 1, "validation": {"kl": 1.0}}]
    monkeypatch.setattr(history, "history", lambda run: lines)
    page = AppTest.from_function(_show, args=(runs_of["1-D"], GAUSSIAN[0].title), default_timeout=60).run()
    assert len(page.get("plotly_chart")) == 1
    lines[0]["signals"] = {"code": {"kl": [0.5]}}
    page.run()
    assert len(page.get("plotly_chart")) == 2


@pytest.mark.parametrize("panel", [GAUSSIAN[0].title, "ELBO of one image"])
def test_stand_ins_are_said_to_be_what_the_model_drew(panel, monkeypatch, tmp_path, numbers_forgotten):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    monkeypatch.setattr(report, "REPORTS", {GaussianLatent: {"posterior": posterior.report}})
    run = resolve_config(PRETRAINED_MODELS["mnist-vae-2d"].config).id
    page = AppTest.from_function(_show, args=(run, panel), default_timeout=60).run()
    assert "the model decoded in place of" in seen(page)
