"""The plane of a model of points on Train: it moves while the model learns, and stays when the training has ended."""

from __future__ import annotations

import re

import numpy as np
import pytest

from aecore.analysis.loaded import load
from aecore.data.datasets import load as load_dataset
from aecore.export.live_program import N_CODES
from tests.browser.hands import drawn, redrawn
from tests.browser.test_paths import main
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms

LONG = 180_000  # ms: this machine may be busy with other things
FIELD, GROUND = ".live-plane .field", ".live-plane .ground"
SAID = re.compile(
    r"(?:After (\d+) epochs?|In the first epoch)\. Mean distance of a point to its reconstruction: (\d+\.\d\d); "
    r"largest (\d+\.\d\d), at x\u00a0(\u2212?\d+\.\d\d), y\u00a0(\u2212?\d+\.\d\d)\."
)
RUNS = {
    "point": {"dataset": "moons", "family": "vanilla", "latent_dim": 1, "epochs": 2},
    "row": {"dataset": "breast-cancer", "family": "vae", "latent_dim": 2, "epochs": 2},
}


def said(page) -> tuple[str, ...]:
    found = SAID.fullmatch(page.locator(FIELD).get_attribute("aria-label") or "")
    assert found
    return found.groups()


@pytest.mark.slow  # a minute, most of it of waiting for weights
def test_the_field_moves_while_moons_are_learnt(lab, browser_page):
    page = browser_page
    page.goto(f"{lab}/train?dataset=moons&family=denoising&epochs=400&seed=77")
    wait_until_idle(page)
    main(page).get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector(FIELD, timeout=LONG)
    page.locator(FIELD).evaluate("field => { window.field = field; }")
    for _ in range(2):
        picture, ground, words = drawn(page, FIELD), drawn(page, GROUND), said(page)
        label = page.locator(FIELD).get_attribute("aria-label")
        expect(page.locator(FIELD)).not_to_have_attribute("aria-label", label, timeout=LONG)  # other weights have come
        redrawn(page, FIELD, picture)
        redrawn(page, GROUND, ground)
        assert int(said(page)[0] or 0) >= int(words[0] or 0)
    assert page.locator(FIELD).evaluate("field => field === window.field"), "the same view is drawn anew"
    expect(page.locator(".live-plane .classes li")).to_have_text(["upper moon", "lower moon"])
    expect(page.locator(".live-plane .levels li")).to_have_count(6)
    main(page).get_by_role("button", name="Stop").click()
    expect(main(page).get_by_text(re.compile("Stopped after"))).to_be_visible()
    expect(page.locator(FIELD)).to_be_visible()
    page.set_viewport_size({"width": 400, "height": 800})
    wait_until_idle(page)
    wide = page.locator(".live-plane .stage").evaluate("stage => stage.clientWidth")
    assert 300 < wide < 400, "all the width of a phone"
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_finished_run_shows_its_last_state_in_words_too_and_other_samples_have_no_plane(
    lab, browser_page, furnish, shelf, monkeypatch
):
    monkeypatch.setenv("AECORE_RUNS", str(shelf))
    page, ids = browser_page, furnish(RUNS)
    page.goto(f"{lab}/train?run={ids['point']}")
    wait_until_idle(page)
    expect(page.locator(FIELD)).to_be_visible()
    run, test = load(ids["point"]), load_dataset("moons").test
    x = test.to_float(slice(N_CODES))
    distance = np.linalg.norm(run.reconstruct(x) - x, axis=1)
    where = x[distance.argmax()]
    shown = [float(each.replace("\u2212", "-")) for each in said(page)]
    assert shown == pytest.approx([2, distance.mean(), distance.max(), *where], abs=0.0051)
    page.goto(f"{lab}/train?run={ids['row']}")
    wait_until_idle(page)
    expect(page.locator(".live-pad .stage")).to_be_visible()
    assert not page.locator(".live-plane").count()
