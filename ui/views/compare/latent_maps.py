"""Small maps of the same test samples in the latent space of each run."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape as escape_html

import numpy as np
import streamlit as st

from aecore.analysis import latent_space
from aecore.data.modalities import Noun
from ui.run_data import splits
from ui.session.text import escape
from ui.views.compare.subjects import OpenedGroup, group_heading
from ui.widgets import small_charts
from ui.widgets.charts import MAX_LEGEND
from ui.widgets.display import class_colours

N_POINTS = 1000  # of each map
PER_LINE = 3


def show(groups: Sequence[OpenedGroup]) -> None:
    """A map for each run and for PCA, coloured by class: two latent dimensions as they are, more as their first two
    principal components."""
    for group in groups:
        group_heading(group, len(groups))
        x, labels = group.test.to_float(slice(0, N_POINTS)), group.test.y[:N_POINTS]
        places = {name: _points(splits.codes(run)[:N_POINTS]) for name, run in group.runs.items()}
        places |= {name: _points(pca.encode(x)) for name, (pca, _) in group.rivals().items()}
        _draw(places, labels, group.card.modality.noun)
        if group.card.labelled:
            _legend(group.card.classes)
    st.caption(
        f"The first {N_POINTS:,} test samples at most. Distances of two maps cannot be compared: each has its own "
        "scale."
    )


def _draw(places: dict[str, tuple[np.ndarray, str]], labels: np.ndarray, noun: Noun) -> None:
    names = list(places)
    for start in range(0, len(names), PER_LINE):
        for column, name in zip(st.columns(PER_LINE), names[start : start + PER_LINE], strict=False):
            points, axes = places[name]
            alt = f"Map of {len(points)} test {noun.many} by {name}, coloured by class; the axes are {axes}."
            with column:
                st.markdown(f"**{escape(name)}**")
                st.html(small_charts.scatter_plot(points, labels, class_colours(), 240, alt))
                st.caption(axes)


def _swatch(label: int, colours: Sequence[str]) -> str:
    """The sign of a class beside its name: filled, or, where colours begin anew, hollow."""
    colour = colours[label % len(colours)]
    return f"border:1px solid {colour}" if label // len(colours) % 2 else f"background:{colour}"


def _points(codes: np.ndarray) -> tuple[np.ndarray, str]:
    """The places `[N, 2]` of codes `[N, D]`, and what the axes are."""
    if codes.shape[1] > 2:
        plane = latent_space.plane_of_components(codes)
        return plane.project(codes), f"first two principal components of {codes.shape[1]} dimensions"
    if codes.shape[1] == 1:
        return np.column_stack([codes, np.zeros(len(codes))]), "one latent dimension"
    return codes, "two latent dimensions as they are"


def _legend(classes: tuple[str, ...]) -> None:
    colours = class_colours()
    names = "".join(
        f'<span><i style="{_swatch(at, colours)}"></i>{escape_html(name)}</span>'
        for at, name in enumerate(classes[:MAX_LEGEND])
    )
    if len(classes) > MAX_LEGEND:
        names += f"<span>and {len(classes) - MAX_LEGEND} more</span>"
    st.html(f'<figure class="ae-chart"><figcaption>{names}</figcaption></figure>')
