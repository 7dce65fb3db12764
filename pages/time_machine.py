"""Time machine: what the model made of the same test images while it learnt."""

import streamlit as st

from ui import chrome
from ui.run_data import packed
from ui.run_data.selected import require_test_split, selected_run
from ui.session.text import escape
from ui.views import replay
from ui.widgets import glossary

below_picker = chrome.page(
    "time_machine",
    "While this model learnt, we kept looking at what it made of the same test {many}. **Move the slider or press "
    "Play:** noise turns into {many}, and {many} that look alike gather on the map.",
)
run = selected_run(below_picker)
test = require_test_split(run)
recording = packed.replay(run)
if recording is None:
    replay.no_snapshots(run)
    st.stop()

replay.player(run, recording)
replay.gif_button(run, test.y[: recording.head["count"]])

many = run.card.modality.noun.many
across, up = recording.head["axis_names"]
st.caption(
    f"Map, manifold and reconstructions show test {many}; the losses are those of the training {many} and of "
    f"validation {many}. The manifold covers the 1st to the 99th percentile of the codes of each epoch"
    + (", the dashed frame on the map. " if up else ". ")
    + "The map's axes stay the same at every epoch; the few points beyond them lie on its edge."
)
if across == "PC1":
    st.caption(
        f"These codes have {recording.head['code_size']} latent dimensions. The map is the plane of their first two "
        "principal components, found anew at each epoch and turned as little as possible from one to the next, so "
        "that it does not spin."
    )
if run.model.is_conditional:
    st.caption(f"This model is told the class: its manifold is drawn as {escape(run.card.classes[0])}.")
glossary.header("Manifold over training", "The same grid of codes, decoded at a few moments of the training.")
replay.key_frames(recording)
