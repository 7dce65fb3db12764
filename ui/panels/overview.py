"""The panel that answers what a newcomer asks of any model: what goes in and out, how small the code is, how well it
reconstructs, what each part does, and whether all of the code is used."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.data.modalities import Image, Noun
from aecore.models.latents import GaussianLatent, Quantized, SparseLatent
from aecore.store import snapshots
from ui.panels.architecture import summarise
from ui.panels.charts.overview_charts import error_bars
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.session.text import escape
from ui.widgets import sample_images
from ui.widgets.display import class_colours, metrics_row

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_IMAGES = 8  # test images that are shown with their reconstructions
EQUAL = 0.02  # of an error: what is nearer to another counts as equal


@dataclass(frozen=True)
class Errors:
    """Mean squared errors per value of a model and of what it has to beat, on the images of one split."""

    model: float
    pca: float
    mean: float
    split: str


def show_overview(run: LoadedModel) -> None:
    """Five questions, each with its answer in the numbers of the run."""
    noun = run.card.modality.noun
    st.subheader("What goes in, and what comes out?", anchor=False)
    _in_and_out(run)
    st.subheader("How large is the code?", anchor=False)
    _code_size(run)
    if found := errors(run):
        st.subheader("How well does it reconstruct?", anchor=False)
        components = f"PCA, {run.code_size} component{'s' * (run.code_size > 1)}"
        st.html(
            error_bars(
                {"this model": found.model, components: found.pca, f"mean {noun.one}": found.mean}, class_colours()
            )
        )
        st.markdown(verdict(found, noun))
    st.subheader("What does each part do?", anchor=False)
    st.markdown(_parts(run))
    st.subheader("Is all of the code used?", anchor=False)
    st.markdown(_use(run))


def _in_and_out(run: LoadedModel) -> None:
    test, noun = splits.test_split(run), run.card.modality.noun
    rows = snapshots.preview_rows(test, N_IMAGES)
    made = run.decode(splits.codes(run)[rows], test.y[rows])
    shown = {"Reconstructions": made} if test.synthetic else {"Input": test.observed(rows), "Reconstruction": made}
    sample_images.rows(run.card.modality, shown, sample_images.sample_names(run.card, test.y[rows], rows), size=72)
    what = "clean, though it was trained on corrupted ones" if run.corrupts else f"the same {noun.one} again"
    st.markdown(
        f"In goes what it has learnt from: {escape(run.card.short_description)}. Out comes "
        f"{sample_images.article(noun)} of the same size, drawn from the code alone: as near as the model gets to "
        f"{what}."
    )


def _code_size(run: LoadedModel) -> None:
    pixels = math.prod(run.card.shape)
    stored = run.code_bits != 32 * run.code_size
    code = f"{run.code_bits:,.0f} bits" if stored else _count(run.code_size, "number")
    depth, noun = (8 if sample_images.is_image(run.card) else 32), run.card.modality.noun
    bits = depth * pixels if stored else pixels
    ratio = bits / (run.code_bits if stored else run.code_size)
    metrics_row(
        (
            noun.one.capitalize(),
            f"{depth * pixels:,} bits" if stored else _count(pixels, "number"),
            "Each colour of each pixel is one." if sample_images.is_image(run.card) else f"Each {noun.value} is one.",
        ),
        ("Code", code, f"{summarise(run).latent.description.capitalize()}."),
        (
            "Compression ratio",
            f"{ratio:,.3g} : 1" if ratio >= 1 else f"1 : {1 / ratio:,.3g}",
            f"Bits of both, {depth} for each value of a {noun.value if depth == 8 else noun.one}."
            if stored
            else f"Numbers of the {noun.one} for each of the code.",
        ),
    )


def _count(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' * (count != 1)}"


def errors(run: LoadedModel) -> Errors | None:
    """Those that are known of a run without a computation: on test images, or else of its checkup, on validation
    images."""
    scores, fresh = run.result.get("scores", {}), statistics.checkup(run) or {}
    for found, split in ((scores, "test"), (fresh, "validation")):
        if {"mse", "pca_mse", "mean_baseline_mse"} <= set(found):
            return Errors(found["mse"], found["pca_mse"], found["mean_baseline_mse"], split)
    return None


def verdict(errors: Errors, noun: Noun = Image.noun) -> str:
    """How the error of a model stands beside that of PCA and of the mean sample, in a sentence."""
    return (
        f"Mean squared error per {noun.value} on {errors.split} {noun.many}, **{errors.model:.4f}**: "
        f"{_compared(errors.model, errors.pca)} PCA with as many numbers, the best that a linear model can do, and "
        f"{_compared(errors.model, errors.mean)} always answering the mean {noun.one}."
    )


def _compared(own: float, other: float) -> str:
    """How an error compares with another one, as what comes before its name."""
    if not other or abs(own / other - 1) < EQUAL:
        return "as large as that of"
    share = abs(own / other - 1)
    return f"{share:.0%} {'below' if own < other else 'above'} that of"


def _parts(run: LoadedModel) -> str:
    from aecore.content import formulas
    from aecore.content.wording import for_samples
    from aecore.models.families.build import FAMILIES, resolve_config

    found, family, noun = summarise(run), FAMILIES[run.config.family], run.card.modality.noun
    lines = [
        f"- **Encoder**, {_layers_text(found.encoder)}: turns {sample_images.article(noun)} into the code.",
        f"- **Code**: {found.latent.description}.",
        f"- **Decoder**, {_layers_text(found.decoder)}: draws {sample_images.article(noun)} from a code, and knows "
        "nothing else of it.",
        f"- **Family**: {family.title}. {for_samples(family.doc.splitlines()[0], noun)}",
    ]
    config = resolve_config(run.config)
    terms = [(term, for_samples(formulas.penalises(config, term), noun)) for term in statistics.test_losses(run)]
    told = [f"*{term}*: {_lowered(words)}" for term, words in terms if words]
    if told:
        lines.append("- **Loss**, what training made small. " + " ".join(told))
    return "\n".join(lines)


def _layers_text(layers: list) -> str:
    return f"{_count(len(layers), 'layer')}, {_count(sum(layer.parameters for layer in layers), 'parameter')}"


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]


def _use(run: LoadedModel) -> str:
    kind, noun = run.types[0], run.card.modality.noun
    if issubclass(kind, Quantized):
        said = statistics.report(run, "codebook")
        return (
            f"Test {noun.many} take **{said['used_entries']} of {said['codebook_size']} codebook entries**, as "
            f"unevenly as {said['perplexity']:.0f} equally frequent ones would be hard to guess."
        )
    if issubclass(kind, SparseLatent):
        said = statistics.report(run, "sparsity")
        return (
            f"{sample_images.article(noun).capitalize()} activates **{said['active_per_sample']:.1f} of "
            f"{said['n_units']} units** on average; {said['dead_units']} are never active."
        )
    codes = splits.codes(run)
    active = int(run.result.get("active_units") or (codes.var(axis=0) > 0).sum())
    silent = run.code_size - active
    rest = (
        f"{_count(silent, 'other dimension')} hardly change{'s' * (silent == 1)} from {noun.one} to {noun.one}: the "
        "decoder does without."
        if silent
        else "None stands idle."
    )
    more = ""
    if issubclass(kind, GaussianLatent):
        nats = statistics.kl_per_dim(run)
        more = (
            ""
            if nats is None
            else f" Together they tell {np.sum(nats):.1f} nats of {sample_images.article(noun)} (the KL)."
        )
    return f"**{active} of {_count(run.code_size, 'dimension')}** change from {noun.one} to {noun.one}. {rest}{more}"


OVERVIEW = (
    Panel(
        "overview",
        "Overview",
        "What one asks first of any autoencoder, answered in the numbers of this one.",
        show_overview,
    ),
)
