"""Series in a table, cut out of the three ways that they are written down: a row each, a row for each moment, one long
one."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pyarrow.compute as pc

from aecore.data.adding import columns, division, labels, roles
from aecore.data.adding.delimited import RawTable
from aecore.data.adding.parsed import MAX_VALUES, check_size
from aecore.data.adding.understood import AddOptions
from aecore.data.adding.wording import counted
from aecore.errors import UserError

ID_NAMES = re.compile(r"(series|sample|case|patient|subject|record|unit|sensor|id)([ _-]?id)?|.*[ _-]id", re.IGNORECASE)
TIME_NAMES = re.compile(r"t|time|timestamp|date|datetime|step|moment|hour|day|second|seconds", re.IGNORECASE)
MOMENT_NAMES = re.compile(r"(?:t|time|step)[ _-]?(\d+)", re.IGNORECASE)
MIN_MOMENTS_NAMED = 16  # columns called t0, t1, ... from which on a row is taken for a series
MAX_LENGTH = 10_000  # moments
EVEN_SHARE = 0.95  # of steps in time that are alike, from which on the others are gaps


@dataclass
class CutSeries:
    """Series as they were cut out of a table.

    Attributes
    ----------
    values
        float64 `[N, T, C]` with NaN.
    first_rows
        The row of the file that each begins in, `[N]`.
    roles
        What columns are for that are no channel by their name: "id", "time", and "number" for a moment.
    """

    values: np.ndarray
    channels: tuple[str, ...]
    first_rows: np.ndarray
    labels: labels.Labels
    notes: list[str]
    roles: dict[str, str] = field(default_factory=dict)
    splits: tuple[division.Rows, str] | None = None


def find_layout(raw: RawTable, options: AddOptions, label: str) -> str:
    """The layout of series as asked, or guessed; "" where rows are no series."""
    if options.layout not in ("", *LAYOUTS):
        raise UserError(f"Series are laid out as {', '.join(LAYOUTS)}, not {options.layout}: choose one of these.")
    if options.kind not in ("", "series"):
        return ""
    if options.layout:
        return options.layout
    if options.id_column:
        return "long"
    values = [name for name in raw.columns if name != label]
    numbered = [int(found[1]) for name in values if (found := MOMENT_NAMES.fullmatch(name))]
    counted_up = len(numbered) >= MIN_MOMENTS_NAMED and bool(np.all(np.diff(numbered) == 1))
    if counted_up and len(numbered) >= len(values) - 2:
        return "rows"
    if _named(raw, ID_NAMES) and _named(raw, TIME_NAMES) and _repeats(raw, _named(raw, ID_NAMES)):
        return "long"
    if options.kind != "series":
        return ""
    return "rows" if len(values) >= MIN_MOMENTS_NAMED else "windows"


def _named(raw: RawTable, pattern: re.Pattern[str], others: tuple[str, ...] = ()) -> str:
    """The first column that is called like that, or ""."""
    return next((name for name in raw.columns if name not in others and pattern.fullmatch(name.strip())), "")


def _repeats(raw: RawTable, name: str) -> bool:
    """Whether the values of a column repeat, as those of an id of series do."""
    return bool(pc.count_distinct(raw.columns[name]).as_py() * 2 <= raw.n_rows)


def _value_columns(raw: RawTable, options: AddOptions, others: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The columns of numbers, float64 `[rows]` each, without those that are for something else."""
    special = {*others, options.group_column, options.split_time_column}
    found = {}
    for name, cells in raw.columns.items():
        if name in special or options.column_kinds.get(name) == "drop":
            continue
        text = columns.trimmed(cells)
        numbers, n_other, _ = columns.to_numbers(text, raw.separator)
        n_present = len(text) - text.null_count
        if n_present and n_other <= (1 - columns.NEARLY_ALL) * n_present and not np.isnan(numbers).all():
            found[name] = numbers
    if not found:
        raise UserError("No column of numbers is left to make series of: add a table with one.")
    return found


def _from_rows(raw: RawTable, options: AddOptions, label: str) -> CutSeries:
    """A row is a series of one channel, a column a moment."""
    found = _value_columns(raw, options, (label, options.id_column))
    first = next(iter(found))
    if columns.ROW_NUMBER.fullmatch(first) and len(found) > 2 and bool(np.all(np.diff(found[first]) == 1)):
        del found[first]
    if len(found) < 4:
        raise UserError(
            f"A row has {len(found)} numbers, too few for a series: choose the layout of one row for each moment."
        )
    check_size(raw.n_rows, len(found))
    if len(found) > MAX_LENGTH:
        raise UserError(f"A series has {len(found):,} moments and at most {MAX_LENGTH:,} are taken: leave some out.")
    values = np.stack(list(found.values()), 1)[:, :, None]
    kept = np.flatnonzero(~np.isnan(values).all((1, 2)))
    notes = [f"Each row is a series of {len(found):,} moments, one for each column of numbers."]
    if len(kept) < len(values):
        notes.append(f"{counted(len(values) - len(kept), 'row')} without any number left out.")
    numbers = dict.fromkeys(found, "number")
    return CutSeries(values[kept], ("value",), kept, roles.read_labels(raw, label, kept), notes, numbers)


def _from_long(raw: RawTable, options: AddOptions, label: str) -> CutSeries:
    """A row is a moment of one of many series."""
    ids = options.id_column or _named(raw, ID_NAMES)
    if not ids:
        raise UserError("Which series a row belongs to is not clear: choose the column of ids, or the layout windows.")
    when = options.time_column or _named(raw, TIME_NAMES, (ids,))
    text = columns.trimmed(raw.columns[ids])
    codes = pc.dictionary_encode(text).indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(int)
    times = roles.time_of(raw, when) if when else np.arange(raw.n_rows, dtype=float)
    channels = _value_columns(raw, options, (label, ids, when))
    usable = (codes >= 0) & ~np.isnan(times)
    order = np.flatnonzero(usable)
    order = order[np.lexsort((times[order], codes[order]))]
    n_series = int(codes.max(initial=-1)) + 1
    if n_series < 2:
        raise UserError(
            f"{ids} has one value, so this is a single series: choose the layout windows, which cuts it into many."
        )
    codes, times = codes[order], times[order]
    by = f"{when} orders" if when else "the order in the file is that of"
    notes = [f"{ids} tells the series apart, {by} their moments."]
    if not usable.all():
        notes.append(f"{counted(int((~usable).sum()), 'row')} without an id or a time left out.")
    if when and bool(np.any(np.diff(order) < 0)):
        notes.append(f"Rows were sorted by {ids} and {when}.")
    place, said = _places(codes, times, bool(when))
    present, codes = np.unique(codes, return_inverse=True)
    length = int(place.max()) + 1
    _check_length(length, len(present), len(channels))
    values = np.full((len(present), length, len(channels)), np.nan)
    for at, numbers in enumerate(channels.values()):
        values[codes, place, at] = numbers[order]
    first = order[np.searchsorted(codes, np.arange(len(present)))]
    read = roles.read_labels(raw, label, first)
    notes += [*said, *_lengths_note(codes)]
    return CutSeries(values, tuple(channels), first, read, notes, {ids: "id", when: "time"})


def _check_length(length: int, n_series: int, n_channels: int) -> None:
    if length > MAX_LENGTH or length * n_channels > MAX_VALUES:
        raise UserError(
            f"The longest series has {length:,} moments of {counted(n_channels, 'channel')}, and {MAX_LENGTH:,} "
            f"moments or {MAX_VALUES:,} values are the most: choose the layout windows, or leave channels out."
        )
    if length < 2:
        raise UserError("Every series has one moment only: choose another column of ids.")
    check_size(n_series, length * n_channels)


def _lengths_note(codes: np.ndarray) -> list[str]:
    counts = np.bincount(codes)
    if counts.min() == counts.max():
        return []
    return [f"Series have {counts.min():,} to {counts.max():,} moments; shorter ones end in missing values."]


def _places(codes: np.ndarray, times: np.ndarray, timed: bool) -> tuple[np.ndarray, list[str]]:
    """The moment that each row is, from 0 in every series `[rows]`; on an even grid in time where most steps are alike,
    so that what was not measured is a gap. Rows are sorted."""
    starts = np.searchsorted(codes, codes)
    ordinal = np.arange(len(codes)) - starts
    same = codes[1:] == codes[:-1]
    steps = np.diff(times)[same]
    if not timed or not len(steps):
        return ordinal, []
    step = float(np.median(steps))
    if step <= 0:
        return ordinal, ["Several rows of a series have one time; they follow each other as in the file."]
    relative = (times - times[starts]) / step
    whole = np.abs(relative - np.round(relative)) < 0.1
    even = np.isclose(steps, step, rtol=0.1).mean() >= EVEN_SHARE
    grid = np.round(relative).astype(np.int64) if relative.max() < 2**31 else ordinal
    apart = not bool(np.any(np.diff(grid)[same] <= 0))
    if even and whole.all() and apart and grid.max() < 2 * (ordinal.max() + 1):
        gaps = bool(np.any(grid != ordinal))
        return grid, ["Moments that were skipped in time are gaps."] if gaps else []
    uneven = not np.isclose(steps, step, rtol=0.1).all()
    return ordinal, ["Moments are unevenly spaced in time; only their order is used."] if uneven else []


def _from_windows(raw: RawTable, options: AddOptions, label: str) -> CutSeries:
    """A row is a moment of one long series, which is cut into windows."""
    when = options.time_column or _named(raw, TIME_NAMES, (label,))
    channels = _value_columns(raw, options, (label, when, options.id_column))
    window, stride, notes = options.window, options.stride, []
    if window < 2 or stride < 1:
        raise UserError("A window has 2 moments at least, and the next begins 1 later at least: choose larger numbers.")
    order = np.arange(raw.n_rows)
    if when:
        times = roles.time_of(raw, when)
        sorted_order = np.argsort(times, kind="stable")
        if np.any(sorted_order != order):
            notes.append(f"Rows were sorted by {when}.")
        order = sorted_order
    starts = np.arange(0, raw.n_rows - window + 1, stride)
    if len(starts) < 2:
        raise UserError(
            f"The series has {raw.n_rows:,} moments and a window {window:,}: choose shorter windows, or add more."
        )
    _check_length(window, len(starts), len(channels))
    division.check_count(len(starts), f"windows of {window:,} moments, one every {stride:,},")
    long = np.stack([numbers[order] for numbers in channels.values()], 1)  # [rows, C]
    starts = starts[[bool(np.isfinite(long[at : at + window]).any()) for at in starts]]
    values = np.stack([long[at : at + window] for at in starts])
    notes.append(f"The series was cut into {len(starts):,} windows of {window:,} moments, one every {stride:,}.")
    splits, how = _divide_windows(starts, window, options.seed)
    read = _window_labels(raw, label, order, starts, window)
    return CutSeries(values, tuple(channels), order[starts], read, notes, {when: "time"}, (splits, how))


def _divide_windows(starts: np.ndarray, window: int, seed: int) -> tuple[division.Rows, str]:
    """By time, and without windows that overlap with one of another split: they would be known already."""
    validation, test = division.sizes(len(starts))
    cuts = starts[len(starts) - test - validation], starts[len(starts) - test]
    train = np.flatnonzero(starts + window <= cuts[0])
    middle = np.flatnonzero((starts >= cuts[0]) & (starts + window <= cuts[1]))
    last = np.flatnonzero(starts >= cuts[1])
    if not len(train) or not len(middle):
        raise UserError("The windows overlap so much that no split is left without the others: choose a larger stride.")
    left = len(starts) - len(train) - len(middle) - len(last)
    said = f" {counted(left, 'window')} that would lie in two splits left out." if left else ""
    lot = np.random.RandomState(seed)
    rows = lot.permutation(train), lot.permutation(middle), lot.permutation(last)
    return rows, f"Split by time: the last {len(last):,} windows are for testing, those before for validation.{said}"


def _window_labels(raw: RawTable, label: str, order: np.ndarray, starts: np.ndarray, window: int) -> labels.Labels:
    """Of each window the label that most of its moments have."""
    if not label:
        return labels.none(len(starts))
    encoded = pc.dictionary_encode(columns.trimmed(raw.columns[label]).fill_null(""))
    codes, names = encoded.indices.to_numpy(zero_copy_only=False)[order], encoded.dictionary.to_pylist()
    most = [names[int(np.bincount(codes[at : at + window]).argmax())] for at in starts]
    y, classes, notes = labels.from_names(most, f"values of {label}")
    return y, classes, [*notes, f"A window has the {label} that most of its moments have."]


LAYOUTS: dict[str, Callable[[RawTable, AddOptions, str], CutSeries]] = {
    "rows": _from_rows,
    "long": _from_long,
    "windows": _from_windows,
}
