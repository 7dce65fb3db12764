"""The models that came with the laboratory, and the runs of one's own, as images to choose from."""

from __future__ import annotations

import base64
import html
from collections.abc import Mapping, Sequence

import streamlit as st

from aecore import files
from aecore.content.gallery import PRETRAINED_MODELS, TOPICS, list_runs
from aecore.content.run_names import run_names
from aecore.data.modalities import Image
from aecore.errors import UserError
from aecore.store import people, previews, runs
from aecore.store.run_info import RunInfo
from ui.run_data import selected
from ui.session import choices
from ui.session.address import link, select_run
from ui.session.text import duration, escape
from ui.widgets.choice_labels import short_title

MAX_CARD_BYTES = 200_000  # bytes of a model's card
MAX_OWN_RUNS = 24  # runs of one's own that the picker shows; the others are on the Runs page
ANY = "all"  # of what is filtered by
CODE_TYPES = {
    "point": "Point (deterministic)",
    "posterior": "Gaussian posterior (VAE)",
    "codebook": "Codebook (VQ-VAE)",
}
CARD_THUMBNAIL, MIN_CARD_WIDTH = 80, 240  # CSS pixels


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
    names = run_names(entries, labels)
    with st.container(horizontal=True, gap="small"):
        for entry in entries:
            assert entry.config
            name = names[entry.id]
            with st.container(width=136, gap="xxsmall"):
                thumbnail(entry, name)
                st.caption(f"{escape(short_title(entry.config.dataset))} · test MSE {entry.result['mse']:.4f}")
                if st.button(escape(name), key=f"browse-{entry.id}", width="stretch"):
                    select_run(entry.id)


def thumbnail(entry: RunInfo, name: str, size: int = 128) -> None:
    """A few samples that the model drew from places of its latent space."""
    try:
        png = previews.read_png(runs.path(entry.id) / "thumbnail.png")
    except UserError as error:
        st.caption(escape(error))
        return
    if not png:
        return
    address = "data:image/png;base64," + base64.b64encode(png).decode()
    noun = selected.noun_of(entry)
    alt = html.escape(f"{noun.many.capitalize()} that {name} decodes from a grid of codes.", quote=True)
    look = "ae-rows" if noun == Image.noun else "ae-rows ae-smooth"
    st.html(f'<div class="{look}" style="width: {size}px"><img src="{address}" alt="{alt}"></div>')


# --- The page ---------------------------------------------------------------------------------------------------------


def filter_form(entries: Sequence[RunInfo]) -> list[RunInfo]:
    """Those of the gallery that the filters let through; the address holds the filters. What is broken passes them
    all: it is said wherever one looks."""
    datasets = dict.fromkeys(entry.config.dataset for entry in entries if entry.config)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        dataset = _filter("Data set", {name: short_title(name) for name in datasets}, "dataset")
        code = _filter("Type of code", CODE_TYPES, "code")
        topic = _filter("What it shows", TOPICS, "topic")

    def passes(entry: RunInfo) -> bool:
        if not (entry.finished and entry.config):
            return True
        return (
            dataset in (ANY, entry.config.dataset)
            and code in (ANY, _code_type(entry))
            and (topic == ANY or topic in _topics(entry))
        )

    return [entry for entry in entries if passes(entry)]


def _filter(label: str, options: Mapping[str, str], key: str) -> str:
    return choices.bound_choice(label, {ANY: "All", **options}, key, widget="select", width=172)


def _code_type(entry: RunInfo) -> str:
    """Which of CODE_TYPES a model of the gallery makes, by what was measured of it: its own kind is behind torch."""
    measured = entry.result.get("scores", {}).get("report", {})
    return next((name for name in ("codebook", "posterior") if name in measured), "point")


def _topics(entry: RunInfo) -> tuple[str, ...]:
    model = PRETRAINED_MODELS.get(entry.result.get("pretrained", {}).get("name", ""))
    return model.topics if model else ()


def model_cards(entries: Sequence[RunInfo]) -> None:
    """A card for each model of the gallery that the filters let through: what it draws, what it is good and bad at, and
    where to go with it."""
    shown = filter_form(entries)
    if len(shown) < len(entries):
        st.caption(f"{len(shown)} of {len(entries)} models.")
    if not shown:
        st.info("No model of the gallery is all of that: set a filter back to All.", icon=":material/filter_alt_off:")
        return
    grid = st.grid(3, min_column_width=MIN_CARD_WIDTH)
    for entry in shown:
        with grid, st.container(border=True, height="stretch"):
            if entry.finished and entry.config:
                _model_card(entry)
            else:
                st.error(f"{escape(entry.id)} cannot be used: {escape(entry.message)}", icon=":material/broken_image:")


def _model_card(entry: RunInfo) -> None:
    assert entry.config
    shown, result = entry.result.get("pretrained", {}), entry.result
    st.subheader(entry.title or entry.config.summary, anchor=shown.get("name", entry.id))
    preview, facts = st.columns([1, 2], gap="small", vertical_alignment="center")
    with preview:
        thumbnail(entry, entry.title, CARD_THUMBNAIL)
    facts.caption(
        f"{escape(short_title(entry.config.dataset))} · test MSE {result['mse']:.4f} · {result['parameters']:,} "
        f"parameters · trained in {duration(result['seconds'])}"
    )
    st.markdown(f"**Good for:** {shown.get('good_for', '')}  \n**Not for:** {shown.get('not_for', '')}")
    with st.container(horizontal=True, gap="xsmall"):
        link("latent_explorer", "Explore", run=entry.id)
        link("model_inspector", "Inspect", run=entry.id)
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
