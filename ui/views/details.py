"""Reconstructions looked at closely where a small picture says too little: cells of tables, values over time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import streamlit as st

from aecore.data.modalities import Modality, Series, Table, Vector
from ui.session.text import escape
from ui.widgets.display import class_colours, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.modalities.table import Cell
    from ui.widgets.charts import Chart

MAX_NUMBERS = 64  # of a vector that a table shows
MAX_CHANNELS = 8  # of a series, one chart below the other
WRONG = "✗"  # beside a cell that is wrong: not told by colour alone
WRONG_STYLE = "background-color: rgba(213, 94, 0, .25)"


def show(run: LoadedModel, x: np.ndarray, reconstruction: np.ndarray, names: Sequence[str]) -> None:
    """Samples `[N, *shape]`, NaN where a value is missing, what was made of them, and what they are called."""
    if draw := DETAILS.get(run.card.modality.kind):
        draw(run.card.modality, x, reconstruction, names)


# --- Tables -----------------------------------------------------------------------------------------------------------


def _table(modality: Modality, x: np.ndarray, reconstruction: np.ndarray, names: Sequence[str]) -> None:
    table = cast(Table, modality)
    wrong = table.wrong_cells(x, reconstruction)
    st.subheader("Cells", anchor=False)
    _cells(list(table.decode(x)), _lines(table.decode(x)), _lines(table.decode(reconstruction)), wrong, names)
    right = 1 - wrong.mean(axis=0)
    worst = int(right.argmin())
    st.caption(
        f"{WRONG}: another category, or a number more than half a standard deviation off. Worst of these rows is "
        f"{escape(table.columns[worst].name)}, right in {right[worst]:.0%} of them; over all columns "
        f"{right.mean():.0%} are."
    )


def _vector(modality: Modality, x: np.ndarray, reconstruction: np.ndarray, names: Sequence[str]) -> None:
    vector = cast(Vector, modality)
    if len(vector.names) > MAX_NUMBERS:
        return
    mean, std = np.array(vector.mean), np.array(vector.std)
    own, other = ([[f"{value:.3g}" for value in row] for row in each * std + mean] for each in (x, reconstruction))
    st.subheader("Values", anchor=False)
    _cells(vector.names, own, other, np.abs(reconstruction - x) > 0.5, names)
    st.caption(f"{WRONG}: more than half a standard deviation off.")


def _lines(columns: dict[str, list[Cell]]) -> list[list[str]]:
    """The cells row by row, as text."""
    return [["missing" if cell is None else str(cell) for cell in row] for row in zip(*columns.values(), strict=True)]


def _cells(
    columns: Sequence[str],
    own: Sequence[Sequence[str]],
    reconstruction: Sequence[Sequence[str]],
    wrong: np.ndarray,
    names: Sequence[str],
) -> None:
    """Two lines for each sample: its own cells, and those that the model makes of them, wrong ones marked."""
    import pandas as pd  # type: ignore[import-untyped]  # not above: the first screen does without

    lines, marked = [], []
    for name, cells, others, off in zip(names, own, reconstruction, wrong, strict=True):
        lines.append([name, *cells])
        told = [f"{cell} {WRONG}" if bad else cell for cell, bad in zip(others, off, strict=True)]
        lines.append(["reconstruction", *told])
        marked += [[""] * (1 + len(cells)), ["", *(WRONG_STYLE if bad else "" for bad in off)]]
    frame = pd.DataFrame(lines, columns=[" ", *columns])
    styles = pd.DataFrame(marked, columns=frame.columns)
    st.dataframe(
        frame.style.apply(lambda _: styles, axis=None),
        hide_index=True,
        height="content",
        alt=f"{len(names)} samples with their reconstructions, cell by cell; {int(wrong.sum())} of {wrong.size} cells "
        "are wrong.",
        column_config={" ": st.column_config.TextColumn(pinned=True)},
    )


# --- Series -----------------------------------------------------------------------------------------------------------


def _series(modality: Modality, x: np.ndarray, reconstruction: np.ndarray, names: Sequence[str]) -> None:
    series = cast(Series, modality)
    at = st.selectbox("Series, large", range(len(names)), format_func=lambda each: names[each], key="detail-sample")
    show_chart(line_chart(series, x[at], reconstruction[at], names[at], class_colours()), key="detail-series")
    if len(series.channels) > MAX_CHANNELS:
        st.caption(f"The first {MAX_CHANNELS} of {len(series.channels)} channels.")


def line_chart(series: Series, x: np.ndarray, reconstruction: np.ndarray, name: str, colours: Sequence[str]) -> Chart:
    """One series `[T, C]` in its own units, NaN where a value is missing, and what was made of it drawn over it."""
    from plotly.subplots import make_subplots

    from ui.session.text import escape_figure
    from ui.widgets.charts import Chart, new_figure

    channels = series.channels[:MAX_CHANNELS]
    mean, std = np.array(series.mean), np.array(series.std)
    own, other = x * std + mean, reconstruction * std + mean
    titles = [escape_figure(each) for each in channels] if len(channels) > 1 else None
    figure = make_subplots(rows=len(channels), shared_xaxes=True, subplot_titles=titles, vertical_spacing=0.3 / len(x))
    figure.update_layout(new_figure(110 + (200 if len(channels) == 1 else 130) * len(channels)).layout)
    for row in range(len(channels)):
        usual: dict[str, Any] = {"mode": "lines", "showlegend": not row, "hovertemplate": "%{x}: %{y:.3g}"}
        looks = {"original": {"color": "#8a9099", "width": 5}, "reconstruction": {"color": colours[0], "width": 2}}
        for (called, line), values in zip(looks.items(), (own, other), strict=True):
            figure.add_scatter(y=values[:, row].round(4), name=called, line=line, row=row + 1, col=1, **usual)
    figure.update_xaxes(title_text="moment", row=len(channels), col=1)
    if len(channels) == 1:
        figure.update_yaxes(title_text=escape_figure(channels[0]))
    gap = float(np.sqrt(np.nanmean((reconstruction - x) ** 2)))
    return Chart(
        figure,
        f"{name} over {len(x)} moments, and its reconstruction over it, which is {gap:.2f} standard deviations off "
        f"(root mean square). {series.describe(x)}.",
    )


# kind of sample -> what is drawn below the pictures
DETAILS: dict[str, Callable[[Modality, np.ndarray, np.ndarray, Sequence[str]], None]] = {
    "table": _table,
    "vector": _vector,
    "series": _series,
}
