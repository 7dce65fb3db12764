"""Choosing an image in a real browser: by thumbnail, by keys, by a drawing; each is a step that Back undoes."""

from __future__ import annotations

import re

import pytest

from tests.browser.hands import drag
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUN = {"2-D": {"family": "vae", "latent_dim": 2, "epochs": 20}}


@pytest.fixture(scope="module")
def run(furnish):
    return furnish(RUN)["2-D"]


def test_a_thumbnail_is_chosen_by_a_click_and_by_keys_and_back_undoes_it(lab, browser_page, run):
    page = browser_page
    page.goto(f"{lab}/interpolate?run={run}&from=5")
    wait_until_idle(page)
    grid = page.locator(".image-picker .grid").first
    images = grid.get_by_role("radio")
    expect(images.nth(3)).to_be_visible()
    box = images.first.bounding_box()
    assert min(box["width"], box["height"]) >= 24
    third, fourth = (re.search(r"test image (\d+)", images.nth(at).get_attribute("aria-label"))[1] for at in (2, 3))
    images.nth(2).click()
    expect(page).to_have_url(re.compile(rf"from={third}\b"))
    expect(page.get_by_label("Test image index").first).to_have_value(third)
    wait_until_idle(page)
    page.keyboard.press("ArrowRight")
    expect(page).to_have_url(re.compile(rf"from={fourth}\b"))
    expect(images.nth(3)).to_be_focused()
    page.go_back()
    expect(page).to_have_url(re.compile(rf"from={third}\b"))
    expect(images.nth(2)).to_have_attribute("aria-checked", "true")


def test_a_view_says_that_it_is_loading_until_it_listens(lab, browser_page, run):
    page, held = browser_page, []
    page.route(re.compile(r"/views/sketch/sketch\.js"), lambda route: held.append(route))
    page.goto(f"{lab}/denoise?run={run}&image-kind=drawing")
    sign = page.locator(".loading:has(+ .sketch)")
    expect(sign).to_be_visible()
    for request in held:
        request.continue_()
    expect(sign).to_be_hidden()
    wait_until_idle(page)


def test_a_drawing_is_denoised(lab, browser_page, run):
    page = browser_page
    page.goto(f"{lab}/denoise?run={run}&image-kind=drawing")
    wait_until_idle(page)
    sheet = page.locator("canvas.drawing-pad")
    expect(sheet).to_be_visible()
    expect(page.get_by_text("Draw or upload an image to begin.")).to_be_visible()
    drag(page, sheet, (0.3, 0.2), (0.7, 0.2), (0.4, 0.8))
    expect(page.get_by_text("Draw or upload an image to begin.")).to_be_hidden()
    expect(page.get_by_text("Corrupted input").first).to_be_visible()
