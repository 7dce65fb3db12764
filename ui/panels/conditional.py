"""The panel of models that are told the class: every style under every label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis.latents import conditional
from aecore.data.modalities import Noun
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.session.text import escape
from ui.widgets import pickers, sample_images
from ui.widgets.display import metrics_row

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_STYLES = 5  # test samples whose style is shown
MAX_LABELS = 16  # columns of the grid
N_PRIOR_SAMPLES = 3  # styles drawn from the prior
MAX_CAPTION_LENGTH = 4  # letters of a class name that fit under an image on a phone, where there are ten of them


def _styles(run: LoadedModel) -> None:
    test, said = splits.test_split(run), statistics.report(run, "conditional")
    noun = run.card.modality.noun
    _metrics(said, len(run.card.classes), noun)
    row, _ = pickers.test_index_picker(run)
    rows = (row + np.arange(min(N_STYLES, len(test)))) % len(test)
    x, labels = test.to_float(rows), test.y[rows]
    names = sample_images.sample_names(run.card, labels, rows)
    cells = conditional.grid(run, run.encode(x, labels))
    _grid(run, dict(zip(names, np.concatenate([x[:, None], cells], axis=1), strict=True)), ["input"])
    drawn = np.random.default_rng(0).standard_normal((N_PRIOR_SAMPLES, run.code_size)).astype(np.float32)
    names = [f"Sample {number + 1} from N(0, 1)" for number in range(N_PRIOR_SAMPLES)]
    _grid(run, dict(zip(names, conditional.grid(run, drawn), strict=True)), [])
    st.caption(
        f"Looks are judged by the {said['n_reference_samples']:,} test {noun.many} after the first {said['n_styles']}: "
        f"the nearest {conditional.NEIGHBOURS}, by {noun.value}s, vote. {said['n_generated']:,} were decoded, none "
        f"under the label of its own {noun.one}."
    )


def _metrics(report: dict[str, Any], classes: int, noun: Noun) -> None:
    metrics_row(
        (
            "Label fidelity",
            f"{report['label_fidelity']:.0%}",
            f"How many look like their label: codes of test {noun.many}, decoded under labels that are not theirs.",
        ),
        (
            f"Real-{noun.one} baseline",
            f"{report['real_baseline']:.0%}",
            f"What this vote is worth: real test {noun.many} that look like their own label.",
        ),
        (
            "Label leakage (kNN accuracy)",
            f"{report['label_leakage']:.0%}",
            f"Class left in the code: how often the nearest codes give it away; by chance {1 / classes:.0%}.",
        ),
    )


def _grid(run: LoadedModel, grid_rows: dict[str, np.ndarray], extra_columns: list[str]) -> None:
    """One row for each style, one column for each label, MAX_LABELS at most; `extra_columns` before them are named
    so."""
    classes = run.card.classes[:MAX_LABELS]
    grid_rows = {name: cells[: len(extra_columns) + MAX_LABELS] for name, cells in grid_rows.items()}
    short = max(map(len, classes)) <= MAX_CAPTION_LENGTH or len(classes) <= MAX_CAPTION_LENGTH
    captions = [*extra_columns, *(classes if short else [str(number + 1) for number in range(len(classes))])]
    file_name = f"{run.id}-{'styles' if extra_columns else 'sampled-styles'}"
    sample_images.rows(
        run.card.modality,
        grid_rows,
        [*extra_columns, *(f"decoded as {name}" for name in classes)],
        captions,
        72,
        file_name,
    )
    if not short:
        st.caption(", ".join(f"{number + 1}: {escape(name)}" for number, name in enumerate(classes)))


CONDITIONAL = (
    Panel(
        "class-style",
        "Class x style grid",
        "Each row is one code, decoded under every label. Along a row the style stays (slant and thickness of digits, "
        "place and size of shapes) and the class changes: the model is told it, so the code need not say it.",
        _styles,
    ),
)
