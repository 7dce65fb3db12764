"""The charts of Gaussian posteriors: arrays in, figures and their words out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import plotly.graph_objects as go

from aecore.data.modalities import Image, Noun
from ui.session.text import escape_figure
from ui.widgets import palette
from ui.widgets.charts import MAX_LEGEND, Chart, class_mark, new_figure, scatter

GREY = "#7f8896"  # of what is there to compare with; readable on both grounds
MAX_EPOCHS = 200  # epochs of a heat map: more are thinned out
MAX_BARS = 16  # dimensions with a bar of their own; the others share one
MIN_AXIS = 0.1  # nats that an axis reaches at least: less is next to nothing, and should look so


def kl_bars(
    names: Sequence[str], nats: Sequence[float], active: Sequence[bool], colour: str, noun: Noun = Image.noun
) -> Chart:
    """Nats of each dimension as bars, in the order given; those that are not active in grey."""
    figure = new_figure(
        280, yaxis_title=f"nats per {noun.one}", showlegend=False, margin={"l": 8, "r": 8, "t": 16, "b": 40}
    )
    figure.add_bar(
        x=list(names),
        y=list(nats),
        marker_color=[colour if each else GREY for each in active],
        width=min(0.8, len(names) / 8),  # two numbers are no reason for two walls
        hovertemplate="%{x}: %{y:.3f} nats<extra></extra>",
    )
    figure.update_yaxes(range=[0, 1.05 * max(MIN_AXIS, *nats)])
    _label_dims(figure, names)
    few = ", ".join(f"{name} {value:.2f}" for name, value in list(zip(names, nats, strict=True))[:MAX_BARS])
    more = f" and {len(names) - MAX_BARS} with less" if len(names) > MAX_BARS else ""
    return Chart(figure, f"KL of each latent dimension in nats, mean over {noun.many}: {few}{more}.")


def _label_dims(figure: go.Figure, names: Sequence[str], max_ticks: int = MAX_BARS) -> None:
    """Writes the names of dimensions below a chart: all, or evenly taken ones where there are more than `max_ticks`."""
    every = 1 if len(names) <= max_ticks else math.ceil(len(names) / 8)
    figure.update_xaxes(type="category", tickangle=0, tickvals=list(names[::every]))


def kl_heatmap(names: Sequence[str], epochs: Sequence[int], nats: np.ndarray) -> Chart:
    """Nats `[D, E]` of each dimension, one row each in the order given, after each of E epochs."""
    kept = np.unique(np.linspace(0, len(epochs) - 1, min(MAX_EPOCHS, len(epochs))).astype(int))
    figure = new_figure(
        90 + min(420, max(60, 22 * len(names))), xaxis_title="epoch", margin={"l": 8, "r": 8, "t": 16, "b": 40}
    )
    figure.add_heatmap(
        x=[epochs[i] for i in kept],
        y=list(names),
        z=nats[:, kept].round(3),
        zmin=0,
        zmax=max(MIN_AXIS, float(nats.max())),
        colorscale=palette.SEQUENTIAL,
        colorbar={"title": {"text": "nats", "side": "right"}, "thickness": 12},
        hovertemplate="%{y} after epoch %{x}: %{z:.2f} nats<extra></extra>",
    )
    figure.update_yaxes(type="category", autorange="reversed")
    first, last = nats.sum(axis=0)[[0, -1]]
    top = names[int(nats[:, -1].argmax())]
    return Chart(
        figure,
        f"KL of each latent dimension in nats, epoch {epochs[0]} to {epochs[-1]}: all together {first:.2f} to "
        f"{last:.2f}; at the end {top} has most, {nats[:, -1].max():.2f}.",
    )


def ellipses(
    points: np.ndarray,
    labels: np.ndarray,
    posteriors: tuple[np.ndarray, np.ndarray, np.ndarray],
    classes: Sequence[str],
    colours: Sequence[str],
    axes: tuple[str, str],
) -> Chart:
    """Codes `[N, 2]` as small grey points; of some `posteriors` (means `[n, 2]`, sigmas `[n, 2]` and labels `[n]`)
    the ellipses of one and two sigma, coloured by class; and those of N(0, 1), which are circles."""
    means, sigmas, owners = posteriors
    figure = scatter(points, labels, classes, colours, axes, 560).figure
    figure.update_traces(marker={"size": 4, "color": GREY, "opacity": 0.35}, showlegend=False)
    for label, name in enumerate(classes):
        own, (colour, _) = owners == label, class_mark(label, colours)
        if not own.any():
            continue
        name = escape_figure(name)
        for radius, width in ((2, 1), (1, 2)):
            x, y = _outlines(means[own], radius * sigmas[own])
            line = {"color": colour, "width": width}
            figure.add_scatter(
                x=x,
                y=y,
                mode="lines",
                line=line,
                name=name,
                showlegend=radius == 1 and len(classes) > 1 and label < MAX_LEGEND,
                hoverinfo="skip",
                legendgroup=str(label),
            )
    x, y = _outlines(np.zeros((2, 2)), np.array([[1, 1], [2, 2]]))
    line = {"color": GREY, "width": 2, "dash": "dash"}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, name="N(0, 1)", showlegend=True, hoverinfo="skip")
    figure.update_layout(xaxis_constrain="domain", yaxis_constrain="domain")
    across, up = np.median(sigmas, axis=0)
    return Chart(
        figure,
        f"Map of {len(points)} codes along {axes[0]} and {axes[1]}, with the ellipses of one and two standard "
        f"deviations of {len(means)} posteriors, typically {across:.2f} wide and {up:.2f} high (one sigma), and the "
        "circles of radius 1 and 2 of N(0, 1).",
    )


def _outlines(middles: np.ndarray, radii: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ellipses around `middles` `[n, 2]` with half axes `radii` `[n, 2]` as one line with gaps: x and y."""
    turn = np.append(np.linspace(0, 2 * np.pi, 41), np.nan)
    x, y = (middles[:, [i]] + radii[:, [i]] * wave for i, wave in enumerate((np.cos(turn), np.sin(turn))))
    return x.ravel().round(4), y.ravel().round(4)


def lines(
    points: np.ndarray,
    labels: np.ndarray,
    posteriors: tuple[np.ndarray, np.ndarray, np.ndarray],
    classes: Sequence[str],
    colours: Sequence[str],
    name: str,
) -> Chart:
    """The same for codes of one dimension, `[N, 1]`: a line for each class, on it its codes, above it bars of one
    sigma (thick) and two (thin) of some posteriors."""
    means, sigmas, owners = (np.ravel(each) for each in posteriors)
    figure = new_figure(
        90 + 46 * len(classes), xaxis_title=name, showlegend=False, margin={"l": 8, "r": 8, "t": 16, "b": 40}
    )
    for edge in (-2, -1, 1, 2):
        figure.add_vline(x=edge, line={"color": GREY, "dash": "dash", "width": 1})
    for label in range(len(classes)):
        colour, _ = class_mark(label, colours)
        codes, own = points[labels == label, 0], np.flatnonzero(owners == label)
        level = len(classes) - 1 - label  # the first class is on top
        marks = {"color": colour, "opacity": 0.35, "symbol": "line-ns-open", "size": 8}
        figure.add_scatter(x=codes, y=[level] * len(codes), mode="markers", marker=marks, hoverinfo="skip")
        heights = level + 0.18 + 0.5 * np.arange(len(own)) / max(1, len(own))
        for radius, width in ((1, 4), (2, 1)):
            reach = radius * sigmas[own]
            x = np.stack([means[own] - reach, means[own] + reach, np.full(len(own), np.nan)], 1).ravel()
            line = {"color": colour, "width": width}
            figure.add_scatter(x=x, y=np.repeat(heights, 3), mode="lines", line=line, hoverinfo="skip")
    figure.update_yaxes(
        tickvals=list(range(len(classes))),
        ticktext=list(map(escape_figure, classes))[::-1],
        showgrid=False,
        zeroline=False,
    )
    return Chart(
        figure,
        f"{len(points)} codes along {name}, a line for each class, with bars of one and two standard deviations of "
        f"{len(means)} posteriors, typically {np.median(sigmas):.2f} (one sigma), and dashed lines at -2, -1, 1 and "
        "2, the same of N(0, 1).",
    )


def posterior_intervals(
    names: Sequence[str], mean: np.ndarray, sigma: np.ndarray, colour: str, noun: str = "image"
) -> Chart:
    """The mean and sigma of one sample's posterior in each dimension, over the band of N(0, 1)."""
    margin = {"l": 8, "r": 8, "t": 16, "b": 40}
    figure = new_figure(300, yaxis_title="mean ± sigma", showlegend=False, margin=margin)
    figure.add_hrect(y0=-1, y1=1, fillcolor=GREY, opacity=0.25, line_width=0)
    figure.add_scatter(
        x=list(names),
        y=mean,
        customdata=sigma,
        mode="markers",
        marker={"size": 8 if len(names) <= 32 else 5, "color": colour},
        error_y={"array": sigma, "thickness": 2, "width": 4 if len(names) <= 32 else 0},
        hovertemplate="%{x}: %{y:.2f} ± %{customdata:.2f}<extra></extra>",
    )
    _label_dims(figure, names, 8)  # in half a page's width
    few = [f"{name} {m:.2f} ± {s:.2f}" for name, m, s in list(zip(names, mean, sigma, strict=True))[:MAX_BARS]]
    more = f" and {len(names) - MAX_BARS} more" if len(names) > MAX_BARS else ""
    return Chart(figure, f"The posterior of this {noun}, mean and standard deviation: {', '.join(few)}{more}.")


def waterfall(items: Mapping[str, float], total: str, colours: Sequence[str], first: int = 1) -> Chart:
    """Nats as bars from top to bottom, each beginning where the one above ends, and below them their `total`. The
    `first` ones are of another colour than the others."""
    names, values = [*items, total], np.array([*items.values(), sum(items.values())])
    starts = np.append(np.append(0, np.cumsum(values[:-1]))[:-1], 0)
    figure = new_figure(
        60 + 26 * len(names),
        xaxis_title="nats",
        showlegend=False,
        barmode="overlay",
        margin={"l": 8, "r": 8, "t": 8, "b": 40},
    )
    figure.add_bar(
        orientation="h",
        y=names,
        x=values,
        base=starts,
        text=[f"{value:z.2f}" for value in values],
        textposition="outside",
        cliponaxis=False,
        marker_color=[colours[0]] * first + [colours[1]] * (len(items) - first) + [GREY],
        hovertemplate="%{y}: %{text} nats<extra></extra>",
    )
    edge = float(max(values.max(), (starts + values).max(), 1e-9))
    figure.update_xaxes(range=[min(0.0, float((starts + values).min()) * 1.1), 1.18 * edge])
    figure.update_yaxes(type="category", autorange="reversed")
    words = ", ".join(f"{name} {value:z.2f}" for name, value in items.items())
    return Chart(figure, f"Nats that add up to {total}, {values[-1]:.2f}: {words}.")
