"""Runs: everything that was trained here, and the gallery."""

import streamlit as st

from aecore.store import queue, runs, trash
from ui import frame
from ui.session import identity
from ui.session.text import escape
from ui.views import runs_table

frame.page(
    "Runs",
    "Everything trained in this laboratory, and the models that came with it. **Select a line to open that run, "
    "or two and more to see them side by side.**",
)

me = identity.me()
runs_table.undo(me)
runs_table.set_aside()
labels, entries = queue.labels(me), runs.entries()
left, right = st.columns([3, 1], vertical_alignment="bottom")
wanted = left.text_input("Search", key="search", bind="query-params", placeholder="name, data, family, owner, state")
found = runs_table.found(entries, labels, wanted)
ours = [entry for entry in entries if not entry.gallery]
megabytes = sum(map(trash.weight, ours)) / 1e6
right.caption(f"{len(ours)} {'run' if len(ours) == 1 else 'runs'} of ours, {megabytes:,.1f} MB on the disk")
runs_table.trash(me)
if not found:
    st.info(f"No run matches {escape(repr(wanted[:80]))}: search for less." if wanted else "Nothing was trained yet.")
    st.stop()
picked = [found[row] for row in runs_table.table(found, labels)]
if len(picked) == 1:
    runs_table.one(picked[0], labels.get(picked[0].id, queue.Label()), me)
elif picked:
    runs_table.several(picked, labels, me)
