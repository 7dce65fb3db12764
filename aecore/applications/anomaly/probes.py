"""Probes: samples that no data set has, made on purpose, to see where a detector fails.

"What it was not trained on it cannot reconstruct" is not so: a sample may be simpler than all that was learnt. What a
detector says of a blank image, of a blurred one, or of columns that do not belong together, is measured here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.explanation import percent, score_text
from aecore.applications.anomaly.scoring import N_NEIGHBOURS, encode, scores_of
from aecore.applications.anomaly.thresholds import Threshold
from aecore.config import Config
from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.data.datasets import Split
from aecore.data.modalities import Modality, Noun, Table

MAX_SAMPLES = 200  # of a probe; the first of a split are a fair sample
MAX_OTHER_SETS = 3
N_MEAN = 2000  # training samples that a mean is taken of
BLUR = 1 / 8  # standard deviation of the Gaussian that smooths, of an image's sides
SEED = 0


@dataclass(frozen=True, eq=False)
class Probe:
    """Samples of one kind that do not belong to a data set."""

    name: str
    title: str
    description: str  # a sentence: what was done
    samples: Split


@dataclass(frozen=True)
class ProbeKind:
    """How such samples are made: of normal test samples, and the mean of the training samples."""

    title: str
    description: str
    make: Callable[[np.ndarray, np.ndarray, Modality, np.random.Generator], np.ndarray]


def as_split(x: np.ndarray, modality: Modality) -> Split:
    """Samples `[N, *shape]`, NaN where a value is missing, as a split without labels."""
    return Split(np.asarray(x, np.float32), np.zeros(len(x), np.int64), max_value=1, kind=modality)


def _constant(value: float) -> Callable[..., np.ndarray]:
    return lambda x, mean, modality, rng: np.full((1, *x.shape[1:]), value)


def _checkerboard(x: np.ndarray, mean: np.ndarray, modality: Modality, rng: np.random.Generator) -> np.ndarray:
    down, across = np.indices(x.shape[-2:])
    return np.broadcast_to((down + across) % 2, (1, *x.shape[1:]))


def _smooth(x: np.ndarray, mean: np.ndarray, modality: Modality, rng: np.random.Generator) -> np.ndarray:
    from scipy.ndimage import gaussian_filter

    height, width = x.shape[-2:]
    return np.asarray(gaussian_filter(x, (0, 0, BLUR * height, BLUR * width)))


def _inverted(x: np.ndarray, mean: np.ndarray, modality: Modality, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(1 - x)


def _shuffled(x: np.ndarray, mean: np.ndarray, modality: Modality, rng: np.random.Generator) -> np.ndarray:
    """Each position drawn anew from all samples, independently of the others: all colours of a pixel, all values of a
    column, all channels of a moment together."""
    order = rng.permuted(np.broadcast_to(np.arange(len(x)), (math.prod(modality.position_shape), len(x))), axis=1)
    places = order.T.reshape(len(x), *modality.position_shape)
    rows = np.broadcast_to(modality.broadcast_positions(places), x.shape)
    return np.take_along_axis(x, rows, axis=0)


def _mean(x: np.ndarray, mean: np.ndarray, modality: Modality, rng: np.random.Generator) -> np.ndarray:
    return mean[None]


def _noise(x: np.ndarray, mean: np.ndarray, modality: Modality, rng: np.random.Generator) -> np.ndarray:
    if modality.bounded:
        return rng.uniform(*modality.value_range, x.shape)
    found = rng.standard_normal(x.shape)
    if isinstance(modality, Table):
        for column, part in zip(modality.columns, modality.slices, strict=True):
            if column.kind == "category":
                found[:, part] = np.eye(column.width)[rng.integers(column.width, size=len(x))]
            elif column.kind == "boolean":
                found[:, part] = rng.integers(2, size=(len(x), 1))
            elif column.kind == "cyclic":
                found[:, part] /= np.linalg.norm(found[:, part], axis=1, keepdims=True)
    return found


# `{one}` and `{many}` samples, a `{value}` of them, and a `{position}`: what is drawn together
IMAGE_PROBES = {
    "blank": ProbeKind("Blank", "All pixels 0.", _constant(0.0)),
    "white": ProbeKind("White", "All pixels 1.", _constant(1.0)),
    "gray": ProbeKind("Mid-gray", "All pixels 0.5.", _constant(0.5)),
    "checkerboard": ProbeKind("Checkerboard", "Pixels 0 and 1 by turns.", _checkerboard),
    "smooth": ProbeKind("Smooth", "Normal test images, blurred by a Gaussian of an eighth of their sides.", _smooth),
    "inverted": ProbeKind("Inverted", "Normal test images, dark and light swapped.", _inverted),
}
PROBES = {
    "shuffled": ProbeKind(
        "Shuffled",
        "Each {position} taken from another normal test {one}: alone it is as usual, together they are not.",
        _shuffled,
    ),
    "mean": ProbeKind("Mean", "The mean of the training {many}.", _mean),
    "noise": ProbeKind("Noise", "Each {value} drawn at random, independently of the others.", _noise),
}
POSITIONS = {"image": "pixel", "table": "column", "series": "moment"}


def probes(detector: Detector) -> list[Probe]:
    """The probes of a detector's kind of sample, the same ones at every call; for images also other data sets of the
    same shape that are on this computer."""
    run, data = detector.run, detector.data
    modality = run.card.modality
    x = data.judged.take(np.flatnonzero(~data.odd)).head(MAX_SAMPLES).observed()
    mean = data.train.head(N_MEAN).to_float().mean(axis=0)
    kinds = {**(IMAGE_PROBES if modality.kind == "image" else {}), **PROBES}
    noun = modality.noun
    words = vars(noun) | {"position": POSITIONS.get(modality.kind, noun.value)}
    made = [
        Probe(
            name,
            kind.title,
            kind.description.format(**words),
            as_split(kind.make(x, mean, modality, np.random.default_rng(SEED)), modality),
        )
        for name, kind in kinds.items()
    ]
    return [*made, *_other_sets(run)]


def _other_sets(run: LoadedModel) -> Iterator[Probe]:
    """Test images of other data sets of the run's shape, as they are, that are on this computer: three at most."""
    alike = (
        card
        for name, card in CARDS.items()
        if name != run.card.name and card.modality.kind == "image" == run.card.modality.kind
        and card.shape == run.card.shape and datasets.is_available(name)
    )  # fmt: skip
    for card in islice(alike, MAX_OTHER_SETS):
        samples = as_split(datasets.load(card.name).test.head(MAX_SAMPLES).observed(), card.modality)
        yield Probe(card.name, card.title.split(":")[0], "Test images of another data set.", samples)


# --- What a detector says of them -------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Reading:
    """What a detector says of a probe."""

    probe: Probe
    scores: np.ndarray  # [n], higher = odder
    above: float  # share of them above the threshold
    below: float  # share of the calibration samples with a score below the mean

    @classmethod
    def of(cls, probe: Probe, scores: np.ndarray, calibration: np.ndarray, threshold: Threshold) -> Reading:
        """Of the scores `[n]` that a probe has and those `[m]` of the calibration samples."""
        above = float(threshold.alarms(scores).mean())
        return cls(probe, scores, above, float(np.mean(calibration < scores.mean())))

    @property
    def mean(self) -> float:
        return float(self.scores.mean())

    @property
    def is_found(self) -> bool:
        """Whether most of the samples are alarms."""
        return self.above > 0.5

    def text(self, noun: Noun) -> str:
        """What happened, in sentences with the numbers."""
        alone = len(self.scores) == 1
        said = f"{self.probe.title}: {'score' if alone else 'mean score'} {score_text(self.mean)}"
        rank = f"higher than {percent(self.below)} of the normal validation {noun.many}"
        if self.is_found:
            return f"{said}, {rank}. " + ("An alarm." if alone else f"{percent(self.above)} are alarms.")
        alarms = "No alarm" if alone else f"{percent(self.above)} are alarms"
        if self.below > 0.5:
            return f"{said}, {rank}. {alarms}."
        return (
            f"{said}, lower than {percent(1 - self.below)} of the normal validation {noun.many}. {alarms}, and no "
            f"threshold helps: one that finds {'it' if alone else 'most of them'} takes these for odd as well."
        )


# --- Classes that overlap ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Overlap:
    """The kind of anomaly that a score tells least from the normal samples."""

    group: str
    auroc: float
    count: int
    mistaken_for: int  # the normal class that the nearest training codes have most often
    share: float  # of these codes
    rows: np.ndarray  # int [n] of what is judged: all of this kind, the lowest score first
    twins: np.ndarray  # int [n] of the training samples: of each the one of that class that has the nearest code


def overlap(detector: Detector, name: str) -> Overlap | None:
    """Which kind of anomaly a score finds least, and what it is taken for; None where nothing is odd."""
    data, scores = detector.data, detector.scored(name).judged
    groups = {group: told for group, told in detector.per_group(name).items() if not math.isnan(told["auroc"])}
    if not groups:
        return None
    worst = min(groups, key=lambda group: groups[group]["auroc"])
    rows = np.flatnonzero(data.group == data.groups.index(worst))
    rows = rows[np.argsort(scores[rows], kind="stable")]
    reference = detector.reference
    codes = encode(detector.run, data.judged.take(rows))
    nearest = reference.nearest_rows(codes, N_NEIGHBOURS)
    known = data.train.y[: len(reference.codes)]
    normal = detector.run.config.normal or tuple(np.unique(known).tolist())
    votes = known[nearest][np.isin(known[nearest], normal)]
    if not len(votes):
        return None
    taken, counts = np.unique(votes, return_counts=True)
    label = int(taken[counts.argmax()])
    return Overlap(
        group=worst,
        auroc=groups[worst]["auroc"],
        count=len(rows),
        mistaken_for=label,
        share=float(counts.max() / len(votes)),
        rows=rows,
        twins=_nearest_of_class(codes, reference.codes, np.flatnonzero(known == label)),
    )


def _nearest_of_class(codes: np.ndarray, known: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """For each code the row among `rows` whose known code is nearest: int `[n]`."""
    from sklearn.metrics import pairwise_distances_argmin

    return np.asarray(rows[pairwise_distances_argmin(codes, known[rows])])


# --- Likelihood -------------------------------------------------------------------------------------------------------


def likelihood_score(run: LoadedModel) -> str | None:
    """The score that bounds or is a likelihood of a run: `elbo`, else `likelihood`; None where outputs are no density
    (SSIM)."""
    if run.config.likelihood == "ssim":
        return None
    return "elbo" if "elbo" in scores_of(run) else "likelihood"


def likelier(own: np.ndarray, readings: Iterable[Reading]) -> list[Reading]:
    """The probes that a model finds likelier, on average, than its own normal test samples; the likeliest first.

    Parameters
    ----------
    own
        Negative log-likelihoods, or their bounds, of the normal test samples, `[n]` nats.
    readings
        What the same score says of the probes.

    Notes
    -----
    Generative models of one data set may give samples of another one, if these are simpler, a higher likelihood
    (Nalisnick et al. 2019).
    """
    return sorted((each for each in readings if each.mean < own.mean()), key=lambda each: each.mean)


# --- A training set with anomalies in it ------------------------------------------------------------------------------


def twins(config: Config, others: Iterable[Config]) -> list[Config]:
    """The settings among `others` that differ from a run's in the contamination of the training set alone, the cleanest
    first."""
    clean = replace(config, contamination=0.0)
    found = {each.contamination: each for each in others if replace(each, contamination=0.0) == clean}
    return [found[share] for share in sorted(found) if share != config.contamination]
