"""Latent pad: the picture of every place of the latent space, under the pointer."""

import streamlit as st

from ui import frame
from ui.views import latent_pad
from ui.widgets import live

frame.page(
    "Latent pad",
    "Every place on this map is a code, and the decoder draws it while you move: **drag the point** across the map and "
    "see how one picture turns into another. The dots are the codes of the test pictures; between and beyond them the "
    "model makes things up.",
)
run = frame.selected_run()
test, plane_map = frame.test_split(run), latent_pad.latent_plane(run)
if plane_map.plane.explained_variance_ratio:
    share = f"{sum(plane_map.plane.explained_variance_ratio):.0%}"
    st.caption(f"This plane holds {share} of the variance of the codes; all other directions stay at their mean.")
key = live.send_model(run)


@st.fragment
def explorer() -> None:
    """Only this part runs again when the point is let go or a lasso is closed."""
    if key is None:
        latent_pad.nearest_samples(run, test, plane_map, latent_pad.server_pad(run, plane_map))
        return
    point, corners = latent_pad.pad(key, run, plane_map)
    latent_pad.lasso_selection(run, test, plane_map, corners)
    latent_pad.nearest_samples(run, test, plane_map, point)


explorer()
