"""Why one sample is odd: what the model drew instead, where the two differ, what is near; and marking false alarms."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.applications.anomaly.explanation import ORDERS, explain, judged_rows, ranked, score_text, verdict
from aecore.models import config_query
from ui.run_data import detectors
from ui.session import address, choices
from ui.session.text import escape
from ui.views.anomalies.explanation import show_explanation, show_neighbours
from ui.widgets import glossary, sample_images
from ui.widgets.thumbnails import N_THUMBNAILS, thumbnails_of

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import Split
    from ui.views.anomalies.found import Found

LEAD = (
    "Take one {one} and see what the model drew instead, and where the two differ. A score is a number, not a reason: "
    "look whether the difference is what makes it odd."
)
MAX_UNDONE = 12  # marked samples that are named
NONE_LEFT = {
    "false-alarms": "There is no false alarm at this threshold.",
    "misses": "There is no miss at this threshold: every odd {one} is an alarm.",
}


def why_odd(run: LoadedModel, found: Found) -> None:
    """Asks for a judged sample and says why it has the score that it has."""
    glossary.header("Why is this one odd?", LEAD.format(one=run.card.modality.noun.one))
    samples = JudgedSamples.of(run, found)
    at = _choose(samples)
    if at is None:
        _marked(samples)
        return
    normal_errors = detectors.normal_errors(run, found.dataset, found.false_alarms)
    explanation = explain(found.detector, found.score, samples.split(at), normal_errors)
    odd, alarm = bool(samples.odd[at]), bool(samples.alarms[at])
    st.subheader(escape(samples.name(at)), anchor=False)
    show_explanation(run, found, explanation, samples.name(at), f"{verdict(odd, alarm).capitalize()}.")
    show_neighbours(run, found, explanation)
    _mark(samples, at)
    _marked(samples)


# --- Which one --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class JudgedSamples:
    """The samples that are judged, with what the chosen score and threshold say of each."""

    run: LoadedModel
    found: Found
    scores: np.ndarray  # [N]
    alarms: np.ndarray  # bool [N]
    odd: np.ndarray  # bool [N]
    rows: np.ndarray  # int [N], the numbers that they had before some were marked

    @classmethod
    def of(cls, run: LoadedModel, found: Found) -> JudgedSamples:
        data, scores = found.detector.data, found.detector.scored(found.score).judged
        rows = judged_rows(len(scores), found.false_alarms)
        return cls(run, found, scores, found.threshold.alarms(scores), data.odd, rows)

    def split(self, at: int) -> Split:
        """One of them, as a split."""
        return self.found.detector.data.judged.take(slice(at, at + 1))

    def name(self, at: int) -> str:
        """Its class and its number."""
        data, card = self.found.detector.data, self.run.card
        called = data.groups[data.group[at]] if self.odd[at] else card.classes[int(data.judged.y[at])]
        split = "judged" if self.found.dataset else "test"
        return sample_images.sample_name(dataclasses.replace(card, classes=(called,)), 0, int(self.rows[at]), split)


def _choose(samples: JudgedSamples) -> int | None:
    """Which of the judged samples to look at; None where an order holds none, which is said."""
    noun = samples.run.card.modality.noun
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = choices.bound_choice(f"Judged {noun.many}", ORDERS, "order", resets=("sample",))
        seed = 0
        if order == "random":
            bound = choices.bound_value("seed", 0, choices.whole_number(0, 9999), resets=("sample",))
            seed = int(st.number_input("Random seed", 0, 9999, 0, width=130, **bound))
    ranking = ranked(order, samples.scores, samples.odd, samples.alarms, seed)
    if not len(ranking):
        st.info(NONE_LEFT[order].format(one=noun.one), icon=":material/check_circle:")
        return None
    first = int(samples.rows[ranking[0]])
    chosen = _number(samples, first)
    at = int(np.flatnonzero(samples.rows == chosen)[0])
    place = int(np.flatnonzero(ranking == at)[0]) if at in ranking else 0
    page = place // N_THUMBNAILS
    shown = ranking[page * N_THUMBNAILS : (page + 1) * N_THUMBNAILS]
    names = [f"{samples.name(each)}, score {score_text(samples.scores[each])}" for each in shown]
    thumbnails_of(
        "judged", samples.found.detector.data.judged, samples.run.card, shown, names, at,
        lambda each: _go(int(samples.rows[each]), first), f"{ORDERS[order]}: judged {noun.many}",
    )  # fmt: skip
    _steps(samples, ranking, place, at in ranking, first)
    return at


def _number(samples: JudgedSamples, first: int) -> int:
    """The number of a judged sample, as the address says it; the first one where it says none that is judged."""
    known = set(samples.rows.tolist())

    def read(text: str) -> int:
        row = choices.whole_number(0, int(samples.rows[-1]))(text)
        if row not in known:
            raise ValueError(text)
        return row

    noun = samples.run.card.modality.noun
    value = choices.bound_value("sample", first, read)
    typed = st.number_input(f"Number of the {noun.one}", 0, int(samples.rows[-1]), width=160, **value)
    if typed in known:
        return int(typed)
    st.caption(f"{noun.one.capitalize()} {typed} is marked as normal, and no longer judged; here is another.")
    return first


def _go(row: int, first: int) -> None:
    address.write("sample", None if row == first else str(row))


def _steps(samples: JudgedSamples, ranking: np.ndarray, place: int, listed: bool, first: int) -> None:
    """To the one before and the one after, without thumbnails; and where in the order this one stands."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, step, icon in (("Previous", -1, "chevron_left"), ("Next", 1, "chevron_right")):
            to = place + step if listed else place
            inside = 0 <= to < len(ranking)
            row = int(samples.rows[ranking[to]]) if inside else first
            st.button(name, icon=f":material/{icon}:", key=f"judged-{name}", disabled=not inside, on_click=_go,
                      args=(row, first))  # fmt: skip
        if listed:
            st.caption(f"{place + 1:,} of {len(ranking):,} in this order.", width="content")


# --- Marking ----------------------------------------------------------------------------------------------------------


def _mark(samples: JudgedSamples, at: int) -> None:
    """The button that takes an alarm for a normal sample."""
    noun = samples.run.card.modality.noun
    if not samples.alarms[at]:
        st.caption("It is no alarm: there is nothing to mark.")
        return
    row = int(samples.rows[at])
    st.button(
        "This one is normal",
        icon=":material/flag:",
        key=f"mark-{row}",
        on_click=_put_marked,
        args=((*samples.found.false_alarms, row),),
        help=f"A false alarm: this {noun.one} joins the calibration {noun.many}, the threshold is set anew, and it is "
        "no longer judged.",
    )


def _put_marked(rows: tuple[int, ...]) -> None:
    text = ",".join(map(str, sorted(set(rows)))) or None
    address.write_all({"marked": text, "cut": None, "sample": None})


def _marked(samples: JudgedSamples) -> None:
    """What was marked, how to take it back, and what follows of it."""
    marked, noun = samples.found.false_alarms, samples.run.card.modality.noun
    if not marked:
        return
    count = len(marked)
    st.markdown(
        f"**{count:,} marked**: {'it calibrates and is' if count == 1 else 'they calibrate and are'} no longer judged."
    )
    with st.container(horizontal=True):
        for row in marked[:MAX_UNDONE]:
            left = tuple(each for each in marked if each != row)
            st.button(f"Judge {noun.one} {row} again", icon=":material/undo:", key=f"unmark-{row}", type="tertiary",
                      on_click=_put_marked, args=(left,))  # fmt: skip
    st.caption(
        f"Marking sets the threshold anew; the model stays as it is. Who marks only what the detector got wrong raises "
        f"the threshold, so that more odd {noun.many} pass, and the false-alarm rate of what is left to judge looks "
        "better than it is: count it on new samples."
    )
    _train_again(samples)


def _train_again(samples: JudgedSamples) -> None:
    """The way to a training that knows what was marked: their classes as normal ones, or a data set of one's own."""
    run, dataset = samples.run, samples.found.dataset
    data = detectors.detector(run, dataset).data
    rows = np.array(samples.found.false_alarms)
    classes = set() if dataset else set(data.judged.y[rows[data.odd[rows]]].tolist())
    wanted = tuple(sorted({*run.config.normal, *classes}))
    if classes and len(wanted) < len(run.card.classes):
        names = " and ".join(escape(run.card.classes[label]) for label in sorted(classes))
        words = f"To learn from such {run.card.modality.noun.many}, train again with {names} among the normal classes:"
        label = "Train again with these classes"
    else:
        wanted = run.config.normal
        words = (
            "A run is named by its settings and learns from its data set alone, so these cannot join its training set. "
            "To learn from them, put them into the training split of a data set of your own, and train on that."
        )
        label = "Train again"
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(words, width="stretch")
        wished = dataclasses.replace(run.config, normal=wanted, parent=None)
        address.link("train", label, **config_query.to_query(wished))
        if not classes:
            address.link("data")
