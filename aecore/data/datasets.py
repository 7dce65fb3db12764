"""The data sets in memory: splits of samples with labels, how they are divided, loaded and cached."""

from __future__ import annotations

import dataclasses
import math
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from aecore.cache_budget import CACHE_BUDGET, CacheEntry
from aecore.config import Config
from aecore.data import built_in, own_datasets, payment_columns, payments, shapes, simulated
from aecore.data.card import DatasetCard
from aecore.data.cards import BUILT_IN, CARDS, get_card
from aecore.data.modalities import Image, Modality, Points, Series, Table, Vector
from aecore.data.torchvision_files import FILES, data_dir, files_complete, read_split
from aecore.errors import UserError

_SEED = 0  # of every split, so that all runs on all computers use the same samples


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
    chosen = others[_permutation(len(others))[:count]]
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
    return _cached((name, root), lambda: LOADERS.get(name, _load_own)(CARDS[name], root))


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


def _permutation(count: int) -> np.ndarray:
    """0 to count - 1 in the fixed order of all splits."""
    # Not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come.
    return np.random.RandomState(_SEED).permutation(count)


def _split_train_validation(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is not test, cut into train and validation: a tenth, but never more than 5,000."""
    rows = rows[_permutation(len(rows))]
    validation = min(5000, len(rows) // 10)
    return rows[validation:], rows[:validation]


def _load_digits(card: DatasetCard, root: Path) -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()  # comes with scikit-learn: no network
    images = bunch.images.astype(np.uint8)[:, None]  # [1797, 1, 8, 8], whole numbers 0 to 16
    labels = bunch.target.astype(np.int64)
    order = _permutation(len(labels))
    by_class = [order[labels[order] == label] for label in range(len(card.classes))]
    test = np.concatenate([rows[: round(len(rows) / 5)] for rows in by_class])
    train, validation = _split_train_validation(np.setdiff1d(order, test))
    split = partial(_make_split, card, images, labels, None)
    return Dataset(card, split(train), split(validation), split(test[_permutation(len(test))]))


def _load_shapes(
    generate: Callable[[], tuple[np.ndarray, np.ndarray]], factor_names: tuple[str, ...], card: DatasetCard, root: Path
) -> Dataset:
    images, factors = generate()
    order = _permutation(len(images))
    tenth = len(order) // 10
    train, validation = _split_train_validation(order[tenth:])
    split = partial(_make_split, card, images, factors[:, 0], factors)  # the first factor is the shape
    return Dataset(card, split(train), split(validation), split(order[:tenth]), factor_names)


def _load_moving_digits(card: DatasetCard, root: Path) -> Dataset:
    digits, random = _load_digits(BUILT_IN["digits"], root), np.random.RandomState(_SEED)

    def split(source: Split, count: int) -> Split:
        rows = np.arange(count) % len(source)  # no digit of one split is in another
        frames, motion = simulated.moving_digits(source.x[rows, 0], random)
        factors = np.column_stack([source.y[rows], motion])
        return Split(frames, source.y[rows], card.max_value, factors, kind=card.modality)

    train, validation, test = (
        split(getattr(digits, part), getattr(card, f"n_{part}")) for part in ("train", "validation", "test")
    )
    return Dataset(card, train, validation, test, ("digit", *simulated.MOTION_FACTORS))


def _make_split(card: DatasetCard, x: np.ndarray, y: np.ndarray, factors: np.ndarray | None, rows: np.ndarray) -> Split:
    chosen = None if factors is None else factors[rows]
    return Split(np.ascontiguousarray(x[rows]), y[rows], card.max_value, chosen, kind=card.modality)


def _load_torchvision(card: DatasetCard, root: Path) -> Dataset:
    images, labels = read_split(card, root, train=True)
    train, validation = (
        _make_split(card, images, labels, None, rows) for rows in _split_train_validation(np.arange(len(labels)))
    )
    images, labels = read_split(card, root, train=False)
    return Dataset(card, train, validation, _make_split(card, images, labels, None, _permutation(len(labels))))


def _load_patches(read: Callable[[], tuple[np.ndarray, np.ndarray]], card: DatasetCard, root: Path) -> Dataset:
    images, labels = read()
    order = _permutation(len(images))
    train, validation = _split_train_validation(order[card.n_test :])
    split = partial(_make_split, card, images, labels, None)
    return Dataset(card, split(train), split(validation), split(order[: card.n_test]))


def _load_built_in(card: DatasetCard, root: Path) -> Dataset:
    """A table, series or points: as networks get them."""
    values, labels = built_in.raw(card.name)
    x = to_model_space(card, values)
    order = _permutation(len(labels))
    test, rest = order[: card.n_test], order[card.n_test :]
    train, validation = rest[card.n_validation :], rest[: card.n_validation]
    split = partial(_make_split, card, x, labels, None)
    return Dataset(card, split(train), split(validation), split(test))


def _load_payments(card: DatasetCard, root: Path) -> Dataset:
    """Divided by customer: nobody who is tested was learnt from."""
    assert isinstance(card.modality, Table)
    paid, cells = payment_columns.draw_table()
    x = card.modality.encode([cells[column.name].tolist() for column in card.modality.columns])
    split = partial(_make_split, card, x, paid.label, None)
    train, validation, test = map(split, payments.split_rows(paid.customer))
    return Dataset(card, train, validation, test)


def to_model_space(card: DatasetCard, values: np.ndarray) -> np.ndarray:
    """Values in their own unit, `[N, columns]` or `[N, T, C]`, as float32 that networks get."""
    if isinstance(card.modality, Table):
        return card.modality.encode([column.tolist() for column in values.T])
    assert isinstance(card.modality, Series | Points | Vector)
    return ((values - np.array(card.modality.mean)) / np.array(card.modality.std)).astype(np.float32)


def _load_own(card: DatasetCard, root: Path) -> Dataset:
    """What somebody added: memory-mapped, so that it may be larger than the memory."""
    train, validation, test = (
        Split(*own_datasets.read_arrays(card.name, name), card.max_value, kind=card.modality)
        for name in own_datasets.SPLITS
    )
    return Dataset(card, train, validation, test)


# by the name of the card, people's own by none; each gets the card and the folder of downloads
LOADERS: dict[str, Callable[[DatasetCard, Path], Dataset]] = {
    "digits": _load_digits,
    "shapes": partial(_load_shapes, shapes.grey_shapes, shapes.FACTORS),
    "shapes-colour": partial(_load_shapes, partial(shapes.coloured_shapes, 12_000, _SEED), (*shapes.FACTORS, "hue")),
    "moving-digits": _load_moving_digits,
    "textures": partial(_load_patches, built_in.textures),
    "faces": partial(_load_patches, built_in.faces),
    "payments": _load_payments,
    **dict.fromkeys(FILES, _load_torchvision),
}
LOADERS |= {name: _load_built_in for name in BUILT_IN if name not in LOADERS}
