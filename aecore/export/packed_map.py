"""Codes on a plane, packed for a browser: where they lie, and for the pad how far from them all else is.

The layout is read by static/map/latent_plane.js, that of `dots` by static/map/points.js.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.analysis import latent_geometry, latent_space
from aecore.analysis.latent_space import Plane
from aecore.export import packing

FIELD_SIZE = 128  # places a side of the distance field
MAX_DISTANCE = 4.0  # distances beyond so many times the threshold are all drawn alike
MIN_THRESHOLD = 0.02  # of the first view: nobody points more precisely, however close together the codes lie
MARGIN = 1.15  # how much wider than the codes the first view is
PAN_LIMIT = 2.0  # how much wider than the first view one may look
SORT_CELLS = 64  # a side, of the order in which a map's points are sent
MAX_CODE_BYTES = 2_000_000  # bytes of codes that are sent with a map, at most


@dataclass(frozen=True, eq=False)
class PlaneMap:
    """A plane, the codes on it, and the same for the browser: `head` (JSON) says where in `blob` a piece lies."""

    plane: Plane
    points: np.ndarray  # [N, 2], where each code is drawn
    head: dict[str, Any]
    blob: bytes


def pack(plane: Plane, codes: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> PlaneMap:
    """The places of `codes` [N, D] with the classes `labels` [N]."""
    shown = plane_points(plane, codes, labels, len(classes))
    extent = initial_extent(shown, bool(plane.names[1]))
    pan_limits = _pan_limits(extent)
    typical, threshold = latent_geometry.neighbour_distances(codes)
    threshold = max(threshold, MIN_THRESHOLD * (extent[0][1] - extent[0][0]))
    rows = FIELD_SIZE if plane.names[1] else 1
    field = _distance_field(plane, codes, pan_limits, rows, threshold)
    pieces, blob = packing.pack(
        {
            "points": shown.astype(np.float32),
            "residual": latent_geometry.residual(plane, codes).astype(np.float32),
            "labels": labels.astype(np.uint8),
            "distance_field": field.reshape(rows, FIELD_SIZE),
        }
    )
    head = {
        "origin": plane.origin.tolist(), "axes": plane.axes.tolist(), "axis_names": list(plane.names),
        "class_names": list(classes), "count": len(codes), "extent": extent, "pan_limits": pan_limits,
        "neighbour_distance": typical, "distance_threshold": threshold, "max_distance": MAX_DISTANCE,
        "pieces": pieces,
    }  # fmt: skip
    return PlaneMap(plane, shown, head, blob)


def plane_points(plane: Plane, codes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Where each code is drawn: `[N, 2]`. On a line each class gets a height of its own, the first one the top."""
    shown = plane.project(codes)
    if not plane.names[1]:
        shown[:, 1] = 1 - 2 * (labels + 0.5) / classes
    return shown


def initial_extent(points: np.ndarray, square: bool) -> list[list[float]]:
    """The part of the plane to show first, ((left, right), (bottom, top)): nearly all points, the same scale twice."""
    spans = latent_space.quantile_ranges(points, 0.002, 0.998).astype(float)
    middles, halves = spans.mean(axis=1).tolist(), ((spans[:, 1] - spans[:, 0]) * MARGIN / 2).tolist()
    if not square:
        return [[middles[0] - halves[0], middles[0] + halves[0]], [-1.0, 1.0]]
    return [[middle - max(halves), middle + max(halves)] for middle in middles]


def _pan_limits(extent: list[list[float]]) -> list[list[float]]:
    """The part of the plane that one may look at, about the one shown first."""
    return [
        [(1 + PAN_LIMIT) / 2 * a + (1 - PAN_LIMIT) / 2 * b for a, b in ((low, high), (high, low))]
        for low, high in extent
    ]


def _distance_field(
    plane: Plane, codes: np.ndarray, pan_limits: list[list[float]], rows: int, threshold: float
) -> np.ndarray:
    """How far from the data each place within the limits is, `[rows * FIELD_SIZE]` bytes from the top left."""
    across, up = (
        low + (high - low) * (np.arange(n) + 0.5) / n
        for (low, high), n in zip(pan_limits, (FIELD_SIZE, rows), strict=True)
    )
    x, y = np.meshgrid(across, up[::-1])
    far = latent_geometry.distance_to_data(plane, codes, np.stack([x.ravel(), y.ravel()], axis=1)) / threshold
    return (far.clip(0, MAX_DISTANCE) / MAX_DISTANCE * 255).astype(np.uint8)


# --- A map of many points ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class PointMap:
    """A map, and the same for the browser: `head` (JSON) says where in `blob` a piece lies."""

    points: np.ndarray  # [N, 2], where each row is drawn
    single_point: bool  # whether all codes are one point
    head: dict[str, Any]
    blob: bytes


def pack_points(
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    names: tuple[str, str] = ("", ""),
    codes: np.ndarray | None = None,
) -> PointMap:
    """A map whose `points` [N, 2] have the classes `labels` [N]; `names` are its axes', where they mean something
    (the second is "" on a line). With `codes` [N, D], when they are few enough, the browser can decode each point."""
    flat, order = bool(names[0]) and not names[1], _cell_order(points)
    arrays: dict[str, np.ndarray | None] = {
        "points": points.astype(np.float32)[order],
        "labels": labels.astype(np.uint8)[order],
        "indices": order.astype(np.uint32),
        "codes": None,
    }
    if codes is not None and np.array_equal(codes, points):
        arrays["codes"] = arrays["points"]
    elif codes is not None and 4 * codes.size <= MAX_CODE_BYTES:
        arrays["codes"] = codes.astype(np.float32)[order]
    pieces, blob = packing.pack(arrays)
    extent = initial_extent(points, not flat)
    head = {
        "count": len(points), "class_names": list(classes),
        "class_counts": np.bincount(labels, minlength=len(classes)).tolist(),
        "axis_names": list(names), "one_dimensional": flat, "extent": extent,
        "pan_limits": _pan_limits_around(extent, points, flat), "pieces": pieces,
    }  # fmt: skip
    known = points if codes is None else codes
    one = bool(np.ptp(known, axis=0).max() <= latent_space.CONSTANT_TOLERANCE * max(1, np.abs(known).max()))
    return PointMap(points, one, head, blob)


def _cell_order(points: np.ndarray) -> np.ndarray:
    """An order [N] in which neighbours on the map lie close in memory too: so the browser draws them twice as fast. In
    a cell the rows keep their own order, so no class lies above the others."""
    low, wide = points.min(axis=0), np.ptp(points, axis=0)
    column, row = (SORT_CELLS * (points - low) / np.where(wide, wide, 1)).astype(int).T
    return np.lexsort((column, -row))


def _pan_limits_around(extent: list[list[float]], points: np.ndarray, one_dimensional: bool) -> list[list[float]]:
    """The part of the plane that one may look at: all points lie in it, and the scale is the same both ways."""
    pan_limits = _pan_limits(extent)
    if one_dimensional:
        return [
            [min(pan_limits[0][0], float(points[:, 0].min())), max(pan_limits[0][1], float(points[:, 0].max()))],
            pan_limits[1],
        ]
    middles = np.mean(extent, axis=1)
    half = max((pan_limits[0][1] - pan_limits[0][0]) / 2, 1.02 * float(np.abs(points - middles).max()))
    return [[middle - half, middle + half] for middle in middles.tolist()]
