"""What there is to see inside a model: panels, chosen by the kind of its code."""

from __future__ import annotations

from aecore.analysis.loaded import LoadedModel
from aecore.content.wording import for_samples
from aecore.dispatch import collect
from aecore.models.autoencoder import Conditional, LinearAutoencoder
from aecore.models.latents import GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent
from aecore.models.masks import InpaintingAutoencoder
from aecore.models.semi_supervised.classifiers import Classifier
from ui.panels.architecture import NETWORK, SOURCE
from ui.panels.classification import CLASSIFICATION
from ui.panels.codebook import CODEBOOK
from ui.panels.conditional import CONDITIONAL
from ui.panels.filters import FILTERS
from ui.panels.hierarchy import LADDER
from ui.panels.inpainting import INPAINTING
from ui.panels.iteration import ITERATION
from ui.panels.jacobian import JACOBIAN
from ui.panels.likelihood_bounds import BOUNDS
from ui.panels.linear import LINEAR
from ui.panels.loss import LOSS
from ui.panels.overview import OVERVIEW
from ui.panels.panel import Panel
from ui.panels.posterior import GAUSSIAN
from ui.panels.sampling import SAMPLES
from ui.panels.sparsity import SPARSE
from ui.panels.suggestions import SUGGESTIONS
from ui.session import choices
from ui.widgets import glossary

COMMON = (*NETWORK, *LOSS, *SOURCE, *FILTERS, *JACOBIAN, *ITERATION, *SUGGESTIONS)  # of every model

# kind of code or of model -> panels, the most particular kinds first. A new family needs no entry
PANELS: dict[type, tuple[Panel, ...]] = {
    Classifier: CLASSIFICATION,
    Conditional: CONDITIONAL,
    InpaintingAutoencoder: INPAINTING,
    LinearAutoencoder: LINEAR,
    LadderLatent: LADDER,
    GaussianLatent: (*GAUSSIAN, *BOUNDS),
    SparseLatent: SPARSE,
    Quantized: CODEBOOK,
    Latent: (*OVERVIEW, *SAMPLES, *COMMON),
}


def panels(run: LoadedModel) -> dict[str, Panel]:
    """The panels of a run by their ids: the overview, those of its own kind, and those of every model."""
    return {panel.id: panel for group in (OVERVIEW, *collect(PANELS, run.types)) for panel in group}


def show_panel(run: LoadedModel) -> None:
    """One panel, of the visitor's choice."""
    there = panels(run)
    noun = run.card.modality.noun
    titles = {panel.id: for_samples(panel.title, noun) for panel in there.values()}
    chosen = there[
        choices.bound_choice("Panel", titles, "panel", widget="pills")
    ]  # the first where this run has not it
    glossary.header(for_samples(chosen.title, noun), for_samples(chosen.description, noun))
    chosen.show(run)
