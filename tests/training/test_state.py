"""A position: a training that is put aside in the middle of an epoch and taken up elsewhere ends as if it had not been.

Everything here is compared bit for bit: one processor, one thread, the same order of the same operations.
"""

import dataclasses
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from aecore.config import Config
from aecore.data.datasets import Dataset, Split, load
from aecore.errors import UserError
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.recipe import Recipe
from aecore.training import loop, state
from aecore.training.loop import Progress, fit
from aecore.training.state import TrainState

CPU = torch.device("cpu")
EPOCHS = 3
ELSEWHERE = 7  # a seed: what is loaded into must not matter


@pytest.fixture(autouse=True)
def _reports_at_every_step(monkeypatch):
    """`fit` then yields after each step, so that a test can stop at any."""
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0.0)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """200 digits in batches of 32 are 7 steps an epoch, the last of 8 images."""
    whole = load("digits")

    def few(split: Split, count: int) -> Split:
        return Split(split.x[:count], split.y[:count], split.max_value)

    return Dataset(whole.card, few(whole.train, 200), few(whole.validation, 60), few(whole.test, 60))


def _config(**said) -> Config:
    usual = {"family": "vanilla", "hidden_sizes": (16,), "latent_dim": 4, "epochs": EPOCHS, "batch_size": 32}
    return resolve_config(Config(**usual | said))


def _weights(recipe: Recipe) -> dict[str, Tensor]:
    """Everything that trains or is kept beside it, critics and codebooks included."""
    return {name: each.clone() for name, each in recipe.modules.state_dict().items()}


def _told(reports: list[Progress]) -> list[dict]:
    """All that a training says, its clock aside."""
    apart = ("seconds", "samples_per_second")
    return [{name: v for name, v in dataclasses.asdict(each).items() if name not in apart} for each in reports]


def _undisturbed(config: Config, data: Dataset) -> tuple[Recipe, list[Progress]]:
    recipe = build_recipe(config)
    return recipe, list(fit(recipe, data, config, CPU))


def _put_aside(config: Config, data: Dataset, stops: list[int], file: Path) -> tuple[Recipe, list[Progress]]:
    """Trains, but after each of so many reports saves, forgets everything, and goes on from the file."""
    recipe, reports = build_recipe(config), []
    at = TrainState(recipe, config, CPU)
    for stop in stops:
        training = fit(recipe, data, config, CPU, at)
        while len(reports) < stop:
            reports.append(next(training))
        file.write_bytes(at.save())
        training.close()
        torch.manual_seed(999)  # nor may the state of the process matter
        recipe = build_recipe(dataclasses.replace(config, seed=ELSEWHERE))
        at = TrainState(recipe, config, CPU)
        at.load(file)
    reports += fit(recipe, data, config, CPU, at)
    return recipe, reports


def _same(config: Config, data: Dataset, stops: list[int], file: Path) -> list[Progress]:
    whole, said = _undisturbed(config, data)
    parts, told = _put_aside(config, data, stops, file)
    assert _told(told) == _told(said)
    expected, found = _weights(whole), _weights(parts)
    assert expected.keys() == found.keys()
    for name, weight in expected.items():
        assert torch.equal(found[name], weight), name
    assert told[-1].seconds > 0 and [each.seconds for each in told] == sorted(each.seconds for each in told)
    return told


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_goes_on_as_if_nothing_had_happened(family, digits, tmp_path):
    """Put aside in the first epoch, at its end, in the second, and in the third: stages and critics are all met."""
    told = _same(_config(family=family), digits, [3, 7, 10, 19], tmp_path / "checkpoint")
    assert len(told) == 7 * EPOCHS and told[2].validation is None and told[6].validation is not None
    assert told[-1].fraction == 1 and all(each.grad_norm > 0 for each in told)


VARIANTS = {
    "rmsprop": {"optimiser": "rmsprop", "lr": 0.001},
    "sgd": {"optimiser": "sgd", "lr": 0.01},
    "weight decay": {"weight_decay": 0.1},
    "dropout": {"dropout": 0.3},
    "grad_clip_norm": {"grad_clip_norm": 0.5},
    "patience": {"patience": 1, "schedule": "constant", "lr": 0.2, "epochs": 12},
    "conv": {"network": "conv", "hidden_sizes": (4, 8)},
    "bfloat16": {"precision": "bfloat16"},
    "one batch an epoch": {"batch_size": 200},
    "critic with rmsprop": {
        "family": "aae",
        "optimiser": "rmsprop",
        "lr": 0.001,
        "dropout": 0.2,
        "grad_clip_norm": 1.0,
    },
    "stages with sgd": {"family": "stacked", "optimiser": "sgd", "lr": 0.01, "hidden_sizes": (16, 8)},
}


@pytest.mark.parametrize("said", VARIANTS.values(), ids=VARIANTS)
def test_each_choice_of_the_training_goes_on_as_if_nothing_had_happened(said, digits, tmp_path):
    config = _config(**said)
    told = _same(config, digits, [1, 2] if config.batch_size == 200 else [5, 11], tmp_path / "checkpoint")
    if config.patience:
        assert told[-1].epoch < config.epochs  # it did stop early, and the best weights came through


def test_early_stopping_remembers_the_best_weights_from_before_it_was_put_aside(digits, tmp_path):
    """Put aside after the best epoch and before the one that gives up."""
    config = _config(patience=3, schedule="constant", lr=0.2, epochs=20)
    _, said = _undisturbed(config, digits)
    losses = [sum(each.validation.values()) for each in said if each.validation is not None]
    assert losses.index(min(losses)) == len(losses) - 4
    _same(config, digits, [len(said) - 8], tmp_path / "checkpoint")


def test_saving_changes_nothing(digits):
    config = _config(family="aae", dropout=0.2)
    recipe = build_recipe(config)
    at = TrainState(recipe, config, CPU)
    told = []
    for report in fit(recipe, digits, config, CPU, at):
        at.save()
        told.append(report)
    whole, said = _undisturbed(config, digits)
    assert _told(told) == _told(said)
    assert all(torch.equal(_weights(recipe)[name], weight) for name, weight in _weights(whole).items())


def test_what_is_loaded_is_saved_again_byte_for_byte(digits, tmp_path):
    config = _config(family="vq-vae", patience=2)
    recipe = build_recipe(config)
    at = TrainState(recipe, config, CPU)
    for number, _ in enumerate(fit(recipe, digits, config, CPU, at)):
        if number == 9:
            break
    (tmp_path / "checkpoint").write_bytes(at.save())
    other = TrainState(build_recipe(dataclasses.replace(config, seed=ELSEWHERE)), config, CPU)
    other.load(tmp_path / "checkpoint")
    assert other.save() == at.save()


def _checkpoint(config: Config, data: Dataset) -> bytes:
    recipe = build_recipe(config)
    at = TrainState(recipe, config, CPU)
    next(fit(recipe, data, config, CPU, at))
    return at.save()


DAMAGES = {
    "empty": lambda whole: b"",
    "cut short": lambda whole: whole[: len(whole) // 2],
    "cut in the header": lambda whole: whole[:50],
    "noise": lambda whole: bytes(range(256)) * 20,
    "zeros": lambda whole: bytes(len(whole)),
    "one byte more": lambda whole: whole + b"x",
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_checkpoint_is_said(damage, digits, tmp_path):
    config = _config()
    (tmp_path / "checkpoint").write_bytes(damage(_checkpoint(config, digits)))
    with pytest.raises(UserError, match="checkpoint cannot be read"):
        TrainState(build_recipe(config), config, CPU).load(tmp_path / "checkpoint")


FOREIGN = {
    "another width": {"hidden_sizes": (8,)},
    "another size": {"latent_dim": 5},
    "another family": {"family": "aae"},
}


@pytest.mark.parametrize("other", FOREIGN.values(), ids=FOREIGN)
def test_a_checkpoint_of_other_settings_is_said(other, digits, tmp_path):
    (tmp_path / "checkpoint").write_bytes(_checkpoint(_config(), digits))
    config = _config(**other)
    with pytest.raises(UserError, match="checkpoint cannot be read"):
        TrainState(build_recipe(config), config, CPU).load(tmp_path / "checkpoint")


def test_no_checkpoint_and_one_without_a_position_are_said(tmp_path):
    from safetensors.torch import save

    config = _config()
    at = TrainState(build_recipe(config), config, CPU)
    with pytest.raises(UserError, match="checkpoint cannot be read"):
        at.load(tmp_path / "nothing")
    (tmp_path / "weights").write_bytes(save({"w": torch.zeros(3)}))
    with pytest.raises(UserError, match="checkpoint cannot be read"):
        at.load(tmp_path / "weights")


def test_a_random_state_of_ones_own_leaves_the_processs_alone():
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    chance = state.RngState(5, CPU)
    with chance:
        first = torch.rand(2)
    assert torch.equal(torch.rand(3), expected)
    with chance:
        second = torch.rand(2)
    torch.manual_seed(5)
    assert torch.equal(torch.cat([first, second]), torch.cat([torch.rand(2), torch.rand(2)]))


@pytest.mark.parametrize("at", [0.5, 0.9, 0.999])
def test_a_checkpoint_with_a_flipped_bit_is_refused(at, tmp_path):
    """Wherever it lies: in the order of the images it would end every training that goes on from there."""
    config = resolve_config(Config(family="vanilla", hidden_sizes=(8,), epochs=2))
    position = TrainState(build_recipe(config), config, CPU)
    position.permutation = torch.randperm(1000)
    content = bytearray(position.save())
    (tmp_path / "whole").write_bytes(content)
    TrainState(build_recipe(config), config, CPU).load(tmp_path / "whole")
    content[int(at * len(content))] ^= 4
    (tmp_path / "flipped").write_bytes(content)
    with pytest.raises(UserError, match="its checksum is another"):
        TrainState(build_recipe(config), config, CPU).load(tmp_path / "flipped")


def test_what_is_no_file_is_no_checkpoint(tmp_path):
    config = resolve_config(Config(family="vanilla", hidden_sizes=(8,), epochs=2))
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(UserError, match="named pipe"):
        TrainState(build_recipe(config), config, CPU).load(tmp_path / "fifo")
