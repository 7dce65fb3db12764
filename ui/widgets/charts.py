"""Charts: arrays in, figures and their words out. No streamlit, no torch."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from aecore.data import images
from aecore.data.modalities import Image, Noun, drawing
from aecore.store.history import TOTAL as TOTAL
from aecore.store.history import term_value as term_value
from ui.session.text import escape_figure

VALIDATION = "validation"
# the second sign of classes beyond the colours of the palette, a symbol for each time that these begin anew
SYMBOLS = ("circle", "diamond", "square", "triangle-up", "cross", "x", "star", "hexagon", "bowtie", "hourglass")
MAX_LEGEND = 40  # classes that a legend names
MAX_COUNTED = 20  # classes that words count


@dataclass(frozen=True)
class Chart:
    """A figure and what it shows, in words, written from its data."""

    figure: go.Figure
    alt: str


def new_figure(height: int, **layout: Any) -> go.Figure:
    """An empty figure `height` CSS pixels high, laid out as all of ours are."""
    usual: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 28, "b": 72},
        # below the chart and its title, however tall it is
        "legend": {
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "itemsizing": "constant",
        },
    }
    return go.Figure(layout=usual | layout)


def class_mark(label: int, colours: Sequence[str]) -> tuple[str, str]:
    """The colour and the symbol of a class: where there are more classes than colours they begin anew with the next
    symbol."""
    return colours[label % len(colours)], SYMBOLS[label // len(colours) % len(SYMBOLS)]


def count_classes(classes: Sequence[str], labels: np.ndarray) -> str:
    """How many of `labels` are of each class, in words."""
    counts = [f"{name}: {int((labels == label).sum())}" for label, name in enumerate(classes[:MAX_COUNTED])]
    more = len(classes) - MAX_COUNTED
    return ", ".join(counts) + (f" and {more} classes more" if more > 0 else "")


def add_background(figure: go.Figure, png: bytes, rows: int, size: tuple[float, float]) -> None:
    """Puts an image of `rows` rows of cells beneath a chart whose axes count cells from the bottom left; `size` is its
    width and height in cells."""
    figure.add_layout_image(
        source="data:image/png;base64," + base64.b64encode(png).decode(),
        xref="x",
        yref="y",
        x=-0.5,
        y=rows - 0.5,
        sizex=size[0],
        sizey=size[1],
        sizing="stretch",
        layer="below",
    )


def loss_curves(
    history: Sequence[Mapping[str, Any]],
    colours: Sequence[str],
    objective_terms: Collection[str] = (),
    noun: str = "image",
) -> Chart:
    """Loss parts over epochs, in nats per sample (a `noun`): training as dots, validation as lines, one colour for
    each part, and one for the total of those that are `objective_terms`, where these are several."""
    epochs, words = [line["epoch"] for line in history], []
    coloured = dict(zip([*history[-1]["validation"], *[TOTAL] * (len(objective_terms) > 1)], colours, strict=False))
    height = 290 + 30 * len(coloured)  # names go below, two for each
    figure = new_figure(height, xaxis_title="epoch", yaxis_title=f"nats per {noun}", hovermode="x unified")
    for part in sorted(coloured, key=lambda part: part != TOTAL):  # the total lies beneath, as wide as to be seen there
        colour, wide = coloured[part], 2.5 if part == TOTAL else 0
        for split, style in (("validation", "solid"), ("train", "dot")):
            values = [term_value(line[split], part, objective_terms) for line in history]
            name = f"{escape_figure(part)}, {VALIDATION if split == 'validation' else 'training'}"
            figure.add_scatter(
                x=epochs,
                y=values,
                name=name,
                mode="lines" if len(values) > 1 else "markers",
                line={"color": colour, "dash": style, "width": wide + (2.5 if style == "solid" else 2)},
                hovertemplate="%{y:.2f}",
            )
            known = [value for value in values if value is not None]
            if split == "validation" and known:
                words.append(f"{part} from {known[0]:.1f} to {known[-1]:.1f}")
    return Chart(figure, f"Validation loss over {epochs[-1]} epochs, nats per {noun}: {'; '.join(words)}.")


def scatter(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    colours: Sequence[str],
    axes: tuple[str, str] = ("", ""),
    height: int = 620,
    span: tuple[tuple[float, float], tuple[float, float]] | None = None,
    noun: Noun = Image.noun,
) -> Chart:
    """Points `[N, 2]` coloured by class; `customdata` of each is its row. `span` limits the axes to (low, high)."""
    figure = new_figure(height, xaxis_title=axes[0] or None, yaxis_title=axes[1] or None, dragmode="pan")
    for label, name in enumerate(classes):
        rows = np.flatnonzero(labels == label)
        if len(rows):
            called, (colour, symbol) = escape_figure(name), class_mark(label, colours)
            figure.add_scatter(
                x=points[rows, 0].round(4),
                y=points[rows, 1].round(4),
                customdata=rows,
                name=called,
                mode="markers",
                showlegend=len(classes) > 1 and label < MAX_LEGEND,
                marker={"size": 5, "color": colour, "symbol": symbol, "opacity": 0.75, "line": {"width": 0}},
                hovertemplate=f"{called}<br>{noun.one} %{{customdata}}<br>(%{{x:.2f}}, %{{y:.2f}})<extra></extra>",
            )
    figure.update_yaxes(scaleanchor="x")
    if not axes[0]:  # the axes of t-SNE and UMAP mean nothing; numbers on them would pretend otherwise
        figure.update_xaxes(showticklabels=False)
        figure.update_yaxes(showticklabels=False)
    if span is not None:
        figure.update_xaxes(range=list(span[0]), constrain="domain")
        figure.update_yaxes(range=list(span[1]), constrain="domain", constraintoward="top")
    counts = count_classes(classes, labels)
    return Chart(figure, f"Map of {len(points)} {noun.many} as points, coloured by class ({counts}).")


def grid_gap(cells: np.ndarray) -> int:
    """Pixels between images `[N, C, H, W]` in a grid."""
    return drawing.grid_gap(cells)


def grid_png(cells: np.ndarray, n: int, min_width: int = 640) -> bytes:
    """Images `[n * n, C, H, W]` laid out n by n as a PNG at least so many pixels wide, each pixel a sharp square."""
    image = images.image_grid(cells, n, grid_gap(cells))
    return images.png(image, scale=-(-min_width // image.shape[-1]))


def explained_variance(values: np.ndarray, colour: str, max_components: int = 32) -> Chart:
    """Explained variance of the principal components as bars, with the running total."""
    values = values[:max_components]
    figure = new_figure(240, xaxis_title="principal component", yaxis_title="share of variance", yaxis_tickformat=".0%")
    figure.update_layout(showlegend=False)
    names = [str(i + 1) for i in range(len(values))]
    total = np.cumsum(values)
    figure.add_bar(
        x=names,
        y=values,
        customdata=total,
        marker_color=colour,
        hovertemplate="component %{x}: %{y:.1%}<br>up to here: %{customdata:.1%}<extra></extra>",
    )
    first = ", ".join(f"{value:.1%}" for value in values[:4])
    return Chart(
        figure,
        f"Share of the variance in the principal components: {first}{', ...' if len(values) > 4 else ''}.",
    )


def bars(names: Sequence[str], values: Sequence[float], colour: str, title: str) -> Chart:
    """One bar for each name."""
    figure = new_figure(260, yaxis_title=title, showlegend=False)
    names = [escape_figure(name) for name in names]
    figure.add_bar(x=list(names), y=list(values), marker_color=colour, hovertemplate="%{x}: %{y:.4f}<extra></extra>")
    figure.update_xaxes(type="category")
    words = ", ".join(f"{name} {value:.4f}" for name, value in zip(names, values, strict=True))
    return Chart(figure, f"{title} for each class: {words}.")


def loss_comparison(
    histories: Sequence[Sequence[Mapping[str, Any]]],
    names: Sequence[str],
    colours: Sequence[str],
    term: str,
    objective_terms: Sequence[Collection[str]],
    noun: str = "image",
) -> Chart:
    """A part of the validation loss of several runs over epochs, nats per sample (a `noun`), a line for each
    run; or its TOTAL, of the parts that each run's model counts (`objective_terms`)."""
    figure = new_figure(340, xaxis_title="epoch", yaxis_title=f"nats per {noun}", hovermode="x unified")
    words = []
    for history, name, colour, own in zip(histories, names, colours, objective_terms, strict=False):
        values = [term_value(line["validation"], term, own) for line in history]
        figure.add_scatter(
            x=[line["epoch"] for line in history],
            y=values,
            name=escape_figure(name),
            mode="lines" if len(values) > 1 else "markers",
            line={"color": colour, "width": 2.5},
            hovertemplate="%{y:.2f}",
        )
        words.append(
            f"{name} ends at {values[-1]:.1f}" if values[-1] is not None else f"{name} has no {term} at its end"
        )
    figure.update_layout(showlegend=True)
    return Chart(figure, f"Validation loss ({term}) over epochs, nats per {noun}: {'; '.join(words)}.")
