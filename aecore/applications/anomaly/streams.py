"""Anomalies over time: a long series, its stretches that are known to be odd, the windows that it is cut into, and a
score for each; what becomes of the scores is in `watching`."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly.detection import DetectionData, Detector
from aecore.applications.anomaly.rivals import RIVALS, Rival, Scorer
from aecore.data import simulated
from aecore.data.adding import stream as stream_file
from aecore.data.datasets import Split
from aecore.data.loaders import to_model_space
from aecore.data.modalities import Series
from aecore.errors import UserError

SEED = 1  # of the streams that are drawn: other ones than the windows that are trained on
MAX_WINDOWS = 20_000
MACHINE = ((0, 1700), (2, 400), (0, 1000), (1, 800), (0, 1000), (2, 300), (0, 800))  # classes and steps of a stream
N_IN_A_ROW, EVERY = 120, 10  # normal windows laid in a row, and after how many of them an odd one comes


# --- Streams ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """A stretch of a stream that is known to be odd."""

    name: str
    start: int
    stop: int  # the first step after it


@dataclass(frozen=True, eq=False)
class Stream:
    """One long series."""

    x: np.ndarray  # float32 [T, C], as networks get it; NaN where a value is missing
    events: tuple[Event, ...] = ()
    whole_windows: bool = False  # whether it is made of windows in a row, so that the next one begins a window later

    def __len__(self) -> int:
        return len(self.x)


def events_of(label: np.ndarray, names: Sequence[str], normal: Collection[int]) -> tuple[Event, ...]:
    """The stretches of equal labels `[T]` that are not `normal`.

    Examples
    --------
    >>> import numpy as np
    >>> events_of(np.array([0, 0, 1, 1, 0]), ("normal", "drift"), normal=(0,))
    (Event(name='drift', start=2, stop=4),)
    """
    edges = np.flatnonzero(np.diff(label)) + 1
    starts, stops = [0, *edges.tolist()], [*edges.tolist(), len(label)]
    found = (Event(names[int(label[a])], a, b) for a, b in zip(starts, stops, strict=True) if label[a] not in normal)
    return tuple(found)


def drawn_stream(run: LoadedModel, seed: int = SEED) -> Stream | None:
    """A long series drawn by the formula that drew the windows of a run's data set, with other random numbers; None
    where no formula did."""
    random, card = np.random.RandomState(seed), run.card
    normal = run.config.normal or range(len(card.classes))
    if card.name == "machine":
        x, label = simulated.machine_stream(random, MACHINE)
        return Stream(to_model_space(card, x), events_of(label, card.classes, normal))
    if card.name == "heartbeats":
        x, label = simulated.heartbeats(random)
        group = np.where(np.isin(label, normal), -1, label)
        return in_a_row(to_model_space(card, x), group, card.classes)
    return None


def read_stream(file: Path, run: LoadedModel) -> Stream:
    """A stream from a CSV with a row for each step; as `aecore.data.adding.stream.read_stream`."""
    series = run.card.modality
    assert isinstance(series, Series)
    x, said = stream_file.read_stream(file, series)
    names, label = np.unique(said, return_inverse=True)
    normal = [number for number, name in enumerate(names) if not name]
    shown = ["anomaly" if name in ("1", "1.0", "true", "True", "yes") else str(name) for name in names]
    return Stream(to_model_space(run.card, x), events_of(label, shown, normal))


def judged_stream(data: DetectionData) -> Stream:
    """The judged samples, one after the other: normal ones with an odd one in between now and then."""
    return in_a_row(data.judged.observed(), data.group, data.groups)


def in_a_row(x: np.ndarray, group: np.ndarray, names: Sequence[str]) -> Stream:
    """Windows `[N, T, C]` laid one after the other: N_IN_A_ROW of the normal ones, whose `group` [N] is -1, and after
    every EVERY of them an odd one, of each kind in turn."""
    normal = np.flatnonzero(group < 0)[:N_IN_A_ROW]
    kinds = [np.flatnonzero(group == kind) for kind in np.unique(group[group >= 0])]
    turns = [int(rows[turn]) for turn in range(max(map(len, kinds), default=0)) for rows in kinds if turn < len(rows)]
    order: list[int] = []
    for at, row in enumerate(normal):
        order.append(int(row))
        if at % EVERY == EVERY - 1 and at // EVERY < len(turns):
            order.append(turns[at // EVERY])
    length = x.shape[1]
    events = tuple(
        Event(names[group[row]], place * length, (place + 1) * length)
        for place, row in enumerate(order)
        if group[row] >= 0
    )
    return Stream(np.concatenate(x[order]) if order else x[:0].reshape(0, x.shape[2]), events, whole_windows=True)


# --- Windows ----------------------------------------------------------------------------------------------------------


def window_starts(total: int, length: int, stride: int) -> np.ndarray:
    """Where windows of `length` steps begin in a stream of `total`, one every `stride`: int `[n]`.

    Raises
    ------
    UserError
        When the stream is shorter than a window, or has too many of them.
    """
    if total < length:
        raise UserError(f"The stream has {total:,} steps and a window {length:,}: choose a longer one.")
    starts = np.arange(0, total - length + 1, stride)
    if len(starts) > MAX_WINDOWS:
        raise UserError(
            f"The stream has {len(starts):,} windows and at most {MAX_WINDOWS:,} are scored: choose a larger stride."
        )
    return starts


def cut(stream: Stream, starts: np.ndarray, length: int, like: Split) -> Split:
    """The windows that begin at `starts` [n] as samples `[n, length, C]` of the same kind as those of a split."""
    every = np.lib.stride_tricks.sliding_window_view(stream.x, length, axis=0)  # [T - length + 1, C, length]
    x = np.ascontiguousarray(every[starts].transpose(0, 2, 1))
    return Split(x, np.zeros(len(x), np.int64), like.max_value, kind=like.kind)


def per_step(scores: np.ndarray, starts: np.ndarray, length: int, total: int) -> np.ndarray:
    """The mean score of the windows that cover each step, `[total]`; NaN where none does.

    The mean, not the maximum, which would draw one odd moment as wide as two windows; so a step next to an event shares
    in it all the same.

    Examples
    --------
    >>> import numpy as np
    >>> per_step(np.array([1.0, 3.0]), starts=np.array([0, 2]), length=4, total=7).tolist()
    [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, nan]
    """
    sums, counts = np.zeros(total + 1), np.zeros(total + 1)
    for weight, into in ((scores, sums), (np.ones(len(starts)), counts)):
        np.add.at(into, starts, weight)
        np.add.at(into, starts + length, -weight)
    covered = np.cumsum(counts)[:total]
    return np.where(covered > 0, np.cumsum(sums)[:total] / np.maximum(covered, 1), np.nan)


def window_events(starts: np.ndarray, length: int, events: Sequence[Event]) -> np.ndarray:
    """Of each window the number of the event that it lies in, or that lies in it whole; -1 for a window that touches
    none, and -2 for one that touches only a part: int `[n]`."""
    found = np.full(len(starts), -1)
    for number, event in enumerate(events):
        touching = (starts < event.stop) & (starts + length > event.start)
        within = (starts >= event.start) & (starts + length <= event.stop)
        holding = (starts <= event.start) & (starts + length >= event.stop)
        found[touching & (found < 0)] = -2
        found[within | holding] = number
    return found


# --- Scores of windows ------------------------------------------------------------------------------------------------


def fit_sensors(train: Split, code_size: int) -> Scorer:
    """Each sensor by itself: it knows the mean and the standard deviation of each, and nothing of how they hang
    together or follow each other in time."""
    x = train.observed()
    mean, std = np.nanmean(x, axis=(0, 1)), np.maximum(np.nanstd(x, axis=(0, 1)), 1e-6)

    def score(split: Split) -> np.ndarray:
        found: np.ndarray = np.abs((split.observed() - mean) / std)
        return np.asarray(np.nan_to_num(found).max(axis=(1, 2)), np.float64)

    return score


SENSORS = "sensors"
STREAM_RIVALS: dict[str, Rival] = RIVALS | {
    SENSORS: Rival(
        "Each sensor alone",
        "The largest distance of any value from its sensor's mean, in standard deviations.",
        fit_sensors,
    )
}


def scorer(detector: Detector, name: str) -> Scorer:
    """What a score of the run, or a rival, says of windows; fitted to what the run has learnt from."""
    if name == SENSORS:
        return STREAM_RIVALS[name].fit(detector.data.train, detector.run.code_size)
    return detector.scorer(name)
