"""The row of validation samples that is drawn again and again while a model learns."""

from __future__ import annotations

import torch

from aecore.data import images
from aecore.data.datasets import Dataset
from aecore.jobs.recorder import eval_mode
from aecore.models.recipe import Recipe
from aecore.models.rng import seeded
from aecore.store import runs, snapshots
from aecore.store.writer import RunWriter

PREVIEW_SIZE = 10  # images


class PreviewStrip:
    """Writes `preview.png` into a run's folder."""

    def __init__(self, data: Dataset) -> None:
        rows = snapshots.preview_rows(data.validation, PREVIEW_SIZE)
        self.x = torch.from_numpy(data.validation.to_float(rows))
        self.modality = data.validation.modality
        self.y = torch.from_numpy(data.validation.y[rows])

    @torch.no_grad()
    def draw(self, recipe: Recipe, writer: RunWriter) -> None:
        """The images, their corrupted input if that differs, and the reconstructions, one row each."""
        device = next(recipe.model.parameters()).device
        with seeded(0):
            x_in = recipe.forward(self.x).x_in
        with eval_mode(recipe):
            drawn = recipe.model.reconstruct(x_in.to(device), self.y.to(device)).float().cpu()
        rows = [self.x, drawn] if torch.equal(x_in, self.x) else [self.x, x_in, drawn]
        drawings = self.modality.render(self.modality.clip(torch.cat(rows).numpy()))
        image = images.image_grid(drawings, columns=len(self.x))
        runs.atomic_write(writer.run_dir / "preview.png", images.png(image))
