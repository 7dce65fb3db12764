"""A sheet to draw an image on, and how a drawing becomes an image of the data set's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ui.widgets import live

if TYPE_CHECKING:
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


def drawing_preprocess(card: DatasetCard) -> dict[str, Any]:
    """What static/drawing/strokes.js makes an image of the data set of a drawing with, and the `pen_width`."""
    fit, pen = _DRAWING_PREPROCESS.get(card.name, (None, _DEFAULT_PEN_WIDTH))
    return {"preprocess": fit, "pen_width": pen, "counts_dots": _is_dot_count(card)}


def _is_dot_count(card: DatasetCard) -> bool:
    """Whether the data set's gray is a count of the dots that are white in a finer black and white bitmap."""
    return card.max_value == 16


def can_draw(card: DatasetCard) -> bool:
    """Whether a white pen on black makes an image of this data set's kind."""
    return card.modality.kind == "image" and card.shape[0] == 1


def sketch(key: str, card: DatasetCard) -> np.ndarray | None:
    """An image `[1, H, W]` that somebody draws, as the model is given it; None while nothing is drawn."""
    said = live.view(
        "sketch",
        None,
        key,
        {"shape": list(card.shape), **drawing_preprocess(card)},
        on_change={"image": lambda: None},  # that it runs the page anew is all it takes
    )
    return parse_image(said.image, card.shape)


def parse_image(values: Any, shape: tuple[int, ...]) -> np.ndarray | None:
    """An image in [0, 1] from the numbers 0 to 255 that a browser says; None for anything else."""
    try:
        found = np.array(values, np.float32)
    except (TypeError, ValueError):
        return None
    if found.size != np.prod(shape) or not np.isfinite(found).all():
        return None
    return np.asarray(found.reshape(shape).clip(0, 255) / 255, np.float32)
