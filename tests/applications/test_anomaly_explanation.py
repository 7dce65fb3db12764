"""Why a sample is odd: contributions that sum to its score, ranks, neighbours, and rows that were marked."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from aecore.applications.anomaly import explanation
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.explanation import (
    NormalErrors,
    explain,
    judged_rows,
    percent,
    ranked,
    score_text,
    verdict,
)
from aecore.applications.anomaly.partitions import Partition, contributions, readable
from aecore.applications.anomaly.probes import as_split
from aecore.applications.anomaly.scoring import encode, error_maps
from aecore.applications.anomaly.thresholds import p_values
from aecore.data import datasets
from aecore.data.modalities import Column, Image, Points, Series, Table, Vector

NORMAL = (0, 1, 2, 3, 4)
RUNS = {
    "image": {"family": "vanilla", "latent_dim": 8, "epochs": 20, "normal": NORMAL},
    "table": {"dataset": "wine", "family": "vae", "epochs": 3, "normal": (0, 1)},
    "series": {"dataset": "heartbeats", "family": "vanilla", "epochs": 1, "normal": (0,)},
    "vector": {"dataset": "swiss-roll", "family": "vanilla", "epochs": 1, "normal": (0, 1)},
}


@pytest.fixture
def image(detectors):
    return detectors["image"]


# --- Contributions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", RUNS)
def test_contributions_sum_to_the_reconstruction_error(kind, detectors):
    """Squares are taken in float32, sums in float64: 7 digits."""
    detector = detectors[kind]
    usual, scores = NormalErrors.of(detector), detector.scored("reconstruction").judged
    for row in (0, int(scores.argmax())):
        told = explain(detector, "reconstruction", detector.data.judged.take(slice(row, row + 1)), usual)
        assert told.score == pytest.approx(scores[row], rel=1e-5)
        assert told.reconstruction_error == pytest.approx(told.score, rel=1e-5)
        assert sum(part.share for part in told.parts) == pytest.approx(1)
        assert [part.contribution for part in told.parts] == sorted((p.contribution for p in told.parts), reverse=True)


def test_what_is_missing_adds_nothing_and_does_not_count(detectors):
    detector = detectors["table"]
    x = detector.data.judged.observed(slice(3)).copy()
    x[:, 4:9] = np.nan
    errors = error_maps(detector.run, x)
    made = detector.run.reconstruct(np.nan_to_num(x))
    sums = Partition.of(detector.run.card.modality).sums(contributions(x, errors))
    assert np.all(sums[:, 4:9] == 0)
    assert sums.sum(axis=1) == pytest.approx(np.nanmean((x - made) ** 2, axis=1), rel=1e-5)
    told = explain(detector, "reconstruction", as_split(x[:1], detector.run.card.modality), NormalErrors.of(detector))
    assert told.reconstruction_error == pytest.approx(told.score, rel=1e-5)


MODALITIES = [
    Image(1, 8, 8),
    Image(3, 7, 4),
    Series(20, ("a", "b", "c")),
    Series(5),
    Table((Column("n"), Column("c", "category", categories=("x", "y", "z")), Column("h", "cyclic", period=24))),
    Vector(("p", "q"), (0.0, 0.0), (1.0, 1.0)),
    Points(),
]


@pytest.mark.parametrize("modality", MODALITIES, ids=lambda each: f"{each.kind} {each.shape}")
def test_each_value_belongs_to_one_part_that_has_a_name(modality):
    partition = Partition.of(modality)
    assert partition.index.shape == modality.shape
    assert sorted(set(partition.index.ravel().tolist())) == list(range(len(partition.names)))
    assert len(set(partition.names)) == len(partition.names)
    values = np.random.default_rng(0).random((4, *modality.shape))
    assert partition.sums(values).sum(axis=1) == pytest.approx(values.reshape(4, -1).sum(axis=1))


def test_parts_lie_where_their_names_say():
    image, series = Partition.of(Image(1, 6, 9)), Partition.of(Series(16, ("a", "b")))
    corner = np.zeros((1, 1, 6, 9))
    corner[0, 0, :2, 6:] = 1
    assert dict(zip(image.names, image.sums(corner)[0], strict=True))["top right"] == 6
    late = np.zeros((1, 16, 2))
    late[0, 14:, 1] = 1
    assert dict(zip(series.names, series.sums(late)[0], strict=True))["b, moments 15 to 16"] == 2
    table = Partition.of(MODALITIES[4])
    assert table.names == ("n", "c", "h") and table.index.tolist() == [0, 1, 1, 1, 2, 2]


def test_the_parts_that_make_up_half_are_named(image):
    usual = NormalErrors.of(image)
    told = explain(image, "reconstruction", image.data.judged.take(slice(1)), usual)
    named = told.parts_text.split(", ")
    assert 1 <= len(named) <= explanation.MAX_NAMED
    assert named[0] == f"{told.parts[0].name} {told.parts[0].share:.0%}"
    assert sum(part.share for part in told.parts[: len(named) - 1]) < 0.5


# --- What is usual ----------------------------------------------------------------------------------------------------


def test_of_the_errors_of_normal_samples_one_in_a_hundred_is_hot(image):
    usual, known = NormalErrors.of(image), image.data.calibration
    errors = error_maps(image.run, known.observed())
    assert np.mean(errors > usual.error) == pytest.approx(0.01, abs=1 / errors.size)
    parts = Partition.of(image.run.card.modality).sums(contributions(known.observed(), errors))
    assert np.all((parts > usual.parts).sum(axis=0) == 1)  # of 70 images: 99 % of them lie between the last two
    judged = explanation.by_position(image.run.card.modality, error_maps(image.run, image.data.judged.observed()))
    hot = (judged > usual.error).mean(axis=(1, 2))
    assert hot[image.data.odd].mean() > 3 * hot[~image.data.odd].mean()


# --- Ranks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["reconstruction", "knn-codes", "pca"])
def test_a_sample_has_its_score_p_value_and_rank(name, image):
    scored, usual = image.scored(name), NormalErrors.of(image)
    row = int(scored.judged.argmax())
    told = explain(image, name, image.data.judged.take(slice(row, row + 1)), usual)
    assert told.score == pytest.approx(scored.judged[row], rel=1e-5)
    assert told.p_value == p_values(scored.calibration, np.array([told.score]))[0] == 1 / 71
    assert told.below == 1 and told.rank_text == "odder than 100% of 70"


@pytest.mark.parametrize(
    ("share", "said"), [(69 / 70, "98.5%"), (1, "100%"), (0, "0%"), (0.9999, "99.9%"), (0.5, "50%"), (0.29, "29%")]
)
def test_a_share_is_rounded_down(share, said):
    assert percent(share) == said


def test_scores_have_three_figures():
    assert [score_text(value) for value in (0.1, 0, 999.9, 1e12)] == ["0.100", "0.00", "1,000", "1.00e+12"]


# --- Neighbours -------------------------------------------------------------------------------------------------------


def test_the_nearest_training_samples_are_those_of_brute_force(image):
    sample, train = image.data.judged.take(slice(5, 6)), image.data.train
    told = explain(image, "reconstruction", sample, NormalErrors.of(image))
    for near, own, known in (
        (told.by_code, encode(image.run, sample), encode(image.run, train)),
        (told.by_values, sample.to_float().reshape(1, -1), train.to_float().reshape(len(train), -1)),
    ):
        distances = cdist(own, known)[0]
        expected = np.sort(distances)[: explanation.N_NEIGHBOURS]
        assert [each.distance for each in near] == pytest.approx(expected, rel=1e-4)
        assert [distances[each.row] for each in near] == pytest.approx(expected, rel=1e-4)
        assert [each.label for each in near] == train.y[[each.row for each in near]].tolist()


def test_a_training_sample_is_its_own_neighbour(image):
    told = explain(image, "reconstruction", image.data.train.take(slice(9, 10)), NormalErrors.of(image))
    assert (told.by_values[0].row, told.by_values[0].distance) == (9, 0)
    assert told.by_code[0].row == 9 and told.by_code[0].distance == pytest.approx(0, abs=1e-4)


# --- Orders and marks -------------------------------------------------------------------------------------------------


def test_orders_hold_what_they_say(image):
    scores, odd = image.scored("reconstruction").judged, image.data.odd
    alarms = scores > np.quantile(scores[~odd], 0.9)
    highest = ranked("highest", scores, odd, alarms)
    assert np.all(np.diff(scores[highest]) <= 0) and len(highest) == len(scores)
    false_alarms, misses = (ranked(order, scores, odd, alarms) for order in ("false-alarms", "misses"))
    assert set(false_alarms) == set(np.flatnonzero(~odd & alarms)) and np.all(np.diff(scores[false_alarms]) <= 0)
    assert set(misses) == set(np.flatnonzero(odd & ~alarms)) and np.all(np.diff(scores[misses]) >= 0)
    shuffled = ranked("random", scores, odd, alarms, seed=3)
    assert sorted(shuffled) == list(range(len(scores))) and shuffled.tolist() != sorted(shuffled)
    assert np.array_equal(shuffled, ranked("random", scores, odd, alarms, seed=3))


def test_samples_keep_their_numbers_when_others_are_marked(image):
    marked = (3, 4, 100)
    left, test = Detector.of(image.run, "", marked), datasets.load("digits").test
    rows = judged_rows(len(left.data.judged), marked)
    assert np.array_equal(left.data.judged.x, test.x[rows]) and not set(marked) & set(rows.tolist())
    assert np.array_equal(left.data.calibration.x[-3:], test.x[list(marked)])


def test_a_marked_false_alarm_raises_the_threshold_and_lowers_the_rank_of_others(image):
    scores, odd = image.scored("reconstruction").judged, image.data.odd
    worst = int(np.where(odd, -np.inf, scores).argmax())
    left = Detector.of(image.run, "", (worst,))
    row = int(scores.argmax())
    at = int(np.flatnonzero(judged_rows(len(left.data.judged), (worst,)) == row)[0])
    before = explain(image, "reconstruction", image.data.judged.take(slice(row, row + 1)), NormalErrors.of(image))
    after = explain(left, "reconstruction", left.data.judged.take(slice(at, at + 1)), NormalErrors.of(left))
    assert after.n_calibration == before.n_calibration + 1 and after.score == pytest.approx(before.score)
    assert left.scored("reconstruction").calibration.max() >= image.scored("reconstruction").calibration.max()


def test_verdicts_name_the_four_cases():
    assert [verdict(odd, alarm).split(":")[0] for odd in (True, False) for alarm in (True, False)] == [
        "found", "missed", "false alarm", "normal and no alarm",
    ]  # fmt: skip


def test_cells_are_read_in_their_own_units():
    table = Table((Column("n", mean=10, std=2, decimals=1), Column("c", "category", categories=("x", "y"))), True)
    assert readable(table, np.array([1.5, 0.1, 0.9], np.float32)) == {"n": "13.0", "c": "y"}
    assert readable(table, np.array([np.nan, 0.1, 0.9], np.float32))["n"] == "missing"
    assert readable(Vector(("p",), (1.0,), (2.0,)), np.array([3.0])) == {"p": "7"}
    assert readable(Image(1, 2, 2), np.zeros((1, 2, 2))) == {}
