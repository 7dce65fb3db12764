"""The latent pad and the drawing pad in a real browser: what moves, what is said, and when the server hears of it."""

from __future__ import annotations

import re

import numpy as np
import pytest

from aecore.analysis import loaded
from aecore.data import datasets
from tests.browser.hands import drag, drawn, painted, redrawn, spot, touch
from tests.kit.cases import few
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUNS = {  # what is trained to look at
    "2-D": {"family": "vae", "latent_dim": 2, "epochs": 20},
    "1-D": {"family": "vanilla", "latent_dim": 1, "epochs": 2},
    "8-D": {"family": "vae", "latent_dim": 8, "epochs": 2},
    "conditional": {"family": "conditional-vae", "latent_dim": 2, "epochs": 5},
}


@pytest.fixture(scope="module")
def trained(furnish):
    """The ids of RUNS."""
    return furnish(RUNS)


@pytest.fixture
def open_page(lab, browser_page, trained, sent):
    def go(name: str, kind: str = "2-D", page=browser_page):
        page.goto(f"{lab}/{name}?run={trained[kind]}")
        wait_until_idle(page)
        alive = stage(page) if name == "latent_explorer" else sheet(page)
        expect(alive).to_have_attribute("aria-label", re.compile("."))
        return page

    return go


def stage(page):
    return page.locator(".stage[tabindex]")


def sheet(page):
    return page.locator("canvas.drawing-pad")


def near(page):
    """The images that the server has found near the point."""
    return page.locator('[data-testid="stHtml"] img[alt^="Test image"]')


# The latent pad


def test_dragging_redraws_the_picture_and_only_letting_go_is_heard(open_page, sent):
    page = open_page("latent_explorer")
    expect(near(page)).to_have_count(8)
    before, at_first = drawn(page, "canvas.image"), near(page).evaluate_all("all => all.map((each) => each.src)")
    page.wait_for_timeout(300)
    sent.clear()
    seen = {before}
    page.mouse.move(*spot(stage(page), 0.5, 0.5))
    page.mouse.down()
    for step in range(1, 16):
        page.mouse.move(*spot(stage(page), 0.5 - 0.02 * step, 0.5 + 0.015 * step))
        painted(page)
        seen.add(drawn(page, "canvas.image"))
    assert len(seen) > 10, "another image at nearly every step"
    assert not sent, "not a word while it is dragged"
    words = stage(page).get_attribute("aria-label")
    page.mouse.up()
    page.wait_for_function("(old) => [...document.querySelectorAll('img[alt^=\"Test image\"]')]"
                           ".map((each) => each.src).join() !== old.join()", arg=at_first)  # fmt: skip
    assert sent
    x, y = (float(number.replace("−", "-")) for number in re.findall(r"z\d (−?\d+\.\d+)", words))
    expect(page.get_by_text(re.compile(r"Nearest to the point at"))).to_contain_text(
        f"z1 {x:.2f}, z2 {y:.2f}".replace("-", "−")
    )


def test_moving_over_the_map_shows_pictures_and_leaves_the_point(open_page, sent):
    page = open_page("latent_explorer")
    rest, words = drawn(page, "canvas.image"), stage(page).get_attribute("aria-label")
    sent.clear()
    page.mouse.move(*spot(stage(page), 0.2, 0.3))
    painted(page)
    assert drawn(page, "canvas.image") != rest
    page.mouse.move(2, 2)
    painted(page)
    assert drawn(page, "canvas.image") == rest
    assert stage(page).get_attribute("aria-label") == words and not sent


def z1(label):
    """The first coordinate of the point that a label of the stage names."""
    return float(re.search(r"z1 (\S+),", label)[1].replace("−", "-"))


def test_keys_move_the_point_and_say_where_it_is(open_page, sent):
    page = open_page("latent_explorer")
    stage(page).focus()
    label = stage(page).get_attribute("aria-label")
    assert re.match(
        r"Latent explorer. z1 \S+, z2 \S+. (in|at the edge of|out of) .*. Nearest test image: \d.$", label
    ), label
    sent.clear()
    page.keyboard.press("ArrowRight")
    expect(stage(page)).not_to_have_attribute("aria-label", label)
    small = stage(page).get_attribute("aria-label")
    expect(page.locator(".live-region")).to_have_text(small.removeprefix("Latent explorer. "))
    first, second = z1(label), z1(small)
    assert second > first
    page.keyboard.press("Shift+ArrowRight")
    for _ in range(40):  # the page's answer to the first key rounds the point, which is a change of the label as well
        if z1(stage(page).get_attribute("aria-label")) > 2 * second - first:
            break
        page.wait_for_timeout(250)
    assert z1(stage(page).get_attribute("aria-label")) - second > second - first
    page.wait_for_timeout(1000)
    assert sent, "a moment after the last key the page is told"
    page.keyboard.press("Home")
    expect(stage(page)).to_have_attribute("aria-label", label)


@pytest.mark.slow
def test_far_from_the_data_is_said(open_page):
    page = open_page("latent_explorer")
    page.get_by_role("button", name="Further away").click()
    page.get_by_role("button", name="Further away").click()
    page.wait_for_timeout(600)
    page.mouse.move(*spot(stage(page), 0.02, 0.02))
    expect(page.locator(".distance")).to_contain_text("Out of distribution, far from anything it has seen")


def test_a_lasso_shows_what_is_inside(open_page, sent):
    page = open_page("latent_explorer")
    page.get_by_role("button", name="Lasso").click()
    sent.clear()
    drag(page, stage(page), (0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7), release=False)
    assert not sent
    page.mouse.up()
    expect(page.get_by_role("heading", name="Selection (lasso)")).to_be_visible()
    expect(page.get_by_text(re.compile(r"[\d,]+ of 359 test images"))).to_be_visible()
    expect(near(page)).to_have_count(8 + 16)
    page.get_by_role("button", name="Lasso").click()
    expect(page.get_by_role("heading", name="Selection (lasso)")).to_have_count(0)


@pytest.mark.slow
def test_a_lasso_by_keys(open_page):
    page = open_page("latent_explorer")
    stage(page).focus()
    page.keyboard.press("l")
    for key in ("ArrowLeft", "ArrowUp", "ArrowRight", "ArrowDown"):
        for _ in range(5):
            page.keyboard.press(f"Shift+{key}")
        page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Selection (lasso)")).to_be_visible()


@pytest.mark.parametrize("behind", few(["Density", "Decoded images"], "Decoded images"))
def test_what_lies_behind_can_be_chosen(open_page, behind, sent):
    page = open_page("latent_explorer")
    before = drawn(page, "canvas.map")
    sent.clear()
    page.get_by_role("radio", name=behind, exact=True).check()
    page.wait_for_timeout(1500)  # the worker decodes
    behind_it = drawn(page, "canvas.map")
    assert behind_it != before
    page.mouse.move(*spot(stage(page), 0.4, 0.4))
    page.mouse.wheel(0, -300)
    page.wait_for_timeout(1500)
    assert drawn(page, "canvas.map") != behind_it
    assert all(len(frame) < 5000 for frame in sent), "what the address says, and nothing else"
    page.get_by_role("button", name="Whole map").click()
    page.wait_for_timeout(1500)
    assert drawn(page, "canvas.map") == behind_it, "the same part, drawn the same"


def test_shift_and_drag_moves_the_map_not_the_point(open_page, sent):
    page = open_page("latent_explorer")
    page.get_by_role("button", name="Closer", exact=True).click()
    page.wait_for_timeout(600)
    before, words = drawn(page, "canvas.map"), stage(page).get_attribute("aria-label")
    sent.clear()
    page.keyboard.down("Shift")
    drag(page, stage(page), (0.5, 0.5), (0.6, 0.4))
    page.keyboard.up("Shift")
    painted(page)
    assert drawn(page, "canvas.map") != before and not sent
    page.mouse.move(2, 2)
    assert stage(page).get_attribute("aria-label") == words


def test_another_label_redraws_the_same_place(open_page):
    page = open_page("latent_explorer", "conditional")
    drag(page, stage(page), (0.5, 0.5), (0.45, 0.4))
    wait_until_idle(page)
    page.mouse.move(2, 2)
    painted(page)
    before, words = drawn(page, "canvas.image"), stage(page).get_attribute("aria-label")
    page.get_by_test_id("stSidebar").get_by_role("combobox", name="Class label for decoding").click()
    page.get_by_role("option", name="7", exact=True).click()
    redrawn(page, "canvas.image", before)
    assert stage(page).get_attribute("aria-label") == words


@pytest.mark.parametrize("kind", few(["1-D", "8-D"], "1-D"))
def test_other_codes_have_a_pad_too(open_page, kind):
    page = open_page("latent_explorer", kind)
    before = drawn(page, "canvas.image")
    drag(page, stage(page), (0.5, 0.5), (0.2, 0.6))
    expect(page.get_by_text("Nearest to the point at")).to_contain_text("z1" if kind == "1-D" else "PC1")
    assert drawn(page, "canvas.image") != before


# The drawing pad


THREE = [(0.3, 0.2), (0.5, 0.12), (0.65, 0.22), (0.6, 0.38), (0.45, 0.46)]
THREE += [(0.62, 0.55), (0.68, 0.72), (0.5, 0.88), (0.3, 0.8)]


def code(page) -> str:
    expect(page.locator(".code-map canvas.map")).to_have_attribute("aria-label", re.compile("code of the drawing"))
    return re.search(r"code of the drawing: (.*)", page.locator(".code-map canvas.map").get_attribute("aria-label"))[1]


@pytest.mark.parametrize("kind", few(list(RUNS), "conditional"))
def test_each_stroke_changes_the_code_and_what_is_redrawn(open_page, sent, kind):
    page = open_page("draw", kind)
    assert code(page) == "no code yet"
    page.wait_for_timeout(300)
    sent.clear()
    states = []
    for stroke in (THREE[:4], THREE[4:]):
        drag(page, sheet(page), *stroke)
        painted(page)
        states.append((code(page), drawn(page, "canvas.model-input"), drawn(page, "canvas.reconstruction")))
    for before, after in zip(*states, strict=True):
        assert before != after
    expect(page.locator(".result")).to_contain_text("MSE")
    page.get_by_role("button", name="Undo stroke").click()
    painted(page)
    assert (code(page), drawn(page, "canvas.model-input"), drawn(page, "canvas.reconstruction")) == states[0]
    page.get_by_role("button", name="Clear").click()
    painted(page)
    assert code(page) == "no code yet" and not sent


def test_the_numbers_of_the_code_are_told_and_copied_and_the_nearest_test_codes_vote(
    open_page, trained, shelf, monkeypatch
):
    """The class is the one that the same vote names in NumPy."""
    page = open_page("draw", "8-D")
    expect(page.locator(".vote")).to_have_text("No code yet: draw something.")
    drag(page, sheet(page), *THREE)
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(); }")  # as on plain HTTP
    page.get_by_role("button", name="Copy code").click()
    expect(page.locator(".copied")).to_have_text(re.compile("Press Ctrl"))
    code = np.array([float(number) for number in page.locator(".copy-field").input_value().split(",")])
    told = page.locator(".numbers li").evaluate_all("all => all.map((each) => each.lastChild.textContent)")
    assert [float(each.replace("−", "-")) for each in told] == pytest.approx(code, abs=0.006)
    monkeypatch.setenv("AECORE_RUNS", str(shelf))
    run, test = loaded.load(trained["8-D"]), datasets.load("digits").test
    nearest = np.argsort(np.linalg.norm(run.encode(test.to_float()) - code, axis=1))[:10]
    counts = np.bincount(test.y[nearest], minlength=10)
    label, votes, total = re.search(
        r"Nearest class: (\d), with (\d+) of 10 votes of the nearest of (\d+)", page.locator(".vote").inner_text()
    ).groups()
    assert counts[int(label)] == int(votes) == counts.max() and int(total) == len(test)


def test_on_a_phone_the_sheet_comes_before_what_is_said_and_pressed(open_page, phone):
    page = open_page("draw", page=phone)
    tops = [
        each.bounding_box()["y"]
        for each in (
            page.get_by_role("heading", level=1),
            sheet(page),
            page.locator(".reconstruction"),
            page.get_by_role("button", name="Clear"),
            page.get_by_text("With every movement of the pen"),
        )
    ]
    assert tops == sorted(tops) and tops[1] < 200 and tops[2] + 130 < 800


@pytest.mark.slow
def test_where_on_the_sheet_it_is_drawn_matters_only_without_centring(open_page):
    page = open_page("draw")
    pictures = {}
    for where, shift in (("left", -0.15), ("right", 0.15)):
        page.get_by_role("button", name="Clear").click()
        drag(page, sheet(page), *[(0.6 * x + 0.2 + shift, y) for x, y in THREE])
        for centred in (True, False):
            page.get_by_role("checkbox").set_checked(centred)
            painted(page)
            pictures[where, centred] = drawn(page, "canvas.model-input")
        page.get_by_role("checkbox").set_checked(True)
    assert pictures["left", False] != pictures["right", False]
    assert pictures["left", True] != pictures["left", False]


def test_drawing_by_keys(open_page):
    page = open_page("draw")
    sheet(page).focus()
    page.keyboard.press("Space")
    for key in ("ArrowDown",) * 4 + ("ArrowRight",) * 3:
        page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Space")
    painted(page)
    assert code(page) != "no code yet"
    page.keyboard.press("Backspace")
    painted(page)
    assert code(page) == "no code yet"


# Fingers, phones, the theme


def test_a_finger_moves_the_point_and_two_the_map(open_page, phone):
    page, target = open_page("latent_explorer", page=phone), None
    target = stage(page)
    target.scroll_into_view_if_needed()
    before, words = drawn(page, "canvas.image"), target.get_attribute("aria-label")
    top = page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop")
    touch(page, target, "touchStart", (0.5, 0.5))
    for step in range(1, 8):
        touch(page, target, "touchMove", (0.5 - 0.03 * step, 0.5 - 0.03 * step))
    painted(page)
    assert drawn(page, "canvas.image") != before
    assert page.evaluate("document.querySelector('[data-testid=\"stMain\"]').scrollTop") == top, "the page rests"
    touch(page, target, "touchEnd")
    expect(target).not_to_have_attribute("aria-label", words)
    wait_until_idle(page)
    target.scroll_into_view_if_needed()
    words, whole = target.get_attribute("aria-label"), drawn(page, "canvas.map")
    touch(page, target, "touchStart", (0.4, 0.5))
    touch(page, target, "touchStart", (0.4, 0.5), (0.6, 0.5))
    for step in range(1, 8):
        touch(page, target, "touchMove", (0.4 - 0.03 * step, 0.5), (0.6 + 0.03 * step, 0.5))
    touch(page, target, "touchEnd")
    painted(page)
    assert drawn(page, "canvas.map") != whole
    assert target.get_attribute("aria-label") == words, "the point came back to where it was"


@pytest.mark.slow
def test_a_finger_draws(open_page, phone):
    page = open_page("draw", page=phone)
    sheet(page).scroll_into_view_if_needed()
    touch(page, sheet(page), "touchStart", THREE[0])
    for place in THREE[1:]:
        touch(page, sheet(page), "touchMove", place)
    touch(page, sheet(page), "touchEnd")
    painted(page)
    assert code(page) != "no code yet"


@pytest.mark.parametrize("name", few(["latent_explorer", "draw"], "draw"))
def test_it_fits_on_a_phone(open_page, phone, name):
    page = open_page(name, page=phone)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    for canvas in page.locator("canvas").all():
        box = canvas.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 400
        if "image" in (canvas.get_attribute("class") or ""):
            assert box["width"] == pytest.approx(box["height"], abs=1), "square"


@pytest.mark.parametrize("name", few(["latent_explorer", "draw"], "latent_explorer"))
def test_the_colours_follow_the_theme(open_page, name):
    page = open_page(name)
    painted(page)
    light = drawn(page, "canvas.map")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
    wait_until_idle(page)
    painted(page)
    assert drawn(page, "canvas.map") != light
