"""A table in a file as a data set: rows of typed columns, points, plain vectors, or series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aecore.data.adding import columns, delimited, division, layouts, roles, series
from aecore.data.adding.columns import TypedColumn
from aecore.data.adding.delimited import RawTable
from aecore.data.adding.parsed import MAX_VALUES, ParsedData, check_size, standardise
from aecore.data.adding.understood import MAX_CLASSES, AddOptions
from aecore.data.adding.wording import counted, listed, unique
from aecore.data.modalities import Column, Modality, Points, Table, Vector
from aecore.errors import UserError

VALUE_KINDS = ("number", "category", "boolean", "cyclic")


def from_table(file: Path, beginning: bytes, options: AddOptions, progress: Callable[[str], None]) -> ParsedData:
    """What is in a CSV, TSV or Parquet file. UserError when it cannot be used."""
    if beginning.startswith(b"PAR1"):
        raw = delimited.read_parquet(file, progress)
    else:
        raw = delimited.read(file, beginning, progress)
    roles.check_columns(raw, options)
    names = tuple(raw.columns)
    label, notes = roles.label_column(raw, options)
    raw.notes += notes
    layout = layouts.find_layout(raw, options, label)
    parsed = series.from_series(raw, options, label, layout) if layout else _from_rows(raw, options, label)
    parsed.file_columns = names
    return parsed


def _from_rows(raw: RawTable, options: AddOptions, label: str) -> ParsedData:
    """A row is a sample."""
    division.check_count(raw.n_rows, "rows")
    special = roles.special(options, label)
    typed = {name: _typed(raw, name, options) for name in raw.columns}
    for name in [name for name in raw.columns if name not in special]:
        del raw.columns[name]  # as text it may take as much room as the file
    found = [roles.summary(each, special.get(name, "")) for name, each in typed.items()]
    used = [each for name, each in typed.items() if each.kind in VALUE_KINDS and name not in special]
    notes = [*raw.notes, *roles.left_out_notes(found)]
    notes += [f"{each.name}: {said}" for each in used[:20] for said in each.notes]
    if not used:
        raise UserError("No column is left to learn from: add a table with numbers, categories, or yes and no.")
    kind = _kind(used, options)
    if kind == "table":
        rows = np.arange(raw.n_rows)
    else:
        used, rows, said = _plain(used, kind)
        notes += said
    y, classes, said = roles.read_labels(raw, label, rows)
    splits, how = roles.divide(raw, options, rows)
    build = _encode_table if kind == "table" else _encode_plain
    x, modality, said_too = build(used, rows, splits[0], kind)
    return ParsedData(kind, modality, x, y, classes, [*notes, *said, *said_too, how], splits, tuple(found))


def _typed(raw: RawTable, name: str, options: AddOptions) -> TypedColumn:
    """A column with its kind. UserError when it cannot be what is asked for."""
    asked = options.column_kinds.get(name, "")
    found = columns.type_column(name, raw.columns[name], raw.separator, asked)
    if asked in ("number", "cyclic") and (found.numbers is None or np.isnan(found.numbers).all()):
        raise UserError(f"{name} holds no numbers: choose another kind for it, or leave it out.")
    if asked == "boolean" and len(found.values) != 2:
        raise UserError(
            f"{name} has {len(found.values):,} different values, and yes/no has two: choose another kind, or leave it "
            "out."
        )
    if asked == "category" and not 2 <= len(found.values) <= MAX_CLASSES:
        raise UserError(
            f"{name} has {len(found.values):,} different values, and a category has 2 to {MAX_CLASSES}: choose another "
            "kind, or leave it out."
        )
    return found


def _kind(used: Sequence[TypedColumn], options: AddOptions) -> str:
    """What the rows are: as asked, points where there are two numbers and nothing else, else a table."""
    two_numbers = len(used) == 2 and all(each.kind == "number" for each in used)
    if options.kind == "points" and not two_numbers:
        raise UserError(
            f"Points have two columns of numbers and this file has {len(used)} columns to learn from: choose table."
        )
    return options.kind or ("points" if two_numbers else "table")


def _plain(used: Sequence[TypedColumn], kind: str) -> tuple[list[TypedColumn], np.ndarray, list[str]]:
    """Columns of numbers only, and the rows where none is missing: vectors and points have no gaps."""
    numeric = [each for each in used if each.kind == "number" or (each.kind == "boolean" and _all_numbers(each))]
    if len(numeric) < 2:
        raise UserError("Vectors need two columns of numbers at least: choose table.")
    notes = []
    if len(numeric) < len(used):
        notes.append(f"Left out (no numbers): {listed([each.name for each in used if each not in numeric])}.")
    whole = ~np.any([np.isnan(_numbers(each)) for each in numeric], axis=0)
    if not whole.all():
        notes.append(f"{counted(int((~whole).sum()), 'row')} with missing values left out.")
    division.check_count(int(whole.sum()), "rows without missing values")
    return numeric, np.flatnonzero(whole), notes


def _all_numbers(column: TypedColumn) -> bool:
    return column.numbers is not None and int(np.isnan(column.numbers).sum()) == column.n_missing


def _numbers(column: TypedColumn) -> np.ndarray:
    assert column.numbers is not None
    return column.numbers


def _encode_plain(
    used: Sequence[TypedColumn], rows: np.ndarray, train: np.ndarray, kind: str
) -> tuple[np.ndarray, Modality, list[str]]:
    """Standardised numbers, float32 `[N, F]`."""
    check_size(len(rows), len(used))
    x = np.empty((len(rows), len(used)), np.float32)
    means, stds, clipped = [], [], 0
    for at, each in enumerate(used):
        x[:, at], mean, std, beyond = standardise(_numbers(each)[rows], train)
        means.append(mean)
        stds.append(std)
        clipped += beyond
    names = tuple(each.name for each in used)
    made = (Points if kind == "points" else Vector)(names, tuple(means), tuple(stds))
    return x, made, clipped_note(clipped)


def clipped_note(count: int) -> list[str]:
    """A sentence on values that are absurdly far from the mean of the training samples; none for none."""
    return (
        [f"{counted(count, 'value')} far beyond those for training cut off at 10,000 standard deviations."]
        if count
        else []
    )


def _encode_table(
    used: Sequence[TypedColumn], rows: np.ndarray, train: np.ndarray, kind: str
) -> tuple[np.ndarray, Modality, list[str]]:
    """Typed columns as networks get them, float32 `[N, F]` with NaN; as `Column.encode` but of whole columns."""
    width = sum({"category": len(each.values), "cyclic": 2}.get(each.kind, 1) for each in used)
    if width > MAX_VALUES:
        raise UserError(
            f"The columns make {width:,} values a row and at most {MAX_VALUES:,} are taken: leave some out."
        )
    check_size(len(rows), width)
    x = np.empty((len(rows), width), np.float32)
    made, at, clipped = [], 0, 0
    for each in used:
        column, values, beyond = _encode_column(each, train)
        x[:, at : at + column.width] = values
        made.append(column)
        at += column.width
        clipped += beyond
    n_missing = sum(each.n_missing for each in used)
    notes = clipped_note(clipped)
    if n_missing:
        notes.append(
            f"{counted(n_missing, 'cell')} missing: the network gets 0 in their place, and the loss leaves them out."
        )
    return x, Table(tuple(made), bool(n_missing)), notes


def _encode_column(found: TypedColumn, train: np.ndarray) -> tuple[Column, np.ndarray, int]:
    """A column of the modality, its values float32 `[N, width]`, and how many were cut off."""
    if found.kind in ("category", "boolean"):
        places = pc.index_in(found.text, pa.array(found.values, pa.string())).fill_null(-1).to_numpy(False)
        column = Column(found.name, found.kind, categories=tuple(unique(found.values, "value")[0]))  # type: ignore[arg-type]
        if found.kind == "boolean":
            return column, np.where(places >= 0, places, np.nan)[:, None], 0
        hot = np.eye(len(found.values), dtype=np.float32)[places]
        hot[places < 0] = np.nan
        return column, hot, 0
    numbers = _numbers(found)
    if found.kind == "cyclic":
        period = columns.period_of(numbers)
        column = Column(found.name, "cyclic", period=period, decimals=found.decimals)
        angle = 2 * np.pi * numbers / period
        return column, np.stack([np.sin(angle), np.cos(angle)], 1), 0
    values, mean, std, beyond = standardise(numbers, train)
    return Column(found.name, "number", mean, std, decimals=found.decimals), values[:, None], beyond
