"""The panel of encoder filters and decoder atoms, as images of weights and of changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.panels.charts import architecture_charts
from ui.panels.panel import Panel
from ui.run_data import splits, statistics
from ui.run_data.per_run import per_run

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
    st.markdown(
        f"**Decoder atoms: effect of one latent {'position' if slots else 'dimension'}.** " + _atoms_text(slots)
    )
    changes = np.stack([atom.difference for atom in atoms])
    steps = [_step_text(atom, slots) for atom in atoms]
    st.html(
        architecture_charts.image_wall(
            features.signed_colormap(changes),
            [f"change of the image when {atom.name} goes {step}" for atom, step in zip(atoms, steps, strict=True)],
            [atom.name for atom in atoms],
        )
    )
    every = features.n_atoms(run)
    st.caption(
        architecture_charts.colour_scale_text(run)
        + (f" {len(atoms)} of {every}: those with the largest KL or variance." if len(atoms) < every else "")
        + " A blank one changes nothing: the decoder does without it."
    )
    found = _filters(run)
    if found is None:
        st.caption("The first layer of this encoder is of a kind whose weights are no images.")
        return
    st.markdown("**Encoder filters of the first layer: what its units look for.** " + _filters_text(found))
    names = [f"unit {number + 1}" for number in found.indices]
    st.html(
        architecture_charts.image_wall(
            features.signed_colormap(found.weights),
            [f"weights of {name}" for name in names],
            names,
            84 if found.full_image else 56,
        )
    )
    more = f"The {len(names)} with the largest weights of {found.total}. " if len(names) < found.total else ""
    st.caption(more + architecture_charts.colour_scale_text(run, "counts for", "counts against", "does not count"))


def _step_text(atom: Atom, is_codebook: bool) -> str:
    a, b = atom.endpoints
    return f"from entry {a:.0f} to entry {b:.0f}" if is_codebook else f"from {a:.2f} to {b:.2f}"


def _atoms_text(is_codebook: bool) -> str:
    if is_codebook:
        return (
            "A position of this code cannot move a little: it jumps from codebook entry to entry. So this is the image "
            "with the second most frequent entry of a position less the image with its most frequent one; all other "
            "positions hold their most frequent entry."
        )
    return (
        "The image with this dimension one standard deviation above its mean, less the image with it one below (never "
        "beyond where test codes lie); all others at their mean. A linear decoder adds up such atoms; a bent one has "
        "other atoms elsewhere."
    )


def _filters_text(filters: Filters) -> str:
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
