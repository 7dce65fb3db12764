"""The first screen: a model to play with, the idea told on it, and where to go."""

import streamlit as st

from ui import frame, home

opening = home.opening()
shown = home.ready(opening)
if opening:
    st.query_params.setdefault("run", opening.id)  # who has chosen no run meets this one behind every door
frame.page("Autoencoder laboratory", "**Move over the map: every point is a picture nobody drew.**")
home.stage(shown)
home.doors()
