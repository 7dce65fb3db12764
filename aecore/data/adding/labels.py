"""Classes of an added data set, out of names of folders or the cells of a column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aecore.data.adding.understood import MAX_CLASSES, NO_CLASS, UNLABELLED
from aecore.data.adding.wording import unique

Labels = tuple[np.ndarray, tuple[str, ...], list[str]]  # y int64 [N], classes, notes


def none(n_samples: int) -> Labels:
    """No labels: all samples are of one class."""
    return np.zeros(n_samples, np.int64), UNLABELLED, []


def from_names(names: Sequence[str], what: str = "folders", strict: bool = False) -> Labels:
    """Classes in the order of their names, numbers by their size; "" is a sample without one.

    More than MAX_CLASSES count as no labels, with a note; where `strict`, the caller refuses them before.
    """
    different = sorted(set(names) - {""}, key=_order)
    if len(different) > MAX_CLASSES:
        y, classes, _ = none(len(names))
        return (
            y,
            classes,
            [f"{len(different):,} {what} are too many to be classes ({MAX_CLASSES} at most), so there are no labels."],
        )
    if not different:
        return none(len(names))
    index = {name: at for at, name in enumerate(different)}
    missing = sum(name == "" for name in names)
    notes = []
    if missing:
        index[""] = len(different)
        different.append(NO_CLASS)
        notes.append(f"{missing:,} samples have no label and are a class of their own.")
    return np.array([index[name] for name in names], np.int64), tuple(unique(different, "class")[0]), notes


def _order(name: str) -> tuple[int, float, str]:
    try:
        number = float(name)
    except ValueError:
        return 1, 0.0, name
    return (0, number, name) if number == number else (1, 0.0, name)
