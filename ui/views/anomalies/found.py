"""What the parts of the page Anomalies share: the detector and its threshold, as people have set them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from aecore.applications.anomaly.detection import Detector
    from aecore.applications.anomaly.thresholds import Rule, Threshold


@dataclass(frozen=True, eq=False)
class Found:
    """A detector, the score it goes by, and where its alarms begin."""

    detector: Detector
    score: str  # of the run, or a rival's name
    rule: Rule
    threshold: Threshold
    dataset: str  # another data set that is odd as a whole; "" where classes are
    false_alarms: tuple[int, ...]  # rows of the test set that somebody has marked as normal
    base_rate: float  # share of anomalies where the detector will work
