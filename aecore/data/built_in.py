"""Loading what comes with the laboratory and is no image: scikit-learn's tables, and what we draw by formulas."""

from __future__ import annotations

import numpy as np

from aecore.data import simulated

SEED = 0
MEDIAN_PROGRESSION = 140.5  # of the 442 people of the diabetes table
MAX_DIGIT = 16  # the stored integer of white


def raw(name: str) -> tuple[np.ndarray, np.ndarray]:
    """x float64 `[N, columns]` or `[N, T, C]` in its own unit, and classes int64 `[N]`."""
    if name in simulated.GENERATORS:
        # Not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come.
        return simulated.GENERATORS[name](np.random.RandomState(SEED))
    from sklearn import datasets

    if name == "digits-rows":
        bunch = datasets.load_digits()
        return bunch.images / MAX_DIGIT, bunch.target.astype(np.int64)
    if name == "diabetes":
        bunch = datasets.load_diabetes(scaled=False)
        return bunch.data, (bunch.target > MEDIAN_PROGRESSION).astype(np.int64)
    bunch = getattr(datasets, "load_" + name.replace("-", "_"))()
    return bunch.data, bunch.target.astype(np.int64)


def moments(x: np.ndarray) -> dict[str, list[float]]:
    """Mean and standard deviation of each column or channel, NaN left out; 1 for one that is constant."""
    flat = x.reshape(-1, x.shape[-1])
    std = np.nanstd(flat, axis=0)
    said = {"mean": np.nanmean(flat, axis=0), "std": np.where(std > 0, std, 1.0)}
    return {name: [float(f"{value:.6g}") for value in values] for name, values in said.items()}
