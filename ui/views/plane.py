"""Points of a plane: the data, what a model makes of them, and where it moves every place of the plane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from aecore.analysis import plane_field
from aecore.data.modalities import Points
from ui.run_data import splits
from ui.run_data.per_run import per_run
from ui.session.text import escape_figure
from ui.widgets import glossary
from ui.widgets.charts import Chart, new_figure
from ui.widgets.display import class_colours, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.analysis.plane_field import PlaneField
    from aecore.data.datasets import Split

N_ARROWS, N_CONTOUR = 18, 60  # places along each side of arrows and of contours
N_POINTS = 500  # test points that are drawn
MAX_LEVEL = 0.9  # quantile of the error from which on contours have the last colour
LENGTH = 0.9  # of the way from one arrow to the next, that an arrow has at most
HEAD = 7  # pixels of the head of an arrow


@per_run(max_entries=16, by_label=True)
def _fields(run: LoadedModel) -> tuple[PlaneField, PlaneField]:
    """The field of a run over the plane of its test points: coarse, for arrows, and fine, for contours."""
    square = plane_field.extent(splits.test_split(run).to_float())
    coarse, fine = (plane_field.compute(run.reconstruct, square, n) for n in (N_ARROWS, N_CONTOUR))
    return coarse, fine


def show(run: LoadedModel, test: Split) -> None:
    """The plane of a run of points; nothing of other runs."""
    if run.card.modality.kind != "points":
        return
    glossary.header(
        "Reconstruction field",
        "Every place of the plane is a point that the model can be given. Arrows point from it to its reconstruction, "
        "long ones cut short; the darker the ground, the larger the squared reconstruction error, an energy that is "
        "low where data are.",
    )
    arrows, ground = _fields(run)
    x = test.to_float(slice(N_POINTS))
    reconstruction = run.reconstruct(x, test.y[:N_POINTS])
    points = cast(Points, run.card.modality)
    show_chart(chart(points, x, reconstruction, arrows, ground, class_colours()), key="plane-field")
    noted = (
        "It was trained to denoise: with little Gaussian noise its arrows, divided by the variance of the noise, come "
        "near to the score, the direction in which the data become more probable (Alain & Bengio 2014)."
        if run.corrupts
        else "It was not trained to denoise, so nothing but the narrow code makes arrows lead to the data: compare it "
        "with a denoising autoencoder, whose arrows come near to the score (Alain & Bengio 2014)."
    )
    st.caption(f"{noted} Axes in standard deviations from the mean; the first {len(x):,} test points.")


def chart(
    points: Points,
    x: np.ndarray,
    reconstruction: np.ndarray,
    arrows: PlaneField,
    ground: PlaneField,
    colours: Sequence[str],
) -> Chart:
    """Test points `[N, 2]`, their reconstructions `[N, 2]`, arrows, and contours of the squared error."""
    names = [escape_figure(name) for name in points.names]
    figure = new_figure(640, xaxis_title=names[0], yaxis_title=names[1])
    top = float(np.quantile(ground.error, MAX_LEVEL)) or 1.0
    figure.add_contour(
        x=ground.x.round(4), y=ground.y.round(4), z=ground.error.round(5), colorscale="Greys", opacity=0.55,
        zmin=0, zmax=top, contours={"start": 0, "end": top, "size": top / 8}, line={"width": 0.5},
        colorbar={"title": {"text": "squared error", "side": "right"}, "thickness": 12},
        hovertemplate="squared error %{z:.3f}<extra></extra>",
    )  # fmt: skip
    _add_arrows(figure, arrows, colours[1])
    for name, places, colour, symbol in (
        ("test points", x, colours[0], "circle"),
        ("their reconstructions", reconstruction, colours[2], "x"),
    ):
        figure.add_scatter(
            x=places[:, 0].round(4), y=places[:, 1].round(4), name=name, mode="markers",
            marker={"size": 5, "color": colour, "symbol": symbol}, hovertemplate="%{x:.2f}, %{y:.2f}",
        )  # fmt: skip
    figure.update_xaxes(range=[ground.x[0], ground.x[-1]], constrain="domain")
    figure.update_yaxes(range=[ground.y[0], ground.y[-1]], constrain="domain", scaleanchor="x")
    length, least = np.sqrt(arrows.error), arrows.least
    own = np.square(reconstruction - x).sum(axis=1).mean()
    return Chart(
        figure,
        f"{len(x)} test points and their reconstructions, on average a squared distance of {own:.3f} apart; arrows "
        f"from a grid of {len(arrows.x)} x {len(arrows.y)} places towards their reconstructions, which are less than "
        f"{np.median(length):.2f} away from half of them; the place that is moved least lies at "
        f"{least[0]:.2f}, {least[1]:.2f}; contours of the squared error.",
    )


def _add_arrows(figure: go.Figure, field: PlaneField, colour: str) -> None:
    """All arrows as one trace: a line with a gap after each, and a head at its end. None is longer than the
    way to the next: those of far places would hide all others."""
    start = np.stack(np.meshgrid(field.x, field.y), 2).reshape(-1, 2)
    shift = field.shift.reshape(-1, 2)
    longest = LENGTH * (field.x[1] - field.x[0])
    end = start + shift * np.minimum(1, longest / np.linalg.norm(shift, axis=1, keepdims=True).clip(1e-9))
    gap = np.full(len(start), np.nan)
    x, y = (np.stack([start[:, i], end[:, i], gap], 1).ravel().round(4) for i in (0, 1))
    figure.add_scatter(
        x=x,
        y=y,
        name="where places are moved",
        mode="lines+markers",
        line={"width": 1.2, "color": colour},
        marker={"symbol": "arrow", "size": np.tile([0, HEAD, 0], len(start)), "angleref": "previous", "color": colour},
        hoverinfo="skip",
    )
