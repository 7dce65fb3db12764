"""Detectors of anomalies made of runs, kept for all sessions with every score that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.run_data.per_run import per_run

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.detection import Detector, Scored


@per_run(max_entries=8)
def detector(run: LoadedModel, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> Detector:
    """A run as a detector of anomalies: what it is calibrated and judged by. UserError where nothing is odd."""
    from aecore.applications.anomaly.detection import Detector

    return Detector.of(run, dataset, false_alarms)


@per_run(max_entries=64, spinner="Scoring all samples ...")
def scored(run: LoadedModel, name: str, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> Scored:
    """What one of its scores, or a rival, says of all samples."""
    return detector(run, dataset, false_alarms).scored(name)
