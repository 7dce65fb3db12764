"""The manifold in a real browser: sharp pixels in one place, and an image that is chosen by a click or by keys."""

from __future__ import annotations

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from tests.browser.hands import drawn, painted, spot
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUN = "vae-mnist-2d-8d676f8e"  # of the gallery: 28 x 28


@pytest.fixture
def open_page(lab, browser_page):
    def go(page=browser_page, **more: str):
        query = "".join(f"&{name}={value}" for name, value in more.items())
        page.goto(f"{lab}/manifold?run={RUN}{query}")
        wait_until_idle(page)
        expect(stage(page)).to_have_attribute("aria-label", re.compile("15 x 15 images decoded .* Chosen: z1"))
        return page

    return go


def stage(page):
    return page.locator(".manifold .stage")


def code(page) -> list[float]:
    return [float(number) for number in page.get_by_test_id("stCode").inner_text().split(",")]


@pytest.mark.slow
def test_a_click_shows_the_code_and_the_explorer_opens_there(open_page):
    page = open_page()
    middle = code(page)
    stage(page).click(position={"x": 420 * 12.5 / 15, "y": 420 * 2.5 / 15})
    page.wait_for_url(re.compile("at="))
    wait_until_idle(page)
    x, y = code(page)
    assert x > middle[0] + 1 and y > middle[1] + 1, "right is right, and up is up"
    expect(stage(page)).to_have_attribute("aria-label", re.compile(f"Chosen: z1 {x:.2f}, z2 {y:.2f}"))
    page.get_by_role("link", name="Open in the latent explorer").click()
    page.wait_for_url(re.compile("latent_explorer.*at="))


@pytest.mark.slow
def test_keys_choose_too_and_say_what(open_page):
    page = open_page()
    x, y = code(page)
    stage(page).focus()
    for key in ("ArrowRight", "ArrowRight", "ArrowDown"):
        page.keyboard.press(key)
    page.wait_for_url(re.compile("at="))
    wait_until_idle(page)
    assert code(page)[0] > x and code(page)[1] < y
    expect(page.locator(".manifold .live-region")).to_have_text(re.compile("z1 .*, z2 "))


@pytest.mark.slow
def test_the_grid_is_whole_in_a_small_window_and_each_pixel_is_as_large_as_the_next(open_page):
    page = open_page()
    page.set_viewport_size({"width": 1280, "height": 720})
    painted(page)
    stage(page).scroll_into_view_if_needed()
    box = stage(page).locator(".grid").bounding_box()
    assert (box["width"], box["height"]) == (420, 420), "15 images of 28 pixels, each one on the screen"
    assert box["y"] >= 0 and box["y"] + box["height"] <= 720
    with page.expect_download() as saved:
        page.get_by_role("button", name="Save PNG").click()
    file = np.asarray(Image.open(saved.value.path()).convert("L"))
    shown = Image.open(io.BytesIO(base64.b64decode(drawn(page, ".manifold .grid").partition(",")[2])))
    assert file.shape == (840, 840)
    assert np.abs(file[::2, ::2].astype(int) - np.asarray(shown.convert("L"))).max() <= 1


@pytest.mark.slow
def test_it_fits_on_a_phone(open_page, phone):
    page = open_page(phone)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    box = stage(page).bounding_box()
    assert box["x"] >= 0 and box["x"] + box["width"] <= 400
    before = code(page)
    page.touchscreen.tap(*spot(stage(page), 0.9, 0.9))
    page.wait_for_url(re.compile("at="))
    wait_until_idle(page)
    assert code(page) != before
