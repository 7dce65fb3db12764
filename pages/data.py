"""Data: what there is to learn from."""

import streamlit as st

from aecore.data import datasets
from aecore.data.cards import CARDS
from ui import chrome
from ui.run_data import splits
from ui.session.address import link
from ui.session.failures import or_stop
from ui.widgets import images
from ui.widgets.download import download_button

chrome.page(
    "data",
    "The images that models learn from. Digits and shapes come with the laboratory; the others are "
    "downloaded when you ask for them.",
)

st.markdown(
    "**Your own images.** Pages train on the data sets below. One image of your own can be drawn or uploaded wherever "
    "a page asks for an image, and a photograph can be denoised. In Python, a data set is a card and a function that "
    "loads it (docs/architecture.md)."
)
with st.container(horizontal=True):
    for page_id in ("draw", "reconstruct", "interpolate", "denoise", "denoise_photo"):
        link(page_id)

for card in CARDS.values():
    with st.container(border=True):
        here = datasets.is_available(card.name)
        st.header(card.title, anchor=card.name)
        st.markdown(card.description)
        if here:
            images.rows(
                {"Example test images": or_stop(splits.dataset_preview, card.name)},
                [f"{card.name}, image {i + 1}" for i in range(12)],
                size=64,
            )
        channels, height, width = card.shape
        facts = [
            f"{card.n_train:,} training, {card.n_validation:,} validation and {card.n_test:,} test images",
            f"{height} x {width}, {'colour' if channels == 3 else 'gray'}",
            f"{len(card.classes)} classes: {', '.join(card.classes)}",
            f"Licence: {card.licence}",
            f"Source: {card.source}",
        ]
        st.caption("  \n".join(facts))
        if here:
            st.badge("on this computer", icon=":material/check:", color="green")
        else:
            download_button(card.name)
