"""The panel of models that fill in what they are not shown: hidden patches, or one half from the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.analysis.latents import inpainting
from aecore.data.modalities import Modality
from ui.panels.panel import Panel
from ui.run_data import splits
from ui.run_data.per_run import per_run
from ui.session import choices
from ui.widgets import pickers, sample_images
from ui.widgets.display import metrics_row

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_SAMPLES = 8  # test samples that are filled in


@per_run(max_entries=32, spinner="Filling in test images ...")
def _errors(run: LoadedModel) -> dict[str, dict[str, float]]:
    from aecore.data import datasets

    data = datasets.load_training(run.config)
    return inpainting.fill_errors(run, data.train, data.test)


def _filled(run: LoadedModel) -> None:
    test, modality, noun = splits.test_split(run), run.card.modality, run.card.modality.noun
    row, _ = pickers.test_index_picker(run)
    rows = (row + np.arange(min(N_SAMPLES, len(test)))) % len(test)
    x, names = test.to_float(rows), sample_images.sample_names(run.card, test.y[rows], rows)
    shown: dict[str, np.ndarray] = {}
    for seen, hidden in inpainting.draw_masks(run, x, _seed()).items():
        shown[f"Given {seen}"] = _with_gaps(modality, x, hidden)
        shown[f"Filled in from {seen}"] = inpainting.fill(run, x, hidden)
    shown[f"The {noun.one} itself"] = x
    sample_images.rows(modality, shown, names, size=72, file_name=f"{run.id}-filled-in")
    if splits.data_available(run):
        _show_errors(run)


def _seed() -> int:
    seed = st.number_input(
        "Random seed",
        0,
        9999,
        0,
        help="Another seed hides other patches, where patches are hidden.",
        **choices.bound_value("seed", 0, choices.whole_number(0, 9999)),
    )
    return int(seed)


def _with_gaps(modality: Modality, x: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Samples with mid-gray where they are hidden, or with gaps where no gray stands between two ends."""
    return np.where(hidden, np.mean(modality.value_range) if modality.bounded else np.nan, x).astype(np.float32)


def _show_errors(run: LoadedModel) -> None:
    noun = run.card.modality.noun
    for seen, found in _errors(run).items():
        st.subheader(f"Error of what is hidden, given {seen}", anchor=False)
        metrics_row(
            ("This model", f"{found['model']:.4f}", f"Mean squared error per hidden {noun.value}."),
            (
                f"{inpainting.N_NEIGHBOURS} nearest {noun.many}",
                f"{found['neighbours']:.4f}",
                f"The mean of the training {noun.many} whose visible {noun.value}s are nearest: no model at all.",
            ),
            (f"Mean {noun.one}", f"{found['mean']:.4f}", f"The mean training {noun.one}, whatever is seen."),
        )


INPAINTING = (
    Panel(
        "filled-in",
        "Hidden parts filled in",
        "What the model draws where it is shown nothing, beside what was there. It has to beat two rivals that learn "
        "nothing: the mean image, and the images whose visible pixels are nearest.",
        _filled,
    ),
)
