"""Baselines: PCA and the mean image, fitted to all images that a model learnt from and measured as the model is.

Reconstructions, a model's and a baseline's alike, are clipped to the range of images, [0, 1], before their error is
taken (`squared_errors`): what lies outside cannot be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from aecore.analysis import metrics
from aecore.data.datasets import Split

MAX_FIT_SAMPLES = 100_000  # a fair sample of larger sets: the covariance of more changes no digit that is shown
BATCH_SIZE = 1000  # images at a time: bounds the memory of a fit, and of what is measured
RANDOMIZED_MIN_PIXELS, RANDOMIZED_MAX_SHARE = (
    1024,
    1 / 3,
)  # more pixels, and a smaller share of all components: the quicker way to find these

Reconstruct = Callable[[np.ndarray, np.ndarray], np.ndarray]  # x [n, C, H, W] and labels [n] -> as x


def batches(split: Split) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The samples of a split as float32 [n, *shape] with their labels [n], BATCH_SIZE at a time."""
    for rows in _slices(split):
        yield split.to_float(rows), split.y[rows]


def _slices(split: Split) -> Iterator[slice]:
    for start in range(0, len(split), BATCH_SIZE):
        yield slice(start, start + BATCH_SIZE)


def squared_errors(split: Split, reconstruct: Reconstruct, clip: bool = True) -> np.ndarray:
    """Squared error per value of the reconstruction of each sample of a split, [N], over the values that were observed;
    clipped to what can be shown unless `clip` is off, which is for theorems only."""
    found = []
    for rows in _slices(split):
        made = reconstruct(split.to_float(rows), split.y[rows])
        found.append(metrics.mse(split.observed(rows), split.modality.clip(made) if clip else made))
    return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class PCA:
    """Principal components of a training set. No linear autoencoder with as many numbers has a lower squared error on
    it, before clipping (Bourlard & Kamp 1988; Baldi & Hornik 1989)."""

    mean: np.ndarray  # float32 [D]
    components: np.ndarray  # float32 [d, D], orthonormal rows, that of the largest variance first

    @classmethod
    def fit(cls, split: Split, n_components: int) -> PCA:
        """The `n_components` leading components of a split's samples (of the first MAX_FIT_SAMPLES, where there are
        more); as many as there are where there are fewer.

        From the covariance, which is summed up batch by batch: the images are never held as floats. Products are of
        float32 and sums of float64, so directions are off by some 1e-6 and the error, being least at the right ones,
        by its square.
        """
        split = split.head(MAX_FIT_SAMPLES) if len(split) > MAX_FIT_SAMPLES else split
        count, pixels = len(split), int(np.prod(split.x.shape[1:]))
        total = sum(x.reshape(len(x), pixels).sum(axis=0, dtype=np.float64) for x, _ in batches(split))
        mean = total / count
        shift, covariance = mean.astype(np.float32), np.zeros((pixels, pixels))
        for x, _ in batches(split):
            centred = x.reshape(len(x), pixels) - shift
            covariance += centred.T @ centred
        return cls(shift, _leading_eigenvectors(covariance / count, min(n_components, count, pixels)))

    def reconstruct(self, x: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Images `x` [n, ...] projected on the components; not clipped. Labels tell it nothing."""
        centred = x.reshape(len(x), -1) - self.mean
        made: np.ndarray = centred @ self.components.T @ self.components + self.mean
        return made.reshape(x.shape)

    def truncate(self, n_components: int) -> PCA:
        """Its first components alone; with 0 of them every image becomes the mean."""
        return PCA(self.mean, self.components[:n_components])


def _leading_eigenvectors(covariance: np.ndarray, n_components: int) -> np.ndarray:
    """The eigenvectors of the `n_components` largest eigenvalues as rows, float32 [d, D], without those of value 0."""
    from scipy.linalg import eigh
    from sklearn.utils.extmath import randomized_svd

    pixels = len(covariance)
    if not n_components:
        return np.zeros((0, pixels), np.float32)
    if pixels > RANDOMIZED_MIN_PIXELS and n_components < RANDOMIZED_MAX_SHARE * pixels:
        # exact takes half a minute at 3,072 pixels; ten rounds of it are equal to five digits of the error
        _, values, rows = randomized_svd(covariance, n_components, n_iter=10, random_state=0)
    else:
        rising, columns = eigh(covariance, subset_by_index=[pixels - n_components, pixels - 1])
        values, rows = rising[::-1], columns.T[::-1]
    kept = values > 1e-7 * max(values[0], 1e-30)  # what images do not vary in, rounding would choose
    return np.ascontiguousarray(rows[kept], np.float32)


def baseline_errors(train: Split, test: Split, n_components: int) -> dict[str, float]:
    """Mean squared errors per pixel on `test` of baselines fitted to `train`: `mean_baseline_mse` of always answering
    the mean image, `pca_mse` of PCA with `n_components` components."""
    pca = PCA.fit(train, n_components)
    return {
        "mean_baseline_mse": float(squared_errors(test, pca.truncate(0).reconstruct).mean()),
        "pca_mse": float(squared_errors(test, pca.reconstruct).mean()),
    }
