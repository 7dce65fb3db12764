"""Repeated reconstruction, worked out by hand for a model that halves what it is given."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.analysis import reconstruction


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
