"""The gallery: its models are what their cards say, and every page works on them without any data set."""

from __future__ import annotations

import shutil

import numpy as np
import pytest

from aecore import files
from aecore.analysis import loaded, offline_bundle
from aecore.analysis.diagnosis import doctor
from aecore.content.gallery import BETA_SWEEP, PRETRAINED_MODELS, TOPICS, list_runs
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.export import program
from aecore.models.families.build import resolve_config
from aecore.store import offline, runs
from tests.pages.test_pages import EXPLORE, _cold, opened, said  # noqa: F401

IDS = {name: resolve_config(exhibit.config).id for name, exhibit in PRETRAINED_MODELS.items()}
AWAY = {name: run for name, run in IDS.items() if CARDS[PRETRAINED_MODELS[name].config.dataset].download_bytes}
MOST = 40e6  # bytes of the whole gallery
# one of every kind of code, and with 2, 16 and 32 numbers
KINDS = ("mnist-vae-2d", "mnist-vae-16d", "mnist-denoiser", "mnist-conditional-2d", "mnist-vq", "mnist-aae-2d")


@pytest.fixture(autouse=True)
def no_data(monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "no-data"))
    return tmp_path / "runs"


@pytest.fixture
def copied(no_data):
    """A model of the gallery among the runs of a test's own, where it may be spoilt."""

    def copy(name: str):
        shutil.copytree(runs.PRETRAINED_DIR / IDS[name], no_data / IDS[name])
        return no_data / IDS[name]

    return copy


# What is there


def test_every_exhibit_is_there_whole_and_in_order():
    listed = [entry for entry in list_runs() if entry.pretrained]
    assert [entry.id for entry in listed] == list(IDS.values())
    assert all(entry.finished for entry in listed), [entry.message for entry in listed]
    assert sum(entry.result["pretrained"]["on_home"] for entry in listed) == 1


def test_it_stays_small():
    assert sum(file.stat().st_size for file in runs.PRETRAINED_DIR.rglob("*") if file.is_file()) < MOST


@pytest.mark.parametrize("name", IDS)
def test_checksums_are_those_of_the_files(name):
    entry = runs.entry(IDS[name])
    assert "weights.safetensors" in entry.result["sha256"]
    for file, checksum in entry.result["sha256"].items():
        assert files.checksum(runs.path(entry.id) / file) == checksum


@pytest.mark.parametrize("name", PRETRAINED_MODELS)
def test_the_doctor_finds_every_exhibit_well_and_its_insides_are_kept(name):
    """What is measured on images comes along, for computers that have none of them."""
    entry = runs.entry(IDS[name])
    assert [each.message for each in doctor.diagnose(doctor.evidence_of(entry))] == []
    assert len(doctor.health_summary(doctor.evidence_of(entry))) >= 3
    kept = entry.result["scores"]["report"]
    assert kept["sampling"]["n_samples"] >= min(300, CARDS[entry.config.dataset].n_test)
    assert kept["jacobian"]["n_singular_values"] >= min(2, entry.result["code_size"])


@pytest.mark.parametrize("name", IDS)
def test_the_card_says_what_the_result_says(name):
    from aecore.content.model_card import readme

    entry = runs.entry(IDS[name])
    text = (runs.path(entry.id) / "README.md").read_text()
    assert text == readme(entry)
    assert f"{entry.result['mse']:.5f}" in text and CARDS[PRETRAINED_MODELS[name].config.dataset].licence in text
    assert entry.result["sha256"]["weights.safetensors"] in text


@pytest.mark.parametrize("name", IDS)
def test_what_is_told_of_it_is_what_stands_in_the_list(name):
    shown, exhibit = runs.entry(IDS[name]).result["pretrained"], PRETRAINED_MODELS[name]
    assert (shown["name"], shown["title"], shown["good_for"], shown["not_for"]) == (
        name,
        exhibit.title,
        exhibit.good_for,
        exhibit.not_for,
    )


def test_the_sweep_is_alike_but_for_its_price():
    swept = [resolve_config(PRETRAINED_MODELS[f"mnist-beta-{beta:g}"].config) for beta in BETA_SWEEP]
    assert [config.params["beta"] for config in swept] == list(BETA_SWEEP)
    assert len({(c.network, c.hidden_sizes, c.latent_dim, c.epochs, c.lr, c.seed) for c in swept}) == 1
    told = [runs.entry(config.id).result["scores"] for config in swept]
    assert np.all(np.diff([each["kl"] for each in told]) < 0), "the dearer a nat, the fewer are told"
    assert np.all(np.diff([each["test"]["reconstruction"] for each in told]) > 0)


def test_what_was_promised_of_them():
    """Held-out figures that these models were chosen to reach."""
    said = {name: runs.entry(run).result["scores"] for name, run in IDS.items()}
    assert said["mnist-vae-2d"]["elbo"] > -138.5 and said["mnist-vae-2d"]["knn_accuracy"] > 0.8
    assert said["mnist-vae-16d"]["elbo"] > -98
    assert said["mnist-vanilla-32d"]["test"]["reconstruction"] < 62
    assert all(said["mnist-denoiser"]["denoising"][f"gaussian {s}"]["psnr_gain"] >= 6 for s in (0.3, 0.4, 0.5))
    for name, scores in said.items():
        assert scores["mse"] < 0.8 * scores["mean_baseline_mse"], name


# Nothing of a data set that is not ours


@pytest.mark.parametrize("name", AWAY)
def test_no_picture_and_no_label_of_the_data_set_comes_along(name):
    place = runs.path(AWAY[name])
    assert not (place / "preview.png").exists()  # it shows test images
    kept = offline.load_bundle(AWAY[name])
    assert kept and 0.9 < kept.pseudo_label_accuracy < 1, "votes, some of them wrong: labels would all be right"
    assert len(kept.codes) == len(kept.pseudo_labels) == len(kept.mse) == offline.N_SAMPLES


@pytest.mark.parametrize("name", AWAY)
def test_what_stands_in_is_drawn_by_the_model(name):
    model, kept = loaded.load(AWAY[name]), offline.load_bundle(AWAY[name])
    assert kept
    split = offline_bundle.surrogate_split(model, kept)
    assert split.synthetic and split.x.shape == (offline.N_SAMPLES, *model.card.shape)
    drawn = model.decode(kept.codes[:5], kept.pseudo_labels[:5])
    assert np.abs(split.to_float(slice(5)) - drawn).max() <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("name", AWAY)
def test_with_the_data_its_codes_and_errors_are_found_again(name, monkeypatch):
    monkeypatch.undo()
    if not datasets.is_available(PRETRAINED_MODELS[name].config.dataset):
        pytest.skip("needs MNIST under AECORE_DATA")
    model, kept = loaded.load(AWAY[name]), offline.load_bundle(AWAY[name])
    assert kept
    test = datasets.load(PRETRAINED_MODELS[name].config.dataset).test
    codes = model.encode(test.to_float(slice(200)), test.y[:200])
    assert np.abs(codes - kept.codes[:200]).max() < 2e-3 * np.abs(codes).max()  # kept in half precision
    assert (test.y[: offline.N_SAMPLES] == kept.pseudo_labels).mean() == pytest.approx(kept.pseudo_label_accuracy)


def test_the_program_of_the_first_screen_is_the_models():
    from aecore.export import compile_browser

    opening = next(name for name, exhibit in PRETRAINED_MODELS.items() if exhibit.on_home)
    kept, fresh = (
        program.load_program(runs.path(IDS[opening])),
        compile_browser.compile_model(loaded.load(IDS[opening])),
    )
    assert kept.head == fresh.head
    assert np.abs(kept.weights - fresh.weights).max() == 0  # both in half precision


# Spoilt files


@pytest.mark.parametrize("file", ["weights.safetensors", offline.FILE_NAME])
def test_one_changed_byte_is_refused(copied, file):
    place = copied("mnist-vae-2d")
    content = bytearray((place / file).read_bytes())
    content[-100] ^= 1
    (place / file).write_bytes(content)
    use = loaded.load if file == "weights.safetensors" else offline.load_bundle
    with pytest.raises(UserError, match="changed or cut short") as refused:
        use(place.name)
    assert "\n" not in str(refused.value)
    assert loaded.load(IDS["digits-vae-2d"]).id == IDS["digits-vae-2d"]  # the rest of the gallery works


def test_a_page_says_so(copied):
    place = copied("mnist-vae-2d")
    (place / "weights.safetensors").write_bytes((place / "weights.safetensors").read_bytes()[:-1000] + bytes(1000))
    assert any("changed or cut short" in words for words in said(opened("reconstruct", place.name)))


# Pages without data


@pytest.mark.parametrize("page", EXPLORE)
@pytest.mark.parametrize("name", KINDS)
def test_every_page_has_something_to_show(page, name):
    app = opened(page, IDS[name])
    assert not app.error, [each.value for each in app.error]
    assert len(app.main.children) > 3


def test_pages_say_what_stands_in():
    def told(run: str) -> bool:
        return any(
            "not on this computer" in each.value and "% right" in each.value for each in opened("draw", run).caption
        )

    assert told(IDS["mnist-vae-2d"]) and not told(IDS["digits-vae-2d"])


def test_the_gallery_begins_with_the_sweep_and_shows_all():
    app = opened("gallery")
    assert [each.value for each in app.header] == ["Effect of beta (KL weight)"]
    assert _titles(app) == [exhibit.title for exhibit in PRETRAINED_MODELS.values()]
    app.select_slider(key="beta").set_value(4.0).run()
    assert not app.exception and not app.error


def _titles(app) -> list[str]:
    return [each.value for each in app.subheader]


def test_filters_of_the_gallery_work_together_and_stand_in_the_address():
    app = opened("gallery")
    for key, choice in (("dataset", "mnist"), ("code", "posterior"), ("topic", "map")):
        app.selectbox(key=key).set_value(choice).run()
        assert app.query_params[key] in (choice, [choice])
    assert _titles(app) == ["VAE, 2-D", "Conditional VAE, 2-D"]
    assert f"2 of {len(PRETRAINED_MODELS)} models." in [each.value for each in app.caption]
    app.selectbox(key="topic").set_value("factors").run()
    assert not _titles(app) and any("set a filter back" in each.value for each in app.info)


@pytest.mark.parametrize("name", PRETRAINED_MODELS)
def test_every_model_shows_something_that_one_can_filter_by(name):
    assert PRETRAINED_MODELS[name].topics and set(PRETRAINED_MODELS[name].topics) <= set(TOPICS)


def test_the_picker_shows_all_of_them_with_their_pictures():
    app = opened("reconstruct", IDS["digits-vae-2d"])
    next(each for each in app.sidebar.button if each.label == "Browse models").click().run()
    assert {f"browse-{run}" for run in IDS.values()} <= {each.key for each in app.button}  # a click: tests/browser
    assert not app.exception
