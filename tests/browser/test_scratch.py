"""A scratch painted onto an image in a real browser: what follows the brush, and that it counts as Python does."""

from __future__ import annotations

import re

import numpy as np
import plotly.colors
import pytest

from aecore.analysis import loaded, metrics
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.thresholds import parse
from aecore.data import datasets
from tests.browser.hands import drag, drawn, painted, redrawn, spot
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
NORMAL = (0, 1, 2, 3, 4)
RUNS = {
    "small": {"family": "vanilla", "latent_dim": 8, "hidden_sizes": (32,), "normal": NORMAL, "epochs": 20},
    # 17 million parameters: more than a browser is sent
    "large": {
        "family": "vanilla", "latent_dim": 2, "hidden_sizes": (4096, 2048), "normal": NORMAL, "epochs": 1,
        "train_size": 100,
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def trained(furnish):
    return furnish(RUNS)


@pytest.fixture
def open_page(lab, browser_page, trained, sent):
    def go(name: str = "small", **asked):
        page = browser_page
        more = "".join(f"&{key}={value}" for key, value in asked.items())
        page.goto(f"{lab}/anomalies?run={trained[name]}&section=scratch{more}")
        expect(page.locator(".scratch canvas.painted")).to_have_attribute("aria-label", "The image", timeout=60_000)
        wait_until_idle(page)
        sheet(page).scroll_into_view_if_needed()
        sent.clear()
        return page

    return go


def sheet(page):
    return page.locator(".scratch canvas.drawing-pad")


def pixels(page, name: str) -> np.ndarray:
    """What a canvas shows, uint8 `[H, W, 3]`."""
    found = page.locator(f".scratch canvas.{name}").evaluate(
        "canvas => [canvas.height, canvas.width, [...canvas.getContext('2d')"
        ".getImageData(0, 0, canvas.width, canvas.height).data]]"
    )
    return np.array(found[2], np.uint8).reshape(found[0], found[1], 4)[..., :3]


def said(page) -> tuple[bool, float, float]:
    """Whether there is an alarm, the score and the threshold."""
    words = page.locator(".scratch .verdict").inner_text()
    score, cut = re.search(r"Mean squared error ([\d.]+); threshold ([\d.]+)\. Higher", words).groups()
    return words.strip().startswith("Alarm."), float(score), float(cut)


@pytest.fixture
def run(trained, shelf, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(shelf))
    return loaded.load(trained["small"])


def test_all_follows_the_brush_and_the_server_hears_nothing_of_it(open_page, sent):
    page = open_page()
    names = ("painted", "reconstruction", "heat")
    before = {name: drawn(page, f".scratch canvas.{name}") for name in names}
    first = said(page)
    drag(page, sheet(page), (0.2, 0.3), (0.5, 0.5), (0.8, 0.9), release=False)
    painted(page)
    assert all(drawn(page, f".scratch canvas.{name}") != before[name] for name in names), "before it is lifted"
    assert said(page)[1] > first[1]
    page.mouse.up()
    page.wait_for_timeout(700)
    assert not sent
    page.get_by_role("button", name="Undo stroke").click()
    painted(page)
    assert said(page) == first and drawn(page, ".scratch canvas.painted") == before["painted"]


def test_the_score_the_threshold_and_the_heat_map_are_those_of_python(open_page, run):
    page = open_page()
    detector = Detector.of(run)
    rule = parse("quantile:0.99")
    scores = []
    for _ in range(2):  # the image as it is, and with a scratch
        x = pixels(page, "painted")[None, ..., :1].transpose(0, 3, 1, 2) / np.float32(255)
        made = run.reconstruct(x)
        alarm, score, cut = said(page)
        # the canvas rounds to 1/255: a squared error of e changes by 2 sqrt(e) / 510 at most
        assert score == pytest.approx(metrics.mse(x, made)[0], abs=2e-3)
        assert cut == pytest.approx(detector.threshold("reconstruction", rule).cut, abs=5e-5)
        assert alarm == (score > cut)
        scores.append(score)
        limit = float(re.search(r"([\d.]+)", page.locator(".scratch .limit").inner_text())[1])
        shares = np.clip(np.square(x - made)[0, 0] / limit, 0, 1).ravel()
        colours = plotly.colors.sample_colorscale("Viridis", shares.tolist(), colortype="tuple")
        np.testing.assert_allclose(pixels(page, "heat").reshape(-1, 3), 255 * np.array(colours), atol=12)
        page.get_by_role("button", name="Add a scratch").click()
        painted(page)
    assert scores[1] > scores[0]


def test_the_first_normal_test_image_is_there_at_first_as_it_is(open_page, run):
    page = open_page()
    test = datasets.load("digits").test
    row = int(np.flatnonzero(np.isin(test.y, NORMAL))[0])
    np.testing.assert_allclose(pixels(page, "painted")[..., 0], 255 * test.to_float()[row, 0], atol=0.51)


def test_the_brush_is_moved_by_keys_and_what_is_painted_is_said(open_page):
    page = open_page()
    first = said(page)
    sheet(page).focus()
    page.keyboard.press("Space")
    for _ in range(4):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Space")
    painted(page)
    assert said(page)[1] != first[1]
    expect(page.locator(".scratch canvas.painted")).to_have_attribute("aria-label", "The image with 1 stroke on it")
    expect(page.locator(".scratch .live-region")).to_contain_text("Mean squared error")
    expect(page.locator(".scratch canvas.heat")).to_have_attribute("aria-label", re.compile("The largest, .* in row"))
    page.keyboard.press("Delete")
    painted(page)
    assert said(page) == first


def test_tone_and_brush_are_in_the_address_and_paint_as_they_say(open_page):
    page = open_page(tone="dark", brush="25")
    before = pixels(page, "painted")[3:5, 3:5].astype(float)
    page.mouse.click(*spot(sheet(page), 0.5, 0.5))
    painted(page)
    after = pixels(page, "painted")[3:5, 3:5].astype(float)
    # a dot of a quarter of the image covers pi / 4 of each of four pixels, and a little of it is beyond the corner
    np.testing.assert_allclose(after, before * (1 - np.pi / 4), atol=12)
    page.get_by_role("radio", name="Light").check()
    expect(page).not_to_have_url(re.compile("tone="))  # digits are light, and so is the brush at first
    page.mouse.click(*spot(sheet(page), 0.5, 0.5))
    painted(page)
    np.testing.assert_allclose(pixels(page, "painted")[3:5, 3:5], after + np.pi / 4 * (255 - after), atol=12)


def test_another_image_comes_without_the_strokes(open_page):
    page = open_page()
    page.get_by_role("button", name="Add a scratch").click()
    painted(page)
    before = drawn(page, ".scratch canvas.painted")
    page.get_by_role("button", name="Next").click()
    redrawn(page, ".scratch canvas.painted", before)
    expect(page.locator(".scratch canvas.painted")).to_have_attribute("aria-label", "The image")


def test_where_the_browser_cannot_compute_the_model_the_server_answers_when_the_brush_is_lifted(open_page):
    page = open_page("large")
    expect(page.locator(".scratch .made").first).to_be_hidden()
    answer = page.get_by_text(re.compile(r"Mean squared error [\d.]+; threshold"))
    expect(answer).to_have_count(1)
    before = answer.inner_text()
    drag(page, sheet(page), (0.2, 0.3), (0.8, 0.9))
    expect(answer).not_to_have_text(before)
    expect(page.get_by_role("img", name=re.compile("^The painted image"))).to_have_count(1)
