"""Time machine: what the model made of the same test pictures while it learnt."""

import streamlit as st

from ui import frame, shared
from ui.views import replay

frame.page(
    "Time machine",
    "While this model learnt, we kept looking at what it made of the same test pictures. **Move the slider or press "
    "Play:** noise turns into pictures, and pictures that look alike gather on the map.",
)
run = frame.selected_run()
test = frame.test_split(run)
packed = shared.replay(run)
if packed is None:
    replay.no_snapshots(run)
    st.stop()

replay.player(run, packed)
replay.gif_button(run, test.y[: packed.head["count"]])

across, up = packed.head["names"]
st.caption(
    "Map, manifold and reconstructions show test pictures; the losses are those of the training pictures and of "
    "held-out (validation) pictures. The manifold covers the 1st to the 99th percentile of the codes of each epoch"
    + (", the dashed frame on the map. " if up else ". ")
    + "The map's axes stay the same at every epoch; the few points beyond them lie on its edge."
)
if across == "PC1":
    st.caption(
        f"These codes have {packed.head['size']} numbers. The map is the plane of their first two principal "
        "components, found anew at each epoch and turned as little as possible from one to the next, so that it "
        "does not spin."
    )
if run.model.is_conditional:
    st.caption(f"This model is told the class: its manifold is drawn as {run.card.classes[0]}.")
st.header("The manifold at a few moments")
replay.key_frames(packed)
