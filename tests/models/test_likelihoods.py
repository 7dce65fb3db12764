"""Likelihoods against torch.distributions, with values missing, and on other scales than their own."""

import math

import numpy as np
import pytest
import torch
from torch import distributions, nn

from aecore.analysis import metrics
from aecore.config import Config
from aecore.data.modalities import Column, Image, Series, Table
from aecore.errors import UserError
from aecore.models.corruptions import TRAINING_CORRUPTIONS
from aecore.models.likelihoods import (
    LIKELIHOODS,
    PIXEL_RANGES,
    SYMMETRIC_LIKELIHOODS,
    Gaussian,
    Laplace,
    ObservedOnly,
    PerColumn,
    Ssim,
    Symmetric,
    build_likelihood,
)
from aecore.models.likelihoods.ssim import ssim
from aecore.models.rng import seeded
from aecore.params import params_of

SEED = 8
MIXED = Table(
    (
        Column("size"),
        Column("open", "boolean", categories=("no", "yes")),
        Column("kind", "category", categories=("a", "b", "c")),
        Column("hour", "cyclic", period=24.0),
    ),
    missing=True,
)
SIZE, OPEN, KIND, HOUR = MIXED.slices


@pytest.fixture
def rows() -> torch.Tensor:
    """Rows of the table, `[40, 7]`, nothing missing."""
    torch.manual_seed(SEED)
    x = torch.randn(40, 7)
    x[:, OPEN] = (x[:, OPEN] > 0).float()
    x[:, KIND] = nn.functional.one_hot(torch.arange(40) % 3, 3).float()
    return x


@pytest.fixture
def raw() -> torch.Tensor:
    torch.manual_seed(SEED + 1)
    return 2 * torch.randn(40, 7)


def test_the_choices_of_a_run_are_the_likelihoods_and_ranges_there_are():
    choices = {each.name: each.choices for each in params_of(Config)}
    assert choices["likelihood"] == tuple(LIKELIHOODS) and choices["pixel_range"] == tuple(PIXEL_RANGES)


# --- Tables -----------------------------------------------------------------------------------------------------------


def test_each_column_is_as_surprised_as_its_distribution(rows, raw):
    likelihood = PerColumn(MIXED)
    with torch.no_grad():
        likelihood.log_scale.copy_(torch.linspace(-1, 1, 7))
    scale = likelihood.log_scale.exp()
    found = likelihood.nll_per_value(raw, rows)
    normal = -distributions.Normal(raw, scale).log_prob(rows)
    torch.testing.assert_close(found[:, SIZE], normal[:, SIZE])
    torch.testing.assert_close(found[:, HOUR], normal[:, HOUR])
    torch.testing.assert_close(found[:, OPEN], -distributions.Bernoulli(logits=raw[:, OPEN]).log_prob(rows[:, OPEN]))
    category = distributions.Categorical(logits=raw[:, KIND])
    torch.testing.assert_close(found[:, KIND].sum(1), -category.log_prob(rows[:, KIND].argmax(1)))
    torch.testing.assert_close(likelihood.nll(raw, rows), found.sum(1))


def test_the_mean_of_a_row_is_numbers_and_probabilities(raw):
    mean = PerColumn(MIXED).mean(raw)
    torch.testing.assert_close(mean[:, KIND], distributions.Categorical(logits=raw[:, KIND]).probs)
    torch.testing.assert_close(mean[:, OPEN], distributions.Bernoulli(logits=raw[:, OPEN]).mean)
    assert torch.equal(mean[:, SIZE], raw[:, SIZE]) and torch.equal(mean[:, HOUR], raw[:, HOUR])


def test_a_cell_that_is_missing_costs_nothing_and_teaches_nothing(rows, raw):
    likelihood, x = PerColumn(MIXED), rows.clone()
    x[::2, SIZE], x[::3, KIND], x[1::4, HOUR] = math.nan, math.nan, math.nan
    raw.requires_grad_()
    nll = likelihood.nll(raw, x)
    complete = likelihood.nll_per_value(raw, rows)
    torch.testing.assert_close(nll, torch.where(x.isnan(), 0.0, complete).sum(1))
    (gradient,) = torch.autograd.grad(nll.sum(), raw)
    (usual,) = torch.autograd.grad(likelihood.nll(raw, rows).sum(), raw)
    assert (gradient[x.isnan()] == 0).all()
    assert torch.equal(gradient[~x.isnan()], usual[~x.isnan()])
    nothing = likelihood.nll(raw, torch.full_like(x, math.nan)).sum()
    assert all(not each.any() for each in torch.autograd.grad(nothing, [raw, likelihood.log_scale]))


def test_a_scale_becomes_the_standard_deviation_of_what_is_left_over():
    """Closed form: for a fixed mean the best sigma of a normal is the root of the mean squared residual."""
    likelihood = PerColumn(Table((Column("a"), Column("b"))))
    torch.manual_seed(SEED)
    x = torch.randn(500, 2) * torch.tensor([0.3, 2.0])
    x[::5, 1] = math.nan
    optimiser = torch.optim.Adam(likelihood.parameters(), lr=0.05)
    for _ in range(300):
        optimiser.zero_grad()
        likelihood.nll(torch.zeros_like(x), x).mean().backward()
        optimiser.step()
    residual = x.square().nanmean(0).sqrt()
    torch.testing.assert_close(likelihood.log_scales.exp().detach(), residual, rtol=1e-3, atol=0)


def test_a_column_that_is_copied_does_not_send_the_loss_to_minus_infinity():
    likelihood, x = PerColumn(Table((Column("a"),))), torch.zeros(4, 1)
    with torch.no_grad():
        likelihood.log_scale.fill_(-1e6)
    assert likelihood.nll(x, x).isfinite().all()
    assert likelihood.log_scales.exp().item() == pytest.approx(0.01, rel=1e-5)


# --- Missing values ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("inner", [Gaussian(), Laplace()])
def test_what_was_not_observed_costs_nothing_and_has_no_gradient(inner):
    torch.manual_seed(SEED)
    raw, x = torch.randn(5, 9, 2, requires_grad=True), torch.randn(5, 9, 2)
    x[:, 6:] = math.nan
    nll = ObservedOnly(inner).nll(raw, x)
    torch.testing.assert_close(nll, inner.nll(raw[:, :6], x[:, :6]))
    (gradient,) = torch.autograd.grad(nll.sum(), raw)
    assert (gradient[:, 6:] == 0).all() and (gradient[:, :6] != 0).all()


# --- Images -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 12, 9), (3, 8, 8), (1, 4, 6), (1, 3, 3)])
def test_ssim_is_the_number_that_pages_show(shape):
    torch.manual_seed(SEED)
    a, b = torch.rand(6, *shape), torch.rand(6, *shape)
    b[3:] = (a[3:] + 0.1 * b[3:]).clamp(0, 1)
    np.testing.assert_allclose(ssim(a, b).numpy(), metrics.ssim(a.numpy(), b.numpy()), atol=1e-5)
    raw = torch.logit(b.clamp(1e-4, 1 - 1e-4))
    np.testing.assert_allclose(Ssim().nll(raw, a), (1 - ssim(b, a)) * a[0].numel(), atol=1e-2)
    torch.testing.assert_close(Ssim().nll(torch.logit(a), a), torch.zeros(6), atol=1e-3, rtol=0)


def test_ssim_can_be_learnt_by_its_gradient():
    torch.manual_seed(SEED)
    x, raw = torch.rand(2, 1, 8, 8), torch.zeros(2, 1, 8, 8, requires_grad=True)
    optimiser = torch.optim.Adam([raw], lr=0.1)
    first = Ssim().nll(raw, x).mean()
    for _ in range(200):
        optimiser.zero_grad()
        Ssim().nll(raw, x).mean().backward()
        optimiser.step()
    assert first > 50 and Ssim().nll(raw, x).mean() < 1  # of 64 at most, nearly


def test_a_flat_image_has_a_gradient_that_is_a_number():
    raw = torch.zeros(1, 1, 8, 8, requires_grad=True)
    (gradient,) = torch.autograd.grad(Ssim().nll(raw, torch.zeros(1, 1, 8, 8)).sum(), raw)
    assert gradient.isfinite().all()


def test_images_without_patterns_have_no_ssim():
    with pytest.raises(UserError, match="at least 3 by 3"):
        build_likelihood("ssim", "0 to 1", Image(1, 2, 8))


@pytest.mark.parametrize(("inner", "factor"), [(Gaussian(), 4), (Laplace(), 2)])
def test_pixels_from_minus_one_to_one_cost_as_their_differences_grow(inner, factor):
    torch.manual_seed(SEED)
    x, raw = torch.rand(3, 1, 4, 4), torch.randn(3, 1, 4, 4)
    likelihood = Symmetric(inner)
    mean = likelihood.mean(raw)
    torch.testing.assert_close(mean, (torch.tanh(raw) + 1) / 2)
    torch.testing.assert_close(likelihood.nll(raw, x), factor * inner.nll(mean, x))
    assert not likelihood.out_of_support(x).any()
    name = type(inner).__name__.lower()
    assert name in SYMMETRIC_LIKELIHOODS and build_likelihood(name, "-1 to 1", Image(1, 4, 4)) == likelihood


@pytest.mark.parametrize("noise", TRAINING_CORRUPTIONS)
def test_no_noise_fills_in_what_is_missing(noise):
    kind = Series(40, missing=True)
    x = torch.zeros(8, 40, 1)
    x[:, 30:] = torch.nan
    with seeded(0):
        noisy = TRAINING_CORRUPTIONS[noise](x, 0.9, kind)
    assert torch.equal(noisy.isnan(), x.isnan())
