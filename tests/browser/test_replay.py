"""The time machine in a real browser: the slider, the keyboard, Play, and not a word to the server."""

from __future__ import annotations

import io
import re
import shutil

import pytest
from PIL import Image

from tests.kit.cases import few
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
LONG = 180_000  # ms: this machine may be busy with other things
PANELS = ("Map of", "Manifold", "16 test images", "Losses")
EPOCHS = 12


@pytest.fixture(scope="module")
def trained(furnish, shelf):
    """Runs of codes with 2, 1, 4 and 3 dimensions, by these; the last has no snapshots."""
    sizes = {size: EPOCHS if size == 2 else 2 for size in (2, 1, 4, 3)}
    ids = furnish({size: {"family": "vae", "latent_dim": size, "epochs": n} for size, n in sizes.items()})
    shutil.rmtree(shelf / ids[3] / "snapshots", ignore_errors=True)
    return ids


@pytest.fixture
def open_page(lab, browser_page, trained):
    def go(size: int = 2):
        browser_page.goto(f"{lab}/time_machine?run={trained[size]}")
        wait_until_idle(browser_page)
        expect(panel(browser_page, "16 test images")).to_be_visible()
        return browser_page

    return go


# Notes whatever a slider says from now on.
NOTED = """slider => {
  const told = [];
  new MutationObserver(() => told.push(slider.getAttribute('aria-valuetext')))
    .observe(slider, { attributes: true, attributeFilter: ['aria-valuetext'] });
  return told;
}"""


def panel(page, begins: str):
    return page.locator(f'canvas[role="img"][aria-label^="{begins}"]')


def slider(page):
    return page.get_by_role("slider", name="Epoch")


def moment(page) -> int:
    """The epoch that the slider says."""
    return int(re.fullmatch(r"after (\d+) of (\d+) epochs", slider(page).get_attribute("aria-valuetext"))[1])


def drawn(page) -> list[str]:
    """The four images as they stand on the screen."""
    return [panel(page, name).evaluate("canvas => canvas.toDataURL()") for name in PANELS]


def settled(page, epoch: int) -> list[str]:
    """The four images once they all are those of an epoch."""
    for name in PANELS:
        expect(panel(page, name)).to_have_attribute("aria-label", re.compile(rf"after {epoch} of {EPOCHS} epochs"))
    return drawn(page)


def test_the_slider_moves_every_panel_and_asks_nobody(open_page):
    page, asked = open_page(), []
    page.on("request", lambda request: asked.append(request.url))
    talk = page.evaluate_handle(
        """() => {
          const sent = [], send = WebSocket.prototype.send;
          WebSocket.prototype.send = function (...given) { sent.push(1); return send.apply(this, given); };
          return sent;
        }"""
    )
    trained_model = settled(page, EPOCHS)
    slider(page).focus()
    page.keyboard.press("Home")
    untrained = settled(page, 0)
    for name, new, old in zip(PANELS, untrained, trained_model, strict=True):
        assert new != old, name
    page.keyboard.press("ArrowRight")
    assert moment(page) == 1
    settled(page, 1)
    page.keyboard.press("End")
    assert settled(page, EPOCHS) == trained_model, "the same moment, the same images"
    page.mouse.move(0, 0)
    page.wait_for_timeout(600)
    assert not asked and len(talk.json_value()) <= 3, "the address at most: one word for each time that it rests"


@pytest.mark.slow
def test_play_moves_on_stops_at_the_end_and_starts_again(open_page):
    page = open_page()
    button = page.get_by_role("button", name="Play", exact=True)
    assert moment(page) == EPOCHS  # at rest, and nothing moves by itself
    button.focus()
    page.keyboard.press("Enter")
    pause = page.get_by_role("button", name="Pause", exact=True)
    expect(pause).to_be_visible()
    expect(slider(page)).not_to_have_attribute("aria-valuetext", re.compile(f"^after ({EPOCHS}|0) of"))
    page.keyboard.press("Space")
    expect(button).to_be_visible()
    rests = moment(page)
    page.wait_for_timeout(500)
    assert moment(page) == rests < EPOCHS
    button.click()
    expect(button).to_be_visible(timeout=LONG)
    assert moment(page) == EPOCHS
    button.click()
    expect(pause).to_be_visible()
    assert moment(page) < EPOCHS
    slider(page).focus()
    page.keyboard.press("End")  # who takes the slider takes over
    expect(button).to_be_visible()
    assert moment(page) == EPOCHS


@pytest.mark.slow
def test_play_starts_where_it_is_though_its_first_frame_began_earlier(open_page):
    page = open_page()
    page.evaluate("() => { const now = performance.now.bind(performance); performance.now = () => now() + 3000; }")
    told = slider(page).evaluate_handle(NOTED)  # a look from outside may miss an epoch that passes in half a second
    page.get_by_role("button", name="Play", exact=True).click()
    expect(slider(page)).to_have_attribute("aria-valuetext", re.compile("^after 3 of"), timeout=LONG)
    epochs = [int(text.split()[1]) for text in told.json_value()]
    assert epochs[:4] == [0, 1, 2, 3]  # from the beginning, never before it, and none left out


@pytest.mark.parametrize("size", few([1, 4], 1))
def test_other_codes_are_shown(open_page, size):
    page = open_page(size)
    for name in PANELS:
        expect(panel(page, name)).to_have_attribute("aria-label", re.compile("after 2 of 2 epochs"))
    assert page.get_by_text("principal components").count() == (size > 2)


@pytest.mark.slow
def test_the_colours_follow_the_theme(open_page):
    page = open_page()
    light = settled(page, EPOCHS)
    slider(page).focus()
    page.keyboard.press("Home")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("() => getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
    wait_until_idle(page)
    assert moment(page) == 0, "the moment stays"
    page.keyboard.press("End")
    assert settled(page, EPOCHS)[0] != light[0]


def test_it_fits_on_a_phone(open_page):
    page = open_page()
    page.set_viewport_size({"width": 400, "height": 800})
    wait_until_idle(page)
    boxes = [panel(page, name).bounding_box() for name in PANELS]
    assert len({box["x"] for box in boxes}) == 1, "one below the other"
    assert all(box["x"] + box["width"] <= 400 for box in boxes)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_the_gif_is_made_when_asked_for(open_page, trained):
    page = open_page()
    with page.expect_download(timeout=LONG) as download:
        page.get_by_role("button", name="Download as GIF").click()
    assert download.value.suggested_filename == f"{trained[2]}-training.gif"
    content = download.value.path().read_bytes()
    with Image.open(io.BytesIO(content)) as film:
        assert (film.format, film.width) == ("GIF", 640)
        assert film.n_frames > 2


@pytest.mark.slow
def test_another_run_takes_its_place(open_page, lab, trained):
    page = open_page()
    page.get_by_role("link", name="Manifold", exact=True).click()
    page.wait_for_url("**/manifold*")
    wait_until_idle(page)
    page.get_by_role("link", name="Time machine", exact=True).click()
    page.wait_for_url("**/time_machine*")
    wait_until_idle(page)
    settled(page, EPOCHS)
    page.goto(f"{lab}/time_machine?run={trained[3]}")
    wait_until_idle(page)
    expect(page.get_by_test_id("stAlert")).to_contain_text("No snapshots")
    assert slider(page).count() == 0
