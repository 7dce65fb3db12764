"""Series of an added file as networks get them: standardised, divided and described."""

from __future__ import annotations

import numpy as np

from aecore.data.adding import columns, division, roles
from aecore.data.adding.delimited import RawTable
from aecore.data.adding.layouts import LAYOUTS
from aecore.data.adding.parsed import ParsedData, standardise
from aecore.data.adding.understood import AddOptions, ColumnSummary
from aecore.data.adding.wording import counted
from aecore.data.modalities import Series

QUANTILES = (0.005, 0.995)  # of the training values: what drawings show


def from_series(raw: RawTable, options: AddOptions, label: str, layout: str) -> ParsedData:
    """What is in a table of series. UserError when there are too few, or when it is laid out otherwise."""
    found = LAYOUTS[layout](raw, options, label)
    values, notes = found.values, [*raw.notes, *found.notes]
    division.check_count(len(values), "series")
    splits, how = found.splits or roles.divide(raw, options, found.first_rows)
    y, classes, said = found.labels
    x, modality, said_too = standardised(values, found.channels, splits[0])
    named = {**roles.special(options, label), **found.roles, **dict.fromkeys(found.channels, "number")}
    columns_found = tuple(_summary(raw, name, named.get(name, "")) for name in raw.columns)
    notes += roles.left_out_notes(columns_found)
    return ParsedData("series", modality, x, y, classes, [*notes, *said, *said_too, how], splits, columns_found)


def standardised(
    values: np.ndarray, channels: tuple[str, ...], train: np.ndarray
) -> tuple[np.ndarray, Series, list[str]]:
    """Series float `[N, T, C]` with NaN as networks get them, float32, their modality, and notes."""
    x = np.empty(values.shape, np.float32)
    means, stds, clipped = [], [], 0
    for at in range(values.shape[2]):
        x[:, :, at], mean, std, beyond = standardise(values[:, :, at], train)
        means.append(mean)
        stds.append(std)
        clipped += beyond
    n_missing = int(np.isnan(x).sum())
    notes = [f"{counted(clipped, 'value')} far off cut at 10,000 standard deviations."] if clipped else []
    if n_missing:
        notes.append(
            f"{counted(n_missing, 'value')} missing, in gaps or after the end of shorter series: the network gets 0 in "
            "their place, and the loss leaves them out where it can."
        )
    modality = Series(
        values.shape[1], channels, tuple(means), tuple(stds), _limits(x[train[:5000]]), missing=bool(n_missing)
    )
    return x, modality, notes


def _limits(train: np.ndarray) -> tuple[float, float]:
    """What drawings show: nearly all training values, and a little room."""
    known = train[~np.isnan(train)]
    if not len(known):
        return -3.0, 3.0
    low, high = (float(each) for each in np.quantile(known[:10_000_000], QUANTILES))
    room = max(0.1 * (high - low), 0.25)
    return round(low - room, 3), round(high + room, 3)


def _summary(raw: RawTable, name: str, kind: str) -> ColumnSummary:
    """What was found in a column; one of numbers that is none of the channels was left out as asked."""
    typed = columns.type_column(name, raw.columns[name], raw.separator)
    left_out = "dropped" if typed.kind in ("number", "boolean", "category") else ""
    return roles.summary(typed, kind or left_out)
