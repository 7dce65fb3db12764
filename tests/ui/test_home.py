"""The first screen without a browser: what it shows and says, what its tour rests on, and that it needs no torch."""

from __future__ import annotations

import io
import json
import re
import shutil
from urllib.parse import unquote

import numpy as np
import pytest
from PIL import Image

from aecore.analysis import latent_geometry, latent_space
from aecore.data.cards import CARDS
from aecore.export import program, tour
from aecore.export.packed_map import pack
from aecore.export.tour import classes_along, compute_tour, densify
from aecore.store import offline, runs, snapshots
from tests.pages.test_pages import _cold, _python, links, opened, said, store  # noqa: F401
from ui import pages_table
from ui.views import home
from ui.widgets import component, live, palette

SMALL = 50_000  # bytes: what a view is given is less, a model more


@pytest.fixture(scope="module")
def entry():
    found = home.home_model()
    assert found, "the gallery has a model for the first screen"
    return found


@pytest.fixture(scope="module")
def made(entry):
    return offline.load_bundle(entry.id)


@pytest.fixture(scope="module")
def ways(made):
    return compute_tour(map_of(made), made.pseudo_labels)


@pytest.fixture
def gallery(entry, monkeypatch, tmp_path):
    """A gallery with a copy of the showcase alone, to be spoilt."""
    place = tmp_path / "gallery"
    shutil.copytree(runs.path(entry.id), place / entry.id)
    monkeypatch.setattr(runs, "PRETRAINED_DIR", place)
    home._showcase.clear()
    yield place / entry.id
    home._showcase.clear()


@pytest.fixture
def mounted(monkeypatch):
    """What the browser is sent, by the name of the view, in the order in which it is."""
    seen = {}
    monkeypatch.setattr(component, "mount", lambda name: lambda data, **more: seen.update({name: data}))
    return seen


def map_of(made):
    return pack(latent_space.plane_of_dimensions(made.codes), made.codes, made.pseudo_labels, "0123456789")


# --- The screen -------------------------------------------------------------------------------------------------------


def test_the_map_comes_before_the_model_and_both_are_named_alike(mounted, entry):
    app = opened()
    assert not said(app)
    assert list(mounted) == ["home", "program"], "the view's modules are fetched while the model comes"
    view, model = mounted["home"], mounted["program"]
    assert view["model"] == model["model"] == live.key_of(entry.id, entry.created)
    assert len(view["blob"]["blob"][0].as_py()) < SMALL < len(model["blob"]["blob"][0].as_py())
    json.dumps({name: each for name, each in view.items() if name != "blob"})
    assert len(view["steps"]) == 4 and all(step["text"].endswith(".") for step in view["steps"])
    assert view["preprocess"]["centre_of_mass"], "a drawing is centred as MNIST's makers did"


def test_the_model_is_sent_in_half_precision_and_loses_nothing(mounted, entry):
    opened()
    sent, weights = mounted["program"], program.load_program(runs.path(entry.id)).weights
    assert sent["head"]["float16"] and sent["head"]["likelihood"] == entry.config.likelihood
    np.testing.assert_array_equal(np.frombuffer(sent["blob"]["blob"][0].as_py(), "<f2").astype(np.float32), weights)


def test_who_has_chosen_no_run_meets_the_showcase_behind_every_door(entry):
    found = links(opened())
    assert {"train", "latent_explorer", "time_machine", "denoise", "reconstruct", "manifold"} <= set(found)
    assert set(found.values()) == {f"run={entry.id}"}


def test_doors_are_pages_that_there_are(monkeypatch):
    doors = {page_id for page_id, *_ in home.PRIMARY_LINKS}
    assert doors <= {page.id for page in pages_table.PAGES}
    monkeypatch.setattr(pages_table, "PAGES", [page for page in pages_table.PAGES if page.id in {"home", *doors}])
    assert set(links(opened())) == doors


def test_no_door_promises_what_is_not_behind_it():
    """There are no lessons; what is there is the time machine."""
    titles = {page_id: title for page_id, title, _ in home.PRIMARY_LINKS}
    assert titles["time_machine"] == "Watch it learn" and "Learn" not in titles.values()


def test_without_a_showcase_the_doors_still_open(monkeypatch, tmp_path, mounted):
    monkeypatch.setattr(runs, "PRETRAINED_DIR", tmp_path)
    app = opened()
    assert len(said(app)) == 1 and "train one" in said(app)[0]
    assert {"train", "latent_explorer", "time_machine"} <= set(links(app)) and not mounted


@pytest.mark.parametrize("name", [program.FILE_NAME, offline.FILE_NAME])
def test_a_file_that_was_changed_is_said_and_not_used(name, gallery, mounted):
    file = gallery / name
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    app = opened()
    assert len(said(app)) == 1 and name in said(app)[0] and "changed" in said(app)[0]
    assert {"train", "latent_explorer", "time_machine"} <= set(links(app)) and not mounted


@pytest.mark.parametrize("name", [program.FILE_NAME, offline.FILE_NAME])
def test_a_file_that_is_gone_is_said(name, gallery, mounted):
    (gallery / name).unlink()
    app = opened()
    assert len(said(app)) == 1 and "train" in links(app) and not mounted


def test_neither_torch_nor_charts_are_imported_for_it(entry):
    code = """
import streamlit, sys, threading
threading.Timer.start = lambda self: None  # what the frame warms up after the first paint
for name in [name for name in sys.modules if name.partition(".")[0] == "plotly"]:
    del sys.modules[name]  # Streamlit brought it
from ui.widgets import component
from ui.views import home
component.mount = lambda name: lambda **more: print(name)
home.show(home.load_showcase(home.home_model()))
print(*[name for name in ("torch", "torchvision", "plotly", "sklearn", "umap", "numba") if name in sys.modules])
"""
    assert _python(code).split() == ["home", "program"]


# --- While the browser fetches what draws it --------------------------------------------------------------------------


def stills(app) -> dict[str, str]:
    """The addresses of the stills by their names, as the page sends them."""
    bodies = [each.proto.body for each in [*app.main, *app.get("html")] if each.type == "html"]
    return dict(found for body in bodies for found in re.findall(r"--ae-(\w+): url\(\"(.+?)\"\);", body))


def test_a_still_of_the_map_and_of_the_picture_comes_first_and_is_small(mounted):
    found = stills(opened())
    assert set(found) == {"map", "image"} and list(mounted) == ["home", "program"]
    assert all(address.startswith("data:image/") for address in found.values()), "nothing is fetched"
    assert sum(map(len, found.values())) < 30_000


@pytest.mark.parametrize("colours", [palette.CLASSES_LIGHT, palette.CLASSES_DARK])
def test_the_still_has_each_dot_in_its_place_and_the_colour_of_its_class(colours, made, entry):
    shown = home.load_showcase(entry)
    address = re.search(r"--ae-map: url\(\"(.+?)\"\)", home.placeholder_css(shown.key, colours, shown))[1]
    paths = re.findall(r"stroke='(#\w+)'[^>]* d='(.+?)'", unquote(address))
    assert {colour for colour, _ in paths} == {colours[label] for label in np.unique(made.pseudo_labels)}
    low, high = np.array(shown.plane_map.head["extent"]).T
    for colour, steps in paths:
        moves = np.array([tuple(map(int, re.findall(r"-?\d+", step))) for step in re.findall(r"m(.+?)h0", steps)])
        drawn = np.cumsum(moves, axis=0) / home.SVG_SIZE
        own = made.codes[made.pseudo_labels == colours.index(colour)]
        expected = (own - low) / (high - low) * (1, -1) + (0, 1)
        assert len(drawn) == len(own) and np.abs(drawn.mean(0) - expected.mean(0)).max() < 1 / home.SVG_SIZE
        assert np.abs(np.sort(drawn[:, 0]) - np.sort(expected[:, 0])).max() < 1 / home.SVG_SIZE


def test_the_still_of_the_picture_is_what_was_decoded_nearest_to_the_start(entry, ways):
    picture = np.asarray(Image.open(io.BytesIO(home.load_showcase(entry).start_image)).convert("L"))
    last = snapshots.load(entry.id, snapshots.epochs(entry.id)[-1])[0]
    column, row = np.abs(last.x - ways.class_medians[0][0]).argmin(), np.abs(last.y - ways.class_medians[0][1]).argmin()
    np.testing.assert_array_equal(picture, last.manifold[row * len(last.x) + column, 0])


def test_without_snapshots_there_is_a_still_of_the_map_alone(gallery, mounted):
    shutil.rmtree(gallery / "snapshots")
    home.placeholder_css.clear()
    assert set(stills(opened())) == {"map"}
    home.placeholder_css.clear()


def test_without_a_showcase_there_is_no_still(monkeypatch, tmp_path, mounted):
    monkeypatch.setattr(runs, "PRETRAINED_DIR", tmp_path)
    assert not stills(opened())


# --- The tour ---------------------------------------------------------------------------------------------------------


def test_codes_of_the_showcase_are_places_on_a_plane(made, entry):
    assert made.codes.shape[1] == 2 and CARDS[entry.config.dataset].shape[0] == 1


def test_what_hangs_alike_is_one_class_from_end_to_end(ways, made):
    assert classes_along(made.codes, made.pseudo_labels, ways.within_class) == {ways.within_label}
    own = made.codes[made.pseudo_labels == ways.within_label]
    assert np.ptp(ways.within_class, axis=0).max() > np.std(own, axis=0).max(), "a walk, not a step"


def test_each_heart_is_among_dots_of_its_own_class(ways, made):
    found = [classes_along(made.codes, made.pseudo_labels, heart[None]) for heart in ways.class_medians]
    assert all(len(each) == 1 for each in found) and len(set.union(*found)) == len(found) >= 3


def test_between_two_classes_lies_no_third_one(ways, made):
    assert classes_along(made.codes, made.pseudo_labels, ways.between_classes) == set(ways.between_labels)
    first, last = (
        classes_along(made.codes, made.pseudo_labels, place[None]) for place in ways.between_classes[[0, -1]]
    )
    assert (first, last) == tuple({label} for label in ways.between_labels)
    far = latent_geometry.distance_to_data(
        latent_space.plane_of_dimensions(made.codes), made.codes, densify(ways.between_classes)
    )
    assert far.max() < map_of(made).head["distance_threshold"], "nobody leaves the data on the way"


def test_the_empty_place_is_in_view_and_far_from_every_dot(ways, made):
    map_ = map_of(made)
    (place,) = ways.empty_region
    assert all(low < value < high for value, (low, high) in zip(place, map_.head["extent"], strict=True))
    assert np.linalg.norm(made.codes - place, axis=1).min() > 2 * map_.head["distance_threshold"], (
        "the gauge's last zone"
    )


def test_a_tour_of_two_clouds():
    rng = np.random.default_rng(0)
    codes = np.concatenate([rng.normal(0, (2.0, 0.2), (300, 2)), rng.normal((0, 6), 0.3, (300, 2))]).astype(np.float32)
    labels = np.repeat([3, 7], 300)
    found = compute_tour(pack(latent_space.plane_of_dimensions(codes), codes, labels, "0123456789"), labels)
    assert set(found.between_labels) == {3, 7}
    assert found.between_classes[[0, -1], 1].round().tolist() == ([0, 6] if found.between_labels == (3, 7) else [6, 0])
    long = tour._principal_path(codes[labels == 3])
    assert np.ptp(long[:, 0]) > 4 and np.ptp(long[:, 1]) < 0.5 and abs(np.diff(long[:, 0]) > 0).mean() in (0, 1)
