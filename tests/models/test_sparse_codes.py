"""Sparse codes: how many units are kept, pseudo-gradients by hand, prefixes, and dead units."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch

from aecore.config import ADDED_PARAMS, Config
from aecore.data.datasets import load
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import BatchTopK, JumpReLU, TopK
from aecore.models.code_losses import dead_unit_loss, prefix_losses
from aecore.models.config_query import initial_config
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.families.sparse import prefix_sizes
from aecore.models.likelihoods import Gaussian
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass
from aecore.training.loop import fit
from aecore.training.signals import TrainingSignals

FAMILIES_HERE = ("top-k", "batch-top-k", "jump-relu", "matryoshka")


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# --- Batch top-k ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n_samples", "k"), [(1, 3), (40, 1), (40, 5)])
def test_batch_top_k_keeps_the_largest_of_the_batch(n_samples, k):
    h = normal(n_samples, 16) + 1  # 84 % of normal numbers lie above -1: there are enough to choose from
    code = BatchTopK(16, k).train()(h).code
    assert (code != 0).sum() == n_samples * k
    kept = h.flatten().sort(descending=True).values[: n_samples * k]
    torch.testing.assert_close(code.flatten().sort(descending=True).values[: n_samples * k], kept)
    if n_samples > 1:
        assert len((code != 0).sum(1).unique()) > 1  # some samples have more than others


def test_in_batch_top_k_nothing_below_0_is_kept_and_only_what_is_kept_learns():
    h = torch.tensor([[3.0, -1.0, -2.0], [1.0, 2.0, -3.0]], requires_grad=True)
    bottleneck = BatchTopK(3, 2).train()  # 4 numbers, of which 3 are above 0
    code = bottleneck(h).code
    assert code.tolist() == [[3, 0, 0], [1, 2, 0]] and bottleneck.threshold == 1
    code.sum().backward()
    assert h.grad.tolist() == [[1, 0, 0], [1, 1, 0]]


def test_in_use_a_code_hangs_on_a_threshold_alone():
    bottleneck = BatchTopK(16, 3, decay=0.9).train()
    for seed in range(100):  # 0.9 ** 100 = 3e-5
        bottleneck(normal(256, 16, seed=seed))
    # of 16 normal numbers 3 are above q: 1 - 3 / 16 = Phi(q), q = 0.887
    assert bottleneck.threshold.item() == pytest.approx(0.887, abs=0.02)
    h = normal(2000, 16, seed=1000)
    code = bottleneck.eval()(h).code
    assert torch.equal(code, torch.where(h > bottleneck.threshold, h, 0))
    assert torch.equal(bottleneck(h[:1]).code, code[:1])
    assert (code != 0).sum(1).float().mean().item() == pytest.approx(3, abs=0.15)
    with torch.no_grad():  # a look at a model in training
        assert torch.equal(bottleneck.train()(h).code, code)


# --- JumpReLU ---------------------------------------------------------------------------------------------------------


def test_the_pseudo_gradients_of_jump_relu_by_hand():
    """Threshold 0.5, bandwidth 0.2: activations from 0.4 to 0.6 are near it. Of a slope of 1 by the code each near one
    gives the threshold -0.5 / 0.2, of a slope of 1 by the count -1 / 0.2; by log(threshold) it is 0.5 times as much."""
    bottleneck = JumpReLU(1, bandwidth=0.2, initial_threshold=0.5)
    h = torch.tensor([[0.3], [0.45], [0.55], [0.9]], requires_grad=True)
    latent = bottleneck(h)
    torch.testing.assert_close(latent.code, torch.tensor([[0.0], [0.0], [0.55], [0.9]]))
    assert latent.n_active.tolist() == [0, 0, 1, 1]
    by_h, by_log = torch.autograd.grad(latent.code.sum(), [h, bottleneck.log_threshold], retain_graph=True)
    assert by_h.tolist() == [[0], [0], [1], [1]]
    assert by_log.item() == pytest.approx(2 * -0.5 / 0.2 * 0.5)
    by_h, by_log = torch.autograd.grad(latent.n_active.sum(), [h, bottleneck.log_threshold], allow_unused=True)
    assert by_h is None and by_log.item() == pytest.approx(2 * -1 / 0.2 * 0.5)


def test_the_pseudo_gradient_is_that_of_the_expected_count():
    """For activations spread evenly over [0, 1] the expected count is 1 - threshold: its slope is -1 (Rajamanoharan et
    al. 2024, section 4: a kernel density estimate)."""
    bottleneck = JumpReLU(1, bandwidth=0.2, initial_threshold=0.5)
    h = torch.linspace(0, 1, 10_001)[:, None]
    count = bottleneck(h).n_active.mean()
    (by_log,) = torch.autograd.grad(count, bottleneck.log_threshold)
    assert count.item() == pytest.approx(0.5, abs=1e-3)
    assert by_log.item() / 0.5 == pytest.approx(-1, abs=1e-3)


def test_what_is_exported_is_what_is_trained():
    bottleneck, h = JumpReLU(8, 0.5), normal(50, 8)
    trained = bottleneck(h)
    with torch.no_grad():
        looked_at = bottleneck(h)
    assert torch.equal(trained.code, looked_at.code) and torch.equal(trained.n_active, looked_at.n_active)


# --- Matryoshka -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("latent_dim", "n_prefixes", "sizes"),
    [(64, 4, [8, 16, 32, 64]), (64, 1, [64]), (5, 3, [2, 3, 5]), (2, 8, [1, 2]), (1, 4, [1])],
)
def test_each_prefix_has_half_of_the_next(latent_dim, n_prefixes, sizes):
    assert prefix_sizes(latent_dim, n_prefixes) == sizes


def test_the_loss_of_a_matryoshka_is_the_sum_of_those_of_its_prefixes():
    start = initial_config("digits", "matryoshka")
    recipe = build_recipe(resolve_config(replace(start, latent_dim=16, hidden_sizes=(8,))))
    recipe.model.eval()
    x = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        parts = recipe.objectives[0].loss(recipe.forward(x))
        code = recipe.model.encode_mean(x)
        expected = []
        for size in (2, 4, 8, 16):
            first = torch.cat([code[:, :size], torch.zeros(6, 16 - size)], 1)
            expected.append(recipe.model.likelihood.nll(recipe.model.decode(first), x).mean().item())
    assert parts[RECONSTRUCTION].item() == pytest.approx(expected[-1], rel=1e-5)
    assert sum(part.item() for name, part in parts.items() if name != "dead units") == pytest.approx(sum(expected))


def test_no_prefix_has_no_loss():
    recipe = build_recipe(resolve_config(initial_config("digits", "top-k")))
    assert prefix_losses(recipe.forward(torch.rand(2, 1, 8, 8)), []) == 0


# --- Dead units -------------------------------------------------------------------------------------------------------


def test_a_unit_is_dead_after_so_many_samples_without_it():
    bottleneck = TopK(3, 1, dead_after=20).train()
    first = torch.tensor([[2.0, 1.0, 0.0]]).repeat(8, 1)
    for seen, dead in ((8, [False] * 3), (16, [False] * 3), (24, [False, True, True])):
        bottleneck(first)
        assert bottleneck.dead().tolist() == dead, seen
    bottleneck(torch.tensor([[0.0, 1.0, 0.0]]))
    assert bottleneck.dead().tolist() == [False, False, True]
    with torch.no_grad():  # a look at it counts nothing
        for _ in range(9):
            bottleneck(first)
    assert bottleneck.dead().tolist() == [False, False, True]


def linear(dead_after: int = 1):
    """An autoencoder of 4 pixels and 6 units whose decoder is linear."""
    make = NetworkFactory((1, 2, 2), hidden_sizes=(), likelihood=Gaussian())
    torch.manual_seed(0)
    return build_autoencoder(TopK(6, 2, dead_after=dead_after), make).eval()


def test_with_squared_error_and_a_linear_decoder_the_loss_of_dead_units_is_that_of_the_paper():
    """|e - W z|^2 / (2 sigma^2), e = x - x_hat and z the 3 most active of the dead units (Gao et al. 2024, A.2)."""
    model = linear()
    model.bottleneck.idle_samples.copy_(torch.tensor([1.0, 1, 1, 1, 0, 0]))  # the first four are dead
    x = torch.rand(5, 1, 2, 2)
    p = ForwardPass(model, x, x)
    weight = next(each.weight for each in model.decoder.modules() if isinstance(each, torch.nn.Linear))
    h = p.latent.pre_activation.detach()
    dead = torch.cat([h[:, :4].relu(), torch.zeros(5, 2)], 1)
    values, units = dead.topk(3, dim=1)
    z = torch.zeros(5, 6).scatter(1, units, values)
    residual = (x - p.logits.detach()).flatten(1)
    apart = (residual - z @ weight.T).square().sum(1) / (2 * model.likelihood.sigma**2)
    nothing = model.likelihood.nll(x, x).mean()  # the constant of the density
    assert z.any() and dead_unit_loss(p).item() == pytest.approx((apart.mean() + nothing).item(), rel=1e-4)


def test_only_dead_units_learn_from_what_is_left_over():
    model = linear()
    model.bottleneck.idle_samples.copy_(torch.tensor([1.0, 1, 0, 0, 0, 0]))
    x = torch.rand(20, 1, 2, 2)
    encoder = next(each.weight for each in model.encoder.modules() if isinstance(each, torch.nn.Linear))
    decoder = next(each.weight for each in model.decoder.modules() if isinstance(each, torch.nn.Linear))
    slopes = torch.autograd.grad(dead_unit_loss(ForwardPass(model, x, x)), [encoder, decoder])
    assert not slopes[0][2:].any() and not slopes[1][:, 2:].any()
    assert slopes[1][:, :2].any()


def test_without_dead_units_there_is_no_loss_of_them():
    model = linear(dead_after=10)
    x = torch.rand(5, 1, 2, 2)
    assert dead_unit_loss(ForwardPass(model, x, x)) == 0


def test_top_k_without_the_loss_keeps_the_tensors_and_the_id_that_it_had():
    old = Config(family="top-k", params={"k": 8})
    assert old.id == resolve_config(old).id != resolve_config(replace(old, params={"auxiliary_weight": 0.1})).id
    assert not [*build_recipe(resolve_config(old)).model.bottleneck.state_dict()]
    assert ADDED_PARAMS["top-k"] == {"auxiliary_weight": 0.0}


# --- Training ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("family", FAMILIES_HERE)
@pytest.mark.parametrize("auxiliary_weight", [0.0, 0.1])
def test_every_family_trains_with_and_without_the_loss_of_dead_units(family, auxiliary_weight):
    start = initial_config("digits", family)
    params = {**start.params, "auxiliary_weight": auxiliary_weight}
    config = resolve_config(replace(start, hidden_sizes=(16,), latent_dim=32, epochs=4, lr=0.01, params=params))
    data = load("digits")
    few = replace(data, train=data.train.head(400), validation=data.validation.head(100))
    recipe = build_recipe(config)
    ends = [each for each in fit(recipe, few, config, torch.device("cpu")) if each.validation]
    first, last = ends[0], ends[-1]
    assert {*last.validation} == {RECONSTRUCTION, *FAMILIES[family].applying_terms(config.params)}
    assert ("dead units" in last.validation) == (auxiliary_weight > 0)
    assert last.validation[RECONSTRUCTION] < first.validation[RECONSTRUCTION]
    assert 0 < sum(last.signals["code"]["active_rate"]) < 32
    assert all(math.isfinite(value) for value in last.validation.values())
    assert first.signals["explained_variance"] < last.signals["explained_variance"] < 1


def test_the_explained_variance_is_1_less_the_errors_per_variance():
    """Two batches of one value each time: x 0, 1, 2, 3 and drawn 0, 1, 2, 2; the variance adds up to 5, the errors to
    1. A missing value counts for nothing."""
    noted = TrainingSignals()
    for x, drawn in (([0.0, 1.0, math.nan], [0.0, 1.0, 7.0]), ([2.0, 3.0], [2.0, 2.0])):
        noted._add_squares(torch.tensor(x)[:, None].double(), torch.tensor(drawn)[:, None])
    assert noted._explained_variance() == pytest.approx(1 - 1 / 5)
