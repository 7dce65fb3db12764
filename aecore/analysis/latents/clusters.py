"""Clusters that a code names without having seen a label: how many are used, and how well they agree with labels."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.analysis.latents.cluster_accuracy import cluster_accuracy, majority_accuracy
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.models.latents import ClusterLatent

N_EVAL_IMAGES = 10_000  # test images that are asked: the first ones


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """Of test images: how many clusters are the likeliest for any, how sure the encoder is of the likeliest, and the
    accuracies of clusters as labels (cluster_accuracy.py); of images without labels, or that the model has drawn
    itself (`synthetic`), no accuracies."""
    count = min(N_EVAL_IMAGES, len(test))
    latent = run.latents(test.to_float(slice(count)), test.y[:count])
    assert isinstance(latent, ClusterLatent)
    clusters, labels = latent.clusters.numpy(), test.y[:count]
    said: dict[str, Any] = {
        "n_samples": count,
        "n_clusters": latent.n_clusters,
        "used_clusters": len(np.unique(clusters)),
        "mean_probability": float(latent.code[:, : latent.n_clusters].max(1).values.mean()),
    }
    if test.synthetic or not run.card.labelled:
        return said
    accuracies = {
        "accuracy": cluster_accuracy(clusters, labels),
        "majority_accuracy": majority_accuracy(clusters, labels),
    }
    return said | accuracies
