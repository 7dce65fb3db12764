"""A button that fetches a data set, and what came of it."""

from __future__ import annotations

import streamlit as st

from aecore.data import download
from aecore.data.cards import CARDS
from ui.session.text import escape


def download_button(name: str) -> None:
    """Downloads a data set when it is pressed, with its progress; starts the page again when the data are there."""
    card = CARDS[name]
    if not st.button(
        f"Download ({card.download_bytes / 1e6:.0f} MB)", key=f"download-{name}", icon=":material/download:"
    ):
        return
    bar = st.progress(0.0, f"Downloading {card.title} ...")
    try:
        for share in download.download(name):
            bar.progress(share, f"Downloading {card.title}: {share:.0%}")
    except download.DownloadFailed as error:
        bar.empty()
        st.error(escape(error), icon=":material/wifi_off:")
    else:
        st.rerun()
