"""The manifold as two charts, drawn once for all sessions that look at the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from aecore import latents
from ui import charts, shared

if TYPE_CHECKING:
    from aecore.trained import Trained
    from ui.charts import Chart

SHOWN = 2000  # test pictures on the map beside the mosaic


@dataclass(frozen=True)
class Drawn:
    """Two charts for everybody to read, and the share of the variance that lies in their plane (0: not known)."""

    pictures: Chart
    places: Chart
    explained: float


def beside(run: Trained, pair: tuple[int, int] | None, spacing: str, n: int, colours: tuple[str, ...]) -> Drawn:
    """What n x n places of a plane decode to: of two dimensions of the codes, or of their principal components."""
    return _drawn(shared.key_of(run), run.label, pair, spacing, n, colours, run)


@st.cache_resource(max_entries=64, show_spinner=False)
def _drawn(
    key: shared.Key,
    label: int,
    pair: tuple[int, int] | None,
    spacing: str,
    n: int,
    colours: tuple[str, ...],
    _run: Trained,
) -> Drawn:
    codes, card = shared.codes(_run), _run.card
    flat = latents.plane_of_dimensions(codes, *pair) if pair else latents.plane_of_components(codes)
    points = flat.project(codes)
    grid = latents.grid(points, n, spacing)
    labels = shared.held_out(_run).labels[:SHOWN]
    mosaic = charts.mosaic(_run.pictures(flat.lift(grid.points)), grid.x, grid.y, flat.names)
    places = charts.scatter(points[:SHOWN], labels, card.classes, colours, flat.names, 460, _square(grid))
    return Drawn(mosaic, places, sum(flat.explained or ()))


def _square(grid: latents.Grid) -> tuple[tuple[float, float], tuple[float, float]]:
    """The square of the plane that the mosaic covers: half a cell more than its outermost codes."""
    x, y = (grid.x[1] - grid.x[0]) / 2, (grid.y[0] - grid.y[1]) / 2
    return (grid.x[0] - x, grid.x[-1] + x), (grid.y[-1] - y, grid.y[0] + y)
