"""Data: what there is to learn from."""

import numpy as np
import streamlit as st

from aecore import data
from ui import frame, images

frame.page(
    "Data",
    "The pictures that models learn from. Digits and shapes come with the laboratory; the others are "
    "downloaded when you ask for them.",
)


@st.cache_resource(max_entries=16, show_spinner=False)
def sample(name: str) -> np.ndarray:
    """A few test pictures, one or two of each class."""
    test = data.load(name).test
    rows = [int(row) for label in np.unique(test.labels) for row in np.flatnonzero(test.labels == label)[:4]]
    return test.floats(np.array(rows[:: max(1, len(rows) // 12)][:12]))


for card in data.CARDS.values():
    with st.container(border=True):
        here = data.is_here(card.name)
        st.subheader(card.title, anchor=card.name)
        st.markdown(card.what)
        if here:
            images.rows(
                {"Some of its test pictures": frame.attempt(sample, card.name)},
                [f"{card.name}, picture {i + 1}" for i in range(12)],
                size=64,
            )
        channels, height, width = card.shape
        facts = [
            f"{card.train:,} training, {card.validation:,} validation and {card.test:,} test pictures",
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
                for share in data.download(card.name):
                    bar.progress(share, f"Downloading {card.title}: {share:.0%}")
            except data.DownloadFailed as error:
                bar.empty()
                st.error(str(error), icon=":material/wifi_off:")
            else:
                st.rerun()
