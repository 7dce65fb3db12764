"""Flows, and posteriors richer or narrower than a normal: what mathematics and the papers say of them."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import Tensor, nn
from torch.distributions import Normal, kl_divergence

from aecore.analysis import loaded
from aecore.analysis.latents import posterior
from aecore.analysis.likelihood_bounds import iwae_bound, log_weights
from aecore.data.datasets import load
from aecore.models import presets
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks.committed import CommittedRateBottleneck, max_log_variance
from aecore.models.bottlenecks.flow import FlowBottleneck
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.flows import (
    LOGIT_MARGIN,
    POSTERIOR_FLOWS,
    FlowDecoder,
    FlowEncoder,
    InverseAutoregressiveFlow,
    PlanarFlow,
    RealNVP,
)
from aecore.models.likelihoods import Gaussian
from aecore.models.networks import NetworkFactory
from aecore.models.variational_layers import VariationalLinear, log_uniform_kl


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _shaken(module: nn.Module, by: float = 0.3) -> nn.Module:
    """With weights that are not those of the beginning, where a flow may be the identity."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.add_(by * torch.randn_like(parameter))
    return module


def _log_abs_det(function, z: Tensor) -> Tensor:
    """log |det J| of a map of vectors at each of z `[B, D]`, by autograd: `[B]`."""
    jacobians = [torch.autograd.functional.jacobian(lambda v: function(v[None])[0], each) for each in z]
    return torch.stack([torch.linalg.slogdet(each).logabsdet for each in jacobians])


# RealNVP


@pytest.mark.parametrize("dim", [1, 2, 7])
def test_realnvp_runs_backwards_and_knows_its_change_of_volume(dim):
    flow, x = _shaken(RealNVP(dim, width=16), 0.1), torch.randn(20, dim)
    with torch.no_grad():
        z, log_det = flow(x)
        assert not torch.allclose(z, x, atol=0.1)
        torch.testing.assert_close(flow.inverse(z), x, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(log_det, _log_abs_det(lambda v: flow(v)[0], x), atol=1e-4, rtol=1e-4)


def test_realnvp_learns_two_moons_and_its_density_integrates_to_one():
    moons = torch.from_numpy(load("moons").train.to_float()).flatten(1)
    flow = RealNVP(2)
    optimiser = torch.optim.Adam(flow.parameters(), lr=3e-3)
    for _ in range(200):
        loss = -flow.log_prob(moons[torch.randint(len(moons), (256,))]).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    side = torch.linspace(-4, 4, 401)  # squares of 0.02, where the moons are 0.1 wide or more
    with torch.no_grad():
        density = flow.log_prob(torch.cartesian_prod(side, side)).exp()
        drawn = flow.sample(1000)
    assert density.sum().item() * 0.02**2 == pytest.approx(1, abs=0.01)
    normal = Normal(moons.mean(0), moons.std(0)).log_prob(moons).sum(1).mean()
    assert -loss.item() > normal + 0.3  # nats: the moons are bent, and no normal is
    assert torch.cdist(drawn, moons).min(1).values.median() < 0.1


# Flows of posteriors


@pytest.mark.parametrize("name", POSTERIOR_FLOWS)
@pytest.mark.parametrize("dim", [1, 2, 5])
def test_the_change_of_volume_of_a_posterior_flow_is_that_of_its_jacobian(name, dim):
    flow = _shaken(POSTERIOR_FLOWS[name](dim, 3))
    z, context = torch.randn(8, dim), torch.randn(8, flow.context)
    with torch.no_grad():
        _, log_det = flow(z, context)
    assert log_det.shape == z.shape
    found = torch.cat([_log_abs_det(lambda v, c=c[None]: flow(v, c)[0], z[[row]]) for row, c in enumerate(context)])
    torch.testing.assert_close(log_det.sum(1), found, atol=1e-4, rtol=1e-4)


def test_the_jacobian_of_an_autoregressive_step_is_triangular_and_the_next_one_turns_about():
    flow = _shaken(InverseAutoregressiveFlow(5, 2))
    z, context = torch.randn(5), torch.randn(1, flow.context)
    first, second = (
        torch.autograd.functional.jacobian(lambda v, s=s: s(v[None], context)[0][0], z) for s in flow.steps
    )
    assert torch.equal(first, first.tril()) and (first.tril(-1) != 0).sum() == 10  # each sees all before it
    assert torch.equal(second, second.triu()) and (second.triu(1) != 0).sum() == 10


def test_a_planar_flow_can_be_inverted_whatever_the_encoder_says():
    """Appendix A.1 of Rezende & Mohamed: w u >= -1, so z moves along w without turning back."""
    flow, context = PlanarFlow(2, 1), 10 * torch.randn(500, 5)
    line = torch.linspace(-5, 5, 201)[:, None]
    with torch.no_grad():
        for each in context.split(1):
            w = each[:, 2:4] / each[:, 2:4].norm()
            moved = flow(line * w, each.expand(201, -1))[0] @ w.T
            assert (moved.diff(dim=0) > -1e-5).all()


def test_a_planar_flow_that_is_told_nothing_does_nothing():
    z = torch.randn(4, 3)
    moved, log_det = PlanarFlow(3, 2)(z, torch.zeros(4, 14))
    assert torch.equal(moved, z) and not log_det.any()


@pytest.mark.parametrize("name", POSTERIOR_FLOWS)
def test_the_density_of_a_bent_posterior_integrates_to_one_and_its_kl_is_the_integral(name):
    """Of one dimension: density and KL by numerical integration over the draws before the flow."""
    bottleneck = FlowBottleneck(1, _shaken(POSTERIOR_FLOWS[name](1, 2)))
    h = torch.randn(1, bottleneck.in_features)
    parameters, context = h.split([2, bottleneck.flow.context], 1)
    mean, logvar = parameters[0]
    base = mean + (0.5 * logvar).exp() * torch.linspace(-8, 8, 4001)
    with torch.no_grad():
        z, log_det = (each[:, 0] for each in bottleneck.flow(base[:, None], context.expand(len(base), -1)))
        log_q = Normal(mean, (0.5 * logvar).exp()).log_prob(base) - log_det
        exact = np.trapezoid(log_q.exp() * (log_q - Normal(0, 1).log_prob(z)), z)
        assert np.trapezoid(log_q.exp(), z) == pytest.approx(1, abs=1e-3)
        drawn = bottleneck(h.expand(100_000, -1))
    error = drawn.kl.std().item() / math.sqrt(100_000)
    assert drawn.kl.mean().item() == pytest.approx(exact, abs=5 * error + 1e-4)
    torch.testing.assert_close(drawn.log_prob, drawn.log_q.sum(1))
    # the moments: 16 draws each, and the mean of 100,000 such estimates
    assert drawn.mean.mean().item() == pytest.approx(drawn.z.mean().item(), abs=0.02)
    assert drawn.sigma.square().mean().item() == pytest.approx(drawn.z.var().item(), rel=0.1)


def test_a_flow_that_does_nothing_leaves_the_gaussian_and_its_moments():
    bottleneck = FlowBottleneck(3, PlanarFlow(3, 2))
    h = torch.cat([torch.randn(50, 6), torch.zeros(50, 14)], 1)
    latent, (mean, logvar) = bottleneck.eval()(h), h[:, :6].chunk(2, 1)
    torch.testing.assert_close(latent.mean, mean)
    torch.testing.assert_close(latent.logvar, logvar, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(latent.code, mean)
    expected = Normal(mean, (0.5 * logvar).exp()).log_prob(latent.z) - Normal(0.0, 1.0).log_prob(latent.z)
    torch.testing.assert_close(latent.kl, expected)


def test_a_gaussian_says_the_density_of_its_draw():
    latent = build_recipe(resolve_config(presets.default_config("digits", family="vae"))).model.encode(
        torch.rand(4, 1, 8, 8)
    )
    torch.testing.assert_close(latent.log_prob, Normal(latent.mean, latent.sigma).log_prob(latent.z).sum(1))


@pytest.mark.parametrize("name", POSTERIOR_FLOWS)
def test_the_importance_weighted_bound_of_a_flow_reaches_log_p_of_x(name):
    """A linear decoder: x = a z + b + noise is normal, so log p(x) is known; many samples come to it (Burda et al.)."""
    make = NetworkFactory((1, 1, 2), hidden_sizes=(), likelihood=Gaussian(1.0))
    model = build_autoencoder(FlowBottleneck(1, _shaken(POSTERIOR_FLOWS[name](1, 2), 0.1)), make).eval()
    x = torch.randn(6, 1, 1, 2)
    weight, bias = model.decoder[0].weight.detach()[:, 0], model.decoder[0].bias.detach()
    covariance = torch.eye(2) + weight[:, None] * weight
    exact = torch.distributions.MultivariateNormal(bias, covariance).log_prob(x.flatten(1)) + math.log(2 * math.pi)
    many = log_weights(model, x.repeat_interleave(10_000, 0), 1).view(6, -1).T  # without the constant of the Gaussian
    # an importance sample's standard error, at most 5 of them; the likelihood leaves out the same constant
    error = 5 * (many - exact).exp().std(0) / 100
    assert (error < 0.2).all() and ((iwae_bound(many, 10_000) - exact).abs() < error).all()
    assert (many.mean(0) < exact).all()


def test_normals_with_the_moments_of_a_flow_tell_no_more_than_it():
    """KL(q || N(0, 1)) is least for the normal among all q of the same moments, for that has the largest entropy."""
    config = resolve_config(presets.default_config("digits", family="flow-vae", params={"posterior_flow": "iaf"}))
    model = build_recipe(config).model.eval()
    _shaken(model.bottleneck)
    run = loaded.LoadedModel(config, model, {})
    found = posterior.report(run, load("digits").test)
    parts = found["mutual_information"] + found["total_correlation"] + found["dimension_wise_kl"]
    assert parts == pytest.approx(found["kl_of_moments"], abs=0.15)  # five standard errors of 2,000 draws
    assert found["kl_of_moments"] < found["kl_total"]


@pytest.mark.slow
@pytest.mark.parametrize("name", POSTERIOR_FLOWS)
def test_a_flow_tightens_the_bound_on_digits(name):
    """Means over five seeds. What a bound misses, ELBO to 128 importance samples, is what a posterior cannot be."""
    from benchmarks.posterior_flows import bounds

    models = ("vae", {}), ("flow-vae", {"posterior_flow": name})
    plain, bent = (np.array([bounds(*model, seed) for seed in range(5)]) for model in models)
    assert (bent[:, 1] - bent[:, 0]).mean() < (plain[:, 1] - plain[:, 0]).mean()  # 0.22 (planar), 0.24 (iaf), 0.28
    assert bent[:, 0].mean() > plain[:, 0].mean() - 0.15  # seeds differ by 0.1, so means of five by 0.06: two of these


# RealNVP as encoder and decoder


@pytest.mark.parametrize("levels", [0, 17])
def test_a_flow_gives_samples_back(levels):
    encoder = _shaken(FlowEncoder(RealNVP(6, width=16), levels), 0.1).eval()
    x = torch.randint(17, (9, 1, 2, 3)) / 16 if levels else torch.randn(9, 1, 2, 3)
    with torch.no_grad():
        torch.testing.assert_close(FlowDecoder(encoder, (1, 2, 3))(encoder(x)), x, atol=1e-5, rtol=1e-5)


def test_the_likelihood_of_whole_numbers_adds_up_to_one():
    """One pixel of 5 levels: -log p at draws within its level bounds -log P from above (Jensen), and the mean of p over
    draws is P; the five add up to what the logit leaves, all of (0, 1) but its margins."""
    encoder = _shaken(FlowEncoder(RealNVP(1, width=8), 5), 0.1).eval()
    x = torch.arange(5).repeat_interleave(20_000)[:, None] / 4
    with torch.no_grad():
        nats = encoder.nll(x).view(5, -1)
        edges = torch.logit(torch.tensor([LOGIT_MARGIN, 1 - LOGIT_MARGIN]))[:, None]
        ends = encoder.flow(edges)[0].flatten()
    within = (Normal(0.0, 1.0).cdf(ends[1]) - Normal(0.0, 1.0).cdf(ends[0])).abs().item()
    assert (-nats).exp().mean(1).sum().item() == pytest.approx(within, abs=0.01)
    assert (nats.mean(1) >= -(-nats).exp().mean(1).log() - 1e-6).all()


def test_the_family_is_exact_and_its_code_is_as_large_as_a_sample():
    config = resolve_config(presets.default_config("digits", family="real-nvp", latent_dim=3))
    assert config.latent_dim == 64 and config.id == resolve_config(replace(config, latent_dim=9)).id
    model, x = build_recipe(config).model.eval(), torch.rand(5, 1, 8, 8)
    assert model.encode_mean(x).shape == (5, 64)
    torch.testing.assert_close(model.reconstruct(x), x, atol=1e-5, rtol=1e-5)


def test_the_loss_of_real_values_is_the_density_of_the_flow():
    config = resolve_config(presets.default_config("moons", family="real-nvp"))
    recipe, x = build_recipe(config), torch.randn(50, 2)
    _shaken(recipe.model.encoder.flow, 0.1)
    parts = recipe.objectives[0].loss(recipe.forward(x))
    z = recipe.model.encode(x).z
    change = _log_abs_det(lambda v: recipe.model.encode(v).z, x)
    expected = -(Normal(0.0, 1.0).log_prob(z).sum(1) + change).mean()
    torch.testing.assert_close(parts["flow nll"], expected, atol=1e-3, rtol=1e-3)
    assert parts["reconstruction"] < 1e-6


# delta-VAE


@pytest.mark.parametrize("delta", [0.0, 0.5, 4.0, 20.0])
@pytest.mark.parametrize("latent_dim", [1, 8])
def test_no_posterior_of_a_delta_vae_tells_less_than_delta(delta, latent_dim):
    bottleneck = CommittedRateBottleneck(latent_dim, delta)
    said = torch.cat([torch.zeros(1, 2 * latent_dim), 30 * torch.randn(2000, 2 * latent_dim)]).double()
    said = torch.cat([said, torch.tensor([[0.0] * latent_dim + [-50.0] * latent_dim]).double()])
    kl = bottleneck(said).kl.sum(1)
    assert (kl >= delta - 1e-9).all()
    assert kl[-1].item() == pytest.approx(delta, abs=1e-9)  # and the least of them is reached: mean 0, the widest


def test_the_widest_posterior_has_the_kl_that_it_must_have():
    for nats in (0.1, 1.0, 5.0):
        sigma = math.exp(max_log_variance(nats) / 2)
        assert sigma < 1 and kl_divergence(Normal(0.0, sigma), Normal(0.0, 1.0)).item() == pytest.approx(nats, rel=1e-5)


# Variational dropout


def _exact_kl(log_alpha: float) -> float:
    """KL of N(1, alpha) from the log-uniform prior p(|w|) = 1 / |w|, by integration, up to its constant: minus the
    entropy of the normal plus E log |w| (Kingma, Salimans & Welling 2015, appendix C)."""
    sigma = math.exp(0.5 * log_alpha)

    def integrand(epsilon: float) -> float:
        return math.exp(-0.5 * epsilon**2) / math.sqrt(2 * math.pi) * math.log(abs(1 + sigma * epsilon))

    pole = -1 / sigma  # of the logarithm, where the integral is cut in two
    ends = [-12.0, *([pole] if pole > -12 else []), 12.0]
    expected = sum(integrate.quad(integrand, low, high, limit=500)[0] for low, high in pairwise(ends))
    return expected - 0.5 * log_alpha


def test_the_kl_of_a_weight_is_the_integral():
    """Molchanov et al. 2017, figure 1: the approximation is close to the truth everywhere. It goes to 0 for large
    alpha, where E log |w| - log sigma is that of a normal around 0: -(log 2 + Euler's constant) / 2."""
    constant = -0.5 * (math.log(2) + np.euler_gamma)
    for log_alpha in (-8.0, -4.0, -2.0, -1.0, 0.0, 1.0, 2.0, 4.0, 8.0):
        ours = log_uniform_kl(torch.tensor(log_alpha)).item()
        assert ours == pytest.approx(_exact_kl(log_alpha) - constant, abs=0.02), log_alpha


def test_outputs_of_a_variational_layer_are_those_of_drawn_weights():
    """The local reparameterisation: y = sum_i w_i x_i of normal weights is normal, its variances add up."""
    layer = VariationalLinear(nn.Linear(3, 2))
    with torch.no_grad():
        layer.log_variance.copy_(torch.randn(2, 3))
    x, n = torch.tensor([0.5, -1.0, 2.0]), 100_000
    drawn = layer(x.expand(n, 3)).detach()
    mean = layer.weight.detach() @ x + layer.bias.detach()
    variance = layer.log_variance.detach().exp() @ x.square()
    for each in range(2):  # five standard errors
        assert drawn[:, each].mean().item() == pytest.approx(mean[each].item(), abs=5 * math.sqrt(variance[each] / n))
        spread = variance[each].item()
        assert drawn[:, each].var().item() == pytest.approx(spread, abs=5 * spread * math.sqrt(2 / n))
    with torch.no_grad():
        torch.testing.assert_close(layer(x), mean)
    torch.testing.assert_close(layer.eval()(x), mean)


def test_a_bayesian_autoencoder_charges_each_sample_its_share_of_the_weights():
    config = resolve_config(presets.default_config("digits", family="bayesian", params={"weight_kl_weight": 1}))
    recipe = build_recipe(config)
    layers = [each for each in recipe.model.modules() if isinstance(each, nn.Linear)]
    assert all(isinstance(each, VariationalLinear) for each in layers) and len(layers) == 6
    charged = recipe.objectives[0].loss(recipe.forward(torch.rand(4, 1, 8, 8)))["weight kl"]
    n_train = load("digits").card.n_train
    expected = sum(log_uniform_kl(each.log_alpha).sum() for each in layers) / n_train
    torch.testing.assert_close(charged, expected)
