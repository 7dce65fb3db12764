"""Denoising drawn by the server, for a model that the browser cannot compute: noise by widgets, images, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis import metrics
from aecore.models import corruptions
from ui.session import choices
from ui.session.address import link
from ui.widgets import images, pickers
from ui.widgets.choice_labels import choice_label

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.modalities import Modality


def photograph_door(run: LoadedModel, scope: str) -> None:
    """The way to where photographs are denoised whole, when the picker of this `scope` has been given one."""
    why = st.session_state.pop(pickers.photograph_key(f"{scope}-file"), "")
    if not why:
        return
    st.info(
        f"This looks like a photograph: {why}. This model shrinks it to {run.card.shape[2]} x {run.card.shape[1]} "
        "and draws what it knows; a network for photographs cleans it whole.",
        icon=":material/photo_camera:",
    )
    link("denoise_photo")


def show(run: LoadedModel, image: np.ndarray) -> None:
    """An image `[C, H, W]`, the same under the noise that is asked for here, and what the model draws of that."""
    clean, kind = image[None], _corruption_picker()
    noisy = _corrupt(clean, kind, run.card.modality)
    cleaned = run.reconstruct(noisy)
    names = ["Original", "Corrupted input", "Reconstruction"]
    size = f"{run.card.shape[2]} x {run.card.shape[1]} pixels"
    images.rows({f"At {size}": np.concatenate([clean, noisy, cleaned])}, names, names, size=260)
    _scores(clean, noisy, cleaned)


def _corruption_picker() -> str:
    kinds = {name: choice_label(name) for name in ("none", *corruptions.CORRUPTIONS)}
    return choices.bound_choice("Corruption", kinds, "corruption", "gaussian", help="What is done to the input.")


def _corrupt(clean: np.ndarray, corruption: str, modality: Modality) -> np.ndarray:
    strength = st.slider(
        "Corruption level",
        0.0,
        1.0,
        0.3,
        0.05,
        **choices.bound_value("corruption-level", 0.3, choices.number(0, 1)),
        disabled=corruption == "none",
        help="Gaussian: the standard deviation, 1 being black to white. The others: the share of pixels hit.",
    )
    seed = st.number_input(
        "Random seed",
        0,
        9999,
        0,
        help="Another seed, other noise of the same kind.",
        **choices.bound_value("seed", 0, choices.whole_number(0, 9999)),
        disabled=corruption == "none",
    )
    if corruption == "none":
        return clean
    return corruptions.corrupt(clean, corruption, strength, int(seed), modality)


def _scores(clean: np.ndarray, noisy: np.ndarray, cleaned: np.ndarray) -> None:
    scores = [
        {
            "against the original": name,
            "MSE": float(metrics.mse(clean, y)[0]),
            "PSNR (dB)": float(metrics.psnr(clean, y)[0]),
            "SSIM": float(metrics.ssim(clean, y)[0]),
        }
        for name, y in (("corrupted input", noisy), ("reconstruction", cleaned))
    ]
    better = metrics.mse(clean, cleaned)[0] < metrics.mse(clean, noisy)[0]
    decimals = {"MSE": 4, "PSNR (dB)": 2, "SSIM": 3}
    st.dataframe(
        scores,
        hide_index=True,
        alt=f"MSE, PSNR and SSIM before and after; after it is {'better' if better else 'worse'}.",
        column_config={name: st.column_config.NumberColumn(format=f"%.{d}f") for name, d in decimals.items()},
    )
