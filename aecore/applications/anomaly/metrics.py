"""What anomaly scores are worth: numbers from scores `[N]` (higher = odder) and whether a sample is odd `[N]`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

MAX_FALSE_ALARM_RATE = 0.01  # at which recall is stated beside AUROC


def auroc(scores: np.ndarray, odd: np.ndarray) -> float:
    """Area under the ROC curve: how often an odd sample scores higher than a normal one; NaN where there is but one
    kind.

    Examples
    --------
    >>> import numpy as np
    >>> auroc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0, 0, 1, 1]))
    0.75
    """
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(odd, scores)) if 0 < np.sum(odd) < len(odd) else math.nan


def average_precision(scores: np.ndarray, odd: np.ndarray) -> float:
    """Precision averaged over the recall steps (the area under the precision-recall curve, without interpolation). Its
    value depends on the share of odd samples: a score that knows nothing reaches that share. NaN without odd samples.
    """
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(odd, scores)) if np.any(odd) else math.nan


def recall_at(scores: np.ndarray, odd: np.ndarray, false_alarm_rate: float = MAX_FALSE_ALARM_RATE) -> float:
    """The largest share of odd samples that a threshold finds while at most `false_alarm_rate` of the normal ones are
    alarms. NaN where there is but one kind."""
    odd = np.asarray(odd, bool)
    if not odd.any() or odd.all():
        return math.nan
    normal = np.sort(scores[~odd])[::-1]
    allowed = math.floor(false_alarm_rate * len(normal) + 1e-9)
    return float(np.mean(scores[odd] > normal[allowed])) if allowed < len(normal) else 1.0


@dataclass(frozen=True)
class Confusion:
    """Counts at a threshold."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @classmethod
    def of(cls, alarms: np.ndarray, odd: np.ndarray) -> Confusion:
        """From whether each sample is an alarm, and whether it is odd."""
        alarms, odd = np.asarray(alarms, bool), np.asarray(odd, bool)
        counts = (alarms & odd, alarms & ~odd, ~alarms & ~odd, ~alarms & odd)
        return cls(*(int(np.count_nonzero(each)) for each in counts))

    @property
    def false_alarm_rate(self) -> float:
        """Share of the normal samples that are alarms."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def recall(self) -> float:
        """Share of the odd samples that are found."""
        return _share(self.true_positives, self.true_positives + self.false_negatives)

    @property
    def precision(self) -> float:
        """Share of the alarms that are odd, at the share of odd samples that was judged."""
        return _share(self.true_positives, self.true_positives + self.false_positives)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def precision_at(base_rate: float, recall: float, false_alarm_rate: float) -> float:
    """The share of alarms that are anomalies where `base_rate` of all samples are (Bayes' theorem).

    Examples
    --------
    >>> round(precision_at(0.0001, 0.92, 0.005), 3)  # 99.5 % of nothing
    0.018
    """
    found, false = base_rate * recall, (1 - base_rate) * false_alarm_rate
    return found / (found + false) if found + false else math.nan


def daily_counts(
    base_rate: float, recall: float, false_alarm_rate: float, volume: float, miss_cost: float, false_alarm_cost: float
) -> dict[str, float]:
    """What a detector does in a day of `volume` samples: `anomalies`, `found`, `missed`, `false_alarms`, `precision`
    and `cost`, in the unit of the two prices."""
    anomalies = base_rate * volume
    false_alarms = (volume - anomalies) * false_alarm_rate
    return {
        "anomalies": anomalies,
        "found": anomalies * recall,
        "missed": anomalies * (1 - recall),
        "false_alarms": false_alarms,
        "precision": precision_at(base_rate, recall, false_alarm_rate),
        "cost": anomalies * (1 - recall) * miss_cost + false_alarms * false_alarm_cost,
    }


def summary(scores: np.ndarray, odd: np.ndarray) -> dict[str, float]:
    """The three numbers that need no threshold."""
    return {
        "auroc": auroc(scores, odd),
        "average_precision": average_precision(scores, odd),
        "recall_at_1_percent": recall_at(scores, odd),
    }
