"""The panel of Jacobians: which directions of a code change the sample much, and which hardly."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.panels.charts import architecture_charts
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.run_data.per_run import per_run
from ui.widgets import pickers, sample_images
from ui.widgets.display import class_colours, metrics_row, show_chart

if TYPE_CHECKING:
    from aecore.analysis.jacobian import JacobianSpectrum
    from aecore.analysis.loaded import LoadedModel


@per_run(max_entries=64, by_label=True)
def _jacobians(run: LoadedModel, x: np.ndarray) -> tuple[JacobianSpectrum, JacobianSpectrum]:
    from aecore.analysis import jacobian

    return jacobian.jacobian_spectra(run, x)


@per_run(max_entries=64, by_label=True)
def _jacobian_at_mean(run: LoadedModel) -> JacobianSpectrum:
    from aecore.analysis import jacobian

    return jacobian.decoder_spectrum(run, splits.codes(run).mean(axis=0))


def _show_jacobian(run: LoadedModel) -> None:
    said, noun = statistics.report(run, "jacobian"), run.card.modality.noun
    most = f"Mean over {said['n_samples']} test {noun.many}."
    metrics_row(
        (
            "Effective dimension",
            f"{said['effective_dimension']:.1f} of {said['n_singular_values']}",
            f"How many directions of the code carry 99 % of the squared stretch of the decoder. {most}",
        ),
        (
            "Largest singular value",
            f"{said['max_singular_value']:.3g}",
            f"How far the direction that the decoder stretches most goes. {most}",
        ),
        (
            "Smallest singular value",
            f"{said['min_singular_value']:.3g}",
            f"How far the direction that the decoder stretches least goes. {most}",
        ),
        (
            "Squared Frobenius norm of the encoder Jacobian",
            f"{said['encoder_squared_frobenius_norm']:.4g}",
            f"Squared size of the encoder's Jacobian, summed over all {noun.value}s and latent dimensions: what a "
            f"contractive autoencoder is penalised for. {most}",
        ),
    )
    x = pickers.inline_image_picker(run)
    if x is None:
        return
    decoder, encoder = _jacobians(run, x)
    _decoder(run, decoder, _jacobian_at_mean(run))
    _encoder(run, encoder)


def _decoder(run: LoadedModel, spectrum: JacobianSpectrum, at_mean: JacobianSpectrum) -> None:
    noun = run.card.modality.noun
    st.markdown(
        f"**Decoder: how far the {noun.one} goes when the code goes a step of 1.** {spectrum.effective_dimension} of "
        f"{len(spectrum.singular_values)} directions carry 99 % of the squared stretch at this {noun.one}; "
        f"{_condition_text(spectrum)}"
    )
    colours = class_colours()
    named = {f"at this {noun.one}": spectrum.singular_values, "at the mean code": at_mean.singular_values}
    show_chart(
        architecture_charts.spectra(named, (colours[0], colours[3]), "singular values of the decoder Jacobian"),
        key="panel-jacobian-decoder",
    )
    _show_extremes(
        run,
        spectrum,
        f"Left singular vectors: what such a step adds to the {noun.one} (first-order)",
        "step along direction",
    )


def _encoder(run: LoadedModel, spectrum: JacobianSpectrum) -> None:
    noun = run.card.modality.noun
    st.markdown(
        f"**Encoder: how far the code goes when the {noun.one} goes a step of 1.** {spectrum.effective_dimension} of "
        f"{len(spectrum.singular_values)} patterns of {noun.value}s carry 99 % of the squared stretch at this "
        f"{noun.one}; {_condition_text(spectrum)}"
    )
    chart = architecture_charts.spectra(
        {f"at this {noun.one}": spectrum.singular_values},
        class_colours()[2:],
        "singular values of the encoder Jacobian",
    )
    show_chart(chart, key="panel-jacobian-encoder")
    title = f"Right singular vectors: the patterns of {noun.value}s that it follows"
    _show_extremes(run, spectrum, title, "pattern")


def _condition_text(spectrum: JacobianSpectrum) -> str:
    if spectrum.nullity:
        return f"{spectrum.nullity} do nothing at all."
    return f"the largest stretch is {spectrum.condition_number:,.3g} times the smallest (the condition number)."


def _show_extremes(run: LoadedModel, spectrum: JacobianSpectrum, title: str, name: str) -> None:
    """The first and the last directions of a spectrum as pictures, each as strong as it is stretched."""
    from aecore.analysis import features

    count, rows = len(spectrum.singular_values), spectrum.extremes
    sizes = spectrum.singular_values[rows].reshape(-1, *(1 for _ in run.card.shape))
    signed, drawn = spectrum.patterns * sizes, run.card.modality.kind != "image"
    strong = sample_images.signed(run.card.modality, signed) if drawn else features.signed_colormap(signed)
    st.markdown(title)
    st.html(
        architecture_charts.image_wall(
            strong,
            [f"{name} {row + 1}, singular value {spectrum.singular_values[row]:.3g}" for row in rows],
            [f"{row + 1}: {spectrum.singular_values[row]:.3g}" for row in rows],
            smooth=drawn,
        )
    )
    some = f"The first and the last of {count - spectrum.nullity}" if len(rows) < count - spectrum.nullity else "Each"
    st.caption(
        f"{some}, with its singular value, how far it is stretched. {architecture_charts.colour_scale_text(run)} A "
        "pattern and its opposite are the same."
    )


JACOBIAN: tuple[Panel, ...] = (
    Panel(
        "jacobian",
        "Stretch (Jacobian singular values)",
        "Move a code a little and the image follows, in some directions far, in others hardly at all. These are the "
        "singular values of the Jacobian: of the decoder, and of the encoder the other way.",
        _show_jacobian,
    ),
)
