"""Gallery: the models that came with the laboratory."""

import streamlit as st

from aecore.content.gallery import list_runs
from ui import chrome
from ui.views import gallery

chrome.page(
    "gallery",
    "Trained models to play with at once: every page works on them, also where no data set was downloaded. Each has a "
    "card with its test metrics, and is remade by one command.",
)
models = gallery.pretrained_models(list_runs())
if not models:
    st.info("There is no model in pretrained/: fetch the laboratory's files again.", icon=":material/info:")
gallery.model_cards(models)
st.fragment(gallery.beta_slider)(models)
