"""Samples of a data set as small pictures with words, in lines that a narrow screen can show."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import streamlit as st

from aecore.data.modalities import Modality
from ui.session import cache
from ui.widgets import sample_images

N_PREVIEW = 12
IMAGE_LINE, IMAGE_WIDTH = 12, 64  # at most in a line, and their width in CSS pixels
DRAWING_LINE, DRAWING_WIDTH = 6, 144  # of curves and bars, which are wider


def sample_rows(title: str, x: np.ndarray, modality: Modality, labels: Sequence[str]) -> None:
    """Samples `[n, *shape]`, NaN where a value is missing; `labels` are their classes, "" where there are none."""
    small = modality.kind in ("image", "points")
    most, width = (IMAGE_LINE, IMAGE_WIDTH) if small else (DRAWING_LINE, DRAWING_WIDTH)
    per_line = math.ceil(len(x) / max(1, math.ceil(len(x) / most)))  # lines of one length
    names = [f"{modality.noun.one} {number + 1}" + f", {label}" * bool(label) for number, label in enumerate(labels)]
    with st.container(gap=None):
        for start in range(0, len(x), max(1, per_line)):
            part = slice(start, start + per_line)
            captions = labels[part] if any(labels[part]) else ()
            sample_images.rows(modality, {"" if start else title: x[part]}, names[part], captions, width)


@cache.cached(max_entries=32, show_spinner="Fetching some samples ...")
def preview(dataset: str) -> tuple[np.ndarray, tuple[int, ...]]:
    """A dozen test samples, some of each class, `[n, *shape]` with NaN where a value is missing, and their labels."""
    from aecore.data import datasets

    test = datasets.load(dataset).test
    rows = [int(row) for label in np.unique(test.y) for row in np.flatnonzero(test.y == label)[:4]]
    chosen = np.array((rows[:: max(1, len(rows) // N_PREVIEW)] if len(rows) > 4 else np.arange(len(test)))[:N_PREVIEW])
    return test.observed(chosen), tuple(test.y[chosen].tolist())
