"""A stream with what a detector says of it beneath, on one axis of time: arrays in, a figure and its words out."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from aecore.applications.anomaly.streams import Event
from aecore.applications.anomaly.watching import Watch
from aecore.data.modalities import Series
from ui.session.text import escape_figure
from ui.widgets.charts import Chart, new_figure

MAX_CHANNELS = 3
MAX_POINTS = 3000  # of a line: of more the least and the greatest of each stretch
MAX_TOLD = 8  # events and alarms that words name
HINDSIGHT, THRESHOLD = "#8a9099", "#8a9099"
LOG_FROM = 20  # times the least score, from which on a logarithmic axis shows both


def stream_chart(watch: Watch, series: Series, title: str, colours: Sequence[str]) -> Chart:
    """The channels in their own units with the known events shaded; beneath, the score of each window when it is
    complete, the threshold, and the alarms shaded."""
    from plotly.subplots import make_subplots

    names = [escape_figure(name) for name in series.channels[:MAX_CHANNELS]]
    rows = len(names) + 1
    figure = make_subplots(
        rows=rows,
        shared_xaxes=True,
        subplot_titles=[*names, f"{escape_figure(title)} of windows of {watch.length:,} steps"],
        vertical_spacing=0.24 / rows,
        row_heights=[1] * len(names) + [1.8],
    )
    figure.update_layout(new_figure(180 + 110 * len(names) + 160, hovermode="closest").layout)
    values = watch.stream.x * np.array(series.std) + np.array(series.mean)
    for row, _ in enumerate(names, 1):
        at = thinned(values[:, row - 1])
        figure.add_scatter(x=at, y=values[at, row - 1].round(4), mode="lines", line={"color": colours[0], "width": 1},
                           showlegend=False, hovertemplate="step %{x}: %{y:.3g}<extra></extra>",
                           row=row, col=1)  # fmt: skip
    _add_scores(figure, watch, rows, colours)
    for event in watch.stream.events:
        for row in range(1, rows + 1):
            _shade(figure, event.start, event.stop, row, colours[1], 0.35)
    for first, last in watch.episodes:
        _shade(figure, watch.ends[first], watch.ends[last] + _stride(watch), rows, colours[2], 0.4)
    for name, colour, shown in (
        ("known event", colours[1], bool(watch.stream.events)),
        ("alarm", colours[2], bool(watch.episodes)),
    ):
        if shown:
            figure.add_scatter(x=[None], y=[None], mode="markers", name=name, row=rows, col=1, opacity=0.5,
                               marker={"symbol": "square", "size": 14, "color": colour})  # fmt: skip
    figure.update_xaxes(range=[0, len(watch.stream)])
    figure.update_xaxes(title_text="step", row=rows, col=1)
    figure.update_annotations(font_size=13, x=0, xanchor="left")
    return Chart(figure, _words(watch, series, title))


def _stride(watch: Watch) -> int:
    return int(watch.starts[1] - watch.starts[0]) if len(watch.starts) > 1 else 1


def _shade(figure: Any, start: float, stop: float, row: int, colour: str, opacity: float) -> None:
    figure.add_vrect(x0=start, x1=stop, fillcolor=colour, opacity=opacity, line_width=0, layer="below", row=row, col=1)


def _add_scores(figure: Any, watch: Watch, row: int, colours: Sequence[str]) -> None:
    at, steps = thinned(watch.steps), watch.steps
    lines = {
        "per step, in hindsight": (at, steps[at], {"color": HINDSIGHT, "width": 3}, 0.45),
        "window, when complete": (watch.ends, watch.scores, {"color": colours[0], "width": 1.5}, 1),
        "threshold": (watch.ends, watch.cuts, {"color": THRESHOLD, "width": 2, "dash": "dash", "shape": "hv"}, 1),
    }
    for name, (x, y, line, opacity) in lines.items():
        kept = thinned(y) if len(y) > MAX_POINTS else slice(None)
        shown = np.where(np.isfinite(y[kept]), y[kept], np.nan)
        figure.add_scatter(x=np.asarray(x)[kept], y=shown, name=name, mode="lines", line=line, opacity=opacity,
                           hovertemplate=f"{name}, step %{{x}}: %{{y:.4g}}<extra></extra>",
                           row=row, col=1)  # fmt: skip
    if len(watch.drifts):
        figure.add_scatter(x=watch.ends[watch.drifts], y=watch.scores[watch.drifts], mode="markers",
                           name="level has risen", marker={"symbol": "triangle-up", "size": 13, "color": colours[4]},
                           hovertemplate="the level has risen, step %{x}<extra></extra>", row=row, col=1)  # fmt: skip
    known = watch.scores[np.isfinite(watch.scores)]
    if len(known) and 0 < known.min() < known.max() / LOG_FROM:
        figure.update_yaxes(type="log", dtick=1, row=row, col=1)


def thinned(values: np.ndarray) -> np.ndarray:
    """Rows of a long line that draw as all of them do: where each stretch is least and greatest."""
    if len(values) <= MAX_POINTS:
        return np.arange(len(values))
    edges = np.linspace(0, len(values), MAX_POINTS // 2 + 1).astype(int)
    found: set[int] = set()
    for start, stop in pairwise(edges.tolist()):
        part = np.nan_to_num(values[start:stop], nan=0.0)
        found |= {start + int(part.argmin()), start + int(part.argmax())}
    return np.array(sorted(found))


def _words(watch: Watch, series: Series, title: str) -> str:
    events, episodes = watch.stream.events, watch.episodes
    known = "; ".join(_event_words(event, delay) for event, delay in
                      list(zip(events, watch.delays, strict=True))[:MAX_TOLD])  # fmt: skip
    alarms = ", ".join(f"{watch.ends[first]:,} to {watch.ends[last]:,}" for first, last in episodes[:MAX_TOLD])
    return (
        f"A stream of {len(watch.stream):,} steps of {', '.join(series.channels[:MAX_CHANNELS])}, and beneath it the "
        f"{title.lower()} of {len(watch.scores):,} windows of {watch.length:,} steps, from {watch.scores.min():.3g} to "
        f"{watch.scores.max():.3g}. "
        + (f"Known events: {known}{_more(len(events))}. " if events else "No event is known. ")
        + (f"The alarm is on from step {alarms}{_more(len(episodes))}." if episodes else "The alarm is never on.")
        + (f" At step {_at(watch)} its level was found to have risen." if len(watch.drifts) else "")
    )


def _at(watch: Watch) -> str:
    steps = watch.ends[watch.drifts]
    return ", ".join(f"{step:,}" for step in steps[:MAX_TOLD]) + _more(len(steps))


def _event_words(event: Event, delay: int | None) -> str:
    found = "not found" if delay is None else f"found after {delay:,} steps"
    return f"{event.name} from step {event.start:,} to {event.stop - 1:,}, {found}"


def _more(count: int) -> str:
    return f", and {count - MAX_TOLD} more" if count > MAX_TOLD else ""
