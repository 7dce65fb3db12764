"""What there is to see inside a model: panels, chosen by the kind of its code."""

from __future__ import annotations

import streamlit as st

from aecore.bottlenecks import Activations, GaussianLatent, LadderLatent, Latent, Quantized
from aecore.kinds import for_kinds
from aecore.model import Conditional, LinearAutoencoder
from aecore.trained import Trained
from ui.anatomy import COMMON
from ui.bounds import BOUNDS
from ui.clouds import GAUSSIAN
from ui.codebooks import CODEBOOK
from ui.levels import LADDER
from ui.linear import LINEAR
from ui.panel import Panel
from ui.samples import SAMPLES
from ui.styles import CONDITIONAL
from ui.units import SPARSE

# kind of code or of model -> panels, the most particular kinds first. A new family needs no entry
PANELS: dict[type, tuple[Panel, ...]] = {
    Conditional: CONDITIONAL,
    LinearAutoencoder: LINEAR,
    LadderLatent: LADDER,
    GaussianLatent: (*GAUSSIAN, *BOUNDS),
    Activations: SPARSE,
    Quantized: CODEBOOK,
    Latent: (*SAMPLES, *COMMON),
}


def panels(run: Trained) -> dict[str, Panel]:
    """The panels of a run by their titles, those of its own kind first."""
    return {panel.title: panel for group in for_kinds(PANELS, run.kinds) for panel in group}


def look(run: Trained) -> None:
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
    st.markdown(chosen.lead)
    chosen.show(run)
