"""A laboratory of its own and a Chromium to look at it: what browser tests and screenshots share."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext, Page

ROOT = Path(__file__).resolve().parent.parent
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",  # nothing leaves
)
# Streamlit tries them below a page's own path, and gets 404s.
PROBES = ("/_stcore/health", "/_stcore/host-config")

# True once the page has been still: no script running, nothing stale or loading, images and charts drawn, and what
# runs in the browser (ui/widgets/component.py) listening.
IS_IDLE = """() => {
  const all = selector => [...document.querySelectorAll(selector)];
  const app = document.querySelector('[data-testid="stApp"]');
  const busy = !app
    || app.dataset.testScriptState !== 'notRunning' || app.dataset.testConnectionState !== 'CONNECTED'
    || ['StatusWidget', 'Spinner', 'Skeleton', 'AppSkeleton'].some(id => all(`[data-testid=st${id}]`).length)
    || all('[data-testid="stMain"] [data-stale="true"]').length
    || all('[data-testid="stPlotlyChart"]').some(chart => !chart.querySelector('.main-svg'))
    || [...document.images].some(image => !image.complete)
    || all('[data-testid="stBidiComponentIsolated"]').some(
      host => !host.shadowRoot?.childElementCount || host.shadowRoot.querySelector('[data-loading]:not([hidden])'))
    || !all('[data-testid="stMain"] [data-testid="stElementContainer"]').length;
  const height = document.querySelector('[data-testid="stMain"]')?.scrollHeight;
  if (busy || height !== window.__height) { window.__height = height; window.__since = performance.now(); }
  return !busy && performance.now() - window.__since > 200;
}"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def start_server(
    script: Path | str = "app.py",
    env: Mapping[str, str] | None = None,
    port: int | None = None,
    timeout: float = 60,  # seconds
    base: str = "",  # the path below which it answers, as behind a proxy
) -> Iterator[str]:
    """A laboratory of its own on a free port; gives its address, and ends it with all that it started."""
    port = port or free_port()
    command = [sys.executable, "-m", "streamlit", "run", str(script), "--server.port", str(port)]
    command += ["--server.headless", "true", "--server.fileWatcherType", "none", "--server.baseUrlPath", base]
    address = f"http://localhost:{port}/{base}".rstrip("/")
    with tempfile.TemporaryFile("w+") as log:
        server = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **(env or {})},
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            _wait_for_health(server, f"{address}/_stcore/health", timeout, lambda: _read(log))
            yield address
        finally:
            _end_session(server)


def _read(log: Any) -> str:
    log.seek(0)
    return str(log.read())[-4000:]


def _wait_for_health(
    server: subprocess.Popen[bytes], address: str, timeout: float, read_log: Callable[[], str]
) -> None:
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if server.poll() is not None:
            raise RuntimeError(f"The server ended with status {server.returncode}:\n{read_log()}")
        with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
            if urllib.request.urlopen(address, timeout=2).status == 200:
                return
        time.sleep(0.1)
    raise TimeoutError(f"The server did not answer within {timeout:g} seconds:\n{read_log()}")


def _end_session(server: subprocess.Popen[bytes]) -> None:
    """Ends the server and, politely first, whatever else runs in its session (training workers, say)."""
    session = server.pid
    for sign, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 2.0)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(session, sign)
        for process in _members(session):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, sign)
        end = time.monotonic() + patience
        while time.monotonic() < end and (server.poll() is None or _members(session)):
            time.sleep(0.05)
    server.wait()


def _members(session: int) -> list[int]:
    """Living processes of a session, whatever their group; only Linux can say."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, _parent, _group, belongs = stat.read_text().rpartition(")")[2].split()[:4]
            if int(belongs) == session and state != "Z":
                found.append(int(stat.parent.name))
    return found


def chromium() -> str | None:
    """Where Chromium is: $CHROMIUM, or a program of the usual names; None where there is none. The one without windows
    comes first: it draws a page for a third of the work."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    names = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for path in map(shutil.which, names) if path), None)


@contextlib.contextmanager
def launch_browser() -> Iterator[Browser]:
    """The system's Chromium, driven by Playwright; Playwright's own browser is never downloaded."""
    from playwright.sync_api import sync_playwright

    path = chromium()
    if path is None:
        raise RuntimeError("There is no Chromium here: install it (apt install chromium) or name it in $CHROMIUM.")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


def record_errors(context: BrowserContext) -> list[str]:
    """A list that fills with faults: console errors, uncaught exceptions, requests to other machines."""
    faults: list[str] = []

    def outside(address: str) -> None:
        parts = urlsplit(address)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in (
            "localhost",
            "127.0.0.1",
        ):
            faults.append(f"request to another machine: {address}")

    def console(message: Any) -> None:
        where = message.location.get("url", "")
        path = urlsplit(where).path
        if message.type == "error" and not (path.endswith(PROBES) and path not in PROBES):
            faults.append(f"console: {message.text} ({where})")

    context.on("request", lambda request: outside(request.url))
    context.on("console", console)
    context.on("weberror", lambda error: faults.append(f"uncaught: {error.error}"))
    context.on("page", lambda page: page.on("websocket", lambda socket: outside(socket.url)))
    return faults


def wait_until_idle(page: Page, timeout: float = 60) -> None:
    """Returns when the page has nothing left to do; raises Playwright's TimeoutError after `timeout` seconds."""
    page.wait_for_function(IS_IDLE, timeout=timeout * 1000, polling=50)


def expand_viewport(page: Page, max_height: int = 12_000) -> None:
    """Makes the window as tall as the page: Streamlit scrolls inside a container, cut in an image."""
    for _ in range(3):  # what is taller may lay itself out anew
        size = page.viewport_size
        height = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollHeight")
        if size is None or size["height"] >= min(height, max_height):
            return
        page.set_viewport_size({"width": size["width"], "height": min(height, max_height)})
        wait_until_idle(page)
