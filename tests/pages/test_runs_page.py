"""The list of runs: its filters, columns and ranks, all of them in the address."""

from __future__ import annotations

import dataclasses

import pytest

from aecore.config import Config
from aecore.content.run_names import run_name
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store.run_info import RunInfo
from tests.pages.test_pages import GALLERY, ROOT, AppTest, _cold, control, own_store, untrained, whole  # noqa: F401
from ui.views.runs import ranking
from ui.views.runs.measures import RANKED

VALIDATION_MSE = next(measure for measure in RANKED if measure.id == "validation-mse")
TEST_MSE = next(measure for measure in RANKED if measure.id == "test-mse")


def page(**query: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    for name, value in query.items():
        app.query_params[name] = value
    return whole(app.switch_page("pages/runs.py").run())


def lines(app: AppTest):
    return app.dataframe[0].value


def run(dataset: str, seed: int, validation: float | None, test: float) -> RunInfo:
    config = resolve_config(presets.default_config(dataset, family="vae", seed=seed))
    result = {"mse": test} | ({} if validation is None else {"checkup": {"mse": validation}})
    return RunInfo(config.id, "finished", config, result)


RUNS = [run("digits", 0, 0.03, 0.05), run("shapes", 0, 0.01, 0.01), run("digits", 1, 0.02, 0.06),
        run("digits", 2, None, 0.04)]  # fmt: skip


def test_runs_are_ranked_within_their_data_set_by_the_split_that_is_named():
    by_validation = [
        (entry.config.dataset, entry.config.seed, rank) for entry, rank in ranking.ranked(RUNS, VALIDATION_MSE)
    ]
    assert by_validation == [("digits", 1, "1"), ("digits", 0, "2"), ("shapes", 0, "1"), ("digits", 2, "–")]
    by_test = [(entry.config.dataset, entry.config.seed) for entry, _ in ranking.ranked(RUNS, TEST_MSE)]
    assert by_test == [("digits", 2), ("digits", 0), ("digits", 1), ("shapes", 0)]


def test_the_best_is_said_with_its_test_measure_and_what_seeds_would_change():
    close = [run("digits", 0, 0.0300, 0.05), run("digits", 1, 0.0301, 0.06)]
    names = {entry.id: f"seed {entry.config.seed}" for entry in close}
    said = ranking._best_sentence("Digits", close, VALIDATION_MSE, names)
    assert said.startswith("Digits: best of 2 by validation MSE is **seed 0** (0.0300; its test MSE: 0.0500).")
    assert said.endswith("seed 1 is no further off than two seeds are from each other.")
    far = [close[0], run("digits", 1, 0.06, 0.06)]
    assert "seeds" not in ranking._best_sentence("Digits", far, VALIDATION_MSE, names)


def test_losses_that_are_counted_differently_are_said_to_be():
    loss = next(measure for measure in RANKED if measure.in_nats)
    one, other = RUNS[0], RUNS[2]
    gaussian = dataclasses.replace(other, config=dataclasses.replace(other.config, likelihood="gaussian"))
    assert not ranking._notes({"digits": [one, other]}, loss)
    assert "count their loss differently" in ranking._notes({"digits": [one, gaussian]}, loss)[0]
    assert "Choose by validation" in ranking._notes({"digits": [one]}, TEST_MSE)[0]


def test_filters_columns_and_ranks_come_from_the_address(own_store):  # noqa: F811
    mine: Config = untrained("digits", seed=7)
    app = page(best="test-mse", dataset="digits", columns="seed,epochs,test-mse")
    assert set(lines(app)["name"]) == {run_name(mine), "VAE, 2-D, small digits"}
    assert list(lines(app).columns) == ["rank", "", "name", "owner", "test MSE", "seed", "epochs"]
    assert list(lines(app)["rank"]) == ["1", "2"] and list(lines(app)["seed"]) == [0, 7]
    assert any("Test samples are for the final number" in each.value for each in app.caption)
    assert not any("cannot be compared" in each.value for each in app.warning)
    control(app, "Data set").set_value("all")
    app = whole(app.run())
    assert any("cannot be compared: ranks are within each" in each.value for each in app.warning)
    assert page(family="vq-vae").dataframe[0].value.shape[0] == 1


def test_selected_runs_are_in_the_address_and_their_settings_are_shown(own_store):  # noqa: F811
    mine = untrained("digits", seed=7)
    app = page(selected=mine.id)
    settings = app.dataframe[1].value
    assert dict(zip(settings["Setting"], settings["Value"], strict=True))["Seed"] == "7"
    assert "Learning rate" not in set(settings["Setting"]) and "Learning rate" in set(app.dataframe[2].value["Setting"])
    app = page(selected=f"{mine.id},{GALLERY}")
    assert any(each.value == "Comparison of 2 runs" for each in app.header)


@pytest.mark.parametrize("query", [{"best": "luck"}, {"columns": "a,b"}, {"selected": "x"}, {"dataset": "cats"}])
def test_what_an_address_cannot_mean_is_passed_over(own_store, query):  # noqa: F811
    assert len(page(**query).dataframe) == 1
