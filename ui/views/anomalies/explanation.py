"""One sample explained: its score in words, what the model drew instead, where the two differ, and what is near."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.applications.anomaly.explanation import NORMAL_SHARE, SUMS_UP, by_position, score_text
from aecore.applications.anomaly.partitions import readable
from aecore.data.modalities import Image, Series
from ui.session.text import escape
from ui.views import details
from ui.views.anomalies import charts
from ui.views.anomalies.scores_table import titles
from ui.widgets import sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.explanation import Explanation, Neighbour
    from aecore.data.modalities import Noun
    from ui.views.anomalies.found import Found

SIZE = 150  # CSS pixels of a sample


def show_explanation(
    run: LoadedModel, found: Found, explanation: Explanation, name: str, verdict: str, key: str = "judged"
) -> None:
    """A sample, what the model drew instead and where they differ, with its score, p-value and rank in words."""
    noun, title = run.card.modality.noun, titles(run)[found.score]
    cut, score = found.threshold.cut, score_text(explanation.score)
    beside = f"{'above' if explanation.score > cut else 'not above'} the threshold of {score_text(cut)}"
    if not math.isfinite(cut):
        beside = "and this threshold makes all of them alarms" if cut < 0 else "and this threshold makes no alarm"
    st.markdown(
        f"**{verdict}** Its score ({title}) is {score}, {beside}: {explanation.rank_text} normal validation "
        f"{noun.many}."
    )
    metrics_row(
        ("Score", score, f"{title}; higher is odder."),
        (
            "p-value",
            f"{explanation.p_value:.3g}",
            f"Conformal: with these {explanation.n_calibration:,} calibration {noun.many} it cannot be smaller than "
            f"{1 / (explanation.n_calibration + 1):.2g}. A normal one gets one as small with at most that probability.",
        ),
        ("Reconstruction error", score_text(explanation.reconstruction_error), sample_images.mse_meaning(run.card)),
    )
    _where(run, explanation, name, key)
    _parts(run, found, explanation)


def _where(run: LoadedModel, explanation: Explanation, name: str, key: str) -> None:
    """The two, and the errors value by value."""
    modality = run.card.modality
    if isinstance(modality, Series):
        chart = details.line_chart(modality, explanation.sample, explanation.reconstruction, name, class_colours())
        show_chart(chart, key=f"{key}-series")
        show_chart(charts.series_heat_map(explanation.errors, explanation, modality), key=f"{key}-heat")
        _heat_legend(explanation, modality.noun)
        return
    pictures, errors = st.columns([2, 3])
    with pictures:
        sample_images.rows(
            modality,
            {
                f"The {modality.noun.one}": explanation.sample[None],
                "What the model drew instead": explanation.reconstruction[None],
            },
            [name],
            size=SIZE,
        )
    if isinstance(modality, Image):
        chart = charts.image_heat_map(by_position(modality, explanation.errors[None])[0], explanation, modality.noun)
    else:
        chart = charts.part_bars(explanation, class_colours()[0], modality.noun)
    with errors:
        show_chart(chart, key=f"{key}-heat")
        if isinstance(modality, Image):
            _heat_legend(explanation, modality.noun)


def _heat_legend(explanation: Explanation, noun: Noun) -> None:
    st.caption(
        f"Squared error of each {noun.value}. The brightest colour begins at {explanation.normal_error:.2g}, which "
        f"{1 - NORMAL_SHARE:.0%} of the {noun.value}s of normal validation {noun.many} exceed."
    )


def _parts(run: LoadedModel, found: Found, explanation: Explanation) -> None:
    """What adds up to the reconstruction error; and that another score is no such sum."""
    modality = run.card.modality
    noun = modality.noun
    cells = tuple(readable(modality, each) for each in (explanation.sample, explanation.reconstruction))
    of = "Of its nine regions" if isinstance(modality, Image) else "Of its parts"
    first = explanation.parts[0].name
    more = f": {first} is {cells[0][first]} and was drawn as {cells[1][first]}" if cells[0] else ""
    st.markdown(f"{of} these have most of the error: **{escape(explanation.parts_text)}**{escape(more)}.")
    if found.score != SUMS_UP:
        st.caption(
            f"These are shares of the reconstruction error. {titles(run)[found.score]} is no sum over {noun.value}s: "
            "errors show where the model and this one differ, not why that score is high."
        )
    with st.expander("What adds up to the error"):
        _parts_table(explanation, noun, *cells)


def _parts_table(explanation: Explanation, noun: Noun, values: dict[str, str], drawn: dict[str, str]) -> None:
    limit, whole = f"{NORMAL_SHARE:.0%} of normal", score_text(explanation.reconstruction_error)
    st.dataframe(
        [
            {"part": part.name}
            | ({"value": values[part.name], "drawn": drawn[part.name]} if values else {})
            | {"contribution": part.contribution, "share": part.share, limit: part.normal_limit}
            for part in explanation.parts
        ],
        hide_index=True,
        alt=f"{len(explanation.parts)} parts that sum to {whole}; the largest: {explanation.parts_text}.",
        column_config={
            "contribution": st.column_config.NumberColumn(format="%.3g"),
            "share": st.column_config.NumberColumn(format="percent"),
            limit: st.column_config.NumberColumn(
                format="%.3g", help=f"What {NORMAL_SHARE:.0%} of the normal validation {noun.many} stay below."
            ),
        },
    )
    st.caption(
        f"Contributions are squared errors divided by the number of observed {noun.value}s: they sum to the "
        f"reconstruction error, {whole}."
    )


def show_neighbours(run: LoadedModel, found: Found, explanation: Explanation) -> None:
    """The nearest training samples, by code and by values."""
    noun, train = run.card.modality.noun, found.detector.data.train
    st.markdown(f"**Nearest training {noun.many}**")
    for called, near in (("By code", explanation.by_code), (f"By {noun.value} values", explanation.by_values)):
        rows = np.array([each.row for each in near])
        labels = [sample_images.sample_name(run.card, each.label, each.row, "training") for each in near]
        sample_images.rows(
            run.card.modality,
            {called.replace("value values", "values"): train.observed(rows)},
            [f"{name}, distance {each.distance:.3g}" for name, each in zip(labels, near, strict=True)],
            [_caption(run, each) for each in near],
            size=96,
        )
    st.caption(
        f"Class and Euclidean distance. Where a near one looks like this {noun.one}, the model had something to draw "
        "it by, whatever its class."
    )


def _caption(run: LoadedModel, near: Neighbour) -> str:
    name = sample_images.class_names(run.card, [near.label])[0]
    return ", ".join(filter(None, (name, f"{near.distance:.2g}")))
