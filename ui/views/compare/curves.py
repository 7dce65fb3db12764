"""Losses of runs over each other, one chart for each data set."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aecore.data.cards import CARDS
from aecore.store import history
from ui.session import choices
from ui.session.text import escape
from ui.views import training_history
from ui.views.compare.subjects import Subject, by_dataset
from ui.widgets import charts
from ui.widgets.display import class_colours, show_chart


def show(subjects: Sequence[Subject]) -> None:
    """A part of the validation loss over epochs, a line for each run; runs on other data stand in a chart of their
    own."""
    histories = {each.entry.id: history.history(each.entry.id) for each in subjects}
    known = [each for each in subjects if histories[each.entry.id]]
    for each in subjects:
        if each not in known:
            st.caption(f"{escape(each.name)} has no history of its losses.")
    if not known:
        return
    terms = _shared_terms([histories[each.entry.id][-1]["validation"] for each in known])
    term = choices.bound_choice(
        "Validation loss",
        {each: escape(each) for each in (*terms, charts.TOTAL)},
        "term",
        help="total: all that a model minimises. Runs of different families have different loss terms: compare those "
        "that they share.",
    )
    groups = by_dataset(known)
    colours = dict(zip([each.entry.id for each in subjects], class_colours(), strict=False))
    for dataset, own in groups.items():
        if len(groups) > 1:
            st.markdown(f"**{escape(CARDS[dataset].title)}**")
        chart = charts.loss_comparison(
            [histories[each.entry.id] for each in own],
            [each.name for each in own],
            [colours[each.entry.id] for each in own],
            term,
            [training_history.objective_terms(each.config) for each in own],
            CARDS[dataset].modality.noun.one,
        )
        show_chart(chart, key=f"compare-curves-{dataset}")
    _likelihood_note(known)


def _shared_terms(ends: Sequence[dict[str, float]]) -> list[str]:
    """The parts of the loss that all runs have at their end."""
    return [term for term in ends[0] if all(term in end for end in ends)]


def _likelihood_note(subjects: Sequence[Subject]) -> None:
    kinds = {(each.config.likelihood, each.config.reduction, each.config.pixel_range) for each in subjects}
    if len(kinds) > 1:
        st.caption(
            "These runs count their reconstruction loss differently (output likelihood, loss reduction, pixel range): "
            "nats of one kind cannot be compared with those of another. The mean squared error can."
        )
