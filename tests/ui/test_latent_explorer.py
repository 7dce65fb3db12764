"""The latent pad and the drawing pad without a browser: geometry, what is packed for it, and both pages."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.analysis import latent_geometry, latent_space
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.export import packed_map, packing
from tests.kit.trained_runs import furnished
from tests.pages.test_pages import _cold, control, links, opened, pictures, said, store, untrained, whole  # noqa: F401
from ui.views import latent_explorer, selection
from ui.widgets import live, sketch

KINDS = {  # runs of every kind of code that the pages can meet, and how many numbers the codes have
    "vae, 2-D": {"family": "vae", "latent_dim": 2},
    "vanilla, 1-D": {"family": "vanilla", "latent_dim": 1},
    "vae, 32-D": {"family": "vae", "latent_dim": 32},
    "conditional": {"family": "conditional-vae", "latent_dim": 2},
    "vq": {"family": "vq-vae"},
    "conv": {"family": "vae", "latent_dim": 3, "network": "conv"},
}
CLOSE = 1e-5


@pytest.fixture(scope="module")
def trained(store):  # noqa: F811
    """The id of a run of each of KINDS, trained on the digits for one epoch."""
    return furnished(store, {kind: {"epochs": 1, **settings} for kind, settings in KINDS.items()})


# Inside


SQUARE = np.array([[0, 0], [2, 0], [2, 2], [0, 2]])


def test_inside_a_square():
    points = np.array([[1, 1], [3, 1], [-1, 1], [1, 3], [1, -1], [0.01, 1.99]])
    assert latent_geometry.points_in_polygon(points, SQUARE).tolist() == [True, False, False, False, False, True]


@pytest.mark.parametrize("turn", range(4))
@pytest.mark.parametrize("step", [1, -1])
def test_where_a_polygon_begins_and_which_way_round_does_not_matter(turn, step):
    points = np.random.default_rng(0).uniform(-1, 3, (500, 2))
    expected = ((points > 0) & (points < 2)).all(axis=1)
    np.testing.assert_array_equal(
        latent_geometry.points_in_polygon(points, np.roll(SQUARE, turn, axis=0)[::step]), expected
    )


def test_a_ray_through_a_corner_counts_once():
    diamond = np.array([[0, -1], [1, 0], [0, 1], [-1, 0]])  # the ray from the middle meets the corner (1, 0)
    assert latent_geometry.points_in_polygon(np.array([[0, 0], [-2, 0]]), diamond).tolist() == [True, False]


def test_a_dent_is_outside():
    arrow = np.array([[0, 0], [4, 0], [4, 4], [2, 1], [0, 4]])
    assert latent_geometry.points_in_polygon(np.array([[2, 3], [2, 0.5], [3.6, 3], [0.4, 3]]), arrow).tolist() == [
        False,
        True,
        True,
        True,
    ]


def test_what_a_lasso_goes_round_twice_is_outside():
    twice = np.concatenate([SQUARE, SQUARE])
    assert not latent_geometry.points_in_polygon(np.array([[1, 1]]), twice).any()


@pytest.mark.parametrize("corners", [0, 1, 2])
def test_fewer_than_three_corners_hold_nothing(corners):
    assert not latent_geometry.points_in_polygon(np.random.default_rng(0).normal(size=(50, 2)), SQUARE[:corners]).any()


def test_a_circle_holds_its_share_of_a_square():
    angles = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    points = np.random.default_rng(0).uniform(-1, 1, (20_000, 2))
    share = latent_geometry.points_in_polygon(points, np.stack([np.cos(angles), np.sin(angles)], axis=1)).mean()
    assert share == pytest.approx(np.pi / 4, abs=0.015)  # four standard errors and more


# Nearest


def test_the_nearest_come_first():
    codes = np.array([[0, 0], [3, 4], [1, 0], [0, 2]], np.float32)
    rows, distances = latent_geometry.nearest(codes, np.zeros(2), 3)
    assert rows.tolist() == [0, 2, 3] and distances.tolist() == [0, 1, 2]
    assert len(latent_geometry.nearest(codes, np.zeros(2), 10)[0]) == 4


def test_the_spacing_of_a_line_of_even_steps_is_the_step():
    typical, edge = latent_geometry.neighbour_distances(0.5 * np.arange(3000)[:, None])
    assert (typical, edge) == (pytest.approx(0.5, abs=1e-4), pytest.approx(0.5, abs=1e-4))


@pytest.mark.parametrize("codes", [np.zeros((5, 2)), np.full((1, 3), 7.0), np.full((9, 1), -1e6)])
def test_the_spacing_is_never_zero(codes):
    typical, edge = latent_geometry.neighbour_distances(codes)
    assert 0 < typical <= edge < np.inf


@pytest.mark.parametrize("size", [1, 2, 5])
def test_remoteness_is_the_distance_in_all_dimensions(size):
    codes = np.random.default_rng(0).normal(size=(300, size)).astype(np.float32)
    plane = latent_space.plane_of_components(codes) if size > 2 else latent_space.plane_of_dimensions(codes)
    asked = np.random.default_rng(1).normal(size=(40, 2)) * 2
    lifted = plane.unproject(asked)
    expected = [np.linalg.norm(codes - code, axis=1).min() for code in lifted]
    np.testing.assert_allclose(latent_geometry.distance_to_data(plane, codes, asked), expected, atol=1e-4)


# Packed


def packed(size: int):
    codes = np.random.default_rng(0).normal(size=(200, size)).astype(np.float32)
    labels = np.arange(200) % 10
    plane = latent_space.plane_of_components(codes) if size > 2 else latent_space.plane_of_dimensions(codes)
    return codes, labels, packed_map.pack(plane, codes, labels, "0123456789")


def piece(given: packed_map.PlaneMap, name: str) -> np.ndarray:
    return packing.unpack(given.head["pieces"][name], given.blob)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_what_is_packed_comes_out_again(size):
    codes, labels, given = packed(size)
    shown = piece(given, "points")
    np.testing.assert_array_equal(shown, given.points)
    np.testing.assert_array_equal(piece(given, "labels"), labels)
    assert sum(piece(given, name).nbytes for name in given.head["pieces"]) == len(given.blob)
    # the browser's lift and Pythagoras, as static/map/latent_plane.js does them
    x, y = 0.3, -0.2 if size > 1 else 0
    code = np.array(given.head["origin"]) + x * np.array(given.head["axes"][0]) + y * np.array(given.head["axes"][1])
    aside = (shown[:, 0] - x) ** 2 + (size > 1) * (shown[:, 1] - y) ** 2
    far = np.sqrt(aside + piece(given, "residual") ** 2)
    np.testing.assert_allclose(far, np.linalg.norm(codes - code, axis=1), atol=1e-3)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_view_shows_nearly_all_points_and_the_world_is_wider(size):
    _, _, given = packed(size)
    low, high = np.array(given.head["extent"]).T
    assert ((given.points > low) & (given.points < high)).all(axis=1).mean() > 0.97
    assert (np.array(given.head["pan_limits"])[:, 0] < low).all() and (
        np.array(given.head["pan_limits"])[:, 1] > high
    ).all()
    if size > 1:
        assert high[0] - low[0] == pytest.approx(high[1] - low[1]), "the same scale both ways"


def test_the_field_is_clear_among_the_data_and_deep_far_away():
    _, _, given = packed(2)
    field = piece(given, "distance_field") / 255 * given.head["max_distance"]
    assert field[64, 64] < 1 and field[0, 0] == given.head["max_distance"]
    (left, right), (bottom, top) = given.head["pan_limits"]
    for row, column in ((10, 100), (90, 30)):  # the first row is the top
        place = [left + (right - left) * (column + 0.5) / 128, top - (top - bottom) * (row + 0.5) / 128]
        far = np.linalg.norm(given.points - place, axis=1).min() / given.head["distance_threshold"]
        assert field[row, column] == pytest.approx(min(far, given.head["max_distance"]), abs=0.02)


def test_on_a_line_each_class_has_a_height_of_its_own():
    _, labels, given = packed(1)
    heights = [set(given.points[labels == label, 1].tolist()) for label in range(10)]
    assert all(len(each) == 1 for each in heights)
    tops = [each.pop() for each in heights]
    assert tops == sorted(tops, reverse=True) and -1 < tops[-1] < tops[0] < 1


@pytest.mark.parametrize(
    "said_", [None, "here", [1], [[1, 2, 3]], {"x": 1}, [1, float("nan")], [1, float("inf")], [[1, "x"]]]
)
def test_odd_words_of_a_browser_are_no_places(said_):
    assert selection.parse_points(said_).shape == (0, 2)


def test_a_lasso_of_too_many_corners_is_cut():
    assert len(selection.parse_points([[0, 1]] * 5000)) == selection.MAX_LASSO_CORNERS


# Pages


@pytest.mark.parametrize("page", ["latent_explorer", "draw"])
@pytest.mark.parametrize("kind", KINDS)
def test_both_pages_open_for_every_kind_of_code(page, kind, trained):
    app = opened(page, trained[kind])
    assert not app.error and not app.warning, said(app)


@pytest.mark.parametrize("kind", KINDS)
def test_the_nearest_pictures_to_the_middle_are_shown_at_first(kind, trained):
    app = opened("latent_explorer", trained[kind])
    assert len(pictures(app)) == 2 * latent_explorer.N_NEIGHBOURS
    assert sum("away" in each.proto.body for each in app.get("html")) == 1


def test_codes_of_many_numbers_leave_a_choice_of_planes(trained):
    app = opened("latent_explorer", trained["vae, 32-D"])
    before = pictures(app)
    control(app, "Plane").set_value("dimensions")
    whole(app.run())
    assert pictures(app) != before
    first, second = control(app, "x axis"), control(app, "y axis")
    assert len(first.options) == 32 and len(second.options) == 31 and first.value != second.value
    assert not any(each.label == "Plane" for each in opened("latent_explorer", trained["vae, 2-D"]).segmented_control)


def test_a_conditional_model_is_told_the_label_of_the_sidebar(trained):
    app = opened("latent_explorer", trained["conditional"])
    app.sidebar.selectbox(key="class-label").select("7").run()
    assert not whole(app).error


def test_what_the_address_says_is_shown(trained):
    test = datasets.load("digits").test
    app = opened("latent_explorer", trained["vae, 2-D"])
    before = pictures(app)
    app.query_params["at"] = "0.9,0.9"
    assert pictures(whole(app.run())) != before
    app.query_params["lasso"] = "-50,-50,50,-50,50,50,-50,50"
    whole(app.run())
    assert any(f"{len(test)} of {len(test)} test images" in each.value for each in app.caption)
    assert len(pictures(app)) == 2 * (selection.MAX_LASSO_IMAGES + latent_explorer.N_NEIGHBOURS)
    app.query_params["hidden"] = "3"
    others = int((test.y != 3).sum())
    assert any(f"{others} of {len(test)} test images" in each.value for each in whole(app.run()).caption)
    app.query_params["lasso"] = "50,50,51,50,51,51"
    assert any("No test image" in text for text in said(whole(app.run())))


def test_the_server_draws_what_the_browser_cannot(trained, monkeypatch):
    monkeypatch.setattr(live, "send_model", lambda run: None)
    app = opened("latent_explorer", trained["vae, 2-D"])
    before = pictures(app)
    slider = control(app, "z1")
    slider.set_value(slider.max)
    after = pictures(whole(app.run()))
    assert after[0] != before[0] and after[-1] != before[-1], "the decoded image and the nearest ones"
    assert not opened("draw", trained["vae, 2-D"]).error


def test_colours_cannot_be_drawn(store):  # noqa: F811
    app = opened("draw", untrained("shapes-colour").id)
    assert any("gray" in text for text in said(app))
    assert "dataset=digits" in links(app)["train"]


def test_every_data_set_that_is_drawn_otherwise_is_one_of_ours():
    for name, (fit, pen) in sketch._DRAWING_PREPROCESS.items():
        assert fit["box"] <= CARDS[name].shape[1] and 0.02 <= pen <= 0.25
