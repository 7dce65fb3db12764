"""Repeated reconstruction, worked out by hand for a model that halves what it is given."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.analysis import reconstruction
from ui.panels import iteration


class Halving:
    """Gives back half of what it is given."""

    def reconstruct(self, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
        return x / 2


def test_each_time_the_model_is_given_its_own_output():
    x = np.full((2, 1, 1, 1), 8.0, np.float32)
    found = reconstruction.iterate(Halving(), x, np.zeros(2, int), (0, 1, 2, 5))
    assert {count: float(each[0, 0, 0, 0]) for count, each in found.items()} == {
        0: 8,
        1: 4,
        2: 2,
        5: pytest.approx(0.25),
    }


@pytest.mark.parametrize(
    ("variance_left", "distance", "words"),
    [(0.1, 9.0, "become alike"), (1.0, 1.0, "stay where the first"), (1.0, 9.5, "9.5 times as far")],
)
def test_what_is_said_of_it_follows_its_numbers(variance_left, distance, words):
    """A projection, such as PCA's, is the same after once and after a hundred times: distance 1."""
    assert words in iteration._outcome(variance_left, distance, "images")
