"""The drawings of the panels that every model has: a network as an hourglass of text, walls of images, spectra."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from ui.widgets import charts, images
from ui.widgets.charts import Chart

if TYPE_CHECKING:
    from aecore.analysis.architecture import ArchitectureSummary, LayerInfo
    from aecore.analysis.loaded import LoadedModel

# A row of the hourglass: what it is, a bar as wide as the logarithm of how many numbers come out, and what it learns.
STYLE = """
.ae-hourglass { list-style: none; margin: 0 auto; padding: 0; max-width: 52rem; font-size: .9375rem; }
.ae-hourglass li { display: grid; grid-template-columns: minmax(0, 1fr) minmax(0, 1.4fr) 5.5rem; gap: .75rem;
  align-items: center; margin: 0 0 3px; padding: 0; }
.ae-hourglass .ae-layer { text-align: right; line-height: 1.25; }
.ae-hourglass .ae-bar { display: flex; justify-content: center; align-items: center; height: 1.9rem; margin: 0 auto;
  border-radius: .25rem; white-space: nowrap; font-variant-numeric: tabular-nums; }
.ae-hourglass .ae-count { text-align: right; font-variant-numeric: tabular-nums; }
.ae-hourglass .ae-head { font-size: .8125rem; font-weight: 600; margin-bottom: .35rem; }
.ae-hourglass .ae-head span:nth-child(2) { text-align: center; }
.ae-hourglass .ae-part { margin: .35rem 0 .15rem; }
.ae-hourglass .ae-code { margin: .35rem 0; font-weight: 600; }
.ae-image-wall { display: grid; gap: .4rem .3rem; }
@media (max-width: 500px) {
  .ae-hourglass { font-size: .75rem; }
  .ae-hourglass .ae-head { font-size: .6875rem; }
  .ae-hourglass li { grid-template-columns: minmax(0, 1.15fr) minmax(0, 1.2fr) 4.25rem; gap: .4rem; }
}
"""
GRAY = "#808080"
MIN_RATIO = 1e-4  # of the largest singular value: what lies below is off the chart


def hourglass(
    architecture: ArchitectureSummary, shape: tuple[int, ...], colours: Sequence[str], noun: str = "image"
) -> str:
    """A model as HTML: sample (a `noun`), encoder, code, decoder, sample."""
    wide = max(math.prod(each) for each in _shapes(architecture, shape))

    def row(what: str, out: tuple[int, ...], colour: str, count: str, kind: str = "") -> str:
        width = 100 * math.log1p(math.prod(out)) / math.log1p(wide)
        bar = f"width: {width:.1f}%; background: {colour}55; border: 1px solid {colour}"
        return (
            f'<li class="{kind}"><span class="ae-layer">{escape(what)}</span>'
            f'<span class="ae-bar" style="{bar}">{" x ".join(map(str, out))}</span>'
            f'<span class="ae-count">{count}</span></li>'
        )

    def part(layers: Sequence[LayerInfo], colour: str) -> Iterator[str]:
        for layer in layers:
            yield row(layer.type, layer.shape, colour, f"{layer.parameters:,}")

    encoder, _, decoder, latent = colours[:4]
    code = architecture.latent
    between = f"{architecture.bottleneck_parameters:,}" if architecture.bottleneck_parameters else ""
    head = '<li class="ae-head"><span class="ae-layer">layer</span><span>output shape</span>'
    body = [
        head + '<span class="ae-count">parameters</span></li>',
        row(noun, shape, GRAY, f"{architecture.label_parameters:,}" if architecture.label_parameters else ""),
        _heading("encoder"),
        *part(architecture.encoder, encoder),
        row(f"latent code: {code.type}", code.shape, latent, between, "ae-code"),
        _heading("decoder"),
        *part(architecture.decoder, decoder),
        row(noun, shape, GRAY, ""),
    ]
    said = escape(describe(architecture, shape, noun), quote=True)
    return f'<style>{STYLE}</style><ol class="ae-hourglass" aria-label="{said}">{"".join(body)}</ol>'


def _heading(text: str) -> str:
    return f'<li class="ae-head ae-part"><span></span><span>{text}</span><span></span></li>'


def _shapes(architecture: ArchitectureSummary, shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    layers = (*architecture.encoder, *architecture.decoder)
    return [shape, architecture.latent.shape, *(layer.shape for layer in layers)]


def describe(architecture: ArchitectureSummary, shape: tuple[int, ...], noun: str = "image") -> str:
    """The drawing in a sentence."""
    return (
        f"The network, from top to bottom: {'an' if noun[0] in 'aeiou' else 'a'} {noun} of "
        f"{' x '.join(map(str, shape))}; {len(architecture.encoder)} "
        f"layers that encode it; the code, {architecture.latent.description}; {len(architecture.decoder)} layers that "
        f"decode it; {architecture.total_parameters:,} parameters in all."
    )


def image_wall(
    batch: np.ndarray, alt: Sequence[str], captions: Sequence[str], size: int = 84, smooth: bool = False
) -> str:
    """Images `[N, C, H, W]` as HTML, each with words below it, as many in a row as there is room for; `smooth`: without
    hard pixels."""
    cells = [
        f'<figure><img src="{images.data_url(image)}" alt="{escape(said, quote=True)}">'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
        for image, said, caption in zip(batch, alt, captions, strict=True)
    ]
    grid = f"grid-template-columns: repeat(auto-fill, minmax(min({size}px, 22%), {size}px))"
    look = f"ae-rows ae-image-wall{' ae-smooth' * smooth}"
    return f'<style>{STYLE}</style><div class="{look}" style="{grid}">{"".join(cells)}</div>'


def spectra(series: dict[str, np.ndarray], colours: Sequence[str], title: str) -> Chart:
    """Singular values, largest first, on a logarithmic axis: the first of the named as bars, others as points."""
    figure = charts.new_figure(280, bargap=0.35, xaxis_title="direction, by falling singular value", yaxis_title=title)
    top = max(float(values.max()) for values in series.values()) or 1.0
    said = []
    for at, ((name, values), colour) in enumerate(zip(series.items(), colours, strict=False)):
        shown = [float(value) if value > MIN_RATIO * top else None for value in values]
        numbers = list(range(1, len(values) + 1))
        usual = {"x": numbers, "y": shown, "name": name, "hovertemplate": f"{name}, %{{x}}: %{{y:.3g}}<extra></extra>"}
        if at:
            figure.add_scatter(**usual, mode="markers", marker={"color": colour, "size": 8, "symbol": "diamond"})
        else:
            figure.add_bar(**usual, marker_color=colour)
        said.append(f"{name} from {values[0]:.3g} down to {values[-1]:.3g}")
    present = [value for values in series.values() for value in values if value > MIN_RATIO * top]
    low, high = math.log10(min(present, default=top)) - 0.3, math.log10(top) + 0.15
    figure.update_yaxes(type="log", range=[low, high], **_ticks(low, high))
    if max(map(len, series.values())) <= 10:
        figure.update_xaxes(dtick=1)
    figure.update_layout(showlegend=len(series) > 1)
    return Chart(figure, f"{title}, by direction, the largest first: {'; '.join(said)}.")


def _ticks(low: float, high: float) -> dict[str, list]:
    """Round numbers between two powers of ten: plotly's own between two decades are single digits."""
    steps = (1, 2, 5) if high - low < 2.5 else (1,)
    values = [step * 10.0**decade for decade in range(math.floor(low), math.ceil(high) + 1) for step in steps]
    return {"tickvals": values, "ticktext": [f"{value:g}" for value in values]}


def colour_scale_text(
    run: LoadedModel, positive: str = "brighter", negative: str = "darker", zero: str = "no change"
) -> str:
    """How signed images are coloured (aecore.analysis.features.signed_colormap); how other samples are drawn."""
    if run.card.modality.kind != "image":
        return f"{run.card.modality.difference_legend} One scale for all."
    colours = f"Orange: {positive}, blue: {negative}, white" if run.card.shape[0] == 1 else "Middle gray"
    return f"{colours}: {zero}; one scale for all."
