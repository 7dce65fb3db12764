"""A model while it learns, as a browser decodes it: its decoder and where codes lie, in a file of the run's folder
that is written again and again. A model of points brings the field of its reconstruction too, which needs no decoder.

The worker that trains the run writes it (aecore/jobs/live.py) as long as somebody watches; pages read it. However
large the decoder, a page is sent at most MAX_BYTES_PER_SECOND. Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save

from aecore import files
from aecore.analysis.latent_space import Plane
from aecore.analysis.plane_field import PlaneField, PlaneReconstruction
from aecore.errors import UserError
from aecore.export import packed_map, packing
from aecore.store import runs

N_CODES = 500  # test samples whose codes are shown
N_FIELD = 21  # places of the field along each side
MAX_WEIGHTS = 2_000_000  # of the decoder: 4 MB in half precision
MAX_PER_SECOND, MAX_BYTES_PER_SECOND = 2, 2_000_000  # versions of a model, and bytes of them, for each page
WATCHED_SECONDS = 5.0  # without a sign of a page after which nobody watches
_ARRAYS = {"weights": ("f2", 1), "origin": ("f4", 1), "axes": ("f4", 2), "points": ("f4", 2), "labels": ("u1", 1)}
_PLANE_ARRAYS = {"field_x": ("f4", 1), "field_y": ("f4", 1), "shift": ("f4", 3), "x": ("f4", 2), "x_hat": ("f4", 2)}


@dataclass(frozen=True, eq=False)
class LiveProgram:
    """The decoder of a model, and the codes of some test samples on a plane; of points what it makes of theirs."""

    epoch: int  # epochs finished
    head: dict[str, Any]  # what to do in which order, as `Program.head`, without an encoder
    weights: np.ndarray  # float16 [W]
    plane: Plane
    points: np.ndarray  # float32 [N, 2], the codes on the plane
    labels: np.ndarray  # uint8 [N]
    reconstruction: PlaneReconstruction | None = None  # of the same test samples, where they are points


def interval(n_weights: int) -> float:
    """Seconds between two versions of a decoder, at least."""
    return max(1 / MAX_PER_SECOND, 2 * n_weights / MAX_BYTES_PER_SECOND)


def save_live(run_dir: Path, live: LiveProgram) -> None:
    """Writes it into a run's folder, in the place of the one before."""
    plane = live.plane
    arrays = {"weights": live.weights, "origin": plane.origin, "axes": plane.axes}
    arrays |= {"points": live.points, "labels": live.labels}
    if live.reconstruction:
        field, x, x_hat = live.reconstruction.field, live.reconstruction.points, live.reconstruction.reconstructions
        arrays |= {"field_x": field.x, "field_y": field.y, "shift": field.shift, "x": x, "x_hat": x_hat}
        arrays |= {name: arrays[name].astype(np.float32) for name in _PLANE_ARRAYS}
    said = {"epoch": live.epoch, "head": live.head, "axis_names": plane.names}
    content = save({name: np.ascontiguousarray(each) for name, each in arrays.items()}, {"live": json.dumps(said)})
    files.atomic_write(run_dir / runs.LIVE_FILE, content)


def load_live(run_dir: Path) -> LiveProgram | None:
    """Reads it back; None where there is none, or one that cannot be read."""
    try:
        arrays, said = files.read_tensors(run_dir / runs.LIVE_FILE, 4 * MAX_WEIGHTS)
        told = files.parse_json(said["live"].encode())
        expected = _ARRAYS | (_PLANE_ARRAYS if "shift" in arrays else {})
        for name, (kind, dimensions) in expected.items():
            if arrays[name].dtype != np.dtype(kind) or arrays[name].ndim != dimensions:
                return None
        first, second = map(str, told["axis_names"])
        plane = Plane(arrays["origin"], arrays["axes"], (first, second))
        live = LiveProgram(
            int(told["epoch"]),
            dict(told["head"]),
            arrays["weights"],
            plane,
            arrays["points"],
            arrays["labels"],
            _reconstruction(arrays) if "shift" in arrays else None,
        )
    except (OSError, UserError, KeyError, TypeError, ValueError):
        return None
    fits = plane.axes.shape == (2, len(plane.origin)) and live.points.shape == (len(live.labels), 2)
    fits = fits and (live.reconstruction is None or _fits(live.reconstruction, len(live.labels)))
    return live if fits and len(live.labels) and np.isfinite(live.points).all() else None


def _reconstruction(arrays: Mapping[str, np.ndarray]) -> PlaneReconstruction:
    field = PlaneField(arrays["field_x"], arrays["field_y"], arrays["shift"])
    return PlaneReconstruction(field, arrays["x"], arrays["x_hat"])


def _fits(reconstruction: PlaneReconstruction, count: int) -> bool:
    """Whether what is said of so many points is whole, and numbers."""
    field, x, x_hat = reconstruction.field, reconstruction.points, reconstruction.reconstructions
    fits = field.shift.shape == (len(field.y), len(field.x), 2) and min(len(field.x), len(field.y)) > 1
    fits = fits and x.shape == x_hat.shape == (count, 2)
    return fits and all(np.isfinite(each).all() for each in (field.x, field.y, field.shift, x, x_hat))


def remove_live(run_dir: Path) -> None:
    """Removes the program of a training that has ended, and the mark of who watched it."""
    for name in (runs.LIVE_FILE, runs.WATCHED_FILE):
        with contextlib.suppress(OSError):
            (run_dir / name).unlink(missing_ok=True)


def pack(live: LiveProgram, classes: Sequence[str]) -> tuple[dict[str, Any], bytes]:
    """What static/views/live_pad/live_pad.js reads: the layout of `packed_map.pack_points` with the plane, the decoder
    and its weights beside."""
    points = live.points.copy()
    if not live.plane.names[1]:  # on a line each class gets a height of its own
        points[:, 1] = 1 - 2 * (live.labels + 0.5) / len(classes)
    shown = packed_map.pack_points(points, live.labels, classes, live.plane.names)
    arrays = {"weights": live.weights.view(np.uint16), "origin": live.plane.origin, "axes": live.plane.axes}
    pieces, blob = _beside(shown, arrays)
    return {**shown.head, "pieces": pieces, "program": live.head, "epoch": live.epoch}, blob


def pack_reconstruction(
    reconstruction: PlaneReconstruction, labels: np.ndarray, epoch: int, classes: Sequence[str], names: Sequence[str]
) -> tuple[dict[str, Any], bytes]:
    """What static/views/live_plane/live_plane.js reads: the layout of `packed_map.pack_points` with the field and the
    reconstructions beside. The axes have `names`, and the plane is shown as far as the field reaches."""
    field = reconstruction.field
    shown = packed_map.pack_points(reconstruction.points, labels, classes)
    square = [[float(each[0]), float(each[-1])] for each in (field.x, field.y)]
    pieces, blob = _beside(shown, {"shift": field.shift, "reconstruction": reconstruction.reconstructions})
    head = {"pieces": pieces, "epoch": epoch, "axis_names": list(names), "extent": square, "pan_limits": square}
    return shown.head | head, blob


def _beside(shown: packed_map.PointMap, arrays: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], bytes]:
    """Pieces and bytes of a map with more arrays behind its own."""
    pieces, blob = packing.pack(arrays)
    for piece in pieces.values():
        piece["offset"] += len(shown.blob)
    return shown.head["pieces"] | pieces, shown.blob + blob


# --- Who watches ------------------------------------------------------------------------------------------------------


def watch(run_dir: Path) -> None:
    """Says that a page shows this run: for WATCHED_SECONDS its worker writes programs."""
    file = run_dir / runs.WATCHED_FILE
    with contextlib.suppress(OSError, UserError):  # a full disk, or a run deleted at this moment: nothing is lost
        files.refuse_links(file)
        if file.is_symlink() or not file.exists():
            files.open_append(file).close()
        else:
            os.utime(file)


def is_watched(run_dir: Path) -> bool:
    """Whether a page has shown this run within WATCHED_SECONDS."""
    try:
        return time.time() - (run_dir / runs.WATCHED_FILE).lstat().st_mtime < WATCHED_SECONDS
    except OSError:
        return False
