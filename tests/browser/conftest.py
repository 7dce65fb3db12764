"""One laboratory and one Chromium for all browser tests of a process; each gets a page that must end without a fault.

Two contexts, a desk's and a phone's, keep what they have loaded and compiled from test to test: a page then costs half
of what it costs one that has never been there. What a visitor leaves behind (cookies, storage) goes with the test.
"""

import contextlib
from pathlib import Path

import pytest

from tests.kit.chrome import need_chromium
from tests.kit.trained_runs import furnished
from tools.browser import record_errors, start_server
from tools.shots import VARIANTS


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def shelf(tmp_path_factory):
    """The runs folder of the laboratory that the browser tests share."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="session")
def server(shelf):
    """The address of that laboratory."""
    need_chromium()
    with start_server(env={"AECORE_RUNS": str(shelf)}) as address:
        yield address


@pytest.fixture(scope="session")
def lab(server):
    """The address of the laboratory that a file looks at: this one, unless it has its own."""
    return server


@pytest.fixture(scope="session")
def furnish(shelf):
    """Trains runs of these settings in it, those that are not there yet; gives their ids."""
    return lambda wanted: furnished(shelf, wanted)


def _visitor(browser, **look):
    """A context for test after test, and the faults of its pages as they come."""
    context = browser.new_context(**look)
    return context, record_errors(context)


@pytest.fixture(scope="session")
def desk(browser):
    return _visitor(browser, viewport={"width": 1280, "height": 900})


@pytest.fixture(scope="session")
def pocket(browser):
    return _visitor(browser, **VARIANTS["400"])


@contextlib.contextmanager
def _faultless(visitor):
    """A new page; console errors and requests that leave the machine fail the test at its end."""
    context, faults = visitor
    before, known = list(context.pages), len(faults)
    page = context.new_page()
    yield page
    if page.url.startswith("http"):
        page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
    for each in context.pages:
        if each not in before:
            each.close()
    context.clear_cookies()
    assert not faults[known:]


@pytest.fixture
def browser_page(desk):
    """A page on a desk, without faults."""
    with _faultless(desk) as page:
        yield page


@pytest.fixture
def phone(pocket):
    """A page on a narrow touch screen, without faults."""
    with _faultless(pocket) as page:
        yield page


@pytest.fixture
def look(request, desk, pocket):
    """A page in one of LOOKS, without faults: `@pytest.mark.parametrize("look", LOOKS, indirect=True)`."""
    asked = VARIANTS[request.param]
    with _faultless(pocket if asked.get("has_touch") else desk) as page:
        page.set_viewport_size(asked["viewport"])
        page.emulate_media(color_scheme=asked["color_scheme"])
        yield page


@pytest.fixture
def sent(browser_page):
    """What goes to the server by the page's websockets, as it goes."""
    frames: list[object] = []
    browser_page.on("websocket", lambda socket: socket.on("framesent", lambda frame: frames.append(frame)))
    return frames
