"""Draw: a picture of one's own, encoded and decoded stroke by stroke."""

import numpy as np
import streamlit as st

from ui import frame
from ui.views import latent_pad
from ui.widgets import images, live, pickers

frame.page(
    "Draw",
    "Draw something: with every movement of the pen the encoder turns it into a code, and the decoder draws that code "
    "again. A model can only redraw what it has learnt, so **watch what it makes of things it has never seen**.",
)
run = frame.selected_run()
frame.test_split(run)
if run.card.shape[0] > 1:
    st.info(
        f"Drawing needs a model of gray pictures, and this one knows {run.card.short_description}: train one on "
        f"digits.",
        icon=":material/palette:",
    )
    frame.link("pages/train.py", "Train a model on digits", **{"train-dataset": "digits"})
    st.stop()

key = live.send_model(run)
if key:
    latent_pad.drawing_pad(key, run)
else:
    x = pickers.upload("draw-file", run.card)
    if x is not None:
        images.single(run.reconstruct(np.stack([x]))[0], "What the model redraws", "What it redraws", 112)
latent_pad.training_data_note(run)
