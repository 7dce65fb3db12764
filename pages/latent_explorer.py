"""Latent explorer: the image of every place of the latent space, under the pointer."""

import streamlit as st

from ui import chrome
from ui.run_data.selected import require_test_split, selected_run
from ui.views import latent_explorer
from ui.widgets import live

below_picker = chrome.page(
    "latent_explorer",
    "Every place on this map is a code, and the decoder draws it while you move: **drag the point** across the map and "
    "see how one {one} turns into another. The dots are the codes of the test {many}; between and beyond them the "
    "model makes things up.",
)
run = selected_run(below_picker)
test, plane_map = require_test_split(run), latent_explorer.latent_plane(run)
if plane_map.plane.explained_variance_ratio:
    share = f"{sum(plane_map.plane.explained_variance_ratio):.0%}"
    st.caption(
        f"Explained variance of this plane: {share} of the variance of the codes. All other directions stay at their "
        "mean."
    )
key = live.send_model(run)


@st.fragment
def explorer() -> None:
    """Only this part runs again when the point is let go, the map comes to rest or a lasso is closed."""
    if key is None:
        latent_explorer.nearest_samples(run, test, plane_map, latent_explorer.server_pad(run, plane_map))
        return
    latent_explorer.explore(key, run, test, plane_map)


explorer()
