"""A file of separated values as one long series, for a model whose channels it has: to be watched, not learnt from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from aecore.data.adding import columns, delimited
from aecore.data.adding.delimited import RawTable
from aecore.data.adding.layouts import TIME_NAMES
from aecore.data.adding.wording import counted
from aecore.data.modalities import Series
from aecore.errors import UserError

MAX_STEPS = 200_000
LABEL_NAMES = re.compile(r"(is[ _-]?)?(anomaly|outlier|event)|label|class", re.IGNORECASE)
NORMAL_NAMES = ("", "0", "0.0", "normal", "no", "false", "none")  # what a label says where nothing is odd


def read_stream(file: Path, series: Series) -> tuple[np.ndarray, np.ndarray]:
    """The channels of a series from a table with a row for each step.

    Parameters
    ----------
    file
        CSV in any encoding and with any separator; a column called anomaly, is_anomaly, label or the like says where
        something is odd.
    series
        What the model takes: columns are found by the names of its channels, or else all columns of numbers are
        taken, if there are as many.

    Returns
    -------
    tuple
        x float64 `[T, C]` in the unit of the file, NaN where a value is missing; and a name for each step, str `[T]`,
        empty where nothing is odd.

    Raises
    ------
    UserError
        When it is no table, has other columns, or more than MAX_STEPS rows.
    """
    with open(file, "rb") as stream:
        raw = delimited.read(file, stream.read(delimited.HEAD_BYTES), lambda _: None)
    if raw.n_rows > MAX_STEPS:
        raise UserError(f"The file has {raw.n_rows:,} steps and at most {MAX_STEPS:,} are watched: cut a part out.")
    label = next((name for name in raw.columns if LABEL_NAMES.fullmatch(name.strip())), "")
    names = _channels(raw, series, label)
    x = np.stack([_numbers(raw, name) for name in names], 1)
    said = columns.trimmed(raw.columns[label]).fill_null("").to_pylist() if label else [""] * raw.n_rows
    return x, np.array(["" if each.lower() in NORMAL_NAMES else each for each in said])


def _channels(raw: RawTable, series: Series, label: str) -> list[str]:
    """The columns that are the channels of a series."""
    if all(name in raw.columns for name in series.channels):
        return list(series.channels)
    numbers = [
        name
        for name in raw.columns
        if name != label and not TIME_NAMES.fullmatch(name.strip()) and not np.isnan(_numbers(raw, name)).all()
    ]
    if len(numbers) != len(series.channels):
        raise UserError(
            f"The model takes {counted(len(series.channels), 'channel')} ({', '.join(series.channels[:10])}), and the "
            f"file has {counted(len(numbers), 'column')} of numbers: name its columns as the channels are."
        )
    return numbers


def _numbers(raw: RawTable, name: str) -> np.ndarray:
    return columns.to_numbers(columns.trimmed(raw.columns[name]), raw.separator)[0]
