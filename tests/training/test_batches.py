"""Batches from memory and from files: the same samples in the same order, and the same weights."""

import itertools

import numpy as np
import pytest
import torch

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.data.datasets import Dataset, Split, load
from aecore.models.families.build import build_recipe, resolve_config
from aecore.training import batches, loop
from aecore.training.batches import DeviceDataset, StreamedDataset
from aecore.training.loop import fit
from aecore.training.state import TrainState

CPU = torch.device("cpu")
CONFIG = Config(family="denoising", hidden_sizes=(8,), epochs=2, batch_size=16)


def _in_file(split: Split, folder, name: str) -> Split:
    np.save(folder / f"{name}.npy", split.x)
    return Split(np.load(folder / f"{name}.npy", mmap_mode="r"), split.y, split.max_value, kind=split.modality)


@pytest.fixture
def streamed(tmp_path, monkeypatch):
    """200 digits in a file, and in memory."""
    monkeypatch.setattr(batches, "MAX_IN_MEMORY", 0)
    data = load("digits")
    few = Dataset(data.card, data.train.head(200), data.validation, data.test)
    return few, Dataset(data.card, _in_file(few.train, tmp_path, "train"), few.validation, few.test)


def test_a_file_gives_the_batches_that_memory_gives(streamed):
    inside, outside = (DeviceDataset.from_split(each.train, CPU) for each in streamed)
    assert isinstance(inside, DeviceDataset) and isinstance(outside, StreamedDataset) and len(outside) == 200
    order = torch.randperm(200, generator=torch.Generator().manual_seed(3))
    for first in (0, 5):
        pairs = list(itertools.zip_longest(*(each.batches(order, 32, first) for each in (inside, outside))))
        assert len(pairs) == 7 - first
        for (x, y), (other_x, other_y) in pairs:
            assert x.dtype == torch.float32 and torch.equal(x, other_x) and torch.equal(y, other_y)


def test_a_small_file_is_read_into_memory(streamed, monkeypatch):
    monkeypatch.setattr(batches, "MAX_IN_MEMORY", 1 << 20)
    found = DeviceDataset.from_split(streamed[1].train, CPU)
    assert isinstance(found, DeviceDataset) and torch.equal(found.x, torch.from_numpy(streamed[0].train.x))


def test_who_stops_in_the_middle_leaves_no_reader_behind(streamed):
    import threading

    given = DeviceDataset.from_split(streamed[1].train, CPU).batches(torch.arange(200), 16)
    next(given)
    given.close()
    assert not [each for each in threading.enumerate() if each.name.startswith("read-ahead")]


def test_training_from_a_file_gives_the_weights_of_memory_and_goes_on_in_the_middle_of_an_epoch(
    streamed, monkeypatch, tmp_path
):
    monkeypatch.setattr(loop, "REPORT_EVERY", 0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0)
    config = resolve_config(CONFIG)

    def trained(data: Dataset, stop: int = 0):
        recipe = build_recipe(config)
        state = TrainState(recipe, config, CPU)
        for _ in itertools.islice(fit(recipe, data, config, CPU, state), stop or None):
            pass
        return recipe.model.state_dict(), state

    whole, _ = trained(streamed[0])
    _, state = trained(streamed[1], stop=5)
    assert state.epoch == 0 and 0 < state.step < 13  # in the middle of the first epoch
    (tmp_path / "checkpoint").write_bytes(state.save())
    recipe = build_recipe(config)
    again = TrainState(recipe, config, CPU)
    again.load(tmp_path / "checkpoint")
    list(fit(recipe, streamed[1], config, CPU, again))
    assert all(torch.equal(each, recipe.model.state_dict()[name]) for name, each in whole.items())


def test_missing_values_reach_the_loss_as_nan(tmp_path, monkeypatch):
    monkeypatch.setattr(batches, "MAX_IN_MEMORY", 0)
    x = np.array([[0.5, np.nan], [1.0, 2.0]], np.float32)
    split = _in_file(Split(x, np.zeros(2, np.int64), 1, kind=CARDS["moons"].modality), tmp_path, "gaps")
    got, _ = DeviceDataset.from_split(split, CPU).batch(torch.tensor([1, 0]))
    assert torch.equal(got[0], torch.tensor([1.0, 2.0])) and got[1].isnan().tolist() == [False, True]
