"""A data set as a reader leaves it: samples and labels, and how numbers are standardised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aecore.data.adding import division
from aecore.data.adding.understood import UNLABELLED, ColumnSummary
from aecore.data.modalities import Modality
from aecore.errors import UserError

MAX_SAMPLE_BYTES = 10**9  # of all samples as they are kept
MAX_VALUES = 50_000  # of a sample
FARTHEST = 1e4  # standard deviations: the square of what lies farther would swamp every loss


@dataclass
class ParsedData:
    """What readers return; `rows` where the reader divided the samples itself, as it must to standardise them.

    Attributes
    ----------
    x
        `[N, *shape]`, uint8 for images, else float32 in model space with NaN where a value is missing.
    y
        int64 `[N]`.
    """

    kind: str
    modality: Modality
    x: np.ndarray
    y: np.ndarray
    classes: tuple[str, ...]
    notes: list[str]
    rows: division.Rows | None = None
    columns: tuple[ColumnSummary, ...] = ()
    file_columns: tuple[str, ...] = ()

    @property
    def labelled(self) -> bool:
        """Whether the classes mean something."""
        return self.classes != UNLABELLED


def check_size(n_samples: int, n_values: int) -> None:
    """UserError for samples that would take more room than is given to one data set, before they are made."""
    if n_samples * n_values * 4 > MAX_SAMPLE_BYTES:
        raise UserError(
            f"{n_samples:,} samples of {n_values:,} values take {n_samples * n_values * 4 / 1e9:.1f} GB and at most "
            f"{MAX_SAMPLE_BYTES / 1e9:g} are taken: add fewer, or leave columns out."
        )


def standardise(values: np.ndarray, train: np.ndarray) -> tuple[np.ndarray, float, float, int]:
    """Numbers `[N, ...]` with NaN in standard deviations from the mean of the training rows, as float32; mean and
    standard deviation (1 for what is constant there); and how many were too far off and cut."""
    known = values[train]
    known = known[~np.isnan(known)]
    mean = float(known.mean()) if len(known) else 0.0
    std = float(known.std()) if len(known) else 0.0
    # rounding alone makes a constant 0.1 differ from its mean
    std = std if std > 1e-12 * abs(mean) and std > 1e-300 else 1.0
    scaled = (values - mean) / std
    beyond = int((np.abs(scaled) > FARTHEST).sum())
    return np.clip(scaled, -FARTHEST, FARTHEST).astype(np.float32), mean, std, beyond
