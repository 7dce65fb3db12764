"""Tables: rows of typed columns, as numbers `[F]` that a network takes.

A number is standardised; yes/no is 0 or 1; a category is one-hot, one value for each; a cyclic number (an hour, a
month) is its sine and cosine. What is missing is NaN in all values of its column.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal

import numpy as np

from aecore.data.modalities import drawing
from aecore.data.modalities.modality import Array, Modality, Noun

LIMIT = 3.0  # standard deviations that a bar shows
WRONG_NUMBER = 0.5  # standard deviations from which on a number counts as wrong
MAX_DESCRIBED = 12  # columns that words name

ColumnKind = Literal["number", "category", "boolean", "cyclic"]
Cell = float | str | None  # of a row, as people read it; None where it is missing


def _text(cell: Cell) -> str:
    """A cell as the name of a category: 2.0 is "2"."""
    return f"{cell:g}" if isinstance(cell, float | int) else str(cell)


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Parameters
    ----------
    name
        As in the file.
    kind
        "number", "category", "boolean" or "cyclic".
    mean, std
        Of numbers, over the training rows.
    categories
        The values of a category, or what no and yes are called.
    period
        Of a cyclic number: 24 for hours.
    decimals
        With how many a number is written.
    """

    name: str
    kind: ColumnKind = "number"
    mean: float = 0.0
    std: float = 1.0
    categories: tuple[str, ...] = ()
    period: float = 0.0
    decimals: int = 2

    @property
    def width(self) -> int:
        """How many values of a sample it takes."""
        return {"category": len(self.categories), "cyclic": 2}.get(self.kind, 1)

    def encode(self, cells: Sequence[Cell]) -> np.ndarray:
        """Cells -> float32 `[N, width]`; a category that is not among them is missing."""
        if self.kind in ("category", "boolean"):
            index = {name: at for at, name in enumerate(self.categories)}
            places = np.array([index.get(_text(cell), -1) for cell in cells])
            known = places >= 0
            if self.kind == "boolean":
                return np.where(known, places, np.nan).astype(np.float32)[:, None]
            hot = np.eye(len(self.categories), dtype=np.float32)[places]
            hot[~known] = np.nan
            return hot
        numbers = np.array([math.nan if cell is None else float(cell) for cell in cells])
        if self.kind == "cyclic":
            angle = 2 * np.pi * numbers / self.period
            return np.stack([np.sin(angle), np.cos(angle)], 1).astype(np.float32)
        return ((numbers - self.mean) / self.std).astype(np.float32)[:, None]

    def decode(self, values: np.ndarray) -> list[Cell]:
        """`[N, width]` -> cells: the likeliest category, the number in its own unit."""
        if self.kind == "category":
            return [None if np.isnan(row).any() else self.categories[int(row.argmax())] for row in values]
        if self.kind == "boolean":
            return [None if np.isnan(v) else self.categories[int(v > 0.5)] for v in values[:, 0]]
        if self.kind == "cyclic":
            numbers = np.arctan2(values[:, 0], values[:, 1]) / (2 * np.pi) * self.period % self.period
        else:
            numbers = values[:, 0].astype(float) * self.std + self.mean
        return [None if np.isnan(v) else round(float(v), self.decimals) for v in numbers]


@dataclass(frozen=True)
class Table(Modality):
    """Rows of typed columns.

    Parameters
    ----------
    columns
        In the order of the values of a sample.
    missing
        Whether cells may be missing.
    """

    columns: tuple[Column, ...]
    missing: bool = False

    kind: ClassVar[str] = "table"
    noun: ClassVar[Noun] = Noun("row", "rows", "value")
    networks: ClassVar[tuple[str, ...]] = ("tabular", "mlp")
    likelihoods: ClassVar[tuple[str, ...]] = ("per-column", "gaussian", "laplace")
    value_range: ClassVar[tuple[float, float]] = (-2.0, 2.0)
    bounded: ClassVar[bool] = False
    difference_legend: ClassVar[str] = (
        "Gray: the row itself; coloured: what the model makes of it, orange where that is another category or more "
        f"than {WRONG_NUMBER} standard deviations off."
    )

    @property
    def shape(self) -> tuple[int, ...]:
        return (sum(column.width for column in self.columns),)

    @property
    def has_missing(self) -> bool:
        return self.missing

    @property
    def size(self) -> str:
        return f"{len(self.columns)} columns"

    @property
    def position_shape(self) -> tuple[int, ...]:
        return (len(self.columns),)

    def column_errors(self, errors: np.ndarray) -> np.ndarray:
        """Errors of values `[N, F]` -> of columns, summed over the values of each: `[N, columns]`."""
        starts = np.cumsum([0] + [column.width for column in self.columns[:-1]])
        return np.add.reduceat(errors, starts, axis=1)

    def worst_neighbourhood(self, errors: np.ndarray) -> np.ndarray:
        """Of the worst column."""
        return np.asarray(self.column_errors(errors).max(axis=1))

    @cached_property
    def column_of_value(self) -> list[int]:
        """For each value of a sample the number of its column, `[F]`."""
        return [at for at, column in enumerate(self.columns) for _ in range(column.width)]

    @cached_property
    def slices(self) -> tuple[slice, ...]:
        """Where the values of each column lie."""
        ends = np.cumsum([column.width for column in self.columns]).tolist()
        return tuple(slice(end - column.width, end) for end, column in zip(ends, self.columns, strict=True))

    def broadcast_positions(self, per_position: Array) -> Array:
        found: Array = per_position[:, self.column_of_value]  # type: ignore[index]
        return found

    def encode(self, columns: Sequence[Sequence[Cell]]) -> np.ndarray:
        """Cells by column -> float32 `[N, F]`."""
        return np.hstack([column.encode(cells) for column, cells in zip(self.columns, columns, strict=True)])

    def decode(self, x: np.ndarray) -> dict[str, list[Cell]]:
        """`[N, F]` -> cells by the name of the column."""
        return {column.name: column.decode(x[:, part]) for column, part in zip(self.columns, self.slices, strict=True)}

    def levels(self, x: np.ndarray) -> np.ndarray:
        """One number for each cell, `[N, columns]`, as bars show it: standardised numbers, categories evenly spread."""
        found = np.empty((len(x), len(self.columns)), np.float32)
        for at, (column, part) in enumerate(zip(self.columns, self.slices, strict=True)):
            values = x[:, part]
            if column.kind == "category":
                most = max(1, column.width - 1)
                place = values.argmax(1).astype(np.float32)
                found[:, at] = np.where(np.isnan(values).any(1), np.nan, 4 * place / most - 2)
            elif column.kind == "boolean":
                found[:, at] = 4 * values[:, 0] - 2
            elif column.kind == "cyclic":
                found[:, at] = 2 * np.arctan2(values[:, 0], values[:, 1]) / np.pi
            else:
                found[:, at] = values[:, 0]
        return found

    def wrong_cells(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        """Which cells a reconstruction gets wrong, bool `[N, columns]`: another category, or a number more than half a
        standard deviation off; a missing one is never wrong."""
        wrong = np.abs(self.levels(reconstruction) - self.levels(x)) > WRONG_NUMBER
        for at, column in enumerate(self.columns):
            if column.kind in ("category", "boolean"):
                part = self.slices[at]
                of = [self._place(column, each[:, part]) for each in (x, reconstruction)]
                wrong[:, at] = of[0] != of[1]
        observed = ~np.isnan(np.stack([x[:, part].sum(1) for part in self.slices], 1))
        return np.asarray(wrong & observed)

    @staticmethod
    def _place(column: Column, values: np.ndarray) -> np.ndarray:
        return values.argmax(1) if column.kind == "category" else (values[:, 0] > 0.5).astype(int)

    def render(self, x: np.ndarray) -> np.ndarray:
        made = []
        for levels in self.levels(x):
            image, draw = drawing.blank()
            drawing.bars(draw, levels, LIMIT, [drawing.INK] * len(levels))
            made.append(image)
        return drawing.finish(made)

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        pictures = []
        wrong = self.wrong_cells(x, reconstruction)
        for own, other, off in zip(self.levels(x), self.levels(reconstruction), wrong, strict=True):
            image, draw = drawing.blank()
            drawing.bars(draw, own, LIMIT, [drawing.PALE] * len(own), thickness=0.9)
            colours = [drawing.WRONG if each else drawing.INK for each in off]
            drawing.bars(draw, np.where(np.isnan(own), np.nan, other), LIMIT, colours, thickness=0.4)
            pictures.append(image)
        return drawing.finish(pictures)

    def describe(self, sample: np.ndarray) -> str:
        cells = self.decode(sample[None])
        said = [f"{name} {'missing' if cell is None else cell}" for name, (cell,) in cells.items()]
        more = f", and {len(said) - MAX_DESCRIBED} more" if len(said) > MAX_DESCRIBED else ""
        return ", ".join(said[:MAX_DESCRIBED]) + more

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Table:
        columns = (Column(**{**each, "categories": tuple(each["categories"])}) for each in fields["columns"])
        return cls(tuple(columns), fields["missing"])
