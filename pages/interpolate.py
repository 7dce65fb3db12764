"""Interpolate: walk from one sample to another, and move one number of a code at a time."""

import numpy as np
import streamlit as st

from ui import chrome
from ui.run_data import splits
from ui.run_data.selected import require_test_split, selected_run
from ui.session import choices
from ui.session.text import escape
from ui.views import interpolation, live_decoding
from ui.widgets import glossary, live, pickers

below_picker = chrome.page(
    "interpolate",
    "Drag from one {one} to another through the latent space. Beside it the plain cross-fade of {value}s, "
    "which is what such a walk has to beat.",
)
run = selected_run(below_picker)
test, codes = require_test_split(run), splits.codes(run)

left, right = st.columns(2, gap="large")
with left:
    a = pickers.image_picker("From", "from", test, run.card, start=0)
with right:
    b = pickers.image_picker("To", "to", test, run.card, start=1)
if a is None or b is None:
    st.info(pickers.NO_IMAGE, icon=":material/draw:")
    st.stop()
a, b = np.nan_to_num(a), np.nan_to_num(b)  # as models get what is missing
ends = run.encode(np.stack([a, b]))
path = choices.bound_choice(
    "Interpolation",
    {"linear": "Linear", "slerp": "Spherical (slerp)"},
    "interpolation",
    help="Linear: the straight line. Spherical: along a circle around the origin, so that the length of the "
    "code does not shrink on the way; it suits codes that fill a normal distribution of many dimensions.",
)
if run.model.is_conditional:
    name = escape(run.card.classes[run.class_label])
    st.caption(f"This model is told the class: codes are decoded as {name}, whatever they came from (see the sidebar).")
key = live.send_model(run)
if key:
    live_decoding.interpolation(key, run, np.stack([a, b]), ends, path)
interpolation.show_path(run, np.stack([a, b]), ends, path)

changed = f"Move one latent dimension at a time, and see what it changes in the {run.card.modality.noun.one}."
glossary.header("Latent traversal", changed)
if key:
    live_decoding.sliders(key, run, np.stack([a, b]), ends)
else:
    interpolation.server_sliders(run, {"From": ends[0], "To": ends[1], "Mean code": codes.mean(axis=0)})
