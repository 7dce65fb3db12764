"""Cookies: what a browser keeps between two visits. A page can read those that came with its connection, and leaves new
ones by a script that is the same for everybody."""

from __future__ import annotations

from urllib.parse import quote, unquote

import streamlit as st

YEAR = 365 * 24 * 3600
MAX_LENGTH = 2000  # characters of a value: browsers keep some 4,000 bytes
# One text for all, for the content security policy (ui/server.py) names the scripts that may run by their hash.
SCRIPT = f"""for (const each of document.querySelectorAll("[data-cookie]"))
  document.cookie = `${{each.dataset.cookie}}=${{each.dataset.value}}; max-age={YEAR}; path=/; samesite=lax`;"""


def read(name: str) -> str:
    """The text that a cookie had when this page was opened; empty where there is none."""
    return unquote(str(st.context.cookies.get(name, "")))[:MAX_LENGTH]


def write(name: str, text: str) -> None:
    """Leaves a text with the browser for a year, when it has another; one that is too long is not kept. Called with
    every run of a page, for the browser may not see what a run that was cut short has drawn."""
    changed = f"ae-cookie-{name}"  # since this connection, so that its cookie is not the browser's any more
    value = quote(text[: MAX_LENGTH + 1], safe="")
    if len(value) <= MAX_LENGTH and (text != read(name) or changed in st.session_state):
        st.session_state[changed] = True
        st.html(
            f'<span data-cookie="{name}" data-value="{value}"></span><script>{SCRIPT}</script>',
            unsafe_allow_javascript=True,
        )
