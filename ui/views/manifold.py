"""The manifold: what a grid of codes decodes to, drawn once for all sessions that look at the same, and the one code
that is chosen on it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import streamlit as st

from aecore.analysis import latent_geometry, latent_space
from ui.run_data import splits
from ui.run_data.per_run import per_run
from ui.session import address, choices
from ui.views import selection
from ui.widgets import charts, component, live, sample_images

if TYPE_CHECKING:
    from aecore.analysis.latent_geometry import Grid
    from aecore.analysis.latent_space import Plane
    from aecore.analysis.loaded import LoadedModel
    from ui.widgets.charts import Chart

MAX_POINTS = 2000  # test samples on the map beside the mosaic
DEFAULT_LIMIT = 3.0  # of a fixed range, until somebody types another
CHOSEN_SIZE = 112  # CSS pixels of the chosen image
VIEW_KEY = "manifold-view"
POINT = "at"  # the parameter of the address that holds the chosen place, as the latent explorer's does
PLANE_PARAMS = ("plane", "x", "y")  # those that say which plane it is a place of
LONG_CODE = 64  # numbers of a code from which on it is scrolled


class Range(NamedTuple):
    """What part of a plane a grid covers: where the `data` are, `quantiles` of the prior, or `fixed`: from minus the
    limit to it."""

    name: str
    limit: float = DEFAULT_LIMIT


@dataclass(frozen=True, eq=False)
class Manifold:
    """A grid of codes, what they decode to, and what there is to say of both."""

    x: np.ndarray  # [n], rising
    y: np.ndarray  # [n], falling
    codes: np.ndarray  # [n * n, D], row by row from the top left
    decoded: np.ndarray  # [n * n, *shape]
    rendered: np.ndarray  # as small images, [n * n, 1 or 3, h, w]
    names: tuple[str, str]  # of the axes; the second is empty on a line
    small_png: bytes  # all pictures, a pixel of theirs one of its
    png: bytes  # the same enlarged, as a file to keep
    scatter: Chart  # test samples on the same part of the plane
    n_in_range: int  # of them
    caption: str
    noun: str  # of the samples, in the plural

    @property
    def gap(self) -> int:
        """Pixels between the pictures of `small_png`."""
        return charts.grid_gap(self.rendered)

    @property
    def description(self) -> str:
        """What is seen, in words."""
        n, (first, second) = len(self.x), self.names
        span = f"{first} from {self.x[0]:.2f} to {self.x[-1]:.2f}"
        span += f", {second} from {self.y[-1]:.2f} (bottom) to {self.y[0]:.2f} (top)" if second else ""
        return f"{n} x {n} {self.noun} decoded from a grid of codes: {span}."

    def nearest_cell(self, point: np.ndarray) -> tuple[int, int]:
        """The row and the column of the place that lies nearest to a point `[2]` of the plane."""
        return int(np.abs(self.y - point[1]).argmin()), int(np.abs(self.x - point[0]).argmin())


def range_form(run: LoadedModel) -> Range:
    """The range of the grid. The address holds the choice, by a name that stays; the widget's words say the limit."""
    place = st.container(width="content")
    limit = DEFAULT_LIMIT
    if st.query_params.get("range") == "fixed":
        limit = st.number_input(
            "Limit",
            0.5,
            20.0,
            DEFAULT_LIMIT,
            0.5,
            "%g",
            width=160,
            **choices.bound_value("limit", DEFAULT_LIMIT, choices.number(0.5, 20)),
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
def manifold(
    run: LoadedModel, dimensions: tuple[int, int] | None, grid_range: Range, n: int, colours: tuple[str, ...]
) -> Manifold:
    """What n x n places of a plane decode to: of two dimensions of the codes, or of their principal components."""
    codes, card = splits.codes(run), run.card
    flat = (
        latent_space.plane_of_dimensions(codes, *dimensions) if dimensions else latent_space.plane_of_components(codes)
    )
    points = flat.project(codes)
    grid = _grid(points, n, grid_range)
    labels, shown, square = splits.test_split(run).y[:MAX_POINTS], points[:MAX_POINTS], _grid_extent(grid)
    own = flat.unproject(grid.points)
    decoded = run.decode(own)
    pictures = card.modality.render(decoded)
    (left, right), (bottom, top) = square
    within = (shown[:, 0] >= left) & (shown[:, 0] <= right) & (shown[:, 1] >= bottom) & (shown[:, 1] <= top)
    return Manifold(
        grid.x,
        grid.y,
        own,
        decoded,
        pictures,
        flat.names,
        charts.grid_png(pictures, n, min_width=1),
        charts.grid_png(pictures, n),
        charts.scatter(shown, labels, card.classes, colours, flat.names, 360, square, card.modality.noun),
        int(within.sum()),
        _caption(flat, grid_range, codes),
        card.modality.noun.many,
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


# --- The chosen place -------------------------------------------------------------------------------------------------


def grid_view(grid: Manifold) -> tuple[int, int]:
    """The grid, on which a click or the keys choose an image; the row and the column of the chosen one. The address
    holds its place."""
    cell = _chosen_cell(grid)

    def choose() -> None:
        asked = selection.parse_points(st.session_state[VIEW_KEY].get("cell"))
        if len(asked) == 1:
            row, column = (int(at) for at in asked[0].clip(0, len(grid.x) - 1))
            address.write(POINT, f"{grid.x[column]:.4g},{grid.y[row]:.4g}")

    given = {
        "blob": component.blob(grid.small_png),
        "gap": grid.gap,
        "x": grid.x.tolist(),
        "y": grid.y.tolist(),
        "axis_names": list(grid.names),
        "description": grid.description,
        "cell": list(cell),
    }
    live.view("manifold", None, VIEW_KEY, given, on_change={"cell": choose}, marks=True)
    return cell


def _chosen_cell(grid: Manifold) -> tuple[int, int]:
    """That of the address; the middle one where it names none."""
    asked = address.bound(POINT)
    point = selection.parse_points(asked.split(",")) if asked else np.zeros((0, 2))
    if len(point) == 1:
        return grid.nearest_cell(point[0])
    if asked is not None:
        address.drop(POINT)
    return len(grid.y) // 2, len(grid.x) // 2


def chosen_place(run: LoadedModel, grid: Manifold, cell: tuple[int, int]) -> None:
    """The sample of a cell, the code that it was decoded from, and the way to walk on from there."""
    row, column = cell
    at = row * len(grid.x) + column
    values = (grid.x[column], grid.y[row])
    here = ", ".join(f"{name} {value:.2f}" for name, value in zip(grid.names, values, strict=True) if name)
    here = here.replace("-", "\u2212")
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        with st.container(width=CHOSEN_SIZE):
            modality = run.card.modality
            sample_images.single(
                modality, grid.decoded[at], f"The {modality.noun.one} decoded at {here}", "", CHOSEN_SIZE
            )
        with st.container(width="stretch"):
            st.markdown(f"**Decoded at {here}**  \nCode, {_count_text(grid.codes.shape[1])}:")
    _show_numbers(grid.codes[at])
    address.link(
        "latent_explorer",
        "Open in the latent explorer",
        at=f"{values[0]:.4g},{values[1]:.4g}",
        **{name: st.query_params[name] for name in PLANE_PARAMS if name in st.query_params},
    )


def save_button(run: LoadedModel, grid: Manifold) -> None:
    """The grid as a file, with sharp pixels, and what its plane is."""
    st.download_button(
        "Save PNG",
        lambda: grid.png,
        f"{run.id}-manifold.png",
        "image/png",
        icon=":material/image:",
        on_click="ignore",
    )
    if grid.caption:
        st.caption(grid.caption)


def _count_text(count: int) -> str:
    return "1 number" if count == 1 else f"{count} numbers"


def _show_numbers(code: np.ndarray) -> None:
    """A code `[D]` as text with a button to copy it."""
    text = ", ".join(f"{value:.4g}" for value in code)
    st.code(text, language=None, wrap_lines=True, height=180 if len(code) > LONG_CODE else "content")
