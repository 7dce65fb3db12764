"""The manifold as two charts, drawn once for all sessions that look at the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from aecore.analysis import latent_geometry, latent_space
from ui.run_data import splits
from ui.run_data.per_run import per_run
from ui.session import choices
from ui.widgets import charts

if TYPE_CHECKING:
    from aecore.analysis.latent_geometry import Grid
    from aecore.analysis.latent_space import Plane
    from aecore.analysis.loaded import LoadedModel
    from ui.widgets.charts import Chart

MAX_POINTS = 2000  # test images on the map beside the mosaic
DEFAULT_LIMIT = 3.0  # of a fixed range, until somebody types another


class Range(NamedTuple):
    """What part of a plane a grid covers: where the `data` are, `quantiles` of the prior, or `fixed`: from minus the
    limit to it."""

    name: str
    limit: float = DEFAULT_LIMIT


@dataclass(frozen=True)
class ManifoldCharts:
    """Two charts for everybody to read, the images of the first as a file, and what there is to say of both."""

    decoded_grid: Chart
    scatter: Chart
    png: bytes
    n_in_range: int  # of the test images on the map, those where the grid is
    caption: str


def range_form(run: LoadedModel) -> Range:
    """The range of the grid. The address holds the choice, by a name that stays; the widget's words say the limit."""
    place = st.container()
    limit = DEFAULT_LIMIT
    if st.query_params.get("range") == "fixed":
        limit = st.number_input(
            "Limit", 0.5, 20.0, DEFAULT_LIMIT, 0.5, "%g", key="limit", bind="query-params", width=160
        )
    labels = {"data": "Codes (1st to 99th percentile)", "fixed": f"Fixed [\u2212{limit:g}, {limit:g}]"}
    if _fills_normal_prior(run):
        labels["quantiles"] = "Gaussian quantiles"
    name = choices.bound_choice(
        "Grid range",
        labels,
        "range",
        container=place,
        help="Codes: even steps (uniform spacing) from the 1st to the 99th percentile of the codes.  \n"
        "Fixed: even steps from one number to the other.  \n"
        "Gaussian quantiles: from the 5th to the 95th percentile of the prior, N(0, 1); each step passes the same "
        "share of it, so that the crowded middle gets more room.",
    )
    return Range(name, limit)


def _fills_normal_prior(run: LoadedModel) -> bool:
    """Whether codes are drawn from N(0, 1), and the loss has asked them to fill it."""
    from aecore.models.families.build import FAMILIES  # torch comes with it

    parts = FAMILIES[run.config.family].loss_terms.values()
    return run.model.bottleneck.standard_normal_prior and any(part.term.matches_prior for part in parts)


@per_run(max_entries=64, by_label=True)
def manifold_charts(
    run: LoadedModel, dimensions: tuple[int, int] | None, grid_range: Range, n: int, colours: tuple[str, ...]
) -> ManifoldCharts:
    """What n x n places of a plane decode to: of two dimensions of the codes, or of their principal components."""
    codes, card = splits.codes(run), run.card
    flat = (
        latent_space.plane_of_dimensions(codes, *dimensions) if dimensions else latent_space.plane_of_components(codes)
    )
    points = flat.project(codes)
    grid = _grid(points, n, grid_range)
    labels, shown, square = splits.test_split(run).y[:MAX_POINTS], points[:MAX_POINTS], _grid_extent(grid)
    png = charts.grid_png(run.decode(flat.unproject(grid.points)), n)
    places = charts.scatter(shown, labels, card.classes, colours, flat.names, 460, square)
    (left, right), (bottom, top) = square
    within = (shown[:, 0] >= left) & (shown[:, 0] <= right) & (shown[:, 1] >= bottom) & (shown[:, 1] <= top)
    return ManifoldCharts(
        charts.decoded_grid(png, grid.x, grid.y, flat.names),
        places,
        png,
        int(within.sum()),
        _caption(flat, grid_range, codes),
    )


def _grid(points: np.ndarray, n: int, grid_range: Range) -> Grid:
    if grid_range.name == "fixed":
        return latent_geometry.grid(points, n, span=(-grid_range.limit, grid_range.limit))
    return (
        latent_geometry.grid(points, n, "gaussian-quantiles", prior=True)
        if grid_range.name == "quantiles"
        else latent_geometry.grid(points, n)
    )


def _grid_extent(grid: Grid) -> tuple[tuple[float, float], tuple[float, float]]:
    """The square of the plane that the mosaic covers: half a cell more than its outermost codes."""
    x, y = (grid.x[1] - grid.x[0]) / 2, (grid.y[0] - grid.y[1]) / 2
    return (grid.x[0] - x, grid.x[-1] + x), (grid.y[-1] - y, grid.y[0] + y)


def _caption(plane: Plane, grid_range: Range, codes: np.ndarray) -> str:
    """What the plane is, where codes have more dimensions than it."""
    if plane.explained_variance_ratio is not None:
        share = (
            f"Explained variance of this plane: {sum(plane.explained_variance_ratio):.0%} of the variance of the "
            f"codes; the rest is fixed at its mean."
        )
        zero = "0 on both axes is the mean of the codes"
        return f"{share} {zero}{'' if grid_range.name == 'data' else ', so the range is counted from there'}."
    if codes.shape[1] > 2:
        return f"{plane.names[0]} and {plane.names[1]} are latent dimensions; the others are fixed at their mean."
    return ""
