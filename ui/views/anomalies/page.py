"""The page Anomalies: what is normal, scores beside rivals, a threshold that lives, and what follows of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import streamlit as st

from aecore.data import datasets
from ui.run_data import detectors
from ui.session import address, choices
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.anomalies import normal, scores_table, threshold
from ui.widgets import view_state

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from ui.views.anomalies.found import Found

Part = Callable[["LoadedModel", "Found"], None]


# Each is imported when it is shown.


def _why(run: LoadedModel, found: Found) -> None:
    from ui.views.anomalies.why import why_odd

    why_odd(run, found)


def _failures(run: LoadedModel, found: Found) -> None:
    from ui.views.anomalies.failures import where_it_fails

    where_it_fails(run, found)


def _over_time(run: LoadedModel, found: Found) -> None:
    from ui.views.anomalies.stream import over_time

    over_time(run, found)


def _scratch(run: LoadedModel, found: Found) -> None:
    from ui.views.anomalies.scratch import scratch

    scratch(run, found)


def _take_away(run: LoadedModel, found: Found) -> None:
    from ui.views.anomalies.take_away import take_away

    take_away(run, found)


SECTIONS: dict[str, tuple[str, Part]] = {  # in the address -> what people read, and what is shown
    "why": ("Why is this one odd?", _why),
    "failures": ("Where it fails", _failures),
    "over-time": ("Over time", _over_time),
    "scratch": ("Scratch", _scratch),
    "take-away": ("Take it away", _take_away),
}


def show(run: LoadedModel) -> None:
    """All of the page below its lead; where nothing is odd yet, what to do about that."""
    if not datasets.is_available(run.config.dataset):
        st.info(escape(datasets.not_available(run.config.dataset)), icon=":material/download:")
        st.caption("A detector is calibrated and judged by samples: nothing can stand in for them.")
        address.link("data", "Open the page Data")
        return
    dataset = normal.what_is_normal(run)
    if dataset is None:
        return
    marked = _marked(run, dataset)
    score = scores_table.choose_score(run)
    table = st.empty()
    with table.container():
        scored = or_stop(detectors.scored, run, score, dataset, marked)
    detector = or_stop(detectors.detector, run, dataset, marked)
    found = threshold.choose_threshold(detector, scored, dataset, marked)
    names = {name: title for name, (title, _) in SECTIONS.items()}
    section = choices.bound_choice("Go on with", names, "section", label_visibility="collapsed")
    below = st.container()
    scores_table.show(table, run, score, dataset, marked)
    with below:
        SECTIONS[section][1](run, found)


def _marked(run: LoadedModel, dataset: str) -> tuple[int, ...]:
    """The rows of the judged samples that somebody has marked as normal: `marked` in the address."""
    asked = address.bound("marked")
    if asked is None:
        return ()
    count = len(or_stop(detectors.detector, run, dataset).data.judged)
    text = view_state.whole_numbers(count)(asked) if len(asked) <= view_state.MAX_TEXT else None
    if text is None:
        address.drop("marked")
        return ()
    rows = tuple(map(int, text.split(",")))
    with st.container(horizontal=True, vertical_alignment="center"):
        many = "1 judged sample was" if len(rows) == 1 else f"{len(rows):,} judged samples were"
        st.caption(
            f":material/flag: {many} marked as normal: they calibrate, and are no longer judged.", width="stretch"
        )
        st.button("Judge them again", on_click=lambda: address.write_all({"marked": None, "cut": None}))
    return rows
