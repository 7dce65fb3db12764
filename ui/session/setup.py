"""The setup that a form was left with, as parameters of an address: kept for this tab, and by the browser."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qsl, urlencode

import streamlit as st

from ui.session import cookies

KEY = "ae-setup"
COOKIE = "aecore-setup"


def remembered() -> dict[str, str]:
    """The parameters as they were left, in this tab or else in this browser. They may be anything: who uses them checks
    them."""
    left: dict[str, str] | None = st.session_state.get(KEY)
    return dict(parse_qsl(cookies.read(COOKIE))) if left is None else left


def remember(query: Mapping[str, str]) -> None:
    """Keeps the parameters for the next time."""
    st.session_state[KEY] = dict(query)
    cookies.write(COOKIE, urlencode(query))
