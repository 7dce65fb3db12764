"""Reconstruction: the least that its loss can be."""

from __future__ import annotations

from typing import Any

from aecore.analysis.loaded import LoadedModel
from aecore.analysis.metrics import bce_lower_bound
from aecore.data.datasets import Split
from aecore.models.likelihoods import Bernoulli


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """The `floor` of the reconstruction, in nats, where the loss has one and the images are those of the data set."""
    if isinstance(run.model.likelihood, Bernoulli) and not test.synthetic:
        return {"bce_lower_bound": bce_lower_bound(test)}
    return {}
