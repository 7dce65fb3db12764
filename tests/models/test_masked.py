"""Masked autoencoders: which patches are hidden, and what the loss counts."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from aecore.analysis.latents import inpainting
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import load
from aecore.data.modalities import Column, Image, Points, Series, Table, Video
from aecore.errors import UserError
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.likelihoods import Gaussian, ObservedOnly
from aecore.models.masks import PatchMask
from aecore.models.networks import NetworkFactory
from aecore.training.loop import fit

DIGITS = Image(1, 8, 8)


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


def _config(dataset="digits", likelihood=None, params=None, **settings):
    given = {"latent_dim": 8} | ({"likelihood": likelihood} if likelihood else {}) | settings
    return resolve_config(presets.default_config(dataset, family="masked", params=params or {}, **given))


# Patches


def test_patches_of_an_image_are_squares_row_by_row():
    assert Image(1, 4, 6).patch_of_position(2).tolist() == [[[0, 0, 1, 1, 2, 2]] * 2 + [[3, 3, 4, 4, 5, 5]] * 2]
    assert Image(3, 3, 3).patch_of_position(2).tolist() == [[[0, 0, 1], [0, 0, 1], [2, 2, 3]]]  # the edge has less


def test_patches_of_a_series_are_stretches_and_those_of_a_video_go_through_all_frames():
    assert Series(5, ("a", "b")).patch_of_position(2)[:, 0].tolist() == [0, 0, 1, 1, 2]
    tubes = Video(3, 4, 4).patch_of_position(2)
    assert tubes.shape == (3, 4, 4) and (tubes == tubes[0]).all() and tubes.max() == 3


def test_a_column_of_a_table_is_hidden_with_all_its_values():
    table = Table((Column("n"), Column("c", "category", categories=("x", "y", "z")), Column("h", "cyclic", period=24)))
    hidden = PatchMask(table, 1, 0.34)(torch.zeros(200, 6))
    assert (hidden[:, 1:4].float().std(1) == 0).all() and (hidden[:, 4] == hidden[:, 5]).all()
    assert (hidden[:, [0, 1, 4]].sum(1) == 1).all()  # one of three columns


@pytest.mark.parametrize(("ratio", "n_hidden"), [(0.05, 1), (0.25, 4), (0.5, 8), (0.75, 12), (0.95, 15)])
def test_of_each_image_the_same_number_of_patches_is_hidden(ratio, n_hidden):
    mask = PatchMask(DIGITS, 2, ratio)
    assert (mask.n_patches, mask.n_hidden) == (16, n_hidden)
    hidden = mask(torch.zeros(50, 1, 8, 8))
    assert (hidden.flatten(1).sum(1) == 4 * n_hidden).all()  # whole patches of 2 x 2 pixels
    patches = hidden.unfold(2, 2, 2).unfold(3, 2, 2).flatten(-2)
    assert (patches.all(-1) == patches.any(-1)).all()


def test_every_patch_is_hidden_equally_often_and_all_colours_with_it():
    hidden = PatchMask(Image(3, 8, 8), 4, 0.5)(torch.zeros(4000, 3, 8, 8))
    assert (hidden == hidden[:, :1]).all()
    shares = hidden[:, 0, ::4, ::4].float().mean(0)
    assert (shares - 0.5).abs().max() < 4 * 0.5 / math.sqrt(4000)  # four standard errors


def test_one_of_two_coordinates_is_hidden_and_never_both():
    assert (PatchMask(Points(), 1, 0.95)(torch.zeros(20, 2)).sum(1) == 1).all()


def test_a_patch_that_covers_all_is_refused_in_a_sentence():
    with pytest.raises(UserError, match="A patch of 8 holds a whole image"):
        _config(params={"patch_size": 8})


# Loss


def test_in_training_each_sample_has_one_patch_to_all_that_may_be_hidden():
    """4 x 4 patches of the digits at a ratio of 0.75: 1 to 12 of them, each count as often as another. Of 2,400 samples
    200 are expected for each, with a standard deviation of 13.5; all within four and a half of these. Seed 0."""
    torch.manual_seed(0)
    hidden = PatchMask(Image(1, 8, 8), 2, 0.75).up_to(torch.rand(2400, 1, 8, 8))
    counts = torch.bincount(hidden.flatten(1).sum(1) // 4, minlength=17)
    assert counts[0] == 0 and counts[13:].sum() == 0
    assert (counts[1:13] - 200).abs().max() < 61


def test_the_loss_counts_hidden_pixels_alone():
    """By hand: squared error over 2 sigma^2 with sigma 0.2, over the hidden pixels of three images."""
    recipe = build_recipe(_config(likelihood="gaussian", params={"loss_on": "hidden"}))
    p = recipe.forward(torch.rand(3, 1, 8, 8))
    (objective,) = recipe.objectives
    drawn = p.logits.detach()
    by_hand = sum(
        12.5 * (float(drawn[i, 0, row, column]) - float(p.x[i, 0, row, column])) ** 2
        for i in range(3)
        for row in range(8)
        for column in range(8)
        if p.masked[i, 0, row, column]
    )
    assert objective.loss(p)["reconstruction"].item() == pytest.approx(by_hand / 3, rel=1e-5)
    assert (p.x_in[p.masked] == 0).all() and torch.equal(p.x_in[~p.masked], p.x[~p.masked])


@pytest.mark.parametrize(("loss_on", "counted"), [("hidden", "hidden"), ("all", "all")])
@pytest.mark.parametrize("likelihood", ["bernoulli", "gaussian", "laplace"])
def test_visible_targets_have_no_gradient(loss_on, counted, likelihood):
    recipe = build_recipe(_config(likelihood=likelihood, params={"loss_on": loss_on}))
    p = recipe.forward(torch.rand(3, 1, 8, 8))
    (gradient,) = torch.autograd.grad(recipe.objectives[0].loss(p)["reconstruction"], p.logits)
    assert (gradient[p.masked] != 0).all()
    assert (gradient[~p.masked] != 0).all() == (counted == "all")
    assert (gradient[~p.masked] == 0).all() == (counted == "hidden")


def test_what_is_hidden_changes_nothing_of_the_code():
    recipe = build_recipe(_config())
    x = torch.rand(4, 1, 8, 8)
    torch.manual_seed(1)
    p = recipe.forward(x)
    changed = torch.where(p.masked, torch.rand_like(x), x)
    torch.manual_seed(1)
    other = recipe.forward(changed)
    assert torch.equal(p.masked, other.masked) and torch.equal(p.latent.code, other.latent.code)


def test_under_ssim_all_pixels_count_and_a_note_says_so():
    config = _config(likelihood="ssim")
    recipe = build_recipe(config)
    p = recipe.forward(torch.rand(3, 1, 8, 8))
    assert recipe.objectives[0].loss(p)["reconstruction"] == p.nll.mean()
    note = FAMILIES["masked"].note
    assert "cannot leave single ones out" in note(config) and note(_config()) == ""


def test_missing_values_of_hidden_columns_cost_nothing():
    table = Table(tuple(Column(name) for name in "abcd"), missing=True)
    make = NetworkFactory((4,), modality=table, likelihood=ObservedOnly(Gaussian()))
    recipe = FAMILIES["masked"].build(make, 2, loss_on="hidden")
    x = torch.rand(50, 4)
    x[:, 0] = math.nan
    p = recipe.forward(x)
    hidden = p.masked & ~x.isnan()
    by_hand = 12.5 * (p.logits - x)[hidden].square().sum() / 50
    torch.testing.assert_close(recipe.objectives[0].loss(p)["reconstruction"], by_hand)


# Use


@pytest.fixture(scope="module")
def run():
    config = _config(latent_dim=32, epochs=30)
    recipe = build_recipe(config)
    for _ in fit(recipe, load("digits"), config, torch.device("cpu")):
        pass
    return LoadedModel(config, recipe.model.eval(), {})


def test_it_fills_in_better_than_the_mean_image(run):
    data = load("digits")
    (found,) = inpainting.fill_errors(run, data.train, data.test).values()
    assert found["model"] < 0.85 * found["mean"]  # seed 0: 0.051 of 0.076, less with more epochs


def test_visible_pixels_stay_and_hidden_ones_do_not_matter(run):
    x = load("digits").test.to_float(slice(6))
    (hidden,) = inpainting.draw_masks(run, x).values()
    filled = inpainting.fill(run, x, hidden)
    np.testing.assert_array_equal(filled[~hidden], x[~hidden])
    np.testing.assert_array_equal(filled, inpainting.fill(run, filled, hidden))


def test_neighbours_are_looked_for_by_visible_values():
    """Five training samples at each of two places; the second value is hidden, the first decides."""
    train = np.array([[0.0, 1.0]] * 5 + [[1.0, 3.0]] * 5, np.float32)
    filled = inpainting.fill_by_neighbours(train, np.array([[0.9, 0.0]], np.float32), np.array([[False, True]]))
    np.testing.assert_allclose(filled, [[0.9, 3.0]])
