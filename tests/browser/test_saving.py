"""Charts and models as files, saved by a browser and opened by what opens them."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from PIL import Image

from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
RUN = "vae-digits-2d-d6787ae0"
SVG = "{http://www.w3.org/2000/svg}"
LONG = 60_000  # ms


def saved(page, button):
    """The file that a button gives."""
    with page.expect_download(timeout=LONG) as download:
        button.click()
    return download.value


@pytest.mark.slow
def test_a_chart_is_saved_as_it_is_drawn(lab, browser_page):
    browser_page.goto(f"{lab}/reconstruct?run={RUN}")
    wait_until_idle(browser_page)
    main = browser_page.get_by_test_id("stMain")
    file = saved(browser_page, main.get_by_role("button", name="Save this chart as SVG"))
    assert file.suggested_filename == f"{RUN}-chart.svg"
    root = ElementTree.parse(file.path()).getroot()
    texts = [each.text for each in root.iter(f"{SVG}text")]
    assert {*"0123456789", "MSE per class"} <= set(texts), "ticks and titles"
    assert len([each for each in root.iter(f"{SVG}g") if each.get("class") == "point"]) == 10, "a bar for each class"
    assert "http" not in re.sub(r"http://www\.w3\.org/[\w/]*", "", file.path().read_text()), "nothing is referred to"
    with Image.open(saved(browser_page, main.get_by_role("button", name="Save this chart as PNG")).path()) as image:
        assert image.format == "PNG" and image.width >= 1600
        assert len(image.convert("RGB").getcolors(1 << 24)) > 20, "something is drawn"
    with Image.open(saved(browser_page, main.get_by_role("button", name="PNG", exact=True)).path()) as image:
        assert image.width >= 640 and image.width % 89 == 0, "ten images of eight pixels, and nine gaps"


@pytest.mark.slow
def test_the_page_of_a_model_opens_from_the_file_that_is_saved(lab, browser_page, tmp_path):
    browser_page.goto(f"{lab}/model_inspector?run={RUN}")
    wait_until_idle(browser_page)
    browser_page.get_by_role("button", name="Download").click()
    browser_page.get_by_role("radio", name="Offline page").click()
    expect(browser_page.get_by_text("aecore.decode([0, 0])")).to_be_visible(timeout=LONG)
    file = saved(browser_page, browser_page.get_by_role("button", name="Save", exact=True))
    file.save_as(tmp_path / file.suggested_filename)
    browser_page.goto((tmp_path / f"{RUN}.html").as_uri())
    browser_page.wait_for_function("globalThis.aecore")
    assert browser_page.evaluate("[...aecore.decode([0, 0])].length") == 64
