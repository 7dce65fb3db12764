"""Interpolation drawn by the server: a path through the latent space beside the cross-fade of pixels, and sliders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis import latent_space
from aecore.data import images as encoded
from ui.widgets import pickers, sample_images

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_STEPS = 10
PATHS = latent_space.INTERPOLATIONS


def show_path(run: LoadedModel, ends: np.ndarray, codes: np.ndarray, path: str) -> None:
    """Samples decoded along a path between two `codes` `[2, D]`, and below them the values of the `ends`
    `[2, *shape]` faded into each other; both as files."""
    modality = run.card.modality
    frames = run.decode(PATHS[path](codes[0], codes[1], N_STEPS))
    fade = latent_space.crossfade(ends[0], ends[1], N_STEPS)
    shares = [f"{share:.0%}" for share in np.linspace(0, 1, N_STEPS)]
    sample_images.rows(
        modality,
        {"Latent interpolation": frames, f"{modality.noun.value.capitalize()} interpolation (cross-fade)": fade},
        [f"{share} of the way" for share in shares],
        shares,
    )
    frames, fade = modality.render(frames), modality.render(fade)  # as pictures
    both = encoded.image_grid(np.concatenate([frames, fade]), N_STEPS)
    with st.container(horizontal=True):
        st.download_button(
            "GIF",
            lambda: encoded.gif(frames, max(1, 224 // frames.shape[-1])),
            f"{run.id}.gif",
            "image/gif",
            icon=":material/animation:",
            on_click="ignore",
        )
        st.download_button(
            "PNG",
            lambda: encoded.png(both, 4),
            f"{run.id}.png",
            "image/png",
            icon=":material/image:",
            on_click="ignore",
        )


@st.fragment  # only this part runs again when a slider is let go
def server_sliders(run: LoadedModel, starts: Mapping[str, np.ndarray]) -> None:
    """A slider for each dimension of a code `[D]`, from one of the `starts`, and what the code decodes to."""
    start = st.segmented_control("Start from", list(starts), default="From", required=True, key="start")
    origin = starts[start]
    sliders, view = st.columns([3, 2], gap="large")
    with sliders:
        code = pickers.code_sliders(origin, run, f"{start}-{hash(origin.tobytes())}")
    with view, st.container(key="ae-sticky"):  # stays in sight beside many sliders
        words = f"The {run.card.modality.noun.one} decoded at code {np.round(code[:8], 2).tolist()}"
        sample_images.single(run.card.modality, run.decode(code[None])[0], words, "Decoded")
