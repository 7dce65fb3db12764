"""Codes as a table, for pandas, R or a spreadsheet: a row for each image."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

FORMULA = re.compile(r"[=@\t\r]|[+-](?!\d+(\.\d+)?$)")  # how a text begins that a spreadsheet would run
Table = Mapping[str, np.ndarray]  # columns of the same length, by name


def codes_table(
    codes: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split_sizes: Mapping[str, int],
    points: np.ndarray | None = None,
    rows: np.ndarray | None = None,
) -> dict[str, np.ndarray]:
    """The table of the codes `[N, D]` of images `[N]`: `split`, `index` (the image's number in its split), `class`, the
    coordinates `x` and `y` on a map where `points` `[N, 2]` are given, and `z1` to `zD`.

    `split_sizes` are the splits that follow each other in the rows, with their sizes, N or more in all; `rows` choose
    some images.
    """
    chosen = np.arange(len(codes)) if rows is None else np.asarray(rows)
    names, sizes = list(split_sizes), np.array(list(split_sizes.values()))
    ends = np.cumsum(sizes)
    which = np.searchsorted(ends, chosen, side="right")
    table: dict[str, np.ndarray] = {
        "split": np.array(names, dtype=str)[which],
        "index": chosen - (ends - sizes)[which],
        "class": np.array(classes, dtype=str)[labels[chosen]],
    }
    if points is not None:
        table |= {"x": points[chosen, 0], "y": points[chosen, 1]}
    return table | {f"z{number + 1}": codes[chosen, number] for number in range(codes.shape[1])}


def to_csv(table: Table) -> bytes:
    """A table as comma-separated values in UTF-8; float32 numbers read back as they were. A text that a spreadsheet
    would run as a formula begins with an apostrophe: classes may have come in somebody's file."""
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(table)
    writer.writerows(zip(*(_cells(column) for column in table.values()), strict=True))
    return written.getvalue().encode()


def _cells(column: np.ndarray) -> list[str]:
    """A column as texts, without formulas."""
    cells: list[str] = column.astype(str).tolist()
    if column.dtype.kind != "U":
        return cells
    return [f"'{cell}" if FORMULA.match(cell) else cell for cell in cells]


def to_parquet(table: Table) -> bytes:
    """A table as Apache Parquet."""
    import pyarrow
    import pyarrow.parquet

    written = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.table({name: pyarrow.array(column) for name, column in table.items()}), written)
    return written.getvalue()


def to_npz(table: Table) -> bytes:
    """A table as NumPy's archive: an array for each column, and `z` `[n, D]` for all those of the code. Texts are
    arrays of fixed width, so nothing is pickled."""
    written = io.BytesIO()
    code = [name for name in table if name[0] == "z" and name[1:].isdigit()]
    arrays: dict[str, Any] = {name: column for name, column in table.items() if name not in code}
    np.savez_compressed(written, **arrays, z=np.stack([table[name] for name in code], axis=1))
    return written.getvalue()


FORMATS: dict[str, Callable[[Table], bytes]] = {"csv": to_csv, "parquet": to_parquet, "npz": to_npz}
