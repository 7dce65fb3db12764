"""Denoise: spoil a sample and see what the model makes of it."""

import numpy as np
import streamlit as st

from ui import chrome
from ui.run_data.selected import require_test_split, selected_run
from ui.session.address import link
from ui.session.text import escape
from ui.views import denoise, gallery, live_decoding
from ui.widgets import live, pickers, sample_images

below_picker = chrome.page(
    "denoise",
    "Take {a}, spoil it, and let the model draw it again. A model that was trained to denoise does "
    "it best; any other tries with what it knows.",
)
run = selected_run(below_picker)
source, note = st.columns(2, gap="large")
with note:
    st.info(
        f"This model has only ever seen {escape(run.card.short_description)}. Whatever it is given, it draws "
        "something of that kind.",
        icon=":material/visibility:",
    )
    if not run.corrupts:
        noun = run.card.modality.noun
        st.caption(f"The chosen run was not trained to denoise: it never met a corrupted {noun.one}.")
        if (cleaner := gallery.denoiser()) and sample_images.is_image(run.card):
            link("denoise", "Use the pretrained denoiser", run=cleaner.id)
with source:
    x = pickers.image_picker(
        run.card.modality.noun.one.capitalize(), "image", require_test_split(run), run.card, start=3
    )
    denoise.photograph_door(run, "image")
key = live.send_model(run)
if x is None:
    st.info(pickers.NO_IMAGE, icon=":material/draw:")
    st.stop()
if key:
    live_decoding.denoise(key, run, np.nan_to_num(x))
else:
    denoise.show(run, x)
st.caption(
    "Lower MSE and higher PSNR and SSIM (1 is equal) are closer to the original."
    if sample_images.is_image(run.card)
    else "A lower MSE is closer to the original."
)
