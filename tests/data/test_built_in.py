"""The built-in tables, series and points: what their cards say, and the causes that they are drawn with."""

import json

import numpy as np
import pytest

from aecore.data import built_in, datasets, simulated
from aecore.data.cards import BUILT_IN
from aecore.data.standardisation import FILE
from benchmarks import standardisation

OFFLINE = [name for name, card in BUILT_IN.items() if not card.download_bytes]
OTHERS = [name for name in OFFLINE if BUILT_IN[name].modality.kind != "image"]
STANDARDISED = [name for name in OTHERS if not BUILT_IN[name].modality.bounded]


@pytest.mark.parametrize("name", OFFLINE)
def test_a_built_in_set_is_what_its_card_says(name):
    data, card = datasets.load(name), BUILT_IN[name]
    splits = {"train": card.n_train, "validation": card.n_validation, "test": card.n_test}
    for part, count in splits.items():
        split = getattr(data, part)
        assert split.x.shape == (count, *card.shape) and split.modality == card.modality
        assert set(split.y) <= set(range(len(card.classes)))
    assert set(data.train.y) == set(range(len(card.classes)))
    assert card.network in card.modality.networks and card.likelihood in card.modality.likelihoods


@pytest.mark.parametrize("name", OTHERS)
def test_no_sample_is_in_two_splits(name):
    data = datasets.load(name)
    rows = [{each.tobytes() for each in getattr(data, part).x} for part in ("train", "validation", "test")]
    assert not rows[0] & rows[2] and not rows[0] & rows[1] and not rows[1] & rows[2]


@pytest.mark.parametrize("name", STANDARDISED)
def test_training_samples_are_standardised_by_themselves_alone(name):
    card = BUILT_IN[name]
    found = standardisation.statistics(name, card.n_test, card.n_validation)
    kept = json.loads(FILE.read_text())[name]
    for part in ("mean", "std"):
        np.testing.assert_allclose(found[part], kept[part], rtol=1e-4, atol=1e-6)


def test_the_roll_is_unrolled_by_its_radius():
    x, label = simulated.swiss_roll(np.random.RandomState(1))
    t = simulated.unrolled_swiss_roll(x)
    assert 1.4 * np.pi < t.min() and t.max() < 4.6 * np.pi
    assert np.bincount(label).tolist() == [500] * 4


def test_pressure_follows_the_load_but_where_it_is_broken():
    x, label = built_in.raw("machine")
    lagged = [np.corrcoef(each[:-8, 0], each[8:, 1])[0, 1] for each in x]
    assert np.median(np.array(lagged)[label == 0]) > 0.95 and np.median(np.abs(np.array(lagged)[label == 2])) < 0.6
    climb = x[:, -20:, 0].mean(1) - x[:, :20, 0].mean(1)
    assert climb[label == 1].mean() > 5 and abs(climb[label == 0].mean()) < 1


def test_wide_beats_are_wide_and_early_ones_early():
    x, label = built_in.raw("heartbeats")
    assert x.shape == (3000, 140, 1)
    tallest = x[:, :, 0].argmax(1)
    over_half = (x[:, :, 0] > x[:, :, 0].max(1, keepdims=True) / 2).sum(1)
    of = {name: label == at for at, name in enumerate(simulated.BEAT_CLASSES)}
    assert tallest[of["early"]].mean() < tallest[of["normal"]].mean() - 10
    assert over_half[of["wide"]].mean() > 2 * over_half[of["normal"]].mean()


@pytest.fixture(scope="module")
def moving():
    return datasets.load("moving-digits")


def _digit_of(sequences: np.ndarray) -> list[bytes]:
    """The digit of each sequence, from where it lies in the first frame: 8 x 8 pixels about what is not black."""
    found = []
    for first in sequences[:, 0]:
        down, across = np.nonzero(first)
        found.append(first[down.min() : down.max() + 1, across.min() : across.max() + 1].tobytes())
    return found


def test_no_digit_that_moves_is_in_two_splits(moving):
    train, validation, test = (set(_digit_of(split.x)) for split in (moving.train, moving.validation, moving.test))
    assert not train & validation and not train & test and not validation & test
    digits = datasets.load("digits")
    for part, seen in (("train", train), ("validation", validation), ("test", test)):
        assert seen <= set(_digit_of(getattr(digits, part).x)), "each is made of the digits of its own split"


def test_a_digit_moves_straight_ahead_and_bounces_off_the_walls(moving):
    """Its centre of mass is where a billiard ball on a table of 8 x 8 pixels would be, played by steps of one pixel."""
    split, room = moving.train.head(300), simulated.VIDEO_SIDE - 8
    assert moving.factor_names == ("digit", *simulated.MOTION_FACTORS)
    x = split.x.astype(float)
    mass = x.sum((2, 3))
    assert (mass == mass[:, :1]).all(), "all of it is seen at every moment"
    places = np.arange(simulated.VIDEO_SIDE)
    centre = np.stack([(x.sum(2) @ places) / mass, (x.sum(3) @ places) / mass], 2)  # [N, T, (x, y)]
    bounces = 0
    for (label, *start_and_speed), seen in zip(split.factors, centre, strict=True):
        at, speed = np.array(start_and_speed[:2]), np.array(start_and_speed[2:]) - simulated.MAX_SPEED
        assert 0 <= label <= 9 and np.abs(speed).max() > 0
        path = [at.copy()]
        for _ in range(1, simulated.VIDEO_FRAMES):
            direction = np.sign(speed)
            for axis in (0, 1):
                for _ in range(abs(speed[axis])):
                    if not 0 <= at[axis] + direction[axis] <= room:
                        direction[axis] *= -1
                        bounces += 1
                    at[axis] += direction[axis]
                speed[axis] = direction[axis] * abs(speed[axis])
            path.append(at.copy())
        assert np.min(path) >= 0 and np.max(path) <= room
        np.testing.assert_allclose(seen - seen[0], np.array(path) - path[0], atol=1e-9)
    assert bounces > 300


def test_every_start_and_every_velocity_but_none_at_all_is_drawn():
    frames, motion = simulated.moving_digits(np.full((5000, 8, 8), 16, np.uint8), np.random.RandomState(0))
    assert frames.dtype == np.uint8 and len(np.unique(motion[:, :2], axis=0)) == 81
    velocities, counts = np.unique(motion[:, 2:], axis=0, return_counts=True)
    assert len(velocities) == 24 and (velocities != simulated.MAX_SPEED).any(1).all()
    assert abs(counts - 5000 / 24).max() < 5 * np.sqrt(5000 / 24)  # five standard deviations of a fair draw
