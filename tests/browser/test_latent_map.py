"""The latent map in a real browser: what moves, what is said, what is chosen, and what the server hears of it."""

from __future__ import annotations

import re

import pytest

from tests.browser.hands import drag, drawn, painted, spot, touch
from tests.kit.cases import few
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUNS = {  # what is trained to look at
    "2-D": {"family": "vae", "latent_dim": 2, "epochs": 12},
    "1-D": {"family": "vanilla", "latent_dim": 1, "epochs": 2},
    "8-D": {"family": "vae", "latent_dim": 8, "epochs": 2},
}
INK = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let found = 0;
  for (let at = 3; at < data.length; at += 4) found += data[at] > 0;
  return found;
}"""


@pytest.fixture(scope="module")
def trained(furnish):
    """The ids of RUNS."""
    return furnish(RUNS)


@pytest.fixture
def open_page(lab, browser_page, trained, sent):
    def go(kind: str = "2-D", page=browser_page, more: str = ""):
        page.goto(f"{lab}/latent_map?run={trained[kind]}{more}")
        wait_until_idle(page)
        expect(dots(page)).to_have_attribute("aria-label", re.compile("images"))
        wait_until_idle(page)
        return page

    return go


def stage(page):
    return page.locator(".stage[tabindex]")


def dots(page):
    return page.locator("canvas.points")


def originals(page):
    return page.locator('[data-testid="stHtml"] img[alt^="Original"]')


def found(page) -> str:
    painted(page)
    return page.locator(".description").inner_text()


def ink(page) -> int:
    """Pixels that are not empty."""
    painted(page)
    return dots(page).evaluate(INK)


def rests(page) -> None:
    """A zoom is done slowly."""
    page.wait_for_timeout(700)
    painted(page)


def scrolled(page) -> float:
    return page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop")


NAMED = re.compile(r"\d, (test|training|validation) image \d+$")


# Mouse


def test_the_map_says_what_it_is(open_page):
    page = open_page()
    expect(dots(page)).to_have_attribute(
        "aria-label", re.compile(r"^Raw latent space of 359 images, coloured by class \(0: \d+, 1: ")
    )
    page.get_by_text("Training and validation", exact=True).click()
    expect(dots(page)).to_have_attribute("aria-label", re.compile(r"of 1,438 images"))


def test_moving_over_it_tells_class_and_row_and_draws_the_reconstruction(open_page, sent):
    page = open_page()
    sent.clear()
    seen, pictures = set(), set()
    for step in range(6):
        page.mouse.move(*spot(stage(page), 0.25 + 0.1 * step, 0.5))
        seen.add(found(page))
        pictures.add(drawn(page, "canvas.image"))
    assert all(NAMED.match(words) for words in seen) and len(seen) > 3 and len(pictures) > 3
    assert not sent
    page.mouse.move(2, 2)
    assert "Point at the map" in found(page)


def test_a_drag_moves_the_map_and_chooses_nothing(open_page, sent):
    page = open_page()
    page.get_by_role("button", name="Closer").click()
    rests(page)
    before = drawn(page, "canvas.points")
    sent.clear()
    drag(page, stage(page), (0.5, 0.5), (0.6, 0.4), release=False)
    painted(page)
    assert drawn(page, "canvas.points") != before and not sent
    page.mouse.up()
    page.wait_for_function("() => location.search.includes('centre=')")
    assert all(len(frame) < 5000 for frame in sent), "where one looks, not points"
    expect(originals(page)).to_have_count(0)
    page.get_by_role("button", name="Whole map").click()
    rests(page)
    whole = drawn(page, "canvas.points")
    page.get_by_role("button", name="Further away").click()
    rests(page)
    assert drawn(page, "canvas.points") != whole


def test_a_click_shows_the_picture(open_page, sent):
    page = open_page()
    page.mouse.move(*spot(stage(page), 0.4, 0.5))
    words = found(page)
    sent.clear()
    page.mouse.click(*spot(stage(page), 0.4, 0.5))
    expect(originals(page)).to_have_count(1)
    expect(originals(page)).to_have_attribute("alt", f"Original: {words}")
    assert sent and all(len(frame) < 5000 for frame in sent), "a row, not points"


def test_a_lasso_shows_pictures_and_sends_its_corners_only(open_page, sent):
    page = open_page()
    page.get_by_role("button", name="Lasso").click()
    sent.clear()
    drag(page, stage(page), (0.2, 0.2), (0.8, 0.2), (0.8, 0.8), (0.2, 0.8), release=False)
    assert not sent
    page.mouse.up()
    expect(originals(page)).to_have_count(16)
    expect(page.get_by_text(re.compile(r"[\d,]+ of 359 images \(\d: \d+"))).to_be_visible()
    assert all(len(frame) < 10_000 for frame in sent)
    page.get_by_role("button", name="Lasso").click()
    expect(originals(page)).to_have_count(0)


@pytest.mark.slow
def test_the_legend_hides_and_shows_classes(open_page):
    page = open_page()
    full = ink(page)
    three = page.locator(".legend button").nth(3)
    three.click()
    expect(three).to_have_attribute("aria-pressed", "false")
    fewer = ink(page)
    assert fewer < full
    three.focus()
    page.keyboard.press("Enter")
    expect(three).to_have_attribute("aria-pressed", "true")
    assert ink(page) == full
    page.get_by_role("button", name="Hide all").click()
    assert ink(page) < fewer
    page.mouse.move(*spot(stage(page), 0.5, 0.5))
    assert "hidden" in found(page)
    three.click()
    page.mouse.move(*spot(stage(page), 0.4, 0.4))
    assert found(page).startswith("3, ")
    page.get_by_role("button", name="Show all").click()
    page.mouse.move(2, 2)
    assert ink(page) == full


@pytest.mark.slow
def test_hidden_classes_are_not_lassoed(open_page):
    page = open_page()
    page.get_by_role("button", name="Hide all").click()
    page.locator(".legend button").nth(3).click()
    page.get_by_role("button", name="Lasso").click()
    drag(page, stage(page), (0.02, 0.02), (0.98, 0.02), (0.98, 0.98), (0.02, 0.98))
    expect(page.get_by_text(re.compile(r"[\d,]+ of 359 images \(3: \d+\)"))).to_be_visible()
    page.locator(".legend button").nth(5).click()
    expect(page.get_by_text(re.compile(r"of 359 images \(.*5: \d+"))).to_be_visible()


@pytest.mark.slow
def test_a_density_can_be_drawn_instead(open_page):
    page = open_page()
    before = drawn(page, "canvas.points")
    page.get_by_role("radio", name="density").check()
    painted(page)
    assert drawn(page, "canvas.points") != before


# The wheel


@pytest.mark.slow
@pytest.mark.parametrize("name", few(["latent_map", "latent_explorer"], "latent_map"))
def test_a_wheel_scrolls_the_page_until_the_map_was_clicked(open_page, lab, trained, name):
    page = open_page()
    if name == "latent_explorer":
        page.goto(f"{lab}/{name}?run={trained['2-D']}")
        wait_until_idle(page)
    page.set_viewport_size({"width": 1280, "height": 600})
    canvas = f"canvas.{'points' if name == 'latent_map' else 'map'}"
    page.mouse.move(*spot(stage(page), 0.5, 0.2))
    before = drawn(page, canvas)
    page.mouse.wheel(0, 100)
    page.wait_for_function("() => document.querySelector('[data-testid=\"stMain\"]').scrollTop > 50")
    rests(page)
    assert drawn(page, canvas) == before
    page.keyboard.down("Control")
    page.mouse.wheel(0, -100)
    page.keyboard.up("Control")
    rests(page)
    closer = drawn(page, canvas)
    assert closer != before, "with Ctrl it is the map's"
    page.mouse.click(*spot(stage(page), 0.5, 0.5))
    wait_until_idle(page)
    at = scrolled(page)
    page.mouse.wheel(0, -100)
    rests(page)
    assert drawn(page, canvas) != closer and scrolled(page) == at


# Keyboard


@pytest.mark.slow
def test_the_map_can_be_read_by_keys(open_page):
    page = open_page()
    page.locator(".save summary").focus()  # the last of the controls
    page.keyboard.press("Tab")
    expect(stage(page)).to_be_focused()
    label = stage(page).get_attribute("aria-label")
    expect(page.locator(".live-region")).to_have_text(NAMED)
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    expect(stage(page)).not_to_have_attribute("aria-label", label)
    words = found(page)
    expect(page.locator(".live-region")).to_have_text(words)
    page.keyboard.press("Enter")
    expect(originals(page)).to_have_attribute("alt", f"Original: {words}")
    before = drawn(page, "canvas.points")
    page.keyboard.press("+")
    rests(page)
    assert drawn(page, "canvas.points") != before
    page.keyboard.press("0")
    rests(page)
    assert drawn(page, "canvas.points") == before


@pytest.mark.slow
def test_a_lasso_by_keys(open_page):
    page = open_page()
    stage(page).focus()
    page.keyboard.press("l")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        for _ in range(3):
            page.keyboard.press(f"Shift+{key}")
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(r"[\d,]+ of 359 images"))).to_be_visible()
    page.keyboard.press("Escape")
    expect(originals(page)).to_have_count(0)


# Other codes, other maps


@pytest.mark.slow
def test_codes_on_a_line(open_page):
    page = open_page("1-D")
    page.mouse.click(*spot(stage(page), 0.5, 0.3))
    expect(originals(page)).to_have_count(1)


@pytest.mark.slow
def test_points_travel_from_map_to_map_and_arrive(open_page):
    page = open_page(more="&map=pca")
    rests(page)
    expected = drawn(page, "canvas.points")
    page = open_page()
    page.get_by_text("PCA", exact=True).click()
    expect(dots(page)).to_have_attribute("aria-label", re.compile("^PCA projection"))
    assert drawn(page, "canvas.points") != expected
    page.wait_for_timeout(1500)
    assert drawn(page, "canvas.points") == expected


@pytest.mark.slow
def test_a_slow_map_comes_by_itself_and_keeps_what_is_hidden(open_page):
    page = open_page("8-D")
    page.locator(".legend button").nth(3).click()
    page.get_by_text("t-SNE", exact=True).click()
    expect(dots(page)).to_have_attribute("aria-label", re.compile("^t-SNE projection of 359"), timeout=60_000)
    expect(page.locator(".legend button").nth(3)).to_have_attribute("aria-pressed", "false")
    page.mouse.move(*spot(stage(page), 0.5, 0.5))
    assert NAMED.match(found(page))
    expect(page.locator("canvas.image")).to_have_attribute("aria-label", re.compile("Decoded from the code of"))


# Fingers, phones, the theme


@pytest.mark.slow
def test_a_finger_scrolls_by_then_moves_the_map_and_two_zoom(open_page, phone):
    page = open_page(page=phone)
    stage(page).scroll_into_view_if_needed()
    before = drawn(page, "canvas.points")
    touch(page, stage(page), "touchStart", (0.5, 0.5))
    touch(page, stage(page), "touchEnd")
    expect(originals(page)).to_have_count(1)
    wait_until_idle(page)
    stage(page).scroll_into_view_if_needed()
    touch(page, stage(page), "touchStart", (0.4, 0.5))
    touch(page, stage(page), "touchStart", (0.4, 0.5), (0.6, 0.5))
    for step in range(1, 6):
        touch(page, stage(page), "touchMove", (0.4 - 0.03 * step, 0.5), (0.6 + 0.03 * step, 0.5))
    touch(page, stage(page), "touchEnd")
    painted(page)
    closer = drawn(page, "canvas.points")
    assert closer != before
    touch(page, stage(page), "touchStart", (0.5, 0.5))
    for step in range(1, 6):
        touch(page, stage(page), "touchMove", (0.5 - 0.04 * step, 0.5))
    touch(page, stage(page), "touchEnd")
    painted(page)
    assert drawn(page, "canvas.points") != closer
    expect(originals(page)).to_have_count(1)


@pytest.mark.slow
def test_a_finger_draws_a_lasso(open_page, phone):
    page = open_page(page=phone)
    page.get_by_role("button", name="Lasso").tap()
    stage(page).scroll_into_view_if_needed()
    touch(page, stage(page), "touchStart", (0.1, 0.1))
    for place in ((0.9, 0.1), (0.9, 0.9), (0.1, 0.9)):
        touch(page, stage(page), "touchMove", place)
    touch(page, stage(page), "touchEnd")
    expect(page.get_by_text(re.compile(r"[\d,]+ of 359 images"))).to_be_visible()


def test_it_fits_on_a_phone(open_page, phone):
    page = open_page(page=phone)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for canvas in page.locator("canvas").all():
        box = canvas.bounding_box()
        assert not box or (box["x"] >= 0 and box["x"] + box["width"] <= 400)


@pytest.mark.slow
def test_the_colours_follow_the_theme(open_page):
    page = open_page()
    painted(page)
    light = drawn(page, "canvas.points")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
    wait_until_idle(page)
    painted(page)
    assert drawn(page, "canvas.points") != light
