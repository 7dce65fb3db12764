"""Reconstruction: the least that its loss can be, and where it leads when it is repeated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.analysis.metrics import bce_lower_bound
from aecore.data.datasets import Split
from aecore.models.likelihoods import Bernoulli


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """The `floor` of the reconstruction, in nats, where the loss has one and the images are those of the data set."""
    if isinstance(run.model.likelihood, Bernoulli) and not test.synthetic:
        return {"bce_lower_bound": bce_lower_bound(test)}
    return {}


def iterate(run: LoadedModel, x: np.ndarray, labels: np.ndarray, after: Sequence[int]) -> dict[int, np.ndarray]:
    """What samples `x` `[N, *shape]` have become when the model has been given its own reconstruction so many times,
    `after` rising: 0 is x itself. Clipped as they can be shown, as the first reconstruction is."""
    found, done = {}, 0
    for count in after:
        for _ in range(count - done):
            x = run.reconstruct(x, labels)
        found[count], done = x, count
    return found
