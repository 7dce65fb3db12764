"""Interpolate: walk from one picture to another, and move one number of a code at a time."""

import numpy as np
import streamlit as st

from aecore.analysis import latent_space
from aecore.data import images as pictures
from ui import frame, shared
from ui.views import live_decoding
from ui.widgets import images, live, pickers

frame.page(
    "Interpolate",
    "Drag from one picture to another through the latent space. Beside it the plain cross-fade of pixels, "
    "which is what such a walk has to beat.",
)
run = frame.selected_run()
test, codes = frame.test_split(run), shared.codes(run)

left, right = st.columns(2, gap="large")
with left:
    a = pickers.image_picker("From", "a", test, run.card, start=0)
with right:
    b = pickers.image_picker("To", "b", test, run.card, start=1)
if a is None or b is None:
    st.stop()
ends = run.encode(np.stack([a, b]))
path = st.segmented_control(
    "Path",
    list(latent_space.INTERPOLATIONS),
    default="linear",
    required=True,
    key="path",
    bind="query-params",
    help="linear: the straight line. spherical: along a circle around the origin, so that the length of the "
    "code does not shrink on the way; it suits codes that fill a normal distribution of many dimensions.",
)
if run.model.is_conditional:
    name = run.card.classes[run.class_label]
    st.caption(f"This model is told the class: codes are drawn as {name}, whatever they came from (see the sidebar).")
key = live.send_model(run)
if key:
    live_decoding.interpolation(key, run, np.stack([a, b]), ends, path)
frames = run.decode(latent_space.INTERPOLATIONS[path](ends[0], ends[1], 10))
fade = latent_space.crossfade(a, b, 10)
shares = [f"{share:.0%}" for share in np.linspace(0, 1, 10)]
images.rows(
    {"Through the codes": frames, "Through the pixels": fade},
    [f"{share} of the way" for share in shares],
    shares,
)
both = pictures.image_grid(np.concatenate([frames, fade]), 10)
with st.container(horizontal=True):
    st.download_button(
        "GIF",
        lambda: pictures.gif(frames, max(1, 224 // frames.shape[-1])),
        f"{run.id}.gif",
        "image/gif",
        icon=":material/animation:",
        on_click="ignore",
    )
    st.download_button(
        "PNG",
        lambda: pictures.png(both, 4),
        f"{run.id}.png",
        "image/png",
        icon=":material/image:",
        on_click="ignore",
    )

st.header("One number at a time")


@st.fragment
def sliders() -> None:
    """Drawn by the server: only this part runs again when a slider is let go."""
    start = st.segmented_control("Start from", ["From", "To", "mean"], default="From", required=True, key="start")
    origin = {"From": ends[0], "To": ends[1], "mean": codes.mean(0)}[start]
    knobs, view = st.columns([3, 2], gap="large")
    with knobs:
        code = pickers.code_sliders(origin, run, f"{start}-{hash(origin.tobytes())}")
    with view, st.container(key="ae-beside"):  # stays in sight beside many sliders
        images.single(run.decode(code[None])[0], f"The picture at code {np.round(code[:8], 2).tolist()}", "Decoded")


if key:
    live_decoding.sliders(key, run, np.stack([a, b]), ends)
else:
    sliders()
