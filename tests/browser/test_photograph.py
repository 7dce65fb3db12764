"""The Photograph page in a browser: an image of one's own is cleaned; mouse, fingers and keys move the edge."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from tests.browser.hands import painted, spot, touch
from tests.kit.cases import few
from tools.browser import expand_viewport, wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
COLOUR = """([selector, x, y]) => {
  const image = document.querySelector('[data-testid="stBidiComponentIsolated"]').shadowRoot.querySelector(selector);
  const size = { width: image.naturalWidth, height: image.naturalHeight };
  const canvas = Object.assign(document.createElement('canvas'), size);
  const pen = canvas.getContext('2d');
  pen.drawImage(image, 0, 0);
  return [...pen.getImageData(x, y, 1, 1).data.slice(0, 3)];
}"""


def grainy() -> np.ndarray:
    """A small gray-blue image with noise, uint8 [48, 64, 3]."""
    noise = np.random.default_rng(0).normal(0, 25, (48, 64, 3))
    return (np.array([90, 120, 150]) + noise).clip(0, 255).astype(np.uint8)


def png(pixels: np.ndarray) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


@pytest.fixture
def open_page(server, browser_page):
    def go(page=browser_page, **asked: str):
        page.goto(f"{server}/denoise_photo?" + "&".join(f"{name}={value}" for name, value in asked.items()))
        wait_until_idle(page)
        return page

    return go


def upload(page, content: bytes, name: str = "mine.png") -> None:
    page.locator('input[type="file"]').set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def edge(page):
    return page.get_by_role("slider", name="Edge between before and after")


def share(page) -> float:
    """How much of the stage shows the image before, as it is drawn."""
    return page.locator(".stage").evaluate(
        "stage => parseFloat(getComputedStyle(stage).getPropertyValue('--at')) / 100"
    )


def test_one_s_own_photograph_is_cleaned_at_its_own_size(open_page):
    page, pixels = open_page(photo="upload"), grainy()
    expect(page.get_by_text("Upload a photograph to begin")).to_be_visible()
    upload(page, png(pixels))
    expect(edge(page)).to_be_visible()
    wait_until_idle(page)
    expect(page.get_by_text("64 x 48 pixels")).to_be_visible()
    for x, y in ((0, 0), (63, 47), (20, 30)):
        assert page.evaluate(COLOUR, [".before img", x, y]) == pixels[y, x].tolist(), "not a pixel is touched before"
    expect(page.get_by_role("img", name="After: what the network left of it")).to_be_attached()
    with page.expect_download() as download:
        page.get_by_role("button", name="PNG", exact=True).click()
    with Image.open(download.value.path()) as image:
        cleaned = np.asarray(image)
    assert cleaned.shape == pixels.shape and cleaned.std(axis=(0, 1)).mean() < 0.6 * pixels.std(axis=(0, 1)).mean()
    assert page.evaluate(COLOUR, ["img.after", 20, 30]) == cleaned[30, 20].tolist()


def test_the_edge_follows_the_mouse_and_nobody_is_asked(open_page, sent):
    page = open_page()
    page.wait_for_timeout(300)
    sent.clear()
    stage = page.locator(".stage")
    for start, end in ((0.5, 0.2), (0.2, 0.9)):
        page.mouse.move(*spot(stage, start, 0.3))
        page.mouse.down()
        page.mouse.move(*spot(stage, end, 0.6), steps=5)
        painted(page)
        assert share(page) == pytest.approx(end, abs=0.01)
        page.mouse.up()
    page.mouse.click(*spot(stage, 0.35, 0.8))
    assert share(page) == pytest.approx(0.35, abs=0.01), "a click puts it there"
    assert not sent


@pytest.mark.slow
def test_the_edge_follows_a_finger(open_page, phone):
    page = open_page(phone)
    stage = page.locator(".stage")
    stage.scroll_into_view_if_needed()
    touch(page, stage, "touchStart", (0.5, 0.5))
    for across in (0.45, 0.4, 0.3):
        touch(page, stage, "touchMove", (across, 0.5))
    touch(page, stage, "touchEnd")
    assert share(page) == pytest.approx(0.3, abs=0.02)
    box = stage.bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 400, "all of it is on the screen"


def test_keys_move_the_edge_and_say_where_it_is(open_page):
    page = open_page()
    slider = edge(page)
    slider.focus()
    for key, value, words in (("Home", 0, "0 % Before, 100 % After"), ("End", 1, "100 % Before, 0 % After")):
        page.keyboard.press(key)
        assert share(page) == value
        expect(slider).to_have_attribute("aria-valuetext", words)
    page.keyboard.press("ArrowLeft")
    assert 0.9 < share(page) < 1
    outline = page.locator(".stage").evaluate("stage => getComputedStyle(stage).outlineStyle")
    assert outline == "solid", "the focus is seen"


@pytest.mark.slow
def test_another_noise_arrives_in_the_view(open_page):
    page = open_page()
    before = page.evaluate(COLOUR, [".before img", 200, 100])
    page.get_by_test_id("stMain").get_by_role("radio", name="None").click()
    expect(page.get_by_text("RMS change", exact=True)).to_be_visible()
    wait_until_idle(page)
    assert page.evaluate(COLOUR, [".before img", 200, 100]) != before


@pytest.mark.parametrize("content", [b"hello", png(grainy())[:600]], ids=["no image", "cut short"])
def test_a_damaged_upload_is_said(content, open_page):
    page = open_page(photo="upload")
    upload(page, content)
    expect(page.get_by_test_id("stAlertContentError")).to_be_visible()
    expect(edge(page)).to_have_count(0)


@pytest.mark.parametrize("look", few(["light", "dark"], "dark"), indirect=True)
def test_axe_finds_nothing_serious(look, server):
    axe, page = pytest.importorskip("axe_playwright_python.base"), look
    page.goto(f"{server}/denoise_photo")
    wait_until_idle(page)
    expand_viewport(page)
    page.evaluate(axe.AXE_SCRIPT)
    told = page.evaluate("axe.run({ include: ['[data-testid=\"stMain\"]'] })")
    assert len(told["passes"]) > 5
    found = [(each["id"], node["html"]) for each in told["violations"] for node in each["nodes"]
             if each["impact"] in ("serious", "critical")]  # fmt: skip
    assert not found
