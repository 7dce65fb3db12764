"""The same test samples through each run, and new samples of each, PCA beside them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import streamlit as st

from aecore.store import snapshots
from ui.run_data import generated_images, rivals
from ui.session import choices
from ui.views.compare.subjects import OpenedGroup, group_heading, image_names
from ui.widgets import sample_images

N_IMAGES = 10
WAYS = {"prior": "Prior", "gmm_fit": "Mixture fitted to the codes"}


def reconstructions(groups: Sequence[OpenedGroup]) -> None:
    """Test samples and what each run makes of them."""
    for group in groups:
        group_heading(group, len(groups))
        test, modality = group.test, group.card.modality
        rows = snapshots.preview_rows(test, N_IMAGES)
        x, labels = test.to_float(rows), test.y[rows]
        many = modality.noun.many
        first = next(iter(group.runs))
        title = f"What {first} draws of test {many} that are not here" if test.synthetic else f"Test {many}"
        named = {title: test.observed(rows)} | {name: run.reconstruct(x, labels) for name, run in group.runs.items()}
        named |= {name: pca.reconstruct(x) for name, (pca, _) in group.rivals().items()}
        sample_images.rows(modality, named, image_names(group, rows), file_name=f"reconstructions-{_first_run(group)}")


def _first_run(group: OpenedGroup) -> str:
    return next(iter(group.runs.values())).id


def new_images(groups: Sequence[OpenedGroup]) -> None:
    """Samples of each run: from its prior, or from a mixture of Gaussians fitted to its codes."""
    way = choices.bound_choice(
        "Samples from",
        WAYS,
        "samples",
        help="Prior: where the model says codes lie; an autoencoder without one is asked for a standard normal. "
        "Mixture: where its codes of training samples do lie. PCA draws from a Gaussian fitted to its codes.",
    )
    for group in groups:
        group_heading(group, len(groups))
        named = {name: generated_images.generated(run)[way][:N_IMAGES] for name, run in group.runs.items()}
        named |= {name: rivals.samples(run)[way] for name, (_, run) in group.rivals().items()}
        alt = [f"sample {number + 1}" for number in range(N_IMAGES)]
        sample_images.rows(group.card.modality, named, alt, file_name=f"samples-{_first_run(group)}")
    if any(run.model.is_conditional for group in groups for run in group.runs.values()):
        st.caption("A conditional model is told the class: classes are drawn as often as the training set has them.")


def interpolation(groups: Sequence[OpenedGroup]) -> None:
    """The straight line between the codes of the same two test samples, decoded by each run; below it their values
    faded into each other."""
    last = min(len(group.test) for group in groups) - 1
    with st.container(horizontal=True):
        ends = [
            st.number_input(
                f"{name} test {groups[0].card.modality.noun.one}",
                0,
                last,
                start or "min",
                width=160,
                **choices.bound_value(key, min(start, last), choices.whole_number(0, last)),
            )
            for name, key, start in (("From", "from", 0), ("To", "to", 1))
        ]
    shares = [f"{share:.0%}" for share in np.linspace(0, 1, N_IMAGES)]
    for group in groups:
        group_heading(group, len(groups))
        alt = [f"{share} of the way" for share in shares]
        sample_images.rows(
            group.card.modality, _paths(group, np.array(ends)), alt, shares, file_name=f"paths-{_first_run(group)}"
        )


def _paths(group: OpenedGroup, ends: np.ndarray) -> dict[str, np.ndarray]:
    from aecore.analysis import latent_space

    x, labels = group.test.to_float(ends), group.test.y[ends]
    told = np.full(N_IMAGES, labels[0])  # of a conditional model; others are not told
    named = {}
    for name, run in group.runs.items():
        codes = run.encode(x, labels)
        named[name] = run.decode(latent_space.lerp(codes[0], codes[1], N_IMAGES), told)
    for name, (pca, _) in group.rivals().items():
        codes = pca.encode(x)
        named[name] = pca.decode(latent_space.lerp(codes[0], codes[1], N_IMAGES))
    faded = f"{group.card.modality.noun.value.capitalize()} interpolation (cross-fade)"
    return named | {faded: latent_space.crossfade(x[0], x[1], N_IMAGES)}
