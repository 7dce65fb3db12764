"""One laboratory and one Chromium for all browser tests; each gets a page that must end without a fault."""

import contextlib
import os
from pathlib import Path

import pytest

from tools.browser import chromium, launch_browser, start_server, watch
from tools.shots import LOOKS


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


def _need_chromium():
    if chromium():
        return
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail("CI must run the browser tests, and there is no Chromium here.")
    pytest.skip("no Chromium here: install it (apt install chromium) or name it in $CHROMIUM")


@pytest.fixture(scope="session")
def server():
    """The address of a laboratory of its own."""
    _need_chromium()
    with start_server() as address:
        yield address


@pytest.fixture(scope="module")
def lab(trained, browser):
    """The address of a laboratory with the runs that a file has `trained`: their folder, and what it calls them."""
    with start_server(env={"AECORE_RUNS": str(trained[0])}) as address:
        yield address


@pytest.fixture(scope="session")
def browser():
    _need_chromium()
    with launch_browser() as chrome:
        yield chrome


@contextlib.contextmanager
def _faultless(browser, **look):
    """A fresh page; console errors and requests that leave the machine fail the test at its end."""
    context = browser.new_context(**look)
    faults = watch(context)
    yield context.new_page()
    context.close()
    assert not faults


@pytest.fixture
def browser_page(browser):
    """A fresh page on a desk, without faults."""
    with _faultless(browser, viewport={"width": 1280, "height": 900}) as page:
        yield page


@pytest.fixture
def phone(browser):
    """A fresh page on a narrow touch screen, without faults."""
    with _faultless(browser, **LOOKS["400"]) as page:
        yield page


@pytest.fixture
def sent(browser_page):
    """What goes to the server by the page's websockets, as it goes."""
    frames: list[object] = []
    browser_page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(frame)))
    return frames
