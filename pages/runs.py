"""Runs: everything that was trained here, and the gallery."""

import streamlit as st

from aecore.content.gallery import list_runs
from aecore.store import people, trash
from ui import chrome
from ui.session import identity
from ui.session.text import escape
from ui.views import runs_table

chrome.page(
    "runs",
    "Everything trained in this laboratory, and the models that came with it. **Select a line to open that run, "
    "or two and more to see them side by side.**",
)

user = identity.current_user()
runs_table.undo_delete(user)
runs_table.damaged_database_note()
labels, entries = people.labels(user), list_runs()
left, right = st.columns([3, 1], vertical_alignment="bottom")
query = left.text_input("Search", key="search", bind="query-params", placeholder="name, data, family, owner, state")
matches = runs_table.search(entries, labels, query)
own_runs = [entry for entry in entries if not entry.pretrained]
megabytes = sum(map(trash.disk_usage, own_runs)) / 1e6
right.caption(f"{len(own_runs)} {'own run' if len(own_runs) == 1 else 'own runs'}, {megabytes:,.1f} MB on the disk")
runs_table.trash_list(user)
if not matches:
    st.info(f"No run matches {escape(repr(query[:80]))}: search for less." if query else "Nothing was trained yet.")
    st.stop()
selection = [matches[row] for row in runs_table.table(matches, labels)]
if len(selection) == 1:
    runs_table.run_actions(selection[0], labels.get(selection[0].id, people.RunLabel()), user)
elif selection:
    runs_table.bulk_actions(selection, labels, user)
