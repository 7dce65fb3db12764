"""Manifold: what every place of the latent space decodes to."""

import streamlit as st

from ui import chrome
from ui.run_data import splits
from ui.run_data.selected import require_test_split, selected_run
from ui.views import manifold
from ui.widgets import pickers
from ui.widgets.display import class_colours, show_chart

below_picker = chrome.page(
    "manifold",
    "A grid is laid over the latent space and every point of it is decoded. On the right, where the test "
    "images lie on the same plane; up is up in both.",
)
run = selected_run(below_picker)
total = len(require_test_split(run))
splits.codes(run)  # their spinner fits the page; inside a fragment it would push the charts about


@st.fragment  # a slider moves two charts: the rest of the page need not be drawn again
def grid() -> None:
    columns = st.columns([4, 4, 2])
    with columns[0]:
        span = manifold.range_form(run)
    with columns[1]:
        pair = pickers.plane_picker(run)
    n = columns[2].slider("Grid size", 5, 25, 15, key="grid-size", bind="query-params")
    drawn = manifold.manifold_charts(run, pair, span, n, tuple(class_colours()))
    left, right = st.columns(2)
    with left:
        show_chart(drawn.decoded_grid, key="manifold")
        st.download_button(
            "PNG",
            lambda: drawn.png,
            f"{run.id}-manifold.png",
            "image/png",
            icon=":material/image:",
            on_click="ignore",
        )
    with right:
        show_chart(drawn.scatter, key="scatter")
        shown = min(manifold.MAX_POINTS, total)
        st.caption(f"The first {shown:,} of {total:,} test images; {drawn.n_in_range:,} of them lie in this range.")
    if drawn.caption:
        st.caption(drawn.caption)


grid()
