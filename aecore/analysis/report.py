"""What is particular to a model: the numbers that its page and `evaluate` show, by the kind of its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.analysis import architecture, jacobian, likelihood_bounds, sampling
from aecore.analysis.latents import codebook, conditional, hierarchy, linear, posterior, sparsity
from aecore.analysis.loaded import Trained
from aecore.data.datasets import Split
from aecore.dispatch import for_kinds
from aecore.models.autoencoder import Conditional, LinearAutoencoder
from aecore.models.bottlenecks import Activations, GaussianLatent, LadderLatent, Latent, Quantized

Numbers = Callable[[Trained, Split], dict[str, Any]]

# kind of code or of model -> what is measured of it on held-out pictures
NUMBERS: dict[type, dict[str, Numbers]] = {
    Latent: {"anatomy": architecture.numbers, "stretch": jacobian.numbers, "samples": sampling.numbers},
    GaussianLatent: {"clouds": posterior.numbers, "bounds": likelihood_bounds.numbers},
    LadderLatent: {"levels": hierarchy.numbers},
    Activations: {"units": sparsity.numbers},
    Quantized: {"codebook": codebook.numbers},
    Conditional: {"styles": conditional.numbers},
    LinearAutoencoder: {"pca": linear.numbers},
}


def numbers(opened: Trained, test: Split, only: str | None = None) -> dict[str, dict[str, Any]]:
    """All that is measured of a run of this kind on the test pictures, under the names of NUMBERS; or `only` one."""
    named = {name: measure for entry in for_kinds(NUMBERS, opened.kinds) for name, measure in entry.items()}
    return {name: measure(opened, test) for name, measure in named.items() if only in (None, name)}
