"""Who sits at this browser: a random token in a cookie, and the name that somebody typed once."""

from __future__ import annotations

import re
import secrets

import streamlit as st

from aecore.store import people
from ui.session import cookies, failures
from ui.session.text import escape

COOKIE = "aecore-user"


def current_user() -> str:
    """The person at this browser: the same after a refresh and in a second tab. Not a password: it keeps people from
    deleting each other's runs by mistake."""
    known = cookies.read(COOKIE)
    if re.fullmatch(r"[0-9a-f]{32}", known):
        return known
    return str(st.session_state.setdefault("ae-user", secrets.token_hex(16)))


def name_form() -> None:
    """Asks for a name in the sidebar, and leaves the token with the browser."""
    person = current_user()
    cookies.write(COOKIE, person)
    called = people.display_name(person)
    key = f"ae-name-{called}"  # another name, given in another tab, makes another field

    def change() -> None:
        # only what was typed here is written: a tab that still shows an older name must not bring that back
        failures.call_each(people.set_display_name, [(person, st.session_state[key])])

    with st.popover(escape(called) or "Your name", icon=":material/person:", type="tertiary"):
        st.text_input(
            "Your name",
            called,
            max_chars=40,
            key=key,
            on_change=change,
            help="Others see it beside the runs that you train.",
        )
