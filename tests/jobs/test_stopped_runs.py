"""A run that was stopped is a model: opened from its checkpoint, never taken for a finished one, and trained on."""

import dataclasses
import json

import numpy as np
import pytest
import torch

from aecore.analysis import evaluation, loaded
from aecore.config import Config
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.jobs import worker
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store import history, runs
from aecore.store.writer import RunWriter
from aecore.training import loop
from aecore.training.state import TrainState

SMALL = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=5, batch_size=256))
ADVERSARIAL = resolve_config(
    presets.default_config("digits", family="aae", hidden_sizes=(16,), epochs=5, batch_size=256)
)


@pytest.fixture(autouse=True)
def _store(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))


def stopped(config: Config, epochs: int) -> None:
    """Trains until so many epochs have ended, and stops there."""
    training = worker.run_training(config)
    next(each for each in training if each.validation is not None and each.epoch == epochs)
    training.close()


@pytest.mark.parametrize("config", [SMALL, ADVERSARIAL], ids=["vae", "adversarial"])
def test_a_stopped_run_is_the_model_of_the_epoch_that_it_says(config):
    """Its validation losses, a discriminator's among them, are those that the history has of that epoch."""
    stopped(config, 2)
    entry, run = runs.entry(config.id), loaded.load(config.id, allow_stopped=True)
    assert entry.stopped_early and entry.explorable and not entry.finished
    assert entry.epochs_text == "after 2 of 5 epochs" and run.stopped_after == 2
    validation = loop.DeviceDataset.from_split(load("digits").validation, torch.device("cpu"))
    found = loop.evaluate(loaded.restore_recipe(run), validation, config)
    assert found == pytest.approx(history.history(config.id)[-1]["validation"], rel=1e-5)
    # numbers of a finished run are not there to be taken for its own
    assert not {"mse", "test", "checkup"} & set(run.result) and set(run.result["train"]) <= set(found)
    assert set(evaluation.test_losses(run, load("digits"))) == set(found)


def test_it_decodes_as_the_weights_in_its_checkpoint_do():
    stopped(SMALL, 1)
    state = TrainState(build_recipe(SMALL), SMALL, torch.device("cpu"))
    state.load(RunWriter(SMALL).checkpoint)
    run, codes = loaded.load(SMALL.id, allow_stopped=True), np.eye(2, dtype=np.float32)
    expected = state.recipe.model.eval().decode_mean(torch.from_numpy(codes), None).detach().clip(0, 1)
    np.testing.assert_array_equal(run.decode(codes), expected)


def test_only_who_asks_for_it_gets_one_and_nobody_before_an_epoch():
    stopped(SMALL, 1)
    with pytest.raises(UserError, match=r"Stopped after 1 of 5 epochs"):
        loaded.load(SMALL.id)
    early = dataclasses.replace(SMALL, seed=1, batch_size=1)  # an epoch takes longer than the time between two yields
    training = worker.run_training(early)
    next(training)
    training.close()
    entry = runs.entry(early.id)
    assert entry.has_checkpoint and entry.checkpoint_epochs == 0 and not entry.explorable and not entry.epochs_text
    with pytest.raises(UserError, match="cannot be opened"):
        loaded.load(early.id, allow_stopped=True)


def test_trained_on_it_is_no_model_until_it_rests_again_and_then_another_one():
    stopped(SMALL, 1)
    first = loaded.load(SMALL.id, allow_stopped=True)
    training = worker.run_training(SMALL)
    next(training)
    assert not runs.entry(SMALL.id).explorable
    with pytest.raises(UserError, match="still training"):
        loaded.load(SMALL.id, allow_stopped=True)
    training.close()
    again = loaded.load(SMALL.id, allow_stopped=True)
    assert again.result["created"] > first.result["created"]  # no cache takes one for the other
    list(worker.run_training(SMALL))
    finished = loaded.load(SMALL.id, allow_stopped=True)
    assert finished.stopped_after is None and finished.result["mse"] and runs.entry(SMALL.id).epochs_text == ""


def test_training_that_goes_on_while_it_is_opened_is_said(monkeypatch):
    stopped(SMALL, 1)
    restore = loaded.restore_weights

    def slow(recipe, file):
        epochs = restore(recipe, file)
        RunWriter(SMALL).request()
        return epochs

    monkeypatch.setattr(loaded, "restore_weights", slow)
    with pytest.raises(UserError, match="goes on"):
        loaded.load(SMALL.id, allow_stopped=True)


@pytest.mark.parametrize("content", [b"", b"{}", bytes(200)], ids=["empty", "short", "zeros"])
def test_a_spoilt_checkpoint_is_no_model(content):
    stopped(SMALL, 1)
    RunWriter(SMALL).checkpoint.write_bytes(content)
    assert not runs.entry(SMALL.id).explorable
    with pytest.raises(UserError):
        loaded.load(SMALL.id, allow_stopped=True)


def test_a_checkpoint_that_was_changed_is_not_shown():
    stopped(SMALL, 1)
    file = RunWriter(SMALL).checkpoint
    content = bytearray(file.read_bytes())
    header = 8 + int.from_bytes(content[:8], "little")
    content[header + 400] ^= 1  # a bit of the tensors
    file.write_bytes(content)
    with pytest.raises(UserError, match="checksum"):
        loaded.load(SMALL.id, allow_stopped=True)
    said = json.loads(content[8:header])["__metadata__"]
    assert json.loads(said["train_state"])["epoch"] == 1  # the header alone does not tell
