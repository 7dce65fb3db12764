"""Takes the live program of a model (its format: `aecore.export.live_program`)."""

from __future__ import annotations

import numpy as np

from aecore.analysis import latent_space, plane_field
from aecore.analysis.loaded import LoadedModel
from aecore.analysis.plane_field import PlaneReconstruction
from aecore.data.datasets import Split
from aecore.data.modalities import Points
from aecore.export.compile_browser import compile_decoder
from aecore.export.live_program import MAX_WEIGHTS, N_CODES, N_FIELD, LiveProgram
from aecore.export.program import TooLarge
from aecore.models.footprint import count_parameters
from aecore.store import snapshots

FLOAT16_MAX = 65504  # a model on its way to diverging gets there, and a browser decodes no infinity


def capture(model: LoadedModel, test: Split, epoch: int, before: np.ndarray | None) -> LiveProgram:
    """The decoder of a model after `epoch` epochs, and the codes of the first test samples on the plane of their two
    dimensions, or their principal components, turned to where they lay `before`, `[N, 2]`. Of points it takes the
    field of the reconstruction too.

    Raises UnsupportedLayer when a browser cannot decode it, TooLarge when it has more than MAX_WEIGHTS weights,
    UserError when codes are no longer numbers.
    """
    if count_parameters(model.model.decoder) > MAX_WEIGHTS:
        raise TooLarge(f"While it learns, a browser is sent decoders of {MAX_WEIGHTS:,} parameters at most.")
    first = slice(min(N_CODES, snapshots.n_codes(test, model.code_size)))
    program = compile_decoder(model.model, model.card.shape, model.card.modality)
    codes = model.encode(test.to_float(first), test.y[first])
    if codes.shape[1] > 2:
        plane = latent_space.plane_of_components(codes)
        if before is not None:
            plane = latent_space.procrustes_align(plane, codes, before[: len(codes)])
    else:
        plane = latent_space.plane_of_dimensions(codes)
    return LiveProgram(
        epoch,
        program.head,
        program.weights.clip(-FLOAT16_MAX, FLOAT16_MAX).astype(np.float16),
        plane,
        plane.project(codes),
        test.y[first].astype(np.uint8),
        _reconstruction(model, test, first) if isinstance(model.card.modality, Points) else None,
    )


def _reconstruction(model: LoadedModel, test: Split, rows: slice) -> PlaneReconstruction:
    """What a model of points makes of these test points and of the plane about them."""
    x = test.to_float(rows)
    field = plane_field.compute(model.reconstruct, plane_field.extent(x), N_FIELD)
    return PlaneReconstruction(field, x, model.reconstruct(x, test.y[rows]))
