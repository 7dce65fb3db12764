"""The made shapes: squares, ellipses and hearts on a regular grid of factors, drawn and not downloaded."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

SIZE = 32  # pixels along one side of an image
SHAPE_NAMES = ("square", "ellipse", "heart")
# Pixels: a shape stays inside the circle of this radius however it is turned. The squares have sides 6 to 12.
RADII = tuple(side / np.sqrt(2) for side in (6.0, 7.5, 9.0, 10.5, 12.0))
# Degrees, clockwise on the screen. A square looks the same after 90, an ellipse after 180, a heart only after
# 360: staying below 90 gives each image one set of factors only.
ROTATIONS = tuple(11.25 * step for step in range(8))
# Where the centre of mass lies along either axis, in pixels from the left or the top edge. The outermost are
# 9.25 from an edge and the largest radius is 8.49, so no shape is ever cut.
POSITIONS = tuple(9.25 + 1.5 * step for step in range(10))
# Orange, sky blue, green, yellow, vermillion, purple: Okabe & Ito (2008) chose them for colour-blind eyes.
HUES = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (213, 94, 0), (204, 121, 167))
FACTORS = ("shape", "scale", "rotation", "x", "y")

_SUPERSAMPLING = 8  # each pixel is sampled at 8 x 8 points
_ASPECT = 0.6  # the ellipse's short axis over its long one, which makes all areas about equal
# The heart is a square with two half discs. Its centre of mass lies this far from the square's along either
# side, in half sides, and half a side is this long if the tip is to be at distance 1 from the centre of mass.
_HEART_CENTRE = (np.pi / 2 + 2 / 3) / (4 + np.pi)
_HEART_HALF = 1 / (np.sqrt(2) * (1 + _HEART_CENTRE))


def grey_shapes() -> tuple[np.ndarray, np.ndarray]:
    """Every combination of FACTORS: images, uint8 [12000, 1, 32, 32], and their steps, int64 [12000, 5]."""
    grid = (len(SHAPE_NAMES), len(RADII), len(ROTATIONS), len(POSITIONS), len(POSITIONS))
    images = np.stack(list(_render_by_shape()))  # [120, y, x, 32, 32]
    images = images.transpose(0, 2, 1, 3, 4).reshape(-1, 1, SIZE, SIZE)  # x before y, as FACTORS has them
    return images, np.indices(grid).reshape(len(grid), -1).T


def coloured_shapes(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """`count` of all shapes in all hues, by lot: uint8 [count, 3, 32, 32]; steps, hue, int64 [count, 6]."""
    images, factors = grey_shapes()
    chosen = np.random.RandomState(seed).permutation(len(images) * len(HUES))[:count]
    shape, hue = np.divmod(chosen, len(HUES))
    painted = images[shape].astype(np.uint16) * np.array(HUES, np.uint16)[hue][:, :, None, None]  # at most 255 * 255
    return ((painted + 127) // 255).astype(np.uint8), np.column_stack([factors[shape], hue])


def _render_by_shape() -> Iterator[np.ndarray]:
    """For each shape, scale and rotation in turn the images of all places, uint8 [y, x, 32, 32]."""
    # One stencil, wide enough to slide the frame over it, serves all places: they are whole fine steps apart.
    reach = round((POSITIONS[-1] - POSITIONS[0]) * _SUPERSAMPLING) + SIZE * _SUPERSAMPLING
    across = (np.arange(reach) + 0.5) / _SUPERSAMPLING - POSITIONS[-1]  # [reach] pixels from the centre of mass
    for inside in (_square, _ellipse, _heart):
        for radius in RADII:
            for degrees in ROTATIONS:
                turn = np.deg2rad(degrees)
                right, down = across[None, :] / radius, across[:, None] / radius
                u = np.cos(turn) * right + np.sin(turn) * down
                v = np.cos(turn) * down - np.sin(turn) * right
                yield _area_coverage(inside(u, v))


def _area_coverage(mask: np.ndarray) -> np.ndarray:
    """How much of each pixel a fine mask [reach, reach] covers, for every place: uint8 [y, x, 32, 32]."""
    table = np.zeros([side + 1 for side in mask.shape], np.int32)  # counts above and left of each corner
    table[1:, 1:] = mask.cumsum(0, dtype=np.int32).cumsum(1, dtype=np.int32)
    starts = [round((POSITIONS[-1] - place) * _SUPERSAMPLING) for place in POSITIONS]
    edges = np.array(starts)[:, None] + _SUPERSAMPLING * np.arange(SIZE + 1)  # [place, 33]
    corners = table[edges[:, None, :, None], edges[None, :, None, :]]  # [y, x, 33, 33]
    counts = np.diff(np.diff(corners, axis=-1), axis=-2)  # 0 to 64
    return np.rint(counts * (255 / _SUPERSAMPLING**2)).astype(np.uint8)


# Which points belong to a shape: u runs right, v down, in radii from its centre of mass; both [reach, reach].


def _square(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return np.maximum(np.abs(u), np.abs(v)) <= 1 / np.sqrt(2)


def _ellipse(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    return u**2 + (v / _ASPECT) ** 2 <= 1


def _heart(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """A square standing on its corner, with a half disc on each upper side."""
    half = _HEART_HALF
    p = (u - v) / np.sqrt(2) + half * _HEART_CENTRE  # along the square's sides, from its centre: up right
    q = (-u - v) / np.sqrt(2) + half * _HEART_CENTRE  # up left
    square = np.maximum(np.abs(p), np.abs(q)) <= half
    return square | ((p - half) ** 2 + q**2 <= half**2) | (p**2 + (q - half) ** 2 <= half**2)
