"""Gallery: the models that came with the laboratory."""

import streamlit as st

from aecore.content.gallery import list_runs
from ui import chrome
from ui.views import beta_sweep, gallery

chrome.page(
    "gallery",
    "Trained models to play with at once, also where no data set was downloaded. First a series over one setting, then "
    "all of them.",
)
models = gallery.pretrained_models(list_runs())
if not models:
    st.info("There is no model in pretrained/: fetch the laboratory's files again.", icon=":material/info:")
    st.stop()
by_beta = beta_sweep.models_by_beta(models)
place = st.container(key=beta_sweep.KEY) if len(by_beta) > 1 else None
gallery.model_cards(models)  # drawn first: the sweep waits for torch
if place:
    with place:
        st.fragment(beta_sweep.beta_slider)(by_beta)
