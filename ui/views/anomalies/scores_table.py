"""The table of anomaly scores: those of the run and their rivals, measured alike, and who wins."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from aecore.analysis import comparison
from aecore.content.gallery import list_runs
from ui.run_data import detectors, models
from ui.session import choices
from ui.session.failures import or_stop
from ui.widgets import glossary

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.detection import Detector

EXPLANATION = (
    "A **score** says how odd each {one} is; higher is odder. **Rivals** are detectors without an autoencoder, fitted "
    "to the same training {many} and measured on the same test {many}."
)
AUROC, PRECISION, RECALL = "AUROC", "average precision", "recall at 1 % false alarms"
REDRAW_INTERVAL = 0.7  # seconds after which what has been measured so far is shown
MAX_SEEDS = 10  # runs of other seeds that are measured too
HEAT = "199, 110, 5"  # of the cells of classes that are missed


def titles(run: LoadedModel) -> dict[str, str]:
    """What people call the scores of a run and the rivals, by name: first those of the run."""
    from aecore.applications.anomaly.rivals import RIVALS
    from aecore.applications.anomaly.scoring import scores_of

    return {name: each.title for table in (scores_of(run), RIVALS) for name, each in table.items()}


def choose_score(run: LoadedModel) -> str:
    """The score that the page goes by: the reconstruction error, unless somebody wants another."""
    from aecore.applications.anomaly.rivals import RIVALS
    from aecore.applications.anomaly.scoring import DEFAULT_SCORE, scores_of

    noun = run.card.modality.noun
    glossary.header("Scores and rivals", EXPLANATION.format(one=noun.one, many=noun.many))
    named = {name: f"{title} (rival)" if name in RIVALS else title for name, title in titles(run).items()}
    chosen = choices.bound_choice("Score", named, "score", DEFAULT_SCORE, widget="select", resets=("cut",))
    st.caption(RIVALS[chosen].description if chosen in RIVALS else scores_of(run)[chosen].description)
    return chosen


@dataclass(frozen=True, eq=False)
class Contest:
    """What is known of scores and rivals: AUROC, average precision and recall at 1 % false alarms by name."""

    run: LoadedModel
    detector: Detector
    dataset: str
    chosen: str
    summaries: Mapping[str, Mapping[str, float]]

    @property
    def own(self) -> str:
        """The score of the run that the rivals are compared with: the chosen one, or the one named before anything
        was measured."""
        from aecore.applications.anomaly.scoring import DEFAULT_SCORE, scores_of

        return self.chosen if self.chosen in scores_of(self.run) else DEFAULT_SCORE

    @property
    def best_rival(self) -> str:
        from aecore.applications.anomaly.rivals import RIVALS

        return max(RIVALS, key=lambda name: self.summaries[name]["auroc"])

    def title(self, name: str) -> str:
        return titles(self.run)[name]


def show(target: DeltaGenerator, run: LoadedModel, chosen: str, dataset: str, false_alarms: tuple[int, ...]) -> None:
    """Fills `target`, an empty one, with the table, row by row where scoring takes its time, and what follows of it."""
    detector = or_stop(detectors.detector, run, dataset, false_alarms)
    told: dict[str, Mapping[str, float]] = {}
    names, shown = titles(run), time.monotonic()
    for name in sorted(names, key=lambda name: name != chosen):
        or_stop(detectors.scored, run, name, dataset, false_alarms)
        told[name] = detectors.summary(run, name, dataset, false_alarms)
        if time.monotonic() - shown > REDRAW_INTERVAL and len(told) < len(names):
            with target.container():
                _table(Contest(run, detector, dataset, chosen, told))
                st.caption(f"{len(names) - len(told)} more are being measured ...")
            shown = time.monotonic()
    contest = Contest(run, detector, dataset, chosen, told)
    with target.container():
        if not math.isnan(told[chosen]["auroc"]):
            st.markdown(f"{winner(contest)} {_seeds(contest, false_alarms)}")
        _table(contest)
        if len(np.unique(detector.data.group[detector.data.odd])) < 2:
            _judged(contest)
            return
        classes, judged = st.columns([3, 2], gap="large")
        with classes:
            _classes(contest, false_alarms)
        with judged:
            _judged(contest)


def winner(contest: Contest) -> str:
    """Who has the larger AUROC, the run's score or the best rival, with both numbers."""
    own, rival = contest.own, contest.best_rival
    mine, other = contest.summaries[own]["auroc"], contest.summaries[rival]["auroc"]
    if round(mine, 3) == round(other, 3):
        return (
            f"**{contest.title(own)} and {contest.title(rival)} are equal**: AUROC {mine:.3f} both; no autoencoder is "
            "needed here."
        )
    if mine > other:
        return (
            f"**{contest.title(own)} wins**: AUROC {mine:.3f} against {other:.3f} of the best rival, "
            f"{contest.title(rival)}."
        )
    return (
        f"**{contest.title(rival)} wins**: AUROC {other:.3f} against {mine:.3f} of {contest.title(own)}; no "
        "autoencoder is needed here."
    )


def _seeds(contest: Contest, false_alarms: tuple[int, ...]) -> str:
    """What another seed changes, in a sentence; empty where no finished run differs in its seed alone."""
    run, own = contest.run, contest.own
    key = comparison.same_but_seed(run.config)
    sisters = [
        each for each in list_runs()
        if each.finished and each.config and each.id != run.id and comparison.same_but_seed(each.config) == key
    ][: MAX_SEEDS - 1]  # fmt: skip
    if not sisters:
        return ""
    values = [contest.summaries[own]["auroc"]]
    for each in sisters:
        sister = or_stop(models.load_model, each.id, each.created)
        or_stop(detectors.scored, sister, own, contest.dataset, false_alarms)
        values.append(detectors.summary(sister, own, contest.dataset, false_alarms)["auroc"])
    return (
        f"Over {len(values)} seeds, {contest.title(own)} has {np.mean(values):.3f} \u00b1 {np.std(values, ddof=1):.3f} "
        "(mean \u00b1 standard deviation)."
    )


def _table(contest: Contest) -> None:
    from aecore.applications.anomaly.rivals import RIVALS

    ranked = sorted(contest.summaries.items(), key=lambda item: -_known(item[1]["auroc"]))
    lines = [
        {
            "": "\u25b6" if name == contest.chosen else "",
            "score": contest.title(name),
            AUROC: told["auroc"],
            PRECISION: told["average_precision"],
            RECALL: told["recall_at_1_percent"],
            "of": "rival" if name in RIVALS else "this model",
        }
        for name, told in ranked
    ]
    best = lines[0]
    st.dataframe(
        lines,
        hide_index=True,
        height="content",
        alt=f"{len(lines)} scores and rivals by AUROC; the first is {best['score']} with {best[AUROC]:.3f}, the chosen "
        f"one {contest.title(contest.chosen)} has {contest.summaries[contest.chosen]['auroc']:.3f}.",
        column_config={
            "": st.column_config.TextColumn(width=28, help="The chosen score."),
            AUROC: st.column_config.NumberColumn(
                format="%.3f",
                help="How often an odd sample scores higher than a normal one: 0.5 is chance, 1 is perfect.",
            ),
            PRECISION: st.column_config.NumberColumn(
                format="%.3f",
                help="Precision averaged over all recalls. It depends on how many of the judged samples are odd.",
            ),
            RECALL: st.column_config.NumberColumn(
                format="%.3f", help="Share of the odd that a threshold finds which 1 % of the normal ones pass."
            ),
        },
    )


def _known(value: float) -> float:
    return -math.inf if math.isnan(value) else value


def _judged(contest: Contest) -> None:
    data = contest.detector.data
    odd, count = int(data.odd.sum()), len(data.judged)
    st.caption(
        f"Fitted to {len(data.train):,} training samples; thresholds are set by {len(data.calibration):,} normal "
        f"validation samples; judged on {count:,} of the test set, {odd:,} of them odd. At that base rate, "
        f"{odd / max(1, count):.1%}, a score that knows nothing has an average precision of {odd / max(1, count):.2f}. "
        "The winner is the best of the chosen score and the rivals: who takes the best row of all has chosen by the "
        "test set."
    )


def _classes(contest: Contest, false_alarms: tuple[int, ...]) -> None:
    """Which kinds of anomaly are found, by the chosen score and by the best rival: a table with shades."""
    import pandas as pd  # type: ignore[import-untyped]  # not above: the first screen does without

    pair = {contest.chosen: "chosen score"}
    pair |= {contest.best_rival: "best rival"} if contest.best_rival not in pair else {}
    told = {
        column: detectors.per_group(contest.run, name, contest.dataset, false_alarms) for name, column in pair.items()
    }
    first = told["chosen score"]
    hardest_first = sorted(first, key=lambda name: first[name]["auroc"])
    table = pd.DataFrame(
        {"odd class": hardest_first, "samples": [first[name]["count"] for name in hardest_first]}
        | {column: [each[name]["auroc"] for name in hardest_first] for column, each in told.items()}
    )
    hardest, easiest = hardest_first[0], hardest_first[-1]
    st.dataframe(
        table.style.map(_shade, subset=list(told)).format("{:.3f}", subset=list(told)),
        hide_index=True,
        height=min(35 * (len(table) + 1) + 3, 500),
        alt=f"AUROC of each odd class against all normal samples; by {contest.title(contest.chosen)} the hardest is "
        f"{hardest} with {first[hardest]['auroc']:.3f}, the easiest {easiest} with {first[easiest]['auroc']:.3f}.",
        column_config={
            column: st.column_config.NumberColumn(help=f"AUROC of {contest.title(name)} against all normal samples.")
            for name, column in pair.items()
        },
    )
    rival = f", and of the best rival, {contest.title(contest.best_rival)}" if len(pair) > 1 else ""
    st.caption(
        f"AUROC of {contest.title(contest.chosen)}{rival} for each odd class against all normal samples, the hardest "
        "first: the darker, the more is missed."
    )


def _shade(auroc: float) -> str:
    """The ground of a cell: stronger the more often a normal sample scores higher, by its root, as good scores differ
    in their last digits."""
    return f"background-color: rgba({HEAT}, {0.6 * min(1.0, 2 * (1 - auroc)) ** 0.5:.2f})"
