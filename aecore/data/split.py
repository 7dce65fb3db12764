"""Samples with their labels: a split, and the three of a data set."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.data.card import DatasetCard
from aecore.data.modalities import Image, Modality


@dataclass(frozen=True)
class Split:
    """Samples with their labels, in a random but fixed order: the first rows are a fair sample.

    `load` hands the same arrays to everybody: read them, never write into them.

    Attributes
    ----------
    x
        `[N, *shape]`: uint8 from 0 to `max_value` (images), or float32 as networks get them, NaN where a value is
        missing. People's own sets are memory-mapped.
    y
        int64 `[N]`, class labels.
    max_value
        The stored integer that means 1.0.
    factors
        int64 `[N, F]`, values of `Dataset.factor_names`; only where we draw the images ourselves, else None.
    kind
        What the samples are; images, where it is not said.
    synthetic
        Whether a model decoded these, in place of samples that are not on this computer.

    Examples
    --------
    >>> import aecore
    >>> test = aecore.load_dataset("digits").test
    >>> test.x.shape, test.max_value
    ((359, 1, 8, 8), 16)
    >>> float(test.head(5).to_float().max()) <= 1
    True
    """

    x: np.ndarray  # [N, *shape], uint8 0 to max_value, or float32 with NaN where a value is missing
    y: np.ndarray  # int64 [N]
    max_value: int = 255
    factors: np.ndarray | None = None  # int64 [N, F], values of Dataset.factor_names; only where we draw the images
    synthetic: bool = False  # decoded by a model, in place of samples that are not here (store/offline.py)
    kind: Modality | None = None  # of the samples; images, where nothing else is said

    @property
    def modality(self) -> Modality:
        """What the samples are."""
        return self.kind or Image(*self.x.shape[1:])

    def __len__(self) -> int:
        return len(self.y)

    def head(self, count: int) -> Split:
        """The first `count` samples, a fair sample; all of them for 0."""
        return self.take(slice(count)) if count else self

    def hide_labels(self, per_class: int, seed: int = 0) -> Split:
        """The same with -1 for the labels of all but `per_class` samples of each class, drawn by the seed; with all
        labels for 0."""
        if not per_class:
            return self
        order, y = np.random.default_rng(seed).permutation(len(self)), np.full_like(self.y, -1)
        for label in np.unique(self.y):
            rows = order[self.y[order] == label][:per_class]
            y[rows] = label
        return dataclasses.replace(self, y=y)

    def take(self, rows: slice | np.ndarray) -> Split:
        """The samples of `rows`, a slice or indices [n]."""
        factors = None if self.factors is None else self.factors[rows]
        return dataclasses.replace(self, x=self.x[rows], y=self.y[rows], factors=factors)

    def to_float(self, rows: Any = slice(None)) -> np.ndarray:
        """The samples of `rows` (a slice, or indices [n]) as a new float32 [n, *shape], as networks get them: images in
        [0, 1]; 0 for what is missing."""
        found = self.observed(rows)
        return found if self.x.dtype == np.uint8 else np.nan_to_num(found, copy=False, nan=0.0)

    def observed(self, rows: Any = slice(None)) -> np.ndarray:
        """The same with NaN for what is missing: for losses, errors and drawings."""
        return np.divide(self.x[rows], self.max_value, dtype=np.float32)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory: three splits and the card that describes it.

    Attributes
    ----------
    card
        What is known of the data set without loading it: shape, classes, licence, source.
    train, validation, test
        `Split`, disjoint and the same on every computer.
    factor_names
        Names of the columns of `Split.factors`; empty where there are none.

    Examples
    --------
    >>> import aecore
    >>> data = aecore.load_dataset("shapes")
    >>> data.card.shape, data.factor_names
    ((1, 32, 32), ('shape', 'scale', 'rotation', 'x', 'y'))
    """

    card: DatasetCard
    train: Split
    validation: Split
    test: Split
    factor_names: tuple[str, ...] = ()
