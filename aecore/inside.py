"""What is particular to a model: the numbers that its page and `evaluate` show, by the kind of its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore import anatomy, bounds, clouds, codebooks, levels, linear, samples, stretch, styles, units
from aecore.bottlenecks import Activations, GaussianLatent, LadderLatent, Latent, Quantized
from aecore.data import Split
from aecore.kinds import for_kinds
from aecore.model import Conditional, LinearAutoencoder
from aecore.trained import Trained

Numbers = Callable[[Trained, Split], dict[str, Any]]

# kind of code or of model -> what is measured of it on held-out pictures
NUMBERS: dict[type, dict[str, Numbers]] = {
    Latent: {"anatomy": anatomy.numbers, "stretch": stretch.numbers, "samples": samples.numbers},
    GaussianLatent: {"clouds": clouds.numbers, "bounds": bounds.numbers},
    LadderLatent: {"levels": levels.numbers},
    Activations: {"units": units.numbers},
    Quantized: {"codebook": codebooks.numbers},
    Conditional: {"styles": styles.numbers},
    LinearAutoencoder: {"pca": linear.numbers},
}


def numbers(opened: Trained, test: Split, only: str | None = None) -> dict[str, dict[str, Any]]:
    """All that is measured of a run of this kind on the test pictures, under the names of NUMBERS; or `only` one."""
    named = {name: measure for entry in for_kinds(NUMBERS, opened.kinds) for name, measure in entry.items()}
    return {name: measure(opened, test) for name, measure in named.items() if only in (None, name)}
