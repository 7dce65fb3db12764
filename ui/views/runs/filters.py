"""Which runs the list shows: those in which every word of a search occurs, of a data set, of a kind of model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import streamlit as st

from aecore.content.run_names import family_name
from aecore.data.cards import CARDS
from aecore.store import people
from aecore.store.run_info import RunInfo
from ui.session import choices

ALL = "all"
Labels = Mapping[str, people.RunLabel]


def form(entries: Sequence[RunInfo], labels: Labels, names: Mapping[str, str]) -> tuple[list[RunInfo], str]:
    """Asks which runs to show; these, pinned ones first, and what was typed."""
    configs = [entry.config for entry in entries if entry.config]
    datasets = {name: card.title for name, card in CARDS.items() if any(c.dataset == name for c in configs)}
    families = {name: family_name(name) for name in sorted({config.family for config in configs})}
    left, middle, right = st.columns([3, 2, 2], vertical_alignment="bottom")
    typed = choices.bound_value("search", "", str, str)
    query = left.text_input("Search", placeholder="name, data, family, owner, state", **typed)
    data = choices.bound_choice(
        "Data set", {ALL: "All data sets"} | datasets, "dataset", widget="select", container=middle
    )
    model = choices.bound_choice("Model", {ALL: "All models"} | families, "family", widget="select", container=right)
    return matching(entries, labels, names, query, data, model), query


def matching(
    entries: Sequence[RunInfo],
    labels: Labels,
    names: Mapping[str, str],
    query: str,
    dataset: str = ALL,
    family: str = ALL,
) -> list[RunInfo]:
    """The runs of a data set and a family in which every word of a search occurs, pinned ones first."""

    def text(entry: RunInfo) -> str:
        label = labels.get(entry.id, people.RunLabel())
        said = (entry.id, names[entry.id], label.owner_name, entry.state, "gallery" * entry.pretrained)
        return " ".join(said).lower()

    def fits(entry: RunInfo) -> bool:
        config = entry.config
        asked = ((dataset, config.dataset if config else ""), (family, config.family if config else ""))
        return all(wanted in (ALL, own) for wanted, own in asked)

    words = query.lower().split()
    kept = [entry for entry in entries if fits(entry) and all(word in text(entry) for word in words)]
    return sorted(kept, key=lambda entry: not labels.get(entry.id, people.RunLabel()).pinned)
