"""The section of Anomalies that gives a detector as a folder."""

from __future__ import annotations

import importlib.util
import io
import re
import zipfile

import pytest
from streamlit.testing.v1 import AppTest

from aecore.analysis import loaded
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.thresholds import Threshold, parse
from aecore.export import onnx
from tests.kit.trained_runs import furnished
from ui.views.anomalies.found import Found

SETTINGS = {"family": "vanilla", "hidden_sizes": (8,), "epochs": 1, "normal": (0, 1, 2, 3, 4)}
LACKING = [name for name in onnx.ONNX_PACKAGES if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place))
        yield loaded.load(furnished(place, {"it": SETTINGS})["it"])


@pytest.fixture(scope="module")
def detector(run):
    return Detector.of(run)


def found(detector: Detector, score: str, rule: str = "quantile:0.99", **more: object) -> Found:
    chosen = parse(rule)
    told = {"threshold": Threshold(1.0, "")} if score == "knn" else {"threshold": detector.threshold(score, chosen)}
    return Found(**{"detector": detector, "score": score, "rule": chosen, "dataset": "", "false_alarms": (),
                    "base_rate": 0.01, **told, **more})  # fmt: skip


def _show(run, found):
    from ui.views.anomalies.take_away import take_away

    take_away(run, found)


def page(run, found: Found) -> AppTest:
    app = AppTest.from_function(_show, args=(run, found), default_timeout=60).run()
    assert not app.exception
    return app


def texts(app: AppTest) -> str:
    return " ".join(each.value for each in (*app.markdown, *app.caption, *app.info))


def test_it_says_what_is_in_the_folder_and_the_command_that_makes_it(run, detector):
    app = page(run, found(detector, "knn-codes", "conformal:0.05", false_alarms=(3, 17)))
    assert "`encoder.onnx`" in texts(app) and "`codes.npy`" in texts(app)
    command, usage = (each.value for each in app.code)
    assert command == (
        f"python -m aecore detect {run.id} --score knn-codes --threshold conformal:0.05 --base-rate 0.01 "
        "--false-alarms 3,17 --export detector"
    )
    assert "python detect.py pictures --out scores.csv" in usage
    (button,) = app.get("download_button")
    assert button.label == "Download the folder"


def test_a_threshold_set_by_hand_and_one_of_the_batch_are_explained(run, detector):
    by_hand = found(detector, "reconstruction", threshold=Threshold(0.5, "by hand"))
    assert "no test sample has set" in texts(page(run, by_hand))
    assert "in one call and none in another" in texts(page(run, found(detector, "reconstruction", "fdr:0.1")))


def test_what_cannot_be_taken_away_says_which_scores_can(run, detector):
    app = page(run, found(detector, "knn"))
    assert re.search("knn cannot be taken away; those of .* that can are: reconstruction", app.info[0].value)
    assert not app.get("download_button") and not app.code


def test_the_archive_is_the_folder_of_the_chosen_detector(run, monkeypatch):
    from aecore.content import detector_folder
    from ui.views.anomalies import take_away

    given = []
    monkeypatch.setattr(detector_folder, "contents", lambda chosen: given.append(chosen) or {"a": b"1", "b": b"2"})
    rule = parse("sigma:2")
    made = take_away._content(run.id, run.result["created"], "likelihood", rule, 0.1, "", (5,))
    assert zipfile.ZipFile(io.BytesIO(made)).namelist() == ["a", "b"]
    (chosen,) = given
    assert (chosen.score, chosen.rule, chosen.base_rate, chosen.false_alarms) == ("likelihood", rule, 0.1, (5,))
    assert len(chosen.detector.data.calibration) == len(Detector.of(run).data.calibration) + 1


def test_the_card_names_the_winner_and_its_rivals(run, detector):
    from ui.views.anomalies import take_away

    card = take_away._card(found(detector, "reconstruction"))
    assert "The winner is" in card and "(this detector)" in card and "k-NN distance of raw values (rival)" in card
    assert "`0`, `1`, `2`, `3`, `4` of Handwritten digits" in card
