"""The panel of suggestions: what is worth doing with a model, and what goes wrong with its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.panels.panel import Panel
from ui.session.address import link
from ui.widgets.sketch import can_draw

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel


def _suggestions(run: LoadedModel) -> None:
    from aecore.content.advice import advice
    from aecore.content.wording import for_samples

    noun = run.card.modality.noun
    said = advice(run.config.family, run.types[0])
    # what is drawn by hand is an image
    suggestions = [each for each in said.suggestions if each.page != "draw" or can_draw(run.card)]
    chosen = {"dataset": run.config.dataset, "family": run.config.family}
    st.subheader("Suggestions", anchor=False)
    for each in suggestions:
        with st.container(border=True, gap="xsmall"):
            st.markdown(for_samples(each.action, noun))
            link(each.page, **(chosen if each.page == "train" else {}))
    st.subheader("Pitfalls", anchor=False)
    st.markdown("\n".join(f"- {for_samples(each, noun)}" for each in said.pitfalls))


SUGGESTIONS = (
    Panel(
        "suggestions",
        "Suggestions and pitfalls",
        "What is worth doing with this model, and what goes wrong with its kind.",
        _suggestions,
    ),
)
