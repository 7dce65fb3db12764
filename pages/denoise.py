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
run = frame.selected_run()
source, note = st.columns(2, gap="large")
with note:
    st.info(
        f"This model has only ever seen {run.card.short_description}. Whatever it is given, it draws something of "
        f"that kind.",
        icon=":material/visibility:",
    )
    if not run.corrupts:
        st.caption("The chosen run was not trained to denoise: it never met a corrupted picture.")
        if cleaner := gallery.denoiser():
            frame.link("pages/denoise.py", "Take the gallery's denoiser", run=cleaner.id)
with source:
    x = pickers.image_picker("Picture", "picture", frame.test_split(run), run.card, start=3)
key = live.send_model(run)
if x is None:
    st.info("Upload a picture to begin.", icon=":material/upload:")
    st.stop()
if key:
    live_decoding.denoise(key, run, x)
else:
    denoise.show(run, x)
st.caption("Lower MSE and higher PSNR and SSIM (1 is equal) are closer to the original.")
