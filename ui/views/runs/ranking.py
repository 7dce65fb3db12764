"""Which run is the best, by which measure and on which split; never across data sets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from aecore.analysis import comparison
from aecore.data.cards import CARDS
from aecore.store.run_info import RunInfo
from ui.session import choices
from ui.session.text import escape
from ui.views.runs.measures import RANKED, Measure
from ui.widgets.choice_labels import short_title

NEWEST = "newest"
MEASURES = {measure.id: measure for measure in RANKED}


def ranking_form(container: Any) -> Measure | None:
    """Asks what the list is sorted by; None for its own order."""
    labels = {NEWEST: "Newest first"} | {
        measure.id: measure.label[:1].upper() + measure.label[1:] + (" (for reports)" if measure.on_test else "")
        for measure in RANKED
    }
    chosen = choices.bound_choice(
        "Best by",
        labels,
        "best",
        widget="select",
        container=container,
        help="Ranks finished runs within each data set. Choose among runs by validation, and report the chosen one's "
        "test measure: the best of many on the test samples looks better than it is.",
    )
    return MEASURES.get(chosen)


def ranked(entries: Sequence[RunInfo], measure: Measure) -> list[tuple[RunInfo, str]]:
    """Runs with their ranks, the best of each data set first; those that were not measured last, without a rank."""
    groups = groups_of(entries, measure)
    found = [(entry, f"{at}") for group in groups.values() for at, entry in enumerate(group, 1)]
    listed = {entry.id for entry, _ in found}
    return found + [(entry, "–") for entry in entries if entry.id not in listed]


def groups_of(entries: Sequence[RunInfo], measure: Measure) -> dict[str, list[RunInfo]]:
    """The measured runs of each data set, the best first."""
    sign = 1 if measure.lower_is_better else -1
    groups: dict[str, list[RunInfo]] = {}
    for entry in entries:
        if entry.finished and entry.config and measure.value(entry) is not None:
            groups.setdefault(entry.config.dataset, []).append(entry)
    return {name: sorted(group, key=lambda entry: sign * (measure.value(entry) or 0)) for name, group in groups.items()}


def show_best(entries: Sequence[RunInfo], measure: Measure, names: Mapping[str, str]) -> None:
    """Names the best run of each data set, and says what the ranks cannot tell."""
    groups = groups_of(entries, measure)
    if len(groups) > 1:
        st.warning(
            f"These runs are of {len(groups)} data sets, whose numbers cannot be compared: ranks are within each.",
            icon=":material/balance:",
        )
    for dataset, group in groups.items():
        if len(group) > 1:
            st.markdown(_best_sentence(short_title(dataset), group, measure, names))
    for note in _notes(groups, measure):
        st.caption(note)


def _best_sentence(title: str, group: Sequence[RunInfo], measure: Measure, names: Mapping[str, str]) -> str:
    best, second = group[0], group[1]
    first, other = measure.value(best) or 0.0, measure.value(second) or 0.0
    text = f"{escape(title)}: best of {len(group)} by {measure.label} is **{escape(names[best.id])}** "
    text += f"({measure.format % first}"
    text += "" if measure.on_test else f"; its test MSE: {best.result['mse']:.4f}"
    text += "). "
    margin = _margin(best, group, measure) * (abs(first) + abs(other)) / 2
    near = [entry for entry in group[1:] if abs((measure.value(entry) or 0.0) - first) <= margin]
    if near:
        others = escape(names[near[0].id]) if len(near) == 1 else f"{len(near)} others"
        text += f"{others} {'is' if len(near) == 1 else 'are'} no further off than two seeds are from each other."
    return text


def _margin(best: RunInfo, group: Sequence[RunInfo], measure: Measure) -> float:
    """The difference, as a share, up to which runs count as alike: told by those that differ in their seeds alone."""
    assert best.config
    seeds = comparison.seed_groups((each.config, measure.value(each) or 0.0) for each in group if each.config)
    card = CARDS.get(best.config.dataset)  # None: people's own may be deleted
    usual = measure.seed_spread or comparison.usual_spread(card.n_train if card else 1000)
    return comparison.noise_margin(seeds[comparison.same_but_seed(best.config)], usual)


def _notes(groups: Mapping[str, Sequence[RunInfo]], measure: Measure) -> list[str]:
    notes = []
    if measure.on_test:
        notes.append(
            "Test samples are for the final number: who chooses by them reports a number that is too good. Choose by "
            "validation."
        )
    if measure.in_nats and any(len(_ways_of_counting(group, measure)) > 1 for group in groups.values()):
        notes.append(
            "Some of these runs count their loss differently (its terms and weights, output likelihood, reduction, "
            "pixel range): ranks by validation MSE are fair, these are not."
        )
    return notes


def _ways_of_counting(group: Sequence[RunInfo], measure: Measure) -> set[tuple[object, ...]]:
    configs = [entry.config for entry in group if entry.config]
    terms = [(config.family, str(dict(config.params))) if measure.id == "validation-loss" else () for config in configs]
    return {(c.likelihood, c.reduction, c.pixel_range, *own) for c, own in zip(configs, terms, strict=True)}
