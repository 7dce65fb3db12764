"""Vitals: what is noted of a model on its way through held-out images."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from aecore.analysis import loaded
from aecore.analysis.diagnosis.checkup import checkup, effective_code_size
from aecore.config import Config
from aecore.data.datasets import load
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.latents import GaussianLatent, Latent, Quantized, SparseLatent
from aecore.models.likelihoods import Gaussian, ScaledTo255
from aecore.store import history, runs
from aecore.training.loop import DeviceDataset, evaluate, fit
from aecore.training.signals import TrainingSignals, identical_units

CPU = torch.device("cpu")
QUICK = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=2))


def seen(config: Config, trained_first: bool = False) -> dict:
    """The vitals of a model of these settings on the validation digits."""
    data, recipe = load("digits"), build_recipe(resolve_config(config))
    if trained_first:
        list(fit(recipe, data, resolve_config(config), CPU))
    noted = TrainingSignals()
    parts = evaluate(recipe, DeviceDataset.from_split(data.validation, CPU), resolve_config(config), noted.update)
    return noted.compute(recipe.model) | {"parts": parts}


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_vitals_of_its_kind(family):
    config = resolve_config(presets.default_config("digits", family=family, hidden_sizes=(8,), latent_dim=3))
    said = seen(config)
    latent = build_recipe(config).model.encode(torch.zeros(2, 1, 8, 8))
    names = {"std"}
    names |= {"kl", "sigma"} if isinstance(latent, GaussianLatent) else set()
    names |= {"active_rate", "sparsity_by_design"} if isinstance(latent, SparseLatent) else set()
    names |= {"usage"} if isinstance(latent, Quantized) else set()
    assert said["code"].keys() == names
    assert all(math.isfinite(number) for row in said["code"].values() for number in row)
    assert len(said["code"]["std"]) == latent.code.shape[1]
    assert 0 <= said["saturated_wrong"] <= 1
    assert said["out_of_support"] == 0


def test_the_kl_of_all_numbers_is_the_part_of_the_loss():
    said = seen(QUICK, trained_first=True)
    assert sum(said["code"]["kl"]) == pytest.approx(said["parts"]["kl"], rel=1e-4)


def test_a_decoder_that_says_nothing_has_ln_2_for_each_pixel_of_a_bernoulli():
    assert seen(QUICK)["constant_output_nll"] == pytest.approx(64 * math.log(2), rel=1e-5)
    averaged = dataclasses.replace(QUICK, reduction="mean")
    assert seen(averaged)["constant_output_nll"] == pytest.approx(math.log(2), rel=1e-5)


def test_pixels_that_a_bernoulli_cannot_say_are_counted():
    share = float((255 * load("digits").validation.to_float() > 1).mean())
    assert 0.4 < share < 0.6  # a digit fills about half of its frame
    assert seen(dataclasses.replace(QUICK, pixel_range="0 to 255"))["out_of_support"] == pytest.approx(share, rel=1e-5)
    assert seen(dataclasses.replace(QUICK, pixel_range="0 to 255", likelihood="gaussian"))["out_of_support"] == 0


def test_a_likelihood_of_bytes_asks_about_255_and_answers_in_1():
    raw, x = torch.tensor([[51.0]]), torch.tensor([[0.2]])
    asked = ScaledTo255(Gaussian())
    assert float(asked.nll(raw, x)) == pytest.approx(0, abs=1e-6)
    assert float(asked.mean(raw)) == pytest.approx(0.2)


def test_equal_units_are_found_in_dense_and_convolutional_layers():
    assert identical_units(torch.nn.Linear(3, 4)) == pytest.approx(1 / 4)
    assert identical_units(torch.nn.Linear(3, 1)) == 0  # one unit has nobody to be like
    for layer in (torch.nn.Linear(3, 4), torch.nn.Conv2d(2, 4, 3), torch.nn.ConvTranspose2d(2, 4, 3)):
        torch.nn.init.constant_(layer.weight, 0.5)
        assert identical_units(torch.nn.Sequential(torch.nn.Linear(2, 2), layer)) == 1


def test_wrong_certainty_is_saturation():
    class Certain(torch.nn.Module):
        def forward(self, z):
            return torch.full((len(z), 1, 8, 8), 100.0)  # white everywhere

    recipe, noted = build_recipe(QUICK), TrainingSignals()
    recipe.model.decoder = Certain()
    pictures = DeviceDataset.from_split(load("digits").validation, CPU)
    evaluate(recipe, pictures, QUICK, noted.update)
    dark = float((load("digits").validation.to_float() < 0.5).mean())
    assert noted.compute(recipe.model)["saturated_wrong"] == pytest.approx(dark, rel=1e-5)


def test_units_and_vectors_are_counted_as_they_are_used():
    codes = torch.tensor([[0.0, 1.0, 2.0], [0.0, 0.0, 3.0]])
    assert SparseLatent(codes, codes, 0.25).signals()["active_rate"].tolist() == [0, 0.5, 1]
    taken = torch.tensor([[5, 5], [5, 0]])
    latent = Quantized(codes, codes, codes, codes, taken, 8)
    assert latent.signals()["usage"].tolist() == [0.75, 0.25]
    assert Latent(codes, codes).signals()["std"].tolist() == [0, 0.5, 0.5]


def test_looking_changes_nothing_of_the_loss_and_draws_nothing():
    recipe, pictures = build_recipe(QUICK), DeviceDataset.from_split(load("digits").validation, CPU)
    torch.manual_seed(3)
    plain = evaluate(recipe, pictures, QUICK)
    state = torch.get_rng_state()
    assert evaluate(recipe, pictures, QUICK, TrainingSignals().update) == plain
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("training", [True, False])
def test_a_look_leaves_a_model_in_the_mode_it_was_in(training):
    recipe = build_recipe(dataclasses.replace(QUICK, dropout=0.5))
    recipe.modules.train(training)
    evaluate(recipe, DeviceDataset.from_split(load("digits").validation, CPU), QUICK)
    assert recipe.model.training == training


# --- The checkup ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checkup_made_again_from_the_weights_says_the_same(family, monkeypatch, tmp_path):
    """Also of an adversary, whose weights are kept for that."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    config = resolve_config(
        presets.default_config("digits", family=family, hidden_sizes=(8,), latent_dim=3, epochs=1, dropout=0.1)
    )
    list(run_training(config))
    entry = runs.entry(config.id)
    assert checkup(loaded.load(config.id), load("digits")) == entry.result["checkup"]
    assert entry.result["checkup"]["validation"] == entry.result["validation"]
    assert (runs.path(config.id) / runs.AUXILIARY_FILE).exists() == bool(len(build_recipe(config).auxiliary_modules))


def test_an_adversary_that_was_changed_is_refused_in_a_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    config = resolve_config(presets.default_config("digits", family="aae", hidden_sizes=(8,), epochs=1))
    list(run_training(config))
    file = runs.path(config.id) / runs.AUXILIARY_FILE
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(loaded.UserError, match="was changed"):
        checkup(loaded.load(config.id), load("digits"))


def test_a_sparse_code_is_compared_with_as_many_numbers_as_it_uses():
    assert effective_code_size(2, {"active_rate": [1.0, 0.5, 0.5, 0.0]}) == 2
    assert effective_code_size(2, {"active_rate": [0.0, 0.0]}) == 1
    assert effective_code_size(2, {"std": [1.0, 1.0]}) == 2


def test_every_epoch_of_a_history_has_its_vitals(monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    list(run_training(QUICK))
    lines = history.history(QUICK.id)
    assert [len(line["signals"]["code"]["kl"]) for line in lines] == [2, 2]
    assert lines[-1]["signals"]["code"] == runs.entry(QUICK.id).result["checkup"]["code"]
    assert np.isclose(lines[-1]["signals"]["constant_output_nll"], 64 * math.log(2), rtol=1e-5)
