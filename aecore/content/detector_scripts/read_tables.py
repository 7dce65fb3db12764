"""Rows of tables, vectors, points and series become samples as the network gets them: standardised and encoded as those
that it learnt from."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from detector import DetectorError

MAX_NUMBER = 1e30  # beyond which a number stands for none
CHUNK = 1000  # samples of an array that are read at a time
MISSING = ("", "na", "n/a", "#n/a", "#na", "<na>", "nan", "-nan", "null", "none", "?", "-", "--", "#value!", "#div/0!")


class Column(NamedTuple):
    """A column of a table, a number of a vector, or a channel of a series."""

    name: str
    kind: str  # number, category, boolean or cyclic
    mean: float
    std: float
    categories: tuple[str, ...]
    period: float

    @classmethod
    def from_json(cls, fields: Any) -> Column:
        """What detector.json says of it."""
        categories = tuple(str(each) for each in fields["categories"])
        mean, std, period = (float(fields[each]) for each in ("mean", "std", "period"))
        return cls(str(fields["name"]), str(fields["kind"]), mean, std, categories, period)

    def encode(self, cells: np.ndarray, farthest: float, separator: str) -> np.ndarray:
        """Cells `[N]`, texts or numbers -> float32 `[N, width]`, NaN where one is missing or of no known category."""
        if self.kind in ("category", "boolean"):
            index = {name: at for at, name in enumerate(self.categories)}
            plain = (f"{number(cell, separator):g}" for cell in cells)  # 2.0 is called 2
            named = zip(map(one_line, cells), plain, strict=True)
            places = np.array([index.get(text, index.get(short, -1)) for text, short in named], int)
            values = np.arange(2)[:, None] if self.kind == "boolean" else np.eye(len(index))
            return np.where(places[:, None] < 0, np.nan, values[places]).astype(np.float32)
        is_plain = cells.dtype.kind == "f"
        numbers = cells if is_plain else np.array([number(cell, separator) for cell in cells])
        if self.kind == "cyclic":
            angle = 2 * np.pi * numbers / self.period
            return np.stack([np.sin(angle), np.cos(angle)], 1).astype(np.float32)
        return ((numbers - self.mean) / self.std).clip(-farthest, farthest).astype(np.float32)[:, None]


def one_line(cell: Any) -> str:
    """A cell, or the name of a column, in one line of at most 80 characters."""
    return " ".join(str(cell).split())[:80].strip()


def number(cell: Any, separator: str = ",") -> float:
    """The number in a cell, with a decimal comma or commas for thousands too; NaN where there is none.

    Examples
    --------
    >>> number("1,5", ";"), number("1,500.5"), number("none")
    (1.5, 1500.5, nan)
    """
    text = str(cell).strip()
    if "," in text:
        is_decimal = separator != "," and text.rfind(",") > text.rfind(".")
        text = text.replace(".", "").replace(",", ".") if is_decimal else text.replace(",", "")
    try:
        value = float(text)
    except ValueError:
        return math.nan
    return value if abs(value) <= MAX_NUMBER else math.nan


def split_cells(data: bytes) -> tuple[list[list[str]], str]:
    """The rows of a CSV but for empty lines, and what separates its cells. DetectorError where it is none."""
    try:
        text = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig")
    except UnicodeError:
        text = data.decode("latin-1")
    separator = next((each for each in ";\t|" if each in text.lstrip().partition("\n")[0]), ",")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator))
    except csv.Error as error:
        raise DetectorError(f"is no CSV ({error}): save it as one in UTF-8.") from None
    return [row for row in rows if len(row) > 1 or any(cell.strip() for cell in row)], separator


def is_header(cells: Sequence[str], separator: str) -> bool:
    """Whether the first row names columns: a cell is neither a number nor missing, or they count up by one."""
    numbers = [number(cell, separator) for cell in cells]
    texts = [math.isnan(value) and not is_missing(cell) for value, cell in zip(numbers, cells, strict=True)]
    return any(texts) or (len(cells) > 2 and bool(np.all(np.diff(numbers) == 1)))


def is_missing(cell: Any) -> bool:
    """Whether a cell stands for nothing."""
    return one_line(cell).lower() in MISSING


class TableReader:
    """Reads rows of CSV files, and arrays.

    Parameters
    ----------
    about
        What detector.json says; LookupError, TypeError or ValueError where that is damaged.
    note
        Is told, in a sentence that a file begins, what was read otherwise than it stands there.
    """

    suffixes = (".csv", ".tsv", ".txt", ".npy")

    def __init__(self, about: Any, note: Callable[[str], None]) -> None:
        self.note = note
        self.is_series, self.shape = about["kind"] == "series", tuple(int(side) for side in about["shape"])
        self.columns = [Column.from_json(each) for each in about["columns"]]
        self.missing, self.farthest = bool(about["missing"]), float(about["farthest"])
        self.n_cells = len(self.columns) * (self.shape[0] if self.is_series else 1)  # of a sample

    def read(self, file: Path) -> Iterator[tuple[int, np.ndarray]]:
        """The samples of a file, each with the number of its row: float32 `[*shape]`, NaN where a value is missing.

        DetectorError where it has none, and after the last of them where rows had to be left out.
        """
        if file.suffix.lower() == ".npy":
            yield from self._read_array(file)
            return
        rows, separator = split_cells(file.read_bytes())
        places, first = self._places(rows, separator)
        cells, kept, left = [], [], []
        for at, row in enumerate(rows[first:], 1):
            if self._fits(row, rows[0]):
                kept.append(at)
                cells.append([row[place] if place < len(row) else "" for place in places])
            else:
                left.append(at)
        x, n_unknown = self._encode(np.array(cells, object).reshape(-1, self.n_cells), separator)
        empty = np.isnan(x).all(tuple(range(1, x.ndim)))
        yield from (pair for pair, skipped in zip(zip(kept, x, strict=True), empty, strict=True) if not skipped)
        left += [at for at, skipped in zip(kept, empty, strict=True) if skipped]
        self._note_unknown(file, n_unknown)
        if left:
            named = ", ".join(str(at) for at in sorted(left)[:5]) + (
                f" and {len(left) - 5} more" if len(left) > 5 else ""
            )
            raise DetectorError(f"was read without its rows {named}, empty or of another length: mend these.")

    def _fits(self, row: Sequence[str], first: Sequence[str]) -> bool:
        """Whether a row has as many cells as the first one; a series may be shorter where some are."""
        return len(row) == len(first) or (self.is_series and self.missing and len(row) <= self.n_cells)

    def _places(self, rows: Sequence[Sequence[str]], separator: str) -> tuple[Sequence[int], int]:
        """Where in a row the cells of a sample stand, and which row is the first that holds one."""
        if not rows:
            raise DetectorError("has no rows: add some.")
        first, wanted = [one_line(cell) for cell in rows[0]], [column.name for column in self.columns]
        named = is_header(rows[0], separator)
        if not self.is_series and set(wanted) <= set(first):
            return [first.index(name) for name in wanted], 1
        numbered = [f"column {at + 1}" for at in range(len(first))]  # as columns without a name are called
        if not self.is_series and set(wanted) <= set(numbered):
            return [numbered.index(name) for name in wanted], int(named)
        if self.is_series and len(first) != self.n_cells and not (self.missing and len(first) < self.n_cells):
            raise DetectorError(f"has {len(first)} cells in a row, and a series {self.n_cells}: leave the others out.")
        if self.is_series or (not named and len(first) == len(wanted)):
            return range(self.n_cells), int(named)
        lacking = [name for name in wanted if name not in first]
        more = f" and {len(lacking) - 5} more" if len(lacking) > 5 else ""
        raise DetectorError(f"has no column {', '.join(lacking[:5])}{more}: name the columns in its first row.")

    def _encode(self, cells: np.ndarray, separator: str = ",") -> tuple[np.ndarray, int]:
        """Cells `[N, cells]` as float32 `[N, *shape]`, and how many are none of what their column may hold."""
        columns = cells.reshape(-1, len(self.columns)).T  # of a series [C, N * T]
        parts = [each.encode(own, self.farthest, separator) for each, own in zip(self.columns, columns, strict=True)]
        lost = [np.isnan(part[:, 0]) for part in parts]
        unknown = sum(
            not (self.missing and is_missing(cell))
            for own, gone in zip(columns, lost, strict=True)
            for cell in own[gone]
        )
        return np.hstack(parts).reshape(-1, *self.shape), unknown

    def _read_array(self, file: Path) -> Iterator[tuple[int, np.ndarray]]:
        """Samples in their own unit: `[N, columns]`, of series `[N, T, C]` or, of one channel, `[N, T]`."""
        try:
            values = np.load(file, mmap_mode="r", allow_pickle=False)
        except (ValueError, EOFError):
            raise DetectorError("is no array of numbers: save it with numpy.save.") from None
        if values.dtype.kind not in "biuf" or values.ndim < 2 or math.prod(values.shape[1:]) != self.n_cells:
            said = ", ".join(map(str, self.shape if self.is_series else (self.n_cells,)))
            raise DetectorError(f"holds {values.dtype} of the shape {values.shape}: save numbers [N, {said}].")
        n_unknown = 0
        for start in range(0, len(values), CHUNK):
            part = values[start : start + CHUNK].reshape(-1, self.n_cells).astype(float)
            part[~(np.abs(part) <= MAX_NUMBER)] = np.nan
            x, unknown = self._encode(part)
            n_unknown += unknown
            yield from enumerate(x, start + 1)
        self._note_unknown(file, n_unknown)

    def _note_unknown(self, file: Path, count: int) -> None:
        if count:
            self.note(f"{file}: {count:,} cells are empty or hold what their column may not, and counted as missing.")
