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


@pytest.mark.parametrize("name", OTHERS)
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
