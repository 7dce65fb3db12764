"""Reconstructions of test images: which ones, side by side with their originals and errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.session import choices
from ui.session.failures import or_stop
from ui.views import details
from ui.widgets import pickers, sample_images

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split

N_IMAGES = 10
ORDERS = {"random": "Random", "lowest": "Lowest error", "highest": "Highest error", "indices": "By index"}


def row_form(run: LoadedModel, test: Split, mse: np.ndarray) -> np.ndarray:
    """Asks which test samples to show; their rows, at most N_IMAGES."""
    controls, noun = st.columns([3, 2, 2], vertical_alignment="bottom"), run.card.modality.noun
    order = choices.bound_choice(f"Test {noun.many}", ORDERS, "order", container=controls[0])
    label = "all"
    if run.card.labelled:
        label = choices.bound_choice(
            "Class", {"all": "All classes"} | {name: name for name in run.card.classes}, "class", widget="select",
            container=controls[1],
        )  # fmt: skip
    rows = np.arange(len(test)) if label == "all" else np.flatnonzero(test.y == run.card.classes.index(label))
    if order == "indices":
        first = "0, 1, 2, 3, 4"
        # an empty parameter would leave the address
        typed = choices.bound_value("indices", first, str.strip, lambda text: text or " ")
        text = controls[2].text_input(f"Test {noun.one} indices", first, **typed)
        rows = or_stop(pickers.parse_indices, text, len(test))
    elif order == "random":
        seed = controls[2].number_input(
            "Random seed",
            0,
            9999,
            0,
            help=f"Another seed, other {noun.many}.",
            **choices.bound_value("seed", 0, choices.whole_number(0, 9999)),
        )
        rows = np.random.default_rng(seed).permutation(rows)
    else:
        rows = rows[np.argsort(mse[rows] * (1 if order == "lowest" else -1), kind="stable")]
    return rows[:N_IMAGES]


def show_rows(run: LoadedModel, test: Split, mse: np.ndarray, rows: np.ndarray) -> None:
    """Test samples of these rows, their reconstructions and where the two differ, with the MSE of each below."""
    if not len(rows):
        st.info("No test sample has this class: choose another one.", icon=":material/info:")
        return
    modality, x = run.card.modality, test.observed(rows)
    shown, differences, made = {"Decoded from their codes": x}, {}, None
    if not test.synthetic:
        made = run.reconstruct(test.to_float(rows), test.y[rows])
        shown, differences = {"Original": x, "Reconstruction": made}, {"Error": (x, made)}
    names = sample_images.sample_names(run.card, test.y[rows], rows)
    sample_images.rows(
        modality,
        shown,
        alt=[f"{name}, MSE {mse[row]:.4f}" for name, row in zip(names, rows, strict=True)],
        captions=[f"{mse[row]:.3f}" for row in rows],
        file_name=f"{run.id}-reconstructions",
        differences=differences,
    )
    what = f"mean squared error (MSE) per {modality.noun.value}"
    st.caption(
        f"Below each: how far it is from the test {modality.noun.one}, {what}."
        if test.synthetic
        else f"Below each: its {what}. {modality.difference_legend}"
    )
    if made is not None:
        details.show(run, x, made, names)
