"""What tests of several pages share."""

from __future__ import annotations

import pytest

from aecore.jobs import api


@pytest.fixture
def submitted(monkeypatch):
    """The settings of what Train starts; nothing is trained."""
    found = []

    def submit(config, *_):
        found.append(config)
        return api.Submission(config.id, created=True)

    monkeypatch.setattr(api, "submit", submit)
    return found
