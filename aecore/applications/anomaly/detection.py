"""Detection: a run as a detector, its threshold, and what both are worth beside the rivals."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly import metrics
from aecore.applications.anomaly.rivals import RIVALS, Scorer
from aecore.applications.anomaly.scoring import DEFAULT_SCORE, Reference, score_of, scores_of
from aecore.applications.anomaly.thresholds import DEFAULT_BASE_RATE, DEFAULT_RULE, Calibration, Rule, Threshold, parse
from aecore.data import datasets
from aecore.data.cards import get_card
from aecore.data.datasets import Split
from aecore.errors import UserError


@dataclass(frozen=True, eq=False)
class DetectionData:
    """What a detector learnt from, is calibrated by, and is judged by: three sets that share no sample."""

    train: Split  # what the model, and each rival, was fitted to
    calibration: Split  # normal validation samples
    known_odd: Split  # validation samples of the other classes; often none
    judged: Split
    odd: np.ndarray  # bool [N], which of `judged` are anomalies
    groups: tuple[str, ...]  # names of the kinds of anomaly
    group: np.ndarray  # int [N]: which of `groups` a sample belongs to; -1 for the normal ones

    @classmethod
    def of(cls, run: LoadedModel, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> DetectionData:
        """The samples of a run.

        Parameters
        ----------
        dataset
            Another data set, of the same shape, whose test samples are all odd, beside the run's own that are all
            normal; empty: the classes that the run has not for normal are odd.
        false_alarms
            Rows of the test set that somebody has marked as normal: they calibrate, and are no longer judged.

        Raises
        ------
        UserError
            When neither the run's normal classes nor `dataset` says what is odd, or the shapes differ.
        """
        training, whole = datasets.load_training(run.config), datasets.load(run.config.dataset)
        normal = run.config.normal or tuple(range(len(run.card.classes)))
        odd = ~np.isin(whole.test.y, normal)
        judged, names = whole.test, run.card.classes
        group = np.where(odd, whole.test.y, -1)
        known_odd = whole.validation.take(np.flatnonzero(~np.isin(whole.validation.y, normal)))
        if dataset and dataset != run.config.dataset:
            judged, names, group, odd = _beside_another(run, dataset, whole.test.take(np.flatnonzero(~odd)))
        marked = np.asarray(false_alarms, int)
        if len(marked) and not (marked.min() >= 0 and marked.max() < len(judged)):
            raise UserError(f"The false alarms must be rows of the judged samples, 0 to {len(judged) - 1}.")
        kept = np.setdiff1d(np.arange(len(judged)), marked)
        calibration = _concatenate(training.validation, judged.take(marked)) if len(marked) else training.validation
        return cls(
            training.train, calibration, known_odd, judged.take(kept), odd[kept], tuple(names), group[kept]
        )  # fmt: skip


def _beside_another(
    run: LoadedModel, dataset: str, own: Split
) -> tuple[Split, tuple[str, ...], np.ndarray, np.ndarray]:
    """The normal test samples of a run and those of another data set, which are odd: samples, names of the kinds of
    anomaly, the kind of each sample, and which are odd."""
    card = get_card(dataset)
    if card.shape != run.card.shape:
        raise UserError(
            f"{card.name} holds {card.modality.noun.many} of {card.modality.size}, and {run.id} takes "
            f"{run.card.modality.size}: choose a data set of that size."
        )
    other = datasets.load(dataset).test
    odd = np.concatenate([np.zeros(len(own), bool), np.ones(len(other), bool)])
    group = np.concatenate([np.full(len(own), -1), other.y])
    return _concatenate(own, other), card.classes, group, odd


def _concatenate(first: Split, second: Split) -> Split:
    """Both, one after the other; as floats where they are stored differently."""
    same = first.x.dtype == second.x.dtype and first.max_value == second.max_value
    x = [first.x, second.x] if same else [first.observed(), second.observed()]
    top = first.max_value if same else 1
    labels = np.concatenate([first.y, second.y])
    return dataclasses.replace(first, x=np.concatenate(x), y=labels, max_value=top, factors=None)


@dataclass(frozen=True, eq=False)
class Scored:
    """What one detector says of everything."""

    name: str
    calibration: np.ndarray  # scores [n], higher = odder
    known_odd: np.ndarray
    judged: np.ndarray  # [N]

    def marked(self, rows: tuple[int, ...]) -> Scored:
        """The same where `rows` of the judged samples calibrate, and are no longer judged."""
        calibration = np.concatenate([self.calibration, self.judged[list(rows)]])
        return dataclasses.replace(self, calibration=calibration, judged=np.delete(self.judged, list(rows)))


@dataclass(frozen=True, eq=False)
class Detector:
    """A run with the samples that it is calibrated and judged by; each score is computed once.

    Examples
    --------
    >>> from aecore.applications.anomaly.detection import Detector
    >>> Detector.of(run).detection().to_json()["winner"]  # doctest: +SKIP
    'reconstruction'
    """

    run: LoadedModel
    data: DetectionData
    unmarked: Detector | None = None  # before false alarms were marked: what it has fitted and scored serves this one
    false_alarms: tuple[int, ...] = ()  # which of its judged samples were

    @classmethod
    def of(cls, run: LoadedModel, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> Detector:
        return cls(run, DetectionData.of(run, dataset, false_alarms))

    @cached_property
    def reference(self) -> Reference:
        return self.unmarked.reference if self.unmarked else Reference(self.run, self.data.train)

    @cached_property
    def _kept(self) -> dict[str, Scored]:
        return {}

    @cached_property
    def _scorers(self) -> dict[str, Scorer]:
        return {}

    def scorer(self, name: str) -> Scorer:
        """A score of the run, or a rival, of any samples: a split -> `[N]`, higher = odder. UserError: unknown name."""
        if self.unmarked:
            return self.unmarked.scorer(name)
        if name not in self._scorers:
            self._scorers[name] = (
                RIVALS[name].fit(self.data.train, self.run.code_size)
                if name in RIVALS
                else partial(score_of(self.run, name), self.reference)
            )
        return self._scorers[name]

    def scored(self, name: str) -> Scored:
        """What a score of the run, or a rival, says of all samples. UserError: unknown name."""
        if self.unmarked:
            return self.unmarked.scored(name).marked(self.false_alarms)
        if name not in self._kept:
            parts = (self.data.calibration, self.data.known_odd, self.data.judged)
            score = self.scorer(name)
            self._kept[name] = Scored(name, *(score(each) if len(each) else np.zeros(0) for each in parts))
        return self._kept[name]

    def summary(self, name: str) -> dict[str, float]:
        """AUROC, average precision and recall at 1 % false alarms of one score or rival."""
        return metrics.summary(self.scored(name).judged, self.data.odd)

    def per_group(self, name: str) -> dict[str, dict[str, float]]:
        """The same for each kind of anomaly against all normal samples, and how many there are of it."""
        data, scores, found = self.data, self.scored(name).judged, {}
        for number in np.unique(data.group[data.group >= 0]):
            rows = ~data.odd | (data.group == number)
            told = metrics.summary(scores[rows], data.odd[rows])
            found[data.groups[number]] = told | {"count": int((data.group == number).sum())}
        return found

    def threshold(self, name: str, rule: Rule, base_rate: float = DEFAULT_BASE_RATE) -> Threshold:
        """Where alarms of a score begin, set by the calibration samples."""
        scored = self.scored(name)
        return rule.threshold(Calibration(scored.calibration, scored.known_odd, base_rate), scored.judged)

    def detection(
        self,
        score: str = DEFAULT_SCORE,
        rule: str = DEFAULT_RULE,
        base_rate: float = DEFAULT_BASE_RATE,
        rivals: tuple[str, ...] = tuple(RIVALS),
        all_scores: bool = True,
    ) -> Detection:
        """Judge a score with a threshold, beside all other scores of the run and the rivals."""
        chosen, parsed = self.scored(score), parse(rule)
        threshold = self.threshold(score, parsed, base_rate)
        names = list(scores_of(self.run)) if all_scores else [score]
        return Detection(
            run=self.run.id,
            score=score,
            rule=str(parsed),
            threshold=threshold,
            confusion=metrics.Confusion.of(threshold.alarms(chosen.judged), self.data.odd),
            counts={
                "train": len(self.data.train),
                "calibration": len(self.data.calibration),
                "judged_normal": int((~self.data.odd).sum()),
                "judged_odd": int(self.data.odd.sum()),
            },
            scores={name: self.summary(name) for name in names},
            rivals={name: self.summary(name) for name in rivals},
            per_class=self.per_group(score),
        )


@dataclass(frozen=True)
class Detection:
    """What a detector is worth, all of it on samples that neither the model nor the threshold has seen."""

    run: str
    score: str
    rule: str
    threshold: Threshold
    confusion: metrics.Confusion
    counts: Mapping[str, int]
    scores: Mapping[str, Mapping[str, float]]  # of the run, by name
    rivals: Mapping[str, Mapping[str, float]]
    per_class: Mapping[str, Mapping[str, float]]

    @property
    def winner(self) -> str | None:
        """Who has the largest AUROC, of the chosen score and the rivals: the score was named before, so that it does
        not win by being the best of many. None where nothing is odd."""
        told = {self.score: self.scores[self.score], **self.rivals}
        known = {name: each["auroc"] for name, each in told.items() if not math.isnan(each["auroc"])}
        return max(known, key=known.__getitem__) if known else None

    def to_json(self) -> dict[str, Any]:
        """As `python -m aecore detect --json` prints it; None stands for what cannot be said."""
        own = self.scores[self.score]
        said = {
            "run": self.run,
            "score": self.score,
            "threshold": {"rule": self.rule, "cut": self.threshold.cut, "promise": self.threshold.promise},
            **own,
            "false_alarm_rate": self.confusion.false_alarm_rate,
            "recall": self.confusion.recall,
            "precision": self.confusion.precision,
            "confusion": self.confusion.to_json(),
            "counts": dict(self.counts),
            "per_class": {name: dict(each) for name, each in self.per_class.items()},
            "scores": {name: dict(each) for name, each in self.scores.items()},
            "rivals": {name: dict(each) for name, each in self.rivals.items()},
            "winner": self.winner,
        }
        return {name: _finite(value) for name, value in said.items()}


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value
