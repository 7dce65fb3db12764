"""Where a detector fails, shown on purpose: samples that do not belong and are not found, with this run's numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.applications.anomaly.explanation import explain, score_text
from aecore.applications.anomaly.probes import Overlap, Reading, as_split, likelier, likelihood_score, twins
from aecore.data import datasets
from aecore.jobs import api
from aecore.store import runs
from ui.run_data import detectors, models
from ui.session import choices, identity
from ui.session.address import open_page
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.anomalies import charts
from ui.views.anomalies.explanation import show_explanation
from ui.views.anomalies.scores_table import titles
from ui.widgets import glossary, pickers, sample_images
from ui.widgets.display import class_colours, show_chart
from ui.widgets.sketch import can_draw, sketch

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.config import Config
    from ui.views.anomalies.found import Found

LEAD = (
    "It is said that an autoencoder cannot reconstruct what it was not trained on. Nothing keeps it from that: what is "
    "simple may be drawn well by any model. These {many} do not belong, and the numbers are those of this run."
)
PER_ROW = 6  # probes side by side
N_PAIRS = 6  # anomalies that are taken for normal
CONTAMINATION = 0.05  # of the twin that is offered


def where_it_fails(run: LoadedModel, found: Found) -> None:
    """Probes, a sample of one's own, classes that overlap, likelihoods, and anomalies in the training set."""
    glossary.header("Where it fails", LEAD.format(many=run.card.modality.noun.many))
    readings = _readings(run, found, found.score)
    _probes(run, found, readings)
    if sample_images.is_image(run.card):
        _own(run, found)
    _overlap(run, found)
    _likelihood(run, found)
    _contamination(run, found)


def _readings(run: LoadedModel, found: Found, score: str) -> list[Reading]:
    """What a score says of the probes."""

    calibration = found.detector.scored(score).calibration
    pairs = zip(detectors.probes(run, found.dataset), detectors.probe_scores(run, score, found.dataset), strict=True)
    return [Reading.of(probe, scores, calibration, found.threshold) for probe, scores in pairs]


# --- Probes -----------------------------------------------------------------------------------------------------------


def _probes(run: LoadedModel, found: Found, readings: Sequence[Reading]) -> None:
    noun, title = run.card.modality.noun, titles(run)[found.score]
    missed = [each for each in readings if not each.is_found]
    if missed:
        names = ", ".join(escape(each.probe.title) for each in missed)
        st.markdown(f"**Not found by {title} at this threshold: {names}.**")
        st.markdown("\n".join(f"- {escape(each.text(noun))}" for each in missed))
    else:
        st.markdown(f"**All {len(readings)} are found by {title} at this threshold.** Try another score.")
    calibration = found.detector.scored(found.score).calibration
    chart = charts.probe_scores(calibration, found.threshold.cut, readings, class_colours(), title, noun)
    show_chart(chart, key="probes")
    st.caption(f"A stroke for each {noun.one}, a diamond for their mean. What lies left of the threshold is no alarm.")
    for start in range(0, len(readings), PER_ROW):
        _pictures(run, readings[start : start + PER_ROW])
    _table(readings, noun.many)


def _pictures(run: LoadedModel, readings: Sequence[Reading]) -> None:
    """The first sample of each, and what the model makes of it."""
    x = np.concatenate([each.probe.samples.observed(slice(1)) for each in readings])
    sample_images.rows(
        run.card.modality,
        {"Given": x, "What the model draws": run.reconstruct(np.nan_to_num(x))},
        [f"{each.probe.title}, {'found' if each.is_found else 'not found'}" for each in readings],
        [f"{each.probe.title}{'' if each.is_found else ': not found'}" for each in readings],
        size=96,
    )


def _table(readings: Sequence[Reading], many: str) -> None:
    with st.expander("All numbers, and how each was made"):
        st.dataframe(
            [
                {
                    "probe": each.probe.title,
                    "mean score": each.mean,
                    "alarms": each.above,
                    "odder than": each.below,
                    "samples": len(each.scores),
                    "what it is": each.probe.description,
                }
                for each in readings
            ],
            hide_index=True,
            height="content",
            alt="; ".join(
                f"{each.probe.title}: mean score {score_text(each.mean)}, {each.above:.0%} alarms" for each in readings
            ),
            column_config={
                "mean score": st.column_config.NumberColumn(format="%.4g"),
                "alarms": st.column_config.NumberColumn(
                    format="percent", help="Share with a score above the threshold."
                ),
                "odder than": st.column_config.NumberColumn(
                    format="percent", help=f"Share of the normal validation {many} whose score is below the mean."
                ),
            },
        )


# --- One's own --------------------------------------------------------------------------------------------------------


def _own(run: LoadedModel, found: Found) -> None:
    """A drawing, or an upload, scored."""

    st.subheader("Your own", anchor=False)
    sources = {"none": "None"} | ({"drawing": "Drawing"} if can_draw(run.card) else {}) | {"upload": "Upload"}
    source = choices.bound_choice(
        "Try to fool it", sources, "own-kind", help="It is scored as any other; nothing is kept."
    )
    if source == "none":
        return
    x = sketch("own-sketch", run.card) if source == "drawing" else pickers.upload("own-file", run.card)
    if x is None:
        st.info(pickers.NO_IMAGE, icon=":material/draw:")
        return
    normal_errors = detectors.normal_errors(run, found.dataset, found.false_alarms)
    explanation = explain(found.detector, found.score, as_split(x[None], run.card.modality), normal_errors)
    verdict = "An alarm." if explanation.score > found.threshold.cut else "No alarm."
    show_explanation(run, found, explanation, f"your {source}", verdict, key="own")


# --- Classes that overlap ---------------------------------------------------------------------------------------------


def _overlap(run: LoadedModel, found: Found) -> None:
    st.subheader("Classes that overlap", anchor=False)
    worst, noun = detectors.overlap(run, found.score, found.dataset, found.false_alarms), run.card.modality.noun
    if worst is None:
        st.caption("Nothing is odd here that could overlap.")
        return
    group, normal = escape(worst.group), escape(run.card.classes[worst.mistaken_for])
    whom = f"**{normal}**" if run.card.labelled else f"the training {noun.many}"
    st.markdown(
        f"Hardest to tell is **{group}**: AUROC {worst.auroc:.3f} against all normal test {noun.many} (0.5 is chance). "
        f"Of the normal training codes nearest to its {worst.count:,} {noun.many}, {worst.share:.0%} are of {whom}."
    )
    _pairs(run, found, worst)
    st.caption(
        f"The least odd {noun.many} of {group}, and the nearest training {noun.many} of {normal}, by code. Where two "
        "classes look alike, no score that knows normal data alone tells them apart; labels of the odd ones might."
    )


def _pairs(run: LoadedModel, found: Found, worst: Overlap) -> None:
    rows, twins = worst.rows[:N_PAIRS], worst.twins[:N_PAIRS]
    data, scores = found.detector.data, found.detector.scored(found.score).judged
    sample_images.rows(
        run.card.modality,
        {
            "Odd": data.judged.observed(rows),
            "What the model draws": run.reconstruct(data.judged.to_float(rows)),
            "Normal, from the training set": data.train.observed(twins),
        },
        [f"{worst.group}, score {score_text(scores[row])}" for row in rows],
        [f"{score_text(scores[row])}" for row in rows],
        size=96,
    )


# --- Likelihood -------------------------------------------------------------------------------------------------------


def _likelihood(run: LoadedModel, found: Found) -> None:
    """What a model finds likelier than its own test samples."""

    st.subheader("Is what is odd less likely?", anchor=False)
    score, noun = likelihood_score(run), run.card.modality.noun
    if score is None:
        st.caption("This model's output is no density (SSIM), so there is no likelihood to ask for.")
        return
    data = found.detector.data
    own = found.detector.scored(score).judged[~data.odd]
    readings = _readings(run, found, score)
    above = likelier(own, readings)
    what = "-ELBO, a bound on -log p(x)" if score == "elbo" else "-log p(x | z) at the code"
    st.markdown(f"Normal test {noun.many}: **{own.mean():.2f} nats** on average ({what}; lower is likelier).")
    if above:
        st.markdown("Likelier than these, and not of this data set:")
        st.markdown("\n".join(f"- {escape(each.probe.title)}: {each.mean:.2f} nats" for each in above))
        st.caption(
            "Deep generative models may give samples of another kind a higher likelihood than their own, if these are "
            "simpler (Nalisnick et al. 2019). A high likelihood does not say that a sample belongs."
        )
    else:
        nearest = min(readings, key=lambda each: each.mean)
        st.markdown(
            f"None of the {len(readings)} is likelier; the nearest is {escape(nearest.probe.title)} with "
            f"{nearest.mean:.2f} nats. Of other models and data sets this is not so (Nalisnick et al. 2019)."
        )


# --- A training set with anomalies in it ------------------------------------------------------------------------------


def _contamination(run: LoadedModel, found: Found) -> None:
    """The run beside those that differ in the contamination alone, or a way to train one."""

    st.subheader("Anomalies in the training set", anchor=False)
    config, noun = run.config, run.card.modality.noun
    if not config.normal:
        st.caption("Without normal classes nothing can be put into the training set that does not belong to it.")
        return
    known = {each.config.id: each for each in runs.entries() if each.finished and each.config}
    others = twins(config, [each.config for each in known.values() if each.config])
    if not others:
        st.markdown(
            f"Anomalies that nobody knew of teach the model to draw them. See by how much: train the same model with "
            f"{_share(_other(config))} of its training {noun.many} from the other classes."
        )
        if st.button(f"Train it with {_share(_other(config))} contamination", icon=":material/science:"):
            _train(_other(config))
        return
    lines = [(config.contamination, detectors.summary(run, found.score, found.dataset, found.false_alarms)["auroc"])]
    for other in others:
        twin = or_stop(models.load_model, other.id, known[other.id].created)
        or_stop(detectors.scored, twin, found.score, found.dataset, found.false_alarms)
        auroc = detectors.summary(twin, found.score, found.dataset, found.false_alarms)["auroc"]
        lines.append((other.contamination, auroc))
    lines.sort()
    st.markdown(
        f"AUROC of {titles(run)[found.score]}, by the share of the training {noun.many} that are odd: "
        + "; ".join(f"{share:.0%}: **{auroc:.3f}**" for share, auroc in lines)
        + f". {_change(lines)}"
    )


def _change(lines: Sequence[tuple[float, float]]) -> str:
    (_, clean), (share, dirty) = lines[0], lines[-1]
    if dirty < clean:
        return f"{share:.0%} of anomalies cost {clean - dirty:.3f}, with this seed."
    return "With this seed they cost nothing: a few anomalies are too few to be learnt, or chance is larger."


def _share(config: Config) -> str:
    return f"{config.contamination:.0%}"


def _other(config: Config) -> Config:
    """The run with anomalies among what it learns from; without, where it has some."""
    return dataclasses.replace(config, contamination=0.0 if config.contamination else CONTAMINATION, parent=None)


def _train(wanted: Config) -> None:
    from aecore.models.families.build import resolve_config

    config = or_stop(resolve_config, wanted)
    or_stop(datasets.load_training, config)
    or_stop(api.submit, config, None, identity.current_user())
    open_page("train", config.id)
