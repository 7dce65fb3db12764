"""What is measured of runs beside each other, PCA and the mean sample among them, and the verdict that it gives."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import streamlit as st

from aecore.analysis import comparison
from aecore.analysis.comparison import RunScores, SampleScores
from aecore.data.cards import CARDS
from aecore.data.modalities import Noun
from aecore.store.run_info import RunInfo
from ui.run_data import rivals, statistics
from ui.session import address
from ui.session.text import escape
from ui.views.compare.subjects import OpenedGroup, Subject, by_dataset, group_heading
from ui.widgets import glossary
from ui.widgets.choice_labels import short_title

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

USUAL_SIZE = 1000  # training samples of a data set that nobody knows any more
STATE_KEY = "ae-measured"  # the runs whose samples this session has had measured
REAL = "Real {} (training)"
SAMPLE_COLUMNS = {"prior": "prior", "gmm_fit": "mixture"}  # ways of sampling -> what columns call them
SHARES = {"strict_precision": "precision", "coverage": "coverage"}


# --- The table --------------------------------------------------------------------------------------------------------


def show(groups: Sequence[OpenedGroup]) -> None:
    """Measures of each run on the test samples, and the same of PCA and of the mean sample."""
    glossary.show_terms("Test MSE, strict precision, coverage, KL, active units and PCA")
    for group in groups:
        group_heading(group, len(groups))
        lines = _lines(group)
        best = min(lines, key=lambda line: line["test MSE"] if line["test MSE"] is not None else math.inf)
        st.dataframe(
            lines,
            hide_index=True,
            height="content",
            placeholder="–",
            alt=f"Measures of {len(lines)} rows on the test set; the lowest test MSE is that of {best['']}.",
            column_config=_columns(group.card.modality.noun),
        )
    many = groups[0].card.modality.noun.many if len(groups) == 1 else "samples"
    one = groups[0].card.modality.noun.one if len(groups) == 1 else "sample"
    st.caption(
        f"On test {many}: for a report; to choose among runs take validation (*Best by*). Samples are drawn from the "
        "prior, or from a mixture of Gaussians fitted to the codes. Precision (the strict one): the share of samples "
        f"that lie as near to a test {one} as its neighbours do; coverage: the share of test {many} that have such a "
        f"sample. Real {many} are what a perfect sampler would score; a blur, such as the mean {one}, scores a high "
        "precision and no coverage."
    )


def _columns(noun: Noun) -> dict[str, Any]:
    number = st.column_config.NumberColumn
    shares = [f"{measure} ({kind})" for kind in SAMPLE_COLUMNS.values() for measure in SHARES.values()]
    return {
        "": st.column_config.TextColumn(pinned=True),
        "test MSE": number(format="%.4f", help=f"Mean squared error per {noun.value} on the test {noun.many}."),
        "KL (nats)": number(
            format="%.1f", help=f"What a code tells of its {noun.one}, beside the prior; test {noun.many}."
        ),
        "active units": number(
            help=f"Latent dimensions whose mean varies over the test {noun.many} by more than 0.01."
        ),
        "dimensions": number(help="Numbers in a code."),
        **{name: number(format="%.2f") for name in shares},
    }


def _lines(group: OpenedGroup) -> list[dict[str, Any]]:
    lines, real = [], None
    for name, run in group.runs.items():
        kept = _kept_sampling(run.result)
        sampling = statistics.report(run, "sampling") if kept is None else kept
        real = sampling.get("training_data", real)
        lines.append(_line(name, float(run.result["mse"]), run.code_size, sampling) | _kl(run))
    for name, (pca, run) in group.rivals().items():
        said = rivals.scores(run)
        lines.append(_line(name, said["errors"]["mse"], pca.code_size, said))
    if group.has_data:
        said = rivals.scores(group.first, 0)
        lines.append(_line(f"Mean {group.card.modality.noun.one}", said["errors"]["mse"], 0, said))
    if real:
        lines.append(_line(REAL.format(group.card.modality.noun.many), None, None, {"prior": real}))
    _note_measured(group)
    return lines


def _line(name: str, mse: float | None, size: int | None, sampling: Mapping[str, Any]) -> dict[str, Any]:
    line = {"": name, "test MSE": mse}
    for way, kind in SAMPLE_COLUMNS.items():
        line |= {f"{word} ({kind})": sampling.get(way, {}).get(measure) for measure, word in SHARES.items()}
    return line | {"KL (nats)": None, "active units": None, "dimensions": size}


def _kl(run: LoadedModel) -> dict[str, Any]:
    """The KL of a run's codes and how many dimensions are active; None where codes have no posterior."""
    kl = statistics.kl_per_dim(run)
    if kl is None:
        return {}
    return {"KL (nats)": float(kl.sum()), "active units": run.result.get("active_units")}


def _note_measured(group: OpenedGroup) -> None:
    st.session_state.setdefault(STATE_KEY, set()).update(run.id for run in group.runs.values())


# --- The verdict ------------------------------------------------------------------------------------------------------


def show_verdict(
    subjects: Sequence[Subject], entries: Sequence[RunInfo], opened: Mapping[str, LoadedModel], offer: bool
) -> None:
    """What the numbers say, in a sentence or two for each data set; `entries` are all runs, among which are those that
    differ in their seeds alone, `opened` those of the subjects that are, by id. With `offer` what is not known yet can
    be measured."""
    groups = by_dataset(subjects)
    if len(groups) > 1:
        titles = "; ".join(map(_short_title, groups))
        st.warning(
            f"These runs are of different data sets ({titles}): their numbers cannot be compared, so each data set "
            "stands by itself.",
            icon=":material/balance:",
        )
    seeds = comparison.seed_groups(
        (entry.config, float(entry.result["mse"])) for entry in entries if entry.finished and entry.config
    )
    for dataset, own in groups.items():
        if said := comparison.verdict([_scores(subject, seeds, opened) for subject in own]):
            st.markdown((f"{_short_title(dataset)}: " if len(groups) > 1 else "") + f"**{escape(said)}**")
    if offer and any(_sampling(subject, opened) is None for subject in subjects):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption("How real the samples of each are is told once they are measured.", width="content")
            st.button(
                "Measure samples", icon=":material/straighten:", on_click=address.write, args=("view", "measures")
            )


def _short_title(dataset: str) -> str:
    return escape(short_title(dataset))


def _scores(subject: Subject, seeds: Mapping[str, tuple[float, ...]], opened: Mapping[str, LoadedModel]) -> RunScores:
    result, sampling = subject.entry.result, _sampling(subject, opened) or {}

    def scores(way: str) -> SampleScores | None:
        return SampleScores.of(sampling[way]) if way in sampling else None

    card = CARDS.get(subject.config.dataset)  # None: people's own may be deleted
    pairs = (result.get("scores"), result.get("checkup"))  # of the test images, or else of validation images
    found = next((each for each in pairs if each and "pca_mse" in each), None)
    return RunScores(
        subject.name,
        float(result["mse"]),
        seeds.get(comparison.same_but_seed(subject.config), ()),
        comparison.usual_spread(card.n_train if card else USUAL_SIZE),
        (found["mse"], found["pca_mse"], found["mean_baseline_mse"]) if found else None,
        scores("prior"),
        scores("gmm_fit"),
        scores("training_data"),
    )


def _sampling(subject: Subject, opened: Mapping[str, LoadedModel]) -> Mapping[str, Any] | None:
    """How good the samples of a run are, where that is known: kept with it, or measured in this session."""
    kept = _kept_sampling(subject.entry.result)
    measured = subject.entry.id in st.session_state.get(STATE_KEY, ()) and subject.entry.id in opened
    if kept is None and measured:
        return statistics.report(opened[subject.entry.id], "sampling")
    return kept


def _kept_sampling(result: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What was measured of a run's samples when it came to the gallery; None where it is not of the gallery, or real
    images were not there."""
    kept: Mapping[str, Any] = result.get("scores", {}).get("report", {}).get("sampling", {})
    return kept if SAMPLE_COLUMNS.keys() <= kept.keys() else None
