"""Thumbnails of test samples, of which one is chosen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import sha256
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
    rows, _ = class_page(test.y, row)
    of_class = f" of class {card.classes[int(test.y[row])]}" if card.labelled else ""
    names = sample_images.sample_names(card, test.y[rows], rows)
    thumbnails_of(key, test, card, rows, names, row, choose, f"Test {card.modality.noun.many}{of_class}")


def thumbnails_of(
    key: str,
    split: Split,
    card: DatasetCard,
    rows: np.ndarray,
    names: Sequence[str],
    row: int,
    choose: Callable[[int], None],
    label: str,
) -> None:
    """Samples of a split by their `rows` [n], in this order and under these names, as buttons of which `row` is the
    chosen one; `choose` hears of the row of the one that is pressed. `label` says what they are."""
    view_key = f"{key}-thumbnails"

    def write() -> None:
        said = st.session_state[view_key].get("row")
        if isinstance(said, int) and not isinstance(said, bool) and 0 <= said < len(split):
            choose(said)

    pictures = card.modality.render(split.observed(rows))
    given = {
        "key": f"{card.name}, {sha256(rows.tobytes()).hexdigest()[:16]}, {len(split)}, {split.synthetic}",
        "blob": component.blob(encoded.png(encoded.image_grid(pictures, COLUMNS, gap=0))),
        "rows": rows.tolist(),
        "columns": COLUMNS,
        "names": list(names),
        "label": label,
        "chosen": row,
    }
    live.view("image_picker", None, view_key, given, on_change={"row": write}, marks=True)


def class_page(labels: np.ndarray, row: int) -> tuple[np.ndarray, int]:
    """The rows of the class that `row` has, N_THUMBNAILS of them at most and `row` among them, and which page of them
    that is."""
    rows = np.flatnonzero(labels == labels[row])
    page = int(np.searchsorted(rows, row)) // N_THUMBNAILS
    return rows[page * N_THUMBNAILS : (page + 1) * N_THUMBNAILS], page
