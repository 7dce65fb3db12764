"""Photograph: one's own photograph, cleaned of its noise."""

import streamlit as st

from ui import frame
from ui.views import photo

frame.page(
    "Photograph",
    "Upload a photograph with grain in it, and a denoising autoencoder cleans it at its own size: **drag the edge to "
    "see before and after**. Or add noise to a good one, and see how much of it comes back.",
)
net = photo.network()
source, known = st.columns(2, gap="large")
with source:
    which = photo.choice()
    x = photo.picture(which)
    noisy = None if x is None else photo.spoilt(x, own=which == photo.UPLOAD)
with known:
    photo.known()
if x is None:
    st.info("Upload a photograph to begin. It stays in this laboratory.", icon=":material/upload:")
    st.stop()
given = x if noisy is None else noisy
photo.compared(x, given, photo.cleaned(net, given), noisy is not None)
