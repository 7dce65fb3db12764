"""The models that came with the laboratory, and the runs of one's own, as images to choose from."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from aecore import files
from aecore.content.gallery import list_runs
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.store import people, previews, runs
from aecore.store.run_info import RunInfo
from ui.run_data import models, splits
from ui.session.address import link, select_run
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.widgets import glossary, images

MAX_CARD_BYTES = 200_000  # bytes of a model's card
MAX_OWN_RUNS = 24  # runs of one's own that the picker shows; the others are on the Runs page
N_IMAGES = 10  # test images that the sweep redraws
N_SAMPLES = 10  # new images of the sweep
SEED = 0  # of these


def own_runs(entries: Sequence[RunInfo]) -> list[RunInfo]:
    """The finished runs that were trained here, newest first."""
    return [entry for entry in entries if entry.finished and not entry.pretrained]


def pretrained_models(entries: Sequence[RunInfo]) -> list[RunInfo]:
    """What the gallery has, also what is broken: that is said."""
    return [entry for entry in entries if entry.pretrained]


def denoiser() -> RunInfo | None:
    """The first exhibit that can be used and was measured as a denoiser."""
    usable = (entry for entry in pretrained_models(list_runs()) if entry.finished)
    return next((entry for entry in usable if "denoising" in entry.result.get("scores", {})), None)


# --- The picker -------------------------------------------------------------------------------------------------------


@st.dialog("Choose a model", width="large")
def model_dialog() -> None:
    """All runs that pages can show, with their images; the one that is clicked becomes the chosen one."""
    entries, labels = list_runs(), people.labels()
    own, shown = own_runs(entries), [entry for entry in pretrained_models(entries) if entry.finished]
    if own:
        st.subheader("Trained here")
        _model_row(own[:MAX_OWN_RUNS], labels)
        if own[MAX_OWN_RUNS:]:
            st.caption(f"{len(own) - MAX_OWN_RUNS} more are on the Runs page.")
    st.subheader("The gallery")
    _model_row(shown, labels)


def _model_row(entries: Sequence[RunInfo], labels: Mapping[str, people.RunLabel]) -> None:
    with st.container(horizontal=True, gap="small"):
        for entry in entries:
            assert entry.config
            given = labels.get(entry.id, people.RunLabel()).name
            name = given or entry.title or f"{entry.config.family}, latent dimension {entry.config.latent_dim}"
            with st.container(width=136, gap="xxsmall"):
                thumbnail(entry, name)
                st.caption(f"{CARDS[entry.config.dataset].title.split(':')[0]} · test MSE {entry.result['mse']:.4f}")
                if st.button(escape(name), key=f"browse-{entry.id}", width="stretch"):
                    select_run(entry.id)


def thumbnail(entry: RunInfo, name: str, size: int = 128) -> None:
    """A few images that the model drew from places of its latent space."""
    try:
        png = previews.read_png(runs.path(entry.id) / "thumbnail.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not png:
        return
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    alt = html.escape(f"Images that {name} decodes from a grid of codes.", quote=True)
    st.html(f'<div class="ae-rows" style="width: {size}px"><img src="{address}" alt="{alt}"></div>')


# --- The page ---------------------------------------------------------------------------------------------------------


def model_cards(entries: Sequence[RunInfo]) -> None:
    """A card for each model of the gallery: what it draws, what it is good and bad at, and where to go with it."""
    for entry in entries:
        with st.container(border=True):
            if entry.finished and entry.config:
                _model_card(entry)
            else:
                st.error(f"{escape(entry.id)} cannot be used: {escape(entry.message)}", icon=":material/broken_image:")


def _model_card(entry: RunInfo) -> None:
    assert entry.config
    shown, result = entry.result.get("pretrained", {}), entry.result
    preview, words = st.columns([1, 4], gap="medium")
    with preview:
        thumbnail(entry, entry.title, 160)
    with words:
        st.header(entry.title or entry.config.summary, anchor=shown.get("name", entry.id))
        st.markdown(f"**Good for:** {shown.get('good_for', '')}  \n**Not for:** {shown.get('not_for', '')}")
        seconds = result["seconds"]
        took = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        st.caption(
            f"{CARDS[entry.config.dataset].title} · test MSE {result['mse']:.4f} · {result['parameters']:,} "
            f"parameters · trained in {took}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            link("latent_explorer", run=entry.id)
            link("reconstruct", run=entry.id)
            link("interpolate", run=entry.id)
            with st.popover("Model card", icon=":material/description:"):
                st.markdown(_card_text(entry))


def _card_text(entry: RunInfo) -> str:
    """What is known of an exhibit, without the headline that stands above it already."""
    try:
        content = files.read_bytes(runs.path(entry.id) / "README.md", MAX_CARD_BYTES)
    except FileNotFoundError:
        return "It has no card."
    except UserError as error:
        return escape(error)
    return content.decode(errors="replace").partition("\n")[2]


# --- What the price of the KL does ------------------------------------------------------------------------------------


def beta_slider(entries: Sequence[RunInfo]) -> None:
    """The beta-VAEs of the gallery, all alike but for beta: one slides through them."""
    shown = (entry for entry in entries if entry.finished and entry.config)
    steps = {entry.result.get("pretrained", {}).get("sweep_beta"): entry for entry in shown}
    priced = {float(beta): entry for beta, entry in steps.items() if beta is not None}
    if len(priced) < 2:
        return
    glossary.header(
        "Effect of beta (KL weight)",
        "Five models, equal but for beta, the weight of the KL in the loss: what a nat of KL costs. **A low one** "
        "buys sharp reconstructions, and draws from the normal distribution miss the places where codes lie. **A "
        "high one** leaves codes little to tell: draws look like digits, and digits drawn again are only roughly "
        "right.",
    )
    beta = st.select_slider("beta", sorted(priced), value=1.0 if 1.0 in priced else min(priced), key="beta")
    _show_beta_model(priced[beta])
    _beta_table({price: priced[price] for price in sorted(priced)}, beta)


def _show_beta_model(entry: RunInfo) -> None:
    run = or_stop(models.load_model, entry.id, entry.created)
    test, codes = or_stop(splits.test_split, run), splits.codes(run)
    from aecore.store import snapshots

    rows = snapshots.preview_rows(test, N_IMAGES)
    decoded = run.decode(codes[rows], test.y[rows])
    above: dict[str, np.ndarray] = {} if test.synthetic else {"Test images": test.to_float(rows)}
    classes = [run.card.classes[label] for label in test.y[rows]]
    names = [f"{name}, test image {row}" for name, row in zip(classes, rows, strict=True)]
    images.rows({**above, "Reconstructions": decoded}, names, size=84)
    drawn = {"Samples from the prior": run.decode(run.sample_prior(N_SAMPLES, SEED))}
    images.rows(drawn, [f"sample {number + 1}" for number in range(N_SAMPLES)], size=84)


def _beta_table(by_beta: Mapping[float, RunInfo], beta: float) -> None:
    lines = []
    for price, entry in by_beta.items():
        said = entry.result.get("scores", {})
        lines.append(
            {
                "": "▶" if price == beta else "",
                "beta": price,
                "reconstruction (nats)": entry.result["test"].get(RECONSTRUCTION),
                "KL (nats)": said.get("kl"),
                "active dimensions (of 16)": said.get("active_units"),
                "test MSE": entry.result["mse"],
            }
        )
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
