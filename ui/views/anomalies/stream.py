"""Anomalies over time: a stream, alarms that have to last, and what detectors are worth on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, cast

import streamlit as st

from aecore.data.modalities import Series
from ui.run_data import streams
from ui.session import choices
from ui.session.address import link
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.anomalies import scores_table
from ui.widgets import glossary
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.streams import Stream
    from aecore.applications.anomaly.watching import Watch, WatchSettings
    from ui.views.anomalies.found import Found

RIVALS = ("pca", "knn", "sensors")  # beside the chosen score and the reconstruction error
FILE = "file"
DRAWN_TITLES = {
    "machine": "A drawn machine: broken correlation, then drift",
    "heartbeats": "Drawn heartbeats with odd ones",
}
PERSISTENCES = ("1 of 1", "2 of 3", "3 of 5", "5 of 8")
BASELINES = {"0": "One threshold for all"} | {str(n): f"Quantile of the last {n} windows" for n in (100, 250, 500)}
LEVEL = 0.99  # of a threshold that follows, where the rule is no quantile
EXPLANATION = (
    "A long series is cut into overlapping windows of the model's length; each gets a score **when it is complete**, "
    "and an alarm has to last. What counts: is every event found, how late, and how often for nothing."
)


@st.fragment  # another stride needs nothing of the page
def over_time(run: LoadedModel, found: Found) -> None:
    """A stream of a run of series watched by the chosen score and its rivals; for other runs where there is one."""
    if run.card.modality.kind != "series":
        st.info(
            f"Watching over time needs a model of series, and this one knows {escape(run.card.short_description)}.",
            icon=":material/timeline:",
        )
        link("train", "Train one on a drawn machine", dataset="machine", family="vanilla", normal="0")
        return
    st.markdown(EXPLANATION)
    glossary.show_terms(EXPLANATION.replace("*", ""))
    source, stream = _stream(run, found)
    if stream is None:
        st.info("Choose a CSV with a row for each step to begin.", icon=":material/upload_file:")
        return
    settings = _settings(run, found, stream)
    length = run.card.shape[0]
    if stream.whole_windows and settings.stride != length:
        st.warning(
            f"These series lie in a row, and the model knows only windows that begin where one of them does: at a "
            f"stride of {settings.stride} others begin elsewhere and are odd to it. Choose {length}.",
            icon=":material/straighten:",
        )
    watches = {name: _watch(run, found, name, source, stream, settings) for name in _names(run, found)}
    from ui.views.anomalies.stream_chart import MAX_CHANNELS, stream_chart

    series, chosen = cast(Series, run.card.modality), watches[found.score]
    show_chart(stream_chart(chosen, series, _titles(run)[found.score], class_colours()), key="over-time")
    if len(series.channels) > MAX_CHANNELS:
        st.caption(f"The first {MAX_CHANNELS} of {len(series.channels)} channels.")
    if stream.events:
        _figures(chosen)
        _contest(run, found, watches)
    _notes(settings)


def _names(run: LoadedModel, found: Found) -> list[str]:
    return list(dict.fromkeys([found.score, "reconstruction", *RIVALS]))


def _titles(run: LoadedModel) -> dict[str, str]:
    from aecore.applications.anomaly.streams import STREAM_RIVALS

    return scores_table.titles(run) | {name: rival.title for name, rival in STREAM_RIVALS.items()}


# --- What is watched, and how -----------------------------------------------------------------------------------------


def _stream(run: LoadedModel, found: Found) -> tuple[str, Stream | None]:
    """The stream that people choose, with what names it; None while a file is awaited."""
    drawn = {streams.DRAWN: DRAWN_TITLES[run.config.dataset]} if run.config.dataset in DRAWN_TITLES else {}
    sources = drawn | {streams.JUDGED: "The judged series, one after the other", FILE: "A CSV of your own"}
    chosen = choices.bound_choice(
        "Stream", sources, "stream", widget="select", resets=("stride", "persistence"),
        help="A CSV has a row for each step and the model's channels as columns, in the unit of its data set; a column "
        "called is_anomaly or label says where something is odd.",
    )  # fmt: skip
    if chosen == streams.DRAWN:
        return chosen, streams.drawn_stream(run)
    if chosen == streams.JUDGED:
        return chosen, or_stop(streams.judged_stream, run, found.dataset, found.false_alarms)
    file = st.file_uploader("Series", ["csv", "tsv", "txt"], key="stream-file", help="Up to 20 MB and 200,000 steps.")
    if file is None:
        return chosen, None
    content = file.getvalue()
    digest = sha256(content).hexdigest()
    return digest, or_stop(streams.from_file, run, digest, content)


def _settings(run: LoadedModel, found: Found, stream: Stream) -> WatchSettings:
    from aecore.applications.anomaly.watching import Persistence, WatchSettings

    length = run.card.shape[0]
    strides = dict.fromkeys(str(max(1, length // part)) for part in (1, 2, 4, 8))
    columns = st.columns(3)
    stride = choices.bound_choice(
        "Stride", {each: f"{each} steps" for each in strides}, "stride",
        str(length) if stream.whole_windows else str(max(1, length // 4)), widget="select", container=columns[0],
        help="Steps from the beginning of a window to that of the next. Smaller: found sooner, and more windows that "
        "can be false alarms.",
    )  # fmt: skip
    persistence = choices.bound_choice(
        "Alarm (k of n windows)", PERSISTENCES, "persistence",
        "1 of 1" if stream.whole_windows else "2 of 3", widget="select", container=columns[1],
        help="An alarm is on while so many of the last windows are above the threshold: fewer false alarms, and a "
        "later alarm. A single odd beat is one window: there 1 of 1.",
    )  # fmt: skip
    rolling = choices.bound_choice(
        "Threshold", BASELINES, "baseline", widget="select", container=columns[2],
        help="One that follows is a quantile of the last windows that looked normal, which leaves out those more than "
        "three interquartile ranges above the third quartile. It forgives a slow drift, so the level is watched too.",
    )  # fmt: skip
    level = found.rule.values[0] if found.rule.name == "quantile" else LEVEL
    return WatchSettings(int(stride), Persistence.parse(persistence), int(rolling), level)


def _watch(run: LoadedModel, found: Found, name: str, source: str, stream: Stream, settings: WatchSettings) -> Watch:
    from aecore.applications.anomaly import thresholds, watching

    scored = or_stop(streams.scored, run, name, found.dataset, found.false_alarms)
    scores = or_stop(
        streams.window_scores, run, name, source, settings.stride, found.dataset, found.false_alarms, stream
    )  # fmt: skip
    cut = found.threshold.cut
    if name != found.score:
        known = thresholds.Calibration(scored.calibration, scored.known_odd, found.base_rate)
        cut = or_stop(found.rule.threshold, known, scored.judged).cut
    return watching.watch(name, stream, run.card.shape[0], scores, scored.calibration, cut, settings)


# --- What it is worth -------------------------------------------------------------------------------------------------


def _figures(watch: Watch) -> None:
    delays = [delay for delay in watch.delays if delay is not None]
    metrics_row(
        (
            "Events found",
            f"{watch.n_found} of {len(watch.delays)}",
            "With an alarm after a window that has a step of it.",
        ),
        (
            "Delay",
            f"{watch.mean_delay:,.0f} steps" if delays else "–",
            "From the first step of an event to the end of the window at which the alarm comes, over those found.",
        ),
        (
            "False alarms per 1,000",
            f"{watch.false_alarms_per_1000:.2f}",
            f"Per 1,000 normal steps; {watch.n_false_alarms} times the alarm went on and off away from every event.",
        ),
        (
            "Rises of level",
            str(len(watch.drifts)),
            "How often a cumulative sum (CUSUM, Page 1954) found that windows that look normal score higher than the "
            "calibration samples did: a baseline that drifts.",
        ),
    )


def _contest(run: LoadedModel, found: Found, watches: Mapping[str, Watch]) -> None:
    """The chosen score beside its rivals, all with the same stride, persistence and rule."""
    titles = _titles(run)
    kinds = list(dict.fromkeys(event.name for event in watches[found.score].stream.events))
    aurocs = {name: watch.auroc() for name, watch in watches.items()}
    best = max(aurocs, key=lambda name: -1 if math.isnan(aurocs[name]) else aurocs[name])
    st.markdown(_verdict(titles, watches, aurocs, best, found.score))
    lines = [
        {"score": titles[name]}
        | {f"AUROC, {kind}": watch.auroc(kind) for kind in kinds}
        | {
            "found": f"{watch.n_found} of {len(watch.delays)}",
            "mean delay": watch.mean_delay,
            "false alarms": watch.false_alarms_per_1000,
        }
        for name, watch in watches.items()
    ]
    st.dataframe(
        lines,
        hide_index=True,
        height="content",
        alt=f"{len(lines)} detectors on this stream; the largest AUROC of windows is that of {titles[best]}, "
        f"{aurocs[best]:.3f}.",
        column_config={f"AUROC, {kind}": st.column_config.NumberColumn(format="%.3f", help="Windows within such events "
                       "against windows that touch none; no threshold is asked.") for kind in kinds}
        | {"mean delay": st.column_config.NumberColumn(format="%.0f", help="Steps, over the events that were found."),
           "false alarms": st.column_config.NumberColumn(format="%.2f", help="Per 1,000 normal steps.")},
    )  # fmt: skip
    with st.expander("Delay of each event"):
        events = watches[found.score].stream.events
        st.dataframe(
            [
                {"event": event.name, "from step": event.start, "steps": event.stop - event.start}
                | {titles[name]: watch.delays[number] for name, watch in watches.items()}
                for number, event in enumerate(events)
            ],
            hide_index=True,
            height="content",
            alt=f"Steps until each of {len(events)} events is found, by each detector; empty where it is not.",
        )


def _verdict(
    titles: Mapping[str, str], watches: Mapping[str, Watch], aurocs: Mapping[str, float], best: str, chosen: str
) -> str:
    """Who ranks the windows best, and what a look at each sensor alone would have seen."""
    mine = aurocs[chosen]
    if best == chosen or round(aurocs[best], 3) == round(mine, 3):
        equal = [titles[name] for name in aurocs if name != chosen and round(aurocs[name], 3) == round(mine, 3)]
        words = f"**{titles[chosen]} ranks the windows best**: AUROC {mine:.3f}"
        words += f", and so {'does' if len(equal) == 1 else 'do'} {' and '.join(equal)}." if equal else "."
    else:
        words = f"**{titles[best]} wins**: AUROC of windows {aurocs[best]:.3f} against {mine:.3f} of {titles[chosen]}."
    alone = watches["sensors"]
    several = alone.stream.x.shape[1] > 1
    for kind in dict.fromkeys(event.name for event in alone.stream.events if several):
        if abs(alone.auroc(kind) - 0.5) < 0.15:
            words += (
                f" Of {escape(kind)} no single sensor knows anything: {alone.auroc(kind):.2f}, where 0.5 is chance."
            )
    return words


def _notes(settings: WatchSettings) -> None:
    said = [
        "In hindsight a step has the mean score of the windows over it; alarms go by the score at the end of a window, "
        "which nothing later can change."
    ]
    if settings.rolling:
        said.append(
            f"The threshold is the {settings.level:g} quantile of the last {settings.rolling} windows that looked "
            "normal, and begins with the calibration samples."
        )
    st.caption(" ".join(said))
