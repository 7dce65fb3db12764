"""Manifold: what every place of the latent space decodes to."""

import streamlit as st

from ui import frame, mosaic, pick, shared

frame.page(
    "Manifold",
    "A grid is laid over the latent space and every point of it is decoded. On the right, where the test "
    "pictures lie on the same plane; up is up in both.",
)
run = frame.chosen_run()
total = len(frame.test_set(run))
shared.codes(run)  # their spinner fits the page; inside a fragment it would push the charts about


@st.fragment  # a slider moves two charts: the rest of the page need not be drawn again
def grid() -> None:
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
    drawn = mosaic.beside(run, pair, spacing, n, tuple(frame.colours()))
    left, right = st.columns(2)
    with left:
        frame.draw(drawn.pictures, key="mosaic")
    with right:
        frame.draw(drawn.places, key="beside")
        st.caption(f"The first {min(mosaic.SHOWN, total):,} of {total:,} test pictures.")
    if drawn.explained:
        st.caption(f"This plane holds {drawn.explained:.0%} of the variance of the codes; the rest is at its mean.")


grid()
