"""The gallery's series of models over one setting: beta-VAEs that are equal but for the weight of the KL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from aecore.models.loss_terms import RECONSTRUCTION
from aecore.store.run_info import RunInfo
from ui.run_data import models, splits
from ui.session import choices
from ui.session.failures import or_stop
from ui.widgets import glossary, sample_images

KEY = "ae-beta-sweep"  # of the container that the page keeps for it
STYLE = f".st-key-{KEY} {{ min-height: 38rem; }}"  # as high as it will be: what stands below does not jump
N_IMAGES = 10  # test images that are reconstructed
N_SAMPLES = 10  # new images
SEED = 0  # of these


def models_by_beta(entries: Sequence[RunInfo]) -> dict[float, RunInfo]:
    """The models of the series that can be used, by rising beta."""
    usable = (entry for entry in entries if entry.finished and entry.config)
    found = {entry.result.get("pretrained", {}).get("sweep_beta"): entry for entry in usable}
    return {float(beta): found[beta] for beta in sorted(beta for beta in found if beta is not None)}


def beta_slider(by_beta: Mapping[float, RunInfo]) -> None:
    """A slider over beta, what its model reconstructs and samples, and the numbers of all of them."""
    st.html(f"<style>{STYLE}</style>")
    glossary.header(
        "Effect of beta (KL weight)",
        f"{len(by_beta)} models, equal but for beta, the weight of the KL in the loss: what a nat of KL costs. **A low "
        "one** buys sharp reconstructions, and samples from the prior miss the places where codes lie. **A high one** "
        "leaves codes little to tell: samples look like digits, and reconstructions are only roughly right.",
    )
    first = 1.0 if 1.0 in by_beta else min(by_beta)

    def read(text: str) -> float:
        if float(text) not in by_beta:
            raise ValueError(text)
        return float(text)

    beta = st.select_slider("beta", list(by_beta), value=first, **choices.bound_value("beta", first, read))
    _show_model(by_beta[beta])
    _table(by_beta, beta)


def _show_model(entry: RunInfo) -> None:
    run = or_stop(models.load_model, entry.id, entry.created)
    test, codes = or_stop(splits.test_split, run), splits.codes(run)
    from aecore.store import snapshots

    rows = snapshots.preview_rows(test, N_IMAGES)
    decoded = run.decode(codes[rows], test.y[rows])
    many = run.card.modality.noun.many
    above: dict[str, np.ndarray] = {} if test.synthetic else {f"Test {many}": test.observed(rows)}
    names = sample_images.sample_names(run.card, test.y[rows], rows)
    sample_images.rows(run.card.modality, {**above, "Reconstructions": decoded}, names, size=72)
    drawn = {"Samples from the prior": run.decode(run.sample_prior(N_SAMPLES, SEED))}
    sample_images.rows(run.card.modality, drawn, [f"sample {number + 1}" for number in range(N_SAMPLES)], size=72)


def _table(by_beta: Mapping[float, RunInfo], beta: float) -> None:
    lines = [
        {
            "": "▶" if each == beta else "",
            "beta": each,
            "reconstruction (nats)": entry.result["test"].get(RECONSTRUCTION),
            "KL (nats)": entry.result.get("scores", {}).get("kl"),
            "active dimensions (of 16)": entry.result.get("scores", {}).get("active_units"),
            "test MSE": entry.result["mse"],
        }
        for each, entry in by_beta.items()
    ]
    nats = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        lines,
        hide_index=True,
        height="content",
        alt="Reconstruction, KL, active dimensions and MSE on the test images for each beta.",
        column_config={
            "": st.column_config.TextColumn(width=28),
            "reconstruction (nats)": nats,
            "KL (nats)": nats,
            "test MSE": st.column_config.NumberColumn(format="%.4f"),
        },
    )
