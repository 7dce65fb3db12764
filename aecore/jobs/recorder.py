"""Takes the snapshots of a run while it trains (their format: `aecore.store.snapshots`)."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from aecore import disk, files
from aecore.analysis import latent_geometry, latent_space
from aecore.analysis.loaded import LoadedModel
from aecore.data.cards import CARDS
from aecore.data.datasets import Split
from aecore.models.recipe import Recipe
from aecore.store.snapshots import (
    FOLDER,
    GRID_SIDE,
    MAX_FLOAT16,
    MAX_SNAPSHOTS,
    MAX_TOTAL_BYTES,
    N_PREVIEWS,
    Snapshot,
    max_codes,
    n_codes,
    pack_samples,
    preview_rows,
    serialise,
    snapshot_files,
    try_load,
)
from aecore.store.writer import RunWriter

START_SECONDS, TIME_SHARE = 0.25, 0.004  # of the training time: seconds to begin with, and a share


@contextlib.contextmanager
def eval_mode(recipe: Recipe) -> Iterator[None]:
    """The model as it is in use, for a look between two steps."""
    recipe.modules.eval()
    try:
        yield
    finally:
        recipe.modules.train()


def _to_float16(values: np.ndarray) -> np.ndarray:
    return values.clip(-MAX_FLOAT16, MAX_FLOAT16).astype(np.float16)


def capture(model: LoadedModel, test: Split, epoch: int, previous: Snapshot | None) -> Snapshot:
    """A snapshot of a model. The plane of more than two dimensions is aligned with that of the `previous` one."""
    first = slice(n_codes(test, model.model.bottleneck.out_features))
    codes = model.encode(test.to_float(first), test.y[first])
    if codes.shape[1] > 2:
        plane = latent_space.plane_of_components(codes)
        plane = plane if previous is None else latent_space.procrustes_align(plane, codes, previous.points)
    else:
        plane = latent_space.plane_of_dimensions(codes)
    points = plane.project(codes)
    grid, rows = latent_geometry.grid(points, GRID_SIDE), preview_rows(test)
    return Snapshot(
        epoch,
        plane.names,
        _to_float16(codes),
        _to_float16(points),
        grid.x,
        grid.y,
        pack_samples(model.decode(plane.unproject(grid.points)), test.modality),
        pack_samples(model.reconstruct(test.to_float(rows), test.y[rows]), test.modality),
    )


class SnapshotRecorder:
    """The snapshots of one run while it trains: when the next is due, and what they may cost."""

    def __init__(self, run_dir: Path, pixels: int, code_size: int, epochs: int) -> None:
        self.folder = run_dir / FOLDER
        files.refuse_links(self.folder / "any")  # nothing is written through it
        self.folder.mkdir(exist_ok=True)
        each = (GRID_SIDE * GRID_SIDE + N_PREVIEWS) * pixels + max_codes(code_size) * (code_size + 2) * 2 + 2000
        most = max(4, min(MAX_SNAPSHOTS, MAX_TOTAL_BYTES // each - 1))
        # closer together at the beginning, and one at the end
        self.planned_epochs = sorted({math.ceil(epochs * (step / most) ** 1.5) for step in range(most + 1)})
        self.seconds_spent, self.latest = 0.0, None  # type: float, Snapshot | None
        self.saved_epochs = {epoch for epoch, _ in snapshot_files(run_dir)}

    @classmethod
    def of_run(cls, writer: RunWriter, recipe: Recipe, epoch: int) -> SnapshotRecorder:
        """The recorder of a run whose training goes on after so many epochs."""
        pixels, size = math.prod(CARDS[writer.config.dataset].shape), recipe.model.bottleneck.out_features
        recorder = cls(writer.run_dir, pixels, size, writer.config.epochs)
        recorder.truncate(epoch)
        return recorder

    def truncate(self, epoch: int) -> None:
        """Forgets what was taken later, and what cannot be read: training goes on from there."""
        self.saved_epochs, self.latest = set(), None
        for number, file in snapshot_files(self.folder.parent):
            read = try_load(file) if number <= epoch else None
            if read is None:
                disk.remove(file)
            else:
                self.saved_epochs.add(number)
                self.latest = read

    def should_record(self, epoch: int, seconds: float, is_last: bool) -> bool:
        """Whether to take one now, after so many epochs and `seconds` of training."""
        if epoch in self.saved_epochs:
            return False
        missed = any(each <= epoch for each in self.planned_epochs if each > max(self.saved_epochs, default=-1))
        return is_last or (missed and self.seconds_spent <= START_SECONDS + TIME_SHARE * seconds)

    def record(self, model: LoadedModel, test: Split, epoch: int) -> None:
        """Takes one and writes it."""
        started = time.perf_counter()
        self.latest = capture(model, test, epoch, self.latest)
        files.atomic_write(self.folder / f"{epoch:05}.safetensors", serialise(self.latest))
        if self.saved_epochs:  # the first one finds everything cold, and says nothing of those to come
            self.seconds_spent += time.perf_counter() - started
        self.saved_epochs.add(epoch)
