"""Why one sample is odd: what the model made of it, where the two differ, and what it is compared with.

Squared errors divided by how many values were observed are contributions: they sum to the reconstruction error. Other
scores are no sums over values; of them the errors show where the model and the sample differ, and no more.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

import numpy as np

from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.rivals import BATCH_SIZE, MAX_TRAIN, values
from aecore.applications.anomaly.scores import Reference, encode, error_maps
from aecore.applications.anomaly.thresholds import p_values
from aecore.data.datasets import Split
from aecore.data.modalities import Image, Modality, Points, Series, Table, Vector

N_NEIGHBOURS = 5
N_WINDOWS = 8  # that a series is told in
N_USUAL = 1000  # calibration samples that errors are compared with; the first are a fair sample
USUAL_SHARE = 0.99  # of errors of normal samples that count as usual
PARTS_SHARE = 0.5  # of a score that the parts which words name make up
MAX_NAMED = 3  # parts that words name
SUMS_UP = "reconstruction"  # the score that contributions sum to


# --- Contributions ----------------------------------------------------------------------------------------------------


def contributions(x: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """What each value adds to the reconstruction error of its sample: `[N, *shape]`, float64.

    Parameters
    ----------
    x
        Samples `[N, *shape]`, NaN where a value is missing.
    errors
        Their squared errors `[N, *shape]`, 0 where a value is missing (`scores.error_maps`).
    """
    observed = np.maximum((~np.isnan(x)).reshape(len(x), -1).sum(axis=1), 1)
    return np.asarray(errors / observed.reshape(-1, *[1] * (x.ndim - 1)), np.float64)


@dataclass(frozen=True, eq=False)
class Partition:
    """The values of a sample in parts that words can name; each value belongs to one."""

    names: tuple[str, ...]
    index: np.ndarray  # int [*shape], the part of each value

    @classmethod
    def of(cls, modality: Modality) -> Partition:
        """The ninths of an image, the columns of a table, the windows of a series by channel, each value else."""
        make = PARTITIONS.get(type(modality), _values)
        return make(modality)

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Values `[N, *shape]` summed over each part: `[N, parts]`; the sum over parts is that over values."""
        flat = np.asarray(values, np.float64).reshape(len(values), -1)
        member = self.index.ravel()[:, None] == np.arange(len(self.names))
        return np.asarray(flat @ member)


def _values(modality: Modality) -> Partition:
    count = int(np.prod(modality.shape))
    names = tuple(f"{modality.noun.value} {number + 1}" for number in range(count))
    return Partition(names, np.arange(count).reshape(modality.shape))


def _named(modality: Modality) -> Partition:
    names = cast(Vector | Points, modality).names
    return Partition(tuple(names), np.arange(len(names)))


def _columns(modality: Modality) -> Partition:
    table = cast(Table, modality)
    return Partition(tuple(column.name for column in table.columns), np.array(table.column_of_value))


def _ninths(modality: Modality) -> Partition:
    image = cast(Image, modality)
    down, across = (np.arange(size) * 3 // size for size in (image.height, image.width))
    index = np.broadcast_to(3 * down[:, None] + across, image.shape)
    return Partition(
        ("top left", "top", "top right", "left", "middle", "right", "bottom left", "bottom", "bottom right"), index
    )


def _windows(modality: Modality) -> Partition:
    series = cast(Series, modality)
    count, channels = min(N_WINDOWS, series.length), len(series.channels)
    window = np.arange(series.length) * count // series.length
    names = []
    for number, channel in product(range(count), series.channels):
        inside = np.flatnonzero(window == number)
        moments = f"moments {inside[0] + 1} to {inside[-1] + 1}"
        names.append(f"{channel}, {moments}" if channels > 1 else moments)
    return Partition(tuple(names), window[:, None] * channels + np.arange(channels))


PARTITIONS: dict[type, Callable[[Modality], Partition]] = {
    Image: _ninths, Table: _columns, Series: _windows, Vector: _named, Points: _named,
}  # fmt: skip


def readable(modality: Modality, sample: np.ndarray) -> dict[str, str]:
    """The parts of a sample `[*shape]` that are one value each, in their own units, as people read them: the cells of a
    row, the numbers of a vector; empty for other kinds."""
    if isinstance(modality, Table):
        cells = modality.decode(sample[None])
        return {name: "missing" if cell is None else str(cell) for name, (cell,) in cells.items()}
    if isinstance(modality, Vector | Points):
        values = sample * np.array(modality.std) + np.array(modality.mean)
        return {name: f"{value:.3g}" for name, value in zip(modality.names, values, strict=True)}
    return {}


# --- What is usual ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Usual:
    """The errors of normal samples that nothing was fitted to, which those of another are compared with."""

    parts: np.ndarray  # [parts]: what USUAL_SHARE of the calibration samples have as contribution at most
    error: float  # squared error of a position that USUAL_SHARE of theirs stay at or below

    @classmethod
    def of(cls, detector: Detector) -> Usual:
        run, known = detector.run, detector.data.calibration.head(N_USUAL)
        x = known.observed()
        errors = error_maps(run, x)
        parts = Partition.of(run.card.modality).sums(contributions(x, errors))
        limit = np.quantile(by_position(run.card.modality, errors), USUAL_SHARE)
        return cls(np.quantile(parts, USUAL_SHARE, axis=0), float(limit))


def by_position(modality: Modality, errors: np.ndarray) -> np.ndarray:
    """Errors `[N, *shape]` as heat maps show them: of an image the mean over its colours, `[N, H, W]`; of a table those
    of its columns, `[N, columns]`; else as they are."""
    if isinstance(modality, Image):
        return np.asarray(errors.mean(axis=1))
    return modality.column_errors(errors) if isinstance(modality, Table) else errors


# --- One sample -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Part:
    """What a part of a sample adds to its reconstruction error."""

    name: str
    contribution: float
    share: float  # of the whole
    usual: float  # contribution that USUAL_SHARE of the calibration samples stay at or below


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
    parts: tuple[Part, ...]  # the largest contribution first
    usual_error: float
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


def explain(detector: Detector, name: str, sample: Split, usual: Usual) -> Explanation:
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
        parts=_parts(run.card.modality, x, errors, usual),
        usual_error=usual.error,
        by_code=nearest_by_code(detector.reference, sample),
        by_values=nearest_by_values(detector.data.train, sample),
    )


def _parts(modality: Modality, x: np.ndarray, errors: np.ndarray, usual: Usual) -> tuple[Part, ...]:
    partition = Partition.of(modality)
    sums = partition.sums(contributions(x, errors))[0]
    whole = sums.sum() or 1.0
    order = np.argsort(-sums, kind="stable")
    return tuple(
        Part(partition.names[at], float(sums[at]), float(sums[at] / whole), float(usual.parts[at])) for at in order
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
