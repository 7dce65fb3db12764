"""The panel of Jacobians: which directions of a code change the picture much, and which hardly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui import frame, shared
from ui.panels.charts import architecture_charts
from ui.panels.panel import Panel
from ui.session import cache
from ui.widgets import pickers

if TYPE_CHECKING:
    from aecore.analysis.jacobian import Stretch
    from aecore.analysis.loaded import Trained


@cache.kept(max_entries=64)
def _stretch(key: shared.Key, label: int, x: np.ndarray, _run: Trained) -> tuple[Stretch, Stretch]:
    from aecore.analysis import jacobian

    return jacobian.stretch(_run, x)


@cache.kept(max_entries=64)
def _at_mean(key: shared.Key, label: int, _run: Trained) -> Stretch:
    from aecore.analysis import jacobian

    return jacobian.stretch_at(_run, shared.codes(_run).mean(axis=0))


def _stretched(run: Trained) -> None:
    said = shared.inside(run, "stretch")
    most = f"Mean over {said['pictures']} test pictures."
    frame.figures(
        (
            "Directions that count",
            f"{said['effective_dimension']:.1f} of {said['directions']}",
            f"How many directions of the code carry 99 % of the squared stretch of the decoder. {most}",
        ),
        ("Most stretched", f"{said['largest']:.3g}", f"Largest singular value of the decoder. {most}"),
        ("Least stretched", f"{said['smallest']:.3g}", f"Smallest singular value of the decoder. {most}"),
        (
            "Encoder, squared",
            f"{said['encoder_size']:.4g}",
            "Squared size of the encoder's Jacobian, summed over all pixels and numbers: what a contractive "
            f"autoencoder is charged for. {most}",
        ),
    )
    x = pickers.in_line(run)
    if x is None:
        return
    decoder, encoder = _stretch(shared.key_of(run), run.label, x, run)
    _decoder(run, decoder, _at_mean(shared.key_of(run), run.label, run))
    _encoder(run, encoder)


def _decoder(run: Trained, here: Stretch, mean: Stretch) -> None:
    st.markdown(
        f"**Decoder: how far the picture goes when the code goes a step of 1.** {here.effective} of {len(here.values)} "
        f"directions carry 99 % of the squared stretch at this picture; {_least(here)}"
    )
    colours = frame.colours()
    named = {"at this picture": here.values, "at the mean code": mean.values}
    frame.draw(
        architecture_charts.spectra(named, (colours[0], colours[3]), "stretch of the decoder"),
        key="inside-stretch-decoder",
    )
    _ends(run, here, "What such a step adds to the picture (first-order)", "step along direction")


def _encoder(run: Trained, here: Stretch) -> None:
    st.markdown(
        f"**Encoder: how far the code goes when the picture goes a step of 1.** {here.effective} of {len(here.values)} "
        f"patterns of pixels carry 99 % of the squared stretch at this picture; {_least(here)}"
    )
    chart = architecture_charts.spectra({"at this picture": here.values}, frame.colours()[2:], "stretch of the encoder")
    frame.draw(chart, key="inside-stretch-encoder")
    _ends(run, here, "The patterns of pixels that it follows", "pattern")


def _least(here: Stretch) -> str:
    if here.still:
        return f"{here.still} do nothing at all."
    return f"the largest stretch is {here.condition:,.3g} times the smallest (the condition number)."


def _ends(run: Trained, here: Stretch, title: str, name: str) -> None:
    """The first and the last directions of a spectrum as pictures, each as strong as it is stretched."""
    from aecore.analysis import architecture

    count, rows = len(here.values), here.ends
    strong = architecture.coloured(here.patterns * here.values[rows, None, None, None])
    st.markdown(title)
    st.html(
        architecture_charts.wall(
            strong,
            [f"{name} {row + 1}, stretched {here.values[row]:.3g} times" for row in rows],
            [f"{row + 1}: {here.values[row]:.3g}" for row in rows],
        )
    )
    some = f"The first and the last of {count - here.still}" if len(rows) < count - here.still else "Each"
    st.caption(f"{some}, with its stretch. {architecture_charts.scale(run)} A pattern and its opposite are the same.")


STRETCH: tuple[Panel, ...] = (
    Panel(
        "Stretch",
        "Move a code a little and the picture follows, in some directions far, in others hardly at all. These are the "
        "singular values of the Jacobian: of the decoder, and of the encoder the other way.",
        _stretched,
    ),
)
