"""Clustering: how well clusters that nobody named agree with labels; it knows arrays, and no model."""

from __future__ import annotations

import numpy as np


def cluster_accuracy(clusters: np.ndarray, labels: np.ndarray) -> float:
    """Compute the accuracy of clusters as labels, under the best assignment of one to the other.

    Each label stands for at most one cluster, and each cluster for at most one label; the assignment that is right most
    often is found by the Hungarian algorithm (Kuhn 1955; Xie, Girshick & Farhadi 2016).

    Parameters
    ----------
    clusters, labels
        Whole numbers `[N]` from 0; there may be more of one than of the other.

    Returns
    -------
    float
        The share of samples whose cluster is assigned to their label, from 0 to 1.

    Examples
    --------
    >>> import numpy as np
    >>> cluster_accuracy(np.array([2, 2, 0, 0, 1]), np.array([0, 0, 1, 1, 1]))
    0.8
    """
    from scipy.optimize import linear_sum_assignment

    counts = _together(clusters, labels)
    return float(counts[linear_sum_assignment(counts, maximize=True)].sum() / len(labels))


def majority_accuracy(clusters: np.ndarray, labels: np.ndarray) -> float:
    """Compute the accuracy of clusters of which each stands for the label that most of its samples have.

    Several clusters may stand for one label, as where there are more of them than labels (Makhzani et al. 2015).

    Parameters
    ----------
    clusters, labels
        Whole numbers `[N]` from 0.

    Returns
    -------
    float
        From the share of the most common label to 1.

    Examples
    --------
    >>> import numpy as np
    >>> majority_accuracy(np.array([2, 2, 0, 0, 1]), np.array([0, 0, 1, 1, 1]))
    1.0
    """
    return float(_together(clusters, labels).max(axis=1).sum() / len(labels))


def _together(clusters: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """How many samples each cluster and label have together, `[K, L]`."""
    counts = np.zeros((clusters.max() + 1, labels.max() + 1), np.int64)
    np.add.at(counts, (clusters, labels), 1)
    return counts
