"""Dividing samples into training, validation and test: by lot, by groups that stay together, or by time."""

from __future__ import annotations

import numpy as np

from aecore.data.adding.understood import MIN_SAMPLES
from aecore.errors import UserError

LARGE = 1000  # samples from which on a tenth is enough for the test
MAX_VALIDATION = 5000
Rows = tuple[np.ndarray, np.ndarray, np.ndarray]  # int64 rows of train, validation and test


def check_count(n_samples: int, noun: str = "samples") -> None:
    """UserError for too few samples."""
    if n_samples < MIN_SAMPLES:
        raise UserError(
            f"At least {MIN_SAMPLES} {noun} are needed to train and test with, and only {n_samples} can be used: add "
            "more."
        )


def sizes(n_samples: int) -> tuple[int, int]:
    """How many samples are for validation and for the test."""
    test = n_samples // (10 if n_samples >= LARGE else 5)
    return max(1, min(MAX_VALIDATION, (n_samples - test) // 10)), test


def by_lot(n_samples: int, seed: int) -> tuple[Rows, str]:
    """The rows of each split, and a sentence that says how it was done."""
    validation, test = sizes(n_samples)
    # Not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come.
    order = np.random.RandomState(seed).permutation(n_samples)
    rows = order[test + validation :], order[test : test + validation], order[:test]
    return rows, f"Split at random (seed {seed})."


def by_time(times: np.ndarray, seed: int, column: str) -> tuple[Rows, str]:
    """The last in time are for testing, those before them for validation; `times` `[N]` can be sorted, NaN is first."""
    validation, test = sizes(len(times))
    order = np.argsort(np.where(np.isnan(times), -np.inf, times), kind="stable")
    cuts = len(order) - test - validation, len(order) - test
    lot = np.random.RandomState(seed)  # the first samples of a split are shown, and should be a fair choice
    rows = tuple(lot.permutation(part) for part in np.split(order, cuts))
    return (rows[0], rows[1], rows[2]), f"Split by time: the last {test:,} in the order of {column} are for testing."


def by_group(groups: np.ndarray, seed: int, column: str) -> tuple[Rows, str]:
    """Samples of one group `[N]` (whole numbers from 0) stay in one split. UserError for fewer than three groups."""
    counts = np.bincount(groups)
    if len(counts) < 3:
        raise UserError(
            f"{column} has {len(counts)} different values and three splits need three at least: choose another column "
            "for groups, or none."
        )
    lot = np.random.RandomState(seed)
    order = lot.permutation(len(counts))
    validation, test = sizes(len(groups))
    order = np.append(order[order != counts.argmax()], counts.argmax())  # the largest is to train with
    middle = np.cumsum(counts[order]) - counts[order] / 2
    part = np.where(middle < test, 2, np.where(middle < test + validation, 1, 0))
    part[0], part[-1] = 2, 0
    if not (part == 1).any():
        part[np.flatnonzero(part == 2)[-1] if (part == 2).sum() > 1 else 1] = 1
    split_of = np.empty(len(counts), int)
    split_of[order] = part
    shuffled = lot.permutation(len(groups))
    rows = tuple(shuffled[split_of[groups[shuffled]] == number] for number in range(3))
    return (
        rows[0],
        rows[1],
        rows[2],
    ), f"Split by {column}: what has the same value there is in one split (seed {seed})."
