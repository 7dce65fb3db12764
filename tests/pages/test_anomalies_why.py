"""The sections "Why is this one odd?" and "Where it fails" of the page Anomalies, without a browser."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from aecore.applications.anomaly import probes
from aecore.applications.anomaly.explanation import ORDERS, percent, score_text
from aecore.applications.anomaly.thresholds import p_values
from aecore.store import runs
from tests.pages.test_pages import ROOT, AppTest, _cold, control, links, pictures, whole  # noqa: F401
from ui.run_data import detectors, models
from ui.views.anomalies import charts
from ui.widgets import sketch

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "epochs": 3}
DIGITS: dict[str, Any] = {"family": "vanilla", "latent_dim": 8, "normal": (0, 1, 2, 3, 4), "epochs": 10}
RUNS: dict[str, dict[str, Any]] = {
    "digits": DIGITS,
    "dirty": DIGITS | {"contamination": 0.05},
    "vae": {"family": "vae", "latent_dim": 2, "normal": (0, 1, 2, 3, 4)} | SMALL,
    "table": {"dataset": "breast-cancer", "family": "vae", "latent_dim": 4, "normal": (1,)} | SMALL,
    "series": {"dataset": "heartbeats", "family": "vanilla", "normal": (0,), "train_size": 300} | SMALL,
}


pytestmark = pytest.mark.usefixtures("own_folder")


def opened(run: str, section: str, **parameters: str) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    for name, value in ({"run": run, "section": section} | parameters).items():
        app.query_params[name] = value
    app.switch_page("pages/anomalies.py")
    return whole(app.run())


def texts(app: AppTest) -> str:
    return " ".join(each.value for kind in (app.markdown, app.caption, app.info, app.subheader) for each in kind)


def asked(app: AppTest, name: str) -> str | None:
    if name not in app.query_params:
        return None
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def detector(run: str, marked: tuple[int, ...] = ()):
    return detectors.detector(models.load_model(run, runs.entry(run).created), "", marked)


# --- Why is this one odd? ---------------------------------------------------------------------------------------------


def test_the_oddest_sample_is_explained_with_its_score_p_value_and_rank(trained):
    run = trained("digits")
    app, known = opened(run, "why"), detector(run)
    scored = known.scored("reconstruction")
    row = int(scored.judged.argmax())
    told = texts(app)
    assert f"{known.data.judged.y[row]}, test image {row}" in [each.value for each in app.subheader]
    assert f"is {score_text(scored.judged[row])}, above the threshold" in told
    rank = percent(float(np.mean(scored.calibration < scored.judged[row])))
    assert f"odder than {rank} of 70 normal validation images" in told
    metrics = {each.label: each.value for each in app.metric}
    assert metrics["Score"] == metrics["Reconstruction error"] == score_text(scored.judged[row])
    assert metrics["p-value"] == f"{p_values(scored.calibration, scored.judged[[row]])[0]:.3g}"
    drawn = [alt for alt, _ in pictures(app)]
    assert any(alt.startswith("What the model drew instead") for alt in drawn)
    assert len([alt for alt in drawn if "distance" in alt]) == 10  # five by code, five by pixels
    assert "they sum to the reconstruction error" in told


@pytest.mark.parametrize("order", list(ORDERS))
def test_each_order_begins_with_its_own(order, trained):
    run = trained("digits")
    app, known = opened(run, "why", order=order, rule="quantile", level="0.8"), detector(run)
    told = texts(app)
    said = {"highest": "Found: ", "false-alarms": "False alarm: ", "misses": "Missed: "}.get(order, "")
    assert said in told or ("There is no" in told and order == "misses")
    if order == "number":
        assert f"{known.data.judged.y[0]}, test image 0" in told
    if order == "random":
        assert control(app, "Random seed").value == 0


@pytest.mark.parametrize(("name", "score"), [("table", "reconstruction"), ("series", "reconstruction"), ("vae", "kl")])
def test_other_kinds_and_scores_are_explained(name, score, trained):
    app = opened(trained(name), "why", score=score)
    told = texts(app)
    assert ("is no sum over pixels" in told) == (score == "kl")
    assert "Of its " in told and "these have most of the error" in told
    frame = next(each.value for each in app.dataframe if "contribution" in each.value)
    error = next(each.value for each in app.metric if each.label == "Reconstruction error")
    assert score_text(frame["contribution"].sum()) == error and frame["share"].sum() == pytest.approx(1)
    assert ("drawn" in frame) == (name == "table")


def test_a_number_in_the_address_chooses_a_sample_and_what_is_none_is_dropped(trained):
    assert "test image 17" in texts(opened(trained("digits"), "why", sample="17"))
    for worthless in ("-1", "359", "x", "1e3", "9" * 30):
        app = opened(trained("digits"), "why", sample=worthless)
        assert asked(app, "sample") is None


def test_the_next_one_is_a_button_away(trained):
    run = trained("digits")
    app, scores = opened(run, "why"), detector(run).scored("reconstruction").judged
    control(app, "Next").click()
    app = whole(app.run())
    assert asked(app, "sample") == str(np.argsort(-scores, kind="stable")[1])
    control(app, "Previous").click()
    assert asked(whole(app.run()), "sample") is None


def test_a_marked_false_alarm_calibrates_is_no_longer_judged_and_can_be_taken_back(trained):
    run = trained("digits")
    app = opened(run, "why", level="0.8", order="false-alarms", cut="0.001")
    row = next(each.value for each in app.number_input if each.label == "Number of the image")
    before = detector(run)
    control(app, "This one is normal").click()
    app = whole(app.run())
    assert asked(app, "marked") == str(row) and asked(app, "cut") is None
    told = texts(app)
    assert "1 marked" in told and "no longer judged" in told and f"test image {row}" not in told
    assert "Train again" in [each.label for each in app.main if each.type == "page_link"]
    after = detector(run, (row,))
    assert len(after.data.judged) == len(before.data.judged) - 1
    assert len(after.data.calibration) == len(before.data.calibration) + 1
    control(app, f"Judge image {row} again").click()
    assert asked(whole(app.run()), "marked") is None


def test_marked_samples_of_another_class_lead_to_a_training_with_it(trained):
    run = trained("digits")
    rows = np.flatnonzero(detector(run).data.judged.y == 9)[:2]
    app = opened(run, "why", marked=",".join(map(str, rows)))
    assert "2 marked" in texts(app) and "train again with 9 among the normal classes" in texts(app)
    assert "normal=0%2C1%2C2%2C3%2C4%2C9" in links(app)["train"]


def test_what_is_no_alarm_cannot_be_marked(trained):
    app = opened(trained("digits"), "why", order="misses", level="0.999")
    assert "nothing to mark" in texts(app) and not [each for each in app.button if each.label == "This one is normal"]


# --- Where it fails ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["digits", "vae", "table", "series"])
def test_probes_are_scored_and_what_is_missed_is_named_with_its_number(name, trained):
    run = trained(name)
    app, known = opened(run, "failures"), detector(run)
    calibration, score = known.scored("reconstruction").calibration, known.scorer("reconstruction")
    frame = next(each.value for each in app.dataframe if "probe" in each.value)
    cut = np.quantile(calibration, 0.99, method="inverted_cdf")
    told = texts(app)
    for probe, (_, line) in zip(probes.probes(known), frame.iterrows(), strict=True):
        scores = score(probe.samples)
        assert (line["probe"], line["samples"]) == (probe.title, len(scores))
        assert line["mean score"] == pytest.approx(scores.mean(), rel=1e-5)
        assert line["alarms"] == pytest.approx(np.mean(scores > cut))
        assert line["odder than"] == pytest.approx(np.mean(calibration < scores.mean()))
        missed = np.mean(scores > cut) <= 0.5
        assert (f"{probe.title}: " in told) == missed
    assert "Classes that overlap" in told and "nats" in told


def test_the_class_that_overlaps_and_what_is_likelier_are_named(trained):
    run = trained("vae")
    told, worst = texts(opened(run, "failures")), probes.overlap(detector(run), "reconstruction")
    assert f"Hardest to tell is **{worst.group}**: AUROC {worst.auroc:.3f}" in told
    assert f"{worst.share:.0%} are of **{worst.mistaken_for}**" in told
    assert "-ELBO" in told and "Nalisnick" in told


def test_one_s_own_drawing_is_scored(trained, monkeypatch):
    run, drawn = trained("digits"), np.eye(8, dtype=np.float32)[None]
    monkeypatch.setattr(sketch, "parse_image", lambda said, shape: drawn)
    app = opened(run, "failures", **{"own-kind": "drawing"})
    known = detector(run)
    expected = known.scorer("reconstruction")(probes.as_split(drawn[None], known.run.card.modality))[0]
    assert {each.label: each.value for each in app.metric}["Score"] == score_text(expected)
    assert "your drawing" in " ".join(alt for alt, _ in pictures(app))


def test_an_upload_is_waited_for(trained):
    app = opened(trained("digits"), "failures", **{"own-kind": "upload"})
    assert "Draw or upload" in texts(app)


def test_a_run_stands_beside_its_twin_with_anomalies_in_its_training_set_or_offers_one(trained, submitted):
    app = opened(trained("vae"), "failures")
    control(app, "Train it with 5% contamination").click()
    whole(app.run())
    (wanted,) = submitted
    assert wanted.contamination == 0.05 and wanted.normal == (0, 1, 2, 3, 4) and wanted.family == "vae"
    clean, dirty = (detector(trained(name)).summary("reconstruction")["auroc"] for name in ("digits", "dirty"))
    for name in ("digits", "dirty"):
        assert f"0%: **{clean:.3f}**; 5%: **{dirty:.3f}**" in texts(opened(trained(name), "failures"))


# --- Charts -----------------------------------------------------------------------------------------------------------


def test_a_heat_map_has_one_scale_for_all_samples_and_says_what_is_hot(trained):
    from aecore.applications.anomaly.explanation import NormalErrors, by_position, explain

    known = detector(trained("digits"))
    usual, modality = NormalErrors.of(known), known.run.card.modality
    for row in (0, 1):
        told = explain(known, "reconstruction", known.data.judged.take(slice(row, row + 1)), usual)
        errors = by_position(modality, told.errors[None])[0]
        chart = charts.image_heat_map(errors, told, modality.noun)
        (heat,) = chart.figure.data
        assert (heat.zmin, heat.zmax) == (0, usual.error)
        assert f"{int((errors > usual.error).sum())} of 64 pixels" in chart.alt
        bars = charts.part_bars(told, "#3765d3", modality.noun)
        assert list(bars.figure.data[0].x) == [part.contribution for part in told.parts]
