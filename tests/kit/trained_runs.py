"""What a file of tests trains to look at, in a runs folder of its own."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from aecore.models import presets
from aecore.models.families.build import resolve_config


def furnished(place: Path, wanted: Mapping[Any, Mapping[str, Any]]) -> dict[Any, str]:
    """Trains a run of these settings each (`dataset` among them, else the digits) into a folder, unless it is there;
    their ids."""
    from aecore.jobs.worker import run_training

    ids = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place))
        for name, settings in wanted.items():
            config = resolve_config(presets.default_config(**{"dataset": "digits", **settings}))
            if not (place / config.id / "config.json").exists():  # which is written last
                assert list(run_training(config))
            ids[name] = config.id
    return ids
