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
    from aecore.analysis.jacobian import JacobianSpectrum
    from aecore.analysis.loaded import LoadedModel


@cache.cached(max_entries=64)
def _jacobians(
    key: shared.Key, label: int, x: np.ndarray, _run: LoadedModel
) -> tuple[JacobianSpectrum, JacobianSpectrum]:
    from aecore.analysis import jacobian

    return jacobian.jacobian_spectra(_run, x)


@cache.cached(max_entries=64)
def _jacobian_at_mean(key: shared.Key, label: int, _run: LoadedModel) -> JacobianSpectrum:
    from aecore.analysis import jacobian

    return jacobian.decoder_spectrum(_run, shared.codes(_run).mean(axis=0))


def _show_jacobian(run: LoadedModel) -> None:
    said = shared.report(run, "jacobian")
    most = f"Mean over {said['n_samples']} test pictures."
    frame.metrics_row(
        (
            "Directions that count",
            f"{said['effective_dimension']:.1f} of {said['n_singular_values']}",
            f"How many directions of the code carry 99 % of the squared stretch of the decoder. {most}",
        ),
        ("Most stretched", f"{said['max_singular_value']:.3g}", f"Largest singular value of the decoder. {most}"),
        ("Least stretched", f"{said['min_singular_value']:.3g}", f"Smallest singular value of the decoder. {most}"),
        (
            "Encoder, squared",
            f"{said['encoder_squared_frobenius_norm']:.4g}",
            "Squared size of the encoder's Jacobian, summed over all pixels and numbers: what a contractive "
            f"autoencoder is charged for. {most}",
        ),
    )
    x = pickers.inline_image_picker(run)
    if x is None:
        return
    decoder, encoder = _jacobians(shared.key_of(run), run.class_label, x, run)
    _decoder(run, decoder, _jacobian_at_mean(shared.key_of(run), run.class_label, run))
    _encoder(run, encoder)


def _decoder(run: LoadedModel, spectrum: JacobianSpectrum, at_mean: JacobianSpectrum) -> None:
    st.markdown(
        f"**Decoder: how far the picture goes when the code goes a step of 1.** {spectrum.effective_dimension} of "
        f"{len(spectrum.singular_values)} "
        f"directions carry 99 % of the squared stretch at this picture; {_condition_text(spectrum)}"
    )
    colours = frame.class_colours()
    named = {"at this picture": spectrum.singular_values, "at the mean code": at_mean.singular_values}
    frame.show_chart(
        architecture_charts.spectra(named, (colours[0], colours[3]), "stretch of the decoder"),
        key="inside-stretch-decoder",
    )
    _show_extremes(run, spectrum, "What such a step adds to the picture (first-order)", "step along direction")


def _encoder(run: LoadedModel, spectrum: JacobianSpectrum) -> None:
    st.markdown(
        f"**Encoder: how far the code goes when the picture goes a step of 1.** {spectrum.effective_dimension} of "
        f"{len(spectrum.singular_values)} "
        f"patterns of pixels carry 99 % of the squared stretch at this picture; {_condition_text(spectrum)}"
    )
    chart = architecture_charts.spectra(
        {"at this picture": spectrum.singular_values}, frame.class_colours()[2:], "stretch of the encoder"
    )
    frame.show_chart(chart, key="inside-stretch-encoder")
    _show_extremes(run, spectrum, "The patterns of pixels that it follows", "pattern")


def _condition_text(spectrum: JacobianSpectrum) -> str:
    if spectrum.nullity:
        return f"{spectrum.nullity} do nothing at all."
    return f"the largest stretch is {spectrum.condition_number:,.3g} times the smallest (the condition number)."


def _show_extremes(run: LoadedModel, spectrum: JacobianSpectrum, title: str, name: str) -> None:
    """The first and the last directions of a spectrum as pictures, each as strong as it is stretched."""
    from aecore.analysis import features

    count, rows = len(spectrum.singular_values), spectrum.extremes
    strong = features.signed_colormap(spectrum.patterns * spectrum.singular_values[rows, None, None, None])
    st.markdown(title)
    st.html(
        architecture_charts.image_wall(
            strong,
            [f"{name} {row + 1}, stretched {spectrum.singular_values[row]:.3g} times" for row in rows],
            [f"{row + 1}: {spectrum.singular_values[row]:.3g}" for row in rows],
        )
    )
    some = f"The first and the last of {count - spectrum.nullity}" if len(rows) < count - spectrum.nullity else "Each"
    st.caption(
        f"{some}, with its stretch. {architecture_charts.colour_scale_text(run)} A pattern and its opposite are the "
        f"same."
    )


JACOBIAN: tuple[Panel, ...] = (
    Panel(
        "Stretch",
        "Move a code a little and the picture follows, in some directions far, in others hardly at all. These are the "
        "singular values of the Jacobian: of the decoder, and of the encoder the other way.",
        _show_jacobian,
    ),
)
