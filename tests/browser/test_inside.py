"""The Inside page in a real browser: an ill model is cured by one click, panels open, a codebook is painted with."""

from __future__ import annotations

import re

import pytest

from tests.rooms import furnished
from tools.browser import idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=30_000)  # ms
LONG = 180_000  # ms: this machine may be busy with other things

SMALL = {"hidden": (16,), "epochs": 12}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A runs folder with an ill model and one of words from a codebook."""
    place = tmp_path_factory.mktemp("inside") / "runs"
    return place, furnished(
        place,
        {
            "ill": {"family": "beta-vae", "knobs": {"beta": 100.0}, **SMALL},
            "words": {"family": "vq-vae", "z_dim": 4, "knobs": {"codes": 8}, **SMALL},
        },
    )


def test_an_ill_model_is_cured_by_one_click(lab, trained, browser_page):
    page = browser_page
    page.goto(f"{lab}/inside?run={trained[1]['ill']}")
    idle(page)
    main = page.get_by_test_id("stMain")
    expect(main.get_by_text("Beta too strong.")).to_be_visible()
    main.get_by_role("button", name="Fork with the cure: beta 1", exact=False).first.click()
    page.wait_for_url(re.compile("train.*run=beta-vae"), timeout=LONG)
    assert trained[1]["ill"] not in page.url
    expect(main.get_by_text(re.compile("Trained in"))).to_be_visible(timeout=LONG)
    expect(main.get_by_text("Beta too strong.")).to_have_count(0)


def test_panels_open_and_stay_in_the_address(lab, trained, phone):
    page = phone
    page.goto(f"{lab}/inside?run={trained[1]['ill']}")
    idle(page)
    main = page.get_by_test_id("stMain")
    for panel in ("Three parts of the KL", "Network", "Stretch"):
        main.get_by_role("radio", name=panel).or_(main.get_by_role("button", name=panel, exact=True)).first.click()
        expect(main.get_by_role("heading", name=panel, exact=True)).to_be_visible()
        idle(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 400, panel
    page.reload()
    expect(main.get_by_role("heading", name="Stretch", exact=True)).to_be_visible()
