"""The page Anomalies without a browser: what is normal, scores beside rivals, thresholds by rules and by hand."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest

from aecore.applications.anomaly import rivals, scoring, thresholds
from aecore.config import Config
from aecore.export import packing
from aecore.store import runs
from tests.pages.test_addresses import WORTHLESS, answers
from tests.pages.test_pages import (  # noqa: F401
    ROOT,
    AppTest,
    _cold,
    control,
    labels,
    links,
    one_sentence,
    pictures,
    said,
    whole,
)
from ui.run_data import detectors, models
from ui.views.anomalies import page, threshold
from ui.widgets import live

SMALL: dict[str, Any] = {"hidden_sizes": (16,), "epochs": 3}
RUNS: dict[str, dict[str, Any]] = {
    "digits": {"family": "vae", "latent_dim": 8, "normal": (0, 1, 2, 3, 4), "epochs": 10},
    "digits, seed 1": {"family": "vae", "latent_dim": 8, "normal": (0, 1, 2, 3, 4), "epochs": 10, "seed": 1},
    "all classes": {"family": "vae", "latent_dim": 2} | SMALL,
    "table": {"dataset": "breast-cancer", "family": "vanilla", "latent_dim": 4, "normal": (1,)} | SMALL,
    "series": {"dataset": "heartbeats", "family": "vanilla", "latent_dim": 4, "normal": (0,), "train_size": 300}
    | SMALL,
    "points": {"dataset": "moons", "family": "vanilla", "latent_dim": 1} | SMALL,
    "dirty": {"family": "vanilla", "latent_dim": 4, "normal": (3,), "contamination": 0.2} | SMALL,
}


pytestmark = pytest.mark.usefixtures("own_folder")


@pytest.fixture(autouse=True)
def nothing_below(monkeypatch):
    """What the parts below the threshold are given, by section: they have tests of their own."""
    seen: dict[str, Any] = {}

    def part(name):
        return lambda run, found: seen.update({name: found})

    sections = {name: (title, part(name)) for name, (title, _) in page.SECTIONS.items()}
    monkeypatch.setattr(page, "SECTIONS", sections)
    return seen


@pytest.fixture(autouse=True)
def given(monkeypatch):
    """What the view of the threshold was given last."""
    seen: dict[str, Any] = {}
    usual = live.view

    def view(name, model, key, data, **more):
        if name == "threshold":
            seen.update(data)
        return usual(name, model, key, data, **more)

    monkeypatch.setattr(live, "view", view)
    return seen


def opened(run: str, **parameters: str | list[str]) -> AppTest:
    app = AppTest.from_file(ROOT / "app.py", default_timeout=100)
    for name, value in ({"run": run} | parameters).items():
        app.query_params[name] = value
    app.switch_page("pages/anomalies.py")
    return whole(app.run())


def asked(app: AppTest, name: str) -> str:
    """A parameter of the address; AppTest holds what it was given as text and what it read as a list."""
    value = app.query_params[name]
    return value if isinstance(value, str) else value[0]


def table(app: AppTest):
    return next(each.value for each in app.dataframe if "AUROC" in each.value)


def texts(app: AppTest) -> str:
    return " ".join(each.value for kind in (app.markdown, app.caption, app.info) for each in kind)


def loaded(run: str):
    return models.load_model(run, runs.entry(run).created)


# --- Scores and rivals ------------------------------------------------------------------------------------------------


def test_scores_and_rivals_stand_in_one_table_and_the_winner_is_named(trained):
    app, run = opened(trained("digits")), loaded(trained("digits"))
    assert not app.error
    rows = table(app)
    titles = {each.title for each in (*scoring.scores_of(run).values(), *rivals.RIVALS.values())}
    assert set(rows["score"]) == titles and len(rows) == len(titles)
    assert rows["AUROC"].is_monotonic_decreasing
    assert rows[rows[""] != ""]["score"].tolist() == ["Reconstruction error"]
    for name, rival in rivals.RIVALS.items():
        line, told = rows[rows["score"] == rival.title].iloc[0], detectors.detector(run).summary(name)
        assert line["AUROC"] == told["auroc"] and line["recall at 1 % false alarms"] == told["recall_at_1_percent"]
    beside = rows[(rows["of"] == "rival") | (rows[""] != "")]  # the chosen score was named before
    best = beside.iloc[0]
    sentence = next(each.value for each in app.markdown if " wins**" in each.value)
    assert sentence.startswith(f"**{best['score']} wins**: AUROC {best['AUROC']:.3f} against ")
    assert ("no autoencoder is needed" in sentence) == (best["of"] == "rival")


def test_a_rival_may_be_chosen_and_is_compared_all_the_same(trained):
    app = opened(trained("digits"), score="knn")
    rows = table(app)
    assert rows[rows[""] != ""]["score"].tolist() == ["k-NN distance of raw values"]
    assert "Reconstruction error" in next(each.value for each in app.markdown if " wins**" in each.value)


def test_the_hardest_class_stands_first(trained):
    app, run = opened(trained("digits")), loaded(trained("digits"))
    classes = next(each.value for each in app.dataframe if "odd class" in each.value)
    told = detectors.detector(run).per_group("reconstruction")
    assert classes["odd class"].tolist() == sorted(told, key=lambda name: told[name]["auroc"])
    assert classes["samples"].sum() == detectors.detector(run).data.odd.sum()


def test_other_seeds_say_how_much_a_number_is_worth(trained):
    assert "seeds" not in texts(opened(trained("table")))
    both = [trained("digits"), trained("digits, seed 1")]
    told = [detectors.detector(loaded(run)).summary("reconstruction")["auroc"] for run in both]
    words = texts(opened(both[0]))
    assert f"Over 2 seeds, Reconstruction error has {np.mean(told):.3f} ± {np.std(told, ddof=1):.3f}" in words


def test_what_was_fitted_calibrated_and_judged_by_is_said(trained):
    app, data = opened(trained("digits")), detectors.detector(loaded(trained("digits"))).data
    words = texts(app)
    assert f"Fitted to {len(data.train):,} training samples" in words
    assert f"set by {len(data.calibration):,} normal validation samples" in words
    assert f"judged on {len(data.judged):,} of the test set, {int(data.odd.sum()):,} of them odd" in words


# --- The threshold ----------------------------------------------------------------------------------------------------


def unpacked(given, name: str) -> np.ndarray | None:
    piece = given["pieces"][name]
    return None if piece is None else packing.unpack(piece, given["blob"]["blob"][0].as_py())


def test_the_view_gets_sorted_scores_and_the_cut_of_the_rule(trained, given, nothing_below):
    opened(trained("digits"))
    found = nothing_below["why"]
    scored, odd = found.detector.scored("reconstruction"), found.detector.data.odd
    parts = {"calibration": scored.calibration, "normal": scored.judged[~odd], "odd": scored.judged[odd]}
    for name, values in parts.items():
        assert np.array_equal(unpacked(given, name), np.sort(values).astype(np.float32))
        assert given["counts"][name] == len(values) and given["pieces"][f"{name}_ranks"] is None
    usual = found.detector.threshold("reconstruction", thresholds.parse(thresholds.DEFAULT_RULE))
    assert given["cut"] == found.threshold.cut == usual.cut and given["promise"] == usual.promise


@pytest.mark.parametrize("rule", [*thresholds.RULES])
def test_another_rule_sets_another_threshold_and_forgets_what_was_set_by_hand(rule, trained, given, nothing_below):
    app = opened(trained("digits"), cut="0.001", rule="sigma" if rule == "quantile" else "quantile")
    assert nothing_below["why"].threshold.cut == 0.001
    assert "by hand" in nothing_below["why"].threshold.promise and given["cut"] != 0.001
    control(app, "Set by").set_value(rule)
    whole(app.run())
    found, kind = nothing_below["why"], thresholds.RULES[rule]
    assert found.rule == thresholds.Rule(rule, tuple(map(float, kind.default)))
    assert found.threshold.cut == found.detector.threshold("reconstruction", found.rule).cut
    assert "cut" not in app.query_params
    assert given["cut"] == (found.threshold.cut if math.isfinite(found.threshold.cut) else None)


def test_the_number_of_a_rule_is_kept_by_the_address(trained, nothing_below):
    app = opened(trained("digits"), rule="conformal", level="0.2")
    assert str(nothing_below["why"].rule) == "conformal:0.2"
    control(app, "The rate of false alarms").set_value(0.3)
    whole(app.run())
    assert str(nothing_below["why"].rule) == "conformal:0.3" and asked(app, "level") == "0.3"
    control(app, "Set by").set_value("fdr")
    whole(app.run())
    assert str(nothing_below["why"].rule) == "fdr:0.1" and "level" not in app.query_params


def test_the_cheapest_threshold_takes_the_prices_of_the_view(trained, nothing_below):
    opened(trained("digits"), **{"rule": "cost", "miss-cost": "7", "alarm-cost": "3", "base-rate": "0.2"})
    found = nothing_below["why"]
    assert found.rule.values == (7.0, 3.0) and found.base_rate == 0.2
    assert found.threshold.cut == found.detector.threshold("reconstruction", found.rule, 0.2).cut


def test_a_rule_that_never_alarms_has_no_cut_that_json_could_hold(trained, given, nothing_below):
    opened(trained("digits"), rule="conformal", level="0.001")  # takes 999 calibration samples
    assert nothing_below["why"].threshold.cut == math.inf
    assert given["cut"] is None and given["always"] is False


def test_marked_false_alarms_calibrate_and_are_no_longer_judged(trained, given, nothing_below):
    app = opened(trained("digits"), marked="5,2")
    found = nothing_below["why"]
    before = detectors.detector(found.detector.run)
    assert found.false_alarms == (2, 5) and len(found.detector.data.judged) == len(before.data.judged) - 2
    after, scored = found.detector.scored("knn"), before.scored("knn")
    assert np.array_equal(after.calibration, [*scored.calibration, *scored.judged[[2, 5]]])
    assert np.array_equal(after.judged, np.delete(scored.judged, [2, 5]))
    control(app, "Judge them again").click()
    whole(app.run())
    assert "marked" not in app.query_params and nothing_below["why"].false_alarms == ()


def test_of_many_scores_the_highest_are_all_sent_and_the_others_stand_for_all():
    random = np.random.default_rng(0)
    many = random.gamma(2, size=70_001)
    sent = threshold.pack({"many": many})
    values, ranks = unpacked(sent, "many"), unpacked(sent, "many_ranks")
    assert len(values) == len(ranks) == threshold.MAX_SENT and (np.diff(ranks.astype(int)) > 0).all()
    rising = np.sort(many)
    assert np.array_equal(values, rising[ranks].astype(np.float32))
    assert ranks[0] == 0 and (ranks[-threshold.MAX_SENT // 2 :] == np.arange(60_001, 70_001)).all()
    assert np.diff(ranks.astype(int)).max() <= 7  # of 70,001: 1e-4


# --- What is normal ---------------------------------------------------------------------------------------------------


def test_normal_and_odd_classes_are_said_in_words(trained):
    words = texts(opened(trained("dirty")))
    assert "Normal: **3**." in words and "**20% of the images that this model trained on were odd**" in words
    assert "Odd: **0, 1, 2, 4, 5, 6, 7, 8 and 9**" in words


@pytest.mark.parametrize("name", ["all classes", "points"])
def test_where_nothing_is_odd_a_sentence_says_what_to_do(name, trained, given):
    app = opened(trained(name))
    assert not app.error and not given and not app.dataframe
    assert len(said(app)) == 1
    assert "nothing is odd yet" in one_sentence(said(app)[0]) and "train on them" in said(app)[0]
    assert control(app, "Train on these classes") and len(pictures(app)) >= 2


def test_one_click_trains_the_same_model_on_the_normal_classes(trained, submitted, monkeypatch):
    from ui.views.anomalies import normal

    monkeypatch.setattr(normal, "_follow_training", lambda: None)
    app, before = opened(trained("all classes"), normal="1,7"), runs.entry(trained("all classes")).config
    control(app, "Contamination").set_value(0.1)
    whole(app.run())
    control(app, "Train on these classes").click()
    whole(app.run())
    (config,) = submitted
    assert config == Config(**{**vars(before), "normal": (1, 7), "contamination": 0.1})
    assert asked(app, "training") == config.id
    query = links(app)["train"]
    assert {"normal=1%2C7", "contamination=0.1", "epochs=3"} <= set(query.split("&"))


def test_a_finished_training_is_shown(trained):
    app = opened(trained("all classes"), training=trained("digits"), normal="1")
    assert asked(app, "run") == trained("digits")
    assert "training" not in app.query_params and "normal" not in app.query_params
    assert table(app) is not None


def test_all_classes_cannot_be_normal(trained):
    app = opened(trained("all classes"), normal=",".join(map(str, range(10))))
    control(app, "Train on these classes").click()
    whole(app.run())
    assert "leave one out" in one_sentence(app.error[0].value)


def test_another_data_set_counts_as_odd(trained, nothing_below):
    app = opened(trained("points"))
    assert set(control(app, "What is odd").options) == {"Nothing yet", "All of: Ring"}
    control(app, "What is odd").set_value("ring")
    whole(app.run())
    found = nothing_below["why"]
    assert found.dataset == "ring" and found.detector.data.odd.sum() == 200
    assert "cost" not in control(app, "Set by").options  # there are no known anomalies to set it by
    assert table(app)["AUROC"].iloc[0] > 0.9
    control(app, "What is odd").set_value("classes")
    whole(app.run())
    assert said(app) and "odd-data" not in app.query_params


@pytest.mark.parametrize("name", ["table", "series"])
def test_other_kinds_of_samples(name, trained, given):
    app = opened(trained(name))
    assert not app.error and table(app) is not None and math.isfinite(given["cut"])
    noun = {"table": "row", "series": "series"}[name]
    assert noun in texts(app) and "image" not in texts(app)


# --- Addresses --------------------------------------------------------------------------------------------------------

PARAMETERS = ("score", "rule", "level", "cut", "base-rate", "volume", "miss-cost", "alarm-cost", "tails", "odd-data",
              "marked", "section", "normal", "contamination", "training")  # fmt: skip


@pytest.mark.parametrize("kind", WORTHLESS)
def test_worthless_parameters_leave_the_page_its_content(kind, trained):
    app = opened(trained("digits"), **dict.fromkeys(PARAMETERS, WORTHLESS[kind]))
    assert answers(app) and not app.error and table(app) is not None
    left = {name: value for name, value in app.query_params.items() if name not in ("run", "normal")}
    assert not left or (kind == "negative" and left == {"cut": "-1"})  # a threshold may be any number


@pytest.mark.parametrize("section", page.SECTIONS)
def test_only_the_chosen_part_is_shown(section, trained, nothing_below):
    opened(trained("digits"), section=section)
    assert list(nothing_below) == [section]


@pytest.mark.parametrize("level", ["1e-9", "0", "1", "-3", "0.5,0.6"])
def test_a_number_that_a_rule_cannot_take_is_forgotten(level, trained, nothing_below):
    app = opened(trained("digits"), level=level)
    assert "level" not in app.query_params and str(nothing_below["why"].rule) == thresholds.DEFAULT_RULE


def test_marked_rows_that_no_sample_has_are_forgotten(trained, nothing_below):
    for marked in ("359", "1,2,x", "-1", ","):
        app = opened(trained("digits"), marked=marked)
        assert "marked" not in app.query_params and nothing_below["why"].false_alarms == ()


def test_sentences_are_whole(trained):
    words = texts(opened(trained("digits")))
    assert not re.search(r"\{|\}|nan|None", words)
