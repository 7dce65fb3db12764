"""Runs: everything that was trained here, and the gallery."""

import streamlit as st

from aecore import ledger, runs, shelf
from ui import frame, people, shelves
from ui.text import escape

frame.page(
    "Runs",
    "Everything trained in this laboratory, and the models that came with it. **Select a line to open that run, "
    "or two and more to see them side by side.**",
)

me = people.me()
shelves.undo(me)
shelves.set_aside()
labels, entries = ledger.labels(me), runs.entries()
left, right = st.columns([3, 1], vertical_alignment="bottom")
wanted = left.text_input("Search", key="search", bind="query-params", placeholder="name, data, family, owner, state")
found = shelves.found(entries, labels, wanted)
ours = [entry for entry in entries if not entry.gallery]
megabytes = sum(map(shelf.weight, ours)) / 1e6
right.caption(f"{len(ours)} {'run' if len(ours) == 1 else 'runs'} of ours, {megabytes:,.1f} MB on the disk")
shelves.trash(me)
if not found:
    st.info(f"No run matches {escape(repr(wanted[:80]))}: search for less." if wanted else "Nothing was trained yet.")
    st.stop()
picked = [found[row] for row in shelves.table(found, labels)]
if len(picked) == 1:
    shelves.one(picked[0], labels.get(picked[0].id, ledger.Label()), me)
elif picked:
    shelves.several(picked, labels, me)
