"""Choices of the training that every family shares: optimisers, decay, dropout, clipping, early stopping, first
weights. Each does what its one sentence in the form says."""

import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from aecore.analysis import loaded
from aecore.config import Config
from aecore.data.datasets import Dataset, Split, load
from aecore.jobs import worker
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.networks import INITIALISATIONS, NetworkFactory
from aecore.models.recipe import Recipe
from aecore.params import params_of
from aecore.store import history
from aecore.training import loop
from aecore.training.loop import DeviceDataset, Progress, evaluate, fit

CPU = torch.device("cpu")
CONFIG_PARAMS = {param.name: param for param in params_of(Config)}
OPTIMISERS = {"adam": 0.004, "rmsprop": 0.001, "sgd": 0.01}  # each with a rate that suits it


def _few(split: Split, count: int) -> Split:
    return Split(split.x[:count], split.y[:count], split.max_value)


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """300 digits to train on and 100 to hold out: enough to see what a choice does."""
    whole = load("digits")
    return Dataset(whole.card, _few(whole.train, 300), _few(whole.validation, 100), _few(whole.test, 100))


def _config(**said) -> Config:
    return resolve_config(
        Config(**{"family": "vanilla", "hidden_sizes": (32,), "latent_dim": 8, "epochs": 6, "batch_size": 32} | said)
    )


def _fit(config: Config, data: Dataset) -> tuple[Recipe, list[Progress]]:
    recipe = build_recipe(config)
    return recipe, list(fit(recipe, data, config, CPU))


def _flat(module: nn.Module) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in module.parameters()])


# Optimisers


def test_the_optimisers_of_the_form_are_tested_here():
    assert set(CONFIG_PARAMS["optimiser"].choices) == set(OPTIMISERS)
    assert set(CONFIG_PARAMS["initialisation"].choices) == set(INITIALISATIONS)


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_each_optimiser_trains_and_the_same_seed_gives_the_same_weights(optimiser, digits):
    config = _config(optimiser=optimiser, lr=OPTIMISERS[optimiser], epochs=15)
    recipe, reports = _fit(config, digits)
    ends = [each.validation["reconstruction"] for each in reports if each.validation is not None]
    # untrained, every pixel costs about ln 2 = .69 nats, 44 an image; always answering the mean image costs 27
    assert ends[-1] < 28 and ends[-1] < ends[0]
    assert torch.equal(_flat(recipe.model), _flat(_fit(config, digits)[0].model))


def test_the_optimisers_go_different_ways(digits):
    ways = [_flat(_fit(_config(optimiser=each, lr=0.001, epochs=1), digits)[0].model) for each in OPTIMISERS]
    assert not any(torch.equal(a, b) for i, a in enumerate(ways) for b in ways[:i])


def _steps(config: Config, digits: Dataset, count: int = 4) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """Weights after each of the first steps on one batch, by the loop and by torch's own class written by hand."""
    data = replace(digits, train=_few(digits.train, 32))  # one batch: an epoch is a step, and ends in a report
    looped, recipe = [], build_recipe(config)
    for _ in fit(recipe, data, replace(config, epochs=count), CPU):
        looped.append(_flat(recipe.model))

    by_hand, recipe = [], build_recipe(config)
    makers = {
        "sgd": lambda p: torch.optim.SGD(p, config.lr, momentum=0.9, weight_decay=config.weight_decay),
        "rmsprop": lambda p: torch.optim.RMSprop(p, config.lr, weight_decay=config.weight_decay),
        "adam": lambda p: torch.optim.AdamW(p, config.lr, weight_decay=config.weight_decay),
    }
    optimiser = makers[config.optimiser](recipe.model.parameters())
    x, _ = DeviceDataset.from_split(data.train, CPU).batch(torch.arange(len(data.train)))
    for _ in range(count):
        optimiser.zero_grad()
        sum(recipe.objectives[0].loss(recipe.forward(x)).values()).backward()
        optimiser.step()
        by_hand.append(_flat(recipe.model))
    return looped, by_hand


@pytest.mark.parametrize("optimiser", OPTIMISERS)
@pytest.mark.parametrize("decay", [0.0, 0.1])
def test_each_optimiser_is_torchs(optimiser, decay, digits):
    lr = OPTIMISERS[optimiser] / 4
    config = _config(optimiser=optimiser, lr=lr, weight_decay=decay, schedule="constant")
    for ours, theirs in zip(*_steps(config, digits), strict=True):
        # batches are summed in another order: 1e-6 of a gradient. Where a gradient is about 0, Adam and RMSprop go by
        # its sign, so single weights may be a step apart; not one in a hundred is
        assert ((ours - theirs).abs() > 0.01 * lr).float().mean() < 0.01
        torch.testing.assert_close(ours, theirs, rtol=0, atol=10 * lr)


# Decay, clipping


@pytest.mark.parametrize("optimiser", OPTIMISERS)
def test_decay_shrinks_weights(optimiser, digits):
    norms = []
    for decay in (0.0, 0.1, 1.0):
        config = _config(optimiser=optimiser, lr=OPTIMISERS[optimiser], weight_decay=decay)
        norms.append(_flat(_fit(config, digits)[0].model).norm().item())
    assert norms[0] > norms[1] > norms[2]


def test_decay_of_adam_is_decoupled_from_its_gradient(digits):
    """Loshchilov & Hutter (2019): beside the same gradients each weight loses lr * decay of itself. One step."""
    config = _config(lr=0.01, epochs=1, batch_size=300, schedule="constant")
    before = _flat(build_recipe(config).model)
    plain, decayed = (_flat(_fit(replace(config, weight_decay=d), digits)[0].model) for d in (0.0, 0.5))
    torch.testing.assert_close(plain - decayed, 0.01 * 0.5 * before, atol=1e-6, rtol=1e-4)


def test_clipping_bounds_the_steps_of_sgd(digits, monkeypatch):
    """Momentum .9 adds up at most 1 + .9 + .81 + ... = 10 clipped gradients; the first step is one of them."""
    monkeypatch.setattr(loop, "REPORT_EVERY", 0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0)
    lr, clip = 0.001, 0.5
    config = _config(optimiser="sgd", lr=lr, grad_clip_norm=clip, epochs=2, schedule="constant")
    recipe = build_recipe(config)
    at, steps = _flat(recipe.model), []
    for _ in fit(recipe, digits, config, CPU):
        steps.append((_flat(recipe.model) - at).norm().item())
        at = _flat(recipe.model)
    assert len(steps) == 20
    assert steps[0] == pytest.approx(lr * clip, rel=1e-3)  # summed over pixels, gradients are longer
    bounds = [lr * clip * (1 - 0.9**n) / (1 - 0.9) for n in range(1, 21)]
    assert all(step <= bound * 1.001 for step, bound in zip(steps, bounds, strict=True))
    free, _ = _fit(replace(config, grad_clip_norm=0.0), digits)
    assert (_flat(free.model) - _flat(build_recipe(config).model)).norm() > 2 * (
        at - _flat(build_recipe(config).model)
    ).norm()


def test_a_clip_longer_than_every_gradient_changes_nothing(digits):
    a, b = (_fit(_config(grad_clip_norm=clip, epochs=2), digits)[0].model for clip in (0.0, 1000.0))
    assert torch.equal(_flat(a), _flat(b))


# Dropout


@pytest.mark.parametrize(("network", "hidden_sizes"), [("mlp", (32, 16)), ("conv", (4, 8))])
def test_dropout_is_silent_in_evaluation_and_loud_in_training(network, hidden_sizes):
    model = build_recipe(_config(dropout=0.5, network=network, hidden_sizes=hidden_sizes)).model
    x = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert not torch.equal(model.train().encode_mean(x), model.encode_mean(x))
    assert torch.equal(model.eval().encode_mean(x), model.encode_mean(x))
    without = build_recipe(
        _config(dropout=0.0, network=network, hidden_sizes=hidden_sizes)
    ).model  # the same seed, the same weights
    torch.testing.assert_close(model.encode_mean(x), without.encode_mean(x), rtol=0, atol=0)
    torch.testing.assert_close(model.reconstruct(x), without.reconstruct(x), rtol=0, atol=0)


def test_dropout_silences_its_share_of_hidden_units_and_none_of_the_code():
    make = NetworkFactory((1, 1, 50), hidden_sizes=(400,), dropout=0.3)
    encoder = make.encoder(3).train()
    with torch.no_grad():
        hidden = encoder[2](torch.ones(50, 400))  # activation and dropout
    share = (hidden == 0).float().mean().item()
    assert share == pytest.approx(0.3, abs=5 * math.sqrt(0.3 * 0.7 / 20_000))
    assert hidden.unique().tolist() == pytest.approx([0, 1 / 0.7])
    assert [type(each) for each in encoder][-1] is nn.Linear and type(make.decoder(3)[0]) is nn.Linear


def test_scores_are_taken_without_dropout(digits):
    config = _config(dropout=0.5)
    recipe, reports = _fit(config, digits)
    recipe.modules.eval()
    x, _ = DeviceDataset.from_split(digits.validation, CPU).batch(torch.arange(len(digits.validation)))
    with torch.no_grad():
        assert recipe.forward(x).nll.mean().item() == pytest.approx(reports[-1].validation["reconstruction"], rel=1e-5)


# Early stopping


def _overfitting(**said) -> Config:
    """Forty images and a wide network: what is held out gets worse after some epochs."""
    return _config(
        hidden_sizes=(128, 64), latent_dim=16, epochs=80, batch_size=8, lr=0.003, schedule="constant", **said
    )


@pytest.fixture(scope="module")
def forty(digits) -> Dataset:
    return replace(digits, train=_few(digits.train, 40))


def test_early_stopping_stops_and_keeps_the_best_weights(forty):
    config = _overfitting(patience=4)
    recipe, reports = _fit(config, forty)
    ends = [sum(each.validation.values()) for each in reports if each.validation is not None]
    best = ends.index(min(ends))
    assert len(ends) == best + 1 + 4 < 80  # four epochs in vain after the best one
    assert reports[-1].fraction == 1 and reports[-1].seconds_left == 0
    kept = evaluate(recipe, DeviceDataset.from_split(forty.validation, CPU), config)
    assert sum(kept.values()) == min(ends) < ends[-1]


def test_the_best_weights_are_kept_when_the_epochs_run_out_first(forty):
    config = _overfitting(patience=60)
    recipe, reports = _fit(config, forty)
    ends = [sum(each.validation.values()) for each in reports if each.validation is not None]
    assert len(ends) <= 80 and min(ends) < ends[-1]
    assert sum(evaluate(recipe, DeviceDataset.from_split(forty.validation, CPU), config).values()) == min(ends)


def test_without_patience_the_last_weights_are_kept_however_bad(forty):
    config = _overfitting(patience=0)
    recipe, reports = _fit(config, forty)
    ends = [sum(each.validation.values()) for each in reports if each.validation is not None]
    assert len(ends) == 80 and ends[-1] > min(ends)
    assert sum(evaluate(recipe, DeviceDataset.from_split(forty.validation, CPU), config).values()) == ends[-1]


def test_patience_changes_no_step(forty):
    """The same weights at each epoch as without it, until it stops."""
    eager, patient = (_fit(_overfitting(patience=n), forty)[1] for n in (3, 0))
    pairs = zip([p for p in eager if p.validation], [p for p in patient if p.validation], strict=False)
    assert all(a.validation == b.validation for a, b in pairs)


def test_a_run_that_stopped_early_says_what_its_kept_weights_score(forty, monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setattr(worker, "load_training", lambda _: forty)
    config = _overfitting(patience=4)
    list(worker.run_training(config))
    opened, epochs = loaded.load(config.id), history.history(config.id)
    ends = [sum(line["validation"].values()) for line in epochs]
    assert sum(opened.result["validation"].values()) == min(ends) < ends[-1]
    recipe = build_recipe(config)
    recipe.model.load_state_dict(opened.model.state_dict())
    assert evaluate(recipe, DeviceDataset.from_split(forty.validation, CPU), config) == opened.result["validation"]


# First weights


@pytest.mark.parametrize(
    ("name", "std", "bound"),
    [
        ("he", 0.050508, math.inf),  # sqrt(2 / 784), catalogue N42
        ("glorot", 0.046829, math.sqrt(6 / (784 + 128))),  # sqrt(2 / (784 + 128))
        ("uniform", 1 / math.sqrt(3 * 784), 1 / math.sqrt(784)),
        ("zeros", 0.0, 0.0),
    ],
)
def test_first_weights_have_the_spread_that_papers_give_them(name, std, bound):
    torch.manual_seed(0)
    encoder = NetworkFactory((1, 28, 28), hidden_sizes=(128,)).encoder(8)
    INITIALISATIONS[name](encoder)
    weight = encoder[1].weight  # [128, 784]
    # a standard deviation from n draws is off by at most std / sqrt(2 n) on average (of a normal); five of them
    assert weight.std().item() == pytest.approx(std, abs=5 * std / math.sqrt(2 * weight.numel()) + 1e-9)
    assert weight.abs().max() <= bound + 1e-7
    if name != "uniform":
        assert all(not p.any() for p in encoder.parameters() if p.ndim == 1)  # biases


def test_first_weights_reach_every_layer_adversaries_included():
    for config in (_config(family="aae", initialisation="zeros"), _config(network="conv", initialisation="zeros")):
        assert not _flat(build_recipe(config).modules).any()
    he = build_recipe(_config(family="aae", initialisation="he"))
    assert all(not p.any() for p in he.modules.parameters() if p.ndim == 1)


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "relu"])
def test_units_that_start_alike_stay_alike(activation, digits):
    """From zeros all units of a layer get the same gradients for ever; what is learnt is at most the mean image."""
    recipe, reports = _fit(_config(initialisation="zeros", activation=activation, epochs=8), digits)
    for layer in (recipe.model.encoder[1], recipe.model.encoder[3]):
        torch.testing.assert_close(layer.weight, layer.weight[:1].expand_as(layer.weight), rtol=0, atol=1e-5)
    for layer in (recipe.model.decoder[0], recipe.model.decoder[2]):
        torch.testing.assert_close(layer.weight, layer.weight[:, :1].expand_as(layer.weight), rtol=0, atol=1e-5)
    codes = recipe.model.eval().encode_mean(torch.from_numpy(digits.validation.to_float()))
    torch.testing.assert_close(codes, codes[:, :1].expand_as(codes), rtol=0, atol=1e-4)  # 8 numbers that say one
    fair = _fit(_config(activation=activation, epochs=8), digits)[1][-1].validation["reconstruction"]
    assert reports[-1].validation["reconstruction"] > fair
