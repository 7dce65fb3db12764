"""Thumbnails of test samples, of which one is chosen."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.data import images as encoded
from ui.widgets import component, live, sample_images

if TYPE_CHECKING:
    from aecore.data.cards import DatasetCard
    from aecore.data.datasets import Split

N_THUMBNAILS = 96  # of a class at a time; those of other rows come with a number or with the arrows
COLUMNS = 12  # of the file that they are sent in


def thumbnails(key: str, test: Split, card: DatasetCard, row: int, choose: Callable[[int], None]) -> None:
    """Test samples of the class that `row` has, as buttons; `choose` hears of the row of the one that is pressed."""
    label = int(test.y[row])
    rows, page = class_page(test.y, row)
    view_key = f"{key}-thumbnails"

    def write() -> None:
        said = st.session_state[view_key].get("row")
        if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < len(test):
            choose(said)

    noun, pictures = card.modality.noun, card.modality.render(test.observed(rows))
    of_class = f" of class {card.classes[label]}" if card.labelled else ""
    given = {
        "key": f"{card.name}, {label}, {page}, {test.synthetic}",
        "blob": component.blob(encoded.png(encoded.image_grid(pictures, COLUMNS, gap=0))),
        "rows": rows.tolist(),
        "columns": COLUMNS,
        "names": sample_images.sample_names(card, test.y[rows], rows),
        "label": f"Test {noun.many}{of_class}",
        "chosen": row,
    }
    live.view("image_picker", None, view_key, given, on_change={"row": write}, marks=True)


def class_page(labels: np.ndarray, row: int) -> tuple[np.ndarray, int]:
    """The rows of the class that `row` has, N_THUMBNAILS of them at most and `row` among them, and which page of them
    that is."""
    rows = np.flatnonzero(labels == labels[row])
    page = int(np.searchsorted(rows, row)) // N_THUMBNAILS
    return rows[page * N_THUMBNAILS : (page + 1) * N_THUMBNAILS], page
