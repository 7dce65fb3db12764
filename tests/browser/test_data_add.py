"""Adding data in a browser: a file goes to the disk as it is sent, is looked at, kept, and trained on."""

from __future__ import annotations

import re
from collections.abc import Callable

import numpy as np
import pytest

from tests.kit.chrome import need_chromium
from tests.kit.own_files import picture, zip_bytes
from tools.browser import start_server, wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a laboratory below a path, where people's data are its own."""
    need_chromium()
    place = tmp_path_factory.mktemp("data-add")
    told = {"AECORE_DATA": str(place / "data"), "AECORE_RUNS": str(place / "runs")}
    with start_server(env=told, base="lab") as address:
        yield address


def send(page, name: str, content: bytes) -> None:
    chosen = {"name": name, "mimeType": "application/octet-stream", "buffer": content}
    page.locator(".file-drop input:enabled").set_input_files(chosen)


WOODS = zip_bytes((f"{'moss' if at % 2 else 'fern'}/{at}.png", picture(at, (16, 16), gray=True)) for at in range(24))


def table() -> bytes:
    numbers = np.random.default_rng(1).normal(size=(40, 3))
    return ("a,b,c\n" + "\n".join(",".join(f"{each:.3f}" for each in row) for row in numbers)).encode()


def upload_throttle(page) -> Callable[[int], None]:
    """A function that lets the page send so many bytes a second; -1: as many as it can."""
    network = page.context.new_cdp_session(page)

    def throttle(rate: int) -> None:
        said = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": rate}
        network.send("Network.emulateNetworkConditions", said)

    return throttle


def open_page(page, lab: str) -> None:
    page.goto(f"{lab}/data?data-kind=own")
    wait_until_idle(page)


@pytest.mark.parametrize(
    ("name", "content", "what"), [("woods.zip", WOODS, "24 images"), ("three numbers.csv", table(), "40 rows")]
)
def test_a_file_becomes_a_data_set_that_train_begins_with(name, content, what, lab, browser_page):
    page, title = browser_page, name.rpartition(".")[0]
    open_page(page, lab)
    send(page, name, content)
    expect(page.get_by_text(what, exact=True)).to_be_visible()
    page.get_by_role("button", name="Add to this server").click()
    expect(page.get_by_text(f"{title} is on this server now")).to_be_visible()
    wait_until_idle(page)
    expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()
    page.get_by_role("button", name="Train on it").click()
    expect(page.get_by_test_id("stMain").get_by_role("combobox", name="Data set")).to_have_value(re.compile(title))
    assert "dataset=own-" in page.url


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("letter.docx", b"x", "letter.docx is none of"),
        ("nothing.csv", b"", "nothing.csv is empty"),
    ],
)
def test_what_is_no_data_is_not_even_sent(name, content, sentence, lab, browser_page):
    open_page(browser_page, lab)
    asked = []
    browser_page.on("request", lambda request: asked.append(request.url) if request.method == "PUT" else None)
    send(browser_page, name, content)
    expect(browser_page.locator(".file-drop .note")).to_contain_text(sentence)
    assert not asked


def test_a_file_is_dropped_by_the_mouse(lab, browser_page):
    open_page(browser_page, lab)
    browser_page.locator(".file-drop .zone").evaluate(
        """(zone, text) => {
          const files = new DataTransfer();
          files.items.add(new File([text], 'dropped.csv'));
          zone.dispatchEvent(new DragEvent('drop', { dataTransfer: files, bubbles: true, cancelable: true }));
        }""",
        table().decode(),
    )
    expect(browser_page.get_by_role("heading", name="dropped.csv")).to_be_visible()
    expect(browser_page.get_by_text("40 rows", exact=True)).to_be_visible()


def test_a_cancelled_file_leaves_nothing(lab, browser_page):
    page = browser_page
    open_page(page, lab)
    throttle = upload_throttle(page)
    throttle(200_000)
    send(page, "long.csv", b"a,b\n" + b"1,2\n" * 500_000)  # 2 MB: ten seconds
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    page.get_by_role("button", name="Cancel").click()
    expect(page.locator(".file-drop .note")).to_have_text("Cancelled: nothing was kept.")
    throttle(-1)
    send(page, "three.csv", table())
    expect(page.get_by_text("40 rows", exact=True)).to_be_visible()


def test_a_file_goes_on_arriving_while_another_page_is_looked_at(lab, browser_page):
    page = browser_page
    open_page(page, lab)
    throttle = upload_throttle(page)
    throttle(200_000)
    send(page, "long.csv", b"a,b\n" + b"1,2\n" * 100_000 + table())  # 400 kB: two seconds
    expect(page.get_by_role("progressbar", name="Upload")).to_be_visible()
    with page.expect_response(lambda response: response.request.method == "PUT", timeout=60_000) as answer:
        page.get_by_test_id("stSidebar").get_by_role("link", name="Runs", exact=True).click()
    assert answer.value.status == 200
    throttle(-1)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Runs")
    page.get_by_test_id("stSidebar").get_by_role("link", name="Data", exact=True).click()
    expect(page.get_by_role("heading", name="long.csv")).to_be_visible()
