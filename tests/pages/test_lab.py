"""The steps of the lab, followed to the letter on the pages: what its instructions name can be set, found and taken
home."""

from __future__ import annotations

import csv
import inspect
import io
import json
from typing import Any

import numpy as np
import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from aecore.config import Config
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import FAMILIES, resolve_config
from aecore.params import params_of
from aecore.store import history, runs
from tests.pages.test_pages import (  # noqa: F401
    GALLERY,
    LABELS,
    ROOT,
    _cold,
    control,
    labels,
    links,
    opened,
    pictures,
    said,
    store,
    whole,
)
from ui.run_data import models
from ui.views import manifold as mosaic
from ui.views import training_history
from ui.widgets import charts, controls, pickers

LOG = [param for family in FAMILIES.values() for param in family.params if param.info.log]
LOG += [param for param in params_of(Config) if param.info.log]


def form(family: str):
    app = opened("train")
    control(app, "Model").set_value(family)
    return whole(app.run())


def pressed(app, submitted) -> Config:
    control(app, "Train").click()
    whole(app.run())
    return submitted[-1]


# --- Step 2: any latent size, and settings of many decades ------------------------------------------------------------


@pytest.mark.parametrize("size", [10, 1, 7, 4096])
def test_any_latent_size_can_be_typed(size, submitted):
    app = form("vae")
    control(app, LABELS["latent_dim"]).set_value(size)
    assert not whole(app.run()).error
    assert pressed(app, submitted).latent_dim == size


def test_no_control_knows_a_knob_by_name():
    source = inspect.getsource(controls.widget)
    assert "latent_dim" not in source and "param.name ==" not in source


@pytest.mark.parametrize("typed", [1e-5, 0.0, 10.0, 3.7e-4])
def test_a_sparsity_of_many_decades_can_be_typed(typed, submitted):
    app = form("sparse")
    control(app, "L1 weight").set_value(typed)
    assert not whole(app.run()).error
    assert pressed(app, submitted).params["l1_weight"] == typed


def test_learning_rate_and_weight_decay_are_walked_in_factors_too():
    assert {"lr", "weight_decay", "l1_weight"} <= {param.name for param in LOG}


@pytest.mark.parametrize("param", LOG, ids=lambda param: param.name)
def test_steps_down_are_one_and_three_of_each_decade(param):
    value, seen = 10.0, []
    while value > max(param.info.min or 0, 1e-6):
        value = float(f"{value - controls.log_step(value, param.info.min or param.info.step):.12g}")
        seen.append(value)
    everything = [float(f"{digit}e{power}") for power in range(0, -7, -1) for digit in (3, 1)]
    assert seen == [each for each in everything if each >= (param.info.min or 1e-6)]


@pytest.mark.parametrize("value", [10, 3, 1, 0.5, 0.2, 0.0999, 0.004, 3e-5])
def test_two_presses_before_the_next_step_is_there_do_not_end_at_zero(value):
    step = controls.log_step(value, 1e-6)
    assert value - step > 0 > value - 2 * step, "a field refuses the second one"
    assert 1.5 < (value + step) / value < 2


def test_from_zero_the_first_step_is_the_smallest_value_above_it():
    assert controls.log_step(0.0, 1e-6) == 1e-6
    assert controls.log_step(1e-6, 1e-6) == 1e-6, "and from there back to it"


def test_the_buttons_of_a_field_walk_in_factors():
    app, seen = form("sparse"), []
    for _ in range(4):
        control(app, "L1 weight").decrement()
        seen.append(control(whole(app.run()), "L1 weight").value)
    assert seen == pytest.approx([0.03, 0.01, 0.003, 0.001])
    control(app, "L1 weight").increment()
    assert control(whole(app.run()), "L1 weight").value == pytest.approx(0.0017)


def test_what_binary_fractions_add_to_a_step_is_no_other_run(submitted):
    app = form("sparse")
    control(app, "L1 weight").set_value(0.1 + 0.2)
    whole(app.run())
    assert pressed(app, submitted).params["l1_weight"] == 0.3


# --- Step 5: the curves, with their total, and as a file --------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(store):  # noqa: F811
    """A run of two epochs of each of some families, their losses made up in different ways."""
    ids = {}
    for family in ("vae", "vanilla", "aae", "stacked"):
        config = resolve_config(presets.default_config("digits", family=family, epochs=2, hidden_sizes=(16,)))
        assert list(run_training(config))
        ids[family] = config.id
    return ids


def lines_of(app) -> dict[str, list]:
    """What the chart of losses draws, by name."""
    *_, found = [each for each in app.main if each.type == "plotly_chart"]  # the large one, after map and small one
    return {each["name"]: each["y"] for each in json.loads(found.proto.spec)["data"]}


def test_the_curves_show_the_total_of_reconstruction_and_kl(trained):
    drawn = lines_of(opened("train", trained["vae"]))
    assert len(drawn) == 6
    for split, style in (("validation", "validation"), ("train", "training")):
        sums = [sum(line[split].values()) for line in history.history(trained["vae"])]
        assert drawn[f"total, {style}"] == pytest.approx(sums)


@pytest.mark.parametrize("family", ["vanilla", "stacked"])
def test_a_loss_of_one_part_is_its_own_total(family, trained):
    assert not [name for name in lines_of(opened("train", trained[family])) if "total" in name]


def test_an_adversary_s_loss_is_not_added_to_that_of_the_model_and_the_page_says_so(trained):
    app, epochs = opened("train", trained["aae"]), history.history(trained["aae"])
    model = [line["validation"]["reconstruction"] + line["validation"]["adversarial"] for line in epochs]
    assert lines_of(app)["total, validation"] == pytest.approx(model)
    assert any("Outside it: discriminator" in each.value for each in app.caption)
    (loss,) = [each for each in app.metric if each.label == "Test loss"]
    test = runs.entry(trained["aae"]).result["test"]
    assert float(loss.value) == pytest.approx(test["reconstruction"] + test["adversarial"], abs=0.01)


@pytest.mark.parametrize("family", ["vae", "aae", "stacked"])
def test_the_history_is_a_csv_file(family, trained):
    epochs = history.history(trained[family])
    config = runs.entry(trained[family]).config
    read = list(
        csv.DictReader(io.StringIO(training_history.history_csv(epochs, training_history.objective_terms(config))))
    )
    assert [int(line["epoch"]) for line in read] == [1, 2] and float(read[1]["seconds"]) > 0
    for line, found in zip(read, epochs, strict=True):
        for split in ("train", "validation"):
            for part, nats in found[split].items():
                assert float(line[f"{split}_{part}".replace(" ", "_")]) == nats
    if family == "vae":
        assert list(read[0]) == [
            "epoch", "seconds", "train_reconstruction", "train_kl", "train_total", "validation_reconstruction",
            "validation_kl", "validation_total",
        ]  # fmt: skip
        last = read[-1]
        sums = float(last["validation_reconstruction"]) + float(last["validation_kl"])
        assert float(last["validation_total"]) == pytest.approx(sums)
    if family == "stacked":
        assert read[0]["train_layer_1"] and not read[0]["train_total"], "an earlier stage has no total of the model's"


def test_the_csv_file_is_offered_with_the_name_of_its_run(trained):
    assert "CSV" in labels(opened("train", trained["vae"]))


def test_runs_side_by_side_have_a_total_each_of_its_own_objective(trained):
    entries = [runs.entry(trained[family]) for family in ("vae", "aae")]
    histories = [history.history(entry.id) for entry in entries]
    charged = [training_history.objective_terms(entry.config) for entry in entries]
    chart = charts.loss_comparison(histories, ("one", "other"), ("#000", "#111"), charts.TOTAL, charged)
    last = [epochs[-1]["validation"] for epochs in histories]
    ends = [last[0]["reconstruction"] + last[0]["kl"], last[1]["reconstruction"] + last[1]["adversarial"]]
    assert [trace.y[-1] for trace in chart.figure.data] == pytest.approx(ends)


# --- Step 8: a test image found by its class ------------------------------------------------------------------------


def shown(app, key: str) -> str:
    """The class of the test image that a picker stands at."""
    return app.selectbox(key=f"{key}-class").options[app.selectbox(key=f"{key}-class").value]


def test_rows_of_a_class_follow_each_other_round_and_round():
    labels = np.array([1, 0, 1, 2, 1])
    assert [pickers.next_of_class(labels, row, 1, 1) for row in range(5)] == [2, 2, 4, 4, 0]
    assert [pickers.next_of_class(labels, row, 1, -1) for row in range(5)] == [4, 0, 0, 2, 2]
    assert pickers.next_of_class(labels, 3, 2, 1) == 3 == pickers.next_of_class(labels, 3, 2, -1), "the only one"
    assert pickers.next_of_class(labels, 3, 7, 1) == 3, "there is none"


def test_a_seven_and_a_three_are_found_by_their_class():
    app = opened("interpolate", GALLERY)
    for key, name in (("from", 7), ("to", 3)):
        app.selectbox(key=f"{key}-class").set_value(name)
        whole(app.run())
    assert (shown(app, "from"), shown(app, "to")) == ("7", "3")
    words = [alt for alt, _ in pictures(app)]
    assert any("3, test image" in alt for alt in words) and any("7, test image" in alt for alt in words)
    assert app.query_params["from"] and app.query_params["to"], "the address keeps both"


def test_next_and_previous_stay_in_the_class():
    app = opened("interpolate", GALLERY)
    number, name = app.number_input(key="from"), shown(app, "from")
    first = number.value
    app.button(key="from-Next").click()
    second = whole(app.run()).number_input(key="from").value
    assert second > first and shown(app, "from") == name
    app.button(key="from-Previous").click()
    assert whole(app.run()).number_input(key="from").value == first


def test_a_typed_number_shows_its_class():
    app, seen = opened("interpolate", GALLERY), set()
    for row in range(12):
        app.number_input(key="from").set_value(row)
        whole(app.run())
        assert any(f"{shown(app, 'from')}, test image {row}" in alt for alt, _ in pictures(app))
        seen.add(shown(app, "from"))
    assert len(seen) > 3


@pytest.mark.parametrize("page", ["denoise", "model_inspector"])
def test_every_picker_of_a_test_picture_knows_classes(page):
    app = opened(page, GALLERY)
    if page == "model_inspector":
        app.main.get("button_group")[0].set_value("elbo")
        whole(app.run())
    app.button(key=f"{'test-image' if page == 'model_inspector' else 'image'}-Next").click()
    assert not whole(app.run()).error


# --- Step 7: a grid of a range that is named, and as an image --------------------------------------------------------


def grid_of(app) -> dict[str, Any]:
    """What the browser is given to draw the grid."""
    (proto,) = (
        each.proto for each in app.main if each.type == "bidi_component" and each.proto.component_name == "manifold"
    )
    return json.loads(proto.mixed.json)


def axes(app) -> list[tuple[tuple[float, float], tuple[float, float]]]:
    """The codes at the left and right end, bottom and top, of the grid; and the same of the map beside it."""
    grid, (places,) = grid_of(app), [each.proto for each in app.main if each.type == "plotly_chart"]
    layout = json.loads(places.spec)["layout"]
    ends = ((grid["x"][0], grid["x"][-1]), (grid["y"][-1], grid["y"][0]))
    return [ends, tuple(tuple(layout[f"{axis}axis"]["range"]) for axis in "xy")]


def manifold(run: str, **address: str):
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    for name, value in {"run": run, **address}.items():
        app.query_params[name] = value
    app.run()
    return whole(app.switch_page("pages/manifold.py").run())


def test_a_grid_of_15_by_15_over_minus_three_to_three(trained):
    app = opened("manifold", trained["vae"])
    assert control(app, "Grid size").value == 15
    assert control(app, "Grid range").options == [
        "Codes (1st to 99th percentile)",
        "Fixed [−3, 3]",
        "Gaussian quantiles",
    ]
    control(app, "Grid range").set_value("fixed")
    grid, places = axes(whole(app.run()))
    assert grid == ((-3, 3), (-3, 3))
    half = 6 / 14 / 2
    assert np.array(places) == pytest.approx(np.array([[-3 - half, 3 + half]] * 2)), "beside it the same square"
    assert app.query_params["range"] in ("fixed", ["fixed"])


def test_the_limit_can_be_another_and_the_address_keeps_it(trained):
    app = manifold(trained["vae"], range="fixed", limit="2.0")
    assert axes(app)[0] == ((-2, 2), (-2, 2))
    assert "Fixed [−2, 2]" in control(app, "Grid range").options
    control(app, "Limit").set_value(5.0)
    assert axes(whole(app.run()))[0] == ((-5, 5), (-5, 5))


@pytest.mark.parametrize("value", ["steps", "", "[-3, 3]"])
def test_a_range_that_there_is_not_is_that_of_the_data(value, trained):
    app = manifold(trained["vae"], range=value)
    assert control(app, "Grid range").value == "data"


def test_gaussian_quantiles_are_those_of_the_prior_where_that_is_a_normal(trained):
    app = manifold(trained["vae"], range="quantiles")
    assert np.array(axes(app)[0]) == pytest.approx(np.array([[-1.645, 1.645]] * 2), abs=0.01)
    for family in ("vanilla", "stacked"):
        assert "Gaussian quantiles" not in control(opened("manifold", trained[family]), "Grid range").options


def test_of_many_dimensions_the_page_says_where_the_range_is_counted_from(store):  # noqa: F811
    config = resolve_config(presets.default_config("digits", family="vae", latent_dim=5, epochs=1, hidden_sizes=(16,)))
    assert list(run_training(config))
    app = manifold(config.id, range="fixed")
    assert any("0 on both axes is the mean of the codes" in each.value for each in app.caption)
    control(app, "Plane").set_value("dimensions")
    assert any("are latent dimensions" in each.value for each in whole(app.run()).caption)


def test_up_is_up_in_the_grid_and_its_file_has_sharp_pixels(trained):
    opened_ = models.load_model(trained["vae"], runs.entry(trained["vae"]).created)
    n, span = 5, mosaic.Range("fixed", 3.0)
    drawn = mosaic.manifold(opened_, (0, 1), span, n, ("#000",) * 10)
    picture = np.asarray(Image.open(io.BytesIO(drawn.png)).convert("L"))
    side = picture.shape[0] // (n * 8 + n - 1)  # digits are 8 by 8, with a pixel between them
    assert picture.shape == (side * (n * 9 - 1),) * 2 and picture.shape[0] >= 640
    small = picture[side // 2 :: side, side // 2 :: side]
    assert (np.kron(small, np.ones((side, side), int)) == picture).all(), "each pixel is a square of its own"
    top_left = opened_.decode(np.array([[-3.0, 3.0]], np.float32))[0, 0]
    assert np.abs(small[:8, :8] / 255.0 - top_left).max() < 0.005


def test_the_grid_is_offered_as_a_picture(trained):
    assert "Save PNG" in labels(opened("manifold", trained["vae"]))


def test_the_place_of_the_address_is_chosen_and_its_code_shown(trained):
    """The one that lies nearest: with five places from -3 to 3 they are 1.5 apart."""
    app = manifold(trained["vae"], range="fixed", at="1.4,-2.9", **{"grid-size": "5"})
    assert grid_of(app)["cell"] == [4, 3]
    assert [each.value for each in app.code] == ["1.5, -3"]
    assert any("Decoded at z1 1.50, z2 −3.00" in each.value for each in app.markdown)
    assert "at=1.5%2C-3" in links(app)["latent_explorer"]


@pytest.mark.parametrize("value", ["nonsense", "1", "1,2,3", "nan,1", ","])
def test_a_place_that_is_none_is_the_middle_one(value, trained):
    app = manifold(trained["vae"], at=value)
    assert grid_of(app)["cell"] == [7, 7] and "at" not in app.query_params
