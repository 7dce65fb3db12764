"""The models that came with the laboratory, and the runs of one's own, as pictures to choose from."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

import numpy as np
import streamlit as st

from aecore import files
from aecore.data import images as pictures
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.models.terms import RECONSTRUCTION
from aecore.store import queue, runs
from ui import frame, shared
from ui.session.text import escape
from ui.widgets import images

CARD = 200_000  # bytes of a model's card
MOST = 24  # runs of one's own that the picker shows; the others are on the Runs page
SHOWN = 10  # test pictures that the sweep redraws
DRAWN = 10  # new pictures of the sweep
SEED = 0  # of these


def mine(entries: Sequence[runs.Entry]) -> list[runs.Entry]:
    """The finished runs that were trained here, newest first."""
    return [entry for entry in entries if entry.finished and not entry.gallery]


def exhibits(entries: Sequence[runs.Entry]) -> list[runs.Entry]:
    """What the gallery has, also what is broken: that is said."""
    return [entry for entry in entries if entry.gallery]


def denoiser() -> runs.Entry | None:
    """The first exhibit that can be used and was measured as a denoiser."""
    usable = (entry for entry in exhibits(runs.entries()) if entry.finished)
    return next((entry for entry in usable if "denoising" in entry.result.get("scores", {})), None)


# --- The picker -------------------------------------------------------------------------------------------------------


@st.dialog("Choose a model", width="large")
def browse() -> None:
    """All runs that pages can show, with their pictures; the one that is clicked becomes the chosen one."""
    entries, labels = runs.entries(), queue.labels()
    own, shown = mine(entries), [entry for entry in exhibits(entries) if entry.finished]
    if own:
        st.subheader("Trained here")
        _shelf(own[:MOST], labels)
        if own[MOST:]:
            st.caption(f"{len(own) - MOST} more are on the Runs page.")
    st.subheader("The gallery")
    _shelf(shown, labels)


def _shelf(entries: Sequence[runs.Entry], labels: Mapping[str, queue.Label]) -> None:
    with st.container(horizontal=True, gap="small"):
        for entry in entries:
            assert entry.config
            given = labels.get(entry.id, queue.Label()).name
            name = given or entry.title or f"{entry.config.family}, {entry.config.z_dim}-D"
            with st.container(width=136, gap="xxsmall"):
                thumbnail(entry, name)
                st.caption(f"{CARDS[entry.config.dataset].title.split(':')[0]} · error {entry.result['mse']:.4f}")
                if st.button(escape(name), key=f"browse-{entry.id}", width="stretch"):
                    frame.choose(entry.id)


def thumbnail(entry: runs.Entry, name: str, size: int = 128) -> None:
    """A few pictures that the model drew from places of its latent space."""
    try:
        png = pictures.stored(runs.path(entry.id) / "thumbnail.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not png:
        return
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    alt = html.escape(f"Pictures that {name} draws from a grid of codes.", quote=True)
    st.html(f'<div class="ae-rows" style="width: {size}px"><img src="{address}" alt="{alt}"></div>')


# --- The page ---------------------------------------------------------------------------------------------------------


def wall(entries: Sequence[runs.Entry]) -> None:
    """A card for each model of the gallery: what it draws, what it is good and bad at, and where to go with it."""
    for entry in entries:
        with st.container(border=True):
            if entry.finished and entry.config:
                _card(entry)
            else:
                st.error(f"{escape(entry.id)} cannot be used: {escape(entry.reason)}", icon=":material/broken_image:")


def _card(entry: runs.Entry) -> None:
    assert entry.config
    shown, result = entry.result.get("exhibit", {}), entry.result
    picture, words = st.columns([1, 4], gap="medium")
    with picture:
        thumbnail(entry, entry.title, 160)
    with words:
        st.header(entry.title or entry.config.title, anchor=shown.get("name", entry.id))
        st.markdown(f"**Good for:** {shown.get('good', '')}  \n**Not for:** {shown.get('bad', '')}")
        seconds = result["seconds"]
        took = f"{seconds / 60:.0f} min" if seconds >= 90 else f"{seconds:.0f} s"
        st.caption(
            f"{CARDS[entry.config.dataset].title} · squared error {result['mse']:.4f} · {result['parameters']:,} "
            f"parameters · trained in {took}"
        )
        with st.container(horizontal=True, vertical_alignment="center"):
            frame.link("pages/latent_pad.py", run=entry.id)
            frame.link("pages/reconstruct.py", run=entry.id)
            frame.link("pages/interpolate.py", run=entry.id)
            with st.popover("Its card", icon=":material/description:"):
                st.markdown(_text(entry))


def _text(entry: runs.Entry) -> str:
    """What is known of an exhibit, without the headline that stands above it already."""
    try:
        content = files.read_bytes(runs.path(entry.id) / "README.md", CARD)
    except FileNotFoundError:
        return "It has no card."
    except UserError as error:
        return escape(error)
    return content.decode(errors="replace").partition("\n")[2]


# --- What the price of the KL does ------------------------------------------------------------------------------------


def sweep(entries: Sequence[runs.Entry]) -> None:
    """The beta-VAEs of the gallery, all alike but for beta: one slides through them."""
    shown = (entry for entry in entries if entry.finished and entry.config)
    steps = {entry.result.get("exhibit", {}).get("sweep"): entry for entry in shown}
    priced = {float(beta): entry for beta, entry in steps.items() if beta is not None}
    if len(priced) < 2:
        return
    st.header("Slide through beta")
    st.markdown(
        "Five models, equal but for what a nat of KL costs them. **A low price** buys sharp reconstructions, and draws "
        "from the normal distribution miss the places where codes lie. **A high one** leaves codes little to tell: "
        "draws look like digits, and digits drawn again are only roughly right."
    )
    beta = st.select_slider("beta", sorted(priced), value=1.0 if 1.0 in priced else min(priced), key="sweep")
    _priced(priced[beta])
    _table({price: priced[price] for price in sorted(priced)}, beta)


def _priced(entry: runs.Entry) -> None:
    run = frame.attempt(shared.model, entry.id, entry.created)
    test, codes = frame.attempt(shared.held_out, run), shared.codes(run)
    from aecore.store import snapshots

    rows = snapshots.shown(test, SHOWN)
    pictures = run.pictures(codes[rows], test.labels[rows])
    above: dict[str, np.ndarray] = {} if test.drawn else {"Test pictures": test.floats(rows)}
    classes = [run.card.classes[label] for label in test.labels[rows]]
    names = [f"{name}, test picture {row}" for name, row in zip(classes, rows, strict=True)]
    images.rows({**above, "Drawn again from their codes": pictures}, names, size=84)
    drawn = {"New pictures, from random codes": run.sample(DRAWN, SEED)}
    images.rows(drawn, [f"draw {number + 1}" for number in range(DRAWN)], size=84)


def _table(priced: Mapping[float, runs.Entry], beta: float) -> None:
    lines = []
    for price, entry in priced.items():
        said = entry.result.get("scores", {})
        lines.append(
            {
                "": "▶" if price == beta else "",
                "beta": price,
                "reconstruction (nats)": entry.result["test"].get(RECONSTRUCTION),
                "KL (nats)": said.get("kl"),
                "active numbers of 16": said.get("active_units"),
                "squared error": entry.result["mse"],
            }
        )
    nats = st.column_config.NumberColumn(format="%.1f")
    st.dataframe(
        lines,
        hide_index=True,
        height="content",
        alt="Reconstruction, KL, active numbers and squared error on the test pictures for each beta.",
        column_config={
            "": st.column_config.TextColumn(width=28),
            "reconstruction (nats)": nats,
            "KL (nats)": nats,
            "squared error": st.column_config.NumberColumn(format="%.4f"),
        },
    )
