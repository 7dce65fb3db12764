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
run = frame.selected_run()
frame.test_split(run)
request = latent_map.request_form(run)
codes = shared.codes(run, request.subset)

latent_map.show(run, request)
share = f"{request.count:,} of " if request.count < len(codes) else ""
st.caption(f"{share}{len(codes):,} {request.subset} pictures, {codes.shape[1]} numbers each.")
if request.projection in latent_map.ITERATIVE:
    st.caption(
        "Mind: this map keeps neighbours, not distances. Gaps and sizes of clusters say little, and clusters "
        "appear in the raw pixels too, so they do not prove that the model has understood anything."
    )
with st.expander("How many directions do the codes fill?", expanded=request.projection == "PCA"):
    frame.show_chart(
        charts.explained_variance(shared.explained_variance(run, request.subset), frame.class_colours()[0])
    )
