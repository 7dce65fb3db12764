"""Detectors of anomalies made of runs, kept for all sessions with every score that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ui.run_data.per_run import per_run

if TYPE_CHECKING:
    import numpy as np

    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.detection import Detector, Scored
    from aecore.applications.anomaly.explanation import NormalErrors
    from aecore.applications.anomaly.probes import Overlap, Probe


@per_run(max_entries=8)
def detector(run: LoadedModel, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> Detector:
    """A run as a detector of anomalies: what it is calibrated and judged by. UserError where nothing is odd."""
    from aecore.applications.anomaly.detection import DetectionData, Detector

    if not false_alarms:
        return Detector.of(run, dataset)
    data = DetectionData.of(run, dataset, false_alarms)
    return Detector(run, data, detector(run, dataset), false_alarms)


@per_run(max_entries=64, spinner="Scoring all samples ...")
def scored(run: LoadedModel, name: str, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> Scored:
    """What one of its scores, or a rival, says of all samples."""
    found = detector(run, dataset, false_alarms).scored(name)
    detector.remeasure(run, dataset)  # which keeps what was fitted for it
    return found


@per_run(max_entries=256)
def summary(run: LoadedModel, name: str, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> dict[str, float]:
    """AUROC, average precision and recall at 1 % false alarms of a score or a rival."""
    return detector(run, dataset, false_alarms).summary(name)


@per_run(max_entries=64)
def per_group(
    run: LoadedModel, name: str, dataset: str = "", false_alarms: tuple[int, ...] = ()
) -> dict[str, dict[str, float]]:
    """The same of each kind of anomaly against all normal samples, and how many there are of it (`count`)."""
    return detector(run, dataset, false_alarms).per_group(name)


@per_run(max_entries=32)
def normal_errors(run: LoadedModel, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> NormalErrors:
    """The errors of normal samples, which those of one sample are compared with."""
    from aecore.applications.anomaly.explanation import NormalErrors

    return NormalErrors.of(detector(run, dataset, false_alarms))


@per_run(max_entries=8, spinner="Making samples that do not belong ...")
def probes(run: LoadedModel, dataset: str = "") -> list[Probe]:
    """Samples that do not belong, made on purpose."""
    from aecore.applications.anomaly.probes import probes

    return probes(detector(run, dataset))


@per_run(max_entries=64, spinner="Scoring samples that do not belong ...")
def probe_scores(run: LoadedModel, name: str, dataset: str = "") -> list[np.ndarray]:
    """What one of its scores, or a rival, says of each of these probes: a list of `[n]`."""
    score = detector(run, dataset).scorer(name)
    return [score(each.samples) for each in probes(run, dataset)]


@per_run(max_entries=64)
def overlap(run: LoadedModel, name: str, dataset: str = "", false_alarms: tuple[int, ...] = ()) -> Overlap | None:
    """Which kind of anomaly a score finds least, and what it is taken for."""
    from aecore.applications.anomaly.probes import overlap

    return overlap(detector(run, dataset, false_alarms), name)
