"""Maps of codes and recordings of trainings, packed for the browser."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ui.run_data import splits
from ui.run_data.per_run import per_run

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.export.packed_map import PlaneMap, PointMap
    from aecore.export.replay import Packed
    from aecore.jobs.projection_jobs import ProjectionStatus


def point_map(
    run: LoadedModel, subset: str, count: int, plane: str, projection: ProjectionStatus | None = None
) -> PointMap:
    """The first `count` codes of one of SUBSETS as points: where a `projection` that is ready put them, or else on a
    plane: by "PCA", or their first two dimensions as they are."""
    return _point_map(run, subset, count, plane, projection.key if projection else None, projection)


@per_run(max_entries=16)
def _point_map(
    run: LoadedModel, subset: str, count: int, plane: str, projection_key: str | None, _projection: Any
) -> PointMap:
    from aecore.analysis import latent_space
    from aecore.export import packed_map

    codes = splits.codes(run, subset)[:count]
    labels = np.concatenate([split.y for split in splits.splits(run, subset).values()])[:count]
    if projection_key:
        return packed_map.pack_points(_projection.points(), labels, run.card.classes, codes=codes)
    flat = latent_space.plane_of_components(codes) if plane == "PCA" else latent_space.plane_of_dimensions(codes)
    return packed_map.pack_points(
        packed_map.plane_points(flat, codes, labels, len(run.card.classes)),
        labels,
        run.card.classes,
        flat.names,
        codes,
    )


@per_run(max_entries=16, spinner="Laying the map ...")
def plane_map(run: LoadedModel, dimensions: tuple[int, int] | None) -> PlaneMap:
    """The test codes on the plane of two dimensions, or of the principal components."""
    from aecore.analysis import latent_space
    from aecore.export import packed_map

    codes = splits.codes(run)
    plane = (
        latent_space.plane_of_dimensions(codes, *dimensions) if dimensions else latent_space.plane_of_components(codes)
    )
    return packed_map.pack(plane, codes, splits.test_split(run).y, run.card.classes)


@per_run(max_entries=8, spinner="Fetching the snapshots ...")
def replay(run: LoadedModel) -> Packed | None:
    """The snapshots of a run; None when there are none."""
    from aecore.export import replay as recording
    from aecore.store import history, snapshots

    taken = snapshots.load(run.id)
    if not taken:
        return None
    test = splits.test_split(run)
    # where they are not here, what the finished model decodes is the nearest to them that there is
    originals = (
        run.card.modality.render(test.observed(snapshots.preview_rows(test)))
        if splits.data_available(run)
        else taken[-1].reconstructions / np.float32(255)
    )
    labels = test.y[: len(taken[0].points)]
    return recording.pack(taken, labels, originals, run.card.classes, history.history(run.id))
