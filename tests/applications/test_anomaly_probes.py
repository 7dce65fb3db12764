"""Probes: what they are made of, what is said of them, classes that overlap, likelihoods and contaminated twins."""

import dataclasses
import math

import numpy as np
import pytest

from aecore.applications.anomaly import probes
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.metrics import auroc
from aecore.applications.anomaly.probes import (
    Probe,
    Reading,
    as_split,
    likelier,
    likelihood_score,
    overlap,
    twins,
)
from aecore.applications.anomaly.scoring import encode
from aecore.applications.anomaly.thresholds import Threshold
from aecore.data.modalities import Column, Image, Series, Table
from aecore.models import presets
from aecore.models.families.build import resolve_config

NORMAL = (0, 1, 2, 3, 4)
RUNS = {
    "image": {"family": "vanilla", "latent_dim": 8, "epochs": 20, "normal": NORMAL},
    "vae": {"family": "vae", "latent_dim": 2, "epochs": 2, "normal": NORMAL},
    "table": {"dataset": "wine", "family": "vae", "epochs": 3, "normal": (0, 1)},
    "series": {"dataset": "heartbeats", "family": "vanilla", "epochs": 1, "normal": (0,)},
}
NOUN = Image.noun


def made(detector: Detector) -> dict[str, Probe]:
    return {each.name: each for each in probes.probes(detector)}


# --- What they are made of --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RUNS)
def test_probes_are_samples_of_the_runs_kind_and_always_the_same(kind, detectors):
    run = detectors[kind].run
    for one, other in zip(probes.probes(detectors[kind]), probes.probes(detectors[kind]), strict=True):
        x = one.samples.observed()
        assert x.shape[1:] == run.card.shape and x.dtype == np.float32 and 1 <= len(x) <= probes.MAX_SAMPLES
        assert np.array_equal(x, other.samples.observed(), equal_nan=True)
        assert one.description.endswith(".") and "{" not in one.description
        if run.card.modality.bounded:
            assert x.min() >= 0 and x.max() <= 1


def test_images_have_those_of_images_and_others_have_not(detectors):
    assert set(made(detectors["image"])) == {*probes.IMAGE_PROBES, *probes.PROBES}  # no other data set is 8 x 8
    assert set(made(detectors["table"])) == set(made(detectors["series"])) == set(probes.PROBES)
    assert made(detectors["table"])["shuffled"].description.startswith("Each column taken from another normal test row")


def test_plain_images_are_plain(detectors):
    found = {name: probe.samples.observed() for name, probe in made(detectors["image"]).items()}
    assert [np.unique(found[name]).tolist() for name in ("blank", "white", "gray")] == [[0], [1], [0.5]]
    assert found["checkerboard"][0, 0, :2, :2].tolist() == [[0, 1], [1, 0]]
    data = detectors["image"].data
    normal = data.judged.take(np.flatnonzero(~data.odd)).head(probes.MAX_SAMPLES).observed()
    assert found["inverted"] == pytest.approx(1 - normal)
    assert found["smooth"].mean() == pytest.approx(normal.mean(), rel=0.05)  # a blur moves light, and makes none
    assert np.abs(np.diff(found["smooth"], axis=3)).mean() < 0.6 * np.abs(np.diff(normal, axis=3)).mean()
    assert found["mean"][0] == pytest.approx(data.train.to_float().mean(axis=0), abs=1e-6)
    assert found["noise"].mean() == pytest.approx(0.5, abs=4 * math.sqrt(1 / 12 / found["noise"].size))


@pytest.mark.parametrize(
    "modality",
    [
        Image(3, 4, 5),
        Series(6, ("a", "b")),
        Table((Column("n"), Column("c", "category", categories=("x", "y", "z")), Column("h", "cyclic", period=24))),
    ],
    ids=lambda each: each.kind,
)
def test_shuffling_keeps_what_each_position_has_and_breaks_what_belongs_together(modality):
    """Each position (pixel, moment, column) still has the same values, and those of one position stay together."""
    rng = np.random.default_rng(0)
    rows = np.arange(500, dtype=np.float32).reshape(500, *[1] * len(modality.shape))
    x = np.broadcast_to(rows, (500, *modality.shape)).copy()  # each value says which sample it is from
    found = probes._shuffled(x, x[0], modality, rng)
    assert np.array_equal(np.sort(found, axis=0), x)
    flat, shape = found.reshape(500, -1), modality.position_shape
    groups = np.broadcast_to(
        modality.broadcast_positions(np.arange(math.prod(shape)).reshape(1, *shape)), (1, *modality.shape)
    ).ravel()
    for at in np.unique(groups):
        assert np.all(flat[:, groups == at] == flat[:, groups == at][:, :1])
    first = [flat[:, np.flatnonzero(groups == at)[0]] for at in np.unique(groups)]
    correlation = np.corrcoef(first) - np.eye(len(first))
    assert np.abs(correlation).max() < 5 / math.sqrt(500)  # chance; it was 1


def test_random_rows_have_categories_yes_or_no_and_hours():
    table = Table(
        (
            Column("n"),
            Column("c", "category", categories=("x", "y", "z")),
            Column("b", "boolean", categories=("no", "yes")),
            Column("h", "cyclic", period=24),
        )
    )
    x = np.zeros((900, *table.shape), np.float32)
    found = probes._noise(x, x[0], table, np.random.default_rng(0))
    number, category, boolean, cyclic = (found[:, part] for part in table.slices)
    assert number.std() == pytest.approx(1, abs=0.1)
    assert set(map(tuple, category.tolist())) == {(1, 0, 0), (0, 1, 0), (0, 0, 1)}
    assert category.mean(axis=0) == pytest.approx([1 / 3] * 3, abs=4 * math.sqrt(2 / 9 / 900))
    assert set(boolean.ravel().tolist()) == {0, 1} and np.linalg.norm(cyclic, axis=1) == pytest.approx(1)


# --- What is said of them ---------------------------------------------------------------------------------------------

CALIBRATION = np.arange(1, 101) / 100  # 0.01 to 1


def reading(*scores: float, cut: float = 0.99) -> Reading:
    probe = Probe("blank", "Blank", "All pixels 0.", as_split(np.zeros((len(scores), 1, 2, 2)), Image(1, 2, 2)))
    return Reading.of(probe, np.array(scores), CALIBRATION, Threshold(cut, ""))


def test_what_scores_below_normal_samples_is_found_by_no_threshold():
    assert reading(0.035).text(NOUN) == (
        "Blank: score 0.0350, lower than 97% of the normal validation images. No alarm, and no threshold helps: one "
        "that finds it takes these for odd as well."
    )


def test_what_is_higher_than_most_is_missed_by_this_threshold_only():
    assert not reading(0.955).is_found
    assert reading(0.955).text(NOUN) == (
        "Blank: score 0.955, higher than 95% of the normal validation images. No alarm."
    )


def test_what_is_found_is_said_with_its_share():
    several = reading(2.0, 3.0, 0.4)
    assert several.is_found and several.above == pytest.approx(2 / 3)
    assert several.text(NOUN) == (
        "Blank: mean score 1.80, higher than 100% of the normal validation images. 66.6% are alarms."
    )
    assert reading(5.0).text(NOUN).endswith("images. An alarm.")


def test_a_blank_image_is_drawn_better_than_a_white_one_by_a_model_of_light_strokes_on_black(detectors):
    """20 epochs, seed 0. Folklore has it that neither can be drawn."""
    detector = detectors["image"]
    score, found = detector.scorer("reconstruction"), made(detector)
    blank, white, smooth = (score(found[name].samples).mean() for name in ("blank", "white", "smooth"))
    odd = detector.scored("reconstruction").judged[detector.data.odd].mean()
    assert smooth < odd and blank < white


# --- Classes that overlap ---------------------------------------------------------------------------------------------


def test_the_class_that_overlaps_most_is_that_of_the_smallest_auroc(detectors):
    detector = detectors["image"]
    found, data = overlap(detector, "reconstruction"), detector.data
    scores = detector.scored("reconstruction").judged
    normal = ~data.odd
    values = {
        label: auroc(scores[normal | (data.group == label)], data.odd[normal | (data.group == label)])
        for label in range(5, 10)
    }
    worst = min(values, key=values.__getitem__)
    assert found.group == str(worst) and found.auroc == pytest.approx(values[worst]) and found.count == len(found.rows)
    assert set(data.group[found.rows]) == {worst} and np.all(np.diff(scores[found.rows]) >= 0)
    assert found.mistaken_for in NORMAL and set(data.train.y[found.twins]) == {found.mistaken_for}
    codes, known = encode(detector.run, data.judged.take(found.rows)), detector.reference.codes
    nearest = np.linalg.norm(codes[:, None] - known[None], axis=2).argsort(axis=1)[:, :5]
    votes = np.bincount(data.train.y[nearest].ravel(), minlength=10)
    assert found.share == pytest.approx(votes.max() / votes.sum()) and votes.argmax() == found.mistaken_for


def test_where_nothing_is_odd_nothing_overlaps(detectors):
    detector = detectors["image"]
    normal = np.flatnonzero(~detector.data.odd)
    data = dataclasses.replace(
        detector.data, judged=detector.data.judged.take(normal), odd=np.zeros(len(normal), bool),
        group=np.full(len(normal), -1),
    )  # fmt: skip
    assert overlap(Detector(detector.run, data), "reconstruction") is None


# --- Likelihood and contamination -------------------------------------------------------------------------------------


def test_the_likelihood_of_a_vae_is_bounded_by_the_elbo(detectors):
    assert [likelihood_score(detectors[kind].run) for kind in ("image", "vae")] == ["likelihood", "elbo"]


def test_what_is_likelier_than_test_samples_is_named_the_likeliest_first():
    found = likelier(np.array([2.0, 4.0]), [reading(2.5), reading(3.5), reading(0.5, 1.5)])
    assert [each.mean for each in found] == [1.0, 2.5]


def test_twins_differ_in_the_contamination_alone():
    config = resolve_config(presets.default_config("digits", normal=NORMAL))
    share = [dataclasses.replace(config, contamination=each) for each in (0.1, 0.05)]
    others = [*share, dataclasses.replace(share[0], seed=1), dataclasses.replace(config, normal=(0,)), config]
    assert [each.contamination for each in twins(config, others)] == [0.05, 0.1]
    assert [each.contamination for each in twins(share[0], others)] == [0.0, 0.05]
