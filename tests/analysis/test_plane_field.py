"""The field of a reconstruction over a plane, against maps whose field is known."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.analysis import plane_field

SQUARE = np.array([[-2.0, 2.0], [-1.0, 3.0]])


def test_a_projection_onto_a_line_moves_points_at_right_angles_to_it():
    """A linear autoencoder of one number projects onto a line: the error is the squared distance from it."""
    line = np.array([3.0, 4.0]) / 5
    field = plane_field.compute(lambda x: np.outer(x @ line, line), SQUARE, 9)
    y, x = np.meshgrid(field.y, field.x, indexing="ij")
    assert np.allclose(field.shift @ line, 0, atol=1e-5)
    assert np.allclose(field.error, (-4 / 5 * x + 3 / 5 * y) ** 2, atol=1e-5)


def test_rows_are_y_and_columns_are_x():
    field = plane_field.compute(lambda x: x + np.array([0.0, 1.0]) * (x[:, :1] > 1), SQUARE, 5)
    assert np.allclose(field.x, [-2, -1, 0, 1, 2]) and np.allclose(field.y, [-1, 0, 1, 2, 3])
    assert not field.shift[..., 0].any() and (field.shift[:, 4, 1] == 1).all()
    assert not field.shift[:, :4].any()


def test_the_optimal_denoiser_of_a_gaussian_points_along_the_score():
    """Of data from N(m, I) under noise of variance s^2 the best reconstruction is (x + s^2 m) / (1 + s^2): its shift is
    s^2 / (1 + s^2) times the score m - x (Alain & Bengio 2014 for small s)."""
    mean, variance = np.array([0.5, 1.0]), 0.01
    field = plane_field.compute(lambda x: (x + variance * mean) / (1 + variance), SQUARE, 17)
    points = np.stack(np.meshgrid(field.x, field.y), 2)
    assert np.allclose(field.shift / variance, (mean - points) / (1 + variance), atol=1e-4)
    assert np.allclose(field.least, mean)


@pytest.mark.parametrize("points", [np.array([[0.0, 0.0], [4.0, 1.0]]), np.array([[2.0, 2.0]])])
def test_the_extent_is_a_square_around_the_points(points):
    (left, right), (bottom, top) = plane_field.extent(points, margin=0.25)
    assert right - left == pytest.approx(top - bottom)
    assert np.allclose([(left + right) / 2, (bottom + top) / 2], (points.min(0) + points.max(0)) / 2)
    assert right - left == pytest.approx(6 if len(points) > 1 else 1.5)
