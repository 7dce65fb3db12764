"""The ways that people walk through the laboratory, in a real browser: train, look, change, share, stop."""

from __future__ import annotations

import io
import re
import time
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from tests.kit.cases import few
from tests.kit.trained_runs import furnished
from tools.browser import start_server, wait_until_idle
from tools.shots import default_run
from tools.shots import pages as addresses

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
GALLERY = default_run()
PATHS = addresses()  # "" is the first screen
LONG = 180_000  # ms: this machine may be busy with other things

NOBODY = "http://127.0.0.1:9"  # a proxy that is not there: no request of the server leaves this machine


@pytest.fixture(scope="module")
def other_run(tmp_path_factory):
    """A runs folder, and in it a run beside the gallery's."""
    place = tmp_path_factory.mktemp("paths")
    return place, furnished(place / "runs", {"vanilla": {"family": "vanilla", "latent_dim": 3, "epochs": 1}})["vanilla"]


@pytest.fixture(scope="module")
def lab(other_run, browser):
    """The address of a laboratory that is this file's own, without data sets and without a network."""
    place, _ = other_run
    proxies = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "all_proxy"), NOBODY)
    own = {"AECORE_RUNS": str(place / "runs"), "AECORE_DATA": str(place / "no-data"), "AECORE_WORKERS": "4"}
    own |= {"no_proxy": "", "NO_PROXY": ""}
    with start_server(env=proxies | own) as address:
        yield address


@pytest.fixture
def open_page(lab, browser_page):
    """Opens a page of the laboratory with a run chosen, and waits until it is still."""

    def go(path: str = "", run: str | None = GALLERY):
        browser_page.goto(f"{lab}/{path}" + (f"?run={run}" if run else ""))
        wait_until_idle(browser_page)
        return browser_page

    return go


def main(page):
    return page.get_by_test_id("stMain")


def sidebar(page):
    return page.get_by_test_id("stSidebar")


def heading(page) -> str:
    return main(page).get_by_role("heading", level=1).inner_text().strip()


def alerts(page):
    return main(page).get_by_test_id("stAlert")


def run_of(page) -> str | None:
    return parse_qs(urlsplit(page.url).query).get("run", [None])[0]


def healthy(page) -> None:
    assert page.get_by_test_id("stException").count() == 0


def fill(page, label: str, value: object) -> None:
    """Types into a field of the form and lets it take effect."""
    role = "textbox" if label == "Hidden layers (units or channels)" else "spinbutton"
    field = main(page).get_by_role(role, name=label)
    field.fill(str(value))
    field.press("Enter")
    wait_until_idle(page)


def press_train(page) -> str:
    """Presses Train; gives the id of the run that the address then names."""
    main(page).get_by_role("button", name="Train", exact=True).click()
    page.wait_for_function(f"() => !location.search.includes({GALLERY!r})", timeout=LONG)
    return run_of(page)


def wait_until_trained(page) -> None:
    expect(main(page).get_by_role("link", name="Reconstruct")).to_be_visible(timeout=LONG)
    wait_until_idle(page)


EPOCH = r"""least => {
  const bar = document.querySelector('[data-testid="stProgress"]');
  const found = bar && /epoch\s+(\d+)/.exec(bar.innerText);
  return found && +found[1] >= least ? +found[1] : 0;
}"""


def epoch_beyond(page, least: int) -> int:
    """Waits until the progress shows a later epoch than `least`; gives it."""
    return page.wait_for_function(EPOCH, arg=least + 1, timeout=LONG).json_value()


def train_long(page, seed: int) -> str:
    """Starts a run that takes minutes."""
    fill(page, "Hidden layers (units or channels)", "1024, 1024")
    fill(page, "Epochs", 1000)
    fill(page, "Seed", seed)
    return press_train(page)


# --- Opening, sharing, choosing -----------------------------------------------------------------------------


def test_first_screen(open_page):
    page = open_page(run=None)
    assert heading(page)
    expect(main(page).get_by_role("img").first).to_be_visible()
    doors = main(page).get_by_test_id("stPageLink").get_by_role("link")
    assert doors.count() >= 4
    assert all(f"run={run_of(page)}" in door.get_attribute("href") for door in doors.all())
    main(page).get_by_role("link", name="Train").first.click()
    page.wait_for_url("**/train*")
    wait_until_idle(page)
    healthy(page)


SOME = ("Runs", "Latent map", "Model inspector", "Home")


@pytest.mark.parametrize("visited", few(["some", "all"]))
def test_a_finished_run_stays_chosen_everywhere(visited, open_page, lab, browser):
    """Train to the end, then some pages by their links, a reload, and the address sent to somebody else."""
    page = open_page("train")
    fill(page, "Epochs", 80)
    fill(page, "Seed", 11 if visited == "some" else 31)  # a run that the other has trained moves no more
    run = press_train(page)
    assert epoch_beyond(page, epoch_beyond(page, 0))  # it moves
    wait_until_trained(page)
    assert run_of(page) == run
    expect(main(page).locator(".ae-chart img").first).to_be_visible()

    main(page).get_by_role("link", name="Reconstruct").click()
    page.wait_for_url("**/reconstruct*")
    wait_until_idle(page)
    assert run_of(page) == run
    links = [link.inner_text().split("\n")[-1] for link in sidebar(page).get_by_role("link").all()]
    assert len(links) == len(PATHS)
    for name in SOME if visited == "some" else (*links[1:], "Home"):
        sidebar(page).get_by_role("link", name=name, exact=True).click()
        if name != "Home":
            expect(main(page).get_by_role("heading", level=1)).to_contain_text(name)
        wait_until_idle(page)
        healthy(page)
        assert run_of(page) == run, name
        assert alerts(page).filter(has_text="no run").count() == 0
    page.go_back()
    wait_until_idle(page)
    page.reload()
    wait_until_idle(page)
    assert run_of(page) == run

    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    try:
        other.goto(page.url)
        wait_until_idle(other)
        assert (run_of(other), heading(other)) == (run, heading(page))
        shown = [each.get_by_role("combobox", name="Run").input_value() for each in (sidebar(page), sidebar(other))]
        assert shown[0] == shown[1] != ""
    finally:
        other.context.close()


def test_the_picker_chooses_another_run(open_page, other_run):
    page = open_page("interpolate")
    sliders = main(page).get_by_role("slider")
    before = sliders.count()
    sidebar(page).get_by_role("combobox", name="Run").click()
    page.get_by_role("option").filter(has_text="vanilla").first.click()
    expect(sliders).to_have_count(before + 1)  # two numbers, then three
    page.wait_for_url(f"**run={other_run[1]}*")
    wait_until_idle(page)
    healthy(page)
    sidebar(page).get_by_role("link", name="Manifold").click()
    page.wait_for_url("**/manifold*")
    assert run_of(page) == other_run[1]


def test_an_unknown_run_is_said(open_page):
    page = open_page("reconstruct", "unknown")
    expect(alerts(page)).to_contain_text("no run")
    assert run_of(page) == "unknown"
    healthy(page)


# --- Training -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_same_settings_again_are_found(open_page):
    page = open_page("train")
    fill(page, "Epochs", 2)
    fill(page, "Seed", 12)
    first = press_train(page)
    wait_until_trained(page)
    page = open_page("train")
    fill(page, "Epochs", 2)
    fill(page, "Seed", 12)
    assert press_train(page) == first
    expect(alerts(page).filter(has_text=re.compile("exists already", re.I))).to_be_visible()
    wait_until_trained(page)


def test_a_reload_keeps_the_training_stop_ends_it_and_resume_goes_on(open_page):
    page = open_page("train")
    run = train_long(page, 13)
    seen = epoch_beyond(page, 0)
    page.reload()
    assert epoch_beyond(page, seen) > seen
    assert run_of(page) == run
    stop = main(page).get_by_role("button", name="Stop")
    began = time.monotonic()
    stop.click()
    expect(alerts(page).filter(has_text=re.compile("stopped", re.I))).to_be_visible(timeout=LONG)
    assert time.monotonic() - began < 10  # a busy machine; benchmarks/service.py takes the time
    expect(stop).to_have_count(0)
    done = int(re.search(r"after (\d+)", alerts(page).first.inner_text()).group(1))
    main(page).get_by_role("button", name="Resume", exact=True).click()
    assert epoch_beyond(page, done) > done  # not from the beginning
    stop.click()
    expect(alerts(page).filter(has_text=re.compile("stopped", re.I))).to_be_visible(timeout=LONG)
    healthy(page)


@pytest.mark.slow
def test_the_keyboard_alone_trains(open_page):
    page = open_page("train")
    fill(page, "Epochs", 3)
    fill(page, "Seed", 14)
    focused = "document.activeElement.tagName + ' ' + document.activeElement.innerText.trim()"
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate(focused).startswith("BUTTON") and page.evaluate(focused).endswith("Train"):
            break
    else:
        pytest.fail("Tab never reached the Train button")
    page.keyboard.press("Enter")
    page.wait_for_function(f"() => !location.search.includes({GALLERY!r})", timeout=LONG)
    wait_until_trained(page)


# --- Changing and choosing on the pages ---------------------------------------------------------------------


def drawing() -> bytes:
    """An image of a 1, a little grainy, as a person might upload it."""
    pixels = np.random.default_rng(0).integers(0, 30, (60, 60)).astype(np.uint8)
    pixels[10:-10, 25:35] += 220
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def upload(page, content: bytes, name: str) -> None:
    main(page).get_by_role("radio", name="Upload").first.click()
    main(page).locator('input[type="file"]').set_input_files({"name": name, "mimeType": "image/png", "buffer": content})


def test_an_uploaded_picture_is_denoised(open_page):
    page = open_page("denoise")
    drawn = main(page).get_by_role("img", name=re.compile("^Reconstruction"))
    before = drawn.evaluate("canvas => canvas.toDataURL()")
    upload(page, drawing(), "one.png")
    expect(main(page).get_by_role("img", name=re.compile("upload", re.I))).to_be_visible()
    wait_until_idle(page)
    expect(drawn).to_be_visible()
    assert drawn.evaluate("canvas => canvas.toDataURL()") != before
    healthy(page)


@pytest.mark.parametrize("content", [drawing()[:900], b"hello"], ids=["cut short", "no image"])
def test_a_damaged_upload_is_said(content, open_page):
    page = open_page("denoise")
    known = alerts(page).count()
    upload(page, content, "broken.png")
    said = main(page).locator('[data-testid="stAlert"]:has([data-testid="stAlertContentError"])')
    expect(said).to_be_visible()
    expect(alerts(page)).to_have_count(known + 1)
    wait_until_idle(page)
    healthy(page)
    main(page).get_by_role("radio", name="Test image").click()
    expect(said).to_have_count(0)


def test_what_is_downloaded_are_real_files(open_page):
    page = open_page("interpolate")
    for kind in ("GIF", "PNG"):
        with page.expect_download(timeout=LONG) as download:
            main(page).get_by_role("button", name=kind).click()
        assert download.value.suggested_filename.endswith(f".{kind.lower()}")
        assert GALLERY in download.value.suggested_filename
        with Image.open(download.value.path()) as image:
            image.load()
            assert image.format == kind
            assert image.width > 20 and image.height > 20
            assert kind != "GIF" or image.n_frames > 1
    healthy(page)


@pytest.mark.slow
def test_a_download_without_network_is_said(open_page):
    page = open_page("data")
    main(page).get_by_role("button", name=re.compile("Download")).first.click()
    said = alerts(page).filter(has_text=re.compile("could not", re.I))
    expect(said).to_be_visible(timeout=LONG)
    assert re.fullmatch(r"[^\n]{20,500}[.]", said.locator("p").inner_text())
    wait_until_idle(page)
    healthy(page)
    sidebar(page).get_by_role("link", name="Reconstruct").click()
    expect(main(page).get_by_role("heading", level=1)).to_contain_text("Reconstruct")
    wait_until_idle(page)
    healthy(page)


# --- How it looks -------------------------------------------------------------------------------------------


PICTURES = """() => [...document.querySelectorAll('[data-testid="stMain"] img')]
  .filter(image => image.naturalWidth && image.clientWidth)
  .map(image => ({
    alt: image.alt,
    rendering: getComputedStyle(image).imageRendering,
    natural: image.naturalWidth / image.naturalHeight,
    shown: image.clientWidth / image.clientHeight,
  }))"""
WIDER = """() => [document.documentElement, document.querySelector('[data-testid="stMain"]')]
  .map(box => box.scrollWidth - box.clientWidth)"""


def keep_shape_and_pixels(page) -> int:
    """How many images a page shows, all of them with hard pixels and in their own proportions."""
    found = page.evaluate(PICTURES)
    for picture in found:
        assert picture["rendering"] == "pixelated", picture
        assert picture["shown"] == pytest.approx(picture["natural"], rel=0.05), picture
    return len(found)


@pytest.mark.parametrize(
    "path", few(PATHS, "model_inspector", "latent_map", "train", name=lambda path: path or "first")
)
def test_a_phone_scrolls_only_up_and_down(path, open_page, browser_page):
    browser_page.set_viewport_size({"width": 400, "height": 800})
    page = open_page(path)
    assert page.evaluate(WIDER) == [0, 0]
    healthy(page)
    keep_shape_and_pixels(page)


@pytest.mark.parametrize("path", few(["gallery", "train", "reconstruct", "interpolate"], "reconstruct"))
def test_pictures_keep_their_shape_and_their_pixels(path, open_page):
    assert keep_shape_and_pixels(open_page(path))
