"""The live decoder of a run that trains: the newest weights for the pages that show it (format:
`aecore.export.live_program`). Nothing is done while nobody watches."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.errors import UserError
from aecore.export import live_program
from aecore.export.compile_live import capture
from aecore.export.program import UnsupportedLayer
from aecore.jobs.recorder import eval_mode
from aecore.jobs.throttle import Throttle
from aecore.models.footprint import count_parameters
from aecore.models.recipe import Recipe
from aecore.store.snapshots import Snapshot

BUDGET, MAX_SHARE = 0.3, 0.05  # seconds, and the share of a training that is watched, that programs may cost


class LiveDecoder:
    """Keeps the live program of a run up to date."""

    def __init__(self, run_dir: Path, recipe: Recipe) -> None:
        self.run_dir, self.recipe = run_dir, recipe
        self.throttle = Throttle(0.0, live_program.interval(count_parameters(recipe.model.decoder)), BUDGET, MAX_SHARE)
        self.unsupported = False
        self.points: np.ndarray | None = None  # where the codes lay in the last one

    def update(self, model: LoadedModel, test: Split, epoch: int, snapshot: Snapshot | None) -> None:
        """Writes the program of the weights as they are, when one is due and somebody watches; the first one lies as
        the `snapshot`."""
        if self.unsupported or not live_program.is_watched(self.run_dir):
            return
        if self.points is None and snapshot is not None:
            self.points = snapshot.points.astype(np.float32)

        def write() -> None:
            with eval_mode(self.recipe):
                live = capture(model, test, epoch, self.points)
            live_program.save_live(self.run_dir, live)
            self.points = live.points

        self._call(write)

    def _call(self, write: Callable[[], None]) -> None:
        """A program that cannot be made or written now is left out: the run is none the worse for it."""
        try:
            self.throttle.call(write)
        except UnsupportedLayer:
            self.unsupported = True
        except (UserError, OSError):
            pass

    def close(self) -> None:
        """Removes it: the training has ended."""
        with contextlib.suppress(OSError):
            live_program.remove_live(self.run_dir)
