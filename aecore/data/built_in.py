"""Loading what comes with the laboratory and is no image: scikit-learn's tables, and what we draw by formulas."""

from __future__ import annotations

import numpy as np

from aecore.data import simulated

SEED = 0
MEDIAN_PROGRESSION = 140.5  # of the 442 people of the diabetes table
PATCH = 32  # pixels of a side of a texture
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


def textures() -> tuple[np.ndarray, np.ndarray]:
    """Patches of three photographs that do not overlap: uint8 `[768, 1, 32, 32]`, and which photograph, int64."""
    from skimage import data

    cut = [_patches(getattr(data, name)()) for name in ("brick", "grass", "gravel")]
    return np.concatenate(cut), np.repeat(np.arange(3), [len(each) for each in cut])


def _patches(photograph: np.ndarray) -> np.ndarray:
    down, across = (side // PATCH for side in photograph.shape)
    grid = photograph[: down * PATCH, : across * PATCH].reshape(down, PATCH, across, PATCH)
    return grid.transpose(0, 2, 1, 3).reshape(-1, 1, PATCH, PATCH)


def faces() -> tuple[np.ndarray, np.ndarray]:
    """uint8 `[200, 1, 25, 25]`, and 0 for a face, 1 for none."""
    from skimage import data

    return np.round(data.lfw_subset() * 255).astype(np.uint8)[:, None], np.repeat([0, 1], 100)


def moments(x: np.ndarray) -> dict[str, list[float]]:
    """Mean and standard deviation of each column or channel, NaN left out; 1 for one that is constant."""
    flat = x.reshape(-1, x.shape[-1])
    std = np.nanstd(flat, axis=0)
    said = {"mean": np.nanmean(flat, axis=0), "std": np.where(std > 0, std, 1.0)}
    return {name: [float(f"{value:.6g}") for value in values] for name, values in said.items()}
