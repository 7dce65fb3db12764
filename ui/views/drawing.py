"""The drawing pad: what the browser is given to make a drawing into an image of the data set's kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from ui.run_data import packed, splits, statistics
from ui.run_data.per_run import per_run
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views import live_decoding
from ui.widgets import component, glossary, images, live, view_state
from ui.widgets.sketch import drawing_preprocess as drawing_preprocess

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_VOTERS = 10  # nearest test codes that vote for a class, as in the accuracy that runs are measured by
MAX_VOTE_CODES, MAX_VOTE_NUMBERS = 2000, 250_000  # test codes among which they are found, and numbers of all of these
LEAD = (
    "With every movement of the pen the encoder turns your drawing into a code, and the decoder draws that code again. "
    "A model can only redraw what it has learnt: **watch what it makes of anything else**."
)
LEAD_KEY = "ae-draw-lead"  # of the container that holds it
# on a phone the sheet comes first, and what is said of it stands below
STYLE = f"@media (max-width: 640px) {{ [data-testid=stLayoutWrapper]:has(> .st-key-{LEAD_KEY}) {{ order: 1; }} }}"


def show_lead() -> None:
    """What one does here, for the container that on a phone stands below the sheet."""
    st.html(f"<style>{STYLE}</style>")
    st.markdown(LEAD)
    glossary.show_terms(LEAD.replace("*", ""))


def drawing_pad(model: str, run: LoadedModel) -> None:
    """A sheet to draw on, and what the model makes of the drawing at every movement. Nothing of it comes back."""
    two = splits.codes(run).shape[1] < 3
    places = or_stop(packed.plane_map, run, (0, 1) if two else None)
    usual = np.quantile(statistics.errors(run), (0.5, 0.9, 0.99)).tolist()
    given = live_decoding.plane_payload(places, run) | drawing_preprocess(run.card)
    given |= {"error_quantiles": usual} | _vote_payload(run)
    _pen_state()
    live.view("draw", model, f"draw-{live_decoding.plane_key(places, run)}", given)
    if places.plane.explained_variance_ratio:
        share = f"{sum(places.plane.explained_variance_ratio):.0%}"
        st.caption(
            f"The map is the plane of the first two principal components: {share} explained variance of the codes."
        )


@st.fragment  # another pen needs nothing of the page
def _pen_state() -> None:
    readers = {"pen": view_state.in_range(1, low=2, high=25), "preprocess": view_state.one_of("0")}
    view_state.address_state("draw", readers)


def _vote_payload(run: LoadedModel) -> dict[str, Any]:
    """What static/views/draw/code_panel.js finds the class of a code with; no codes of a model that is told it."""
    if run.model.is_conditional:
        return {"codes": None, "voters": N_VOTERS, "vote_accuracy": 0.0, "label_name": ""}
    count = max(1, min(MAX_VOTE_CODES, MAX_VOTE_NUMBERS // run.code_size))
    return {
        "codes": component.blob(splits.codes(run)[:count].astype("<f4")),
        "voters": N_VOTERS,
        "vote_accuracy": _vote_accuracy(run, count),
        "label_name": "pseudo-labels" if splits.test_split(run).synthetic else "labels",
    }


@per_run(max_entries=64)
def _vote_accuracy(run: LoadedModel, count: int) -> float:
    """The share of test codes, every other one of the first `count`, whose class the others' votes name."""
    from aecore.analysis import metrics  # scikit-learn comes with it

    codes, labels = splits.codes(run)[:count], splits.test_split(run).y[:count]
    return metrics.knn_accuracy(codes[::2], labels[::2], codes[1::2], labels[1::2], N_VOTERS)


def training_data_note(run: LoadedModel) -> None:
    """What the model has learnt from: some images of its kind, for whoever wonders what to draw."""
    test = splits.test_split(run)
    some, like = (
        splits.preview_batch(test),
        "what it makes of some of them" if test.synthetic else "like these test images",
    )
    st.caption(f"This model has only ever seen {escape(run.card.short_description)}: {like}.")
    images.rows({"": some}, [f"An image of {run.card.title}"] * len(some), size=56)
