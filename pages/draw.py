"""Draw: an image of one's own, encoded and decoded stroke by stroke."""

import numpy as np
import streamlit as st

from ui import chrome
from ui.run_data.selected import require_test_split, selected_run
from ui.session.address import link
from ui.views import drawing
from ui.widgets import images, live, pickers

below_picker = chrome.page(
    "draw",
    "Draw something: with every movement of the pen the encoder turns it into a code, and the decoder draws that code "
    "again. A model can only redraw what it has learnt, so **watch what it makes of things it has never seen**.",
)
run = selected_run(below_picker)
require_test_split(run)
if run.card.shape[0] > 1:
    st.info(
        f"Drawing needs a model of gray images, and this one knows {run.card.short_description}: train one on digits.",
        icon=":material/palette:",
    )
    link("train", "Train a model on digits", dataset="digits")
    st.stop()

key = live.send_model(run)
if key:
    drawing.drawing_pad(key, run)
else:
    x = pickers.upload("draw-file", run.card)
    if x is not None:
        images.single(run.reconstruct(np.stack([x]))[0], "What the model makes of it", "Reconstruction", 112)
drawing.training_data_note(run)
