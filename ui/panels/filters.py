"""The panel of encoder filters and decoder atoms, as pictures of weights and of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from aecore.data.modalities import Image, Noun
from ui.panels.charts import architecture_charts
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.run_data.per_run import per_run
from ui.widgets import sample_images

if TYPE_CHECKING:
    from aecore.analysis.features import Atom, Filters
    from aecore.analysis.loaded import LoadedModel


@per_run(max_entries=16)
def _filters(run: LoadedModel) -> Filters | None:
    from aecore.analysis import features

    return features.filters(run)


@per_run(max_entries=32, by_label=True)
def _atoms(run: LoadedModel) -> list[Atom]:
    from aecore.analysis import features

    return features.atoms(run, splits.codes(run), statistics.dim_ranges(run)[1])


def _filters_and_atoms(run: LoadedModel) -> None:
    from aecore.analysis import features

    atoms = _atoms(run)
    slots = atoms[0].name.startswith("position")
    one = run.card.modality.noun.one
    st.markdown(
        f"**Decoder atoms: effect of one latent {'position' if slots else 'dimension'}.** " + _atoms_text(slots, one)
    )
    noun, drawn = run.card.modality.noun, run.card.modality.kind != "image"
    changes = np.stack([atom.difference for atom in atoms])
    steps = [_step_text(atom, slots) for atom in atoms]
    st.html(
        architecture_charts.image_wall(
            _signed(run, changes),
            [f"change of the {noun.one} when {atom.name} goes {step}" for atom, step in zip(atoms, steps, strict=True)],
            [atom.name for atom in atoms],
            smooth=drawn,
        )
    )
    every = features.n_atoms(run)
    st.caption(
        architecture_charts.colour_scale_text(run)
        + (f" {len(atoms)} of {every}: those with the largest KL or variance." if len(atoms) < every else "")
        + " A blank one changes nothing: the decoder does without it."
    )
    _encoder_filters(run)


def _encoder_filters(run: LoadedModel) -> None:
    """What the units of the first layer weigh their input with."""
    found = _filters(run)
    if found is None:
        st.caption("The first layer of this encoder is of a kind whose weights are not those of its input.")
        return
    st.markdown(
        "**Encoder filters of the first layer: what its units look for.** "
        + _filters_text(found, run.card.modality.noun)
    )
    names = [f"unit {number + 1}" for number in found.indices]
    st.html(
        architecture_charts.image_wall(
            _signed(run, found.weights),
            [f"weights of {name}" for name in names],
            names,
            84 if found.full_image else 56,
            smooth=run.card.modality.kind != "image",
        )
    )
    more = f"The {len(names)} with the largest weights of {found.total}. " if len(names) < found.total else ""
    st.caption(more + architecture_charts.colour_scale_text(run, "counts for", "counts against", "does not count"))


def _signed(run: LoadedModel, values: np.ndarray) -> np.ndarray:
    """Signed samples `[n, *shape]` on one scale as pictures."""
    from aecore.analysis import features

    if run.card.modality.kind == "image":
        return features.signed_colormap(values)
    return sample_images.signed(run.card.modality, values)


def _step_text(atom: Atom, is_codebook: bool) -> str:
    a, b = atom.endpoints
    return f"from entry {a:.0f} to entry {b:.0f}" if is_codebook else f"from {a:.2f} to {b:.2f}"


def _atoms_text(is_codebook: bool, noun: str) -> str:
    if is_codebook:
        return (
            "A position of this code cannot move a little: it jumps from codebook entry to entry. So this is the "
            f"{noun} with the second most frequent entry of a position less the {noun} with its most frequent one; all "
            "other positions hold their most frequent entry."
        )
    return (
        f"The {noun} with this dimension one standard deviation above its mean, less the {noun} with it one below "
        "(never beyond where test codes lie); all others at their mean. A linear decoder adds up such atoms; a bent "
        "one has other atoms elsewhere."
    )


def _filters_text(filters: Filters, noun: Noun) -> str:
    if noun != Image.noun:
        return f"The weight of every {noun.value}."
    if filters.full_image:
        return (
            "The weight of every pixel. On digits they often look like noise, and that is no fault: many units share "
            "the work, and pixels that are always black leave their weights as they began."
        )
    return "A small window that is slid over the image: edges and spots, mostly."


FILTERS = (
    Panel(
        "filters",
        "Encoder filters, decoder atoms",
        "At the one end what each latent dimension does to the image; at the other what the first layer looks for.",
        _filters_and_atoms,
    ),
)
