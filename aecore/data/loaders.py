"""Loaders: how each data set is read or drawn, and divided into train, validation and test."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from aecore.data import built_in, own_datasets, payment_columns, payments, shapes, simulated
from aecore.data.card import DatasetCard
from aecore.data.cards import BUILT_IN
from aecore.data.modalities import Points, Series, Table, Vector
from aecore.data.split import Dataset, Split
from aecore.data.torchvision_files import FILES, read_split

_SEED = 0  # of every split, so that all runs on all computers use the same samples


def permutation(count: int) -> np.ndarray:
    """0 to count - 1 in the fixed order of all splits."""
    # Not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come.
    return np.random.RandomState(_SEED).permutation(count)


def _split_train_validation(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is not test, cut into train and validation: a tenth, but never more than 5,000."""
    rows = rows[permutation(len(rows))]
    validation = min(5000, len(rows) // 10)
    return rows[validation:], rows[:validation]


def _load_digits(card: DatasetCard, root: Path) -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()  # comes with scikit-learn: no network
    images = bunch.images.astype(np.uint8)[:, None]  # [1797, 1, 8, 8], whole numbers 0 to 16
    labels = bunch.target.astype(np.int64)
    order = permutation(len(labels))
    by_class = [order[labels[order] == label] for label in range(len(card.classes))]
    test = np.concatenate([rows[: round(len(rows) / 5)] for rows in by_class])
    train, validation = _split_train_validation(np.setdiff1d(order, test))
    split = partial(_make_split, card, images, labels, None)
    return Dataset(card, split(train), split(validation), split(test[permutation(len(test))]))


def _load_shapes(
    generate: Callable[[], tuple[np.ndarray, np.ndarray]], factor_names: tuple[str, ...], card: DatasetCard, root: Path
) -> Dataset:
    images, factors = generate()
    order = permutation(len(images))
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
    return Dataset(card, train, validation, _make_split(card, images, labels, None, permutation(len(labels))))


def _load_patches(read: Callable[[], tuple[np.ndarray, np.ndarray]], card: DatasetCard, root: Path) -> Dataset:
    images, labels = read()
    order = permutation(len(images))
    train, validation = _split_train_validation(order[card.n_test :])
    split = partial(_make_split, card, images, labels, None)
    return Dataset(card, split(train), split(validation), split(order[: card.n_test]))


def _load_built_in(card: DatasetCard, root: Path) -> Dataset:
    """A table, series or points: as networks get them."""
    values, labels = built_in.raw(card.name)
    x = to_model_space(card, values)
    order = permutation(len(labels))
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


def load_own(card: DatasetCard, root: Path) -> Dataset:
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
