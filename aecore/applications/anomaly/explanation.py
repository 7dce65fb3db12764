"""Why one sample is odd: what the model made of it, where the two differ, and what it is compared with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.partitions import Partition, contributions
from aecore.applications.anomaly.rivals import BATCH_SIZE, MAX_TRAIN, values
from aecore.applications.anomaly.scoring import Reference, encode, error_maps
from aecore.applications.anomaly.thresholds import p_values
from aecore.data.datasets import Split
from aecore.data.modalities import Image, Modality, Table

N_NEIGHBOURS = 5
N_NORMAL = 1000  # calibration samples that errors are compared with; the first are a fair sample
NORMAL_SHARE = 0.99  # of errors of normal samples that count as usual
PARTS_SHARE = 0.5  # of a score that the parts which words name make up
MAX_NAMED = 3  # parts that words name
SUMS_UP = "reconstruction"  # the score that contributions sum to


# --- Normal errors ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class NormalErrors:
    """The errors of normal samples that nothing was fitted to, which those of another are compared with."""

    parts: np.ndarray  # [parts]: what NORMAL_SHARE of the calibration samples have as contribution at most
    error: float  # squared error of a position that NORMAL_SHARE of theirs stay at or below

    @classmethod
    def of(cls, detector: Detector) -> NormalErrors:
        run, known = detector.run, detector.data.calibration.head(N_NORMAL)
        x = known.observed()
        errors = error_maps(run, x)
        parts = Partition.of(run.card.modality).sums(contributions(x, errors))
        limit = np.quantile(by_position(run.card.modality, errors), NORMAL_SHARE)
        return cls(np.quantile(parts, NORMAL_SHARE, axis=0), float(limit))


def by_position(modality: Modality, errors: np.ndarray) -> np.ndarray:
    """Errors `[N, *shape]` as heat maps show them: of an image the mean over its colours, `[N, H, W]`; of a table those
    of its columns, `[N, columns]`; else as they are."""
    if isinstance(modality, Image):
        return np.asarray(errors.mean(axis=1))
    return modality.column_errors(errors) if isinstance(modality, Table) else errors


# --- One sample -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ErrorPart:
    """What a part of a sample adds to its reconstruction error."""

    name: str
    contribution: float
    share: float  # of the whole
    normal_limit: float  # contribution that NORMAL_SHARE of the calibration samples stay at or below


@dataclass(frozen=True)
class Neighbour:
    """A training sample."""

    row: int  # of what the detector learnt from
    label: int  # its class
    distance: float  # Euclidean


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a sample has the score that it has."""

    sample: np.ndarray  # [*shape], NaN where a value is missing
    reconstruction: np.ndarray  # [*shape]
    errors: np.ndarray  # [*shape], squared
    score: float
    p_value: float  # conformal
    below: float  # share of the calibration samples with a lower score
    n_calibration: int
    parts: tuple[ErrorPart, ...]  # the largest contribution first
    normal_error: float
    by_code: tuple[Neighbour, ...]  # the nearest training samples, by codes
    by_values: tuple[Neighbour, ...]  # by the values themselves

    @property
    def reconstruction_error(self) -> float:
        """The sum of the parts."""
        return sum(part.contribution for part in self.parts)

    @property
    def rank_text(self) -> str:
        """`odder than 98.5% of 70`."""
        return f"odder than {percent(self.below)} of {self.n_calibration:,}"

    @property
    def parts_text(self) -> str:
        """The parts that make up half of the error, three of them at most, in words."""
        named, total = [], 0.0
        for part in self.parts[:MAX_NAMED]:
            named.append(f"{part.name} {part.share:.0%}")
            total += part.share
            if total >= PARTS_SHARE:
                break
        return ", ".join(named)


def explain(detector: Detector, name: str, sample: Split, normal_errors: NormalErrors) -> Explanation:
    """Why a sample, the only one of a split, is as odd as a score, or a rival, says that it is."""
    run, known = detector.run, detector.scored(name).calibration
    x = sample.observed()
    errors = error_maps(run, x)
    score = detector.scorer(name)(sample)
    return Explanation(
        sample=x[0],
        reconstruction=run.reconstruct(np.nan_to_num(x))[0],
        errors=errors[0],
        score=float(score[0]),
        p_value=float(p_values(known, score)[0]),
        below=float(np.mean(known < score[0])),
        n_calibration=len(known),
        parts=_parts(run.card.modality, x, errors, normal_errors),
        normal_error=normal_errors.error,
        by_code=nearest_by_code(detector.reference, sample),
        by_values=nearest_by_values(detector.data.train, sample),
    )


def _parts(modality: Modality, x: np.ndarray, errors: np.ndarray, normal_errors: NormalErrors) -> tuple[ErrorPart, ...]:
    partition = Partition.of(modality)
    sums = partition.sums(contributions(x, errors))[0]
    whole = sums.sum() or 1.0
    order = np.argsort(-sums, kind="stable")
    return tuple(
        ErrorPart(partition.names[at], float(sums[at]), float(sums[at] / whole), float(normal_errors.parts[at]))
        for at in order
    )


def nearest_by_code(reference: Reference, sample: Split) -> tuple[Neighbour, ...]:
    """The training samples whose codes are nearest to that of a sample, the nearest first."""
    code = encode(reference.run, sample)
    rows = reference.nearest_rows(code, N_NEIGHBOURS)[0]
    return _neighbours(rows, np.linalg.norm(reference.codes[rows] - code, axis=1), reference.train)


def nearest_by_values(train: Split, sample: Split) -> tuple[Neighbour, ...]:
    """The same by the values themselves, 0 for what is missing, among the first MAX_TRAIN training samples."""
    own, known = values(sample), train.head(MAX_TRAIN)
    starts = range(0, len(known), BATCH_SIZE)
    parts = (values(known, slice(start, start + BATCH_SIZE)) for start in starts)
    distances = np.concatenate([np.linalg.norm(part - own, axis=1) for part in parts])
    rows = np.argsort(distances, kind="stable")[:N_NEIGHBOURS]
    return _neighbours(rows, distances[rows], train)


def _neighbours(rows: np.ndarray, distances: np.ndarray, train: Split) -> tuple[Neighbour, ...]:
    return tuple(Neighbour(int(row), int(train.y[row]), float(far)) for row, far in zip(rows, distances, strict=True))


# --- Which sample -----------------------------------------------------------------------------------------------------

ORDERS = {
    "highest": "Highest score",
    "false-alarms": "False alarms",
    "misses": "Misses",
    "random": "Random",
    "number": "By number",
}


def ranked(order: str, scores: np.ndarray, odd: np.ndarray, alarms: np.ndarray, seed: int = 0) -> np.ndarray:
    """Rows of judged samples, as one of ORDERS has them.

    Parameters
    ----------
    scores, odd, alarms
        `[N]`: the score of each sample, whether it is an anomaly, and whether it is an alarm.
    seed
        Of the random order.

    Returns
    -------
    np.ndarray
        int `[n]`: all by falling score; the normal samples that are alarms, likewise; the anomalies that are none, the
        least odd first; all in random order; or all by number.

    Examples
    --------
    >>> import numpy as np
    >>> odd, scores = np.array([False, True, True, False]), np.array([0.9, 0.1, 0.8, 0.2])
    >>> [ranked(order, scores, odd, scores > 0.5).tolist() for order in ("highest", "false-alarms", "misses")]
    [[0, 2, 3, 1], [0], [1]]
    """
    if order == "number":
        return np.arange(len(scores))
    if order == "random":
        return np.random.default_rng(seed).permutation(len(scores))
    falling = np.argsort(-scores, kind="stable")
    kept: Any = {"false-alarms": ~odd & alarms, "misses": odd & ~alarms}.get(order, np.ones(len(scores), bool))
    rows = falling[kept[falling]]
    return rows[::-1] if order == "misses" else rows


def judged_rows(n_judged: int, marked: tuple[int, ...]) -> np.ndarray:
    """The numbers that the judged samples had before the `marked` ones were taken out of them: int `[n_judged]`."""
    return np.setdiff1d(np.arange(n_judged + len(set(marked))), marked)


def verdict(odd: bool, alarm: bool) -> str:
    """What an alarm, or none, means for a sample whose class is known."""
    return {
        (True, True): "found: an anomaly and an alarm",
        (True, False): "missed: an anomaly and no alarm",
        (False, True): "false alarm: normal and an alarm",
        (False, False): "normal and no alarm",
    }[odd, alarm]


def percent(share: float) -> str:
    """A share with one decimal, rounded down: `98.5%`, and `100%` of nothing less than all."""
    return f"{math.floor(1000 * share + 1e-9) / 10:g}%"


def score_text(score: float) -> str:
    """A score with three figures.

    Examples
    --------
    >>> [score_text(score) for score in (0.1, -12.34, 1234.5)]
    ['0.100', '-12.3', '1,234']
    """
    return f"{score:,.0f}" if 999.5 <= abs(score) < 1e9 else f"{score:#.3g}".rstrip(".")
