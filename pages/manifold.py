"""Manifold: what every place of the latent space decodes to."""

import streamlit as st

from ui import frame, shared
from ui.views import manifold
from ui.widgets import pickers

frame.page(
    "Manifold",
    "A grid is laid over the latent space and every point of it is decoded. On the right, where the test "
    "pictures lie on the same plane; up is up in both.",
)
run = frame.selected_run()
total = len(frame.test_split(run))
shared.codes(run)  # their spinner fits the page; inside a fragment it would push the charts about


@st.fragment  # a slider moves two charts: the rest of the page need not be drawn again
def grid() -> None:
    columns = st.columns([4, 4, 2])
    with columns[0]:
        span = manifold.range_form(run)
    with columns[1]:
        pair = pickers.plane_picker(run)
    n = columns[2].slider("Pictures a side", 5, 25, 15, key="side", bind="query-params")
    drawn = manifold.manifold_charts(run, pair, span, n, tuple(frame.class_colours()))
    left, right = st.columns(2)
    with left:
        frame.show_chart(drawn.decoded_grid, key="mosaic")
        st.download_button(
            "PNG",
            lambda: drawn.png,
            f"{run.id}-manifold.png",
            "image/png",
            icon=":material/image:",
            on_click="ignore",
        )
    with right:
        frame.show_chart(drawn.scatter, key="beside")
        shown = min(manifold.MAX_POINTS, total)
        st.caption(f"The first {shown:,} of {total:,} test pictures; {drawn.n_in_range:,} of them lie in this range.")
    if drawn.caption:
        st.caption(drawn.caption)


grid()
