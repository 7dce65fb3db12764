"""A place to drop one large file, which lies on the server's disk afterwards."""

from __future__ import annotations

from collections.abc import Sequence

import streamlit as st

from aecore import limits
from ui.session import incoming
from ui.session.failures import or_stop
from ui.session.incoming import Received
from ui.widgets import live


def file_drop(key: str, label: str, suffixes: Sequence[str], hint: str, in_use: str = "") -> Received | None:
    """A file that has just arrived, once; None otherwise. `suffixes` have their dots; `hint` stands beside the button;
    `in_use` names the file that the page shows, for when it shows another one there is nothing to say of the last.

    Where the server has no route of ours (a page that is run by itself), Streamlit's own uploader takes its place, for
    files of 20 MB.
    """
    if not incoming.is_served():
        return _small_file(key, label, suffixes)
    ticket = incoming.ticket()
    data = {
        "address": incoming.ADDRESS,
        "ticket": ticket.id,
        "max_bytes": incoming.MAX_BYTES,
        "limit": limits.format_bytes(incoming.MAX_BYTES),
        "suffixes": list(suffixes),
        "label": label,
        "hint": hint,
        "in_use": in_use,
    }
    live.view("file_drop", None, key, data, on_change={"arrived": lambda: None})
    return ticket.take()


def _small_file(key: str, label: str, suffixes: Sequence[str]) -> Received | None:
    found = st.file_uploader(label, [each.removeprefix(".") for each in suffixes], key=key)
    known = f"{key}-known"
    if found is None or st.session_state.get(known) == found.file_id:
        return None
    st.session_state[known] = found.file_id
    return or_stop(incoming.keep_bytes, found.name, found.getvalue())
