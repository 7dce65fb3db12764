"""What each column of an added table is for: classes, groups, time, or a value of a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aecore.data.adding import columns, division, labels
from aecore.data.adding.delimited import RawTable
from aecore.data.adding.understood import MAX_CLASSES, NO_LABEL, AddOptions, ColumnSummary
from aecore.data.adding.wording import listed, one_line
from aecore.errors import UserError

LABEL_NAMES = ("class", "label", "target", "species", "y")
COLUMN_KINDS = ("number", "category", "boolean", "cyclic", "drop")


def check_columns(raw: RawTable, options: AddOptions) -> None:
    """UserError for a column that the options name and the file lacks, and for a kind that no column has."""
    asked = [options.id_column, options.time_column, options.group_column, options.split_time_column]
    asked += [options.label] if options.label != NO_LABEL else []
    for name in [*filter(None, asked), *options.column_kinds]:
        if name not in raw.columns:
            raise UserError(
                f"There is no column called {one_line(name)}; the columns are: {listed(list(raw.columns), 20)}."
            )
    for kind in options.column_kinds.values():
        if kind not in COLUMN_KINDS:
            raise UserError(f"A column can be {', '.join(COLUMN_KINDS)}, not {one_line(kind)}: choose one of these.")
    if options.group_column and options.split_time_column:
        raise UserError("Samples are split by groups or by time, not by both: choose one of the two.")


def label_column(raw: RawTable, options: AddOptions) -> tuple[str, list[str]]:
    """The column of the classes, "" for none, and notes. UserError when the one that is asked for has too many."""
    if options.label == NO_LABEL:
        return "", []
    if options.label:
        distinct = pc.count_distinct(columns.trimmed(raw.columns[options.label]), mode="only_valid").as_py()
        if distinct > MAX_CLASSES:
            raise UserError(
                f"{options.label} has {distinct:,} different values and at most {MAX_CLASSES} can be classes: choose "
                "another column, or none."
            )
        if not distinct:
            raise UserError(f"{options.label} is empty: choose another column for the classes, or none.")
        return options.label, []
    by_name = {name.strip().lower(): name for name in reversed(raw.columns)}
    for candidate in LABEL_NAMES:
        name = by_name.get(candidate, "")
        if name and not (candidate == "y" and "x" in by_name) and name not in options.column_kinds:
            return _guessed_label(name, columns.trimmed(raw.columns[name]))
    return "", []


def _guessed_label(name: str, text: pa.Array) -> tuple[str, list[str]]:
    """A column that is called like one of classes, if it may be one."""
    distinct = pc.count_distinct(text, mode="only_valid").as_py()
    if distinct > MAX_CLASSES:
        return "", [f"{name} has {distinct:,} different values, too many for classes, and is a column like the others."]
    numbers, n_other, _ = columns.to_numbers(text)
    known = numbers[~np.isnan(numbers)]
    fractions = not n_other and bool(np.any(known != np.floor(known)))
    return ("", []) if fractions or not distinct or 2 * distinct > len(text) else (name, [])


def read_labels(raw: RawTable, name: str, rows: np.ndarray | None = None) -> labels.Labels:
    """The classes of the samples: of every row, or of `rows` `[N]`."""
    if not name:
        return labels.none(raw.n_rows if rows is None else len(rows))
    text = columns.trimmed(raw.columns[name])
    cells = text.take(pa.array(rows)) if rows is not None else text
    return labels.from_names(cells.fill_null("").to_pylist(), f"values of {name}")


def time_of(raw: RawTable, name: str) -> np.ndarray:
    """When each row was, float64 `[N]`: numbers, or dates as seconds since 1970. UserError when it is neither."""
    text = columns.trimmed(raw.columns[name])
    numbers, n_other, _ = columns.to_numbers(text, raw.separator)
    if not n_other and not np.isnan(numbers).all():
        return numbers
    seconds = columns.to_seconds(text)
    if seconds is None:
        raise UserError(
            f"{name} holds neither numbers nor dates like 2024-05-31 or 2024-05-31 12:30: choose another column of "
            "time."
        )
    return seconds


def divide(raw: RawTable, options: AddOptions, rows: np.ndarray) -> tuple[division.Rows, str]:
    """The split of the samples that begin in `rows` `[N]` of the file."""
    if options.group_column:
        text = columns.trimmed(raw.columns[options.group_column]).take(pa.array(rows)).fill_null("")
        codes = pc.dictionary_encode(text).indices.to_numpy(zero_copy_only=False)
        return division.by_group(codes, options.seed, options.group_column)
    if options.split_time_column:
        times = time_of(raw, options.split_time_column)[rows]
        return division.by_time(times, options.seed, options.split_time_column)
    return division.by_lot(len(rows), options.seed)


def summary(found: columns.TypedColumn, kind: str = "") -> ColumnSummary:
    """What people are told of a column."""
    said = {"drop": "dropped"}.get(kind or found.kind, kind or found.kind)
    return ColumnSummary(found.name, said, found.n_missing, found.n_distinct, found.example)


def special(options: AddOptions, label: str) -> Mapping[str, str]:
    """Columns that are no values of a sample, and what they are for."""
    named = {options.group_column: "group", options.split_time_column: "time", label: "label"}
    return {name: kind for name, kind in named.items() if name}


REASONS = {
    "empty": "nothing in it",
    "constant": "one value only",
    "text": "free text or too many different values",
    "date": "dates, which can only order or split",
    "row number": "it numbers the rows",
    "dropped": "not used",
}


def left_out_notes(found: Sequence[ColumnSummary]) -> list[str]:
    """A sentence for each reason why columns were left out."""
    notes = []
    for kind, why in REASONS.items():
        names = [each.name for each in found if each.kind == kind]
        if names:
            notes.append(f"Left out ({why}): {listed(names)}.")
    return notes
