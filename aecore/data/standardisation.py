"""Means and standard deviations of the built-in tables and series, as their cards need them before any data are read.

`standardisation.json` is written by `python -m benchmarks.standardisation`, of the training samples alone; a test holds
it to them.
"""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path
from typing import TypedDict

FILE = Path(__file__).with_name("standardisation.json")


class Scaling(TypedDict):
    """Of each column or channel, in its own unit."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


@lru_cache(maxsize=1)
def _all() -> dict[str, dict[str, list[float]]]:
    found: dict[str, dict[str, list[float]]] = json.loads(FILE.read_text())
    return found


def scaling(name: str) -> Scaling:
    """Mean and standard deviation of each column or channel of a data set."""
    found = _all()[name]
    return {"mean": tuple(found["mean"]), "std": tuple(found["std"])}
