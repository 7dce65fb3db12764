"""What every family promises on every network, shape and likelihood: the cases are computed, so a new family is
tested the moment it is declared."""

import itertools
import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch

from aecore.analysis import loaded
from aecore.config import Config
from aecore.data.cards import BUILT_IN, CARDS
from aecore.data.datasets import Dataset, Split
from aecore.data.modalities import MODALITIES, Image
from aecore.errors import UserError
from aecore.jobs import worker
from aecore.models.families.build import FAMILIES, build_recipe, complete_config, resolve_config
from aecore.models.likelihoods import LIKELIHOODS
from aecore.models.networks import NETWORKS, NetworkFactory
from aecore.store import history, runs
from aecore.training import loop
from aecore.training.loop import Progress, fit
from tests.kit.cases import crossed, marked, pairwise
from tests.kit.networks import architecture_of, is_refused

CPU = torch.device("cpu")
SMALL = Config(hidden_sizes=(4, 6), latent_dim=3, epochs=2, batch_size=8, lr=0.01)  # milliseconds on every shape

# one data set for each shape of images that there is, and for each other kind; its samples are made here, none is read
_BUILT_IN = reversed(BUILT_IN.items())
DATASETS = {card.shape if card.modality.kind == "image" else card.modality.kind: name for name, card in _BUILT_IN} | {
    "series": "digits-rows"
}  # the shortest


@cache
def _cases() -> list[Config]:
    """Every family x network x shape x likelihood; what a family fixes makes some of them one and the same."""
    cells = itertools.product(FAMILIES, NETWORKS, DATASETS.values(), LIKELIHOODS)
    asked = [
        _fitted(replace(SMALL, family=family, network=network, dataset=dataset, likelihood=likelihood))
        for family, network, dataset, likelihood in cells
        if _fits(dataset, network, likelihood)
    ]
    unlike = {config.id: config for config in map(complete_config, asked)}.values()
    return [each for each in unlike if each.network != "conv-spatial" or not is_refused(each.family, each.network)]


def _fitted(config: Config) -> Config:
    """With a code of one channel where it is a map."""
    if config.network != "conv-spatial":
        return config
    sides = CARDS[config.dataset].shape[1:]
    return replace(config, latent_dim=math.prod(math.ceil(side / 2 ** len(config.hidden_sizes)) for side in sides))


def _fits(dataset: str, network: str, likelihood: str) -> bool:
    kind = CARDS[dataset].modality
    return network in kind.networks and likelihood in kind.likelihoods


def _name(config: Config) -> str:
    return f"{config.family}-{config.network}-{config.dataset}-{config.likelihood}"


def _paired(cases: list[Config]) -> pytest.MarkDecorator:
    """Those with every family on every network, and every pair of network, data set and likelihood, in `make test`; all
    in `make test-all`. A family meets samples and likelihoods through its network alone."""
    quick = pairwise(cases, lambda each: (each.network, each.dataset, each.likelihood))
    quick += pairwise([each for each in cases if each not in quick], lambda each: (each.family, each.network))
    return pytest.mark.parametrize("config", marked(cases, quick, _name))


EVERYWHERE = _paired(_cases())
_ON_NETWORKS = [c for c in _cases() if c.dataset == "digits" and c.likelihood == "bernoulli"]
FAMILIES_ON_NETWORKS = pytest.mark.parametrize(  # every family on mlp, every network under a few families
    "config",
    marked(
        _ON_NETWORKS,
        [c for c in _ON_NETWORKS if c.network == "mlp" or c.family in ("vae", "vq-vae", "ladder-vae")],
        _name,
    ),
)
# what hangs on the loop more than on the network: families that it treats unlike each other, all in `make test-all`
_LOOPED = ("vanilla", "vae", "aae", "stacked", "vq-vae", "masked", "semi-supervised-vae", "energy-based", "real-nvp")
EACH_FAMILY = pytest.mark.parametrize(
    "config", marked(_ON_NETWORKS, [c for c in _ON_NETWORKS if c.network == "mlp" and c.family in _LOOPED], _name)
)


def _once(cases: list[Config]) -> list[Config]:
    """Every pair of network and data set, and of what is left every family, once."""
    quick = pairwise(cases, lambda each: (each.network, each.dataset))
    seen = {each.family for each in quick}
    return quick + [next(each for each in cases if each.family == family) for family in FAMILIES if family not in seen]


_SHAPED = [
    c
    for c in _cases()
    if c.likelihood in (CARDS[c.dataset].modality.likelihoods[0], FAMILIES[c.family].fixed.get("likelihood"))
]
ONCE_ON_EVERY_SHAPE = pytest.mark.parametrize("config", marked(_SHAPED, _once(_SHAPED), _name))  # of long tests


def _split(config: Config, count: int, seed: int) -> Split:
    """Random samples with labels: of images half of the pixels dark, half bright; values missing where some may."""
    card, rng = CARDS[config.dataset], np.random.default_rng(seed)
    if card.modality.bounded:
        x = rng.integers(0, card.max_value + 1, (count, *card.shape)).astype(np.uint8)
    else:
        x = rng.standard_normal((count, *card.shape)).astype(np.float32)
    return Split(x, np.arange(count) % len(card.classes), card.max_value, kind=card.modality)


def _data(config: Config) -> Dataset:
    sizes = {"train": 20, "validation": 6, "test": 6}  # 20 is not a multiple of the batch size: the last batch is short
    splits = {name: _split(config, count, seed) for seed, (name, count) in enumerate(sizes.items())}
    return Dataset(CARDS[config.dataset], **splits)


def _x(config: Config, count: int = 5) -> torch.Tensor:
    return torch.from_numpy(_split(config, count, seed=9).to_float())


def _y(config: Config, count: int = 5) -> torch.Tensor:
    return torch.from_numpy(_split(config, count, seed=9).y)


def _trained(config: Config, data: Dataset | None = None) -> tuple[torch.nn.Module, list[Progress]]:
    recipe = build_recipe(config)
    return recipe.model, list(fit(recipe, data or _data(config), config, CPU))


def _weights(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def _same(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture
def every_step(monkeypatch):
    """`fit` reports after every step, as it would on a machine so slow that a step takes longer than its pause."""
    monkeypatch.setattr(loop, "REPORT_EVERY", 0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0)


def test_every_shape_family_network_and_likelihood_is_covered():
    assert {CARDS[c.dataset].shape for c in _cases()} >= {
        card.shape for card in BUILT_IN.values() if card.modality.kind == "image"
    }
    assert {CARDS[c.dataset].modality.kind for c in _cases()} == set(MODALITIES)
    assert {c.family for c in _cases()} == set(FAMILIES) and {c.network for c in _cases()} == set(NETWORKS)
    assert {c.likelihood for c in _cases()} == set(LIKELIHOODS)


# Models


@EVERYWHERE
def test_shapes_survive_and_codes_are_never_random(config):
    model, x, y = (
        build_recipe(config).model.eval(),
        _x(config),
        _y(config),
    )  # in training a codebook follows what it sees
    latent = model.encode(x, y)
    assert latent.z.ndim == latent.code.ndim == 2 and len(latent.z) == len(latent.code) == len(x)
    assert model.decode(latent.z, y).shape == x.shape
    codes = model.encode_mean(x, y)
    assert codes.shape == latent.code.shape
    assert torch.equal(codes, latent.code)  # two different draws of chance, one code
    pictures = model.decode_mean(codes, y)
    assert pictures.shape == x.shape and torch.equal(pictures, model.reconstruct(x, y))
    assert model.encode_mean(x[:1]).shape == (1, codes.shape[1])
    drawn = model.bottleneck.sample_prior(7)
    assert drawn.shape == (7, codes.shape[1]) and model.decode_mean(drawn).shape == (7, *x.shape[1:])


@EVERYWHERE
def test_without_labels_codes_and_reconstructions_are_the_same_each_time(config):
    model, x = build_recipe(config).model, _x(config)
    assert torch.equal(model.encode_mean(x), model.encode_mean(x)) and torch.equal(
        model.reconstruct(x), model.reconstruct(x)
    )


@EVERYWHERE
def test_a_picture_is_coded_the_same_alone_in_a_crowd_and_in_training(config):
    model, x = build_recipe(config).model, _x(config)
    crowd = model.eval().encode_mean(x)
    assert torch.equal(model.train().encode_mean(x), crowd)  # neither BatchNorm nor Dropout
    torch.testing.assert_close(torch.cat([model.encode_mean(x[i : i + 1]) for i in range(len(x))]), crowd)


@pytest.mark.parametrize(
    ("family", "shape", "network"),
    crossed(
        list(FAMILIES),
        [(1, 7, 7), (2, 9, 5), (1, 28, 28), (3, 4, 4)],
        [each for each in Image.networks if each != "conv-spatial"],
    ),
)
def test_odd_sizes_make_the_round_trip(family, shape, network):
    settings = {"network": network, "hidden_sizes": (3, 5), **architecture_of(FAMILIES[family])}
    recipe = FAMILIES[family].build(NetworkFactory(shape, **settings, n_classes=10), 2)
    x = torch.rand(3, *shape, generator=torch.Generator().manual_seed(0))
    p = recipe.forward(x, torch.tensor([0, 9, 4]))
    assert p.x_in.shape == p.logits.shape == x.shape and p.nll.shape == (3,)


@pytest.mark.parametrize(("hidden_sizes", "most"), [((2, 2, 2, 2), 2), ((2, 2, 2), 2)])
def test_a_picture_that_cannot_be_halved_so_often_says_how_often_it_can(hidden_sizes, most):
    with pytest.raises(UserError, match=f"5 x 7 pixels can be halved {most} times"):
        NetworkFactory((1, 5, 7), "conv", hidden_sizes).encoder(2)
    assert NetworkFactory((1, 5, 7), "conv", hidden_sizes[:most]).encoder(2)(torch.zeros(1, 1, 5, 7)).shape == (1, 2)


# Training


@EVERYWHERE
def test_training_moves_every_weight_and_its_losses_are_numbers(config):
    config = replace(config, activation="leaky-relu")  # of four ReLUs all may happen to be dead
    recipe = build_recipe(config)
    before = _weights(recipe.modules)
    *_, last = fit(recipe, _data(config), config, CPU)
    trained_ones = {id(p) for each in recipe.objectives for module in each.modules for p in module.parameters()}
    still = [
        name for name, p in recipe.modules.named_parameters() if id(p) in trained_ones and torch.equal(p, before[name])
    ]
    assert still == []
    assert {id(p) for p in recipe.model.parameters()} <= trained_ones  # nothing of the model is forgotten
    for parts in (last.train, last.validation):
        assert parts and all(math.isfinite(part) for part in parts.values())


@ONCE_ON_EVERY_SHAPE
def test_the_same_settings_give_the_same_weights_and_another_seed_gives_others(config):
    model, _ = _trained(config)
    torch.rand(7)  # the world goes on
    assert _same(_weights(model), _weights(_trained(config)[0]))
    other, _ = _trained(replace(config, seed=1))
    assert not any(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))


@FAMILIES_ON_NETWORKS
def test_half_precision_trains_too(config):
    _, reports = _trained(replace(config, precision="bfloat16"))
    assert all(math.isfinite(part) for part in reports[-1].validation.values())


@EACH_FAMILY
def test_what_the_world_draws_between_two_reports_changes_nothing(config, every_step):
    undisturbed = _weights(_trained(config)[0])
    recipe, world = build_recipe(config), torch.Generator().manual_seed(3)
    for _ in fit(recipe, _data(config), config, CPU):
        torch.manual_seed(int(torch.randint(1000, (), generator=world)))
        torch.rand(5)
        np.random.rand(5)
    assert _same(undisturbed, _weights(recipe.model))


@EACH_FAMILY
def test_building_training_and_scoring_leave_the_worlds_chance_alone(config):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    _trained(config)
    assert torch.equal(torch.get_rng_state(), before)


@EACH_FAMILY
def test_progress_only_grows_and_ends_at_one(config, every_step):
    config = replace(config, epochs=3)
    recipe, data = build_recipe(config), _data(config)
    seen = list(fit(recipe, data, config, CPU))
    steps = 3 * math.ceil(20 / 8)
    assert [each.fraction for each in seen] == pytest.approx([step / steps for step in range(1, steps + 1)])
    assert seen[-1].fraction == 1 and seen[-1].seconds_left == 0
    assert [each.epoch for each in seen if each.validation is not None] == [1, 2, 3]  # each epoch's end, no other time
    assert all(a.epoch <= b.epoch and a.seconds <= b.seconds for a, b in itertools.pairwise(seen))
    assert all(each.samples_per_second > 0 and each.epochs == 3 for each in seen)


@EACH_FAMILY
def test_a_fast_training_reports_once_an_epoch(config, monkeypatch):
    monkeypatch.setattr(loop, "REPORT_EVERY", 3600)
    monkeypatch.setattr(loop, "FIRST_REPORT", 3600)
    assert [each.epoch for each in _trained(config)[1]] == [1, 2]


@EACH_FAMILY
def test_a_training_can_be_closed_at_any_report(config, every_step):
    torch.manual_seed(6)
    recipe, outside = build_recipe(config), torch.get_rng_state()
    reports = fit(recipe, _data(config), config, CPU)
    next(reports), next(reports)
    reports.close()
    with pytest.raises(StopIteration):
        next(reports)
    assert torch.equal(torch.get_rng_state(), outside)
    assert all(p.isfinite().all() for p in recipe.modules.parameters())


@EACH_FAMILY
def test_scoring_is_the_same_each_time_and_changes_nothing(config):
    recipe = build_recipe(config)
    held_out = loop.DeviceDataset.from_split(_data(config).validation, CPU)
    before = _weights(recipe.modules)
    first = loop.evaluate(recipe, held_out, config)
    torch.rand(3)
    assert loop.evaluate(recipe, held_out, config) == first
    assert _same(before, _weights(recipe.modules)) and recipe.model.training


@FAMILIES_ON_NETWORKS
def test_the_loss_falls_on_an_easy_set(config):
    """Two images again and again, a bar standing and one lying: one number tells them apart."""
    pair = np.zeros((2, 1, 8, 8), np.uint8)
    pair[0, 0, :, 3:5], pair[1, 0, 3:5] = 16, 16
    split = Split(np.tile(pair, (32, 1, 1, 1)), np.arange(64) % 2, 16)
    # a deep net with a sigmoid code and tied weights may rest for long at the mean of the two; a shallow one does not
    deep = config.hidden_sizes and config.family != "contractive"
    config = replace(config, hidden_sizes=(16, 16) if deep else (), epochs=20, schedule="constant")
    _, reports = _trained(config, Dataset(CARDS["digits"], split, split, split))
    ends = [each.validation["reconstruction"] for each in reports if each.validation is not None]
    first, last = ends[0], ends[-1]
    # Answering the mean costs ln 2 at the 24 pixels in which they differ: 16.6 nats, less costs knowing which it is.
    lossless = FAMILIES[config.family].lossless  # from the first
    assert (last < first or lossless) and last < 24 * math.log(2)


def test_a_loss_that_is_no_number_any_more_is_said_with_what_to_do():
    config = resolve_config(replace(SMALL, family="vanilla", likelihood="gaussian", lr=10))
    recipe = build_recipe(config)
    next(recipe.model.parameters()).data[0, 0] = math.nan  # what an overflow leaves behind
    with pytest.raises(loop.Diverged, match=r"reconstruction loss is no longer a number .* learning rate"):
        list(fit(recipe, _data(config), config, CPU))


# Runs


@ONCE_ON_EVERY_SHAPE
def test_a_saved_run_comes_back_the_same(config, monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    monkeypatch.setattr(worker, "load_training", lambda _: _data(config))
    *_, last = worker.run_training(config)
    opened, (model, _) = loaded.load(config.id), _trained(config)
    assert opened.config == config and _same(_weights(opened.model), _weights(model))
    x = _x(config).numpy()
    np.testing.assert_array_equal(opened.encode(x), model.encode_mean(_x(config)).numpy())
    shown = opened.card.modality.clip(model.reconstruct(_x(config)).numpy())
    np.testing.assert_array_equal(opened.reconstruct(x), shown)
    assert opened.result["validation"] == last.validation
    test = _data(config).test
    error = np.square(test.to_float() - opened.reconstruct(test.to_float(), test.y)).mean()
    assert opened.result["mse"] == pytest.approx(error, rel=1e-4)
    assert [line["epoch"] for line in history.history(config.id)] == [1, 2]
    assert runs.entry(config.id).finished and not (tmp_path / config.id / "state.json").exists()
