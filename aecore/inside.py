"""What is particular to a model: the numbers that its page and `evaluate` show, by the kind of its code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from aecore import anatomy, clouds, codebooks, levels, samples, styles, units
from aecore.bottlenecks import Activations, GaussianLatent, LadderLatent, Latent, Quantized
from aecore.data import Split
from aecore.model import Conditional
from aecore.trained import Trained

T = TypeVar("T")
Numbers = Callable[[Trained, Split], dict[str, Any]]

# kind of code or of model -> what is measured of it on held-out pictures
NUMBERS: dict[type, dict[str, Numbers]] = {
    Latent: {"anatomy": anatomy.numbers, "samples": samples.numbers},
    GaussianLatent: {"clouds": clouds.numbers},
    LadderLatent: {"levels": levels.numbers},
    Activations: {"units": units.numbers},
    Quantized: {"codebook": codebooks.numbers},
    Conditional: {"styles": styles.numbers},
}


def for_kinds(table: Mapping[type, T], kinds: Sequence[type]) -> list[T]:
    """What a table holds for kinds and for the kinds that they are kinds of, in the table's order."""
    return [entry for kind, entry in table.items() if any(issubclass(own, kind) for own in kinds)]


def numbers(opened: Trained, test: Split) -> dict[str, dict[str, Any]]:
    """All that is measured of a run of this kind on the test pictures, under the names of NUMBERS."""
    named = [each for entry in for_kinds(NUMBERS, opened.kinds) for each in entry.items()]
    return {name: measure(opened, test) for name, measure in named}
