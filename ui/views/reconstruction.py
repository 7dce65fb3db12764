"""Reconstructions of test images: which ones, side by side with their originals and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.data import images as encoded
from ui.session import choices
from ui.session.failures import or_stop
from ui.widgets import images, pickers

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split

N_IMAGES = 10
ORDERS = {"random": "Random", "lowest": "Lowest error", "highest": "Highest error", "indices": "By index"}


def row_form(run: LoadedModel, test: Split, mse: np.ndarray) -> np.ndarray:
    """Asks which test images to show; their rows, at most N_IMAGES."""
    controls = st.columns([3, 2, 2], vertical_alignment="bottom")
    order = choices.bound_choice("Test images", ORDERS, "order", container=controls[0])
    label = choices.bound_choice(
        "Class", {"all": "All classes"} | {name: name for name in run.card.classes}, "class", widget="select",
        container=controls[1],
    )  # fmt: skip
    rows = np.arange(len(test)) if label == "all" else np.flatnonzero(test.y == run.card.classes.index(label))
    if order == "indices":
        first = "0, 1, 2, 3, 4"
        # an empty parameter would leave the address
        typed = choices.bound_value("indices", first, str.strip, lambda text: text or " ")
        text = controls[2].text_input("Test image indices", first, **typed)
        rows = or_stop(pickers.parse_indices, text, len(test))
    elif order == "random":
        seed = controls[2].number_input(
            "Random seed",
            0,
            9999,
            0,
            help="Another seed, other images.",
            **choices.bound_value("seed", 0, choices.whole_number(0, 9999)),
        )
        rows = np.random.default_rng(seed).permutation(rows)
    else:
        rows = rows[np.argsort(mse[rows] * (1 if order == "lowest" else -1), kind="stable")]
    return rows[:N_IMAGES]


def show_rows(run: LoadedModel, test: Split, mse: np.ndarray, rows: np.ndarray) -> None:
    """Test images of these rows, their reconstructions and signed errors, with the MSE of each below."""
    x = test.to_float(rows)
    if test.synthetic:
        shown = {"Decoded from their codes": x}
    else:
        reconstructions = run.reconstruct(x, test.y[rows])
        error = encoded.signed_error_map(x, reconstructions)
        shown = {"Original": x, "Reconstruction": reconstructions, "Error": error}
    images.rows(
        shown,
        alt=[f"{run.card.classes[test.y[row]]}, test image {row}, MSE {mse[row]:.4f}" for row in rows],
        captions=[f"{mse[row]:.3f}" for row in rows],
        file_name=f"{run.id}-reconstructions",
    )
    st.caption(
        "Below each: how far it is from the test image, mean squared error (MSE) per pixel."
        if test.synthetic
        else "Below each: its mean squared error (MSE) per pixel. In the error map orange is too bright, blue too dark."
    )
