"""The table of runs, and which of its lines are selected: the address holds them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import streamlit as st

from aecore.store import people
from aecore.store.run_info import RunInfo
from ui.session import address
from ui.views.runs import columns as all_columns
from ui.views.runs.columns import Column
from ui.views.runs.filters import Labels

PARAMETER = "selected"  # ids of the selected runs, with commas between


def table(
    listed: Sequence[tuple[RunInfo, str]], labels: Labels, names: Mapping[str, str], columns: Mapping[str, Column]
) -> list[RunInfo]:
    """Draws runs with their ranks ("" where nothing is ranked); those that are selected, in the order of the list."""
    entries = [entry for entry, _ in listed]
    asked = (address.bound(PARAMETER) or "").split(",")
    rows = [at for at, entry in enumerate(entries) if entry.id in asked]
    # a list in another order is another table: the same lines would be other runs
    digest = hashlib.sha256("".join(entry.id for entry in entries).encode()).hexdigest()[:12]
    key = f"runs-table-{digest}-{st.session_state.get('ae-table-version', 0)}"

    def write() -> None:
        chosen = [entries[at].id for at in st.session_state[key].selection.rows if at < len(entries)]
        address.write(PARAMETER, ",".join(chosen) or None)

    shown = st.dataframe(
        [
            all_columns.row(entry, labels.get(entry.id, people.RunLabel()), names[entry.id], columns, rank)
            for entry, rank in listed
        ],
        hide_index=True,
        placeholder="",
        on_select=write,
        selection_mode="multi-row",
        selection_default={"selection": {"rows": rows, "columns": [], "cells": []}},
        key=key,
        alt=f"{len(entries)} runs, {sum(entry.finished for entry in entries)} of them finished.",
        column_config={
            "": st.column_config.TextColumn(width=28, help="Pinned by you."),
            "rank": st.column_config.TextColumn(width=48, help="Within its data set."),
            "name": st.column_config.TextColumn(help="What differs from the default settings, unless it was named."),
            **{column.label: column.column_config() for column in columns.values() if column.kind},
        },
    )
    return [entries[at] for at in shown.selection.rows if at < len(entries)]


def forget() -> None:
    """Selects nothing any more."""
    address.drop(PARAMETER)
    st.session_state["ae-table-version"] = st.session_state.get("ae-table-version", 0) + 1
