"""What tests of several applications share."""

from __future__ import annotations

import pytest

from aecore.analysis import loaded
from aecore.applications.anomaly.detection import Detector
from tests.kit.trained_runs import furnished


@pytest.fixture(scope="module")
def detectors(tmp_path_factory, request):
    """A detector of each of the module's RUNS, in a runs folder of its own."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place))
        yield {name: Detector.of(loaded.load(run)) for name, run in furnished(place, request.module.RUNS).items()}
