"""Latent pad: the picture of every place of the latent space, under the pointer."""

import streamlit as st

from ui import frame, live, pad

frame.page(
    "Latent pad",
    "Every place on this map is a code, and the decoder draws it while you move: **drag the point** across the map and "
    "see how one picture turns into another. The dots are the codes of the test pictures; between and beyond them the "
    "model makes things up.",
)
run = frame.chosen_run()
test, places = frame.test_set(run), pad.plane(run)
if places.plane.explained:
    share = f"{sum(places.plane.explained):.0%}"
    st.caption(f"This plane holds {share} of the variance of the codes; all other directions stay at their mean.")
key = live.weights(run)


@st.fragment
def played() -> None:
    """Only this part runs again when the point is let go or a lasso is closed."""
    if key is None:
        pad.nearby(run, test, places, pad.by_hand(run, places))
        return
    point, corners = pad.pad(key, run, places)
    pad.lassoed(run, test, places, corners)
    pad.nearby(run, test, places, point)


played()
