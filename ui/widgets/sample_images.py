"""Samples of any kind as rows of pictures, each with words; and what a sample, its class and its values are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from aecore.data.modalities import Modality, Noun, drawing
from ui.widgets import images

if TYPE_CHECKING:
    from aecore.data.cards import DatasetCard

Pair = tuple[np.ndarray, np.ndarray]  # samples [N, *shape], and what was made of them


def article(noun: Noun) -> str:
    """A sample with its article: "an image"."""
    return f"{'an' if noun.one[0] in 'aeiou' else 'a'} {noun.one}"


def is_image(card: DatasetCard) -> bool:
    """Whether what only images can (drawing, uploading, brightness) makes sense."""
    return card.modality.kind == "image"


def sample_name(card: DatasetCard, label: int, row: int, split: str = "test") -> str:
    """What a sample is called: its class, where classes mean something, its split and its number."""
    number = f"{split} {card.modality.noun.one} {row}"
    return f"{card.classes[label]}, {number}" if card.labelled else number


def sample_names(card: DatasetCard, labels: Sequence[int] | np.ndarray, rows: Sequence[int] | np.ndarray) -> list[str]:
    """The same of several test samples."""
    return [sample_name(card, int(label), int(row)) for label, row in zip(labels, rows, strict=True)]


def class_names(card: DatasetCard, labels: Sequence[int] | np.ndarray) -> list[str]:
    """The names of classes; empty ones where classes mean nothing."""
    return [card.classes[int(label)] if card.labelled else "" for label in labels]


def mse_meaning(card: DatasetCard, split: str = "") -> str:
    """What a mean squared error is, in a sentence; `split` names the samples that it is of."""
    of = f" on the {split} {card.modality.noun.many}" if split else ""
    return f"Mean squared error per {card.modality.noun.value}{of}; {_mse_unit(card)}"


def _mse_unit(card: DatasetCard) -> str:
    if card.modality.bounded:
        return "black to white is 1."
    return "values are standardised, so that always answering the mean has an error of about 1."


def clipping_note(card: DatasetCard) -> str:
    """That PCA is treated as the model is; empty where nothing is clipped."""
    many = card.modality.noun.many
    return f" Its {many} are clipped to black and white as the model's are." if card.modality.bounded else ""


def rows(
    modality: Modality,
    batches: Mapping[str, np.ndarray],
    alt: Sequence[str],
    captions: Sequence[str] = (),
    size: int = 96,
    file_name: str = "",
    differences: Mapping[str, Pair] | None = None,
) -> None:
    """Rows of samples `[N, *shape]` as pictures, one column for each sample, under their names; below them rows of
    where the second of two batches differs from the first. Other arguments as in `images.rows`, and `alt` goes on in
    the words that the modality has of each sample."""
    with drawing.detailed():
        pictures = {name: modality.render(batch) for name, batch in batches.items()}
        pictures |= {name: modality.render_difference(*pair) for name, pair in (differences or {}).items()}
    words = {name: [modality.describe(sample) for sample in batch] for name, batch in batches.items()}
    images.rows(pictures, alt, captions, size, file_name, smooth=modality.kind != "image", more_alt=words)


def single(modality: Modality, sample: np.ndarray, alt: str, caption: str = "", size: int = 280) -> None:
    """One sample `[*shape]`, large."""
    rows(modality, {caption: sample[None]}, [alt], size=size)


def signed(modality: Modality, changes: np.ndarray) -> np.ndarray:
    """Differences of samples `[N, *shape]` that are no images, as pictures `[N, 3, h, w]` on one common scale: what is
    the largest of them is drawn at the end of the range that values have, two standard deviations high."""
    most = float(np.abs(changes).max()) or 1.0
    with drawing.detailed():
        return modality.render_difference(np.zeros_like(changes), changes * (modality.value_range[1] / most))
