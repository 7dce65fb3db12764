"""The gallery in a real browser: a model is chosen by its image, and one slides through beta."""

from __future__ import annotations

import re

import pytest

from aecore.content.gallery import PRETRAINED_MODELS
from tools.browser import wait_until_idle
from tools.shots import default_run

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=30_000)  # ms


def test_a_model_is_chosen_by_its_picture(server, browser_page):
    page = browser_page
    page.goto(f"{server}/reconstruct?run={default_run()}")
    wait_until_idle(page)
    page.get_by_role("button", name="Browse models").click()
    dialog = page.get_by_role("dialog")
    expect(
        dialog.get_by_role("img").nth(len(PRETRAINED_MODELS) - 1)
    ).to_be_visible()  # and those that other tests have trained
    wait_until_idle(page)
    dialog.get_by_role("button", name="VQ-VAE", exact=True).click()
    page.wait_for_url(re.compile("run=vq-vae-mnist"))
    expect(dialog).to_have_count(0)
    expect(page.get_by_test_id("stMain").get_by_text("is not on this computer")).to_be_visible()


def test_every_exhibit_has_a_card_and_beta_slides(server, phone):
    page = phone
    page.goto(f"{server}/gallery")
    wait_until_idle(page)
    main = page.get_by_test_id("stMain")
    for exhibit in PRETRAINED_MODELS.values():
        expect(main.get_by_role("heading", name=exhibit.title, exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    main.get_by_role("button", name="Model card").first.click()
    expect(page.get_by_text("SHA-256").first).to_be_visible()
    page.keyboard.press("Escape")
    redrawn = main.get_by_role("img", name=re.compile("^Reconstructions"))
    before = redrawn.first.get_attribute("src")
    slider = main.get_by_role("slider", name="beta")
    slider.focus()
    page.keyboard.press("End")
    expect(redrawn.first).not_to_have_attribute("src", before)
