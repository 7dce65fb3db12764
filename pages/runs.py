"""Runs: everything that was trained here, and the gallery."""

import datetime

import streamlit as st

from aecore import runs
from ui import frame

frame.page(
    "Runs",
    "Everything trained in this laboratory, newest first, and the models that came with it. "
    "Select a line to open that run.",
)

entries = runs.entries()
lines = [
    {
        "run": entry.id,
        "state": entry.state,
        "data": entry.config.dataset if entry.config else "",
        "family": entry.config.family if entry.config else "",
        "size": entry.config.z_dim if entry.config else None,
        "squared error": entry.result.get("mse"),
        "seconds": entry.result.get("seconds"),
        "when": datetime.datetime.fromtimestamp(entry.created) if entry.created else None,
        "from": "gallery" if entry.gallery else "here",
        "note": entry.reason,
    }
    for entry in entries
]
picked = st.dataframe(
    lines,
    hide_index=True,
    on_select="rerun",
    selection_mode="single-row",
    key="runs-table",
    alt=f"{len(lines)} runs, {sum(entry.finished for entry in entries)} of them finished.",
    column_config={
        "squared error": st.column_config.NumberColumn(format="%.4f", help="Per pixel, on the test pictures."),
        "seconds": st.column_config.NumberColumn(format="%.1f"),
    },
)
rows = picked.selection.rows
if rows:
    run = entries[rows[0]]
    if run.config is None:
        st.error(f"{run.id} is broken: {run.reason}", icon=":material/broken_image:")
    elif run.finished:
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(f"Open **{run.config.title}**:")
            for page in ("reconstruct", "latent_map", "manifold", "interpolate", "denoise"):
                frame.link(f"pages/{page}.py", run=run.id)
    else:
        frame.link("pages/train.py", "See how it went", run=run.id)
