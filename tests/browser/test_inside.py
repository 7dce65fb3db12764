"""The model inspector in a browser: an ill model is cured by one click, panels open, a codebook is painted with."""

from __future__ import annotations

import contextlib
import re

import pytest

from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=30_000)  # ms
LONG = 180_000  # ms: this machine may be busy with other things

SMALL = {"hidden_sizes": (16,), "epochs": 12}


@pytest.fixture(scope="module")
def trained(furnish):
    """The ids of an ill model and of one of words from a codebook."""
    return furnish(
        {
            "ill": {"family": "beta-vae", "params": {"beta": 100.0}, **SMALL},
            "words": {
                "family": "vq-vae",
                "latent_dim": 4,
                "params": {"codebook_size": 32},
                "hidden_sizes": (64,),
                "epochs": 60,
            },
        }
    )


def test_an_ill_model_is_cured_by_one_click(lab, trained, browser_page):
    page = browser_page
    page.goto(f"{lab}/model_inspector?run={trained['ill']}")
    wait_until_idle(page)
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text("Beta too strong.")).to_be_visible()
    main.get_by_role("button", name="Retrain with beta 1", exact=False).first.click()
    page.wait_for_url(re.compile("train.*run=beta-vae"), timeout=LONG)
    assert trained["ill"] not in page.url
    expect(main.get_by_text(re.compile("Trained in"))).to_be_visible(timeout=LONG)
    expect(main.get_by_text("Beta too strong.")).to_have_count(0)


def test_panels_open_and_stay_in_the_address(lab, trained, phone):
    page = phone
    page.goto(f"{lab}/model_inspector?run={trained['ill']}")
    wait_until_idle(page)
    main = page.get_by_test_id("stMain")
    for panel in ("KL decomposition (MI, TC, dimension-wise KL)", "Architecture", "Stretch (Jacobian singular values)"):
        main.get_by_role("radio", name=panel).or_(main.get_by_role("button", name=panel, exact=True)).first.click()
        expect(main.get_by_role("heading", name=panel, exact=True)).to_be_visible()
        wait_until_idle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, panel
    page.reload()
    expect(main.get_by_role("heading", name="Stretch (Jacobian singular values)", exact=True)).to_be_visible()


@pytest.mark.slow
def test_a_click_paints_and_undo_takes_it_back(lab, trained, browser_page):
    page = browser_page
    page.goto(f"{lab}/model_inspector?run={trained['words']}&panel=edit-codes")
    wait_until_idle(page)
    main = page.get_by_test_id("stMain")
    expect(main.get_by_role("heading", name="Edit codebook indices", exact=True)).to_be_visible()
    painted = main.get_by_role("img", name=re.compile("^edited, 0 positions changed"))
    expect(painted).to_be_visible()
    plate = main.locator("[data-testid=stPlotlyChart] .nsewdrag").first
    plate.scroll_into_view_if_needed()
    box, held = plate.bounding_box(), painted.get_attribute("src")
    for across in (0.06, 0.94):  # the first and the last of a line: one of them is not the vector that is there already
        page.mouse.move(box["x"] + across * box["width"], box["y"] + 0.1 * box["height"])
        page.wait_for_timeout(300)  # a chart takes note of the pointer some time later
        page.mouse.down()
        page.mouse.up()
        with contextlib.suppress(AssertionError):  # the vector was there already: nothing is painted
            expect(painted).to_have_count(0, timeout=5_000)
            break
    changed = main.get_by_role("img", name=re.compile("^edited, 1 position changed"))
    expect(changed).to_be_visible()
    assert changed.get_attribute("src") != held
    main.get_by_role("button", name="Undo").click()
    expect(painted).to_have_attribute("src", held)
