"""The first screen: what this is, a model to look at, and where to go."""

import streamlit as st

from aecore import runs
from ui import frame

frame.page(
    "Autoencoder laboratory",
    "An autoencoder squeezes each picture through a few numbers and draws it again from them. Those numbers "
    "are a map: **similar pictures lie close together, and every point between is a picture nobody drew.**",
)

showcase = next((entry for entry in runs.entries() if entry.gallery and entry.finished), None)
picture, doors = st.columns(2, gap="large")
with picture:
    if showcase and showcase.config:
        st.image(
            (runs.path(showcase.id) / "thumbnail.png").read_bytes(),
            width="stretch",
            caption="Drawn from 64 points of the map that a small autoencoder made of handwritten digits.",
            alt="A grid of digits drawn by a trained autoencoder; neighbours look alike.",
        )
with doors:
    gallery = showcase.id if showcase else None
    for file, title, words in (
        (
            "pages/interpolate.py",
            "Morph",
            "Turn one picture into another, or move one number of its code at a time.",
        ),
        (
            "pages/latent_map.py",
            "Explore",
            "See where each of the test pictures lies, and which ones are neighbours.",
        ),
        (
            "pages/train.py",
            "Train your own",
            "Choose data and a family; on the digits it takes a few seconds.",
        ),
        ("pages/denoise.py", "Clean a picture", "Upload one, spoil it, and see what the model makes of it."),
    ):
        with st.container(border=True):
            frame.link(file, title, run=st.query_params.get("run") or gallery)
            st.markdown(words)
