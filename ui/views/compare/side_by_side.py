"""Finished runs side by side: the verdict, the settings that differ, and one view of them at a time."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aecore.store.run_info import RunInfo
from ui.session import choices
from ui.views.compare import curves, images, latent_maps, measures, settings
from ui.views.compare.subjects import Subject, open_groups

VIEWS = {
    "reconstructions": "Reconstructions",
    "samples": "Samples",
    "maps": "Maps",
    "interpolation": "Interpolation",
    "measures": "Measures",
    "losses": "Losses",
}
OF_IMAGES = {
    "reconstructions": images.reconstructions,
    "samples": images.new_images,
    "maps": latent_maps.show,
    "interpolation": images.interpolation,
    "measures": measures.show,
}


@st.fragment
def compare(finished: Sequence[RunInfo], names: Sequence[str], entries: Sequence[RunInfo]) -> None:
    """Draws the comparison of finished runs; `names` are those that the list shows, `entries` all runs that there are.

    Only the chosen view is computed.
    """
    subjects = [Subject(entry, name) for entry, name in zip(finished, names, strict=True)]
    st.header(f"Comparison of {len(subjects)} runs")
    verdict = st.empty()
    with verdict.container():
        measures.show_verdict(subjects, entries, {}, offer=False)
    with st.expander("Settings that differ"):
        settings.show(subjects)
    chosen = choices.bound_choice("Side by side", VIEWS, "view")
    opened = {}
    if chosen == "losses":
        curves.show(subjects)
    elif groups := open_groups(subjects):
        opened = {run.id: run for group in groups for run in group.runs.values()}
        OF_IMAGES[chosen](groups)
    with verdict.container():  # it may know more now
        measures.show_verdict(subjects, entries, opened, offer=chosen != "measures")
