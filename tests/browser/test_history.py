"""Back and forward in a real browser: each thing that somebody does is one step, and each step shows what it showed."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from tests.browser.hands import drag, painted, spot
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUN = {"8-D": {"family": "vae", "latent_dim": 8, "epochs": 3}, "2-D": {"family": "vae", "latent_dim": 2, "epochs": 12}}
PATIENCE = 60_000  # ms until a step has come to rest: this machine may be busy with other things

# All that is seen and may differ: what is chosen, what is written and what is drawn, in the page and in its views.
SEEN = """() => {
  const roots = [document.querySelector('[data-testid="stMain"]')];
  for (const root of roots)
    for (const each of root.querySelectorAll('*')) if (each.shadowRoot) roots.push(each.shadowRoot);
  const all = (selector) => roots.flatMap((root) => [...root.querySelectorAll(selector)])
    .filter((each) => each.checkVisibility({ visibilityProperty: true }));
  const hash = (text) => [...text].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 7);
  return {
    title: all('h1').map((each) => each.innerText),
    pressed: all('[aria-pressed], [aria-checked]').map((each) => [each.innerText,
      each.getAttribute('aria-pressed') ?? each.getAttribute('aria-checked')].join(' ')),
    checked: all('input[type=radio], input[type=checkbox]').map((each) => `${each.value} ${each.checked}`),
    values: all('input:not([type=radio], [type=checkbox])').map((each) => each.value),
    words: all('.coordinates, .description, output, .when').map((each) => each.innerText),
    images: all('img').map((each) => each.alt),
    drawn: all('canvas').map((each) => `${each.className} ${hash(each.toDataURL())}`),
  };
}"""


@pytest.fixture(scope="module")
def trained(furnish):
    """The ids of RUN."""
    return furnish(RUN)


def settled(page, address: str = "", other_than: str = "") -> dict:
    """What is seen once nothing moves any more, under an address, or under another one than before."""
    page.mouse.move(2, 2)
    if address or other_than:
        page.wait_for_function(
            "([to, from]) => (to ? location.href === to : location.href !== from)",
            arg=[address, other_than],
            timeout=PATIENCE,
        )
    before, seen = None, {}
    for _ in range(40):
        wait_until_idle(page)
        page.wait_for_timeout(450)
        painted(page)
        before, seen = seen, page.evaluate(SEEN)
        if before == seen:
            return {"address": page.url, **seen}
    raise AssertionError("the page never came to rest")


def stage(page):
    return page.locator(".stage[tabindex]")


def press(name: str) -> Callable:
    return lambda page: page.get_by_role("button", name=name, exact=True).click()


def choose(text: str) -> Callable:
    return lambda page: page.locator('[data-testid="stButtonGroup"]').get_by_text(text, exact=True).click()


def radio(name: str) -> Callable:
    return lambda page: page.get_by_role("radio", name=name).check()


def hide(label: int) -> Callable:
    return lambda page: page.locator(".legend button").nth(label).click()


def pull(*places: tuple[float, float]) -> Callable:
    def step(page) -> None:
        stage(page).scroll_into_view_if_needed()
        drag(page, stage(page), *places)

    return step


def click(across: float, down: float) -> Callable:
    return lambda page: page.mouse.click(*spot(stage(page), across, down))


def lasso(page) -> None:
    press("Lasso")(page)
    pull((0.3, 0.3), (0.7, 0.3), (0.7, 0.7), (0.3, 0.7))(page)


def keys(slider: str, *names: str) -> Callable:
    """A slider moved by keys: each is let go by itself."""

    def step(page) -> None:
        found = page.locator(slider).first
        found.focus()
        for name in names:
            page.keyboard.press(name)

    return step


def visit(title: str) -> Callable:
    return lambda page: page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True).click()


def slow_map(page) -> None:
    choose("t-SNE")(page)
    label = re.compile("^t-SNE projection")
    expect(page.locator("canvas.points")).to_have_attribute("aria-label", label, timeout=PATIENCE)


STEPS: list[tuple[str, Callable]] = [
    ("closer on the map", press("Closer")),
    ("pan", pull((0.5, 0.5), (0.6, 0.4))),
    ("hide a class", hide(3)),
    ("density", radio("density")),
    ("no names", press("Class names")),
    ("points again", radio("points")),
    ("a point", click(0.45, 0.5)),
    ("a lasso", lasso),
    ("hide another", hide(4)),
    ("other images", choose("Training and validation")),
    ("the first images", choose("Test")),
    ("another map", slow_map),
    ("large", press("Large")),
    ("explorer", visit("Latent explorer")),
    ("drag the point", pull((0.5, 0.5), (0.3, 0.6))),
    ("decoded images", radio("decoded images")),
    ("closer in the explorer", press("Closer")),
    ("a plane of two dimensions", choose("Two dimensions")),
    ("the point by keys", lambda page: (stage(page).focus(), page.keyboard.press("Shift+ArrowRight"))),
    ("interpolate", visit("Interpolate")),
    ("along the way", keys(".interpolation input[type=range]", "Home")),
    ("spherical", choose("Spherical (slerp)")),
    ("from the mean", radio("Mean code")),
    ("a number of the code", keys(".code-slider input", "PageUp")),
    ("denoise", visit("Denoise")),
    ("salt and pepper", radio("salt-and-pepper")),
    ("stronger", keys("#corruption-level", "End")),
    ("time machine", visit("Time machine")),
    ("the beginning", keys(".replay input[type=range]", "Home")),
    ("manifold", visit("Manifold")),
]


def walk(page, steps) -> list[dict]:
    """What is seen at first and after each step, each of which is one of the browser's history."""
    seen = [settled(page)]
    for name, step in steps:
        length = page.evaluate("history.length")
        step(page)
        seen.append(settled(page, other_than=seen[-1]["address"]))
        assert page.evaluate("history.length") == length + 1, f"{name}: one step\n{seen[-1]['address']}"
    return seen


def differences(seen: dict, recorded: dict) -> dict:
    return {name: (seen[name], each) for name, each in recorded.items() if seen[name] != each}


def retrace(page, seen: list[dict]) -> None:
    """Goes back to the first step and forward to the last one: each address and view equals the recorded one."""
    for recorded in reversed(seen[:-1]):
        page.evaluate("history.back()")
        assert not differences(settled(page, recorded["address"]), recorded)
    for recorded in seen[1:]:
        page.evaluate("history.forward()")
        assert not differences(settled(page, recorded["address"]), recorded)


@pytest.fixture
def page(lab, browser_page, trained):
    browser_page.goto(f"{lab}/latent_map?run={trained['8-D']}")
    expect(browser_page.locator("canvas.points")).to_be_visible(timeout=PATIENCE)
    return browser_page


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_thirty_steps_back_and_forward_show_what_they_showed(page):
    assert len(STEPS) == 30
    retrace(page, walk(page, STEPS))


def test_a_few_steps_of_a_map_back_and_forward(page):
    retrace(page, walk(page, [STEPS[0], STEPS[2], STEPS[7]]))


@pytest.mark.slow
def test_a_link_shows_the_same_map_and_reload_keeps_it(page, lab, trained):
    address = (
        f"{lab}/latent_explorer?run={trained['2-D']}&at=0.5,-0.25&zoom=2&centre=0.2,0.1&hidden=4,7&background=density"
    )
    page.goto(address)
    first = settled(page)
    assert first["words"][0] == "z1 0.50, z2 −0.25" and first["address"] == address
    assert [text for text in first["pressed"] if "false" in text and text[0] in "47"]
    page.reload()
    assert not differences(settled(page), first)
