"""What tests of several pages share."""

from __future__ import annotations

import pytest

from aecore.jobs import api
from tests.kit.trained_runs import furnished


@pytest.fixture(scope="module")
def own_folder(tmp_path_factory):
    """A folder for the runs of a module of tests, and none for data sets."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place / "runs"))
        patch.setenv("AECORE_DATA", str(place / "no-data"))
        yield place


@pytest.fixture(scope="module")
def trained(own_folder, request):
    """A function: name of the module's RUNS -> the id of that run, trained when it is first asked for."""
    return lambda name: furnished(own_folder / "runs", {name: request.module.RUNS[name]})[name]


@pytest.fixture
def submitted(monkeypatch):
    """The settings of what Train starts; nothing is trained."""
    found = []

    def submit(config, *_):
        found.append(config)
        return api.Submission(config.id, created=True)

    monkeypatch.setattr(api, "submit", submit)
    return found
