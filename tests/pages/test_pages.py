"""Every page as Streamlit runs it, without a browser: what it shows and says, and what it may import."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import threading
import tomllib
from html.parser import HTMLParser
from pathlib import Path

import pytest
import streamlit.config
from PIL import Image
from safetensors.torch import save
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Widget

from aecore.analysis import baselines
from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.data import datasets, download, modalities
from aecore.data.datasets import CARDS
from aecore.jobs import api
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.corruptions import CORRUPTIONS
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.params import params_of
from aecore.store import queue, runs
from aecore.store.writer import RunWriter
from tests.kit.cases import crossed, marked
from tests.kit.networks import is_refused
from ui import pages_table
from ui.session import identity
from ui.widgets import live

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path.read_text() for path in sorted((ROOT / "pages").glob("*.py"))}
EXPLORE = [name for name, source in PAGES.items() if "selected_run(" in source]  # those that show one run
RUN_PAGES = [*EXPLORE, "train"]  # those that say something of one run
GALLERY = resolve_config(PRETRAINED_MODELS["digits-vae-2d"].config).id
LABELS = {param.name: param.label for param in params_of(Config)}
KINDS = {  # runs of every kind of code that a page can meet
    "vanilla, 1-D": ("vanilla", 1, "mlp"),
    "linear, 3-D": ("linear", 3, "mlp"),
    "vae, 3-D, conv": ("vae", 3, "conv"),
    "vae, 32-D": ("vae", 32, "mlp"),
    "denoising, 2-D": ("denoising", 2, "mlp"),
}


# --- A laboratory to test in --------------------------------------------------------------------------------


class _Timer(threading.Timer):
    """A timer that leaves out what the frame wants done after the first paint."""

    def start(self) -> None:
        if not (getattr(self.function, "__module__", None) or "").startswith("ui"):
            super().start()


@pytest.fixture(autouse=True)
def _cold(monkeypatch):
    monkeypatch.setattr(threading, "Timer", _Timer)


@pytest.fixture(scope="module", autouse=True)
def store(tmp_path_factory):
    """A runs folder that this file fills, and no data set that has to be downloaded."""
    place = tmp_path_factory.mktemp("pages")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place / "runs"))
        patch.setenv("AECORE_DATA", str(place / "no-data"))
        yield place / "runs"


@pytest.fixture
def empty(monkeypatch, tmp_path):
    """No run at all, not even the gallery's."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "PRETRAINED_DIR", tmp_path / "gallery")


@pytest.fixture
def own_store(monkeypatch, tmp_path):
    """A runs folder of the test's own, beside the gallery."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(scope="module")
def trained(store):
    """The id of a run of each of KINDS, trained on the digits for one epoch."""
    ids = {}
    for kind, (family, latent_dim, network) in KINDS.items():
        config = resolve_config(
            presets.default_config("digits", network, family=family, latent_dim=latent_dim, epochs=1)
        )
        assert list(run_training(config))
        ids[kind] = config.id
    return ids


def untrained(dataset: str, **more) -> Config:
    """A finished run's folder with random weights: what a page needs of a run, without the training."""
    config = resolve_config(
        presets.default_config(dataset, family="vae", **({"hidden_sizes": (8,), "epochs": 1} | more))
    )
    losses = {"reconstruction": 1.0, "kl": 1.0}
    result = {"seconds": 1.0, "parameters": 1, "mse": 0.1, "device": "cpu", "created": 1.0}
    result |= {"train": losses, "validation": losses, "test": losses}
    with RunWriter(config) as draft:
        draft.finish(save(build_recipe(config).model.state_dict()), result, _png())
    return config


def in_state(state: str, **more) -> Config:
    """A run that stands in a state, said to be the work of this process."""
    config = resolve_config(presets.default_config("digits", family="vae", seed=1))
    with RunWriter(config) as draft:
        draft.set_state(state, **more)
    return config


def _png() -> bytes:
    import io

    stream = io.BytesIO()
    Image.new("L", (8, 8)).save(stream, "PNG")
    return stream.getvalue()


def opened(page: str = "", run: str | None = None) -> AppTest:
    """A page, opened by its address; "" is the first screen."""
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    if run is not None:
        app.query_params["run"] = run
    if page:
        app.switch_page(f"pages/{page}.py")
    return whole(app.run())


def whole(app: AppTest) -> AppTest:
    assert not app.exception, [each.message for each in app.exception]
    return app


def chosen(app: AppTest) -> str:
    """The run in the address; AppTest holds what it was given as text and what it read as a list."""
    run = app.query_params["run"]
    return run if isinstance(run, str) else run[0]


def said(app: AppTest) -> list[str]:
    """What the page tells people: errors, warnings and hints, outside the sidebar too."""
    return [each.value for kind in (app.error, app.warning, app.info) for each in kind]


def one_sentence(text: str) -> str:
    assert re.fullmatch(r".{20,400}[.]", text), text
    assert not re.search(r"[.!?] [A-Z]|Traceback|Error: ", text), text
    return text


def links(app: AppTest, where: str = "main") -> dict[str, str]:
    """The page links of the main part: page -> the query that they carry."""
    found = {}
    for each in getattr(app, where):
        if each.type == "page_link":
            found[each.proto.page.rpartition("/")[2]] = each.proto.query_string
    return found


class _Images(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        if tag == "img":
            self.found.append(dict(attributes))


def pictures(app: AppTest) -> list[tuple[str, str]]:
    """(alt, src) of the images that a page draws in HTML."""
    bodies = [each.proto.body for each in app.main if each.type == "html"]
    found = [image for body in bodies for image in _Images(body).found]
    return [(image.get("alt") or "", image.get("src") or "") for image in found]


def control(app: AppTest, label: str):
    """The one widget of the main part with that label."""
    found = [each for each in app.main if isinstance(each, Widget) and each.label == label]
    assert len(found) == 1, f"{len(found)} widgets are called {label}"
    return found[0]


def labels(app: AppTest) -> set[str]:
    return {each.label for each in app.main if isinstance(each, Widget)}


# --- Every page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", ["", *PAGES])
def test_page_opens_with_its_title(page):
    app = opened(page, GALLERY)
    assert not app.error
    assert len(app.title) == 1
    if page:
        assert app.title[0].value == next(each.title for each in pages_table.PAGES if each.file == f"pages/{page}.py")
    assert chosen(app) == GALLERY


@pytest.mark.parametrize("page", ["", *PAGES])
def test_links_carry_the_chosen_run(page):
    app = opened(page, GALLERY)
    found = links(app, "sidebar") | links(app)
    assert len(found) >= len(PAGES)
    others = {  # a way to the gallery's denoiser, and those of the cards, each to its own model
        "denoise": {"denoise"},
        "gallery": {"latent_explorer", "model_inspector"},
    }
    elsewhere = others.get(page, set())
    assert all(f"run={GALLERY}" in query.split("&") for name, query in found.items() if name not in elsewhere)


@pytest.mark.parametrize(("page", "kind"), crossed(EXPLORE, list(KINDS)))
def test_explore_page_shows_every_kind_of_code(page, kind, trained):
    app = opened(page, trained[kind])
    assert not app.error
    assert pictures(app) or any(each.type == "plotly_chart" for each in app.main)


@pytest.mark.parametrize("page", EXPLORE)
def test_explore_page_shows_colour(page, own_store, monkeypatch):
    # the PCA of 3,072 colours takes longer than all else here
    monkeypatch.setattr(baselines, "baseline_errors", lambda *_: {"mean_baseline_mse": 0.2, "pca_mse": 0.1})
    app = opened(page, untrained("shapes-colour", latent_dim=3).id)
    assert not app.error


@pytest.mark.parametrize("page", PAGES)  # the first screen's are drawn in the browser
@pytest.mark.parametrize("kind", ["gallery", "vae, 32-D"])
def test_every_picture_chart_and_table_has_words(page, kind, trained):
    app = opened(page, trained.get(kind, GALLERY))
    shown = 0
    for each in [*app.main, *app.sidebar]:
        if each.type in ("image", "imgs"):
            words = [image.alt for image in each.proto.imgs]
        elif each.type in ("plotly_chart", "dataframe"):
            words = [each.proto.alt]
        elif each.type == "html":
            words = [image.get("alt") for image in _Images(each.proto.body).found]
        else:
            continue
        assert all(text and len(text) >= 10 for text in words), (each.type, words)
        shown += len(words)
    assert shown


# --- Runs that are not there, or not whole ------------------------------------------------------------------


# On Train the run picker says it: the form is of use without a run.
@pytest.mark.parametrize(("page", "run"), crossed(EXPLORE, ["unknown", "../../etc/passwd", "", "a" * 500, "**<b>x"]))
def test_an_unknown_run_is_said_and_not_replaced(page, run):
    app = opened(page, run)
    assert len(app.error) == 1
    assert "no run" in one_sentence(app.error[0].value)
    assert chosen(app) == run


@pytest.mark.parametrize(
    ("page", "run"), crossed(["", *sorted(set(PAGES) - set(RUN_PAGES))], ["unknown", "../../etc/passwd"])
)
def test_an_unknown_run_is_kept_where_no_run_is_shown(page, run):
    app = opened(page, run)
    assert chosen(app) == run


@pytest.mark.parametrize("page", EXPLORE)
def test_a_missing_data_set_is_said_with_a_way_to_get_it(page, own_store):
    app = opened(page, untrained("mnist").id)
    told = [*app.error, *app.info][0]  # where nothing can ever stand in for the samples it is no failure
    assert len(app.error) < 2 and "download" in one_sentence(told.value)
    assert "data" in links(app)


def test_training_without_the_data_set_says_how_to_get_it(own_store):
    app = opened("train")
    control(app, "Data set").set_value("mnist")
    whole(app.run())
    control(app, "Train").click()
    whole(app.run())
    assert "download" in one_sentence(app.error[0].value)
    assert "data" in links(app)
    assert not list(own_store.glob("vae-mnist-*"))


def _garbage_settings(place):
    (place / "config.json").write_text("{")


def _settings_of_another_program(place):
    (place / "config.json").write_text('{"model": "resnet"}')


def _weights_cut_short(place):
    file = place / "weights.safetensors"
    file.write_bytes(file.read_bytes()[:-100])


def _no_weights(place):
    (place / "weights.safetensors").unlink()


def _no_result(place):
    (place / "result.json").unlink()


def _a_list_for_a_result(place):
    (place / "result.json").write_text("[]")


DAMAGE = (
    _garbage_settings,
    _settings_of_another_program,
    _weights_cut_short,
    _no_weights,
    _no_result,
    _a_list_for_a_result,
)


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_broken_run_is_listed_with_its_reason(damage, own_store):
    config = untrained("digits")
    damage(own_store / config.id)
    app = opened("runs")
    table = app.dataframe[0].value
    line = table[table["name"] == config.id].iloc[0]
    assert line["state"] == "broken"
    assert line["note"].endswith(".")


@pytest.mark.parametrize(("damage", "page"), crossed(DAMAGE, RUN_PAGES))
def test_a_page_says_that_a_run_is_broken(damage, page, own_store):
    config = untrained("digits")
    damage(own_store / config.id)
    app = opened(page, config.id)
    assert said(app), page
    assert chosen(app) == config.id


@pytest.mark.parametrize("page", EXPLORE)
def test_weights_of_another_network_are_said(page, own_store):
    config, other = untrained("digits"), untrained("digits", hidden_sizes=(16,))
    weights = (own_store / other.id / "weights.safetensors").read_bytes()
    (own_store / config.id / "weights.safetensors").write_bytes(weights)
    app = opened(page, config.id)
    one_sentence(app.error[0].value)


@pytest.mark.parametrize("page", ["train", "model_inspector", "reconstruct"])
def test_a_family_that_this_laboratory_does_not_know_is_said(page, own_store):
    config = untrained("digits")
    settings = config.to_json() | {"family": "unheard"}
    renamed = own_store / Config.from_json(settings).id
    (own_store / config.id).rename(renamed)
    (renamed / "config.json").write_text(json.dumps(settings))
    app = opened(page, renamed.name)
    assert "no family called unheard" in app.error[0].value


def test_a_stray_folder_harms_no_page(own_store):
    (own_store / "my-notes").mkdir(parents=True)
    (own_store / ".hidden").mkdir()
    (own_store / "file.txt").write_text("x")
    app = opened("runs")
    assert "my-notes" in set(app.dataframe[0].value["name"])
    for page in PAGES:
        assert not opened(page).error


@pytest.mark.parametrize("page", EXPLORE)
def test_without_any_model_a_page_offers_to_train_one(page, empty):
    app = opened(page)
    assert len(said(app)) == 1
    assert "no trained model" in one_sentence(said(app)[0])
    assert "train" in links(app)


@pytest.mark.parametrize("page", ["", *sorted(set(PAGES) - set(EXPLORE))])
def test_without_any_model_the_other_pages_open(page, empty):
    assert not opened(page).error


# --- A run on its way ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ["failed", "stopped"])
def test_train_says_why_a_run_ended(state, own_store):
    reason = "The loss became infinite; lower the learning rate."
    app = opened("train", in_state(state, message=reason, fallback_device="cpu").id)
    assert any(reason in text for text in said(app))
    assert any("CPU" in button.label for button in app.main.button)


PROGRESS = {
    "epoch": 3,
    "epochs": 60,
    "step": 70,
    "steps": 1140,
    "fraction": 0.06,
    "seconds": 1.0,
    "seconds_left": 17.0,
    "samples_per_second": 9000.0,
    "grad_norm": 5.0,
    "train": {"reconstruction": 20.0, "kl": 3.0},
    "validation": None,
}


@pytest.mark.parametrize("progress", [PROGRESS, {"epoch": 0, "epochs": 60, "fraction": 0.0}])
def test_train_shows_a_run_in_training_and_stops_it(progress, own_store):
    config = in_state("training", progress=progress)
    app = opened("train", config.id)
    assert not said(app)
    control(app, "Stop").click()
    whole(app.run())
    order, _ = RunWriter(config).command
    assert order == "stop"


def test_a_waiting_run_is_shown_and_stopped(own_store):
    config = in_state("waiting")
    queue.enqueue(config.id, config.to_json(), "anonymous", None, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(identity, "current_user", lambda: "anonymous")
        _stop_waiting(config)


def _stop_waiting(config: Config) -> None:
    app = opened("train", config.id)
    control(app, "Stop").click()
    whole(app.run())
    assert runs.entry(config.id).state == "stopped"


def test_a_run_whose_process_died_counts_as_stopped(own_store):
    config = in_state("training", progress=PROGRESS)
    file = own_store / config.id / "state.json"
    os.utime(file, (1.0, 1.0))  # the last sign of life
    app = opened("train", config.id)
    assert any("process ended" in text for text in said(app))
    assert control(app, "Restart training")


@pytest.mark.parametrize(("page", "state"), crossed(EXPLORE, ["training", "waiting"]))
def test_explore_page_points_to_a_run_in_training(page, state, own_store):
    config = in_state(state, progress=PROGRESS)
    app = opened(page, config.id)
    assert len(said(app)) == 1
    assert config.id in one_sentence(said(app)[0])
    assert links(app).get("train") == f"run={config.id}"


@pytest.mark.parametrize(("page", "state"), crossed(EXPLORE, ["failed", "stopped"]))
def test_explore_page_says_that_a_run_has_no_model(page, state, own_store):
    app = opened(page, in_state(state, message="It was too hot.").id)
    assert said(app)


@pytest.fixture(scope="module")
def stopped_run(store):
    """The id of a run that was stopped after the first of five epochs."""
    config = resolve_config(presets.default_config("digits", family="vae", epochs=5, seed=5))
    training = run_training(config)
    next(progress for progress in training if progress.validation is not None)
    training.close()
    return config.id


@pytest.mark.parametrize("page", EXPLORE)
def test_a_stopped_run_is_explored_and_said_to_be_one(page, stopped_run):
    app = opened(page, stopped_run)
    assert not app.error
    assert any("after 1 of 5 epochs" in each.value for each in app.main.caption)
    assert f"run={stopped_run}" in [each.proto.query_string for each in app.main if each.type == "page_link"]
    picker = app.sidebar.selectbox[0]
    assert picker.value == stopped_run and sum("after 1 of 5 epochs" in name for name in picker.options) == 1


def test_train_offers_to_explore_a_stopped_run_and_to_resume_it(stopped_run):
    app = opened("train", stopped_run)
    assert control(app, "Resume") and links(app).get("latent_explorer") == f"run={stopped_run}"


# --- Train --------------------------------------------------------------------------------------------------

FORMS = [
    (f, n)
    for f in FAMILIES
    for n in modalities.Image.networks
    if FAMILIES[f].fixed.get("network", n) == n and not is_refused(f, n)
]


@pytest.mark.parametrize("form", marked(FORMS, FORMS[::7], "-".join))
def test_form_of_every_family_and_network(form):
    family, network = form
    app = opened("train")
    control(app, "Model").set_value(family)
    whole(app.run())
    if "network" not in FAMILIES[family].fixed:
        control(app, LABELS["network"]).set_value(network)
        whole(app.run())
    assert not app.error
    assert {param.label for param in FAMILIES[family].params} <= labels(app)
    assert control(app, "Train")


@pytest.mark.parametrize("dataset", CARDS)
def test_another_data_set_brings_its_own_start(dataset):
    app = opened("train")
    control(app, "Data set").set_value(dataset)
    whole(app.run())
    start = presets.default_config(dataset)
    assert control(app, LABELS["epochs"]).value == start.epochs
    assert control(app, LABELS["hidden_sizes"]).value == ", ".join(map(str, start.hidden_sizes))


@pytest.mark.parametrize(
    ("network", "typed"),
    [
        *(("mlp", typed) for typed in ("abc", "0", "-3", "1.5", "128; 64", "99999", "128, 6e1")),
        ("conv", "8, 8, 8, 8, 8, 8"),
    ],
)
def test_widths_that_make_no_network_are_said(network, typed):
    app = opened("train")
    control(app, LABELS["network"]).set_value(network)
    whole(app.run())
    control(app, LABELS["hidden_sizes"]).set_value(typed)
    whole(app.run())
    assert len(app.error) == 1
    one_sentence(app.error[0].value)
    control(app, LABELS["hidden_sizes"]).set_value("16")
    assert not whole(app.run()).error


def test_no_hidden_layers_are_a_network_too():
    app = opened("train")
    control(app, LABELS["hidden_sizes"]).set_value("")
    assert not whole(app.run()).error


@pytest.mark.parametrize("known", [False, True])
def test_train_submits_what_the_form_says(known, monkeypatch, own_store):
    submitted = []

    def submit(config, device=None, user=""):
        submitted.append(config)
        RunWriter(config).request()
        return api.Submission(config.id, created=not known)

    monkeypatch.setattr(api, "submit", submit)
    app = opened("train")
    control(app, "Model").set_value("vanilla")
    whole(app.run())
    control(app, LABELS["seed"]).set_value(7)
    control(app, LABELS["latent_dim"]).set_value(3)
    whole(app.run())
    control(app, "Train").click()
    whole(app.run())
    (config,) = submitted
    assert config == resolve_config(presets.default_config("digits", family="vanilla", seed=7, latent_dim=3))
    assert chosen(app) == config.id
    assert any("exists already" in text for text in said(app)) == known


# --- What people do on the pages ----------------------------------------------------------------------------


@pytest.fixture
def on_the_server(monkeypatch):
    """Pages as they are for a model that the browser cannot compute; what it can is drawn there, and tested there."""
    monkeypatch.setattr(live, "send_model", lambda run: None)


@pytest.mark.usefixtures("on_the_server")
@pytest.mark.parametrize("kind", KINDS)
def test_a_slider_changes_the_decoded_picture(kind, trained):
    app = opened("interpolate", trained[kind])
    before, slider = pictures(app), next(s for s in app.slider if re.fullmatch(r"z\d+", s.label))
    slider.set_value(slider.max if slider.value < slider.max else slider.min)
    after = pictures(whole(app.run()))
    changed = [new[1] != old[1] for old, new in zip(before, after, strict=True)]
    assert sum(changed) == 1, "the decoded image changes and no other"


@pytest.mark.usefixtures("on_the_server")
def test_every_number_of_a_code_has_a_slider(trained):
    for kind, (_, latent_dim, _) in KINDS.items():
        app = opened("interpolate", trained[kind])
        assert {s.label for s in app.slider} >= {f"z{i + 1}" for i in range(latent_dim)}


@pytest.mark.usefixtures("on_the_server")
@pytest.mark.parametrize("page", ["interpolate", "manifold", "reconstruct"])
def test_every_choice_of_a_page_draws(page, trained):
    app = opened(page, trained["vae, 3-D, conv"])
    for label in [each.label for each in app.main.segmented_control]:
        for option in control(app, label).options:
            if option in ("Upload", "Drawing"):  # they wait for one
                continue
            control(app, label).set_value(option)
            assert not whole(app.run()).error, (label, option)


@pytest.mark.parametrize("typed", ["", "abc", "5000", "-1", "1, 2, x"])
def test_numbers_that_no_picture_has_are_said(typed):
    app = opened("reconstruct", GALLERY)
    control(app, "Test images").set_value("indices")
    whole(app.run())
    app.main.text_input[0].set_value(typed)
    whole(app.run())
    one_sentence(app.error[0].value)


@pytest.mark.usefixtures("on_the_server")
def test_denoise_with_every_noise(trained):
    app = opened("denoise", trained["denoising, 2-D"])
    seen = set()
    for noise in ("none", *CORRUPTIONS):
        control(app, "Corruption").set_value(noise)
        seen.add(pictures(whole(app.run()))[-2][1])
    assert len(seen) == 1 + len(CORRUPTIONS), "each noise spoils the image in its own way"
    control(app, "Corruption level").set_value(0.0)
    whole(app.run())


def test_data_page_shows_every_data_set():
    app = opened("data")
    control(app, "Kind").set_value("all")
    assert {each.value for each in whole(app.run()).subheader} == {card.title for card in CARDS.values()}
    missing = [name for name in CARDS if not datasets.is_available(name)]
    assert len([b for b in app.main.button if "Download" in b.label]) == len(missing) > 0


def test_a_failed_download_is_said(monkeypatch):
    def failing(name):
        yield 0.5
        raise download.DownloadFailed("The server did not answer; try again later.")

    monkeypatch.setattr(download, "download", failing)
    app = opened("data")
    next(b for b in app.main.button if "Download" in b.label).click()
    whole(app.run())
    assert [one_sentence(each.value) for each in app.error] == ["The server did not answer; try again later."]


# --- What may be imported where -----------------------------------------------------------------------------


def _imported(source: str) -> set[str]:
    """The top names of everything that a module imports, inside functions too."""
    nodes = list(ast.walk(ast.parse(source)))
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "" for node in nodes if isinstance(node, ast.ImportFrom) and not node.level]
    return {name.partition(".")[0] for name in names}


def _python(code: str) -> str:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_first_screen_imports_nothing_heavy():
    code = f"""
import sys, threading
threading.Timer.start = lambda self: None  # what the frame warms up after the first paint
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Widget
for name in [name for name in sys.modules if name.partition(".")[0] == "plotly"]:
    del sys.modules[name]  # the test's own harness brought it
app = AppTest.from_file({str(ROOT / "app.py")!r}, default_timeout=60).run()
assert app.title and not app.exception
heavy = ("torch", "torchvision", "plotly", "umap", "numba", "sklearn.manifold", "sklearn.datasets")
print(*[name for name in heavy if name in sys.modules])
"""
    assert _python(code).split() == []


def test_the_core_never_imports_streamlit():
    # the scripts of a detector are copied into its folder, and import each other there
    sources = [each for each in sorted((ROOT / "aecore").glob("**/*.py")) if each.parent.name != "detector_scripts"]
    assert sources
    for path in sources:
        assert not _imported(path.read_text()) & {"streamlit", "ui"}, path.name
    names = (path.relative_to(ROOT).with_suffix("").as_posix().replace("/", ".") for path in sources)
    modules = [name for name in names if not name.endswith(("__init__", "__main__"))]
    assert _python(f"import sys, {', '.join(modules)}\nprint('streamlit' in sys.modules)").strip() == "False"


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_short_and_holds_no_maths(page):
    assert not _imported(PAGES[page]) & {"torch", "torchvision", "sklearn", "scipy", "umap", "plotly", "PIL"}
    assert sum(bool(line.strip()) for line in PAGES[page].splitlines()) <= 80


def _options(table: dict, prefix: str = "") -> list[str]:
    """The full names of all options in a table of TOML."""
    found = []
    for name, value in table.items():
        found += _options(value, f"{prefix}{name}.") if isinstance(value, dict) else [prefix + name]
    return found


@pytest.mark.parametrize("option", _options(tomllib.loads((ROOT / ".streamlit" / "config.toml").read_text())))
def test_every_option_of_ours_is_one_of_streamlits(option):
    streamlit.config.get_option(option)  # raises for a name that this Streamlit does not know


# --- The zoo: no page knows a family, so each must show every one ----------------------------------------------------


@pytest.fixture(scope="module")
def zoo(store):
    """The id of a run of each family at its usual settings, trained on the digits for one epoch."""
    ids = {}
    for name, family in FAMILIES.items():
        config = resolve_config(presets.default_config("digits", family=name, **family.defaults | {"epochs": 1}))
        assert list(run_training(config))
        ids[name] = config.id
    return ids


@pytest.mark.parametrize(
    ("family", "page"),
    crossed(list(FAMILIES), ["train", "reconstruct", "latent_map", "manifold", "interpolate", "denoise"]),
)
def test_every_page_shows_every_family(zoo, family, page):
    app = opened(page, zoo[family])
    assert not app.error, said(app)
    assert chosen(app) == zoo[family]


def test_a_conditional_model_draws_a_code_as_the_label_that_is_asked_for(zoo):
    app = opened("interpolate", zoo["conditional-vae"])
    before = [each.proto.body for each in app.get("html")]
    app.sidebar.selectbox(key="class-label").select("7").run()
    assert [each.proto.body for each in whole(app).get("html")] != before
