"""Small drawings of what is no image: curves, bars and points, on paper that a light and a dark page both bear.

static/dom/render/ draws the same in the browser, with these colours and margins.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

import numpy as np
from PIL import Image, ImageDraw

SCALE = 4  # drawn so many times as large, and averaged: PIL's lines have steps
DETAIL = 2  # times as many pixels each way that a page shows of a drawing that stands alone
HEIGHT, WIDTH = 48, 72  # pixels of a drawing
PAPER, AXIS, INK, PALE = (250, 250, 247), (205, 205, 200), (20, 60, 110), (150, 155, 160)
WRONG = (213, 94, 0)  # Okabe & Ito's vermilion
# of several channels of a series; each differs from the others in lightness too
CHANNELS = ((20, 60, 110), (213, 94, 0), (0, 130, 95), (150, 60, 130), (110, 100, 20), (60, 150, 210))


_detail: ContextVar[int] = ContextVar("detail", default=1)


@contextmanager
def detailed() -> Iterator[None]:
    """Drawings made meanwhile have DETAIL times as many pixels each way: for those that are looked at closely."""
    token = _detail.set(DETAIL)
    try:
        yield
    finally:
        _detail.reset(token)


def detail() -> int:
    """How many times as many pixels each way drawings have now."""
    return _detail.get()


def blank(height: int = HEIGHT, width: int = WIDTH) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """An empty paper, SCALE times as large as it will be."""
    image = Image.new("RGB", (width * SCALE, height * SCALE), PAPER)
    return image, ImageDraw.Draw(image)


def finish(images: Sequence[Image.Image]) -> np.ndarray:
    """Drawings of one size -> float32 `[N, 3, h, w]` in [0, 1]."""
    array = np.stack([np.asarray(image.reduce(SCALE // detail())) for image in images])
    return np.ascontiguousarray(array.transpose(0, 3, 1, 2), np.float32) / 255


def grid_gap(x: np.ndarray) -> int:
    """Pixels between pictures `x` `[N, C, h, w]` in a grid: small digits need air, and so do drawings, whose paper is
    alike."""
    return int(x.shape[-1] < 16 or x.shape[1:3] == (3, HEIGHT))


def curve(
    draw: ImageDraw.ImageDraw, values: np.ndarray, limits: tuple[float, float], colour: tuple[int, int, int],
    size: tuple[int, int] = (HEIGHT, WIDTH), width: float = 1.2,
) -> None:  # fmt: skip
    """A curve of `values` `[T]`; NaN is a gap."""
    height, wide = size
    x = (2 + (wide - 4) * np.arange(len(values)) / max(1, len(values) - 1)) * SCALE
    y = to_row(values, limits, height) * SCALE
    for run in np.split(np.arange(len(values)), np.flatnonzero(np.isnan(values))):
        run = run[~np.isnan(values[run])]
        points = list(zip(x[run].tolist(), y[run].tolist(), strict=True))
        if len(points) > 1:
            draw.line(points, fill=colour, width=max(1, round(width * SCALE)), joint="curve")
        elif points:
            dot(draw, points[0], 1.0, colour)


def to_row(values: np.ndarray, limits: tuple[float, float], height: int) -> np.ndarray:
    """Pixels from the top of values, kept on the paper."""
    low, high = limits
    share = (np.asarray(values, float).clip(low, high) - low) / (high - low)
    return 2 + (height - 4) * (1 - share)


def dot(draw: ImageDraw.ImageDraw, at: tuple[float, float], radius: float, colour: tuple[int, int, int]) -> None:
    """A disc about a place on the large paper; the radius is in final pixels."""
    reach = radius * SCALE
    draw.ellipse((at[0] - reach, at[1] - reach, at[0] + reach, at[1] + reach), fill=colour)


def bars(
    draw: ImageDraw.ImageDraw, values: np.ndarray, limit: float, colours: Sequence[tuple[int, int, int]],
    size: tuple[int, int] = (HEIGHT, WIDTH), thickness: float = 0.7,
) -> None:  # fmt: skip
    """One bar for each of `values` `[F]`, from the middle up or down; NaN is a gap."""
    height, wide = size
    pitch, middle = (wide - 4) / len(values), height / 2
    draw.line((0, middle * SCALE, wide * SCALE, middle * SCALE), fill=AXIS, width=SCALE)
    for number, (value, colour) in enumerate(zip(values, colours, strict=True)):
        if np.isnan(value):
            continue
        left = 2 + pitch * (number + (1 - thickness) / 2)
        top, below = sorted((middle, float(to_row(np.array(value), (-limit, limit), height))))
        box = [left, top, left + max(pitch * thickness, 1), max(below, top + 1)]
        draw.rectangle([each * SCALE for each in box], fill=colour)
