"""Charts of samples: their scores, and codes over samples of the prior."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from ui.session.text import escape_figure
from ui.widgets import charts
from ui.widgets.charts import Chart, new_figure

SCORES = {"strict_precision": "strict precision", "coverage": "coverage"}
GREY = "rgba(128, 128, 128, .45)"


def scores(report: Mapping[str, Any], method_labels: Mapping[str, str], colours: Sequence[str]) -> Chart:
    """Strict precision and coverage of each kind of samples, as bars."""
    figure = new_figure(340, xaxis={"range": [0, 1.12], "tickformat": ".0%", "tickvals": [0, 0.25, 0.5, 0.75, 1]})
    names = [
        name.replace(" fitted to the codes", "<br>fitted to the codes").replace(" mixture (", "<br>mixture (")
        for name in method_labels.values()
    ]
    for score, colour in zip(SCORES, colours[:3:2], strict=True):
        values = [report[way][score] for way in method_labels]
        figure.add_bar(
            orientation="h",
            x=values,
            y=names,
            name=SCORES[score],
            marker_color=colour,
            text=[f"{value:.2f}" for value in values],
            textposition="outside",
            cliponaxis=False,
            hovertemplate="%{y}: %{x:.3f}<extra>" + SCORES[score] + "</extra>",
        )
    figure.update_layout(barmode="group", bargap=0.3, legend_traceorder="normal")
    figure.update_yaxes(autorange="reversed", automargin=True)
    words = "; ".join(
        f"{name}: strict precision {report[way]['strict_precision']:.2f}, coverage {report[way]['coverage']:.2f}"
        for way, name in method_labels.items()
    )
    return Chart(figure, f"{words}.")


def scatter_over_prior(
    codes: np.ndarray,
    prior_samples: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    colours: Sequence[str],
    axes: tuple[str, str],
    standard_normal: bool,
) -> Chart:
    """Codes `[n, 2]` coloured by class over samples of the prior `[m, 2]` in grey; the circles of a normal prior."""
    chart = charts.scatter(codes, labels, classes, colours, axes, 560)
    _add_prior_points(chart.figure, prior_samples[:, 0], prior_samples[:, 1])
    for radius in (1, 2) if standard_normal else ():
        corners = {"x0": -radius, "x1": radius, "y0": -radius, "y1": radius}
        chart.figure.add_shape(type="circle", **corners, line={"color": colours[-1], "width": 2})
    rings = ", circles of radius 1 and 2" if standard_normal else ""
    return Chart(chart.figure, f"{chart.alt[:-1]}, over {len(prior_samples)} samples of the prior in grey{rings}.")


def line_over_prior(
    codes: np.ndarray, prior_samples: np.ndarray, labels: np.ndarray, classes: Sequence[str], colours: Sequence[str]
) -> Chart:
    """Codes of one number `[n]`, a line for each class, and samples of the prior `[m]` on a line below."""
    jitter = np.random.default_rng(0).uniform(
        0.1, 0.9, len(codes) + len(prior_samples)
    )  # only so that points do not hide points
    points = np.stack([codes, labels + jitter[: len(codes)]], 1)
    chart = charts.scatter(points, labels, classes, colours, ("z1", ""), 560)
    _add_prior_points(chart.figure, prior_samples, jitter[len(codes) :] - 1)
    chart.figure.update_yaxes(
        scaleanchor=False,
        tickvals=np.arange(-1, len(classes)) + 0.5,
        ticktext=["prior", *map(escape_figure, classes)],
        showticklabels=True,
    )
    return Chart(
        chart.figure, f"{chart.alt[:-1]}, a line for each, and {len(prior_samples)} samples of the prior on one below."
    )


def _add_prior_points(figure: go.Figure, x: np.ndarray, y: np.ndarray) -> None:
    """Grey points under all others, first in the legend."""
    marker = {"size": 5, "color": GREY, "line": {"width": 0}}
    figure.add_scatter(x=x.round(4), y=y.round(4), name="prior", mode="markers", marker=marker, hoverinfo="skip")
    figure.data = (figure.data[-1], *figure.data[:-1])
