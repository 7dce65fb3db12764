"""Files of separated values, in whatever encoding and with whatever separator, as columns of text.

Cells stay text until the whole column is known (`columns`): a guess from the first rows would be wrong in the last.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv

from aecore.data.adding.wording import counted, unique
from aecore.errors import UserError

MAX_COLUMNS, MAX_ROWS, MAX_CELLS = 10_000, 1_000_000, 50_000_000
MAX_RAGGED = 0.5  # share of rows with another number of cells, above which the separator is wrong
SEPARATORS = (";", "\t", "|", ",")  # a decimal comma is found in files with one of the others
NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)*|[.,]\d+)([eE][+-]?\d+)?", re.ASCII)
HEAD_BYTES, HEAD_ROWS, BLOCK_BYTES = 2**18, 20, 2**24


@dataclass
class RawTable:
    """Columns of text by name, as in the file.

    Attributes
    ----------
    columns
        pyarrow arrays of strings `[n_rows]`, null for cells that are empty.
    """

    columns: dict[str, pa.Array]
    n_rows: int
    separator: str
    notes: list[str]


def encoding_of(file: Path, beginning: bytes) -> tuple[str, str]:
    """What a file is encoded in, as Python calls it, and a note where it is not UTF-8. UserError for no text."""
    if beginning.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16", "The file is in UTF-16."
    if beginning.startswith(codecs.BOM_UTF8):
        beginning = beginning[3:]
    even, odd = beginning[0::2], beginning[1::2]
    if len(beginning) >= 4 and b"\0" in beginning:
        if not any(odd) or not any(even):
            return ("utf-16-le" if not any(odd) else "utf-16-be"), "The file is in UTF-16."
        raise _no_table()
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open(file, "rb") as stream:
        try:
            while block := stream.read(2**20):
                if b"\0" in block:
                    raise _no_table()
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return "latin-1", "The file is not in UTF-8 and was read as Latin-1: look at letters with accents."
    return "utf-8-sig", ""


def _no_table() -> UserError:
    return UserError("This is no zip of pictures, no table and no array file: add a .zip, .csv, .parquet or .npz.")


def read(file: Path, beginning: bytes, progress: Callable[[str], None]) -> RawTable:
    """The columns of a file of separated values. UserError when it is none, or too large."""
    encoding, note = encoding_of(file, beginning)
    with open(file, encoding=encoding, errors="replace", newline="") as stream:
        head = stream.read(HEAD_BYTES)
    if not head.strip():
        raise UserError("The file holds nothing but blanks: choose another one.")
    separator = find_separator(head, file.suffix)
    rows = _head_rows(head, separator)
    named = has_header(rows)
    width = len(rows[0])
    if width > MAX_COLUMNS:
        raise UserError(f"The table has {width:,} columns and at most {MAX_COLUMNS:,} are taken: leave some out.")
    names, repeated = unique(rows[0] if named else [""] * width)
    table, ragged = _read_columns(file, encoding, separator, width, named, progress)
    table = dict(zip(names, table.values(), strict=True))
    n_rows = len(next(iter(table.values())))
    notes = [note] if note else []
    notes += ["Columns of one name were numbered."] if repeated else []
    notes += [] if named else ["The first row holds values, so the columns were numbered."]
    if ragged:
        notes.append(f"{counted(ragged, 'row')} with fewer or more cells than the first were left out.")
    if not n_rows and not ragged:
        raise UserError("The table has names of columns and no row under them: add one with rows.")
    if ragged > MAX_RAGGED * (n_rows + ragged):
        raise UserError(
            f"Most rows have another number of cells than the first, which has {width:,}: save the table as CSV with "
            "one row of names, no lines above it, and every quote closed."
        )
    return RawTable(table, n_rows, separator, notes)


def find_separator(head: str, suffix: str = "") -> str:
    """The separator by which most of the first lines have the same number of cells, two or more."""
    lines = [line for line in head.splitlines()[:HEAD_ROWS] if line.strip()] or [head]
    if len(lines) > 1 and len(head) >= HEAD_BYTES:
        lines = lines[:-1]  # it may be cut off
    best, most = ("\t" if suffix.lower() == ".tsv" else ","), 0.0
    for separator in SEPARATORS:
        counts = Counter(len(row) for row in _head_rows("\n".join(lines), separator))
        cells, lines_alike = counts.most_common(1)[0]
        if cells > 1 and lines_alike / counts.total() > most:
            best, most = separator, lines_alike / counts.total()
    return best


def _head_rows(head: str, separator: str) -> list[list[str]]:
    """The first rows; a row that is too long for Python's reader ends them."""
    rows: list[list[str]] = []
    try:
        for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator):
            if any(cell.strip() for cell in row):
                rows.append(row)
            if len(rows) > HEAD_ROWS:
                break
    except csv.Error:
        pass
    return rows or [head.splitlines()[0].split(separator)]


def has_header(rows: list[list[str]]) -> bool:
    """Whether the first row names the columns: no cell of it is a number, or they count up evenly (0, 1, 2, ...)."""
    numbers = [float(cell.replace(",", ".")) for cell in rows[0] if _is_number(cell)]
    if not numbers:
        return True
    steps = np.diff(numbers)
    evenly = len(numbers) >= 3 and steps[0] > 0 and bool(np.all(steps == steps[0]))
    below = [float(cell.replace(",", ".")) for cell in rows[1] if _is_number(cell)] if len(rows) > 1 else []
    return evenly and not (len(below) >= 3 and bool(np.all(np.diff(below) == steps[0])))


def _is_number(cell: str) -> bool:
    """Whether Python reads a cell as a number, a decimal comma allowed."""
    return bool(NUMBER.fullmatch(cell.strip())) and cell.replace(",", ".").count(".") <= 1


def _read_columns(
    file: Path, encoding: str, separator: str, width: int, named: bool, progress: Callable[[str], None]
) -> tuple[dict[str, pa.Array], int]:
    """Columns of text under their numbers, and how many rows had another number of cells."""
    ragged = 0

    def skip(row: pc_csv.InvalidRow) -> str:
        nonlocal ragged
        ragged += 1
        return "skip"

    names = [str(at) for at in range(width)]
    # utf-8-sig would be decoded by Python, block by block; Arrow drops the mark itself
    codec = "utf-8" if encoding == "utf-8-sig" else encoding
    how = pc_csv.ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, encoding=codec)
    form = pc_csv.ParseOptions(
        delimiter=separator, newlines_in_values=True, ignore_empty_lines=True, invalid_row_handler=skip
    )
    to = pc_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True, check_utf8=True
    )
    batches = []
    try:
        reader = pc_csv.open_csv(file, how, form, to)
        for batch in _bounded(reader, width, progress):
            batches.append(batch)
        chunked = pa.Table.from_batches(batches, reader.schema).columns
    except (pa.ArrowException, UnicodeError) as error:
        raise UserError(
            f"The table cannot be read ({_reason(error)}): save it again as CSV in UTF-8, and look for an open quote."
        ) from None
    batches.clear()
    chunked.reverse()
    # each column is let go once it is copied: a table of 500 MB would be held twice
    # The first row goes here: Arrow, told to skip it, counts empty lines above it.
    return {name: chunked.pop().combine_chunks()[int(named) :] for name in names}, ragged


def _bounded(
    batches: Iterator[pa.RecordBatch], width: int, progress: Callable[[str], None]
) -> Iterator[pa.RecordBatch]:
    """The same, until there are more rows or cells than are taken: then UserError."""
    n_rows = 0
    for batch in batches:
        n_rows += batch.num_rows
        if n_rows > MAX_ROWS or n_rows * width > MAX_CELLS:
            limit = f"{MAX_ROWS:,} rows" if n_rows > MAX_ROWS else f"{MAX_CELLS // 10**6} million cells"
            raise UserError(f"The table has more than {limit}, the most that are taken: add a part of it.")
        progress(f"{n_rows:,} rows are read.")
        yield batch


def _reason(error: Exception) -> str:
    """The first line of what Arrow says, short."""
    return str(error).splitlines()[0][:120].rstrip(".") if str(error) else type(error).__name__


def read_parquet(file: Path, progress: Callable[[str], None]) -> RawTable:
    """The columns of a Parquet file as text. UserError when it is damaged or too large."""
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(file) as opened:
            about = opened.metadata
            unpacked = sum(about.row_group(at).total_byte_size for at in range(about.num_row_groups))
            if about.num_columns > MAX_COLUMNS or about.num_rows > MAX_ROWS or unpacked > 2 * 10**9:
                raise UserError(
                    f"The table has {about.num_rows:,} rows and {about.num_columns:,} columns, more than is taken "
                    f"({MAX_ROWS:,} and {MAX_COLUMNS:,}): add a part of it."
                )
            plain = [each for each in opened.schema_arrow if not pa.types.is_nested(each.type)]
            kept = [each.name for each in plain]
            batches = opened.iter_batches(8192, columns=kept, use_threads=False)
            found = list(_bounded(batches, max(1, len(kept)), progress))
        if not found or not kept:
            raise UserError("The table has no row or no plain column: add one with both.")
        table = pa.Table.from_batches(found)
        names, _ = unique(table.column_names)
        columns = {name: _as_text(table.column(at)) for at, name in enumerate(names)}
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UserError(f"The Parquet file is damaged or of a rare kind ({_reason(error)}): save it as CSV.") from None
    left = len(opened.schema_arrow) - len(kept)
    notes = [f"{counted(left, 'column')} of lists or structures left out."] if left else []
    return RawTable(columns, len(table), "", notes)


def _as_text(column: pa.ChunkedArray) -> pa.Array:
    """A column as strings; yes and no as true and false."""
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type):
        column = pc.binary_length(column).cast(pa.string())
    return column.cast(pa.string()).combine_chunks()
