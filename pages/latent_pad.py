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
run = frame.chosen_run()
test, places = frame.test_set(run), latent_pad.plane(run)
if places.plane.explained:
    share = f"{sum(places.plane.explained):.0%}"
    st.caption(f"This plane holds {share} of the variance of the codes; all other directions stay at their mean.")
key = live.weights(run)


@st.fragment
def played() -> None:
    """Only this part runs again when the point is let go or a lasso is closed."""
    if key is None:
        latent_pad.nearby(run, test, places, latent_pad.by_hand(run, places))
        return
    point, corners = latent_pad.pad(key, run, places)
    latent_pad.lassoed(run, test, places, corners)
    latent_pad.nearby(run, test, places, point)


played()
