"""Runs: everything that was trained here, and the gallery."""

import streamlit as st

from aecore.content.gallery import list_runs
from aecore.content.run_names import run_names
from aecore.store import people, trash
from ui import chrome
from ui.session import identity
from ui.session.text import escape
from ui.views.runs import actions, columns, filters, ranking, table
from ui.views.runs import trash as trash_view

chrome.page(
    "runs",
    "Everything trained in this laboratory, and the models that came with it. **Select a line to open that run, "
    "or two and more to see them side by side.**",
)

user = identity.current_user()
trash_view.undo_delete(user)
trash_view.damaged_database_note()
labels, entries = people.labels(user), list_runs()
names = run_names(entries, labels)
matches, query = filters.form(entries, labels, names)
left, middle, right = st.columns([2, 2, 3], vertical_alignment="bottom")
measure = ranking.ranking_form(left)
there = columns.available(matches)
with middle:
    shown = columns.column_form(there)
own_runs = [entry for entry in entries if not entry.pretrained]
megabytes = sum(map(trash.disk_usage, own_runs)) / 1e6
right.caption(f"{len(own_runs)} {'own run' if len(own_runs) == 1 else 'own runs'}, {megabytes:,.1f} MB on the disk")
trash_view.trash_list(user)
if not matches:
    st.info(f"No run matches {escape(repr(query[:80]))}: search for less." if query else "There is no such run.")
    st.stop()
listed = ranking.ranked(matches, measure) if measure else [(entry, "") for entry in matches]
if measure:
    ranking.show_best(matches, measure, names)
ids = dict.fromkeys([measure.id, *shown] if measure else shown)  # what is ranked by stands beside the rank
selection = table.table(listed, labels, names, {each: there[each] for each in ids})
if len(selection) == 1:
    run = selection[0]
    actions.run_panel(run, labels.get(run.id, people.RunLabel()), names[run.id], user)
elif selection:
    actions.bulk_actions(selection, labels, user, entries)
