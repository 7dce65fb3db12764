"""Codebooks: usage with known answers, a codebook of grey levels that must give images back exactly, painting."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from torch import nn

from aecore.analysis import loaded, report
from aecore.analysis.latents import codebook
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split, load
from aecore.models import presets
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import VectorQuantizer
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.latents import Quantized
from aecore.models.likelihoods import Gaussian
from tests.analysis.test_sampling import panel, seen, whole
from tests.kit.cases import crossed
from tests.kit.trained_runs import furnished
from ui.panels import codebook as painting
from ui.panels.charts import codebook_charts
from ui.panels.codebook import CODEBOOK

TEST = load("digits").test
FEW = Split(TEST.x[:50], TEST.y[:50], TEST.max_value)


def untrained(**settings) -> LoadedModel:
    config = resolve_config(
        presets.default_config("digits", **{"family": "vq-vae", "latent_dim": 3, "hidden_sizes": (8,), **settings})
    )
    return LoadedModel(config, build_recipe(config).model.eval(), {})


def levels(off: float = 0.0) -> LoadedModel:
    """A model that tells each of 64 pixels by one of the 17 levels of grey, and draws it so; `off`: how far each vector
    lies above the level that it stands for."""
    bottleneck = VectorQuantizer(64, 17, 1)
    bottleneck.embedding.copy_(torch.arange(17)[:, None] / 16 + off)
    same = nn.Linear(64, 64, bias=False)
    nn.init.eye_(same.weight)
    model = Autoencoder(nn.Sequential(nn.Flatten(), same), bottleneck, nn.Unflatten(1, (1, 8, 8)), Gaussian())
    config = resolve_config(
        presets.default_config(
            "digits", family="vq-vae", latent_dim=64, params={"codebook_size": 17, "embedding_dim": 1}
        )
    )
    return LoadedModel(config, model.eval(), {})


# --- Numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("vectors", [1, 2, 64])
def test_a_codebook_used_uniformly_has_the_perplexity_of_its_size(vectors):
    shares = codebook.usage(np.arange(6 * vectors).reshape(3, -1) % vectors, vectors)
    np.testing.assert_allclose(shares, 1 / vectors)
    assert 2 ** codebook.entropy_bits(shares) == pytest.approx(vectors)


def test_entropy_of_known_shares():
    assert codebook.entropy_bits(np.array([0.5, 0.25, 0.25, 0])) == 1.5
    assert codebook.entropy_bits(np.array([1.0, 0])) == 0


def test_a_codebook_of_grey_levels_is_used_as_pixels_are_distributed():
    said = codebook.report(levels(), FEW)
    shares = np.bincount(FEW.x.ravel(), minlength=17) / FEW.x.size
    assert said["usage"] == pytest.approx(shares.tolist()) and said["used_entries"] == (shares > 0).sum()
    assert said["perplexity"] == pytest.approx(np.exp(-(shares[shares > 0] * np.log(shares[shares > 0])).sum()))
    assert (
        said["bits_stored"] == pytest.approx(64 * np.log2(17))
        and said["n_positions"] == 64
        and said["codebook_size"] == 17
    )
    assert said["quantization_distance"] == pytest.approx(0, abs=1e-6) and said[
        "nearest_entry_distance"
    ] == pytest.approx(1 / 16)


def test_bits_used_are_told_slot_by_slot():
    """Some pixels of digits are always black: those slots cost nothing."""
    said = codebook.report(levels(), FEW)
    columns = FEW.x.reshape(len(FEW), -1).T
    expected = sum(codebook.entropy_bits(np.bincount(column, minlength=17) / len(FEW)) for column in columns)
    assert said["entropy_bits"] == pytest.approx(expected)
    assert said["entropy_bits"] < 64 * np.log2(said["perplexity"]) < said["bits_stored"]


def test_the_distance_is_from_what_the_encoder_said_to_its_vector():
    assert codebook.report(levels(0.01), FEW)["quantization_distance"] == pytest.approx(0.01, abs=1e-5)


def test_choices_are_those_of_the_model():
    opened = untrained()
    chosen = codebook.assign(opened, FEW.to_float())
    latent = opened.model.encode(torch.from_numpy(FEW.to_float()))
    np.testing.assert_array_equal(chosen.indices, latent.indices.numpy())
    gaps = (latent.encoded - latent.quantized).norm(dim=2)
    np.testing.assert_allclose(chosen.distances, gaps.detach().numpy(), rtol=1e-5)


@pytest.mark.parametrize(
    "settings",
    [{"latent_dim": 1}, {"latent_dim": 80}, {"params": {"codebook_size": 2}}, {"params": {"codebook_size": 1024}}],
)
def test_codebooks_of_any_size_have_numbers(settings):
    opened = untrained(**settings)
    said = codebook.report(opened, FEW)
    assert sum(said["usage"]) == pytest.approx(1) and len(said["usage"]) == said["codebook_size"]
    assert 1 <= said["perplexity"] <= said["used_entries"] + 1e-9 <= said["codebook_size"] + 1e-9
    assert 0 <= said["entropy_bits"] <= said["bits_stored"]
    json.dumps(said, allow_nan=False)


# --- Between vectors --------------------------------------------------------------------------------------------------


def test_vectors_on_a_line_come_in_their_order():
    line = np.random.default_rng(0).permutation(np.arange(20.0))[:, None]
    found = line[codebook.leaf_order(line), 0].tolist()
    assert found in (sorted(found), sorted(found, reverse=True))


@pytest.mark.parametrize("count", [1, 2, 3, 64])
def test_an_order_holds_every_vector_once(count):
    vectors = np.random.default_rng(count).normal(size=(count, 4))
    assert sorted(codebook.leaf_order(vectors)) == list(range(count))


def test_ranks_go_along_the_line_of_most_variance():
    line = np.random.default_rng(0).permutation(20)
    ranks = codebook.principal_ranks(np.stack([line, 0.1 * np.cos(line)], 1))
    assert ranks.tolist() in (line.tolist(), (19 - line).tolist())


def test_positions_stand_in_one_row_or_where_the_map_has_them():
    assert codebook.grid(untrained()) == (1, 3)
    on_map = untrained(network="conv-spatial", hidden_sizes=(4,), latent_dim=32)  # 4 x 4 places, two positions each
    assert codebook.grid(on_map) == (4, 8)


def test_tokens_are_drawn_row_by_row_and_a_click_names_the_position():
    chart = codebook_charts.token_grid(
        np.array([[3, 1, 0], [2, 2, 3]]), np.arange(4), 4, np.array([True, *[False] * 5]), ["#000000"] * 4
    )
    tokens, places = chart.figure.data
    assert np.asarray(tokens.z).tolist() == [[3, 1, 0], [2, 2, 3]]
    assert [(x, y) for x, y in zip(places.x, places.y, strict=True)] == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]
    assert places.customdata[:, 0].tolist() == list(range(6))
    frames = [(each.x0, each.y0, each.line.dash) for each in chart.figure.layout.shapes]
    assert frames == [(-0.5, -0.5, "dot"), (0.5, 0.5, "solid")]
    assert "row 2, column 2, which holds entry 2. 1 of them" in chart.alt


def test_distances_between_known_vectors():
    vectors = np.array([[0.0, 0], [3, 4], [3, 4]])
    np.testing.assert_array_equal(codebook.pairwise_distances(vectors), [[0, 5, 5], [5, 0, 0], [5, 0, 0]])
    assert codebook.nearest_distance(vectors) == pytest.approx(5 / 3)


# --- Painting ---------------------------------------------------------------------------------------------------------


def test_choices_are_drawn_as_the_pictures_that_they_stand_for():
    opened = levels()
    chosen = codebook.assign(opened, FEW.to_float())
    np.testing.assert_allclose(codebook.decode_indices(opened, chosen.indices), FEW.to_float(), atol=1e-6)


def test_one_slot_exchanged_changes_what_it_stands_for_and_nothing_else():
    opened = levels()
    start = codebook.assign(opened, FEW.to_float()[:1]).indices[0]
    tried = codebook.replace_entry(start, 20, np.array([0, 16]))
    drawn = codebook.decode_indices(opened, tried).reshape(2, 64)
    assert drawn[:, 20].tolist() == [0, 1]
    rest = np.delete(np.arange(64), 20)
    np.testing.assert_allclose(drawn[:, rest], np.tile(FEW.to_float()[0].ravel()[rest], (2, 1)), atol=1e-6)


def test_vectors_come_by_the_use_of_the_slot_then_of_all():
    indices = np.array([[2, 1], [2, 3], [0, 3]])
    assert codebook.by_usage(indices, 0, 5).tolist() == [2, 0, 3, 1, 4]


def test_a_stroke_changes_one_slot_and_none_is_kept_that_changes_nothing():
    strokes = [(5, 6, 7)]
    painting.apply_edit(strokes, 1, 9)
    painting.apply_edit(strokes, 1, 9)
    assert strokes == [(5, 6, 7), (5, 9, 7)]


def test_only_so_many_strokes_are_kept_and_the_first_always():
    strokes = [(-1, 0)]
    for vector in range(500):
        painting.apply_edit(strokes, 0, vector)
    assert len(strokes) == 1 + painting.MAX_UNDO and strokes[0] == (-1, 0) and strokes[-1] == (499, 0)


# --- Panels -----------------------------------------------------------------------------------------------------------

ROOMS = {
    "usual": {"latent_dim": 4},
    "1 slot of 2": {"latent_dim": 1, "params": {"codebook_size": 2}},
    "many": {"latent_dim": 30, "params": {"codebook_size": 600}},
    "map": {"latent_dim": 4, "network": "conv-spatial", "hidden_sizes": (4, 4), "params": {"quantizer": "simvq"}},
    "colour, conv": {"latent_dim": 4, "dataset": "shapes-colour", "network": "conv", "hidden_sizes": (4, 4)},
}


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    place = tmp_path_factory.mktemp("codebooks")
    wanted = {name: {"family": "vq-vae", "epochs": 1, **settings} for name, settings in ROOMS.items()}
    return place, furnished(place, wanted)


@pytest.fixture
def runs_of(rooms, monkeypatch):
    place, ids = rooms
    monkeypatch.setenv("AECORE_RUNS", str(place))
    monkeypatch.setattr(report, "REPORTS", {Quantized: {"codebook": codebook.report}})  # the others take time
    return ids


@pytest.mark.parametrize(("kind", "title"), crossed([*ROOMS], [each.title for each in CODEBOOK]))
def test_every_panel_shows_every_kind_of_run(kind, title, runs_of):
    page = panel(runs_of[kind], "codebook", title)
    assert seen(page) and page.get("plotly_chart")


def test_panels_say_the_numbers_that_evaluate_says(runs_of):
    said = codebook.report(loaded.load(runs_of["usual"]), TEST)
    page = panel(runs_of["usual"], "codebook", "Codebook usage")
    assert [each.value for each in page.metric] == [
        f"{said['used_entries']} of 64",
        f"{said['perplexity']:.1f}",
        f"{said['bits_stored']:.0f}",
        f"{said['entropy_bits']:.1f}",
        f"{said['quantization_distance']:.2f}",
    ]


def painted(page) -> str:
    """The image, its reconstruction and what is painted, as they stand on the page."""
    return page.get("html")[-1].proto.body


def strokes(page) -> list[tuple[int, ...]]:
    return page.session_state["panel-edits"]


def test_painting_undoing_and_starting_again_without_a_mouse(runs_of):
    page = panel(runs_of["usual"], "codebook", "Edit codebook indices")
    before, start = painted(page), strokes(page)[0]
    page.segmented_control(key="panel-position").set_value(2).run()
    other = next(vector for vector in page.selectbox(key="panel-entry-2").options if int(vector) != start[2])
    page.selectbox(key="panel-entry-2").set_value(int(other)).run()
    assert whole(page).segmented_control(key="panel-position").value == 2  # its name has changed, it is still chosen
    assert strokes(page)[-1] == (*start[:2], int(other), *start[3:]) and painted(page) != before
    page.button(key="panel-undo").click().run()
    assert strokes(whole(page)) == [start] and painted(page) == before
    for vector in page.selectbox(key="panel-entry-2").options[:3]:
        page.selectbox(key="panel-entry-2").set_value(int(vector)).run()
    assert len(strokes(page)) > 2
    page.button(key="panel-reset").click().run()
    assert strokes(whole(page)) == [start] and painted(page) == before
    assert page.button(key="panel-undo").disabled


def test_another_picture_is_another_painting(runs_of):
    page = panel(runs_of["usual"], "codebook", "Edit codebook indices")
    page.selectbox(key="panel-entry-0").set_value((strokes(page)[0][0] + 1) % 64).run()
    assert len(strokes(whole(page))) == 2
    page.number_input(key="test-image").set_value(7).run()
    own = codebook.assign(loaded.load(runs_of["usual"]), TEST.to_float([7])).indices[0]
    assert strokes(whole(page)) == [tuple(own.tolist())]
