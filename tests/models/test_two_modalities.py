"""Two modalities and one code: products of experts, and one half from the other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch.distributions import Normal, kl_divergence

from aecore.analysis.latents import inpainting
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import load
from aecore.data.modalities import Image, Series, Video
from aecore.models import presets
from aecore.models.bottlenecks.product_of_experts import ProductOfExperts, product_of_gaussians
from aecore.models.families.build import build_recipe, resolve_config
from aecore.training.loop import fit


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _config(likelihood="gaussian", params=None, **settings):
    given = {"latent_dim": 4, "likelihood": likelihood} | settings
    return resolve_config(presets.default_config("digits", family="multimodal", params=params or {}, **given))


# Products of Gaussians


def test_two_equal_experts_halve_the_variance():
    mean, logvar = torch.randn(1, 3, 5), torch.randn(1, 3, 5)
    product, product_logvar = product_of_gaussians(mean.repeat(2, 1, 1), logvar.repeat(2, 1, 1))
    torch.testing.assert_close(product, mean[0])
    torch.testing.assert_close(product_logvar.exp(), logvar[0].exp() / 2)


def test_precisions_add_up_and_weigh_the_means():
    """N(1, 1/2) and N(4, 1): precisions 2 and 1, so the variance is 1/3 and the mean (2 * 1 + 1 * 4) / 3 = 2."""
    means, variances = torch.tensor([1.0, 4.0]).reshape(2, 1, 1), torch.tensor([0.5, 1.0]).reshape(2, 1, 1)
    mean, logvar = product_of_gaussians(means, variances.log())
    assert mean.item() == pytest.approx(2) and logvar.exp().item() == pytest.approx(1 / 3)


def test_the_density_is_the_product_of_the_densities():
    means, logvars, z = torch.randn(3, 1, 1), torch.randn(3, 1, 1), torch.linspace(-3, 3, 50)
    mean, logvar = product_of_gaussians(means, logvars)
    product = Normal(mean.squeeze(), (0.5 * logvar).exp().squeeze()).log_prob(z)
    each = sum(Normal(m.squeeze(), (0.5 * v).exp().squeeze()).log_prob(z) for m, v in zip(means, logvars, strict=True))
    torch.testing.assert_close(product - product[0], each - each[0], atol=1e-4, rtol=1e-4)  # up to a constant


def test_an_expert_of_infinite_variance_says_nothing_and_learns_nothing():
    means = torch.randn(2, 3, 5, requires_grad=True)
    logvars = torch.stack([torch.randn(3, 5), torch.full((3, 5), math.inf)]).requires_grad_()
    mean, logvar = product_of_gaussians(means, logvars)
    assert torch.equal(mean, means[0]) and torch.equal(logvar, logvars[0])
    (mean.sum() + logvar.sum()).backward()
    assert (means.grad[1] == 0).all() and (logvars.grad[1] == 0).all() and means.grad[0].isfinite().all()


def test_the_posterior_is_the_product_with_the_prior():
    """Two experts N(3, 1) and the prior N(0, 1): three precisions of 1, so N(2, 1/3); without experts the prior."""
    bottleneck = ProductOfExperts(1, 2)
    latent = bottleneck(torch.tensor([[3.0, 0.0, 3.0, 0.0], [3.0, math.inf, 3.0, math.inf]]))
    torch.testing.assert_close(latent.mean, torch.tensor([[2.0], [0.0]]))
    torch.testing.assert_close(latent.logvar.exp(), torch.tensor([[1 / 3], [1.0]]))
    torch.testing.assert_close(latent.kl[0, 0], kl_divergence(Normal(2, math.sqrt(1 / 3)), Normal(0.0, 1.0)))


# Halves


def test_the_left_half_of_an_image_is_left_of_its_middle():
    assert Image(1, 2, 5).first_half.tolist() == [[[True, True, False, False, False]] * 2]
    assert Video(3, 2, 4).first_half.all(axis=(0, 1)).tolist() == [True, True, False, False]
    assert Series(5, ("a", "b")).first_half[:, 0].tolist() == [True, True, False, False, False]


def test_an_encoder_sees_its_own_half_alone():
    model = build_recipe(_config()).model.eval()
    x = torch.rand(6, 1, 8, 8)
    left, right = (x.clone() for _ in range(2))
    left[..., :4], right[..., 4:] = torch.rand(2, 6, 1, 8, 4).unbind(0)
    own = model.features(x).unflatten(1, (2, -1))
    assert torch.equal(model.features(right).unflatten(1, (2, -1))[:, 0], own[:, 0])
    assert torch.equal(model.features(left).unflatten(1, (2, -1))[:, 1], own[:, 1])


def test_a_half_that_is_not_there_is_left_out_of_the_posterior():
    model = build_recipe(_config()).model.eval()
    x = torch.rand(6, 1, 8, 8)
    both = model.encode(x)
    for number, hidden in enumerate(model.masks(x).values()):
        alone = model.encode(model.hide(x, hidden))
        mean, logvar = model.features(x).unflatten(1, (2, 2, -1))[:, number].unbind(1)
        precision = 1 + (-logvar).exp()  # of the prior and the expert
        torch.testing.assert_close(alone.logvar, -precision.log())
        torch.testing.assert_close(alone.mean, mean * (-logvar).exp() / precision)
        assert (alone.logvar > both.logvar).all()  # who sees less is less sure
    nothing = model.encode(torch.full_like(x, math.nan))
    assert (nothing.mean == 0).all() and (nothing.logvar == 0).all()


def test_the_loss_is_three_elbos():
    """By hand, from each posterior: squared error over 2 sigma^2 with sigma 0.2 of what was shown, and the KL."""
    recipe = build_recipe(_config(params={"unimodal_weight": 0.5}))
    recipe.model.eval()
    x = torch.rand(5, 1, 8, 8)
    p = recipe.forward(x)
    torch.manual_seed(3)
    parts = recipe.objectives[0].loss(p)
    torch.manual_seed(3)
    left = x.clone()
    left[..., 4:] = math.nan
    right = x.clone()
    right[..., :4] = math.nan
    expected = []
    for shown in (x, left, right):
        latent = recipe.model.encode(shown)
        wrong = (recipe.model.decode(latent.z) - x)[~shown.isnan()].square().sum() / 5 * 12.5
        expected.append((wrong, kl_divergence(Normal(latent.mean, latent.sigma), Normal(0.0, 1.0)).sum() / 5))
    torch.testing.assert_close(parts["reconstruction"], expected[0][0])
    torch.testing.assert_close(parts["kl"], expected[0][1])
    torch.testing.assert_close(parts["unimodal elbo"], 0.5 * sum(sum(each) for each in expected[1:]))


@pytest.mark.slow
def test_it_draws_one_half_from_the_other():
    config = _config(latent_dim=16, epochs=40)
    recipe, data = build_recipe(config), load("digits")
    for _ in fit(recipe, data, config, torch.device("cpu")):
        pass
    run = LoadedModel(config, recipe.model.eval(), {})
    found = inpainting.fill_errors(run, data.train, data.test)
    assert set(found) == {"the left half alone", "the right half alone"}
    assert all(each["model"] < 0.9 * each["mean"] for each in found.values())
    x = data.test.to_float(slice(4))
    hidden = inpainting.draw_masks(run, x)["the left half alone"]
    filled = inpainting.fill(run, x, hidden)
    np.testing.assert_array_equal(filled[..., :4], x[..., :4])
