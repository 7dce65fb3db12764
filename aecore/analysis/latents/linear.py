"""Linear autoencoders beside PCA: the space that they span, and the axes that they span it by."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.analysis import metrics
from aecore.analysis.baselines import PCA, squared_errors
from aecore.analysis.loaded import LoadedModel
from aecore.data import datasets
from aecore.data.datasets import Split
from aecore.models.autoencoder import LinearAutoencoder


def axes(run: LoadedModel) -> np.ndarray:
    """The images that a step along each number of the code adds, as unit vectors: `[D, pixels]`."""
    assert isinstance(run.model, LinearAutoencoder)
    rows = run.model.weight_matrices()[1].T.cpu().double().numpy()
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """How near a linear autoencoder comes to PCA with as many numbers, fitted to the same training images:

    principal_angles principal angles between the two spaces in degrees, the largest first: 0 when they are the same
    train, test      mean squared errors per pixel of `model` and `pca`; not clipped, as the theorem has it, so that on
                     training images PCA's is the least there is (Baldi & Hornik 1989)
    cosines          of the angle between each axis of the code and each component, `[D, D]` in size: of the components
                     themselves they would be 1 and 0
    min_angle_between_axes  the least angle between two axes of the code in degrees: 90 for components
    singular_values  singular values of the map from components to code, the largest first: all 1 for a rotation

    Nothing where the images of the data set are not here.
    """
    if test.synthetic:
        return {}
    train = datasets.load_training(run.config).train
    pca, own = PCA.fit(train, run.code_size), axes(run)
    assert isinstance(run.model, LinearAutoencoder)
    encoder = run.model.weight_matrices()[0].cpu().double().numpy()
    between = np.abs(own @ own.T)
    np.fill_diagonal(between, 0)

    def errors(split: Split) -> dict[str, float]:
        model = squared_errors(split, lambda x, y: run.reconstruct(x, y, clip=False), clip=False)
        return {"model": float(model.mean()), "pca": float(squared_errors(split, pca.reconstruct, clip=False).mean())}

    return {
        "n_samples": len(train),
        "principal_angles": metrics.principal_angles(own, pca.components).tolist(),
        "train": errors(train),
        "test": errors(test),
        "cosines": np.abs(own @ pca.components.T).round(4).tolist(),
        "min_angle_between_axes": float(np.degrees(np.arccos(min(1.0, between.max())))),
        "singular_values": np.linalg.svd(encoder @ pca.components.T, compute_uv=False).tolist(),
    }
