"""Latent map: where pictures live."""

import streamlit as st

from ui import frame, shared
from ui.views import latent_map
from ui.widgets import charts

frame.page(
    "Latent map",
    "Each point is the code of one picture. Points that lie close are pictures that the model finds alike. "
    "**Click a point, or draw a lasso around some,** to see the pictures.",
)
run = frame.chosen_run()
frame.test_set(run)
want = latent_map.wanted(run)
codes = shared.codes(run, want.part)

latent_map.show(run, want)
share = f"{want.count:,} of " if want.count < len(codes) else ""
st.caption(f"{share}{len(codes):,} {want.part} pictures, {codes.shape[1]} numbers each.")
if want.kind in latent_map.SLOW:
    st.caption(
        "Mind: this map keeps neighbours, not distances. Gaps and sizes of clusters say little, and clusters "
        "appear in the raw pixels too, so they do not prove that the model has understood anything."
    )
with st.expander("How many directions do the codes fill?", expanded=want.kind == "PCA"):
    frame.draw(charts.shares(shared.explained(run, want.part), frame.colours()[0]))
