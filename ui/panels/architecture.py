"""The panels of a network's layers and of the source of its family, which every model has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from ui.panels.charts import architecture_charts
from ui.panels.panel import Panel
from ui.run_data.per_run import per_run
from ui.session.text import escape
from ui.widgets.display import class_colours, metrics_row

if TYPE_CHECKING:
    from aecore.analysis.architecture import ArchitectureSummary
    from aecore.analysis.loaded import LoadedModel


@per_run(max_entries=32)
def summarise(run: LoadedModel) -> ArchitectureSummary:
    """The layers of a run's model, and what is between encoder and decoder."""
    from aecore.analysis import architecture

    return architecture.summarise_architecture(run)


def _network(run: LoadedModel) -> None:
    drawing = summarise(run)
    noun = run.card.modality.noun.one
    st.html(architecture_charts.hourglass(drawing, run.card.shape, class_colours(), noun))
    notes = [f"The code: {drawing.latent.description}.", *_network_notes(drawing)]
    st.caption(" ".join([*notes, "Bars are as wide as the logarithm of how many numbers come out."]))
    encoder, decoder = (sum(layer.parameters for layer in part) for part in (drawing.encoder, drawing.decoder))
    metrics_row(
        (
            "Parameters",
            f"{drawing.total_parameters:,}",
            "Trainable weights and biases: the numbers that training sets.",
        ),
        ("Encoder", f"{encoder:,}", f"In the layers from the {noun} to the code."),
        ("Decoder", f"{decoder:,}", f"In the layers from the code to the {noun}, without those that it borrows."),
    )


def _network_notes(architecture: ArchitectureSummary) -> list[str]:
    """What the bars do not show."""
    found = []
    if architecture.label_parameters:
        found.append(
            f"{architecture.label_parameters:,} parameters are an image for each label, added to what goes in."
        )
    if architecture.bottleneck_parameters:
        found.append(f"{architecture.bottleneck_parameters:,} parameters work in the middle, between encoder and code.")
    if architecture.has_tied_weights:
        found.append(
            "The decoder borrows the encoder's weights, turned round (transposed): only its own offsets (biases) are "
            "counted there."
        )
    if len(architecture.latent.shape) > 1:
        found.append("The codebook entries follow moving averages, not gradients: they are not counted as parameters.")
    if architecture.training_only_parameters:
        found.append(
            f"{architecture.training_only_parameters:,} more parameters only training needs: a discriminator that is "
            f"left behind."
        )
    return found


def _source(run: LoadedModel) -> None:
    from aecore.models.families.build import FAMILIES

    family, config = FAMILIES[run.config.family], run.config
    st.markdown(f"**{family.title}.** {family.doc}")
    st.markdown(
        f"This run: {escape(run.card.title)}, {config.network} network, a code of {run.code_size} latent dimensions, "
        f"{config.epochs} epochs, seed {config.seed}."
    )
    st.code(family.source, language="python", wrap_lines=True)


NETWORK = (
    Panel(
        "network",
        "Architecture",
        "The layers from image to code and back, how many numbers come out of each, and how many each learns.",
        _network,
    ),
)
SOURCE = (
    Panel(
        "source", "Source code", "The family as it is declared: this is all the code that makes it different.", _source
    ),
)
