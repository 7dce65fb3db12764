"""What is particular to a model: the numbers that its page and `evaluate` show, by the kind of its code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aecore.data import Split
from aecore.trained import Trained

Numbers = Callable[[Trained, Split], dict[str, Any]]

# kind of code or of model -> what is measured of it on held-out pictures; a kind has what its parents have, too
NUMBERS: dict[type, dict[str, Numbers]] = {}


def numbers(opened: Trained, test: Split) -> dict[str, dict[str, Any]]:
    """All that is measured of a run of this kind on the test pictures, under the names of NUMBERS."""
    found: dict[str, dict[str, Any]] = {}
    for kind, named in NUMBERS.items():
        if any(issubclass(own, kind) for own in opened.kinds):
            found |= {name: measure(opened, test) for name, measure in named.items()}
    return found
