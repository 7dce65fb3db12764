"""Access control of the server: the names that it answers to, the pages that may talk to it, and the security headers
that its own pages are sent with.

`streamlit run app.py` finds the ASGI application in app.py, so every way of starting goes through here. Streamlit
checks names for WebSockets only and lets pages of all ports of localhost in; here one check holds for every request.
"""

from __future__ import annotations

import asyncio
import os
import re
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import cli_util, config, file_util
from streamlit.web.server import server_util
from streamlit.web.server.starlette.starlette_websocket import is_host_allowed

from ui import old_addresses
from ui.session import cookies, incoming
from ui.widgets import glossary

HOSTS_VARIABLE = "AECORE_HOSTS"
LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
WILDCARDS = ("0.0.0.0", "::")  # addresses to listen on, not names of a machine
PORTS = {"http": ":80", "https": ":443"}  # which addresses of these schemes may leave out

UNKNOWN_HOST = (
    "The laboratory does not answer to this name: open it by the address it printed, or start it with "
    f"{HOSTS_VARIABLE} set to the name.\n"
)
FOREIGN_ORIGIN = "The laboratory answers its own pages only, and this request came from a page of another address.\n"


def application() -> dict[str, Any]:
    """What the ASGI application takes beside its script."""
    _set_allowed_hosts()
    config.on_config_parsed(_set_allowed_hosts, force_connect=True)  # the file may be edited while the server runs
    routes = [*old_addresses.routes(), *incoming.routes()]
    return {"middleware": [Middleware(AccessControl)], "routes": routes, "lifespan": _lifespan}


def extra_hosts() -> list[str]:
    """The hosts that whoever started the server added, as for a reverse proxy."""
    return [name.strip().lower() for name in os.environ.get(HOSTS_VARIABLE, "").split(",") if name.strip()]


def allowed_hosts() -> list[str]:
    """All hosts that the server answers to: this machine's own names, the addresses it is told to print and to listen
    on, and those that were added."""
    told = (config.get_option("browser.serverAddress"), config.get_option("server.address"))
    names = [urlsplit(f"//{name}").hostname or name for name in extra_hosts()]
    addresses = [str(address) for address in told if address and address not in WILDCARDS]
    return list(dict.fromkeys([*LOCAL_HOSTS, *addresses, *names, *config.get_option("server.allowedHosts")]))


def _set_allowed_hosts() -> None:
    """Gives Streamlit's check of WebSockets the same list."""
    config.set_option("server.allowedHosts", allowed_hosts())


@asynccontextmanager
async def _lifespan(_app: st.App) -> AsyncIterator[None]:
    """Opens the browser where there is a screen, which Streamlit does only for scripts without an application."""
    if not config.get_option("server.headless"):
        address = server_util.get_url(config.get_option("browser.serverAddress"))
        asyncio.get_running_loop().call_soon(cli_util.open_browser, address)
    with incoming.served():
        yield


class AccessControl:
    """ASGI middleware: refuses requests to other names and from other pages, and adds security headers to answers."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refused = refusal(headers)
        if scope["type"] == "websocket":
            if refused:
                await receive()  # websocket.connect
                await send({"type": "websocket.close", "code": 1008, "reason": ""})
                return
            await self.app(_same_origin(scope, headers), receive, send)
            return
        added = security_headers("" if refused else headers["host"])

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(added)
            await send(message)

        await (PlainTextResponse(refused, 403) if refused else self.app)(scope, receive, answer)


def refusal(headers: Headers) -> str:
    """Why a request with these headers is refused; empty when it is not."""
    host, origin = headers.getlist("host"), headers.get("origin")
    if len(host) != 1 or not is_host_allowed(host[0]):
        return UNKNOWN_HOST
    if origin is not None and not _is_own(origin, host[0]):
        return FOREIGN_ORIGIN
    # A page of another address may embed an image or a script without saying its origin; a link to us is fine.
    if headers.get("sec-fetch-site") in ("cross-site", "same-site") and headers.get("sec-fetch-mode") != "navigate":
        return FOREIGN_ORIGIN
    return ""


def _is_own(origin: str, host: str) -> bool:
    """Whether an origin is that of the server under the name `host`, port included, or one that was named for a reverse
    proxy that passes on another name."""
    if origin in server_util.allowlisted_origins():
        return True
    scheme, _, place = origin.lower().partition("://")
    known = [host.lower(), *extra_hosts()]
    return scheme in PORTS and place.removesuffix(PORTS[scheme]) in [name.removesuffix(PORTS[scheme]) for name in known]


def _same_origin(scope: Scope, headers: Headers) -> Scope:
    """The scope of a permitted WebSocket with the host's own origin: for any other, Streamlit would ask a machine on
    the internet for the server's public address before it decides."""
    if "origin" not in headers:
        return scope
    scheme = "https" if scope["scheme"] == "wss" else "http"
    kept = [(name, value) for name, value in scope["headers"] if name.lower() != b"origin"]
    return {**scope, "headers": [*kept, (b"origin", f"{scheme}://{headers['host']}".encode("latin-1"))]}


@lru_cache(maxsize=64)
def security_headers(host: str) -> dict[str, str]:
    """The headers of every answer. The content security policy keeps a page from asking other machines for anything;
    inline styles are Streamlit's and Plotly's, blob: is where components come from, WebAssembly is Streamlit's."""
    sockets = f" ws://{host} wss://{host}" if host else ""  # not every browser counts them as 'self'
    policy = {
        "default-src": "'self'",
        "script-src": " ".join(["'self'", "blob:", "'wasm-unsafe-eval'", *_inline_scripts()]),
        "style-src": "'self' 'unsafe-inline'",
        "img-src": "'self' data: blob:",
        "font-src": "'self' data:",
        "media-src": "'self' data: blob:",
        "connect-src": f"'self' data: blob:{sockets}",
        "worker-src": "'self' blob:",
        "object-src": "'none'",
        "base-uri": "'self'",
        "form-action": "'self'",
        "frame-ancestors": "'self'",
    }
    return {
        "Content-Security-Policy": "; ".join(f"{name} {value}" for name, value in policy.items()),
        "X-Frame-Options": "SAMEORIGIN",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
    }


@lru_cache(maxsize=1)
def _inline_scripts() -> tuple[str, ...]:
    """The only scripts inside a page that may run, by their hashes: those of Streamlit's page, and ours."""
    page = (Path(file_util.get_static_dir()) / "index.html").read_text("utf-8")
    scripts = [*re.findall("<script>(.*?)</script>", page, re.DOTALL), cookies.SCRIPT, glossary.SCRIPT]
    return tuple(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
