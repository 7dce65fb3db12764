"""What every model has inside: layers, formulas, filters, atoms, stretch, advice; and the panels that show them."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import nn

from aecore.analysis import architecture, features, jacobian, loaded, metrics, reconstruction, report
from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.content import advice, family_advice, formulas
from aecore.data.cards import CARDS
from aecore.data.datasets import Split, load
from aecore.data.modalities import Image
from aecore.models import losses
from aecore.models.families.build import FAMILIES, build_recipe, model_size, resolve_config
from aecore.models.families.variational import effective_beta
from aecore.models.footprint import count_parameters
from aecore.models.latents import GaussianLatent, Latent
from aecore.models.likelihoods import LIKELIHOODS, ObservedOnly, Symmetric
from tests.kit.networks import is_refused
from tests.kit.trained_runs import furnished
from ui import pages_table
from ui.panels import suggestions
from ui.panels.charts import architecture_charts
from ui.panels.registry import COMMON
from ui.run_data import statistics

SEED = 3  # of weights and images made here
SMALL = Config(hidden_sizes=(4, 6), latent_dim=3, seed=SEED)
KINDS = {  # runs of every kind of code
    "vanilla, 1-D": {"family": "vanilla", "latent_dim": 1},
    "sparse, 80-D": {"family": "sparse", "latent_dim": 80},
    "beta-vae, conv": {"family": "beta-vae", "latent_dim": 3, "network": "conv", "hidden_sizes": (4, 6)},
    "ladder": {"family": "ladder-vae", "latent_dim": 4},
    "conditional": {"family": "conditional-vae", "latent_dim": 2},
    "codebook": {"family": "vq-vae", "latent_dim": 4},
    "adversary": {"family": "aae", "latent_dim": 2},
    "stages": {"family": "stacked", "latent_dim": 2},
    "colours": {
        "family": "vae",
        "latent_dim": 3,
        "dataset": "shapes-colour",
        "network": "conv",
        "hidden_sizes": (4, 4),
    },
}


def _small(**said) -> Config:
    sized = {"latent_dim": CODE_SIZE.get(said.get("network"), SMALL.latent_dim)}
    return replace(SMALL, **sized | said)


def _model(**said) -> LoadedModel:
    """An untrained model as a run."""
    config = resolve_config(_small(**said))
    return LoadedModel(config, build_recipe(config).model.eval(), {})


def _split(opened: LoadedModel, count: int = 6) -> Split:
    """Random images."""
    card, rng = opened.card, np.random.default_rng(SEED)
    pixels = rng.integers(0, card.max_value + 1, (count, *card.shape)).astype(np.uint8)
    return Split(pixels, np.arange(count) % len(card.classes), card.max_value)


EVERY = pytest.mark.parametrize(
    ("family", "network"),
    [
        (name, network)
        for name, each in FAMILIES.items()
        for network in Image.networks
        if each.fixed.get("network", network) == network and not is_refused(name, network)
    ],
)
CODE_SIZE = {"conv-spatial": 4}  # one number for each place of the smallest map, 2 x 2


# --- The network ----------------------------------------------------------------------------------------------------


@EVERY
def test_a_drawing_has_every_parameter_once_and_ends_in_a_picture(family, network):
    opened = _model(family=family, network=network)
    drawing = architecture.summarise_architecture(opened)
    assert drawing.total_parameters == model_size(opened.config).parameters
    assert math.prod(drawing.decoder[-1].shape) == math.prod(opened.card.shape)
    page = architecture_charts.hourglass(drawing, opened.card.shape, ["#111111"] * 10)
    for layer in (*drawing.encoder, *drawing.decoder):
        assert " x ".join(map(str, layer.shape)) in page and f"{layer.parameters:,}" in page
    assert (
        f"{drawing.total_parameters:,}" in re.search('aria-label="([^"]*)"', page)[1]
        and drawing.latent.description in page
    )


def test_layers_that_learn_nothing_are_told_with_the_one_before():
    opened = _model(family="vanilla", network="conv", hidden_sizes=(4, 6), dropout=0.1)
    said = [(layer.type, layer.shape) for layer in architecture.summarise_architecture(opened).encoder]
    assert said == [
        ("Conv2d 4 x 4, stride 2 + ReLU + Dropout", (4, 4, 4)),
        ("Conv2d 4 x 4, stride 2 + ReLU + Dropout", (6, 2, 2)),
        ("Linear", (3,)),
    ]
    first = architecture.summarise_architecture(opened).decoder[0]
    assert (first.type, first.shape) == ("Linear + ReLU + Dropout", (6, 2, 2))  # unflattened


def test_what_stands_outside_the_layers_is_counted_apart():
    digit = 64
    assert architecture.summarise_architecture(_model(family="conditional-vae")).label_parameters == 10 * digit
    critic = 3 * 128 + 128 + 128 * 128 + 128 + 128 + 1
    assert architecture.summarise_architecture(_model(family="aae")).training_only_parameters == critic
    ladder = _model(family="ladder-vae")
    assert (
        architecture.summarise_architecture(ladder).bottleneck_parameters
        == count_parameters(ladder.model.bottleneck)
        > 0
    )
    tied = architecture.summarise_architecture(_model(family="tied-weights"))
    assert tied.has_tied_weights and [layer.parameters for layer in tied.decoder] == [6, 4, digit]  # biases alone
    assert architecture.summarise_architecture(_model(family="vq-vae")).latent.shape == (3, 4)


# --- Formulas -------------------------------------------------------------------------------------------------------


@EVERY
def test_every_part_of_every_loss_has_a_formula_and_words(family, network):
    config = resolve_config(_small(family=family, network=network))
    for player in formulas.objectives(config):
        for part in player.terms if not player.is_over else ():
            assert formulas.penalises(config, part), part
            assert formulas.latex(config, part) != rf"\text{{{part}}}"  # a formula, not its name
            assert formulas.latex(config, part).count("{") == formulas.latex(config, part).count("}")


def _fitting() -> list[str]:
    """A data set for each likelihood that it fits."""
    return [next(name for name, card in CARDS.items() if each in card.modality.likelihoods) for each in LIKELIHOODS]


def test_players_are_who_moves_what_and_when():
    said = {
        family: formulas.objectives(resolve_config(replace(SMALL, family=family)))
        for family in ("aae", "stacked", "vae")
    }
    assert [(each.terms, each.trains_model) for each in said["aae"]] == [
        (("reconstruction", "adversarial"), True),
        (("discriminator",), False),
    ]
    assert [each.is_over for each in said["stacked"]] == [True, True, True, False]
    assert [each.terms for each in said["vae"]] == [("reconstruction", "kl")]


def test_formulas_say_the_prices_of_this_run():
    config = resolve_config(replace(SMALL, family="beta-vae", params={"free_bits": 0.25}))
    assert r"\beta" in formulas.latex(config, "beta*kl") and r"\max(0.25" in formulas.latex(config, "beta*kl")
    assert "max" not in formulas.latex(resolve_config(replace(config, params={})), "beta*kl")
    squared = resolve_config(replace(SMALL, family="vanilla", likelihood="gaussian"))
    assert r"2\cdot0.2^2" in formulas.latex(squared, "reconstruction")
    averaged = resolve_config(replace(squared, reduction="mean"))
    assert formulas.latex(averaged, "reconstruction").startswith(r"\frac{1}{64}")
    kinds = {type(make(CARDS[name].modality)) for make, name in zip(LIKELIHOODS.values(), _fitting(), strict=True)}
    assert set(formulas.RECONSTRUCTION_TERMS) == kinds | {ObservedOnly, Symmetric}


def test_an_unknown_part_is_its_name():
    config = resolve_config(SMALL)
    assert formulas.latex(config, "50 % of_it") == r"\text{50 \% of\_it}" and formulas.penalises(config, "x") == ""
    assert formulas.equation(config, ["a", "b"], "L") == (
        r"\begin{aligned}L={}&\text{a} \\ {}+{}&\text{b}\end{aligned}"
    )


def test_sums_add_up_and_mind_signs():
    assert (
        formulas.sum_latex({"a": 2.5, "b": -0.25}) == "L=2.5000-0.2500=2.2500"
        and formulas.sum_latex({"a": 1.0}) == "L=1.0000"
    )


def test_the_price_of_a_nat_is_told_for_each_pixel_value():
    vae = resolve_config(replace(SMALL, family="vae"))
    assert formulas.relative_weight(vae) == effective_beta(vae)
    assert "costs 1, or 0.016" in formulas.relative_weight(vae)
    info = resolve_config(replace(SMALL, family="info-vae", params={"alpha": 0.75}))
    assert "costs 0.25," in formulas.relative_weight(info)
    assert "64 times" in formulas.relative_weight(resolve_config(replace(SMALL, family="wae", reduction="mean")))


# --- Filters and atoms ----------------------------------------------------------------------------------------------


def test_filters_are_the_first_weights_the_largest_first():
    opened = _model(family="vanilla")
    weight = opened.model.encoder[1].weight.detach().numpy()
    found = features.filters(opened, max_filters=3)
    order = np.argsort(-np.linalg.norm(weight, axis=1))[:3]
    assert found.indices.tolist() == order.tolist() and found.total == 4 and found.full_image
    assert np.array_equal(found.weights, weight[order].reshape(3, 1, 8, 8))
    small = features.filters(_model(family="vanilla", network="conv"))
    assert small.weights.shape == (4, 1, 4, 4) and not small.full_image


def test_atoms_of_a_linear_decoder_are_its_columns():
    opened = _model(family="linear", likelihood="gaussian", latent_dim=4)
    codes = np.random.default_rng(SEED).normal(size=(50, 4)).astype(np.float32)
    columns = opened.model.decoder[0].weight.detach().numpy().T.reshape(4, 1, 8, 8)
    for atom, number in zip(features.atoms(opened, codes, [2, 0]), [2, 0], strict=True):
        assert atom.name == f"z{number + 1}"
        assert atom.endpoints[1] - atom.endpoints[0] == pytest.approx(2 * codes[:, number].std(), rel=1e-5)
        assert np.allclose(atom.difference, 2 * codes[:, number].std() * columns[number], atol=1e-5)


def test_atoms_stay_where_codes_are():
    opened = _model(family="sparse", latent_dim=2)
    codes = np.zeros((100, 2), np.float32)
    codes[:5, 0] = 1  # mostly off, as sparse units are; the other one never on
    lively, dead = features.atoms(opened, codes, [0, 1])
    assert lively.endpoints[0] == 0 and dead.endpoints == (0, 0) and not dead.difference.any()


def test_atoms_of_a_codebook_go_from_vector_to_vector():
    opened = _model(family="vq-vae", latent_dim=2, params={"codebook_size": 5, "embedding_dim": 3})
    book = opened.model.bottleneck.embedding
    choice = np.array([[4, 1]] * 5 + [[2, 1]] * 3 + [[2, 0]])  # slot 1 takes 4, then 2; slot 2 takes 1, then 0
    codes = book[torch.from_numpy(choice)].flatten(1).numpy()
    found = {atom.name: atom for atom in features.atoms(opened, codes, range(6))}
    assert {name: atom.endpoints for name, atom in found.items()} == {"position 1": (4, 2), "position 2": (1, 0)}
    pictures = opened.model.decode_mean(book[torch.tensor([[4, 1], [2, 1]])].flatten(1)).numpy()
    assert np.allclose(found["position 1"].difference, pictures[1] - pictures[0], atol=1e-6)


def test_signs_become_colours_around_white_or_gray():
    signed = np.zeros((1, 1, 2, 2), np.float32)
    signed[0, 0, 0] = 1, -1
    red, green, blue = features.signed_colormap(signed)[0]
    assert red[0, 0] > blue[0, 0] and blue[0, 1] > red[0, 1] and (green[1] == 1).all()
    assert np.allclose(features.signed_colormap(np.zeros((1, 3, 2, 2), np.float32)), 0.5)


# --- Stretch --------------------------------------------------------------------------------------------------------


def test_a_linear_model_is_stretched_by_the_singular_values_of_its_weights():
    opened = _model(family="linear", likelihood="gaussian", latent_dim=5)
    x = _split(opened).to_float()[0]
    outward, inward = jacobian.jacobian_spectra(opened, x)
    for found, weight in ((outward, opened.model.decoder[0].weight), (inward, opened.model.encoder[1].weight)):
        left, values, right = np.linalg.svd(weight.detach().numpy(), full_matrices=False)
        assert np.allclose(found.singular_values, values, rtol=1e-5)
        patterns = (left.T if weight.shape[0] == 64 else right).reshape(5, 1, 8, 8)[found.extremes]
        assert np.allclose(np.abs((found.patterns * patterns).sum((1, 2, 3))), 1, atol=1e-4)
    assert outward.condition_number == pytest.approx(outward.singular_values[0] / outward.singular_values[-1])
    assert np.allclose(
        jacobian.decoder_spectrum(opened, np.ones(5)).singular_values, outward.singular_values, rtol=1e-5
    )


@EVERY
def test_jacobians_are_those_of_autograd_in_every_family(family, network):
    opened = _model(family=family, network=network, activation="tanh")
    model, x = opened.model, torch.from_numpy(_split(opened, 2).to_float())
    y = torch.tensor([3, 5])
    z = model.encode_mean(x, y).clone()
    drawn = torch.autograd.functional.jacobian(lambda z: model.likelihood.mean(model.decode(z, y)).flatten(1), z)
    found = jacobian.decoder_jacobian(model, z, y)
    assert torch.allclose(found, torch.stack([drawn[row, :, row] for row in range(2)]), atol=1e-6)
    spoken = jacobian.encoder_jacobian(model, x, y)
    told = torch.autograd.functional.jacobian(lambda x: model.encode(x, y).differentiable_code, x)
    if family != "ladder-vae":  # whose lower mean hangs on a draw of the upper level; its code does not
        assert torch.allclose(spoken, torch.stack([told[row, :, row].flatten(1) for row in range(2)]), atol=1e-6)
    found = jacobian.report(opened, _split(opened))
    assert all(math.isfinite(each) for each in found.values()) and found["n_samples"] == 6
    assert (
        1 <= found["effective_dimension"] <= found["n_singular_values"]
        and found["min_singular_value"] <= found["max_singular_value"]
    )


def test_the_encoders_size_is_what_a_contractive_autoencoder_is_charged_for():
    opened = _model(family="contractive", hidden_sizes=(), latent_dim=5)
    test = _split(opened)
    code = opened.model.encode_mean(torch.from_numpy(test.to_float()))
    charged = losses.jacobian_frobenius_exact(code, next(opened.model.encoder.parameters()))
    assert jacobian.report(opened, test)["encoder_squared_frobenius_norm"] == pytest.approx(charged.item(), rel=1e-5)


def test_directions_that_count():
    values = np.array([[1, 0, 0], [1, 1, 1], [10, 1, 0.01], [10, 1.01, 0.01], [0, 0, 0]])
    assert jacobian.effective_dimension(values).tolist() == [1, 3, 1, 2, 0]  # 100 of 101 is 99.01 %, of 101.02 98.99 %


def test_a_direction_in_which_nothing_happens():
    opened = _model(family="linear", likelihood="gaussian", latent_dim=2)
    with torch.no_grad():
        opened.model.decoder[0].weight[:, 1] = 0
    outward, _ = jacobian.jacobian_spectra(opened, _split(opened).to_float()[0])
    assert (outward.effective_dimension, outward.nullity, outward.condition_number, outward.extremes.tolist()) == (
        1,
        1,
        math.inf,
        [0],
    )
    chart = architecture_charts.spectra({"here": outward.singular_values}, ["#111111"], "stretch")
    assert chart.figure.data[0].y[1] is None and "down to" in chart.alt


def test_many_numbers_take_few_pictures():
    opened = _model(family="vanilla", latent_dim=2048, hidden_sizes=())
    room = replace(_split(opened), x=_split(opened, 64).x, y=np.zeros(64, np.int64))
    assert jacobian.report(opened, room)["n_samples"] == 4_000_000 // (64 * 2048) == 30


def test_gray_pixels_cost_their_entropy():
    half = Split(np.full((3, 1, 8, 8), 8, np.uint8), np.zeros(3, np.int64), 16)
    assert metrics.bce_lower_bound(half) == pytest.approx(64 * math.log(2))
    opened = _model(family="vanilla")
    test = _split(opened)
    x = torch.from_numpy(test.to_float())
    least = nn.functional.binary_cross_entropy(x, x, reduction="sum") / len(x)
    assert metrics.bce_lower_bound(test) == pytest.approx(float(least), rel=1e-5)
    assert reconstruction.report(opened, test)["bce_lower_bound"] == metrics.bce_lower_bound(test)
    assert "bce_lower_bound" not in reconstruction.report(_model(family="vanilla", likelihood="gaussian"), test)
    assert "bce_lower_bound" not in reconstruction.report(_model(family="vanilla", pixel_range="0 to 255"), test)


# --- Advice ---------------------------------------------------------------------------------------------------------


def test_every_family_has_advice_that_leads_to_pages_there_are():
    assert set(family_advice.BY_FAMILY) == set(FAMILIES)
    pages = {page.id for page in pages_table.PAGES}
    for each in (*family_advice.BY_FAMILY.values(), *advice.BY_LATENT.values()):
        assert 1 <= len(each.suggestions) <= 3 and 1 <= len(each.pitfalls) <= 3
        assert {one.page for one in each.suggestions} <= pages
    assert all(len(each.suggestions) >= 2 for each in family_advice.BY_FAMILY.values())


def test_a_family_never_seen_is_advised_by_its_kind_of_code():
    @dataclass
    class Strange(GaussianLatent):
        pass

    assert advice.advice("never-seen", Strange) is advice.BY_LATENT[GaussianLatent]
    assert advice.advice("never-seen", Latent) is advice.BY_LATENT[Latent]


# --- The panels -----------------------------------------------------------------------------------------------------

SCRIPT = """
import dataclasses
import streamlit as st
from ui.run_data import models
from ui.panels.registry import COMMON
from aecore.store import runs
run = models.load_model({run!r}, runs.entry({run!r}).created)
for panel in COMMON:
    st.header(panel.title)
    panel.show(run)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    place = tmp_path_factory.mktemp("anatomy")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place))
        yield furnished(
            place,
            {name: {"hidden_sizes": (8,), "epochs": 1, "train_size": 200, **said} for name, said in KINDS.items()},
        )


@pytest.fixture
def no_links(monkeypatch):
    """Links to pages need a laboratory around them; here they are noted down. Other panels' numbers take their time."""
    found = []
    monkeypatch.setattr(
        report, "REPORTS", {Latent: {"reconstruction": reconstruction.report, "jacobian": jacobian.report}}
    )
    monkeypatch.setattr(suggestions, "link", lambda file, label=None, run=None, **more: found.append((file, more)))
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_the_panels_of_every_kind_of_code(kind, store, no_links):
    page = AppTest.from_string(SCRIPT.format(run=store[kind]), default_timeout=60).run()
    assert not page.exception and [each.value for each in page.header] == [panel.title for panel in COMMON]
    run = loaded.load(store[kind])
    test = load(run.config.dataset).test
    numbers = report.reports(run, test)["jacobian"]
    assert numbers == jacobian.report(run, test) == statistics.report(run, "jacobian")
    shown = {each.label: each.value for each in page.metric}
    assert shown["Parameters"] == f"{run.result['parameters']:,}"
    assert shown["Effective dimension"] == f"{numbers['effective_dimension']:.1f} of {numbers['n_singular_values']}"
    assert shown["Squared Frobenius norm of the encoder Jacobian"] == f"{numbers['encoder_squared_frobenius_norm']:.4g}"
    formulae = "".join(each.value for each in page.latex)
    words = "".join(each.value for each in page.markdown)
    for part, nats in run.result["test"].items():
        assert f"{nats:.4f}" in formulae and f"**{part}**, {nats:.4f}" in words
    assert FAMILIES[run.config.family].source.strip() == page.code[0].value.strip()
    assert len(no_links) == len(family_advice.BY_FAMILY[run.config.family].suggestions)


def test_train_opens_with_this_family_and_data(store, no_links):
    AppTest.from_string(SCRIPT.format(run=store["adversary"]), default_timeout=60).run()
    assert ("train", {"dataset": "digits", "family": "aae"}) in no_links


def test_another_picture_is_another_stretch(store, no_links):
    page = AppTest.from_string(SCRIPT.format(run=store["beta-vae, conv"]), default_timeout=60).run()
    page.number_input(key="test-image").set_value(7).run()
    assert not page.exception
    run = loaded.load(store["beta-vae, conv"])
    for found in jacobian.jacobian_spectra(run, load("digits").test.to_float(slice(7, 8))[0]):
        captions = [f"{row + 1}: {found.singular_values[row]:.3g}</figcaption>" for row in found.extremes]
        assert any(all(caption in each.proto.body for caption in captions) for each in page.get("html"))
