"""Quantizers: how many codes there are, where gradients go, entropies by hand, and positions on a map."""

from __future__ import annotations

import inspect
import math
from dataclasses import replace
from itertools import pairwise

import pytest
import torch

from aecore.config import ADDED_PARAMS, Config
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.models.bottlenecks import (
    FiniteScalarQuantizer,
    GradientVectorQuantizer,
    LookupFreeQuantizer,
    SimVQ,
    VectorQuantizer,
)
from aecore.models.bottlenecks.scalar_quantizers import fsq_levels, lfq_bits
from aecore.models.code_losses import code_entropy_loss, codebook_loss
from aecore.models.config_query import initial_config
from aecore.models.families.build import FAMILIES, build_recipe, model_size, resolve_config
from aecore.models.latents import Quantized
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.models.losses import commitment_loss
from aecore.models.recipe import ForwardPass
from aecore.training.loop import fit

QUANTIZERS = ("vq-ema", "vq", "simvq", "fsq", "lfq")
EACH_QUANTIZER = pytest.mark.parametrize("quantizer", QUANTIZERS)


def config(quantizer: str = "vq-ema", network: str = "mlp", **params) -> Config:
    start = initial_config("digits", "vq-vae", network=network)
    settings = {"hidden_sizes": (16, 8), "epochs": 5, "lr": 0.01}
    return resolve_config(replace(start, **settings, params={**start.params, "quantizer": quantizer, **params}))


class Passed:
    """A forward pass of which only the latent is looked at."""

    def __init__(self, latent: Quantized) -> None:
        self.latent = latent


def passed(latent: Quantized) -> ForwardPass:
    return Passed(latent)  # type: ignore[return-value]


# --- How many codes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "levels"),
    [
        (16, (16,)),
        (64, (8, 8)),
        (512, (8, 8, 8)),
        (
            1024,
            (8, 5, 5, 5),
        ),  # this and the next: Mentzer et al. 2023, the levels that they recommend for 2^10 and 2^12
        (4096, (7, 5, 5, 5, 5)),
    ],
)
def test_levels_of_fsq_and_the_number_of_its_codes(asked, levels):
    assert fsq_levels(asked) == levels
    quantizer = FiniteScalarQuantizer(3, asked)
    assert quantizer.codebook_size == len(quantizer.codebook) == math.prod(levels)
    assert len({tuple(each) for each in quantizer.codebook.tolist()}) == math.prod(levels)


@pytest.mark.parametrize("asked", [25, 64, 100, 256, 1000, 4096])
def test_no_other_levels_of_five_or_more_come_closer(asked):
    """By trying all: of d numbers, 5 ** d being at most what was asked."""
    numbers = len(fsq_levels(asked))
    assert 5**numbers <= asked < 5 ** (numbers + 1)

    def products(left: int, least: int, so_far: int) -> set[int]:
        if not left:
            return {so_far}
        found = set()
        for level in range(least, 2 * asked // so_far + 1):
            if so_far * level**left > 2 * asked:
                break
            found |= products(left - 1, level, so_far * level)
        return found

    closest = min(abs(each - asked) for each in products(numbers, 5, 1))
    assert abs(math.prod(fsq_levels(asked)) - asked) == closest


@pytest.mark.parametrize(("asked", "bits"), [(2, 1), (3, 2), (64, 6), (90, 6), (91, 7), (4096, 12)])
def test_lfq_has_a_code_for_each_combination_of_signs(asked, bits):
    """2^6.5 = 90.5 lies between 64 and 128 by its logarithm."""
    assert lfq_bits(asked) == bits
    quantizer = LookupFreeQuantizer(2, asked)
    assert quantizer.codebook_size == 2**bits and quantizer.bits == 2 * bits
    assert set(quantizer.codebook.flatten().tolist()) == {-1, 1}
    binary = (quantizer.codebook > 0).long() @ (2 ** torch.arange(bits - 1, -1, -1))
    assert binary.tolist() == list(range(2**bits))


@EACH_QUANTIZER
def test_a_code_has_the_bits_of_its_codes(quantizer):
    size = model_size(config(quantizer, codebook_size=1024))
    count = {"fsq": 1000}.get(quantizer, 1024)
    assert size.code_bits == pytest.approx(8 * math.log2(count))
    assert size.code_size == 8 * {"fsq": 4, "lfq": 10}.get(quantizer, 4)


@pytest.mark.parametrize("quantizer", [FiniteScalarQuantizer(2, 240), LookupFreeQuantizer(2, 32)])
def test_rounding_finds_the_nearest_combination(quantizer):
    h = 1.5 * torch.randn(500, quantizer.in_features, generator=torch.Generator().manual_seed(0))
    encoded = quantizer.bound(quantizer.to_positions(h))
    distances = torch.cdist(encoded.flatten(0, 1), quantizer.codebook)
    assert torch.equal(quantizer.quantize_indices(encoded).flatten(), distances.argmin(1))
    assert quantizer.quantize_indices(quantizer.codebook[:, None].expand(-1, 2, -1))[:, 0].tolist() == list(
        range(quantizer.codebook_size)
    )


# --- Where gradients go -----------------------------------------------------------------------------------------------


def test_fsq_rounds_straight_through_and_bends_by_its_tanh():
    """8 levels over [-1, 1]: -1, -5/7, ..., 1. tanh(0.3) = 0.2913, between 1/7 and 3/7; tanh(2) = 0.964, nearest 1."""
    h = torch.tensor([[0.3, 2.0]], requires_grad=True)
    latent = FiniteScalarQuantizer(1, 64)(h)
    torch.testing.assert_close(latent.code, torch.tensor([[3 / 7, 1.0]]))
    torch.testing.assert_close(latent.z, latent.code)
    (slope,) = torch.autograd.grad(latent.z.sum(), h)
    torch.testing.assert_close(slope, 1 - torch.tanh(h.detach()) ** 2)


def test_lfq_keeps_signs_and_its_gradient_is_the_identity():
    h = torch.tensor([[0.3, -2.0, 0.0]], requires_grad=True)
    latent = LookupFreeQuantizer(1, 8)(h)
    assert latent.code.tolist() == [[1, -1, -1]] and latent.indices.tolist() == [[4]]
    (slope,) = torch.autograd.grad((latent.z * torch.tensor([1.0, 2.0, 3.0])).sum(), h)
    assert slope.tolist() == [[1, 2, 3]]


def vectors(quantizer: GradientVectorQuantizer) -> GradientVectorQuantizer:
    """Two vectors on a line, at 0 and at 1."""
    with torch.no_grad():
        quantizer.embedding.copy_(torch.tensor([[0.0], [1.0]]))
    quantizer.initialised.fill_(True)
    return quantizer.eval()


def test_the_codebook_loss_moves_the_codebook_and_the_commitment_the_encoder():
    """What is said is 0.3 and 0.8: the squared distances to 0 and 1 are 0.09 and 0.04, their mean over both 0.065; the
    slopes are 2 (0 - 0.3) / 2 and 2 (1 - 0.8) / 2."""
    quantizer, h = vectors(GradientVectorQuantizer(1, 2, 1)), torch.tensor([[0.3], [0.8]], requires_grad=True)
    p = passed(quantizer(h))
    for loss, moved, kept, slopes in (
        (codebook_loss(p), quantizer.embedding, h, [[-0.3], [0.2]]),
        (commitment_loss(p), h, quantizer.embedding, [[0.3], [-0.2]]),
    ):
        assert loss.item() == pytest.approx(0.065)
        slope, none = torch.autograd.grad(loss, [moved, kept], retain_graph=True, allow_unused=True)
        torch.testing.assert_close(slope, torch.tensor(slopes))
        assert none is None
    assert torch.autograd.grad(p.latent.z.sum(), [h, quantizer.embedding], allow_unused=True)[1] is None


def test_in_simvq_the_codebook_loss_reaches_the_map_alone():
    """Vectors W c of c = (1, 0) and (0, 1), W = 1: (0.8, 0.1) takes the first, and the slope of |x - W c|^2 by W is
    -2 (x - W c) c' = -2 (-0.2, 0.1)' (1, 0)."""
    quantizer = SimVQ(1, 2, 2).eval()
    with torch.no_grad():
        quantizer.embedding.copy_(torch.eye(2))
        quantizer.projection.weight.copy_(torch.eye(2))
    h = torch.tensor([[0.8, 0.1]], requires_grad=True)
    p = passed(quantizer(h))
    assert p.latent.indices.tolist() == [[0]] and [name for name, _ in quantizer.named_parameters()] == [
        "projection.weight"
    ]
    slope, none = torch.autograd.grad(codebook_loss(p), [quantizer.projection.weight, h], allow_unused=True)
    torch.testing.assert_close(slope, torch.tensor([[0.4, 0.0], [-0.2, 0.0]]))
    assert none is None


def test_a_step_of_simvq_moves_vectors_that_nothing_took():
    quantizer = SimVQ(1, 50, 2)
    before = quantizer.codebook.detach().clone()
    p = passed(quantizer(torch.tensor([[3.0, 3.0]])))
    codebook_loss(p).backward()
    with torch.no_grad():
        quantizer.projection.weight -= 0.1 * quantizer.projection.weight.grad
    assert ((quantizer.codebook - before).norm(dim=1) > 1e-4).float().mean() > 0.9


def test_vectors_of_vq_begin_at_the_encoder_and_dead_ones_are_put_there():
    quantizer, h = GradientVectorQuantizer(2, 4, 2, decay=0.5), 10 + torch.rand(50, 4)
    quantizer.train()(h)
    assert (quantizer.embedding > 9).all() and quantizer.initialised
    with torch.no_grad():
        quantizer.embedding[:2] = 1e3
    for _ in range(20):  # 0.5 ** 20: the averages have forgotten how often they were taken before
        quantizer(h)
    assert (quantizer.embedding < 12).all()
    kept = quantizer.embedding.clone()
    quantizer.eval()(h)
    assert torch.equal(kept, quantizer.embedding)


# --- The entropy of LFQ -----------------------------------------------------------------------------------------------


def binary_entropy(p: float) -> float:
    return -p * math.log(p) - (1 - p) * math.log(1 - p)


def test_the_entropy_loss_by_hand():
    """One number a, codes -1 and 1: the share of 1 is 1 / (1 + exp((a - 1)^2 - (a + 1)^2)) = sigmoid(4 a)."""
    codebook = LookupFreeQuantizer(1, 2).codebook
    a = 0.2
    share = 1 / (1 + math.exp(-4 * a))
    even = code_entropy_loss(torch.tensor([[[a]], [[-a]]]), codebook)
    assert even.item() == pytest.approx(binary_entropy(share) - math.log(2), rel=1e-5)
    assert code_entropy_loss(torch.tensor([[[a]], [[a]]]), codebook).item() == pytest.approx(0, abs=1e-6)


def test_the_entropy_of_a_position_is_that_of_its_signs_together():
    """Signs are chosen independently, so one position's entropy is the sum of those of its bits."""
    codebook, encoded = LookupFreeQuantizer(1, 16).codebook, torch.tensor([[[0.1, -0.3, 0.5, 0.0]]])
    bits = sum(binary_entropy(1 / (1 + math.exp(-4 * each))) for each in encoded.flatten().tolist())
    log_q = (2 * encoded[0] @ codebook.T).log_softmax(1)
    assert -(log_q.exp() * log_q).sum().item() == pytest.approx(bits, rel=1e-5)
    assert code_entropy_loss(encoded, codebook).item() == pytest.approx(0, abs=1e-5)  # alone it is its own mean


def test_decided_and_even_codes_have_the_least_entropy_loss_and_a_finite_slope():
    quantizer = LookupFreeQuantizer(2, 8)
    encoded = (30 * quantizer.codebook)[:, None].expand(-1, 2, -1).clone().requires_grad_()
    loss = code_entropy_loss(encoded, quantizer.codebook)
    assert loss.item() == pytest.approx(-2 * math.log(8), rel=1e-5)
    (slope,) = torch.autograd.grad(loss, encoded)
    assert slope.isfinite().all()


# --- Positions on a map -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("per_place", [1, 2])
def test_positions_are_the_places_of_the_map_row_by_row(per_place):
    quantizer = VectorQuantizer(6 * per_place, 4, 3, grid=(2, 3))
    features = torch.randn(5, 3 * per_place, 2, 3)
    positions = quantizer.to_positions(features.flatten(1))
    for row in range(2):
        for column in range(3):
            first = (3 * row + column) * per_place
            place = positions[:, first : first + per_place].flatten(1)
            assert torch.equal(place, features[:, :, row, column])
    assert torch.equal(quantizer.decoder_input(positions.flatten(1)), features.flatten(1))


def test_an_exchanged_token_changes_its_own_part_of_the_picture():
    """Halved once: the token of row r and column c is drawn at pixels 2 r and 2 c, and convolutions of 3 x 3 before and
    after the enlargement spread it by 3 pixels at most each way."""
    settings = {"hidden_sizes": (6,), "latent_dim": 64, "dataset": "shapes-colour", "network": "conv-spatial"}
    model = build_recipe(resolve_config(Config(family="vq-vae", **settings | {"latent_dim": 256}))).model.eval()
    height, width = model.bottleneck.grid
    assert height * width == model.bottleneck.n_positions
    codes = model.bottleneck.lookup(torch.zeros(1, height * width, dtype=torch.long)).repeat(2, 1)
    row, column = 5, 9
    position = row * width + column
    dim = model.bottleneck.embedding_dim
    codes[1, position * dim : (position + 1) * dim] = model.bottleneck.codebook[1]
    drawn = model.decode(codes)
    changed = (drawn[0] != drawn[1]).any(0).nonzero()
    assert len(changed)
    for place, at in enumerate((row, column)):
        assert changed[:, place].min() >= 2 * at - 3 and changed[:, place].max() <= 2 * at + 1 + 3


def test_a_form_begins_with_positions_that_fill_the_map():
    assert config(network="conv-spatial").latent_dim == 8  # digits: 2 x 2 places, two positions each
    assert resolve_config(initial_config("mnist", "vq-vae", network="conv-spatial")).latent_dim == 49
    with pytest.raises(UserError, match=r"map of 2 x 2 places .* a latent dimension of 4, or .* not 6"):
        resolve_config(replace(config(), network="conv-spatial", latent_dim=6))


# --- The family -------------------------------------------------------------------------------------------------------


@EACH_QUANTIZER
@pytest.mark.parametrize("network", ["mlp", "conv-spatial"])
def test_every_quantizer_trains(quantizer, network):
    settings = config(quantizer, network)
    data = load("digits")
    few = replace(data, train=data.train.head(400), validation=data.validation.head(100))
    recipe = build_recipe(settings)
    before = {name: each.clone() for name, each in recipe.model.named_parameters()}
    ends = [each for each in fit(recipe, few, settings, torch.device("cpu")) if each.validation]
    declared = FAMILIES["vq-vae"].applying_terms(settings.params)
    assert {*ends[-1].validation} == {RECONSTRUCTION, *declared}
    assert all(math.isfinite(value) for each in ends for value in each.validation.values())
    assert ends[-1].validation[RECONSTRUCTION] < ends[0].validation[RECONSTRUCTION]
    assert not [name for name, each in recipe.model.named_parameters() if torch.equal(each, before[name])]
    usage = ends[-1].signals["code"]["usage"]
    assert sum(usage) == pytest.approx(1, abs=1e-4) and all(a >= b for a, b in pairwise(usage))
    model = recipe.model.eval()
    x = torch.from_numpy(few.validation.to_float())
    latent = model.encode(x)
    assert torch.equal(model.bottleneck.project(latent.code), latent.code)
    assert torch.equal(model.bottleneck.lookup(latent.indices), latent.code)
    assert model.bottleneck.sample_prior(3).shape == (3, latent.code.shape[1])
    assert 1 <= model.bottleneck.perplexity <= model.bottleneck.codebook_size


def test_runs_from_before_there_was_a_choice_keep_their_ids():
    """The id of the gallery's model, as its folder was named before."""
    old = {"codebook_size": 64, "embedding_dim": 4, "commitment_cost": 0.25, "reset_dead_codes": True}
    assert Config(family="vq-vae", params=old).id == resolve_config(Config(family="vq-vae", params=old)).id
    assert config().id != config("fsq").id != config("fsq", entropy_weight=0.2).id
    for family, added in ADDED_PARAMS.items():
        defaults = {param.name: param.default for param in FAMILIES[family].params}
        assert added.items() <= defaults.items()


def test_every_loss_of_the_family_is_finite_where_all_say_the_same():
    """A batch of equal images, as in an early epoch of a large step."""
    for quantizer in QUANTIZERS:
        recipe = build_recipe(config(quantizer))
        losses = recipe.objectives[0].loss(recipe.forward(torch.zeros(4, 1, 8, 8)))
        gradients = torch.autograd.grad(sum(losses.values()), list(recipe.model.parameters()), allow_unused=True)
        assert all(each is None or bool(each.isfinite().all()) for each in gradients)


def test_the_choices_are_those_of_the_papers():
    hint = inspect.signature(FAMILIES["vq-vae"].build).parameters["quantizer"]
    assert hint.default == "vq-ema"
    (param,) = [param for param in FAMILIES["vq-vae"].params if param.name == "quantizer"]
    assert param.choices == QUANTIZERS


def test_a_large_codebook_fits_a_training():
    """4,096 codes on a map of 49 places and a batch of 128: a table of distances takes 103 MB."""
    for quantizer in QUANTIZERS:
        start = initial_config("mnist", "vq-vae", network="conv-spatial")
        resolve_config(replace(start, params={**start.params, "quantizer": quantizer, "codebook_size": 4096}))
