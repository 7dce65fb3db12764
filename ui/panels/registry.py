"""What there is to see inside a model: panels, chosen by the kind of its code."""

from __future__ import annotations

import streamlit as st

from aecore.analysis.loaded import LoadedModel
from aecore.dispatch import collect
from aecore.models.autoencoder import Conditional, LinearAutoencoder
from aecore.models.latents import GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent
from ui.panels.architecture import COMMON
from ui.panels.codebook import CODEBOOK
from ui.panels.conditional import CONDITIONAL
from ui.panels.hierarchy import LADDER
from ui.panels.likelihood_bounds import BOUNDS
from ui.panels.linear import LINEAR
from ui.panels.panel import Panel
from ui.panels.posterior import GAUSSIAN
from ui.panels.sampling import SAMPLES
from ui.panels.sparsity import SPARSE

# kind of code or of model -> panels, the most particular kinds first. A new family needs no entry
PANELS: dict[type, tuple[Panel, ...]] = {
    Conditional: CONDITIONAL,
    LinearAutoencoder: LINEAR,
    LadderLatent: LADDER,
    GaussianLatent: (*GAUSSIAN, *BOUNDS),
    SparseLatent: SPARSE,
    Quantized: CODEBOOK,
    Latent: (*SAMPLES, *COMMON),
}


def panels(run: LoadedModel) -> dict[str, Panel]:
    """The panels of a run by their titles, those of its own kind first."""
    return {panel.title: panel for group in collect(PANELS, run.types) for panel in group}


def show_panel(run: LoadedModel) -> None:
    """One panel, of the visitor's choice."""
    there = panels(run)
    title = st.pills(
        "Look at",
        list(there),
        default=next(iter(there)),
        required=True,
        key="panel",
        bind="query-params",
    )
    chosen = there.get(str(title), next(iter(there.values())))  # another run may not have it
    st.header(chosen.title)
    st.markdown(chosen.description)
    chosen.show(run)
