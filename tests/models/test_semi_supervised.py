"""Families that learn from some labels, from two domains or from two views: numbers that follow from their definitions,
and the seam by which labels are hidden."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis.latents import classification
from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.data.datasets import Split, load
from aecore.data.modalities import Series
from aecore.models.bottlenecks import GaussianBottleneck
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.likelihoods import Bernoulli
from aecore.models.networks import BatchNorm, NetworkFactory, mlp
from aecore.models.presets import default_config
from aecore.models.recipe import ForwardPass, Recipe
from aecore.models.semi_supervised.classifiers import (
    SemiSupervisedVAE,
    classification_loss,
    label_weights,
    marginal_bound,
)
from aecore.models.semi_supervised.contrastive import augment, nt_xent, shift_images
from aecore.models.semi_supervised.domains import (
    domain_loss,
    inverted,
    reversal_schedule,
    reverse_gradient,
    two_domains,
)
from aecore.models.semi_supervised.ladder import (
    Combinator,
    LadderDecoder,
    denoising_costs,
    ladder_autoencoder,
    ladder_path,
    ladder_widths,
)
from aecore.training.loop import fit

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _seeded():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        yield


# --- Labels that are hidden -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1])
def test_so_many_labels_of_each_class_stay_and_the_others_are_unknown(seed):
    train = load("digits").train
    hidden = train.hide_labels(10, seed)
    kept = hidden.y >= 0
    assert np.bincount(hidden.y[kept]).tolist() == [10] * 10
    assert (hidden.y[kept] == train.y[kept]).all() and (hidden.y[~kept] == -1).all()
    assert hidden.x is train.x and (train.y >= 0).all()  # samples stay, and the original is as it was


def test_the_seed_draws_whose_labels_stay():
    train = load("digits").train
    first, again, other = (train.hide_labels(10, seed).y >= 0 for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_zero_labels_per_class_are_all_and_a_small_class_keeps_what_it_has():
    split = Split(np.zeros((5, 1, 2, 2), np.uint8), np.array([0, 0, 0, 1, 1]))
    assert split.hide_labels(0) is split
    assert np.bincount(split.hide_labels(3).y, minlength=2).tolist() == [3, 2]


@pytest.mark.parametrize(
    ("family", "kept"),
    [("semi-supervised-vae", 5), ("ladder-network", 5), ("domain-adversarial", 5), ("contrastive", 0), ("vae", 0)],
)
def test_only_families_that_learn_from_labels_keep_the_setting(family, kept):
    assert resolve_config(Config(family=family, labels_per_class=5)).labels_per_class == kept
    if not kept:  # so that it is the same run
        assert resolve_config(Config(family=family, labels_per_class=5)).id == resolve_config(Config(family=family)).id


def test_a_loss_meets_minus_one_in_training_and_every_label_of_held_out_samples():
    config = resolve_config(Config(family="ladder-network", hidden_sizes=(4,), epochs=1, labels_per_class=2))
    recipe, seen, known = build_recipe(config), [], []

    def loss(p: ForwardPass) -> dict[str, torch.Tensor]:
        (seen if p.model.training else known).append(p.y.clone())
        assert torch.equal(p.labelled, p.y >= 0)
        return {"reconstruction": p.nll.mean()}

    list(fit(Recipe.simple(recipe.model, loss), load("digits"), config, CPU))
    trained = torch.cat(seen)
    assert len(trained) == len(load("digits").train) and int((trained >= 0).sum()) == 20
    assert (torch.cat(known) >= 0).all()


# --- M2 ---------------------------------------------------------------------------------------------------------------


def _m2(n_classes: int = 3) -> SemiSupervisedVAE:
    """Of 4 binary pixels, with a code of 2 numbers."""
    make = NetworkFactory((1, 2, 2), hidden_sizes=(6,), n_classes=n_classes)
    encoder, bottleneck, decoder = make.encoder(4), GaussianBottleneck(2), make.decoder(2 + n_classes)
    embedding, classifier = torch.randn(n_classes, 1, 2, 2), make.encoder(n_classes)
    return SemiSupervisedVAE(encoder, bottleneck, decoder, Bernoulli(), embedding, classifier)


def _point_posteriors(model: SemiSupervisedVAE) -> None:
    """Clouds so narrow that a draw is their mean: what is decoded hangs on no chance."""
    last = model.encoder[-1]
    last.weight.data[2:], last.bias.data[2:] = 0, -40


@torch.no_grad()
def test_the_bound_without_a_label_is_the_mean_over_classes_less_the_entropy():
    """U(x) = sum_y q(y|x) (reconstruction + KL of z + log K) - H(q(y|x)): Kingma et al. 2014, equation 7."""
    model, x = _m2(), torch.rand(2, 1, 2, 2).round()
    _point_posteriors(model)
    p = ForwardPass(model, x, x, torch.tensor([-1, -1]))
    by_hand = 0.0
    q = model.classifier(x).softmax(1)
    for y in range(3):
        latent = model.encode(x, torch.tensor([y, y]))
        nll = Bernoulli().nll(model.decode(latent.mean, torch.tensor([y, y])), x)
        by_hand += q[:, y] * (nll + latent.kl.sum(1) + math.log(3))
    by_hand = (by_hand + (q * q.log()).sum(1)).mean()
    parts = marginal_bound(p, label_weights(model.class_logits(x), p))
    # exp(-20) times a normal number is all that a draw is beside its mean
    torch.testing.assert_close(sum(parts.values()), by_hand, rtol=1e-6, atol=1e-5)


@torch.no_grad()
def test_a_classifier_that_is_sure_gives_the_bound_of_the_label():
    model, x, y = _m2(), torch.rand(4, 1, 2, 2).round(), torch.tensor([2, 0, 1, 2])
    _point_posteriors(model)
    told = marginal_bound(ForwardPass(model, x, x, y), nn.functional.one_hot(y, 3).float())
    p = ForwardPass(model, x, x, torch.full((4,), -1))
    sure = marginal_bound(p, label_weights(200.0 * nn.functional.one_hot(y, 3), p))
    assert told["label kl"].item() == pytest.approx(math.log(3), rel=1e-6)
    for name in told:
        torch.testing.assert_close(told[name], sure[name], rtol=1e-5, atol=1e-5)


@torch.no_grad()
def test_a_classifier_that_does_not_know_pays_nothing_for_its_opinion():
    model, x = _m2(), torch.rand(4, 1, 2, 2)
    p = ForwardPass(model, x, x, torch.full((4,), -1))
    assert marginal_bound(p, label_weights(torch.zeros(4, 3), p))["label kl"].item() == pytest.approx(0, abs=1e-6)


@torch.no_grad()
def test_a_batch_of_both_is_the_mean_of_its_samples():
    model, x, y = _m2(), torch.rand(3, 1, 2, 2), torch.tensor([1, -1, 0])
    _point_posteriors(model)
    p = ForwardPass(model, x, x, y)
    together = marginal_bound(p, label_weights(model.class_logits(x), p))
    alone = []
    for row in range(3):
        one = ForwardPass(model, x[row : row + 1], x[row : row + 1], y[row : row + 1])
        alone.append(marginal_bound(one, label_weights(model.class_logits(one.x), one)))
    for name, part in together.items():
        torch.testing.assert_close(part, sum(each[name] for each in alone) / 3, rtol=1e-5, atol=1e-6)


def test_cross_entropy_counts_labelled_samples_alone():
    logits = torch.tensor([[2.0, 0.0], [0.0, 0.0], [5.0, -5.0]])
    p = ForwardPass(_m2(2), torch.zeros(3, 1, 2, 2), torch.zeros(3, 1, 2, 2), torch.tensor([0, 1, -1]))
    # -log of sigmoid(2) and of 1/2, their mean
    expected = (math.log1p(math.exp(-2)) + math.log(2)) / 2
    assert classification_loss(logits, p).item() == pytest.approx(expected, rel=1e-6)
    unknown = replace(p, y=torch.full((3,), -1))
    assert classification_loss(logits, unknown).item() == 0
    assert classification_loss(logits, replace(p, y=None)).item() == 0


def test_a_label_that_is_not_known_is_the_classifiers():
    model, x = _m2().eval(), torch.rand(5, 1, 2, 2)
    inferred = model.classifier(x).argmax(1)
    assert torch.equal(model.classify(x), inferred)
    told = torch.tensor([-1, 2, -1, 0, 1])
    mixed = torch.where(told < 0, inferred, told)
    assert torch.equal(model.encode_mean(x), model.encode_mean(x, inferred))
    assert torch.equal(model.encode_mean(x, told), model.encode_mean(x, mixed))
    assert torch.equal(model.reconstruct(x), model.reconstruct(x, inferred))


# --- Ladder network ---------------------------------------------------------------------------------------------------


def _ladder(hidden: tuple[int, ...] = (5,)):
    make = NetworkFactory((1, 2, 3), hidden_sizes=hidden, n_classes=3)
    return ladder_autoencoder(make, 4), LadderDecoder(ladder_widths(make, 4))


def test_without_noise_the_identity_costs_nothing():
    model, cleaner = _ladder()
    x = torch.rand(16, 1, 2, 3)
    (clean, _), (noisy, logits) = ladder_path(model, x), ladder_path(model, x, noise=0.0)
    estimates = cleaner(noisy, logits)  # combinators begin as the identity
    assert [each.shape for each in estimates] == [(16, width) for width in (6, 5, 4, 3)]
    assert denoising_costs(clean, estimates).item() == 0


def test_costs_of_layers_are_mean_squares_with_the_weights_of_the_paper():
    """Errors of 1, 2 and 3 everywhere: 1000 * 1 + 10 * 4 + 0.1 * 9 (Rasmus et al. 2015, section 4.1)."""
    clean = [torch.zeros(2, width) for width in (6, 5, 4)]
    wrong = [torch.full_like(each, level + 1) for level, each in enumerate(clean)]
    assert denoising_costs(clean, wrong).item() == pytest.approx(1000 + 40 + 0.9, rel=1e-6)


def test_the_identity_pays_for_the_noise_that_there_is():
    """One layer, the sample itself: z-hat = x + 0.3 e costs 1000 * 0.09; 40,000 draws of e^2 vary by a hundredth."""
    x = torch.zeros(10_000, 4)
    noisy = x + 0.3 * torch.randn(10_000, 4)
    estimate = Combinator(4)(noisy, torch.randn(10_000, 4))
    assert denoising_costs([x], [estimate]).item() == pytest.approx(90, rel=0.03)


def test_the_combinator_is_that_of_the_paper_by_hand():
    """mu = 2 s(u) - u + 1 and v = 0.5, at z = 3, u = 0: mu = 2 and the estimate (3 - 2) / 2 + 2 = 2.5."""
    combinator = Combinator(1)
    combinator.mean.data = torch.tensor([[2.0], [1.0], [0.0], [-1.0], [1.0]])
    combinator.share.data = torch.tensor([[0.0], [1.0], [0.0], [0.0], [0.5]])
    assert combinator(torch.tensor([[3.0]]), torch.zeros(1, 1)).item() == pytest.approx(2.5)


def test_of_one_noisy_layer_the_best_line_takes_away_the_paying_part():
    """z normal with variance 1, noise of variance s^2: E[z | z + e] = (z + e) / (1 + s^2), which leaves s^2 / (1 + s^2)
    in place of s^2: 0.0826 for 0.3. The combinator can say it with mu = 0 and v constant."""
    z = torch.randn(50_000, 1)
    combinator = Combinator(1)
    combinator.mean.data.zero_()
    combinator.share.data = torch.tensor([[0.0], [0.0], [0.0], [0.0], [1 / 1.09]])
    left = (combinator(z + 0.3 * torch.randn_like(z), torch.zeros_like(z)) - z).square().mean().item()
    assert left == pytest.approx(0.09 / 1.09, rel=0.03)


def test_the_clean_path_is_the_model_and_every_layer_of_it_is_standardised():
    model, _ = _ladder((5, 7))
    x = torch.rand(32, 1, 2, 3)
    layers, logits = ladder_path(model.train(), x)
    assert torch.equal(layers[0], x.flatten(1))
    for each in layers[1:]:
        torch.testing.assert_close(each.mean(0), torch.zeros(each.shape[1]), atol=1e-5, rtol=0)
        assert (each.var(0, correction=0) - 1).abs().max() < 0.01  # eps, relative to a small variance
    torch.testing.assert_close(logits, model.classifier(model.encode(x).code))
    torch.testing.assert_close(ladder_path(model.eval(), x)[1], model.class_logits(x))


def test_looking_along_the_paths_moves_no_running_mean():
    model, _ = _ladder()
    norms = [each for each in model.modules() if isinstance(each, BatchNorm)]
    before = [each.running_mean.clone() for each in norms]
    ladder_path(model.train(), torch.rand(8, 1, 2, 3), noise=0.3)
    assert all(torch.equal(each.running_mean, old) for each, old in zip(norms, before, strict=True))


def test_labels_judge_the_noisy_path():
    """With noise that drowns everything the classes are guesses, though the clean path is the same: at least log K."""
    config = resolve_config(Config(family="ladder-network", params={"layer_noise": 2.0}, hidden_sizes=(8,)))
    recipe = build_recipe(config)
    x = torch.rand(64, 1, 8, 8)
    p = recipe.forward(x, torch.arange(64) % 10)
    with torch.no_grad():
        told = [recipe.objectives[0].loss(p)["classification"].item() for _ in range(2)]
    assert told[0] != told[1]  # another draw of the noise, another verdict


# --- Domains ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [0.0, 0.5, 2.0])
def test_a_reversal_is_the_identity_and_its_gradient_minus_lambda_times(weight):
    h = torch.randn(3, 4, requires_grad=True)
    through = reverse_gradient(h, weight)
    assert torch.equal(through, h)
    upstream = torch.randn(3, 4)
    (gradient,) = torch.autograd.grad((through * upstream).sum(), h)
    assert torch.equal(gradient, -weight * upstream)


def test_the_encoder_goes_up_the_loss_that_the_head_goes_down():
    head, codes = mlp([4, 6, 1]), torch.randn(8, 4, requires_grad=True)
    plain = torch.autograd.grad(domain_loss(head, codes, 4), [codes, *head.parameters()])
    turned = torch.autograd.grad(domain_loss(head, reverse_gradient(codes, 0.7), 4), [codes, *head.parameters()])
    torch.testing.assert_close(turned[0], -0.7 * plain[0])
    for a, b in zip(turned[1:], plain[1:], strict=True):
        assert torch.equal(a, b)


def test_the_schedule_of_the_reversal_is_the_papers():
    assert reversal_schedule(0) == 0
    assert reversal_schedule(0.1) == pytest.approx(math.tanh(0.5))  # 2 / (1 + exp(-10 p)) - 1 = tanh(5 p)
    assert reversal_schedule(math.inf) == reversal_schedule(1) == pytest.approx(0.99991, abs=1e-5)


def test_a_head_that_guesses_pays_log_two():
    head = nn.Linear(4, 1)
    nn.init.zeros_(head.weight), nn.init.zeros_(head.bias)
    assert domain_loss(head, torch.randn(6, 4), 3).item() == pytest.approx(math.log(2))


def test_the_second_half_of_a_batch_is_inverted_and_its_labels_stay_out():
    recipe = build_recipe(resolve_config(Config(family="domain-adversarial", hidden_sizes=(4,))))
    x, y = torch.rand(5, 1, 8, 8), torch.arange(5)
    p = recipe.forward(x, y)
    first, second = two_domains(p, inverted(None))
    assert torch.equal(first.x, x[:3]) and torch.equal(first.y, y[:3])
    torch.testing.assert_close(first.latent.code, recipe.model.encode(x[:3]).code)
    torch.testing.assert_close(second, recipe.model.encode(1 - x[3:]).code)
    wrong = recipe.forward(x, torch.tensor([0, 1, 2, 9, 9]))
    a, b = (recipe.objectives[0].loss(each)["classification"] for each in (p, wrong))
    assert torch.equal(a, b)


def test_what_is_about_zero_is_inverted_by_its_sign():
    x = torch.randn(2, 7, 1)
    assert torch.equal(inverted(Series(7))(x), -x) and torch.equal(inverted(None)(x), 1 - x)


# --- Views ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "temperature"), [(1, 0.5), (4, 0.5), (8, 0.1)])
def test_equal_pairs_orthogonal_to_all_others_cost_what_they_must(count, temperature):
    """The pair's cosine is 1, of 2 B - 2 others it is 0: -log of e^(1/t) / (e^(1/t) + 2 B - 2)."""
    views = 3.0 * torch.eye(count, 8)  # of any length
    expected = math.log1p((2 * count - 2) * math.exp(-1 / temperature))
    assert nt_xent(views, views, temperature).item() == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_views_that_are_all_alike_are_a_guess_among_the_others():
    views = torch.ones(6, 3)
    assert nt_xent(views, views, 0.5).item() == pytest.approx(math.log(2 * 6 - 1), rel=1e-5)


def test_swapping_views_changes_nothing_and_mixing_pairs_costs():
    a, b = torch.randn(8, 5), torch.randn(8, 5)
    torch.testing.assert_close(nt_xent(a, b, 0.5), nt_xent(b, a, 0.5))
    assert nt_xent(a, a, 0.5) < nt_xent(a, a.roll(1, 0), 0.5)


def test_a_moved_image_is_the_image_elsewhere():
    x = torch.zeros(200, 2, 16, 8)
    x[:, 0, 8, 4], x[:, 1, 9, 4] = 1, 0.5
    moved = shift_images(x)
    assert moved.shape == x.shape and torch.equal(moved.sum((2, 3)), x.sum((2, 3)))
    rows, columns = moved[:, 0].flatten(1).argmax(1) // 8, moved[:, 0].flatten(1).argmax(1) % 8
    assert set(rows.tolist()) == {6, 7, 8, 9, 10} and set(columns.tolist()) == {3, 4, 5}  # an eighth of 16 and of 8
    other = moved[:, 1].flatten(1).argmax(1)
    assert torch.equal(other, (rows + 1) * 8 + columns)  # channels move together


def test_views_ask_what_a_sample_is():
    image, series = torch.rand(4, 1, 8, 8), torch.randn(4, 12, 3)
    view = augment(image)
    assert view.min() >= 0 and view.max() <= 1 and not torch.equal(view, augment(image))
    hidden = augment(series.new_ones(400, 12, 3), Series(12, 3)) == 0
    assert torch.equal(hidden.all(2), hidden.any(2))  # all channels of a moment together
    assert hidden.float().mean().item() == pytest.approx(0.1, abs=0.02)  # 4,800 moments: a standard error of 0.004


# --- What comes of it -------------------------------------------------------------------------------------------------


def test_accuracies_are_shares_of_what_is_right():
    config = resolve_config(default_config("digits", family="ladder-network", epochs=3, labels_per_class=10))
    recipe, data = build_recipe(config), load("digits")
    list(fit(recipe, data, config, CPU))
    run = LoadedModel(config, recipe.model.eval(), {})
    test = data.test.head(200)
    found = classification.report(run, test)
    said = recipe.model.classify(torch.from_numpy(test.to_float()))
    assert found["accuracy"] == pytest.approx((said.numpy() == test.y).mean())
    assert found["n_fitted"] == 100 and found["majority_accuracy"] < 0.2
    assert 0.7 < found["raw_accuracy"] < 1 and "shifted_accuracy" not in found  # 0.84 to 0.90 over draws of 100 labels


def test_labels_alone_make_the_difference_of_a_run():
    few, all_ = (resolve_config(Config(family="ladder-network", labels_per_class=k)) for k in (10, 0))
    assert few.id != all_.id
