"""The drawing pad: what the browser is given to make a drawing into an image of the data set's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ui.run_data import packed, splits, statistics
from ui.session.failures import or_stop
from ui.views import live_decoding
from ui.widgets import images, live

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.cards import DatasetCard

# How the makers of a data set brought what was written into an image: `box`, the pixels that its longer side fills;
# `centre_of_mass`, whether that comes into the middle, not that of the frame; and the pen that comes near theirs.
_MNIST_PREPROCESS = {"box": 20, "centre_of_mass": True, "label": "Centre and scale (as MNIST)"}
_DRAWING_PREPROCESS: dict[str, tuple[dict[str, Any], float]] = {
    "digits": ({"box": 8, "centre_of_mass": False, "label": "Scale to the whole image (as the data set)"}, 0.12),
    "mnist": (_MNIST_PREPROCESS, 0.1),
    "kmnist": ({"box": 26, "centre_of_mass": False, "label": "Scale to the whole image (as the data set)"}, 0.06),
    "fashion_mnist": (
        {"box": 26, "centre_of_mass": False, "label": "Scale to the whole image (as the data set)"},
        0.12,
    ),
}
_DEFAULT_PEN_WIDTH = 0.15


def drawing_pad(model: str, run: LoadedModel) -> None:
    """A sheet to draw on, and what the model makes of the drawing at every movement. Nothing comes back."""
    two = splits.codes(run).shape[1] < 3
    places = or_stop(packed.plane_map, run, (0, 1) if two else None)
    usual = np.quantile(statistics.errors(run), (0.5, 0.9, 0.99)).tolist()
    given = live_decoding.plane_payload(places, run) | drawing_preprocess(run.card) | {"error_quantiles": usual}
    live.view("draw", model, f"draw-{live_decoding.plane_key(places, run)}", given)
    if places.plane.explained_variance_ratio:
        share = f"{sum(places.plane.explained_variance_ratio):.0%}"
        st.caption(
            f"The map is the plane of the first two principal components: {share} explained variance of the codes."
        )


def drawing_preprocess(card: DatasetCard) -> dict[str, Any]:
    """What static/drawing/strokes.js makes an image of the data set of a drawing with, and the `pen_width`."""
    fit, pen = _DRAWING_PREPROCESS.get(card.name, (None, _DEFAULT_PEN_WIDTH))
    return {"preprocess": fit, "pen_width": pen, "counts_dots": _is_dot_count(card)}


def _is_dot_count(card: DatasetCard) -> bool:
    """Whether the data set's gray is a count of the dots that are white in a finer black and white bitmap."""
    return card.max_value == 16


def training_data_note(run: LoadedModel) -> None:
    """What the model has learnt from: some images of its kind, for whoever wonders what to draw."""
    test = splits.test_split(run)
    some, like = (
        splits.preview_batch(test),
        "what it makes of some of them" if test.synthetic else "like these test images",
    )
    st.caption(f"This model has only ever seen {run.card.short_description}: {like}.")
    images.rows({"": some}, [f"An image of {run.card.title}"] * len(some), size=56)
