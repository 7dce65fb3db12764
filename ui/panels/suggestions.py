"""The panel of suggestions: what is worth doing with a model, and what goes wrong with its kind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.panels.panel import Panel
from ui.session.address import link

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel


def _suggestions(run: LoadedModel) -> None:
    from aecore.content.advice import advice

    said = advice(run.config.family, run.types[0])
    chosen = {"dataset": run.config.dataset, "family": run.config.family}
    st.subheader("Suggestions", anchor=False)
    for each in said.suggestions:
        with st.container(border=True, gap="xsmall"):
            st.markdown(each.action)
            link(each.page, **(chosen if each.page == "train" else {}))
    st.subheader("Pitfalls", anchor=False)
    st.markdown("\n".join(f"- {each}" for each in said.pitfalls))


SUGGESTIONS = (
    Panel(
        "suggestions",
        "Suggestions and pitfalls",
        "What is worth doing with this model, and what goes wrong with its kind.",
        _suggestions,
    ),
)
