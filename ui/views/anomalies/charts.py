"""Charts of the page Anomalies: arrays in, figures and their words out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go

from aecore.applications.anomaly.explanation import NORMAL_SHARE, Explanation, percent
from aecore.applications.anomaly.probes import Reading
from aecore.data.modalities import Noun, Series
from ui.session.text import escape_figure
from ui.widgets.charts import Chart, new_figure
from ui.widgets.palette import SEQUENTIAL

MAX_PARTS = 12  # bars
MAX_RUG = 300  # scores of a line that are drawn one by one
THRESHOLD_COLOUR = "#8a9099"


def _heat_scale(limit: float) -> dict[str, Any]:
    """One scale for all samples: few values of normal samples reach the brightest colour."""
    return {
        "zmin": 0,
        "zmax": limit,
        "colorscale": SEQUENTIAL,
        "colorbar": {
            "tickvals": [0, limit / 2, limit],
            "ticktext": ["0", f"{limit / 2:.2g}", f"\u2265 {limit:.2g}"],
            "thickness": 12,
            "len": 0.85,
            "orientation": "h",
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
        },
    }


def image_heat_map(errors: np.ndarray, found: Explanation, noun: Noun) -> Chart:
    """Squared errors `[H, W]` of an image's pixels."""
    limit = found.normal_error or float(errors.max()) or 1.0
    figure = new_figure(340, margin={"l": 8, "r": 8, "t": 12, "b": 44}, plot_bgcolor="rgba(0,0,0,0)")
    figure.add_heatmap(
        z=errors.round(5),
        hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra></extra>",
        **_heat_scale(limit),
    )
    figure.update_yaxes(autorange="reversed", scaleanchor="x", visible=False)
    figure.update_xaxes(constrain="domain", visible=False)
    row, column = np.unravel_index(int(errors.argmax()), errors.shape)
    return Chart(
        figure,
        f"Heat map of squared errors. The largest, {errors.max():.2g}, is in row {row} of {len(errors)}, column "
        f"{column}. {int((errors > limit).sum())} of {errors.size} pixels have more than {limit:.2g}, which "
        f"{NORMAL_SHARE:.0%} of the pixels of normal {noun.many} stay below. By ninths: {found.parts_text}.",
    )


def series_heat_map(errors: np.ndarray, found: Explanation, series: Series) -> Chart:
    """Squared errors `[T, C]` of a series, a line for each channel."""
    limit = found.normal_error or float(errors.max()) or 1.0
    figure = new_figure(100 + 40 * len(series.channels), margin={"l": 8, "r": 8, "t": 12, "b": 80})
    figure.add_heatmap(
        z=errors.T.round(5),
        y=[escape_figure(name) for name in series.channels],
        hovertemplate="%{y}, moment %{x}: %{z:.3g}<extra></extra>",
        **_heat_scale(limit),
    )
    figure.update_xaxes(showgrid=False)
    moment, channel = np.unravel_index(int(errors.argmax()), errors.shape)
    return Chart(
        figure,
        f"Heat map of squared errors over {len(errors)} moments. The largest, {errors.max():.2g}, is at moment "
        f"{moment} of {series.channels[channel]}. {int((errors > limit).sum())} of {errors.size} values have more "
        f"than {limit:.2g}, which {NORMAL_SHARE:.0%} of the values of normal series stay below. {found.parts_text}.",
    )


def part_bars(found: Explanation, colour: str, noun: Noun) -> Chart:
    """What the parts of a sample add to its reconstruction error, the largest first, beside what is usual."""
    shown = found.parts[:MAX_PARTS]
    names = [escape_figure(part.name) for part in shown]
    figure = new_figure(110 + 26 * len(shown), xaxis_title="contribution to the reconstruction error")
    figure.add_bar(
        x=[part.contribution for part in shown],
        y=names,
        orientation="h",
        name=f"this {noun.one}",
        marker_color=colour,
        customdata=[part.share for part in shown],
        hovertemplate="%{y}: %{x:.3g}, %{customdata:.0%} of the error<extra></extra>",
    )
    figure.add_scatter(
        x=[part.normal_limit for part in shown],
        y=names,
        mode="markers",
        name=f"{NORMAL_SHARE:.0%} of normal {noun.many} stay below",
        marker={"symbol": "line-ns-open", "size": 16, "color": THRESHOLD_COLOUR, "line": {"width": 3}},
        hovertemplate="%{y}: usually below %{x:.3g}<extra></extra>",
    )
    figure.update_yaxes(autorange="reversed", type="category")
    words = ", ".join(
        f"{part.name} {part.contribution:.3g} ({part.share:.0%}; usually below {part.normal_limit:.3g})"
        for part in shown
    )
    return Chart(figure, f"What adds up to the reconstruction error: {words}.")


def probe_scores(
    calibration: np.ndarray, cut: float, readings: Sequence[Reading], colours: Sequence[str], title: str, noun: Noun
) -> Chart:
    """Where probes lie beside the calibration samples `[n]` and the threshold: a line each, a mark for each score."""
    every = np.concatenate([calibration, *(each.scores for each in readings)])
    log = bool(every.min() > 0 and every.max() > 20 * every.min())
    normal = f"normal validation {noun.many}"
    figure = new_figure(130 + 30 * len(readings), xaxis_title=title, showlegend=False)
    _add_rug(figure, normal, calibration, colours[0])
    for each in readings:
        _add_rug(figure, each.probe.title, each.scores, colours[1])
    if math.isfinite(cut) and (cut > 0 or not log):
        figure.add_vline(x=cut, line={"color": THRESHOLD_COLOUR, "width": 2, "dash": "dash"})
        figure.add_annotation(x=math.log10(cut) if log else cut, y=1, yref="paper", yanchor="bottom", showarrow=False,
                              text="threshold")  # fmt: skip
    figure.update_yaxes(autorange="reversed", type="category")
    figure.update_xaxes(type="log" if log else "linear")
    words = "; ".join(
        f"{each.probe.title} has a mean of {each.mean:.3g}, higher than {percent(each.below)}" for each in readings
    )
    return Chart(
        figure,
        f"{title} of {len(calibration):,} {normal}, from {calibration.min():.3g} to {calibration.max():.3g}, with the "
        f"threshold at {cut:.3g}, and of probes, each by its mean and the share of these below it: {words}.",
    )


def _add_rug(figure: go.Figure, name: str, scores: np.ndarray, colour: str) -> None:
    """A line of scores `[n]`, a stroke for each and a diamond for their mean."""
    name, strokes = escape_figure(name), np.sort(scores)[:: max(1, len(scores) // MAX_RUG)]
    figure.add_scatter(
        x=strokes,
        y=[name] * len(strokes),
        mode="markers",
        opacity=0.45,
        marker={"symbol": "line-ns-open", "size": 12, "color": colour, "line": {"width": 1.5}},
        hoverinfo="skip",
    )
    figure.add_scatter(
        x=[scores.mean()],
        y=[name],
        mode="markers",
        marker={"symbol": "diamond", "size": 11, "color": colour},
        hovertemplate=f"{name}: mean %{{x:.3g}}<extra></extra>",
    )
