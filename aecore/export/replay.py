"""A training from its snapshots, packed small for a browser that plays it. Nothing here imports torch."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from aecore.data import images
from aecore.data.modalities import drawing
from aecore.export import packing
from aecore.store.snapshots import Snapshot

MAX_UINT16 = 65535  # the right and the upper edge of the map
MAX_LINES = 500  # of the history: more cannot be seen on a chart


def shared_extent(points: np.ndarray) -> np.ndarray:
    """The square of the plane, [2, 2] (low, high of each axis), that holds `points` [S, N, 2] of all snapshots.

    The same for all, so that the map does not jump; square, so that both axes have one scale. Far outliers (a quarter
    of the width outside the middle 99 %) are left outside: one of them would shrink everything else.
    """
    known = np.where(np.isfinite(points), points, 0).astype(np.float64)
    low, high = np.quantile(known, (0.005, 0.995), axis=1)  # [S, 2] each
    low, high = low.min(axis=0), high.max(axis=0)
    wide = (high - low) / 4
    low = np.maximum(low - wide, known.min(axis=(0, 1)))
    high = np.minimum(high + wide, known.max(axis=(0, 1)))
    half = float((high - low).max()) / 2 * 1.06 or 1.0  # a little air
    middle = (low + high) / 2
    return np.stack([middle - half, middle + half], axis=1)


def quantize_points(points: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """`points` [..., 2] as uint16 from 0 (left, bottom) to 65535 (right, top); those outside lie on the edge."""
    low, high = extent[:, 0], extent[:, 1]
    shares = (np.nan_to_num(points.astype(np.float64), posinf=1e9, neginf=-1e9) - low) / (high - low)
    return np.round(shares.clip(0, 1) * MAX_UINT16).astype(np.uint16)


def _manifold_area(snapshot: Snapshot, extent: np.ndarray) -> list[float] | None:
    """What the manifold covers, as shares of the map: left, right, bottom, top. None on a line."""
    x, y = snapshot.x.astype(np.float64), snapshot.y.astype(np.float64)
    if not snapshot.axis_names[1]:
        return None
    across, up = (x[1] - x[0]) / 2, (y[0] - y[1]) / 2  # half a cell more than its outermost codes
    edges = np.array([[x[0] - across, x[-1] + across], [y[-1] - up, y[0] + up]])
    shares = (edges - extent[:, :1]) / (extent[:, 1:] - extent[:, :1])
    return [round(float(share), 4) for share in shares.ravel()]


def manifold_image(tiles: np.ndarray, columns: int) -> np.ndarray:
    """uint8 [N, C, H, W] -> one image, uint8 [H', W'] or [H', W', 3]; small ones get a gap between them."""
    whole = np.moveaxis(images.image_grid(tiles, columns, drawing.grid_gap(tiles), 128), 0, -1)
    return whole[..., 0] if whole.shape[-1] == 1 else whole


def loss_curves(history: Sequence[Mapping[str, Any]], epochs: Sequence[int]) -> dict[str, Any]:
    """Curves of each loss part, nats per image: `{"epochs": [...], "parts": {part: {"validation", "train"}}}`.

    A long history is thinned out, but keeps the `epochs` that have a snapshot. What is no finite number is None.
    """
    every, wanted = math.ceil(len(history) / MAX_LINES) or 1, set(epochs)
    kept = [line for at, line in enumerate(history) if at % every == 0 or line["epoch"] in wanted]
    parts = dict.fromkeys(part for line in kept for part in line.get("validation") or {})

    def curve(split: str, part: str) -> list[float | None]:
        values = [(line.get(split) or {}).get(part) for line in kept]
        known = [value is not None and math.isfinite(value) for value in values]
        return [float(f"{value:.5g}") if ok else None for value, ok in zip(values, known, strict=True)]

    return {
        "epochs": [line["epoch"] for line in kept],
        "parts": {part: {split: curve(split, part) for split in ("validation", "train")} for part in parts},
    }


@dataclass(frozen=True, eq=False)
class Packed:
    """All snapshots of a run: what can be said of them, and one block of bytes that holds the rest.

    `head["pieces"]` says where in `blob` each piece lies (packing): `points` uint16 [S, N, 2] (`quantize_points`),
    `labels` uint8 [N], and the images `originals`, `manifolds` and `reconstructions` (lists, one a snapshot) as PNG or
    WebP files.
    """

    head: Mapping[str, Any]  # JSON
    blob: bytes

    def piece(self, name: str, at: int | None = None) -> bytes:
        """One piece; `at` chooses the frame where there is one for each."""
        found = self.head["pieces"][name]
        return packing.unpack(found if at is None else found[at], self.blob).tobytes()


def _webp(image: np.ndarray) -> bytes:
    """A manifold as a small file: 30 KB a frame of MNIST. As PNG it would be 68; below 16 pixels a side PNG wins."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "WEBP", quality=85, method=4)
    return stream.getvalue()


def pack(
    snapshots: Sequence[Snapshot],
    labels: np.ndarray,
    originals: np.ndarray,
    classes: Sequence[str],
    history: Sequence[Mapping[str, Any]],
) -> Packed:
    """Snapshots by epoch, the `labels` [N] of their points and the `originals`, pictures as floats
    [SHOWN, C, H, W], of what they reconstruct: 1.6 MB for MNIST."""
    points = np.stack([each.points for each in snapshots])  # [S, N, 2]
    square, small = shared_extent(points), snapshots[0].manifold.shape[-1] < 16
    write = images.png if small else _webp
    rows = np.round(originals.clip(0, 1) * 255).astype(np.uint8)
    pieces, blob = packing.pack(
        {
            "points": quantize_points(points, square),
            "labels": labels.astype(np.uint8),
            "originals": _strip(rows),
            "manifolds": [write(manifold_image(each.manifold, len(each.x))) for each in snapshots],
            "reconstructions": [_strip(each.reconstructions) for each in snapshots],
        }
    )
    head = {
        "epochs": [each.epoch for each in snapshots],
        "axis_names": list(snapshots[-1].axis_names),
        "extent": square.tolist(),
        "manifold_extents": [_manifold_area(each, square) for each in snapshots],
        "count": points.shape[1],
        "code_size": snapshots[0].codes.shape[1],
        "class_names": list(classes),
        "shape": list(rows.shape),  # SHOWN, C, H, W
        "losses": loss_curves(history, [each.epoch for each in snapshots]),
        "pieces": pieces,
    }
    return Packed(head, blob)


def _strip(rows: np.ndarray) -> bytes:
    """uint8 [N, C, H, W] side by side without gaps, as PNG: exact, for these are looked at closely."""
    whole = np.moveaxis(images.image_grid(rows, len(rows), 0), 0, -1)
    return images.png(np.ascontiguousarray(whole))
