"""Streams that a run's windows are cut from, and what detectors say of them, kept for all sessions."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ui.run_data import detectors
from ui.run_data.per_run import per_run

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.applications.anomaly.detection import Scored
    from aecore.applications.anomaly.streams import Stream

DRAWN, JUDGED = "drawn", "judged"  # where a stream comes from, if not from a file


@per_run(max_entries=8, spinner="Drawing the stream ...")
def drawn_stream(run: LoadedModel) -> Stream | None:
    """A long series by the formula that drew the run's data set; None where no formula did."""
    from aecore.applications.anomaly import streams

    return streams.drawn_stream(run)


@per_run(max_entries=8)
def judged_stream(run: LoadedModel, dataset: str, false_alarms: tuple[int, ...]) -> Stream:
    """The judged samples in a row."""
    from aecore.applications.anomaly import streams

    return streams.judged_stream(detectors.detector(run, dataset, false_alarms).data)


@per_run(max_entries=8, spinner="Reading the stream ...")
def from_file(run: LoadedModel, digest: str, _content: bytes) -> Stream:
    """What is in a CSV with a row for each step; UserError where the model cannot take it."""
    from aecore.applications.anomaly import streams

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "stream.csv"
        file.write_bytes(_content)
        return streams.read_stream(file, run)


@per_run(max_entries=64, spinner="Scoring the windows ...")
def window_scores(
    run: LoadedModel, name: str, source: str, stride: int, dataset: str, false_alarms: tuple[int, ...], _stream: Stream
) -> np.ndarray:
    """What a score or a rival says of the windows of a stream that `source` names, `[n]`."""
    from aecore.applications.anomaly import streams

    detector = detectors.detector(run, dataset, false_alarms)
    starts = streams.window_starts(len(_stream), run.card.shape[0], stride)
    windows = streams.cut(_stream, starts, run.card.shape[0], detector.data.calibration)
    return streams.scorer(detector, name)(windows)


@per_run(max_entries=16)
def scored(run: LoadedModel, name: str, dataset: str, false_alarms: tuple[int, ...]) -> Scored:
    """What a score or a rival says of the samples that set a threshold; also each sensor alone, which is a rival on
    streams only."""
    from aecore.applications.anomaly import streams
    from aecore.applications.anomaly.detection import Scored

    if name != streams.SENSORS:
        return detectors.scored(run, name, dataset, false_alarms)
    detector = detectors.detector(run, dataset, false_alarms)
    data, score = detector.data, streams.scorer(detector, name)
    parts = (data.calibration, data.known_odd, data.judged)
    return Scored(name, *(score(each) if len(each) else np.zeros(0) for each in parts))
