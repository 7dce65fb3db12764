"""Watching a stream: alarms that have to last, thresholds that follow, a level that rises, and what all of it is worth
where the anomalies are known.

A window's score is there when the window is complete, and every time below is told from there. Nothing looks ahead but
`Watch.steps`, which says where in hindsight the error was.
"""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from aecore.applications.anomaly import metrics, streams
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.streams import Event, Stream
from aecore.errors import UserError

FENCE = 3.0  # interquartile ranges above the third quartile: beyond is "far out" (Tukey 1977)
ALLOWANCE, LIMIT = 0.5, 8.0  # of `cusum`, in standard deviations of the calibration scores


@dataclass(frozen=True)
class Persistence:
    """An alarm is on while at least `k` of the last `n` windows are above the threshold.

    Examples
    --------
    >>> import numpy as np
    >>> Persistence(2, 3).alarms(np.array([True, False, True, False, False])).tolist()
    [False, False, True, False, False]
    """

    k: int
    n: int

    def __str__(self) -> str:
        return f"{self.k} of {self.n}"

    @classmethod
    def parse(cls, text: str) -> Persistence:
        """From "2 of 3". UserError for anything else."""
        k, _, n = text.partition(" of ")
        if not (k.isdecimal() and n.isdecimal() and 0 < int(k) <= int(n)):
            raise UserError(f"Alarms last k of n windows, as in 2 of 3, not {text[:40]!r}.")
        return cls(int(k), int(n))

    def alarms(self, exceeds: np.ndarray) -> np.ndarray:
        """Whether the alarm is on after each window, bool `[n]`."""
        counted = np.concatenate([[0], np.cumsum(exceeds)])
        ends = np.arange(1, len(exceeds) + 1)
        return np.asarray(counted[ends] - counted[np.maximum(ends - self.n, 0)] >= self.k)


def _share_below(ordered: Sequence[float], share: float) -> float:
    """The least of rising numbers that `share` of them stay at or below."""
    return ordered[max(0, math.ceil(share * len(ordered) - 1e-9) - 1)]


def far_out(ordered: Sequence[float]) -> float:
    """What is above it does not look normal beside a baseline of rising scores: three interquartile ranges above its
    third quartile (Tukey 1977).

    It hangs on no threshold: were all that is above the threshold left out of the baseline, the threshold would sink
    with every window.
    """
    first, third = _share_below(ordered, 0.25), _share_below(ordered, 0.75)
    return third + FENCE * (third - first)


def rolling_cuts(
    scores: np.ndarray, calibration: np.ndarray, level: float, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """A threshold that follows: the quantile of the last `width` windows that looked normal.

    Parameters
    ----------
    scores
        Of windows in the order of time, `[n]`.
    calibration
        Scores of normal windows, `[m]`: the baseline that it begins with, the last `width` of them.
    level
        The share of the baseline that is no alarm.

    Returns
    -------
    tuple
        The threshold that each window meets, `[n]`, from those before it alone; and whether it looked normal (see
        `far_out`), bool `[n]`.
    """
    baseline = deque(calibration[-width:].tolist())
    ordered = sorted(baseline)
    cuts, normal = np.empty(len(scores)), np.empty(len(scores), bool)
    for number, score in enumerate(scores.tolist()):
        cuts[number] = _share_below(ordered, level)
        normal[number] = score <= far_out(ordered)
        if normal[number]:
            baseline.append(score)
            insort(ordered, score)
        if len(baseline) > width:
            del ordered[bisect_left(ordered, baseline.popleft())]
    return cuts, normal


def cusum(
    scores: np.ndarray, mean: float, std: float, allowance: float = ALLOWANCE, limit: float = LIMIT
) -> np.ndarray:
    """Where the level of scores has risen: a cumulative sum that forgets what lies below zero (Page 1954; the
    Page-Hinkley test is the same sum written otherwise).

    It adds up (score - mean) / std - allowance, never below 0; above `limit` it says so and begins anew. A lasting rise
    of d standard deviations is found after limit / (d - allowance) scores, rounded up to the next whole number above; a
    rise below the allowance is never found. For independent normal scores it is wrong once in 19,000 (Siegmund 1985,
    with the default values); real scores are skewed, and it is wrong more often.

    Parameters
    ----------
    scores
        In the order of time, `[n]`, of windows that share no step: those that overlap rise together.
    mean, std
        Of the calibration scores.
    allowance, limit
        In standard deviations of these.

    Returns
    -------
    np.ndarray
        Rows of `scores` at which a rise was found.

    Examples
    --------
    >>> import numpy as np
    >>> cusum(np.array([0.0] * 5 + [2.5] * 5), mean=0, std=1, allowance=0.5, limit=5).tolist()
    [7]
    """
    total, found = 0.0, []
    for row, score in enumerate(scores):
        total = max(0.0, total + (score - mean) / std - allowance)
        if total > limit:
            found.append(row)
            total = 0.0
    return np.array(found, int)


@dataclass(frozen=True)
class WatchSettings:
    """How a stream is watched."""

    stride: int  # steps from the beginning of a window to that of the next
    persistence: Persistence = Persistence(2, 3)
    rolling: int = 0  # windows of the baseline of a threshold that follows; 0: one threshold for all
    level: float = 0.99  # the share of the baseline that is no alarm


@dataclass(frozen=True, eq=False)
class Watch:
    """What one detector says of a stream, window by window."""

    name: str
    stream: Stream
    starts: np.ndarray  # int [n]
    length: int
    scores: np.ndarray  # [n]
    cuts: np.ndarray  # [n], the threshold that each window met
    alarms: np.ndarray  # bool [n], whether the alarm is on when the window is complete
    drifts: np.ndarray  # rows at which the level of what looks normal was found to have risen

    @property
    def ends(self) -> np.ndarray:
        """How many steps are over when each window is complete, `[n]`."""
        return self.starts + self.length

    @cached_property
    def steps(self) -> np.ndarray:
        """The mean score of the windows over each step, `[T]`."""
        return streams.per_step(self.scores, self.starts, self.length, len(self.stream))

    @cached_property
    def episodes(self) -> tuple[tuple[int, int], ...]:
        """First and last window of each time that the alarm is on."""
        edges = np.flatnonzero(np.diff(np.concatenate([[0], self.alarms.astype(int), [0]])))
        return tuple((int(a), int(b) - 1) for a, b in edges.reshape(-1, 2))

    def touches(self, window: int, event: Event) -> bool:
        """Whether a window has a step of an event."""
        return bool(self.starts[window] < event.stop and self.ends[window] > event.start)

    @cached_property
    def delays(self) -> tuple[int | None, ...]:
        """Of each event the steps from its first to the end of the first window that has a step of it and leaves the
        alarm on; None where there is none."""
        found: list[int | None] = []
        on = np.flatnonzero(self.alarms).tolist()
        for event in self.stream.events:
            first = next((row for row in on if self.touches(row, event)), None)
            found.append(None if first is None else int(self.ends[first]) - event.start)
        return tuple(found)

    @property
    def n_found(self) -> int:
        return sum(delay is not None for delay in self.delays)

    @property
    def mean_delay(self) -> float:
        """Over the events that were found; NaN where none was."""
        known = [delay for delay in self.delays if delay is not None]
        return sum(known) / len(known) if known else math.nan

    @cached_property
    def n_false_alarms(self) -> int:
        """How often the alarm went on and off again without a window that has a step of an event."""
        events = self.stream.events
        return sum(
            not any(self.touches(row, event) for row in range(first, last + 1) for event in events)
            for first, last in self.episodes
        )

    @property
    def false_alarms_per_1000(self) -> float:
        """The same for each 1,000 normal steps."""
        odd = sum(event.stop - event.start for event in self.stream.events)
        return 1000 * self.n_false_alarms / max(1, len(self.stream) - odd)

    def auroc(self, kind: str = "") -> float:
        """Of windows within events, or of these of one kind, against windows that touch none; without a threshold."""
        events = self.stream.events
        of = streams.window_events(self.starts, self.length, events)
        asked = np.array([number for number, event in enumerate(events) if kind in ("", event.name)], int)
        rows = (of == -1) | np.isin(of, asked)
        return metrics.auroc(self.scores[rows], of[rows] >= 0)


def watch(
    name: str,
    stream: Stream,
    length: int,
    scores: np.ndarray,
    calibration: np.ndarray,
    fixed: float,
    settings: WatchSettings,
) -> Watch:
    """Alarms from the scores of a stream's windows.

    Parameters
    ----------
    scores
        Of the windows that `window_starts` names, `[n]`.
    calibration
        Scores of normal windows that nothing was fitted to.
    fixed
        The threshold, where none follows.
    """
    starts, fence = streams.window_starts(len(stream), length, settings.stride), far_out(sorted(calibration.tolist()))
    if settings.rolling:
        cuts, normal = rolling_cuts(scores, calibration, settings.level, settings.rolling)
    else:
        cuts, normal = np.full(len(scores), fixed), scores <= fence
    apart = np.arange(0, len(scores), -(-length // settings.stride))  # windows that share no step
    apart = apart[normal[apart]]
    usual = calibration[calibration <= fence]
    drifts = apart[cusum(scores[apart], float(usual.mean()), float(usual.std()) or 1.0)]
    return Watch(name, stream, starts, length, scores, cuts, settings.persistence.alarms(scores > cuts), drifts)


def watch_all(
    detector: Detector,
    stream: Stream,
    names: Sequence[str],
    settings: WatchSettings,
    threshold: Callable[[np.ndarray], float],
) -> dict[str, Watch]:
    """Several detectors at one stream, each with its own threshold by the same rule; `threshold` makes one of
    calibration scores."""
    like, length = detector.data.calibration, detector.data.train.x.shape[1]
    windows = streams.cut(stream, streams.window_starts(len(stream), length, settings.stride), length, like)
    found = {}
    for name in names:
        score = streams.scorer(detector, name)
        calibration = score(like)
        found[name] = watch(name, stream, length, score(windows), calibration, threshold(calibration), settings)
    return found
