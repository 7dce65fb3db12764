"""The panel of repeated reconstruction: a model that is given its own output, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import streamlit as st

from ui.panels.panel import Panel
from ui.run_data import splits
from ui.run_data.per_run import per_run
from ui.widgets import sample_images
from ui.widgets.display import metrics_row

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

AFTER = (0, 1, 2, 5, 20, 100)
N_SHOWN = 10  # samples that are followed in images
N_MEASURED = 200  # samples that are followed in numbers


@per_run(max_entries=16, spinner="Reconstructing again and again ...", by_label=True)
def _iterated(run: LoadedModel) -> dict[int, np.ndarray]:
    """The first test samples after each count of AFTER, `[N_MEASURED, *shape]`."""
    from aecore.analysis import reconstruction

    test = splits.test_split(run)
    return reconstruction.iterate(run, test.to_float(slice(N_MEASURED)), test.y[:N_MEASURED], AFTER)


def _iteration(run: LoadedModel) -> None:
    found, noun, modality = _iterated(run), run.card.modality.noun, run.card.modality
    names = {0: "Test " + noun.many} | {
        count: f"Reconstructed {count} times" if count > 1 else "Reconstructed once" for count in AFTER[1:]
    }
    labels = splits.test_split(run).y[:N_SHOWN]
    rows = {names[count]: found[count][:N_SHOWN] for count in AFTER}
    sample_images.rows(
        modality,
        rows,
        sample_images.sample_names(run.card, labels, range(N_SHOWN)),
        size=88,
        file_name=f"{run.id}-iterated",
    )
    spread = {count: float(each.var(axis=0).mean()) for count, each in found.items()}
    moved = {count: float(np.square(each - found[0]).mean()) for count, each in found.items()}
    metrics_row(
        ("MSE after one", f"{moved[1]:.4f}", f"Mean squared change of a {noun.value} from the {noun.one} itself."),
        ("MSE after 100", f"{moved[100]:.4f}", "The same after a hundred reconstructions."),
        (
            "Variance left after 100",
            f"{spread[100] / max(spread[0], 1e-12):.0%}",
            f"How much {noun.many} still differ from each other, beside the test {noun.many} themselves: 0 % if "
            "all have become the same.",
        ),
    )
    st.markdown(_outcome(spread[100] / max(spread[0], 1e-12), moved[100] / max(moved[1], 1e-9), noun.many))
    st.caption(
        "**This is not diffusion**, though a denoising autoencoder is asked the same thing. A diffusion model is told "
        "at each step how much noise there is and takes away that much; a sampler that walks along the score adds "
        "noise again (Bengio, Yao, Alain & Vincent 2013). Here nothing holds the walk at a likely "
        f"{noun.one}."
    )


def _outcome(variance_left: float, distance: float, samples: str) -> str:
    """Where it led: whether samples are alike now, else how far they are from where they began, by the first time."""
    if variance_left < 0.5:
        return (
            f"Given back again and again, **they become alike**: {variance_left:.0%} of their variance is left. The "
            f"model has few {samples} that it gives back unchanged (fixed points), and all others drift there."
        )
    if distance < 1.5:
        return (
            "Given back again and again, **they stay where the first reconstruction put them**: the model gives back "
            f"unchanged what it has drawn once, as a projection does, such as PCA's. After 100 they are {distance:.1f} "
            "times as far from where they began as after one."
        )
    return (
        "Given back again and again, **they do not become alike, but they do not stay either**: after 100 they are "
        f"{distance:.1f} times as far from where they began as after one. Errors of a reconstruction are no noise that "
        "averages out: each one leads on from the last."
    )


ITERATION = (
    Panel(
        "iterated-reconstruction",
        "Iterated reconstruction",
        "The model is given its own reconstruction, again and again. Where does that lead, and is it a way to sample?",
        _iteration,
    ),
)
