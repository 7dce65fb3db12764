"""Training as a service, in a real browser: it outlives reloads, stops, resumes, is shared, is looked back on."""

from __future__ import annotations

import re

import pytest

from tests.browser.test_paths import LONG, epoch_beyond, expect, fill, healthy, main, press_train, run_of, sidebar
from tests.browser.test_paths import alerts as alerts_of
from tools.browser import start_server, wait_until_idle
from tools.shots import default_run


@pytest.fixture(scope="module")
def lab(tmp_path_factory, browser):
    """The address of a laboratory that is this file's own, with one lane."""
    place = tmp_path_factory.mktemp("service")
    own = {"AECORE_RUNS": str(place / "runs"), "AECORE_DATA": str(place / "no-data"), "AECORE_WORKERS": "1"}
    with start_server(env=own) as address:
        yield address


def opened(lab, page, path: str = "train"):
    page.goto(f"{lab}/{path}?run={default_run()}")
    wait_until_idle(page)
    return page


def start(page, epochs: int, seed: int, widths: str = "64, 32") -> str:
    fill(page, "Hidden layers (units or channels)", widths)
    fill(page, "Epochs", epochs)
    fill(page, "Seed", seed)
    return press_train(page)


def button(page, name: str):
    return main(page).get_by_role("button", name=name, exact=True)


def link(page, name: str):
    return main(page).get_by_role("link", name=name)


@pytest.mark.slow
def test_start_reload_stop_resume_finish_look_back(lab, browser_page):
    page = opened(lab, browser_page)
    run = start(page, 400, 21)  # some twenty seconds: reloaded and stopped before its end
    seen = epoch_beyond(page, 0)
    page.reload()
    assert epoch_beyond(page, seen) > seen and run_of(page) == run
    button(page, "Stop").click()
    expect(alerts_of(page).filter(has_text=re.compile(r"Stopped after \d+ of 400 epochs"))).to_be_visible()
    done = int(re.search(r"after (\d+)", alerts_of(page).first.inner_text()).group(1))
    button(page, "Resume").click()
    assert epoch_beyond(page, done) > done  # not from the beginning
    expect(link(page, "Time machine")).to_be_visible(timeout=LONG)
    wait_until_idle(page)
    link(page, "Time machine").click()
    page.wait_for_url("**/time_machine*")
    wait_until_idle(page)
    assert run_of(page) == run
    slider = main(page).get_by_role("slider").first
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^after 400 of 400"))
    slider.focus()
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^after 0 of 400"))
    button(page, "Play").click()
    expect(slider).to_have_attribute("aria-valuetext", re.compile("^after 400 of 400"), timeout=LONG)
    healthy(page)


@pytest.mark.slow
def test_a_second_run_waits_and_two_people_share_one(lab, browser_page, browser):
    page = opened(lab, browser_page)
    start(page, 1000, 22, "1024, 1024")  # minutes, on the one lane
    epoch_beyond(page, 0)
    other = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    try:
        opened(lab, other)
        start(other, 5, 23)
        expect(main(other).get_by_text("Queued: 1 run ahead")).to_be_visible()
        other.goto(page.url)
        button(other, "Follow this run").click()
        expect(button(other, "Leave this run")).to_be_visible()
        expect(button(page, "Leave this run")).to_be_visible()
        button(page, "Leave this run").click()
        expect(button(page, "Follow this run")).to_be_visible()
        seen = epoch_beyond(other, 0)
        assert epoch_beyond(other, seen) > seen  # it goes on for the other
        button(other, "Pause").click()
        expect(alerts_of(other).filter(has_text=re.compile("Paused after"))).to_be_visible()
        expect(button(other, "Resume")).to_be_visible()
    finally:
        other.context.close()
    healthy(page)


@pytest.mark.slow
def test_a_name_is_kept_by_the_browser(lab, browser_page):
    page = opened(lab, browser_page)
    sidebar(page).get_by_role("button", name="Your name").click()
    field = page.get_by_role("textbox", name="Your name")
    field.fill("Ada")
    field.press("Enter")
    expect(sidebar(page).get_by_role("button", name="Ada")).to_be_visible()
    page.reload()
    wait_until_idle(page)
    expect(sidebar(page).get_by_role("button", name="Ada")).to_be_visible()
