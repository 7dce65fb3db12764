"""The parts *Over time* and *Scratch* of the page Anomalies without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import streamlit as st

from aecore.applications.anomaly import streams, watching
from aecore.applications.anomaly.watching import Persistence, WatchSettings
from aecore.data import datasets
from aecore.export.program import UnsupportedLayer
from aecore.store import runs
from tests.pages.test_anomalies import asked, opened, texts
from tests.pages.test_pages import _cold, control, links, said, whole  # noqa: F401
from ui.run_data import detectors, models
from ui.run_data import streams as kept
from ui.views.anomalies import stream_chart
from ui.widgets import display, live
from ui.widgets.palette import CLASSES_LIGHT

SMALL: dict[str, Any] = {"family": "vanilla", "latent_dim": 8, "hidden_sizes": (32,), "epochs": 2}
RUNS: dict[str, dict[str, Any]] = {
    "machine": SMALL | {"dataset": "machine", "normal": (0,), "epochs": 15},
    "heartbeats": SMALL | {"dataset": "heartbeats", "normal": (0,), "train_size": 300},
    "digits": SMALL | {"normal": (0, 1, 2)},
}
LENGTH = 96  # steps of a window of the machine


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture(autouse=True)
def alts(monkeypatch):
    """The words of the charts that the page shows, by key."""
    seen: dict[str, str] = {}
    usual = display.show_chart

    def show(chart, key=None, **more):
        seen[key] = chart.alt
        return usual(chart, key=key, **more)

    monkeypatch.setattr("ui.views.anomalies.stream.show_chart", show)
    return seen


@pytest.fixture
def given(monkeypatch):
    """What views were given last, by name."""
    seen: dict[str, Any] = {}
    usual = live.view

    def view(name, model, key, data, **more):
        seen[name] = (model, data)
        return usual(name, model, key, data, **more)

    monkeypatch.setattr(live, "view", view)
    return seen


def loaded(run: str):
    return models.load_model(run, runs.entry(run).created)


def metrics(app) -> dict[str, str]:
    return {each.label: each.value for each in app.metric}


def contest(app):
    return next(each.value for each in app.dataframe if "found" in each.value)


def test_the_figures_are_those_of_the_core(trained, alts):
    run = loaded(trained("machine"))
    app = opened(run.id, section="over-time")
    assert not app.error, said(app)
    detector, stream = detectors.detector(run), streams.drawn_stream(run)
    cut = detector.threshold("reconstruction", watching_rule())
    settings = WatchSettings(LENGTH // 4, Persistence(2, 3))
    expected = watching.watch_all(detector, stream, ["reconstruction"], settings, lambda _: cut.cut)["reconstruction"]
    shown, rows = metrics(app), contest(app)
    assert shown["Events found"] == f"{expected.n_found} of 3"
    assert shown["Delay"] == f"{expected.mean_delay:,.0f} steps"
    assert shown["False alarms per 1,000"] == f"{expected.false_alarms_per_1000:.2f}"
    assert rows["score"].tolist() == [
        "Reconstruction error", "PCA residual", "k-NN distance of raw values", "Each sensor alone",
    ]  # fmt: skip
    own = rows.iloc[0]
    assert own["AUROC, broken correlation"] == pytest.approx(expected.auroc("broken correlation"))
    assert "broken correlation from step 1,700 to 2,099" in alts["over-time"]
    assert any("no single sensor knows anything" in each.value for each in app.markdown)


def watching_rule():
    from aecore.applications.anomaly.thresholds import DEFAULT_RULE, parse

    return parse(DEFAULT_RULE)


def test_the_winner_is_named_whoever_it_is(trained):
    rows, app = None, opened(trained("machine"), section="over-time", score="code-distance")
    app = opened(trained("machine"), section="over-time")
    rows = contest(app)
    sentence = next(
        each.value for each in app.markdown if "AUROC of windows" in each.value or "ranks the" in each.value
    )
    assert any(sentence.startswith(f"**{title}") for title in rows["score"])


def test_settings_are_in_the_address_and_change_the_alarms(trained, alts):
    app = opened(trained("machine"), section="over-time", stride="96", persistence="3 of 5", baseline="100")
    assert control(app, "Stride").value == "96" and control(app, "Alarm (k of n windows)").value == "3 of 5"
    assert any("quantile of the last 100 windows" in each.value for each in app.caption)
    before = alts["over-time"]
    control(app, "Stride").set_value("12")
    whole(app.run())
    assert not app.error and asked(app, "stride") == "12" and alts["over-time"] != before


def test_beats_in_a_row_are_cut_where_they_begin_and_else_it_is_said(trained, alts):
    app = opened(trained("heartbeats"), section="over-time")
    assert not app.error, said(app)
    assert control(app, "Stride").value == "140" and control(app, "Alarm (k of n windows)").value == "1 of 1"
    assert metrics(app)["Events found"].endswith(" of 12")
    assert not app.warning
    control(app, "Stride").set_value("70")
    whole(app.run())
    assert any("lie in a row" in each.value for each in app.warning)


def test_the_judged_series_are_a_stream_too(trained, alts):
    app = opened(trained("machine"), section="over-time", stream="judged")
    assert not app.error, said(app)
    assert "and 4 more" in alts["over-time"], "twelve events, of which eight are named"


def test_a_file_is_watched(trained, alts, monkeypatch):
    class File:
        def getvalue(self):
            stream = kept.drawn_stream(loaded(trained("machine")))
            lines = [",".join(f"{value:.3f}" for value in row) for row in stream.x[:500]]
            return "\n".join(["temperature,pressure,vibration", *lines]).encode()

    monkeypatch.setattr(st, "file_uploader", lambda *_, **__: None)
    app = opened(trained("machine"), section="over-time", stream="file")
    assert any("Choose a CSV" in each.value for each in app.info)
    monkeypatch.setattr(st, "file_uploader", lambda *_, **__: File())
    app = opened(trained("machine"), section="over-time", stream="file")
    assert not app.error, said(app)
    assert "A stream of 500 steps" in alts["over-time"] and "No event is known" in alts["over-time"]
    assert "Events found" not in metrics(app)


def test_a_run_of_images_is_told_what_watching_takes(trained):
    app = opened(trained("digits"), section="over-time")
    assert any("needs a model of series" in each.value for each in app.info) and not app.error
    assert any("dataset=machine" in str(each) and "normal=0" in str(each) for each in page_links(app))


def page_links(app) -> list[Any]:
    return [each.proto for each in app.get("page_link")]


def test_a_run_of_series_is_told_that_scratches_are_for_images(trained):
    app = opened(trained("heartbeats"), section="scratch")
    assert any("Scratches are for images" in each.value for each in app.info) and not app.error


def test_the_scratch_gets_the_threshold_of_the_page(trained, given):
    run = loaded(trained("digits"))
    assert not opened(run.id, section="scratch", level="0.9").error
    model, data = given["scratch"]
    calibration = detectors.scored(run, "reconstruction").calibration
    assert model and data["shape"] == [1, 8, 8] and data["tone"] == "light" and data["cut_name"] == "threshold"
    assert data["cut"] == np.quantile(calibration, 0.9, method="inverted_cdf")


def test_with_another_score_the_scratch_goes_by_a_threshold_of_its_own(trained, given):
    run = loaded(trained("digits"))
    assert not opened(run.id, section="scratch", score="knn").error
    calibration = detectors.scored(run, "reconstruction").calibration
    assert given["scratch"][1]["cut"] == np.quantile(calibration, 0.99, method="inverted_cdf")
    assert "99% of normal images" in given["scratch"][1]["cut_name"]


def test_the_server_scores_the_scratch_of_a_model_that_the_browser_cannot_compute(trained, given, monkeypatch):
    def refuse(run):
        raise UnsupportedLayer("This browser cannot.")

    monkeypatch.setattr(models, "program", refuse)
    run = loaded(trained("digits"))
    app = opened(run.id, section="scratch")
    assert not app.error and given["scratch"][0] is None
    test = datasets.load("digits").test
    row = int(np.flatnonzero(np.isin(test.y, (0, 1, 2)))[0])
    score = run.squared_errors(test.take(slice(row, row + 1)))[0]
    assert f"Mean squared error {score:.4f}; threshold" in texts(app)


def test_a_long_line_keeps_its_peaks_when_it_is_thinned():
    values = np.sin(np.arange(50_000.0))
    values[[123, 40_001]] = 9, -9
    rows = stream_chart.thinned(values)
    assert len(rows) <= stream_chart.MAX_POINTS and {123, 40_001} <= set(rows.tolist())
    assert np.array_equal(stream_chart.thinned(values[:100]), np.arange(100))


def test_a_chart_shades_events_and_alarms_and_bears_a_threshold_that_is_never_reached(trained):
    run = loaded(trained("machine"))
    stream = kept.drawn_stream(run)
    starts = streams.window_starts(len(stream), LENGTH, 48)
    scores = np.where((starts > 1700) & (starts < 2000), 5.0, 0.1)
    calibration = np.linspace(0.05, 0.2, 50)
    for cut, alarms in ((1.0, 1), (np.inf, 0)):
        watch = watching.watch("", stream, LENGTH, scores, calibration, cut, WatchSettings(48, Persistence(1, 1)))
        chart = stream_chart.stream_chart(watch, run.card.modality, "Reconstruction error", CLASSES_LIGHT)
        assert len(chart.figure.layout.shapes) == 4 * 3 + alarms  # three sensors and the score, three events
        assert ("The alarm is on from step" in chart.alt) == bool(alarms)
