"""Latent map: where images live."""

import streamlit as st

from ui import chrome
from ui.run_data import splits, statistics
from ui.run_data.selected import require_test_split, selected_run
from ui.views import latent_map
from ui.widgets import charts
from ui.widgets.display import class_colours, show_chart

below_picker = chrome.page(
    "latent_map",
    "Each point is the code of one {one}. Points that lie close are {many} that the model finds alike. "
    "**Click a point, or draw a lasso around some,** to see the {many}.",
)
run = selected_run(below_picker)
require_test_split(run)
request = latent_map.request_form(run)
codes, noun = splits.codes(run, request.subset), run.card.modality.noun

latent_map.show(run, request)
share = f"{request.count:,} of " if request.count < len(codes) else ""
st.caption(f"{share}{len(codes):,} {request.subset} {noun.many}, {codes.shape[1]} latent dimensions.")
if request.projection in latent_map.ITERATIVE:
    st.caption(
        "Mind: this projection keeps neighbours, not distances. Gaps and sizes of clusters say little, and clusters "
        f"appear in the raw {noun.value}s too, so they do not prove that the model has understood anything."
    )
with st.expander("Explained variance of the principal components", expanded=request.projection == "PCA"):
    show_chart(charts.explained_variance(statistics.explained_variance(run, request.subset), class_colours()[0]))
