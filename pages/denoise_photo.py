"""Photograph: one's own photograph, cleaned of its noise."""

import streamlit as st

from ui import chrome
from ui.views import photo

chrome.page(
    "denoise_photo",
    "Upload a photograph with grain in it, and a denoising autoencoder cleans it at its own size: **drag the edge to "
    "see before and after**. Or add noise to a good one, and see how much of it comes back.",
)
net = photo.load_network()
source, note = st.columns(2, gap="large")
with source:
    which = photo.photo_picker()
    x = photo.load_image(which)
    noisy = None if x is None else photo.noise_form(x, own=which == photo.UPLOAD)
with note:
    photo.model_note()
if x is None:
    st.info("Upload a photograph to begin. It stays in this laboratory.", icon=":material/upload:")
    st.stop()
x_in = x if noisy is None else noisy
photo.show_comparison(x, x_in, photo.denoise(net, x_in), noisy is not None)
