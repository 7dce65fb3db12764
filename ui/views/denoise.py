"""Denoising drawn by the server, for a model that the browser cannot compute: noise by widgets, pictures, scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis import metrics
from aecore.models import corruptions
from ui.session import choices
from ui.session.address import link
from ui.widgets import pickers, sample_images
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
    """A sample `[*shape]`, NaN where a value is missing, the same under the noise that is asked for here, and what the
    model draws of that."""
    modality, kind = run.card.modality, _corruption_picker()
    noisy = _corrupt(np.nan_to_num(image[None]), kind, modality)
    cleaned = run.reconstruct(noisy)
    names = ["Original", "Corrupted input", "Reconstruction"]
    drawn = np.concatenate([image[None], noisy, cleaned])
    sample_images.rows(modality, {f"At {modality.size}": drawn}, names, names, size=260)
    _scores(image[None], noisy, cleaned, sample_images.is_image(run.card))


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
        help=f"Gaussian: the standard deviation, {_unit(modality)}. The others: the share of "
        f"{modality.noun.value}s hit.",
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


def _unit(modality: Modality) -> str:
    """What the standard deviation of noise is measured by."""
    return "1 being black to white" if modality.bounded else "1 being that of the data"


def _scores(clean: np.ndarray, noisy: np.ndarray, cleaned: np.ndarray, of_images: bool) -> None:
    """PSNR and SSIM are measures of images in [0, 1]; other samples have their MSE alone."""
    measures = {"MSE": metrics.mse} | ({"PSNR (dB)": metrics.psnr, "SSIM": metrics.ssim} if of_images else {})
    scores = [
        {"against the original": name} | {called: float(measure(clean, y)[0]) for called, measure in measures.items()}
        for name, y in (("corrupted input", noisy), ("reconstruction", cleaned))
    ]
    better = metrics.mse(clean, cleaned)[0] < metrics.mse(clean, noisy)[0]
    decimals = {"MSE": 4, "PSNR (dB)": 2, "SSIM": 3}
    st.dataframe(
        scores,
        hide_index=True,
        alt=f"{'MSE, PSNR and SSIM' if of_images else 'MSE'} before and after; after it is "
        f"{'better' if better else 'worse'}.",
        column_config={
            name: st.column_config.NumberColumn(format=f"%.{d}f") for name, d in decimals.items() if name in measures
        },
    )
