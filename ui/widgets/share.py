"""A link to what a page shows, to copy or to scan."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import segno
import streamlit as st
from streamlit import config

LOOPBACK = ("localhost", "127.0.0.1", "::1")


def copy_link(query: Mapping[str, str], meaning: str) -> None:
    """A button that opens the address of this page with `query`, and its QR code where other devices can open it;
    `meaning` is one sentence that says what the link does."""
    url = page_url(query)
    with st.popover("Copy link", icon=":material/link:"):
        st.caption(meaning)
        st.code(url, language=None, wrap_lines=True)
        if urlsplit(url).hostname in LOOPBACK:
            st.caption("It opens on this computer only; `make classroom` opens the laboratory to the network.")
        else:
            code = segno.make(url, error="m").svg_data_uri(scale=4, border=2, light="white")
            st.html(f'<img src="{code}" alt="QR code of the link" width="180">')


def page_url(query: Mapping[str, str]) -> str:
    """The address of this page with other parameters, as other devices of the network can open it if any can."""
    here = urlsplit(st.context.url or "http://localhost/")
    host = here.netloc
    if here.hostname in LOOPBACK and config.get_option("server.address") not in LOOPBACK:
        told = config.get_option("browser.serverAddress")
        host = f"{told}:{here.port}" if here.port else str(told)
    return f"{here.scheme}://{host}{here.path}" + (f"?{urlencode(query, safe=',')}" if query else "")
