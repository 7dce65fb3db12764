"""Draw: an image of one's own, encoded and decoded stroke by stroke."""

import numpy as np
import streamlit as st

from ui import chrome
from ui.run_data.selected import require_test_split, selected_run
from ui.session.address import link
from ui.session.text import escape
from ui.views import drawing
from ui.widgets import images, live, pickers
from ui.widgets.sketch import can_draw

below_picker = chrome.page("draw", "")
with st.container(key=drawing.LEAD_KEY):
    drawing.show_lead()
run = selected_run(below_picker)
place = st.container()
require_test_split(run)  # what it says of them stands below the sheet
if not can_draw(run.card):
    st.info(
        f"Drawing needs a model of gray images, and this one knows {escape(run.card.short_description)}: train one on "
        "digits.",
        icon=":material/palette:",
    )
    link("train", "Train a model on digits", dataset="digits")
    st.stop()

with place:
    key = live.send_model(run)
    if key:
        drawing.drawing_pad(key, run)
    else:
        x = pickers.upload("draw-file", run.card)
        if x is not None:
            images.single(run.reconstruct(np.stack([x]))[0], "What the model makes of it", "Reconstruction", 112)
drawing.training_data_note(run)
