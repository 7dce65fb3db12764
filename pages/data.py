"""Data: what there is to learn from."""

import streamlit as st

from aecore.data import datasets, download
from aecore.data.cards import CARDS
from ui import chrome
from ui.run_data import splits
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.widgets import images

chrome.page(
    "data",
    "The images that models learn from. Digits and shapes come with the laboratory; the others are "
    "downloaded when you ask for them.",
)


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
        elif st.button(
            f"Download ({card.download_bytes / 1e6:.0f} MB)",
            key=f"download-{card.name}",
            icon=":material/download:",
        ):
            bar = st.progress(0.0, f"Downloading {card.title} ...")
            try:
                for share in download.download(card.name):
                    bar.progress(share, f"Downloading {card.title}: {share:.0%}")
            except download.DownloadFailed as error:
                bar.empty()
                st.error(escape(error), icon=":material/wifi_off:")
            else:
                st.rerun()
