"""The steps of the lab by keyboard and on a phone: what its instructions name is typed, found and taken home."""

from __future__ import annotations

import csv
import io
import re

import pytest
from PIL import Image

from tests.kit.cases import few
from tools.browser import wait_until_idle
from tools.shots import default_run

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUN = default_run()
LEAST = 24  # pixels, of what is to be hit by a finger (WCAG 2.2, 2.5.8)


def go(page, server: str, path: str):
    page.goto(f"{server}/{path}")
    wait_until_idle(page)
    return page.get_by_test_id("stMain")


@pytest.fixture
def form(server, phone):
    """The form of a sparse autoencoder on a phone."""
    return go(phone, server, "train?family=sparse")


def typed(page, field, text: str) -> str:
    field.fill(text)
    field.press("Enter")
    wait_until_idle(page)
    return field.input_value()


def test_a_latent_size_of_ten_and_a_sparsity_of_a_hundred_thousandth_are_typed(form, phone):
    size, sparsity = (form.get_by_role("spinbutton", name=name) for name in ("Latent dimension", "L1 weight"))
    assert typed(phone, size, "10") == "10"
    assert float(typed(phone, sparsity, "1e-5")) == 1e-5
    assert float(typed(phone, sparsity, "0")) == 0
    expect(sparsity).to_have_attribute("step", "0.000001")
    sparsity.press("ArrowUp")
    expect(sparsity).to_have_value("0.000001")
    expect(form.get_by_test_id("stAlertContentError")).to_have_count(0)


@pytest.mark.slow
def test_a_double_press_does_not_end_at_zero(form, phone):
    sparsity = form.get_by_role("spinbutton", name="L1 weight")
    assert float(typed(phone, sparsity, "0.1")) == 0.1
    for _ in range(2):
        sparsity.press("ArrowDown")
    wait_until_idle(phone)
    assert 0.01 <= float(sparsity.input_value()) < 0.1


@pytest.mark.parametrize("device", few(["browser_page", "phone"], "phone"))
def test_the_next_picture_of_a_class_is_found_by_keyboard(device, server, request):
    page = request.getfixturevalue(device)
    main = go(page, server, f"interpolate?run={RUN}")
    number, name = main.get_by_role("spinbutton").first, main.get_by_role("combobox", name="Class").first
    name.click()
    page.get_by_role("option", name="7", exact=True).click()
    expect(main.get_by_text(re.compile(r"^7, test image \d+$")).first).to_be_visible()
    page.wait_for_url(re.compile(r"[?&]from=\d"))
    wait_until_idle(page)
    before = number.input_value()
    assert re.search(rf"[?&]from={before}(&|$)", page.url)
    number.focus()
    for _ in range(10):  # its two steps, the class, Previous
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText").split("\n")[-1] == "Next":
            break
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => !/[?&]from={before}(&|$)/.test(location.search)")
    wait_until_idle(page)
    assert int(number.input_value()) > int(before) and name.input_value() == "7"
    for button in main.get_by_role("button", name=re.compile("Previous|Next")).all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= LEAST
    assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]


@pytest.mark.slow
def test_the_grid_over_minus_three_to_three_is_a_picture_to_keep(server, browser_page):
    main = go(browser_page, server, f"manifold?run={RUN}")
    main.get_by_role("radio", name="[−3, 3]").click()
    browser_page.wait_for_url("**range=fixed*")
    expect(main.get_by_role("spinbutton", name="Limit")).to_have_value("3")
    wait_until_idle(browser_page)
    with browser_page.expect_download() as download:
        main.get_by_role("button", name="Save PNG").click()
    assert download.value.suggested_filename == f"{RUN}-manifold.png"
    picture = Image.open(io.BytesIO(download.value.path().read_bytes()))
    assert picture.size[0] == picture.size[1] >= 640
    browser_page.reload()
    wait_until_idle(browser_page)
    expect(main.get_by_role("radio", name="[−3, 3]")).to_be_checked()


@pytest.mark.slow
def test_the_losses_are_a_file_to_keep(server, browser_page):
    main = go(browser_page, server, f"train?run={RUN}")
    with browser_page.expect_download() as download:
        main.get_by_role("button", name="CSV").click()
    assert download.value.suggested_filename == f"{RUN}.csv"
    lines = list(csv.DictReader(io.StringIO(download.value.path().read_text())))
    assert len(lines) > 10 and float(lines[-1]["validation_total"]) > float(lines[-1]["validation_kl"]) > 0
