"""The cards of the data sets: those of a kind, or those that people added."""

from __future__ import annotations

from datetime import datetime

import streamlit as st

from aecore.data import datasets
from aecore.data.card import DatasetCard
from aecore.data.cards import CARDS
from aecore.errors import UserError
from ui.session import failures
from ui.session.address import link
from ui.session.choices import bound_choice
from ui.session.text import escape
from ui.views.datasets import owner
from ui.views.datasets.add import KIND_PARAMETER, file_size, forget_added
from ui.views.datasets.sample_rows import preview, sample_rows
from ui.widgets.download import download_button

GROUPS = {
    "images": "Images",
    "series": "Series",
    "tables": "Tables",
    "numbers": "Points and vectors",
    "own": "Added here",
}
GROUP_OF_KIND = {"image": "images", "series": "series", "table": "tables"}
ALL = "all"
UNDO_KEY = "ae-data-undo"  # what this session deleted last: its ticket and its title
MAX_CLASSES_NAMED = 20


def cards_section() -> None:
    """The data sets of the kind that the address names."""
    st.header("Data sets", anchor="data-sets")
    grouped: dict[str, list[DatasetCard]] = {group: [] for group in GROUPS}
    for card in CARDS.values():
        grouped["own" if card.origin else GROUP_OF_KIND.get(card.modality.kind, "numbers")].append(card)
    labels = {group: f"{title} ({len(grouped[group])})" for group, title in GROUPS.items()}
    chosen = bound_choice("Kind", labels | {ALL: f"All ({len(CARDS)})"}, KIND_PARAMETER)
    _undo_delete()
    for group in GROUPS if chosen == ALL else [chosen]:
        for card in grouped[group]:
            with st.container(border=True):
                _show(card)
    if chosen == "own" and not grouped["own"]:
        st.info("Nobody has added data to this server yet: choose a file above.", icon=":material/upload_file:")


def _show(card: DatasetCard) -> None:
    here = datasets.is_available(card.name)
    own = card.origin is not None
    st.subheader(escape(card.title) if own else card.title, anchor=card.name)
    st.markdown(escape(card.description) if own else card.description)
    if here:
        _preview(card)
    st.caption("  \n".join(_facts(card)))
    with st.container(horizontal=True, vertical_alignment="center"):
        if here:
            link("train", "Train on it", dataset=card.name)
        else:
            download_button(card.name)
        if own and owner.is_mine(card):
            st.button("Delete", icon=":material/delete:", key=f"delete-{card.name}", on_click=_delete, args=(card,))


def _preview(card: DatasetCard) -> None:
    try:
        x, labels = preview(card.name)
    except UserError as error:
        st.error(escape(error), icon=":material/error:")
        return
    names = [card.classes[label] if card.labelled else "" for label in labels]
    sample_rows(f"Example test {card.modality.noun.many}", x, card.modality, names)


def _facts(card: DatasetCard) -> list[str]:
    noun = card.modality.noun
    facts = [
        f"{card.n_train:,} training, {card.n_validation:,} validation and {card.n_test:,} test {noun.many}",
        card.modality.size,
    ]
    if card.labelled:
        named = [escape(name) for name in card.classes[:MAX_CLASSES_NAMED]]
        more = f", and {len(card.classes) - len(named)} more" if len(card.classes) > len(named) else ""
        facts.append(f"{len(card.classes)} classes: {', '.join(named)}{more}")
    facts.append(f"Licence: {escape(card.licence) or 'nothing was said'}")
    if card.origin is None:
        return [*facts, f"Source: {card.source}"]
    when = datetime.fromtimestamp(card.origin.added_at).strftime("%Y-%m-%d %H:%M")
    facts.append(f"Added by {escape(owner.display_name(card))} on {when}; {file_size(card.origin.bytes)}")
    return [*facts, *map(escape, card.origin.notes)]


# --- Delete and undo --------------------------------------------------------------------------------------------------


def _delete(card: DatasetCard) -> None:
    from aecore.data import adding

    if not owner.is_mine(card):
        return
    for ticket in failures.call_each(adding.delete, [(card.name,)]):
        st.session_state[UNDO_KEY] = (ticket, card.title)
        forget_added(card.name)


def _undo_delete() -> None:
    """Offers to take back what was deleted last."""
    if UNDO_KEY not in st.session_state:
        return
    ticket, title = st.session_state[UNDO_KEY]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(f"{escape(title)} deleted; in the trash for a day. Models that were trained on it stay.")
        st.button("Undo", icon=":material/undo:", on_click=_undo, args=(ticket,))
        st.button("Dismiss", icon=":material/check:", type="tertiary", on_click=_dismiss)


def _undo(ticket: str) -> None:
    from aecore.data import adding

    _dismiss()
    failures.call_each(adding.restore, [(ticket,)])


def _dismiss() -> None:
    st.session_state.pop(UNDO_KEY, None)
