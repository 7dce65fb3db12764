"""The data sets in memory: loaded, cached, and narrowed to what a run learns from."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aecore.cache_budget import CACHE_BUDGET, CacheEntry
from aecore.config import Config
from aecore.data.cards import CARDS, get_card
from aecore.data.loaders import LOADERS as LOADERS
from aecore.data.loaders import load_own, permutation
from aecore.data.split import Dataset as Dataset
from aecore.data.split import Split as Split
from aecore.data.torchvision_files import FILES, data_dir, files_complete
from aecore.errors import UserError


class DatasetNotAvailable(UserError):
    """A data set that has to be downloaded first."""


def is_available(name: str) -> bool:
    """Whether `load` needs no download, from the names and sizes of files only. UserError: unknown name."""
    files = FILES.get(get_card(name).name)
    return files is None or files_complete(files, data_dir())


def load(name: str) -> Dataset:
    """Load a data set; the last few stay in memory, as far as the budget of all caches allows.

    Parameters
    ----------
    name
        "digits", "shapes" or "shapes-colour", which come with the package, or one that was downloaded.

    Returns
    -------
    Dataset
        Train, validation and test splits, the same arrays at every call.

    Raises
    ------
    DatasetNotAvailable
        When it has to be downloaded first.
    UserError
        When there is no data set of that name, or its files are damaged.

    Examples
    --------
    >>> import aecore
    >>> data = aecore.load_dataset("digits")
    >>> len(data.train), len(data.validation), len(data.test)
    (1295, 143, 359)
    """
    require(name)
    return _load_cached(name, data_dir().resolve())


class TrainingSet(NamedTuple):
    """What a run learns from, as caches know it: a data set, and which of its samples."""

    dataset: str
    normal: tuple[int, ...] = ()
    contamination: float = 0.0
    train_size: int = 0

    @classmethod
    def of(cls, config: Config) -> TrainingSet:
        return cls(config.dataset, tuple(config.normal), config.contamination, config.train_size)

    def load(self) -> Dataset:
        """The data set as the run learns from it: of the `normal` classes train and validation alone, with so many
        others in train that they are the share `contamination` of it; of these the first `train_size`. Test is whole.

        Raises
        ------
        DatasetNotAvailable
            When it has to be downloaded first.
        UserError
            When it has no samples of the normal classes to train and validate on, or too few others.

        Examples
        --------
        >>> from aecore.data.datasets import TrainingSet
        >>> data = TrainingSet("digits", normal=(0, 1), contamination=0.1).load()
        >>> len(data.train), round(float((data.train.y > 1).mean()), 2), sorted(set(data.validation.y.tolist()))
        (288, 0.1, [0, 1])
        """
        data = load(self.dataset)
        if self.normal:
            data = _narrow_cached(data, self.normal, self.contamination)
        return dataclasses.replace(data, train=data.train.head(self.train_size)) if self.train_size else data


def load_training(config: Config) -> Dataset:
    """The data set of a run as it learns from it."""
    return TrainingSet.of(config).load()


def _narrow_cached(data: Dataset, normal: tuple[int, ...], contamination: float) -> Dataset:
    key = (data.card.name, data_dir().resolve(), normal, contamination)
    return _cached(key, lambda: _narrow(data, normal, contamination))


def _narrow(data: Dataset, normal: tuple[int, ...], contamination: float) -> Dataset:
    """Without the classes that are not normal, but for so many in train."""
    expected, others = (np.flatnonzero(np.isin(data.train.y, normal, invert=odd)) for odd in (False, True))
    validation = np.flatnonzero(np.isin(data.validation.y, normal))
    if not len(expected) or not len(validation):
        raise UserError(f"{data.card.name} has no samples of the normal classes to train and validate on: add others.")
    count = round(len(expected) * contamination / (1 - contamination))
    if count > len(others):
        most = len(others) / (len(others) + len(expected))
        raise UserError(
            f"{data.card.name} has {len(others):,} training samples of other classes: choose a contamination of at "
            f"most {math.floor(100 * most) / 100:g}."
        )
    chosen = others[permutation(len(others))[:count]]
    rows = np.sort(np.concatenate([expected, chosen]))  # the order of all rows stays: the first are a fair sample
    return dataclasses.replace(data, train=data.train.take(rows), validation=data.validation.take(validation))


def require(name: str) -> None:
    """Raise DatasetNotAvailable, which says what to do, unless the data set is here; loads nothing."""
    if not is_available(name):
        raise not_available(name)


def not_available(name: str) -> DatasetNotAvailable:
    """The error for a data set that has to be downloaded first."""
    return DatasetNotAvailable(
        f"{get_card(name).title} is not on this computer yet: download it on the Data page, or with "
        f"`python -m aecore datasets --download {name}`."
    )


MAX_LOADED = 3  # data sets that stay in memory, of at most 190 MB each
_CACHE: OrderedDict[tuple[Any, ...], CacheEntry] = OrderedDict()
_CACHE_LOCK = threading.Lock()  # of two that ask for one, the second waits for it


def _load_cached(name: str, root: Path) -> Dataset:
    return _cached((name, root), lambda: LOADERS.get(name, load_own)(CARDS[name], root))


def _cached(key: tuple[Any, ...], make: Callable[[], Dataset]) -> Dataset:
    """A data set, from memory if it is there."""
    with _CACHE_LOCK:
        entry = _CACHE.pop(key, None)
        if entry is None:
            entry = CacheEntry(make(), lambda: _CACHE.pop(key, None))
        _CACHE[key] = entry
        while len(_CACHE) > MAX_LOADED:
            _CACHE.popitem(last=False)
    CACHE_BUDGET.touch(entry)
    found: Dataset = entry.value
    return found
