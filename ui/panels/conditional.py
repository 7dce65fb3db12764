"""The panel of models that are told the class: every style under every label."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.analysis.latents import conditional
from ui import frame, shared
from ui.panels.panel import Panel
from ui.widgets import images, pickers

if TYPE_CHECKING:
    from aecore.analysis.loaded import Trained

STYLES = 5  # test pictures whose style is shown
DRAWS = 3  # styles drawn from the prior
SHORT = 4  # letters of a class name that fit under a picture on a phone, where there are ten of them


def _styles(run: Trained) -> None:
    test, said = shared.held_out(run), shared.inside(run, "styles")
    _figures(said, len(run.card.classes))
    row, _ = pickers.numbered(run)
    rows = (row + np.arange(min(STYLES, len(test)))) % len(test)
    x, labels = test.floats(rows), test.labels[rows]
    names = [f"{run.card.classes[label]}, test picture {number}" for number, label in zip(rows, labels, strict=True)]
    cells = conditional.grid(run, run.codes(x, labels))
    _grid(run, dict(zip(names, np.concatenate([x[:, None], cells], axis=1), strict=True)), ["itself"])
    drawn = np.random.default_rng(0).standard_normal((DRAWS, run.config.z_dim)).astype(np.float32)
    names = [f"Draw {number + 1} from N(0, 1)" for number in range(DRAWS)]
    _grid(run, dict(zip(names, conditional.grid(run, drawn), strict=True)), [])
    st.caption(
        f"Looks are judged by the {said['pictures']:,} test pictures after the first {said['styles']}: the nearest "
        f"{conditional.VOTERS}, by pixels, vote. {said['cells']:,} were drawn, none under the label of its own picture."
    )


def _figures(said: dict[str, Any], classes: int) -> None:
    frame.figures(
        (
            "Look like their label",
            f"{said['obeyed']:.0%}",
            "Codes of test pictures, drawn under labels that are not theirs.",
        ),
        (
            "Real pictures do",
            f"{said['real']:.0%}",
            "What this vote is worth: real test pictures that look like their own label.",
        ),
        (
            "Class left in the code",
            f"{said['in_code']:.0%}",
            f"How often the nearest codes give the class away; by chance {1 / classes:.0%}.",
        ),
    )


def _grid(run: Trained, named: dict[str, np.ndarray], before: list[str]) -> None:
    """One row for each style, one column for each label; columns `before` them are named so."""
    classes = run.card.classes
    short = max(map(len, classes)) <= SHORT or len(classes) <= SHORT
    captions = [*before, *(classes if short else [str(number + 1) for number in range(len(classes))])]
    images.rows(named, [*before, *(f"drawn as {name}" for name in classes)], captions, size=72)
    if not short:
        st.caption(", ".join(f"{number + 1}: {name}" for number, name in enumerate(classes)))


CONDITIONAL = (
    Panel(
        "Label by style",
        "Each row is one code, drawn under every label. Along a row the style stays (slant and thickness of digits, "
        "place and size of shapes) and the class changes: the model is told it, so the code need not say it.",
        _styles,
    ),
)
