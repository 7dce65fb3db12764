"""What is particular to a model: the numbers that its page and `evaluate` show, by the kind of its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.analysis import jacobian, likelihood_bounds, reconstruction, sampling
from aecore.analysis.latents import (
    classification,
    clusters,
    codebook,
    conditional,
    hierarchy,
    linear,
    posterior,
    sparsity,
)
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.dispatch import collect
from aecore.models.autoencoder import Conditional, LinearAutoencoder
from aecore.models.latents import ClusterLatent, GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent
from aecore.models.semi_supervised.classifiers import Classifier

Report = Callable[[LoadedModel, Split], dict[str, Any]]

# kind of code or of model -> what is measured of it on held-out images
REPORTS: dict[type, dict[str, Report]] = {
    Latent: {"reconstruction": reconstruction.report, "jacobian": jacobian.report, "sampling": sampling.report},
    GaussianLatent: {"posterior": posterior.report, "likelihood_bounds": likelihood_bounds.report},
    LadderLatent: {"hierarchy": hierarchy.report},
    ClusterLatent: {"clusters": clusters.report},
    SparseLatent: {"sparsity": sparsity.report},
    Quantized: {"codebook": codebook.report},
    Conditional: {"conditional": conditional.report},
    Classifier: {"classification": classification.report},
    LinearAutoencoder: {"pca": linear.report},
}


def reports(run: LoadedModel, test: Split, only: str | None = None) -> dict[str, dict[str, Any]]:
    """All that is measured of a run of this kind on the test images, under the names of REPORTS; or `only` one."""
    named = {name: measure for entry in collect(REPORTS, run.types) for name, measure in entry.items()}
    return {name: measure(run, test) for name, measure in named.items() if only in (None, name)}
