"""Figures of a run as files: SVG, which needs no browser to be drawn, an offline page around it, and PNG of images.

Colours stand as attributes, light ones, which every program reads; a page adds those of the dark theme by class.
"""

from __future__ import annotations

import math
from base64 import b64encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from aecore.data import images
from aecore.data.modalities import Image, Noun, drawing
from aecore.errors import UserError
from aecore.export import static_files
from aecore.store.history import TOTAL, term_value

WIDTH, HEIGHT = 720, 480  # SVG units, of a figure with uneven scales
LEFT, RIGHT, TOP, BOTTOM = 64, 16, 40, 56  # of the room around what is drawn
LEGEND_LINE, LETTER = 22, 8
MIN_PNG_WIDTH = 640  # pixels


@dataclass(frozen=True)
class Figure:
    """A drawing and what it shows."""

    title: str
    description: str  # in words, made from its data
    width: int
    height: int
    body: str  # SVG elements
    png: bytes = b""  # where it is made of images


# --- Figures ----------------------------------------------------------------------------------------------------------


def losses(
    title: str, history: Sequence[Mapping[str, Any]], own_terms: Collection[str], noun: Noun = Image.noun
) -> Figure:
    """Loss parts over epochs, nats per sample: validation as lines, training dotted; and where the model minimises
    several, `own_terms`, their total."""
    if not history:
        raise UserError("There are no losses of this run: its history is gone.")
    parts = [*history[-1]["validation"], *[TOTAL] * (len(own_terms) > 1)]

    def values(split: str, part: str) -> list[float | None]:
        return [term_value(line[split], part, own_terms) for line in history]

    curves = {(part, split): values(split, part) for part in parts for split in ("validation", "train")}
    known = [value for curve in curves.values() for value in curve if value is not None and math.isfinite(value)]
    epochs = [line["epoch"] for line in history]
    frame = _Frame((epochs[0], max(epochs[-1], epochs[0] + 1)), (min(0.0, *known), max(known) or 1.0), WIDTH, HEIGHT)
    lines = [_curve(frame, epochs, curve, parts.index(part), split) for (part, split), curve in curves.items()]
    said = [f"{part} from {found[0]:.1f} to {found[-1]:.1f}" for part in parts
            if (found := [value for value in curves[part, "validation"] if value is not None])]  # fmt: skip
    words = f"Validation loss (lines) and training loss (dotted), nats per {noun.one}: {'; '.join(said)}."
    return frame.figure(title, words, [*lines, *frame.axes("epoch", f"nats per {noun.one}")], parts)


def _curve(frame: _Frame, epochs: Sequence[int], values: Sequence[float | None], number: int, split: str) -> str:
    known = [
        f"{frame.x(epoch):.1f},{frame.y(value):.1f}"
        for epoch, value in zip(epochs, values, strict=True)
        if value is not None and math.isfinite(value)
    ]
    places = " ".join(known * (2 if len(known) == 1 else 1))  # a line of one place is nothing
    look = 'stroke-width="2.5"' if split == "validation" else 'stroke-width="1.5" stroke-dasharray="1 4"'
    colour = _colours()[number % len(_colours())]
    return (
        f'<polyline points="{places}" fill="none" class="s{number}" stroke="{colour}" stroke-linecap="round" {look}/>'
    )


def latent_map(
    title: str,
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    names: tuple[str, str],
    noun: Noun = Image.noun,
) -> Figure:
    """Points `[N, 2]` on a plane whose axes have these names, in the colours of their classes; the same scale both
    ways."""
    frame = _Frame(*_square(points), WIDTH, WIDTH + TOP + BOTTOM - LEFT - RIGHT)
    radius = 1.5 if len(points) > 3000 else 2.5
    groups = []
    for number, name in enumerate(classes):
        dots = "".join(
            f'<circle cx="{frame.x(x):.1f}" cy="{frame.y(y):.1f}" r="{radius}"/>' for x, y in points[labels == number]
        )
        colour = _colours()[number % len(_colours())]
        look = f'class="k{number % len(_colours())}" fill="{colour}" fill-opacity="0.8"'
        groups.append(f"<g {look}><title>{escape(name)}</title>{dots}</g>")
    counts = ", ".join(f"{name}: {int((labels == number).sum())}" for number, name in enumerate(classes))
    coloured = f", coloured by class ({counts})" if len(classes) > 1 else ""
    words = f"Map of the codes of {len(points):,} test {noun.many}{coloured}."
    return frame.figure(title, words, [*groups, *frame.axes(*names)], classes if len(classes) > 1 else ())


def manifold(
    title: str, cells: np.ndarray, x: np.ndarray, y: np.ndarray, names: tuple[str, str], noun: Noun = Image.noun
) -> Figure:
    """Pictures `[n * n, C, H, W]` of decoded samples, row by row from the top left, at `x` `[n]` rising and `y` `[n]`
    falling; `noun` is what they are called."""
    n = len(x)
    grid = images.image_grid(cells, n, gap=drawing.grid_gap(cells))
    png = images.png(grid, scale=-(-MIN_PNG_WIDTH // grid.shape[-1]))  # a pixel stays a sharp square
    frame = _Frame((-0.5, n - 0.5), (-0.5, n - 0.5), WIDTH, WIDTH + TOP + BOTTOM - LEFT - RIGHT)
    drawn = (
        f'<image x="{LEFT}" y="{TOP}" width="{frame.wide}" height="{frame.high}" preserveAspectRatio="none" '
        f'style="image-rendering: pixelated" href="data:image/png;base64,{b64encode(png).decode()}"/>'
    )
    every = max(1, n // 5)
    across = {float(at): f"{x[at]:.2f}" for at in range(0, n, every)}
    up = {float(at): f"{y[n - 1 - at]:.2f}" for at in range(0, n, every)}
    words = f"{n} x {n} {noun.many} decoded from a grid of codes: {names[0]} from {x[0]:.2f} to {x[-1]:.2f}"
    words += f", {names[1]} from {y[-1]:.2f} (bottom) to {y[0]:.2f} (top)." if names[1] else "."
    figure = frame.figure(title, words, [drawn, *frame.axes(*names, across=across, up=up if names[1] else {})])
    return Figure(**(vars(figure) | {"png": png}))


# --- What they are drawn with -----------------------------------------------------------------------------------------


def _colours() -> tuple[str, ...]:
    return static_files.class_colours("light")


def _square(points: np.ndarray) -> tuple[tuple[float, float], tuple[float, float]]:
    """The ranges of both axes, as wide, that hold all points with a little air."""
    low, high = points.min(axis=0).astype(float), points.max(axis=0).astype(float)
    middle, half = (low + high) / 2, (float((high - low).max()) or 1.0) * 0.52
    (left, bottom), (right, top) = (middle - half).tolist(), (middle + half).tolist()
    return (left, right), (bottom, top)


def ticks(low: float, high: float, count: int = 7) -> list[float]:
    """Round numbers from `low` to `high`, `count` of them at most."""
    rough = (high - low) / count
    size = 10 ** math.floor(math.log10(rough))
    step = size * next(times for times in (1, 2, 5, 10) if size * times >= rough)
    return [float(f"{at * step:.8g}") for at in range(math.ceil(low / step), math.floor(high / step) + 1)]


@dataclass(frozen=True)
class _Frame:
    """The rectangle in which numbers of two ranges are drawn."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]
    width: int
    height: int

    @property
    def wide(self) -> int:
        return self.width - LEFT - RIGHT

    @property
    def high(self) -> int:
        return self.height - TOP - BOTTOM

    def x(self, value: float) -> float:
        low, high = self.x_range
        return LEFT + self.wide * (value - low) / (high - low)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return TOP + self.high * (high - value) / (high - low)

    def axes(
        self, x_name: str, y_name: str, across: Mapping[float, str] | None = None, up: Mapping[float, str] | None = None
    ) -> Iterator[str]:
        """Numbers along the lower and the left edge, and the names of both."""
        across = {at: f"{at:g}" for at in ticks(*self.x_range)} if across is None else across
        up = {at: f"{at:g}" for at in ticks(*self.y_range)} if up is None and y_name else up or {}
        below, left = TOP + self.high, LEFT - 8
        yield f'<path class="line" fill="none" stroke="#7f8896" d="M{LEFT} {TOP}V{below}H{LEFT + self.wide}"/>'
        for at, text in across.items():
            yield _text(self.x(at), below + 18, text, "middle")
        for at, text in up.items():
            yield _text(left, self.y(at) + 4, text, "end")
        yield _text(LEFT + self.wide / 2, below + 40, x_name, "middle")
        yield _text(16, TOP + self.high / 2, y_name, "middle", f' transform="rotate(-90 16 {TOP + self.high / 2:.0f})"')

    def figure(self, title: str, words: str, elements: Sequence[str], legend: Sequence[str] = ()) -> Figure:
        """A figure of these elements under its title, with the names of its colours below."""
        each = 40 + LETTER * max(map(len, legend), default=0)  # as wide as the longest name
        columns = max(1, (self.width - LEFT) // each)
        names = []
        for number, name in enumerate(legend):
            x, y = LEFT + number % columns * each, self.height + number // columns * LEGEND_LINE
            colour = _colours()[number % len(_colours())]
            names.append(f'<rect class="k{number}" fill="{colour}" x="{x}" y="{y}" width="12" height="12" rx="2"/>')
            names.append(_text(x + 18, y + 11, name, "start"))
        rows = math.ceil(len(legend) / columns)
        heading = _text(LEFT, 24, title, "start", ' font-size="16" font-weight="600"')
        body = "\n".join([heading, *elements, *names])
        return Figure(title, words, self.width, self.height + rows * LEGEND_LINE + (8 if rows else 0), body)


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    words = escape(text.replace("-", "\u2212") if text[:1] == "-" and text[1:2].isdigit() else text)
    return f'<text class="ink" fill="#0b1320" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{words}</text>'


# --- Files ------------------------------------------------------------------------------------------------------------


def to_svg(figure: Figure) -> bytes:
    """A figure as SVG on white."""
    ground = f'<rect width="{figure.width}" height="{figure.height}" fill="#ffffff"/>'
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{_svg(figure, ground)}\n'.encode()


def _svg(figure: Figure, ground: str = "") -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {figure.width} {figure.height}" role="img" '
        f'width="{figure.width}" height="{figure.height}" font-family="sans-serif" font-size="13" '
        f'aria-label="{escape(figure.description)}">{ground}\n{figure.body}\n</svg>'
    )


def to_html(figure: Figure) -> bytes:
    """A figure in a page of its own, light or dark, that asks nothing of a network."""
    dark = "".join(
        f".k{number} {{ fill: {colour}; }} .s{number} {{ stroke: {colour}; }} "
        for number, colour in enumerate(static_files.class_colours("dark"))
    )
    light, theme = map(static_files.theme_properties, static_files.THEMES)
    style = (
        f":root {{ color-scheme: light dark; {light} }} "
        "body { margin: 1rem; font: 1rem/1.5 var(--st-font); color: var(--st-text-color); "
        "background: var(--st-background-color); } svg { max-width: 100%; height: auto; } p { max-width: 45rem; } "
        f"@media (prefers-color-scheme: dark) {{ :root {{ {theme} }} .ink {{ fill: var(--st-text-color); }} {dark}}}"
    )
    policy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
        f"<title>{escape(figure.title)}</title>\n<style>{style}</style>\n</head>\n<body>\n<main>\n"
        f"{_svg(figure)}\n<p>{escape(figure.description)}</p>\n</main>\n</body>\n</html>\n"
    ).encode()


def to_png(figure: Figure) -> bytes:
    """The images of a figure, each pixel a sharp square; UserError where it is none of images."""
    if not figure.png:
        raise UserError(
            "Only a manifold is made of pixels: write this figure as .svg, of which a browser or an editor makes a PNG."
        )
    return figure.png


FORMATS: dict[str, Callable[[Figure], bytes]] = {"html": to_html, "svg": to_svg, "png": to_png}
