"""Why one sample is odd: what the model drew instead, where the two differ, what is near; and marking false alarms."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.applications.anomaly.explanation import (
    ORDERS,
    SUMS_UP,
    USUAL_SHARE,
    by_position,
    explain,
    judged_rows,
    ranked,
    readable,
    score_text,
    verdict,
)
from aecore.data.modalities import Image, Series
from aecore.models import config_query
from ui.run_data import detectors
from ui.session import address, choices
from ui.session.text import escape
from ui.views import details
from ui.views.anomalies import charts
from ui.views.anomalies.scores_table import titles
from ui.widgets import glossary, sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart
from ui.widgets.thumbnails import N_THUMBNAILS, thumbnails_of

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.explanation import Explanation, Neighbour
    from aecore.data.datasets import Split
    from ui.views.anomalies.found import Found

LEAD = (
    "Take one {one} and see what the model drew instead, and where the two differ. A score is a number, not a reason: "
    "look whether the difference is what makes it odd."
)
SIZE = 150  # CSS pixels of a sample
MAX_UNDONE = 12  # marked samples that are named
NONE_LEFT = {
    "false-alarms": "There is no false alarm at this threshold.",
    "misses": "There is no miss at this threshold: every odd {one} is an alarm.",
}


def why_odd(run: LoadedModel, found: Found) -> None:
    """Asks for a judged sample and says why it has the score that it has."""
    glossary.header("Why is this one odd?", LEAD.format(one=run.card.modality.noun.one))
    judged = Judged.of(run, found)
    at = _choose(judged)
    if at is None:
        _marked(judged)
        return

    usual = detectors.usual_errors(run, found.dataset, found.false_alarms)
    told = explain(found.detector, found.score, judged.split(at), usual)
    odd, alarm = bool(judged.odd[at]), bool(judged.alarms[at])
    st.subheader(escape(judged.name(at)), anchor=False)
    show_explanation(run, found, told, judged.name(at), f"{verdict(odd, alarm).capitalize()}.")
    _neighbours(run, found, told)
    _mark(judged, at)
    _marked(judged)


# --- Which one --------------------------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True, eq=False)
class Judged:
    """The samples that are judged, with what the chosen score and threshold say of each."""

    run: LoadedModel
    found: Found
    scores: np.ndarray  # [N]
    alarms: np.ndarray  # bool [N]
    odd: np.ndarray  # bool [N]
    rows: np.ndarray  # int [N], the numbers that they had before some were marked

    @classmethod
    def of(cls, run: LoadedModel, found: Found) -> Judged:

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


def _choose(judged: Judged) -> int | None:
    """Which of the judged samples to look at; None where an order holds none, which is said."""

    noun = judged.run.card.modality.noun
    with st.container(horizontal=True, vertical_alignment="bottom"):
        order = choices.bound_choice(f"Judged {noun.many}", ORDERS, "order", resets=("sample",))
        seed = 0
        if order == "random":
            bound = choices.bound_value("seed", 0, choices.whole_number(0, 9999), resets=("sample",))
            seed = int(st.number_input("Random seed", 0, 9999, 0, width=130, **bound))
    ranking = ranked(order, judged.scores, judged.odd, judged.alarms, seed)
    if not len(ranking):
        st.info(NONE_LEFT[order].format(one=noun.one), icon=":material/check_circle:")
        return None
    first = int(judged.rows[ranking[0]])
    chosen = _number(judged, first)
    at = int(np.flatnonzero(judged.rows == chosen)[0])
    place = int(np.flatnonzero(ranking == at)[0]) if at in ranking else 0
    page = place // N_THUMBNAILS
    shown = ranking[page * N_THUMBNAILS : (page + 1) * N_THUMBNAILS]
    names = [f"{judged.name(each)}, score {score_text(judged.scores[each])}" for each in shown]
    thumbnails_of(
        "judged", judged.found.detector.data.judged, judged.run.card, shown, names, at,
        lambda each: _go(int(judged.rows[each]), first), f"{ORDERS[order]}: judged {noun.many}",
    )  # fmt: skip
    _steps(judged, ranking, place, at in ranking, first)
    return at


def _number(judged: Judged, first: int) -> int:
    """The number of a judged sample, as the address says it; the first one where it says none that is judged."""
    known = set(judged.rows.tolist())

    def read(asked: str) -> int:
        row = choices.whole_number(0, int(judged.rows[-1]))(asked)
        if row not in known:
            raise ValueError(asked)
        return row

    noun = judged.run.card.modality.noun
    value = choices.bound_value("sample", first, read)
    typed = st.number_input(f"Number of the {noun.one}", 0, int(judged.rows[-1]), width=160, **value)
    if typed in known:
        return int(typed)
    st.caption(f"{noun.one.capitalize()} {typed} is marked as normal, and no longer judged; here is another.")
    return first


def _go(row: int, first: int) -> None:
    address.write("sample", None if row == first else str(row))


def _steps(judged: Judged, ranking: np.ndarray, place: int, listed: bool, first: int) -> None:
    """To the one before and the one after, without thumbnails; and where in the order this one stands."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        for name, step, icon in (("Previous", -1, "chevron_left"), ("Next", 1, "chevron_right")):
            to = place + step if listed else place
            inside = 0 <= to < len(ranking)
            row = int(judged.rows[ranking[to]]) if inside else first
            st.button(name, icon=f":material/{icon}:", key=f"judged-{name}", disabled=not inside, on_click=_go,
                      args=(row, first))  # fmt: skip
        if listed:
            st.caption(f"{place + 1:,} of {len(ranking):,} in this order.", width="content")


# --- Why --------------------------------------------------------------------------------------------------------------


def show_explanation(
    run: LoadedModel, found: Found, told: Explanation, name: str, verdict: str, key: str = "judged"
) -> None:
    """A sample, what the model drew instead and where they differ, with its score, p-value and rank in words."""
    noun, title = run.card.modality.noun, titles(run)[found.score]
    cut = found.threshold.cut
    beside = f"{'above' if told.score > cut else 'not above'} the threshold of {score_text(cut)}"
    if not math.isfinite(cut):
        beside = "and this threshold makes all of them alarms" if cut < 0 else "and this threshold makes no alarm"
    st.markdown(
        f"**{verdict}** Its score ({title}) is {score_text(told.score)}, {beside}: {told.rank_text} normal "
        f"validation {noun.many}."
    )
    metrics_row(
        ("Score", score_text(told.score), f"{title}; higher is odder."),
        (
            "p-value",
            f"{told.p_value:.3g}",
            f"Conformal: with these {told.n_calibration:,} calibration {noun.many} it cannot be smaller than "
            f"{1 / (told.n_calibration + 1):.2g}. A normal one gets one as small with at most that probability.",
        ),
        ("Reconstruction error", score_text(told.reconstruction_error), sample_images.mse_meaning(run.card)),
    )
    _where(run, told, name, key)
    _parts(run, found, told)


def _where(run: LoadedModel, told: Explanation, name: str, key: str) -> None:
    """The two, and the errors value by value."""
    modality = run.card.modality
    if isinstance(modality, Series):
        chart = details.line_chart(modality, told.sample, told.reconstruction, name, class_colours())
        show_chart(chart, key=f"{key}-series")
        show_chart(charts.series_heat_map(told.errors, told, modality), key=f"{key}-heat")
        return
    pictures, errors = st.columns([2, 3])
    with pictures:
        sample_images.rows(
            modality,
            {f"The {modality.noun.one}": told.sample[None], "What the model drew instead": told.reconstruction[None]},
            [name],
            size=SIZE,
        )
    if isinstance(modality, Image):
        chart = charts.image_heat_map(by_position(modality, told.errors[None])[0], told, modality.noun)
    else:
        chart = charts.part_bars(told, class_colours()[0], modality.noun)
    with errors:
        show_chart(chart, key=f"{key}-heat")


def _parts(run: LoadedModel, found: Found, told: Explanation) -> None:
    """What adds up to the reconstruction error; and that another score is no such sum."""
    modality = run.card.modality
    noun, own, drawn = modality.noun, readable(modality, told.sample), readable(modality, told.reconstruction)
    of = "Of its nine regions" if isinstance(modality, Image) else "Of its parts"
    first = told.parts[0].name
    more = f": {first} is {own[first]} and was drawn as {drawn[first]}" if own else ""
    st.markdown(f"{of} these have most of the error: **{escape(told.parts_text)}**{escape(more)}.")
    if found.score != SUMS_UP:
        st.caption(
            f"These are shares of the reconstruction error. {titles(run)[found.score]} is no sum over {noun.value}s: "
            "errors show where the model and this one differ, not why that score is high."
        )
    with st.expander("What adds up to the error"):
        limit = f"{USUAL_SHARE:.0%} of normal"
        st.dataframe(
            [
                {"part": part.name}
                | ({"value": own[part.name], "drawn": drawn[part.name]} if own else {})
                | {"contribution": part.contribution, "share": part.share, limit: part.usual}
                for part in told.parts
            ],
            hide_index=True,
            alt=f"{len(told.parts)} parts that sum to {score_text(told.reconstruction_error)}; the largest: "
            f"{told.parts_text}.",
            column_config={
                "contribution": st.column_config.NumberColumn(format="%.3g"),
                "share": st.column_config.NumberColumn(format="percent"),
                limit: st.column_config.NumberColumn(
                    format="%.3g", help=f"What {USUAL_SHARE:.0%} of the normal validation {noun.many} stay below."
                ),
            },
        )
        st.caption(
            f"Contributions are squared errors divided by the number of observed {noun.value}s: they sum to the "
            f"reconstruction error, {score_text(told.reconstruction_error)}."
        )


def _neighbours(run: LoadedModel, found: Found, told: Explanation) -> None:
    """The nearest training samples, by code and by values."""
    noun, train = run.card.modality.noun, found.detector.data.train
    st.markdown(f"**Nearest training {noun.many}**")
    for called, near in (("By code", told.by_code), (f"By {noun.value} values", told.by_values)):
        rows = np.array([each.row for each in near])
        labels = [sample_images.sample_name(run.card, each.label, each.row, "training") for each in near]
        sample_images.rows(
            run.card.modality,
            {called.replace("value values", "values"): train.observed(rows)},
            [f"{name}, distance {each.distance:.3g}" for name, each in zip(labels, near, strict=True)],
            [_caption(run, each) for each in near],
            size=96,
        )
    st.caption(
        f"Class and Euclidean distance. Where a near one looks like this {noun.one}, the model had something to draw "
        "it by, whatever its class."
    )


def _caption(run: LoadedModel, near: Neighbour) -> str:
    name = sample_images.class_names(run.card, [near.label])[0]
    return ", ".join(filter(None, (name, f"{near.distance:.2g}")))


# --- Marking ----------------------------------------------------------------------------------------------------------


def _mark(judged: Judged, at: int) -> None:
    """The button that takes an alarm for a normal sample."""
    noun = judged.run.card.modality.noun
    if not judged.alarms[at]:
        st.caption("It is no alarm: there is nothing to mark.")
        return
    row = int(judged.rows[at])
    st.button(
        "This one is normal",
        icon=":material/flag:",
        key=f"mark-{row}",
        on_click=_put_marked,
        args=((*judged.found.false_alarms, row),),
        help=f"A false alarm: this {noun.one} joins the calibration {noun.many}, the threshold is set anew, and it is "
        "no longer judged.",
    )


def _put_marked(rows: tuple[int, ...]) -> None:
    text = ",".join(map(str, sorted(set(rows)))) or None
    address.write_all({"marked": text, "cut": None, "sample": None})


def _marked(judged: Judged) -> None:
    """What was marked, how to take it back, and what follows of it."""
    marked, noun = judged.found.false_alarms, judged.run.card.modality.noun
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
    _train_again(judged)


def _train_again(judged: Judged) -> None:
    """The way to a training that knows what was marked: their classes as normal ones, or a data set of one's own."""
    run, dataset = judged.run, judged.found.dataset
    data = detectors.detector(run, dataset).data
    rows = np.array(judged.found.false_alarms)
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
