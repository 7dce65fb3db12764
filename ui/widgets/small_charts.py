"""Small charts as images: they are there with the page, and change without a blink while a model learns."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

STYLE = """
.ae-chart { margin: 0; font-size: .75rem; font-variant-numeric: tabular-nums; }
.ae-chart img { display: block; width: 100%; }
.ae-chart .ae-plot { position: relative; padding-left: 2.25rem; }
.ae-chart .ae-plot img { border: solid rgba(128, 128, 128, .45); border-width: 0 0 1px 1px; }
.ae-chart .ae-tick { position: absolute; left: 0; width: 2rem; text-align: right; line-height: 1; }
.ae-chart .ae-end { display: block; text-align: right; line-height: 1.3; }
.ae-chart figcaption { display: flex; flex-wrap: wrap; gap: 0 .75rem; }
.ae-chart i { display: inline-block; width: 1rem; height: .25rem; margin-right: .25rem; vertical-align: middle; }
"""


@dataclass(frozen=True)
class Line:
    """A quantity over the same steps as the others of a chart; None where it is not known."""

    name: str
    colour: str
    values: Sequence[float | None]
    dotted: bool = False  # drawn beneath the others, and not named


def line_chart(lines: Sequence[Line], first: int, last: int, height: int, alt: str) -> str:
    """Lines from epoch `first` to `last`, `height` CSS pixels high, as HTML; `alt` say what they show."""
    known = [value for line in lines for value in line.values if value is not None]
    low, high = (min(0.0, *known), max(known)) if known else (0.0, 1.0)
    below = sorted(lines, key=lambda line: not line.dotted)
    drawn = "".join(_polyline(line, low, (high - low) or 1.0) for line in below)
    image = _image('viewBox="0 0 100 100" preserveAspectRatio="none"', drawn, height, alt)
    edges = ((0, high), (height - 12, low))
    ticks = "".join(f'<span class="ae-tick" style="top:{top}px">{value:.3g}</span>' for top, value in edges)
    named = (line for line in lines if not line.dotted)
    names = "".join(f'<span><i style="background:{line.colour}"></i>{escape(line.name)}</span>' for line in named)
    return (
        f'<figure class="ae-chart"><div class="ae-plot">{image}{ticks}'
        f'<span class="ae-end">epoch {first} to {last}</span></div><figcaption>{names}</figcaption></figure>'
    )


def _polyline(line: Line, low: float, span: float) -> str:
    steps = max(1, len(line.values) - 1)
    places = " ".join(
        f"{100 * at / steps:.1f},{100 - 100 * (value - low) / span:.1f}"
        for at, value in enumerate(line.values)
        if value is not None
    )
    look = 'stroke-width="1.5" stroke-dasharray="1 3"' if line.dotted else 'stroke-width="2"'
    return f'<polyline points="{places}" fill="none" stroke="{line.colour}" {look} vector-effect="non-scaling-stroke"/>'


def scatter_plot(points: np.ndarray, labels: np.ndarray, colours: Sequence[str], height: int, alt: str) -> str:
    """Points `[N, 2]` in the colours of their labels, `height` CSS pixels high, as HTML; up is up."""
    low, high = points.min(axis=0), points.max(axis=0)
    places = 100 * (points - (low + high) / 2) / (float(max(high - low)) or 1.0)
    groups = ""
    for label in np.unique(labels):
        # beyond the colours of the palette these begin anew, as rings
        ring = label // len(colours) % 2
        look = f' fill="none" stroke="{colours[label % len(colours)]}" stroke-width=".5"' if ring else ""
        dots = "".join(f'<circle cx="{x:.1f}" cy="{-y:.1f}" r="1.3"{look}/>' for x, y in places[labels == label])
        groups += f'<g fill="{colours[label % len(colours)]}">{dots}</g>'
    image = _image('viewBox="-52 -52 104 104"', f'<g fill-opacity=".8">{groups}</g>', height, alt)
    return f'<figure class="ae-chart">{image}</figure>'


def _image(look: str, drawn: str, height: int, alt: str) -> str:
    """A drawing as an image: Streamlit takes SVG out of the HTML of a page."""
    code = b64encode(f'<svg xmlns="http://www.w3.org/2000/svg" {look}>{drawn}</svg>'.encode()).decode()
    return f'<img src="data:image/svg+xml;base64,{code}" style="height:{height}px" alt="{escape(alt, quote=True)}">'
