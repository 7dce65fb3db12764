"""How long trainings take here, by the clock on the wall, and how long one has still to go: estimates, for showing.

A training is more than its steps: its worker loads data and network first, writes between the steps, and evaluates
after the last one, which may take longer than all steps. Each finished run keeps its `phase_seconds` in its result, and
later ones like it are judged by them. Nothing here imports torch.
"""

from __future__ import annotations

import dataclasses
import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from aecore.data.cards import CARDS
from aecore.store import runs
from aecore.store.run_info import RunInfo

CACHE_SECONDS = 10.0  # for which what was learnt of the finished runs is good
N_RECENT = 5  # finished runs of a kind, the newest, whose median counts
LIKENESS = ("dataset", "network", "family", "hidden_sizes", "batch_size")  # what makes runs take about as long
MAX_SCALE = 3.0  # by which the closing work is taken to be slower or quicker than it was, as the epochs are
# of a run that keeps no times, and until one was finished here: seconds, seconds, and of an epoch
DEFAULT_STARTUP, MIN_CLOSING, CLOSING_EPOCHS = 0.3, 0.3, 0.5


@dataclass(frozen=True)
class PhaseSeconds:
    """Seconds of a training's parts, with all that its worker does meanwhile."""

    startup: float  # until the first step
    epoch: float  # one epoch, with validation and what is written
    closing: float  # after the last one: evaluation on the test images, checkup, codes

    def total(self, epochs: int) -> float:
        return self.startup + epochs * self.epoch + self.closing

    def to_json(self) -> dict[str, float]:
        return {name: round(seconds, 3) for name, seconds in dataclasses.asdict(self).items()}


def default_closing(epoch: float) -> float:
    """Seconds of the closing work where only the seconds of an epoch are known."""
    return MIN_CLOSING + CLOSING_EPOCHS * epoch


# --- A run that has not begun -----------------------------------------------------------------------------------------


def expected(config: Mapping[str, Any]) -> PhaseSeconds | None:
    """What the parts of a training with these settings take, by the newest finished runs most like it; None when none
    is like it. Runs of this machine come before the gallery's. Settings may be of another version, or spoilt."""
    images, known = _images_per_epoch(config), _by_likeness(int(time.monotonic() / CACHE_SECONDS))
    for pretrained in (False, True):
        for key in _keys(config):
            if images and (alike := known.get((pretrained, key))):
                recent = alike[:N_RECENT]
                epoch = images * statistics.median(each.epoch for each in recent)
                closing = statistics.median(each.closing for each in recent)
                return PhaseSeconds(statistics.median(each.startup for each in recent), epoch, closing)
    return None


def _images_per_epoch(config: Mapping[str, Any]) -> int:
    """How many images an epoch has; 0 where that cannot be told."""
    card, size = CARDS.get(str(config.get("dataset"))), config.get("train_size")
    if card is None or type(size) is not int or size < 0:
        return 0
    return min(size or card.n_train, card.n_train)


def _keys(config: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """What a run has in common with those like it, the closest likeness first."""
    said = tuple(str(config.get(name)) for name in LIKENESS)
    return [said[:length] for length in (5, 3, 2)]


@lru_cache(maxsize=1)
def _by_likeness(now: int) -> Mapping[tuple[bool, tuple[str, ...]], list[PhaseSeconds]]:
    """The parts of the finished runs, the newest first, by whether they are of the gallery and what they have in
    common; the seconds of an epoch are given per image."""
    found: dict[tuple[bool, tuple[str, ...]], list[PhaseSeconds]] = defaultdict(list)
    for run in runs.entries():
        if run.finished and run.config:
            config, phases = run.config.to_json(), _phases_of(run, run.config.total_epochs)
            if images := _images_per_epoch(config):
                for key in _keys(config):
                    found[run.pretrained, key].append(dataclasses.replace(phases, epoch=phases.epoch / images))
    return found


def _phases_of(run: RunInfo, epochs: int) -> PhaseSeconds:
    """What the parts of a finished run took; estimated from its seconds where it does not say."""
    if said := run.result.get("phase_seconds"):
        return PhaseSeconds(said["startup"], said["epoch"], said["closing"])
    epoch = run.result["seconds"] / epochs
    return PhaseSeconds(DEFAULT_STARTUP, epoch, default_closing(epoch))


# --- The one that trains ----------------------------------------------------------------------------------------------


class PhaseTimer:
    """Times the parts of a training as it goes, and tells how long it has still to go: by its pace in the later half of
    its time so far, and by what the closing work of earlier ones took. It begins with startup."""

    def __init__(self, config: Mapping[str, Any], clock: Callable[[], float] = time.monotonic) -> None:
        self.clock, self.expected = clock, expected(config)
        self.created, self.last = clock(), (0.0, 0.0)
        self.first: tuple[float, float] | None = None  # when the steps began, and at how many epochs
        self.recent: deque[tuple[float, float]] = deque()  # the same of the later half

    def report(self, epochs_done: float) -> None:
        """Notes how many epochs are done by now, parts of one included; the first time, before the first step."""
        self.last = now = self.clock(), epochs_done
        self.first = self.first or now
        self.recent.append(now)
        while len(self.recent) > 2 and 2 * self.recent[1][0] <= self.first[0] + now[0]:
            self.recent.popleft()

    def seconds_left(self, epochs_left: float) -> float | None:
        """Until the run is finished; None when nothing is known that would tell."""
        pace = _pace(self.recent[0], self.last) if self.recent else None
        if pace is None:
            return epochs_left * self.expected.epoch + self.expected.closing if self.expected else None
        if self.expected is None or not self.expected.epoch:
            return epochs_left * pace + default_closing(pace)
        slower = min(MAX_SCALE, max(1 / MAX_SCALE, pace / self.expected.epoch))
        return epochs_left * pace + slower * self.expected.closing

    def phases(self) -> PhaseSeconds | None:
        """What the parts took, when the closing work is done; None for a training that had no step in this process."""
        if self.first is None or (pace := _pace(self.first, self.last)) is None:
            return None
        return PhaseSeconds(self.first[0] - self.created, pace, self.clock() - self.last[0])


def _pace(begin: tuple[float, float], end: tuple[float, float]) -> float | None:
    """Seconds an epoch between two marks of (seconds, epochs)."""
    return (end[0] - begin[0]) / (end[1] - begin[1]) if end[1] > begin[1] else None
