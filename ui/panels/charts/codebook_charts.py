"""Charts of a codebook: usage, distances, and a palette of images to click on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import plotly.graph_objects as go

from aecore.data import images
from ui.widgets import palette as colour
from ui.widgets.charts import Chart, add_background, new_figure

COLUMNS = 8  # images in a line of the palette
BARE_AXIS = {"showgrid": False, "zeroline": False, "showticklabels": False, "constrain": "domain", "fixedrange": True}


def usage(shares: np.ndarray, bar_colour: str) -> Chart:
    """How often each codebook entry is taken, `[K]`, falling, and the line of uniform usage."""
    order = np.argsort(-shares, kind="stable")
    figure = new_figure(360, showlegend=False, title={"text": "Codebook usage", "font": {"size": 14}})
    figure.add_bar(
        x=np.arange(1, len(order) + 1),
        y=shares[order],
        customdata=order,
        marker={"color": bar_colour, "line": {"width": 0}},
        hovertemplate="entry %{customdata}: %{y:.2%} of all choices<extra></extra>",
    )
    figure.add_hline(1 / len(shares), line={"width": 1.5, "dash": "dot", "color": "gray"})
    figure.add_annotation(
        x=1, xref="paper", y=1 / len(shares), text="uniform usage", showarrow=False, yanchor="bottom", xanchor="right"
    )
    figure.update_layout(
        xaxis_title="codebook entries, the most often taken first", yaxis_tickformat=".1~%", bargap=0.1
    )
    unused = int((shares == 0).sum())
    return Chart(
        figure,
        f"Share of all choices of each of {len(shares)} codebook entries: the most often taken {shares.max():.1%}, "
        f"{unused} never taken; uniform usage would be {1 / len(shares):.1%}.",
    )


def distances(order: np.ndarray, matrix: np.ndarray) -> Chart:
    """Distances `[K, K]` between codebook entries, which stand in the `order` [K] of their numbers."""
    figure = new_figure(360, title={"text": "Distances between entries", "font": {"size": 14}}, dragmode=False)
    names = order.astype(str)
    figure.add_heatmap(
        z=matrix.round(3),
        customdata=np.stack(np.meshgrid(names, names), 2) if len(order) <= 128 else None,
        colorscale=colour.SEQUENTIAL,
        colorbar={"thickness": 12, "title": {"text": ""}},
        hovertemplate=(
            "entries %{customdata[1]} and %{customdata[0]}: %{z:.2f}<extra></extra>"
            if len(order) <= 128
            else "%{z:.2f}<extra></extra>"
        ),
    )
    figure.update_xaxes(
        showticklabels=False, constrain="domain", constraintoward="right", title="entries, near ones side by side"
    )
    figure.update_yaxes(showticklabels=False, scaleanchor="x", autorange="reversed", constrain="domain")
    apart = matrix[~np.eye(len(matrix), dtype=bool)]
    words = f", from {apart.min():.2f} to {apart.max():.2f}" if len(apart) else ""
    return Chart(figure, f"Distances between {len(order)} codebook entries, near ones side by side{words}.")


def entry_grid(
    cells: np.ndarray, entries: np.ndarray, current: int, position: int, colours: Sequence[str], noun: str = "image"
) -> Chart:
    """A sample (a `noun`) with each of the `entries` [n] at one position, pictures `cells` `[n, C, H, W]`, row by row;
    a click on one gives its index (`customdata`). The one that the position holds is framed."""
    lines = -(-len(cells) // COLUMNS)
    image = images.image_grid(cells, COLUMNS, gap=1)
    height, width = image.shape[-2] + 1, image.shape[-1] + 1  # the last gaps are not drawn
    png = images.png(image, scale=max(1, 640 // width))
    figure = new_figure(56 * lines + 16, dragmode="pan", showlegend=False, hovermode="closest")
    add_background(figure, png, lines, (COLUMNS * (width - 1) / width, lines * (height - 1) / height))
    across, up = np.arange(len(cells)) % COLUMNS, lines - 1 - np.arange(len(cells)) // COLUMNS
    figure.add_scatter(
        x=across,
        y=up,
        customdata=entries,
        mode="markers",
        marker={"opacity": 0, "size": 40, "symbol": "square"},
        hovertemplate="entry %{customdata}<extra></extra>",
    )
    for row in np.flatnonzero(entries == current):
        x, y = int(across[row]), int(up[row])
        line = {"color": colours[3], "width": 3}
        figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.47, y0=y - 0.47, y1=y + 0.5, line=line)
    figure.update_layout(margin={"l": 4, "r": 4, "t": 8, "b": 8})
    figure.update_xaxes(range=[-0.55, COLUMNS - 0.45], **BARE_AXIS)
    figure.update_yaxes(range=[-0.55, lines - 0.45], scaleanchor="x", **BARE_AXIS)
    return Chart(
        figure,
        f"The {noun} with each of {len(cells)} codebook entries at position {position + 1}, which now holds entry "
        f"{current}.",
    )


def _frame_tokens(figure: go.Figure, positions: Sequence[int], columns: int, frame_colour: str) -> None:
    """Frames around positions, the last of them in a full line, the others dotted."""
    for order, position in enumerate(positions, 1):
        y, x = divmod(int(position), columns)
        line = {"color": frame_colour, "width": 3, "dash": "solid" if order == len(positions) else "dot"}
        figure.add_shape(type="rect", x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line=line)


def token_grid(
    indices: np.ndarray,
    ranks: np.ndarray,
    chosen: int,
    changed: np.ndarray,
    colours: Sequence[str],
    noun: str = "image",
) -> Chart:
    """The entries `[rows, columns]` of a sample (a `noun`) as a picture of their numbers, in colours by `ranks` [K]; a
    click on one gives its position (`customdata`). The `chosen` position is framed, `changed` ones [S] are dotted."""
    rows, columns = indices.shape
    cell = max(14, min(48, 420 // max(rows, columns)))
    size = {"width": cell * columns + 16, "showlegend": False, "hovermode": "closest", "dragmode": "pan"}
    figure = new_figure(cell * rows + 16, **size)
    shown = indices.max() < 10 ** (cell // 10)  # digits that fit into a cell
    figure.add_heatmap(
        z=ranks[indices],
        zmin=0,
        zmax=max(1, len(ranks) - 1),
        text=indices if shown else None,
        texttemplate="%{text}" if shown else None,
        colorscale=colour.SEQUENTIAL,
        showscale=False,
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=np.arange(indices.size) % columns,
        y=np.arange(indices.size) // columns,
        customdata=np.stack([np.arange(indices.size), indices.ravel()], 1),
        mode="markers",
        marker={"opacity": 0, "size": cell, "symbol": "square"},
        hovertemplate="position %{customdata[0]}: entry %{customdata[1]}<extra></extra>",
    )
    _frame_tokens(figure, [*np.flatnonzero(changed), chosen], columns, colours[3])
    figure.update_layout(margin={"l": 4, "r": 4, "t": 8, "b": 8})
    figure.update_xaxes(range=[-0.6, columns - 0.4], **BARE_AXIS)
    figure.update_yaxes(range=[rows - 0.4, -0.6], scaleanchor="x", **BARE_AXIS)
    return Chart(
        figure,
        f"The {noun} as {rows} by {columns} codebook entries; chosen is row {chosen // columns + 1}, column "
        f"{chosen % columns + 1}, which holds entry {indices.flat[chosen]}. {int(changed.sum())} of them are changed.",
    )


def usage_by_epoch(
    epochs: Sequence[int], perplexity: Sequence[float], dead: Sequence[int], colours: Sequence[str]
) -> Chart:
    """Perplexity and dead entries after each epoch."""
    figure = new_figure(300, xaxis_title="epoch", yaxis_title="entries", yaxis_rangemode="tozero")
    for row, (name, values) in enumerate({"perplexity": perplexity, "dead entries": dead}.items()):
        figure.add_scatter(
            x=list(epochs), y=list(values), name=name, mode="lines+markers", line={"color": colours[row]}
        )
    return Chart(
        figure,
        f"After epoch {epochs[-1]} the perplexity is {perplexity[-1]:.1f}, and {dead[-1]} entries are dead; after "
        f"epoch {epochs[0]} it was {perplexity[0]:.1f}, and {dead[0]} were.",
    )
