"""Denoise: spoil a picture and see what the model makes of it."""

import streamlit as st

from ui import frame
from ui.views import denoise, gallery, live_decoding
from ui.widgets import live, pickers

frame.page(
    "Denoise",
    "Take a picture, spoil it, and let the model draw it again. A model that was trained to denoise does "
    "it best; any other tries with what it knows.",
)
run = frame.chosen_run()
source, known = st.columns(2, gap="large")
with known:
    st.info(
        f"This model has only ever seen {run.card.knows}. Whatever it is given, it draws something of that kind.",
        icon=":material/visibility:",
    )
    if not run.corrupts:
        st.caption("The chosen run was not trained to denoise: it never met a corrupted picture.")
        if cleaner := gallery.denoiser():
            frame.link("pages/denoise.py", "Take the gallery's denoiser", run=cleaner.id)
with source:
    x = pickers.picture("Picture", "picture", frame.test_set(run), run.card, start=3)
key = live.weights(run)
if x is None:
    st.info("Upload a picture to begin.", icon=":material/upload:")
    st.stop()
if key:
    live_decoding.denoise(key, run, x)
else:
    denoise.shown(run, x)
st.caption("Lower MSE and higher PSNR and SSIM (1 is equal) are closer to the original.")
