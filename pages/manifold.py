"""Manifold: what every place of the latent space decodes to."""

import streamlit as st

from aecore import latents
from ui import charts, frame, pick, shared

frame.page(
    "Manifold",
    "A grid is laid over the latent space and every point of it is decoded. On the right, where the test "
    "pictures lie on the same plane; up is up in both.",
)
run = frame.chosen_run()
test, codes = frame.test_set(run), shared.codes(run)

columns = st.columns([3, 3, 2])
spacing = columns[0].segmented_control(
    "Steps",
    ["range", "quantiles"],
    default="range",
    required=True,
    key="steps",
    bind="query-params",
    help="range: even steps from the 1st to the 99th percentile of the codes. quantiles: each step passes "
    "the same share of a normal distribution, so that the crowded middle gets more room.",
)
n = columns[2].slider("Pictures a side", 5, 25, 15, key="side", bind="query-params")
with columns[1]:
    pair = pick.dimensions(run)
flat = latents.plane_of_dimensions(codes, *pair) if pair else latents.plane_of_components(codes)

points = flat.project(codes)
grid = latents.grid(points, n, spacing)


def around(grid: latents.Grid) -> tuple[tuple[float, float], tuple[float, float]]:
    """The square of the plane that the mosaic covers: half a cell more than its outermost codes."""
    x, y = (grid.x[1] - grid.x[0]) / 2, (grid.y[0] - grid.y[1]) / 2
    return (grid.x[0] - x, grid.x[-1] + x), (grid.y[-1] - y, grid.y[0] + y)


left, right = st.columns(2)
with left:
    frame.draw(charts.mosaic(run.pictures(flat.lift(grid.points)), grid.x, grid.y, flat.names), key="mosaic")
with right:
    shown = 2000
    frame.draw(
        charts.scatter(
            points[:shown],
            test.labels[:shown],
            run.card.classes,
            frame.colours(),
            flat.names,
            460,
            around(grid),
        ),
        key="beside",
    )
    st.caption(f"The first {min(shown, len(points)):,} of {len(points):,} test pictures.")
if flat.explained:
    st.caption(f"This plane holds {sum(flat.explained):.0%} of the variance of the codes; the rest is at its mean.")
