"""Every page on a run of every kind of sample: it works, or says in one sentence why not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.kit.cases import few
from tests.kit.trained_runs import furnished
from tests.pages.test_pages import _cold, control, labels, one_sentence, opened, pictures, said, whole  # noqa: F401
from ui.panels import registry
from ui.run_data import models

SMALL: dict[str, Any] = {"hidden_sizes": (8,), "epochs": 2, "train_size": 200, "latent_dim": 2}
RUNS: dict[str, dict[str, Any]] = {
    "iris, vae": {"dataset": "iris", "family": "vae"},
    "iris, vanilla": {"dataset": "iris", "family": "vanilla"},
    "heartbeats, denoising": {"dataset": "heartbeats", "family": "denoising"},
    "heartbeats, vae": {"dataset": "heartbeats", "family": "vae"},
    "machine, top-k": {"dataset": "machine", "family": "top-k"},
    "moons, denoising": {"dataset": "moons", "family": "denoising"},
    "moons, conditional-vae": {"dataset": "moons", "family": "conditional-vae"},
    "swiss-roll, vq-vae": {"dataset": "swiss-roll", "family": "vq-vae"},
    "swiss-roll, linear": {"dataset": "swiss-roll", "family": "linear"},
    "digits-rows, vae": {"dataset": "digits-rows", "family": "vae"},
    "moving-digits, denoising": {"dataset": "moving-digits", "family": "denoising"},
    "moving-digits, conv-spatial": {
        "dataset": "moving-digits",
        "family": "vae",
        "network": "conv-spatial",
        "latent_dim": 64,
    },
}
NOUNS = {"iris": "row", "heartbeats": "series", "machine": "series", "moons": "point", "swiss-roll": "vector"}
NOUNS |= {"moving-digits": "sequence"}
EXPLORE = ["reconstruct", "latent_map", "manifold", "latent_explorer", "interpolate", "time_machine", "denoise"]
PAGES = ["", *EXPLORE, "model_inspector", "draw", "train", "gallery", "runs"]
CASES = [(page, name) for page in PAGES for name in RUNS]
QUICK = [
    ("reconstruct", "iris, vae"),
    ("reconstruct", "heartbeats, vae"),
    ("reconstruct", "moons, denoising"),
    ("manifold", "moons, denoising"),
    ("latent_map", "iris, vae"),
    ("latent_explorer", "swiss-roll, vq-vae"),
    ("interpolate", "machine, top-k"),
    ("time_machine", "heartbeats, vae"),
    ("denoise", "heartbeats, denoising"),
    ("draw", "iris, vae"),
    ("train", "moons, conditional-vae"),
    ("reconstruct", "moving-digits, denoising"),
    ("denoise", "moving-digits, denoising"),
    ("time_machine", "moving-digits, denoising"),
    ("latent_explorer", "moving-digits, conv-spatial"),
]


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("every-kind")


@pytest.fixture(autouse=True)
def _store(place, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(place / "runs"))
    monkeypatch.setenv("AECORE_DATA", str(place / "no-data"))


@pytest.fixture(scope="session")
def kinds(place):
    """A function: name of RUNS -> the id of that run, trained when it is first asked for."""
    return lambda name: furnished(place / "runs", {name: SMALL | RUNS[name]})[name]


def words(app) -> str:
    """All that the page writes about its run, outside the sidebar."""
    found = [each.value for kind in (app.markdown, app.caption, app.header, app.subheader) for each in kind]
    return " ".join([*found, *(alt for alt, _ in pictures(app))])


@pytest.mark.parametrize("case", few(CASES, *QUICK, name=lambda case: f"{case[0] or 'home'}-{case[1]}"))
def test_every_page_works_on_every_kind_or_says_why_not(case, kinds):
    page, name = case
    app = opened(page, kinds(name))
    assert not app.error, said(app)
    if page == "draw":
        assert any("train one on digits" in one_sentence(text) for text in said(app))
    elif page in EXPLORE:
        noun = NOUNS.get(name.split(",")[0])
        assert noun is None or noun in words(app)
        assert "image" not in words(app), "the words are those of the samples"


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_every_panel_works_on_every_kind(name, kinds):
    run_id = kinds(name)
    opened("model_inspector", run_id)
    from aecore.store import runs

    loaded = models.load_model(run_id, runs.entry(run_id).created)
    assert len(registry.panels(loaded)) > 5
    for panel in registry.panels(loaded):
        app = opened("model_inspector", run_id)
        app.query_params["panel"] = panel
        whole(app.run())
        assert not app.error, (panel, said(app))


def test_the_form_offers_what_fits_the_data_set(kinds, submitted):
    app = opened("train")
    control(app, "Data set").set_value("iris")
    whole(app.run())
    assert "Pixel range" not in labels(app)
    assert "Network" not in labels(app) or "Convolutional" not in control(app, "Network").options
    assert control(app, "Output likelihood").value == "per-column"
    assert "Convolutional" not in control(app, "Preset").options
    control(app, "Data set").set_value("digits")
    whole(app.run())
    assert {"Network", "Pixel range"} <= labels(app) and control(app, "Output likelihood").value == "bernoulli"


def test_a_learned_prior_that_another_model_cannot_have_leaves_the_address_and_that_is_said():
    app = opened()
    for name, value in {"family": "vanilla", "learned-prior": "flow"}.items():
        app.query_params[name] = value
    app.switch_page("pages/train.py")
    app = whole(app.run())
    assert not app.warning and not app.error
    control(app, "Model").set_value("vq-vae")
    app = whole(app.run())
    assert [each.value for each in app.warning] == [
        "Flow does not fit VQ-VAE. The address asked for it; the default stands."
    ]
    assert not app.error and "learned-prior" not in app.query_params


def test_an_address_that_asks_for_what_does_not_fit_is_told_so():
    app = opened()
    for name, value in {
        "dataset": "iris",
        "likelihood": "bernoulli",
        "network": "conv",
        "preset": "overcomplete",
    }.items():
        app.query_params[name] = value
    app.switch_page("pages/train.py")
    app = whole(app.run())
    assert not app.error
    told = [each.value for each in app.warning]
    assert any("Bernoulli does not fit" in text for text in told) and any("Convolutional" in text for text in told)
    assert control(app, "Latent dimension").value == 5  # a quarter more than four columns


def test_points_have_a_field_and_other_samples_have_none(kinds):
    heads = {
        name: [each.value for each in opened("reconstruct", kinds(name)).header]
        for name in ("moons, denoising", "iris, vae")
    }
    assert "Reconstruction field" in heads["moons, denoising"] and "Reconstruction field" not in heads["iris, vae"]
