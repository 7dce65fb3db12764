"""The small image by which a list shows a run."""

from __future__ import annotations

import numpy as np

from aecore.analysis import latent_geometry, latent_space
from aecore.analysis.loaded import LoadedModel
from aecore.data import images


def thumbnail(run: LoadedModel, codes: np.ndarray, n: int = 8) -> bytes:
    """A PNG of n x n decoded codes on the plane of the two widest directions of `codes`: what a list shows of a run."""
    flat = latent_space.plane_of_dimensions if codes.shape[1] == 2 else latent_space.plane_of_components
    plane = flat(codes)
    grid = latent_geometry.grid(plane.project(codes), n)
    cells = run.card.modality.render(run.decode(plane.unproject(grid.points)))
    return images.png(images.image_grid(cells, n, gap=1 if cells.shape[-1] < 16 else 0, fill=0.25))
