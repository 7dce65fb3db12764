"""Learned priors: densities that add up to 1, samples that follow them, and a model that stays what it was."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
import torch

import aecore
from aecore.errors import UserError
from aecore.models import presets
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.latents import Latent
from aecore.models.learned_priors.autoregressive import AutoregressivePrior
from aecore.models.learned_priors.densities import FlowPrior, MixturePrior
from aecore.models.learned_priors.diffusion import DIFFUSION_STEPS, DiffusionPrior, cosine_schedule
from aecore.models.learned_priors.registry import LEARNED_PRIORS
from aecore.models.loss_terms import LEARNED_PRIOR, RECONSTRUCTION
from aecore.models.rng import seeded
from aecore.training.loop import fit
from aecore.training.state import TrainState

CPU = torch.device("cpu")
CONTINUOUS = [name for name in LEARNED_PRIORS if name != "autoregressive"]


@pytest.fixture(scope="module")
def digits():
    return aecore.load_dataset("digits")


def config_of(kind: str, **more):
    given = {"family": "vanilla", "latent_dim": 3, "epochs": 3, "hidden_sizes": (16,), "learned_prior": kind, **more}
    return resolve_config(presets.default_config("digits", **given))


def trained(config, data):
    recipe = build_recipe(config)
    return recipe, [each for each in fit(recipe, data, config, CPU) if each.validation]


def fitted(prior, codes: torch.Tensor, steps: int, lr: float = 0.01):
    """The prior after so many steps of Adam on all codes at once."""
    optimiser = torch.optim.Adam(prior.parameters(), lr)
    for _ in range(steps):
        loss = prior.loss(Latent(codes, codes)).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return prior.eval()


# --- The stage --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LEARNED_PRIORS)
def test_a_learned_prior_leaves_the_model_as_it_is_without_one(digits, kind):
    family = "vq-vae" if kind == "autoregressive" else "vanilla"
    (plain, before), (recipe, after) = (trained(config_of(each, family=family), digits) for each in ("none", kind))
    weights = recipe.model.state_dict()
    assert all(torch.equal(each, weights[name]) for name, each in plain.model.state_dict().items())
    assert [each.epoch for each in after] == [1, 2, 3, 4, 5, 6] and after[-1].fraction == 1 and after[-1].epochs == 6
    assert [LEARNED_PRIOR in each.validation for each in after] == 3 * [False] + 3 * [True]
    assert after[2].validation == before[2].validation
    assert after[-1].validation[RECONSTRUCTION] == before[-1].validation[RECONSTRUCTION], "nothing moves it any more"
    assert after[-1].train == {**before[-1].train, LEARNED_PRIOR: after[-1].train[LEARNED_PRIOR]}
    assert after[-1].validation[LEARNED_PRIOR] < after[3].validation[LEARNED_PRIOR]


def test_early_stopping_ends_the_model_and_the_prior_comes_at_once(digits):
    recipe, seen = trained(config_of("mixture", epochs=40, patience=1, lr=0.03, train_size=64), digits)
    epochs = [each.epoch for each in seen]
    stopped = next(at for at, (one, other) in enumerate(itertools.pairwise(epochs)) if other > one + 1)
    assert epochs[stopped + 1 :] == [*range(41, 81)] and seen[-1].fraction == 1
    assert recipe.model.bottleneck.learned_prior.initialised


def test_a_training_stopped_in_the_prior_goes_on_bit_for_bit(digits, tmp_path):
    config = config_of("diffusion")
    whole, _ = trained(config, digits)
    recipe = build_recipe(config)
    state = TrainState(recipe, config, CPU)
    for progress in fit(recipe, digits, config, CPU, state):
        if progress.epoch == 5:
            break
    (tmp_path / "state").write_bytes(state.save())
    other = build_recipe(config)
    again = TrainState(other, config, CPU)
    again.load(tmp_path / "state")
    assert again.epoch == 5
    list(fit(other, digits, config, CPU, again))
    assert all(torch.equal(each, other.model.state_dict()[name]) for name, each in whole.model.state_dict().items())


@pytest.mark.parametrize(("family", "kind"), [("vanilla", "autoregressive"), ("vq-vae", "flow")])
def test_what_does_not_fit_is_refused_in_a_sentence(family, kind):
    with pytest.raises(UserError, match=r"choose .* as learned prior"):
        config_of(kind, family=family)


@pytest.mark.parametrize("kind", LEARNED_PRIORS)
def test_samples_are_codes_and_hang_on_the_seed_alone(kind):
    recipe = build_recipe(config_of(kind, family="vq-vae" if kind == "autoregressive" else "vanilla"))
    bottleneck = recipe.model.eval().bottleneck
    drawn = []
    for _ in range(2):
        with seeded(5):
            drawn.append(bottleneck.sample(7))
    assert drawn[0].shape == (7, bottleneck.out_features) and torch.equal(*drawn) and not drawn[0].requires_grad
    assert torch.equal(bottleneck.project(drawn[0]), drawn[0]), "a code that the decoder can be given"


def test_zeros_as_initial_weights_are_a_lesson_about_the_model_and_not_about_its_prior():
    prior = build_recipe(config_of("diffusion", initialisation="zeros")).model.bottleneck.learned_prior
    assert any(float(each.detach().std()) > 0 for each in prior.parameters() if each.numel() > 1)


# --- Densities --------------------------------------------------------------------------------------------------------


def two_clusters(n: int = 400) -> torch.Tensor:
    """Codes about (-3, 10) and (3, 10), with correlated coordinates; seed 0."""
    with seeded(0):
        across = torch.randn(n, 2) @ torch.tensor([[0.5, 0.2], [0.0, 0.3]])
        return (
            across + torch.where(torch.rand(n, 1) < 0.3, -1.0, 1.0) * torch.tensor([3.0, 0.0]) + torch.tensor([0, 10.0])
        )


@pytest.mark.parametrize("make", [MixturePrior, FlowPrior])
def test_a_density_of_codes_integrates_to_one(make):
    """On a grid of 400 x 400 over the square of side 16 about the mean, in which all but 1e-4 of the mass lies; the
    midpoint rule of a smooth density on cells of 0.04 errs by less than that again."""
    with seeded(1):
        prior = fitted(make(2), two_clusters(), 100)
    axis = (torch.arange(400) + 0.5) / 400 * 16 - 8
    places = torch.cartesian_prod(axis, axis)
    with torch.no_grad():
        density = (-prior.loss_of_scaled(places)).exp()
    assert float(density.sum()) * (16 / 400) ** 2 == pytest.approx(1, abs=0.01)


def test_a_mixture_of_one_gaussian_gives_its_entropy():
    """-log p of draws of a normal is its differential entropy, log(2 pi e) / 2 for each number: 1.419 nats; in units
    of the codes' spread. 4,000 draws give it to 0.02 (its standard deviation is sqrt(1/2) for each number)."""
    with seeded(3):
        codes = torch.randn(4000, 2)
        prior = fitted(MixturePrior(2), codes, 150, lr=0.02)
        found = float(prior.loss(Latent(codes, codes)).mean())
    assert found == pytest.approx(math.log(2 * math.pi * math.e), abs=0.06)


@pytest.mark.parametrize("make", [MixturePrior, FlowPrior, DiffusionPrior])
def test_samples_lie_where_codes_do(make):
    """Two clusters at 30 and 70 %: their shares among 1,000 samples within 10 points, and few between them. A normal of
    the same mean and covariance puts 27 % into the strip between |x| < 1.5."""
    codes = two_clusters()
    with seeded(4):
        prior = fitted(make(2), codes, 400)
        drawn = prior.sample(1000)
    assert float((drawn[:, 0] < 0).float().mean()) == pytest.approx(float((codes[:, 0] < 0).float().mean()), abs=0.1)
    assert float((drawn[:, 0].abs() < 1.5).float().mean()) < 0.08
    assert drawn.mean(0).tolist() == pytest.approx(codes.mean(0).tolist(), abs=0.35)


def test_codes_that_never_vary_are_drawn_as_they_are():
    codes = torch.cat([torch.randn(64, 1), torch.full((64, 1), 7.0)], 1)
    prior = fitted(MixturePrior(2), codes, 5)
    assert prior.sample(20)[:, 1].tolist() == pytest.approx(20 * [7.0], abs=0.1)


# --- Diffusion --------------------------------------------------------------------------------------------------------


def test_the_cosine_schedule_falls_from_signal_to_noise():
    """cos^2 at (t / T + 0.008) / 1.008 of a right angle, over that at t = 0 (Nichol & Dhariwal 2021, eq. 17)."""
    found = cosine_schedule(100)
    assert found[49].item() == pytest.approx(
        math.cos((0.5 + 0.008) / 1.008 * math.pi / 2) ** 2 / math.cos(0.008 / 1.008 * math.pi / 2) ** 2, rel=1e-5
    )
    assert found.diff().max() <= 0 and found[0] > 0.999 and found[-1] < 0.01


@pytest.mark.parametrize("steps", [1, 7, DIFFUSION_STEPS])
def test_denoising_with_the_true_noise_gives_back_the_code(steps, monkeypatch):
    """With a denoiser that knows the code c, the noise in z at level a is (z - sqrt(a) c) / sqrt(1 - a), and every
    number of steps ends at c."""
    prior, code = DiffusionPrior(2), torch.tensor([[0.5, -1.0]])

    def knows(z, step):
        signal = prior.signal[step, None]
        return (z - signal.sqrt() * code) / (1 - signal).sqrt()

    monkeypatch.setattr(prior, "predicted_noise", knows)
    path = prior.denoise_steps(torch.randn(4, 2), steps)
    assert len(path) == steps + 1
    assert path[-1].flatten().tolist() == pytest.approx((4 * code.flatten().tolist()), abs=1e-3)


# --- Autoregressive ---------------------------------------------------------------------------------------------------


@pytest.fixture
def autoregressive():
    with seeded(0):
        return AutoregressivePrior(VectorQuantizer(3, 4, 2)).eval()


def test_the_probabilities_of_all_codes_add_up_to_one(autoregressive):
    everything = torch.tensor([*itertools.product(range(4), repeat=3)])
    with torch.no_grad():
        log_p = autoregressive.conditionals(everything).gather(2, everything[..., None]).sum((1, 2))
    assert float(log_p.exp().sum()) == pytest.approx(1, abs=1e-5)


def test_the_log_likelihood_is_the_sum_of_its_conditionals(autoregressive):
    """Position by position, each from a pass over what comes before alone: nothing later leaks in."""
    code = torch.tensor([[2, 0, 3]])
    total = 0.0
    for position in range(3):
        for later in range(4):  # whatever stands at and after the position
            changed = code.clone()
            changed[0, position:] = later
            said = autoregressive.conditionals(changed)[0, position]
            assert torch.allclose(said, autoregressive.conditionals(code)[0, position], atol=1e-6)
        total -= float(said[code[0, position]])
    book = VectorQuantizer(3, 4, 2)
    quantized = replace(book.eval()(torch.zeros(1, 6)), indices=code)
    assert float(autoregressive.loss(quantized)) == pytest.approx(total, abs=1e-5)


def test_drawn_entries_follow_the_conditionals(autoregressive):
    """20,000 draws of 64 codes: a share of p has a standard deviation of sqrt(p (1 - p) / 20,000), below 0.0015 for the
    p of here; all within four of them and a half."""
    everything = torch.tensor([*itertools.product(range(4), repeat=3)])
    with torch.no_grad(), seeded(0):
        expected = autoregressive.conditionals(everything).gather(2, everything[..., None]).sum((1, 2)).exp()
        drawn = autoregressive.sample_indices(20_000)
    number = drawn @ torch.tensor([16, 4, 1])
    shares = torch.bincount(number, minlength=64) / 20_000
    assert ((shares - expected).abs() < 4.5 * (expected * (1 - expected) / 20_000).sqrt()).all()
