"""What somebody chooses on a map, a point or a lasso: what the browser sends of it, the samples that are shown, and the
pages that they can be taken to."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ui.session.address import link
from ui.session.text import escape
from ui.widgets import sample_images

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

MAX_LASSO_CORNERS = 1000  # of a lasso at most; the browser sends fewer
MAX_LASSO_IMAGES = 16  # samples shown of a lasso
IMAGES_PER_ROW = 8
MAX_CLASSES = 20  # that words count
MAX_RECONSTRUCTED = 10  # images that Reconstruct shows at a time
LAST_KEY = "ae-last-images"  # the run, and the last two test images that were chosen by themselves
EMPTY_LASSO = "No {} has its code in there: draw the lasso around some points."


def rerun() -> None:
    """A view that says something runs the page anew: that is all it takes."""


def parse_points(value: Any) -> np.ndarray:
    """Places `[n, 2]` that a browser says; none when it says nothing, or something odd."""
    try:
        found = np.array(value, dtype=np.float64).reshape(-1, 2)
    except (TypeError, ValueError):
        return np.zeros((0, 2))
    return found[:MAX_LASSO_CORNERS] if np.isfinite(found).all() else np.zeros((0, 2))


def class_counts(classes: Sequence[str], labels: np.ndarray) -> str:
    """How many of `labels` are of each class, the most frequent first; empty where there is one class only."""
    if len(classes) < 2:
        return ""
    counts = np.bincount(labels, minlength=len(classes))
    order = [int(label) for label in np.argsort(-counts, kind="stable") if counts[label]]
    said = ", ".join(f"{classes[label]}: {counts[label]:,}" for label in order[:MAX_CLASSES])
    return said + (f" and {len(order) - MAX_CLASSES} classes more" if len(order) > MAX_CLASSES else "")


def spread_rows(rows: np.ndarray) -> np.ndarray:
    """At most MAX_LASSO_IMAGES of some rows, evenly spread over them."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, MAX_LASSO_IMAGES).astype(int))]


def selection_caption(rows: np.ndarray, displayed: np.ndarray, total: int, noun: str, counts: str) -> str:
    """How many samples are selected, of which classes, and how many of them are shown."""
    some = f" {len(displayed)} of them:" if len(displayed) < len(rows) else ""
    return f"{len(rows):,} of {total:,} {noun}{f' ({escape(counts)})' if counts else ''}.{some}"


def image_pairs(
    run: LoadedModel,
    x: np.ndarray,
    labels: np.ndarray,
    alt: Sequence[str],
    captions: Sequence[str],
    title: str,
    synthetic: bool = False,
) -> None:
    """Samples `[N, *shape]`, NaN where a value is missing, named `title`, and below each its reconstruction,
    IMAGES_PER_ROW side by side. What is `synthetic` is decoded from its code already: once more would show nothing
    new."""
    reconstructions = None if synthetic else run.reconstruct(np.nan_to_num(x), labels)
    for start in range(0, len(x), IMAGES_PER_ROW):
        part = slice(start, start + IMAGES_PER_ROW)
        named = {title: x[part]}
        if reconstructions is not None:
            named["Reconstruction"] = reconstructions[part]
        sample_images.rows(run.card.modality, named, alt[part], captions[part], 84)


def image_links(run: LoadedModel, rows: np.ndarray, labels: np.ndarray) -> None:
    """Links to what can be done with chosen test samples: with one, with it and the one chosen before, or with several.
    `labels` are those of all test samples."""
    names = {int(row): sample_images.sample_name(run.card, labels[row], int(row)) for row in rows}
    pair = _last_pair(run, int(rows[0])) if len(rows) == 1 else tuple(names)
    several = ",".join(map(str, list(names)[:MAX_RECONSTRUCTED]))
    with st.container(horizontal=True, gap="xsmall"):
        if len(rows) == 1:
            _single_links(run, int(rows[0]))
        if len(pair) == 2:
            link("interpolate", "Interpolate between these two", **{"from": str(pair[0])}, to=str(pair[1]))
        link("reconstruct", "Reconstruct", order="indices", indices=several)
    if len(rows) == 1 and len(pair) == 2:
        before = sample_images.sample_name(run.card, labels[pair[0]], pair[0])
        st.caption(f"The other of the two: {escape(before)}, chosen before.")
    elif len(rows) == 1:
        st.caption("Choose another point to interpolate between the two.")


def _single_links(run: LoadedModel, row: int) -> None:
    from aecore.analysis.latents import posterior  # torch comes with it

    panel = "elbo" if posterior.has_posterior(run) else "jacobian"  # those that look at one image
    link("model_inspector", "Inspect", panel=panel, test_image=str(row))
    link("denoise", "Denoise this one", image=str(row))


def _last_pair(run: LoadedModel, row: int) -> tuple[int, ...]:
    """The image that was chosen before and this one; this one alone where it is the first of this run."""
    known, pair = st.session_state.get(LAST_KEY, ("", ()))
    if known != run.id:
        pair = ()
    if not pair or pair[-1] != row:
        pair = (*pair[-1:], row)
    st.session_state[LAST_KEY] = (run.id, pair)
    return tuple(pair)
