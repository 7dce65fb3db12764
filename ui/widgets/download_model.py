"""A button that gives a model as files, each with the lines that load it."""

from __future__ import annotations

from functools import partial

import streamlit as st

from aecore.store import people
from aecore.store.run_info import RunInfo
from ui.run_data import models
from ui.session.failures import or_stop
from ui.session.text import escape


@st.fragment
def download_model(entry: RunInfo) -> None:
    """Offers a finished run as files; one is made when it is asked for. One that was stopped is none to hand on."""
    if not entry.finished:
        st.caption("A model can be downloaded when its training is finished.")
        return
    with st.popover("Download", icon=":material/download:", key=f"download-{entry.id}", on_change="rerun") as place:
        if place.open:  # torch comes with it
            _choice(entry)


def _choice(entry: RunInfo) -> None:
    from aecore.content.downloads import MODEL_FILES

    run = or_stop(models.load_model, entry.id, entry.created)
    kind = st.segmented_control(
        "File",
        list(MODEL_FILES),
        format_func=lambda each: MODEL_FILES[each].label,
        default="safetensors",
        required=True,
        wrap=True,
        key=f"download-kind-{entry.id}",
    )
    file = MODEL_FILES[kind]
    st.caption(file.description)
    if why := file.obstacle(run):
        st.info(escape(why), icon=":material/block:")
        return
    if lines := file.lines(run):
        st.code(lines, language=file.language, wrap_lines=True)
    name = f"{entry.id}{file.suffix}"
    st.download_button(
        "Save",
        partial(_content, entry.id, kind, people.label(entry.id).name),
        name,
        file.mime,
        key=f"download-file-{entry.id}",
        icon=":material/download:",
        on_click="ignore",
        help=name,
    )


def _content(run: str, kind: str, title: str) -> bytes:
    """Opens the run anew: what waits to be asked for must not keep a model in memory."""
    from aecore.analysis import loaded
    from aecore.content.downloads import MODEL_FILES

    return MODEL_FILES[kind].make(loaded.load(run), title)
