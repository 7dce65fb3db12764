"""What pages give the views that decode in the browser: the numbers, in the order and the form that these read."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from aecore.analysis.latents import posterior
from aecore.analysis.loaded import LoadedModel, load
from aecore.data import datasets
from aecore.export import packing
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from ui.run_data import models, splits
from ui.views import live_decoding
from ui.widgets import component, live


def array(sent: dict, name: str, at: int | None = None) -> np.ndarray | None:
    """One array that a view is given; `at`: of a list."""
    piece = sent["pieces"][name] if at is None else sent["pieces"][name][at]
    return None if piece is None else packing.unpack(piece, sent["blob"]["blob"][0].as_py())


def of(family: str, **more) -> LoadedModel:
    """A model of random weights."""
    config = resolve_config(presets.default_config("digits", family=family, **more))
    torch.manual_seed(0)
    return LoadedModel(config, build_recipe(config).model.eval(), {})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(tmp_path_factory.mktemp("runs")))
        opened = {}
        for family, latent_dim in (("vae", 5), ("vanilla", 3), ("conditional-vae", 2), ("vq-vae", 8)):
            config = resolve_config(presets.default_config("digits", family=family, latent_dim=latent_dim, epochs=3))
            assert list(run_training(config))
            opened[family] = load(config.id)
        yield opened


@pytest.fixture
def given(monkeypatch):
    """What a view was given."""
    seen = {}
    monkeypatch.setattr(live, "view", lambda name, model, key, data, **more: seen.update({name: data}))
    return seen


def test_packed_arrays_come_back():
    x = np.arange(6, dtype=np.float64).reshape(2, 3)[:, ::2] / 3
    sent = live_decoding._packed(one=x, several=[x, None], none=None)
    assert array(sent, "one").dtype == np.float32 and np.array_equal(array(sent, "one"), x.astype(np.float32))
    assert np.array_equal(array(sent, "several", 0), array(sent, "one"))
    assert array(sent, "several", 1) is None and array(sent, "none") is None


def test_clouds_are_those_that_draws_fill():
    run = of("vae", latent_dim=3)
    x = datasets.load("digits").test.to_float(slice(0, 2))
    seen = posterior.encode(run, x)
    sigma, nats = seen.sigma, seen.kl
    with torch.inference_mode():
        drawn = run.model.encode(torch.from_numpy(np.repeat(x, 4000, axis=0))).z.numpy().reshape(2, 4000, 3)
    assert drawn.std(axis=1) == pytest.approx(sigma, rel=0.05)
    means = run.encode(x)
    assert nats == pytest.approx(0.5 * (means**2 + sigma**2 - 1) - np.log(sigma), abs=1e-4)
    assert posterior.has_posterior(run) and not posterior.has_posterior(of("vanilla"))


def test_looking_at_clouds_leaves_the_random_state_alone():
    run, x = of("ladder-vae"), datasets.load("digits").test.to_float(slice(0, 4))
    torch.manual_seed(1)
    before = torch.get_rng_state()
    assert np.array_equal(posterior.encode(run, x).kl, posterior.encode(run, x).kl)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize(
    ("family", "params", "normal"),
    [("vae", {}, True), ("aae", {}, True), ("aae", {"prior": "ring"}, False), ("vq-vae", {}, False)],
)
def test_only_priors_that_are_not_normal_are_drawn_here(family, params, normal):
    run = of(family, params=params, latent_dim=4)
    drawn = run.sample_prior(50)
    assert run.model.bottleneck.standard_normal_prior == normal
    assert drawn.shape == (50, run.code_size) and np.array_equal(drawn, run.sample_prior(50))
    if params:
        assert np.linalg.norm(drawn[:, :2], axis=1).mean() == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("family", ["vae", "vanilla", "conditional-vae", "vq-vae"])
def test_sliders_are_given_what_they_need(family, runs, given):
    run = runs[family]
    test = datasets.load("digits").test
    x = test.to_float(slice(0, 2))
    ends = run.encode(x)
    live_decoding.sliders.__wrapped__("model", run, x, ends)
    sent, size = given["sliders"], ends.shape[1]
    assert sent["starts"] == ["From", "To", "Mean code"]
    assert np.array_equal(array(sent, "codes", 1), ends[1])
    assert sorted(sent["order"]) == list(range(size)) and array(sent, "ranges").shape == (size, 2)
    clouded = family in ("vae", "conditional-vae")
    assert [std is not None for std in sent["pieces"]["posterior_stds"]] == [clouded, clouded, False]
    assert (array(sent, "kl") is not None) == clouded
    if clouded:
        told = array(sent, "kl")
        assert sent["order"] == np.argsort(-told, kind="stable").tolist()
    assert (array(sent, "prior_samples") is None) == (family != "vq-vae")
    assert (sent["class_names"] is None) == (family == "conditional-vae")
    if sent["class_names"]:
        threes = splits.codes(run)[test.y == 3]
        assert array(sent, "class_means")[3] == pytest.approx(threes.mean(axis=0), abs=1e-5)
        assert array(sent, "class_stds")[3] == pytest.approx(threes.std(axis=0), abs=1e-5)


def test_interpolation_and_denoise_are_given_pictures(runs, given):
    run, x = runs["vae"], datasets.load("digits").test.to_float(slice(0, 2))
    live_decoding.interpolation.__wrapped__("model", run, x, run.encode(x), "slerp")
    sent = given["interpolation"]
    assert sent["interpolation"] == "slerp" and sent["class_label"] == 0
    assert np.array_equal(array(sent, "images", 1), x[1])
    live_decoding.denoise.__wrapped__("model", run, x[0])
    assert array(given["denoise"], "image").shape == run.card.shape


@pytest.fixture
def mounted(monkeypatch):
    """What the browser is sent, by the name of the view."""
    seen = {}

    def mount(name):
        return lambda data, **more: seen.update({name: data})

    monkeypatch.setattr(component, "mount", mount)
    return seen


def test_a_model_is_sent_with_what_it_takes_to_guess(runs, mounted):
    run = runs["conditional-vae"]
    key = live.send_model(run)
    sent = mounted["program"]
    assert sent["model"] == key and run.id in key
    assert sent["head"]["likelihood"] == run.config.likelihood
    assert sent["head"]["n_classes"] == 10
    assert sent["blob"]["blob"][0].as_py() == models.program(run).weights.tobytes()


def test_a_view_may_do_without_a_model(mounted):
    live.view("draw", None, "key", {"label": 1})
    assert mounted["draw"] == {"label": 1, "view": "draw", "model": None}
