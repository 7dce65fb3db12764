"""Walks, planes and grids against geometry: every expected number follows from the definition."""

import numpy as np
import pytest

from aecore.analysis import latent_geometry, latent_space
from aecore.errors import UserError

# Codes are float32 with 24 bits, 6e-8 of rounding each: a few operations on numbers near 1 stay below this.
CLOSE = 1e-5


@pytest.fixture
def codes() -> np.ndarray:
    """200 codes of 5 dimensions with sds 1, 3, .1, 2, .5 about the mean 4 (seed 0)."""
    return (np.random.default_rng(0).normal(size=(200, 5)) * [1, 3, 0.1, 2, 0.5] + 4).astype(np.float32)


# Ways


@pytest.mark.parametrize("walk", latent_space.INTERPOLATIONS.values(), ids=latent_space.INTERPOLATIONS)
def test_ways_start_and_end_where_they_should(walk):
    a, b = np.random.default_rng(0).normal(size=(2, 7)).astype(np.float32)
    way = walk(a, b, 9)
    assert way.shape == (9, 7) and way.dtype == np.float32
    np.testing.assert_allclose(way[[0, -1]], [a, b], atol=CLOSE)


def test_the_straight_line_takes_even_steps():
    np.testing.assert_allclose(latent_space.lerp(np.zeros(2), np.array([4, 8]), 5), [[n, 2 * n] for n in range(5)])


def test_halfway_between_orthonormal_codes_slerp_stays_on_the_sphere_and_the_line_cuts_through():
    a, b = np.eye(2, dtype=np.float32)
    np.testing.assert_allclose(latent_space.slerp(a, b, 3)[1], [np.sqrt(0.5)] * 2, atol=CLOSE)  # 45 degrees
    assert np.linalg.norm(latent_space.lerp(a, b, 3)[1]) == pytest.approx(np.sqrt(0.5))


def test_slerp_turns_evenly_and_changes_length_evenly():
    way = latent_space.slerp(np.array([2, 0]), np.array([0, 4]), 4)  # 90 degrees, from length 2 to 4, in 3 steps
    np.testing.assert_allclose(np.degrees(np.arctan2(way[:, 1], way[:, 0])), [0, 30, 60, 90], atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(way, axis=1), [2, 8 / 3, 10 / 3, 4], atol=CLOSE)


@pytest.mark.parametrize(
    ("a", "b"), [([1, 2], [2, 4]), ([1, 2], [-1, -2]), ([0, 0], [1, 2]), ([1, 2], [0, 0]), ([3], [-1])]
)
def test_slerp_is_the_straight_line_where_there_is_no_one_great_circle(a, b):
    a, b = np.array(a, np.float32), np.array(b, np.float32)
    np.testing.assert_array_equal(latent_space.slerp(a, b, 5), latent_space.lerp(a, b, 5))


def test_slerp_has_no_jump_where_it_hands_over_to_the_line():
    a, b = np.array([1, 0]), np.array([1, 1e-4])  # the arc and its chord differ by angle^2 / 8, about 1e-9
    np.testing.assert_allclose(latent_space.slerp(a, b, 5), latent_space.lerp(a, b, 5), atol=1e-7)


def test_crossfade_mixes_pixels():
    black, white = np.zeros((1, 4, 4), np.float32), np.ones((1, 4, 4), np.float32)
    frames = latent_space.crossfade(black, white, 5)
    assert frames.shape == (5, 1, 4, 4)
    np.testing.assert_allclose(frames[:, 0, 0, 0], [0, 0.25, 0.5, 0.75, 1])


@pytest.mark.parametrize("walk", [*latent_space.INTERPOLATIONS.values(), latent_space.crossfade])
def test_a_walk_of_one_step_is_refused(walk):
    with pytest.raises(UserError, match="at least 2 steps"):
        walk(np.zeros(2), np.ones(2), 1)


# Dimensions


def test_ranges_are_quantiles():
    codes = np.stack([np.arange(101), -np.arange(101)], axis=1)  # 0..100: the q-quantile is 100 q
    np.testing.assert_allclose(latent_space.quantile_ranges(codes), [[1, 99], [-99, -1]])
    np.testing.assert_allclose(latent_space.quantile_ranges(codes, 0.25, 0.75), [[25, 75], [-75, -25]])


def test_the_range_of_a_constant_dimension_has_a_width():
    np.testing.assert_allclose(latent_space.quantile_ranges(np.full((10, 1), 7, np.float32)), [[6, 8]])


def test_dimensions_come_by_falling_variance(codes):
    assert latent_space.order_by_variance(codes).tolist() == [1, 3, 0, 4, 2]  # the order of the sds in the fixture


# Planes


@pytest.mark.parametrize("make", [latent_space.plane_of_dimensions, latent_space.plane_of_components])
def test_a_point_lifted_off_a_plane_falls_back_on_itself(make, codes):
    plane, points = make(codes), np.random.default_rng(1).normal(size=(50, 2))
    assert plane.unproject(points).shape == (50, 5)
    np.testing.assert_allclose(plane.project(plane.unproject(points)), points, atol=CLOSE)
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=CLOSE)


def test_the_plane_of_dimensions_shows_raw_coordinates_and_holds_the_others_at_their_mean(codes):
    plane = latent_space.plane_of_dimensions(codes, 3, 0)
    np.testing.assert_array_equal(plane.project(codes), codes[:, [3, 0]])
    lifted = plane.unproject(np.array([[9.0, -9.0]]))[0]
    np.testing.assert_allclose(lifted[[3, 0]], [9, -9])
    np.testing.assert_allclose(lifted[[1, 2, 4]], codes.mean(axis=0)[[1, 2, 4]], atol=CLOSE)
    assert plane.names == ("z4", "z1")


def test_two_dimensions_are_their_own_plane(codes):
    plane = latent_space.plane_of_dimensions(codes[:, :2])
    np.testing.assert_array_equal(plane.project(codes[:, :2]), codes[:, :2])
    np.testing.assert_array_equal(plane.unproject(codes[:, :2]), codes[:, :2])


def test_the_plane_of_components_agrees_with_the_singular_value_decomposition(codes):
    plane, centred = latent_space.plane_of_components(codes), codes - codes.mean(axis=0)
    _, singular, rows = np.linalg.svd(centred, full_matrices=False)
    np.testing.assert_allclose(np.abs(np.sum(plane.axes * rows[:2], axis=1)), 1, atol=CLOSE)  # equal but for signs
    np.testing.assert_allclose(plane.explained_variance_ratio, (singular**2 / (singular**2).sum())[:2], atol=CLOSE)
    np.testing.assert_allclose(plane.project(codes).mean(axis=0), 0, atol=1e-4)


def test_components_do_not_flip(codes):
    axes = latent_space.plane_of_components(codes).axes
    assert all(axis[np.abs(axis).argmax()] > 0 for axis in axes)
    # Mirrored codes have the same components; only the map is mirrored.
    np.testing.assert_allclose(latent_space.plane_of_components(-codes).axes, axes, atol=CLOSE)


@pytest.mark.parametrize("make", [latent_space.plane_of_dimensions, latent_space.plane_of_components])
def test_codes_of_one_dimension_lie_on_a_line(make, codes):
    line = codes[:, :1]
    plane = make(line)
    assert not plane.axes[1].any() and plane.names[1] == ""
    assert not plane.project(line)[:, 1].any()
    np.testing.assert_allclose(plane.unproject(plane.project(line)), line, atol=CLOSE)


@pytest.mark.parametrize("count", [1, 2])
def test_fewer_codes_than_dimensions_still_have_two_components(count, codes):
    plane = latent_space.plane_of_components(codes[:count])
    np.testing.assert_allclose(plane.axes @ plane.axes.T, np.eye(2), atol=CLOSE)
    np.testing.assert_allclose(plane.explained_variance_ratio, (count - 1, 0), atol=CLOSE)  # two points lie on one line


def test_equal_codes_explain_nothing():
    plane = latent_space.plane_of_components(np.full((30, 3), 0.1, np.float32))
    assert plane.explained_variance_ratio == (0, 0)


@pytest.mark.parametrize(("first", "second"), [(0, 5), (-1, 0), (2, 2)])
def test_planes_that_are_not_there_are_refused(first, second, codes):
    with pytest.raises(UserError):
        latent_space.plane_of_dimensions(codes, first, second)


@pytest.mark.parametrize("broken", [np.zeros((0, 2)), np.full((3, 2), np.nan)])
def test_codes_that_cannot_be_drawn_are_refused_in_a_sentence(broken):
    for use in (
        latent_space.plane_of_dimensions,
        latent_space.plane_of_components,
        latent_space.quantile_ranges,
        latent_space.order_by_variance,
    ):
        with pytest.raises(UserError, match="codes"):
            use(broken)


# Grids


def test_the_first_point_of_a_grid_is_top_left():
    grid = latent_geometry.grid(np.zeros((1, 2)), 3, span=(-3, 3))
    assert grid.points[0].tolist() == [-3, 3]
    assert grid.points[1].tolist() == [0, 3]  # then to the right
    assert grid.points[3].tolist() == [-3, 0]  # then down
    assert grid.points[-1].tolist() == [3, -3]
    assert grid.x.tolist() == [-3, 0, 3] and grid.y.tolist() == [3, 0, -3]


def test_a_grid_is_addressed_by_row_and_column(codes):
    grid = latent_geometry.grid(codes[:, :2], 4)
    table = grid.points.reshape(4, 4, 2)
    np.testing.assert_array_equal(table[..., 0], np.tile(grid.x, (4, 1)))
    np.testing.assert_array_equal(table[..., 1], np.tile(grid.y[:, None], (1, 4)))


def test_a_range_grid_spans_the_points_and_its_axes_may_differ():
    points = np.stack([np.arange(101), 10 * np.arange(101)], axis=1)
    grid = latent_geometry.grid(points, 3)
    np.testing.assert_allclose(grid.x, [1, 50, 99])
    np.testing.assert_allclose(grid.y, [990, 500, 10])
    spanned = latent_geometry.grid(points, 2, span=np.array([[0, 1], [2, 3]]))
    assert spanned.x.tolist() == [0, 1] and spanned.y.tolist() == [3, 2]


def test_quantiles_of_the_prior_are_those_of_kingma_and_welling():
    from scipy.stats import norm

    points = np.random.default_rng(0).normal(5, 3, (50, 2))
    np.testing.assert_allclose(
        latent_geometry.grid(points, 3, "gaussian-quantiles", True).x, [-1.6449, 0, 1.6449], atol=5e-5
    )
    ticks = norm.ppf(np.linspace(0.05, 0.95, 20))
    np.testing.assert_allclose(latent_geometry.grid(points, 20, "gaussian-quantiles", True).y, ticks[::-1], atol=CLOSE)
    np.testing.assert_allclose(
        latent_geometry.grid(points, 5, "uniform", True).x[[0, -1]], norm.ppf([0.01, 0.99]), atol=CLOSE
    )


def test_quantiles_of_the_points_follow_their_mean_and_sd():
    points = np.array([[1, -10], [3, 10]])  # means 2 and 0, sds 1 and 10
    grid = latent_geometry.grid(points, 3, "gaussian-quantiles")
    np.testing.assert_allclose(grid.x, [2 - 1.6449, 2, 2 + 1.6449], atol=5e-5)
    np.testing.assert_allclose(grid.y, [16.449, 0, -16.449], atol=5e-4)


def test_a_grid_over_a_line_repeats_its_rows(codes):
    line = codes[:, :1]
    plane = latent_space.plane_of_components(line)
    lifted = plane.unproject(latent_geometry.grid(plane.project(line), 4).points).reshape(4, 4)
    np.testing.assert_array_equal(lifted, np.tile(lifted[0], (4, 1)))
    assert (np.diff(lifted[0]) > 0).all()


def test_a_grid_of_one_picture_is_refused(codes):
    with pytest.raises(UserError, match="at least 2"):
        latent_geometry.grid(codes[:, :2], 1)
