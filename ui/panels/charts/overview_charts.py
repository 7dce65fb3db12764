"""The drawing of the overview: the error of a model beside what it has to beat, as bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

STYLE = """
.ae-bars.ae-bars { list-style: none; margin: 0; padding: 0; max-width: 40rem; font-variant-numeric: tabular-nums; }
.ae-bars.ae-bars li { display: grid; grid-template-columns: 11.5rem minmax(0, 1fr) 4rem; gap: .75rem; margin: 0 0 4px;
  padding: 0; align-items: center; }
.ae-bars i { display: block; height: 1.25rem; border-radius: .2rem; }
.ae-bars b { font-weight: 400; text-align: right; }
.ae-bars li:first-child, .ae-bars li:first-child b { font-weight: 600; }
@media (max-width: 500px) {
  .ae-bars.ae-bars li { grid-template-columns: 7rem minmax(0, 1fr) 3.5rem; font-size: .875rem; }
}
"""
OTHERS = "#808080"


def error_bars(named: Mapping[str, float], colours: Sequence[str]) -> str:
    """Errors as bars with their numbers, the first in colour, as HTML."""
    most = max(named.values()) or 1.0
    rows = "".join(
        f'<li><span>{escape(name)}</span><i style="width: {100 * value / most:.1f}%; '
        f'background: {OTHERS if at else colours[0]}"></i><b>{value:.4f}</b></li>'
        for at, (name, value) in enumerate(named.items())
    )
    said = "; ".join(f"{name} {value:.4f}" for name, value in named.items())
    return (
        f'<style>{STYLE}</style><ol class="ae-bars" aria-label="{escape(f"Mean squared error: {said}.", quote=True)}">'
        f"{rows}</ol>"
    )
