"""Codes on a plane, packed for a browser: where they lie, and for the pad how far from them all else is.

The layout is read by static/live/places.js, that of `dots` by static/live/dots.js.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from aecore.analysis import latent_space
from aecore.analysis.latent_space import Plane

SIDE = 128  # places a side at which the browser is told the distance to the data
DEEPEST = 4.0  # distances beyond so many times the edge of the data are all drawn alike
LEAST = 0.02  # of the first view: nobody points more precisely, however close together the codes lie
AIR = 1.15  # how much wider than the codes the first view is
WORLD = 2.0  # how much wider than the first view one may look
CELLS = 64  # a side, of the order in which a map's points are sent
CODES = 2_000_000  # bytes of codes that are sent with a map, at most


@dataclass(frozen=True, eq=False)
class Places:
    """A plane, the codes on it, and the same for the browser: `head` is JSON and says where in `blob` a piece lies."""

    plane: Plane
    shown: np.ndarray  # [N, 2], where each code is drawn
    head: dict[str, Any]
    blob: bytes


def pack(plane: Plane, codes: np.ndarray, labels: np.ndarray, classes: Sequence[str]) -> Places:
    """The places of `codes` [N, D] with the classes `labels` [N]."""
    shown = drawn(plane, codes, labels, len(classes))
    span = view(shown, bool(plane.names[1]))
    world = _wider(span)
    typical, edge = latent_space.spacing(codes)
    edge = max(edge, LEAST * (span[0][1] - span[0][0]))
    rows = SIDE if plane.names[1] else 1
    blob, pieces = _joined(
        points=shown.astype("<f4"),
        off=latent_space.off_plane(plane, codes).astype("<f4"),
        labels=labels.astype(np.uint8),
        field=_field(plane, codes, world, rows, edge),
    )
    head = {
        "origin": plane.origin.tolist(), "axes": plane.axes.tolist(), "names": list(plane.names),
        "classes": list(classes), "count": len(codes), "span": span, "world": world, "typical": typical, "edge": edge,
        "columns": SIDE, "rows": rows, "deepest": DEEPEST, "pieces": pieces,
    }  # fmt: skip
    return Places(plane, shown, head, blob)


def drawn(plane: Plane, codes: np.ndarray, labels: np.ndarray, classes: int) -> np.ndarray:
    """Where each code is drawn: `[N, 2]`. On a line each class gets a height of its own, the first one the top."""
    shown = plane.project(codes)
    if not plane.names[1]:
        shown[:, 1] = 1 - 2 * (labels + 0.5) / classes
    return shown


def view(shown: np.ndarray, square: bool) -> list[list[float]]:
    """The part of the plane to show first, ((left, right), (bottom, top)): nearly all points, the same scale twice."""
    spans = latent_space.ranges(shown, 0.002, 0.998).astype(float)
    middles, halves = spans.mean(axis=1).tolist(), ((spans[:, 1] - spans[:, 0]) * AIR / 2).tolist()
    if not square:
        return [[middles[0] - halves[0], middles[0] + halves[0]], [-1.0, 1.0]]
    return [[middle - max(halves), middle + max(halves)] for middle in middles]


def _wider(span: list[list[float]]) -> list[list[float]]:
    """The part of the plane that one may look at, about the one shown first."""
    return [[(1 + WORLD) / 2 * a + (1 - WORLD) / 2 * b for a, b in ((low, high), (high, low))] for low, high in span]


def _field(plane: Plane, codes: np.ndarray, world: list[list[float]], rows: int, edge: float) -> np.ndarray:
    """How far from the data each place of the world is, `[rows * SIDE]` bytes from the top left."""
    across, up = (
        low + (high - low) * (np.arange(n) + 0.5) / n for (low, high), n in zip(world, (SIDE, rows), strict=True)
    )
    x, y = np.meshgrid(across, up[::-1])
    far = latent_space.remoteness(plane, codes, np.stack([x.ravel(), y.ravel()], axis=1)) / edge
    return (far.clip(0, DEEPEST) / DEEPEST * 255).astype(np.uint8)


# --- A map of many points ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Dots:
    """A map, and the same for the browser: `head` is JSON and says where in `blob` a piece lies."""

    shown: np.ndarray  # [N, 2], where each row is drawn
    one: bool  # whether all codes are one point
    head: dict[str, Any]
    blob: bytes


def dots(
    shown: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    names: tuple[str, str] = ("", ""),
    codes: np.ndarray | None = None,
) -> Dots:
    """A map whose points `shown` [N, 2] have the classes `labels` [N]; `names` are its axes', where they mean something
    (the second is "" on a line). With `codes` [N, D], when they are few enough, the browser can decode each point."""
    flat, order = bool(names[0]) and not names[1], _by_cell(shown)
    content = {
        "points": shown.astype("<f4"),
        "labels": labels.astype(np.uint8),
        "rows": np.arange(len(shown), dtype="<u4"),
    }
    same = codes is not None and np.array_equal(codes, shown)
    if codes is not None and not same and 4 * codes.size <= CODES:
        content["codes"] = codes.astype("<f4")
    blob, pieces = _joined(**{name: array[order] for name, array in content.items()})
    if same:
        pieces["codes"] = pieces["points"]
    span = view(shown, not flat)
    head = {
        "count": len(shown), "classes": list(classes), "counts": np.bincount(labels, minlength=len(classes)).tolist(),
        "names": list(names), "flat": flat, "span": span, "world": _around(span, shown, flat), "pieces": pieces,
    }  # fmt: skip
    known = shown if codes is None else codes
    one = bool(np.ptp(known, axis=0).max() <= latent_space.FLAT * max(1, np.abs(known).max()))
    return Dots(shown, one, head, blob)


def _by_cell(shown: np.ndarray) -> np.ndarray:
    """An order [N] in which neighbours on the map lie close in memory too: so the browser draws them twice as fast. In
    a cell the rows keep their own order, so no class lies above the others."""
    low, wide = shown.min(axis=0), np.ptp(shown, axis=0)
    column, row = (CELLS * (shown - low) / np.where(wide, wide, 1)).astype(int).T
    return np.lexsort((column, -row))


def _around(span: list[list[float]], shown: np.ndarray, flat: bool) -> list[list[float]]:
    """The part of the plane that one may look at: all points lie in it, and the scale is the same both ways."""
    world = _wider(span)
    if flat:
        return [[min(world[0][0], float(shown[:, 0].min())), max(world[0][1], float(shown[:, 0].max()))], world[1]]
    middles = np.mean(span, axis=1)
    half = max((world[0][1] - world[0][0]) / 2, 1.02 * float(np.abs(shown - middles).max()))
    return [[middle - half, middle + half] for middle in middles.tolist()]


def _joined(**arrays: np.ndarray) -> tuple[bytes, dict[str, list[int]]]:
    """All arrays behind each other, and where each starts and how many bytes it has."""
    contents = {name: array.tobytes() for name, array in arrays.items()}
    ends = np.cumsum([len(content) for content in contents.values()]).tolist()
    pieces = {
        name: [end - len(content), len(content)] for (name, content), end in zip(contents.items(), ends, strict=True)
    }
    return b"".join(contents.values()), pieces
