"""Games: density ratios, margins and penalties worked out by hand, priors of other shapes, clusters that are labels."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aecore.analysis.latents import clusters
from aecore.analysis.latents.cluster_accuracy import cluster_accuracy, majority_accuracy
from aecore.analysis.loaded import LoadedModel
from aecore.config import ADDED_PARAMS
from aecore.data.datasets import load
from aecore.models import presets, priors
from aecore.models.adversarial_losses import (
    code_discriminator,
    density_ratio_tc,
    discrimination_loss,
    energy,
    gradient_penalty,
    margin_loss,
    permute_dimensions,
)
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import ClusterBottleneck, DeterministicBottleneck
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.likelihoods import Gaussian
from aecore.models.losses import mmd
from aecore.models.recipe import Recipe

GAMES = ("aae", "wae-gan", "aae-clusters", "factor-vae", "energy-based")


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def recipe_of(family: str, **settings) -> Recipe:
    return build_recipe(resolve_config(presets.default_config("digits", family=family, **settings)))


# Density ratios


def correlated(n: int, rho: float) -> Tensor:
    """Draws `[n, 2]` of two unit normals with correlation rho."""
    a, b = torch.randn(2, n)
    return torch.stack([a, rho * a + math.sqrt(1 - rho**2) * b], 1)


@pytest.mark.parametrize("rho", [0.0, 0.8])
def test_the_discriminator_of_a_factor_vae_estimates_a_known_total_correlation(rho):
    """Of a correlated Gaussian it is -1/2 log(1 - rho^2): 0.511 nats at 0.8. Its best log odds are a quadratic form of
    the codes, of variance 2 rho^2 / (1 - rho^2) or so, so that the mean over 20,000 draws is off by 0.02 at most."""
    discriminator = code_discriminator(2)
    optimiser = torch.optim.Adam(discriminator.parameters(), 4e-3)
    for step in range(500):
        if step == 350:
            optimiser.param_groups[0]["lr"] = 4e-4
        z = correlated(256, rho)
        loss = discrimination_loss(discriminator, real=z, generated=permute_dimensions(z))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        found = density_ratio_tc(discriminator(correlated(20_000, rho))).item()
    exact = -0.5 * math.log(1 - rho**2)
    assert found == pytest.approx(exact, abs=max(0.1 * exact, 0.02))


def test_shuffled_codes_keep_each_dimension_and_nothing_between_them():
    z = correlated(4000, 0.9)
    shuffled = permute_dimensions(z)
    for before, after in zip(z.T, shuffled.T, strict=True):
        assert torch.equal(before.sort().values, after.sort().values)
    assert abs(torch.corrcoef(shuffled.T)[0, 1]) < 5 / math.sqrt(4000)


def test_a_discriminator_that_guesses_pays_2_log_2_and_one_that_knows_nothing():
    real, made = torch.ones(5, 1), -torch.ones(5, 1)
    guess = nn.Linear(1, 1)
    nn.init.zeros_(guess.weight)
    nn.init.zeros_(guess.bias)
    assert discrimination_loss(guess, real, made).item() == pytest.approx(2 * math.log(2))
    knows = nn.Linear(1, 1)
    nn.init.constant_(knows.weight, 30.0)
    nn.init.zeros_(knows.bias)
    assert discrimination_loss(knows, real, made).item() == pytest.approx(0, abs=1e-6)
    assert discrimination_loss(knows, made, real).item() == pytest.approx(60)  # log(1 + e^30) twice


def test_the_gradient_penalty_of_a_linear_verdict_is_half_its_squared_slope():
    verdict = nn.Linear(2, 1)
    verdict.weight.data = torch.tensor([[3.0, 4.0]])
    penalty = gradient_penalty(verdict, torch.randn(7, 2))
    assert penalty.item() == pytest.approx(12.5)
    (slope,) = torch.autograd.grad(penalty, verdict.weight)
    torch.testing.assert_close(slope, torch.tensor([[3.0, 4.0]]))
    with torch.no_grad():  # as where held-out losses are taken
        assert gradient_penalty(verdict, torch.randn(7, 2)).item() == pytest.approx(12.5)


# Who moves whom


@pytest.mark.parametrize("family", GAMES)
def test_players_move_modules_of_their_own_and_what_plays_against_the_model_is_not_in_it(family):
    recipe = recipe_of(family)
    p = recipe.forward(torch.rand(16, 1, 8, 8))
    moved: list[set[int]] = []
    for objective in recipe.objectives:
        weights = [w for module in objective.modules for w in module.parameters()]
        total = sum(objective.loss(p).values(), torch.zeros(()))
        found = torch.autograd.grad(total, weights, retain_graph=True, allow_unused=True)
        moved.append({id(w) for w, g in zip(weights, found, strict=True) if g is not None})
    model, rival = moved
    assert model and rival and model.isdisjoint(rival)
    of_codes = {id(w) for part in (recipe.model.encoder, recipe.model.decoder) for w in part.parameters()}
    assert of_codes <= model and of_codes.isdisjoint(rival)


# Energies


class _Constant(nn.Module):
    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, z: Tensor) -> Tensor:
        return torch.full((len(z), 1, 2, 2), self.value)


def test_energy_is_the_mean_squared_error_and_the_margin_charges_what_is_missing():
    """An autoencoder that always says 0.5 gives 0 and 1 back with an error of 0.25, 0.5 with none: energies 0.25, 0."""
    model = Autoencoder(
        nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), DeterministicBottleneck(2), _Constant(0.5), Gaussian()
    )
    x = torch.stack([torch.zeros(1, 2, 2), torch.ones(1, 2, 2), torch.full((1, 2, 2), 0.5)])
    energies = energy(model, x)
    assert energies.tolist() == pytest.approx([0.25, 0.25, 0.0])
    assert margin_loss(energies, 0.4).item() == pytest.approx((0.15 + 0.15 + 0.4) / 3)
    assert margin_loss(energies, 0.1).item() == pytest.approx(0.1 / 3)  # above the margin nothing is pushed
    assert margin_loss(energies, 0.0).item() == 0


def test_the_loss_of_an_energy_based_autoencoder_is_that_margin_on_its_generators_images():
    recipe = recipe_of("energy-based", params={"margin": 0.3})
    model = recipe.model
    p = recipe.forward(torch.rand(6, 1, 8, 8))
    torch.manual_seed(3)
    said = recipe.objectives[0].loss(p)["energy margin"]
    torch.manual_seed(3)
    noise = torch.randn(6, 2)
    with torch.no_grad():
        images = model.likelihood.mean(model.bottleneck.prior.network(noise))
        lacking = (0.3 - (model.reconstruct(images) - images).square().mean((1, 2, 3))).clamp_min(0).mean()
    assert said.item() == pytest.approx(64 * lacking.item(), rel=1e-5) and said > 0


def test_what_an_energy_based_autoencoder_draws_are_the_codes_of_its_generators_images():
    model = recipe_of("energy-based").model.eval()
    torch.manual_seed(5)
    drawn = model.bottleneck.sample_prior(4)
    torch.manual_seed(5)
    with torch.no_grad():
        expected = model.encode(model.bottleneck.prior.samples(4)).code
    assert torch.equal(drawn, expected) and not drawn.requires_grad
    assert not any("encoder" in name for name in model.bottleneck.state_dict())  # whose weights stand there once


# Clusters


def test_the_code_of_a_cluster_family_is_probabilities_and_a_style():
    bottleneck = ClusterBottleneck(3, 2).eval()
    with torch.no_grad():
        bottleneck.norm.running_mean.copy_(torch.tensor([1.0, 0.0, 0.0]))
        latent = bottleneck(torch.tensor([[1.0 + math.log(2), math.log(3), 0.0, 7.0, -7.0]]))
    assert latent.code.tolist()[0] == pytest.approx([2 / 6, 3 / 6, 1 / 6, 7, -7], abs=1e-4)
    assert latent.clusters.tolist() == [1]
    drawn = bottleneck.sample_prior(3000)
    names, style = drawn[:, :3], drawn[:, 3:]
    assert torch.equal(names.sum(1), torch.ones(3000)) and set(names.unique().tolist()) == {0.0, 1.0}
    assert names.mean(0).tolist() == pytest.approx([1 / 3] * 3, abs=5 * math.sqrt(2 / 9 / 3000))
    assert style.std().item() == pytest.approx(1, abs=5 / math.sqrt(2 * 6000))


def test_one_weight_scales_what_both_discriminators_of_clusters_and_style_charge():
    def losses(weight: float) -> dict[str, float]:
        recipe = recipe_of("aae-clusters", params={"adversarial_weight": weight})
        recipe.modules.eval()
        said = recipe.objectives[0].loss(recipe.forward(torch.full((4, 1, 8, 8), 0.5)))
        return {name: part.item() for name, part in said.items()}

    one, two = losses(1.0), losses(2.0)
    assert two == pytest.approx({name: (1 if name == "reconstruction" else 2) * part for name, part in one.items()})


def test_cluster_accuracy_finds_the_best_assignment():
    """Cluster 0 holds labels 0, 0, 1; cluster 1 labels 1, 1, 0; cluster 2 label 1. The best of all assignments takes 0
    to 0 and 1 to 1: 4 of 7. A greedy one that began with cluster 2 would do worse; majorities are right with 5."""
    found, labels = np.array([0, 0, 0, 1, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 0, 1])
    assert cluster_accuracy(found, labels) == pytest.approx(4 / 7)
    assert majority_accuracy(found, labels) == pytest.approx(5 / 7)


def test_a_renumbering_of_labels_is_right_everywhere_and_chance_is_little_more_than_a_tenth():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 10, 5000)
    assert cluster_accuracy(rng.permutation(10)[labels], labels) == 1.0
    # 5,000 in cells of 50 with a standard deviation of 7: the best assignment picks cells about 1.5 of these larger
    assert 0.1 < cluster_accuracy(rng.integers(0, 10, 5000), labels) < 0.14


def test_a_greedy_assignment_is_not_the_best():
    """Counts [[5, 4], [4, 0]]: taking the largest first leaves 5 + 0, the best is 4 + 4 of 13."""
    found = np.array([0] * 9 + [1] * 4)
    labels = np.array([0] * 5 + [1] * 4 + [0] * 4)
    assert cluster_accuracy(found, labels) == pytest.approx(8 / 13)


def test_clusters_of_a_model_are_reported():
    config = resolve_config(presets.default_config("digits", family="aae-clusters", params={"n_clusters": 12}))
    run, test = LoadedModel(config, build_recipe(config).model.eval(), {}), load("digits").test
    said = clusters.report(run, test)
    named = run.encode(test.to_float(), test.y)[:, :12].argmax(1)
    assert said["n_clusters"] == 12 and said["used_clusters"] == len(set(named)) and said["n_samples"] == len(test)
    assert said["accuracy"] == pytest.approx(cluster_accuracy(named, test.y))
    assert 1 / 12 < said["mean_probability"] <= 1 and said["accuracy"] <= said["majority_accuracy"]


# Priors


def test_the_square_is_uniform_with_variance_1_and_sharp_edges():
    codes = priors.square(20_000, 3)
    side = math.sqrt(3)
    assert codes[:, :2].abs().max() <= side
    # the variance of a square of a uniform on (-a, a) is 4 a^4 / 45
    for column in codes.T[:2]:
        assert column.var().item() == pytest.approx(1, abs=5 * math.sqrt(4 * 9 / 45 / 20_000))
        assert torch.histc(column, 4, -side, side).tolist() == pytest.approx([5000] * 4, abs=5 * math.sqrt(3750))
    assert codes[:, 2].abs().max() > 3  # the others are normal


@pytest.mark.parametrize("family", ["wae", "wae-gan", "aae"])
@pytest.mark.parametrize("prior", priors.PRIORS)
def test_families_draw_from_the_prior_that_they_were_given(family, prior):
    bottleneck = recipe_of(family, params={"prior": prior}).model.bottleneck
    torch.manual_seed(1)
    drawn = bottleneck.sample_prior(10)
    torch.manual_seed(1)
    assert torch.equal(drawn, priors.PRIORS[prior](10, 2))
    assert bottleneck.standard_normal_prior == (prior == "gaussian")


def test_a_wae_of_before_there_were_priors_keeps_its_id_and_its_loss():
    now = resolve_config(presets.default_config("digits", family="wae"))
    before = dataclasses.replace(now, params={"mmd_weight": 100.0})
    assert now.params["prior"] == "gaussian" and now.id == before.id
    assert resolve_config(dataclasses.replace(now, params={"prior": "ring"})).id != now.id
    assert all(
        {param.name: param.default for param in FAMILIES[family].params}[name] == value
        for family, added in ADDED_PARAMS.items()
        for name, value in added.items()
    )
    p = build_recipe(now).forward(torch.rand(9, 1, 8, 8))
    torch.manual_seed(2)
    said = build_recipe(now).objectives[0].loss(p)["mmd"]
    torch.manual_seed(2)
    assert said.item() == pytest.approx(100 * mmd(p.latent.z, torch.randn_like(p.latent.z)).item())
