"""Glossary entries on pages: once for each term, by pointer, by keyboard and by touch."""

from __future__ import annotations

import re

import pytest
from streamlit.testing.v1 import AppTest

from aecore.content.glossary import GLOSSARY
from tests.pages.test_pages import GALLERY, _cold, opened, store  # noqa: F401
from tools.browser import start_server, wait_until_idle
from ui.widgets import glossary


def rows(app: AppTest) -> list[list[str]]:
    """The ids of the terms of each row on a page."""
    bodies = [each.proto.body for each in app.get("html")]
    return [re.findall(r'id="ae-entry-([^"]+)"', body) for body in bodies if 'class="ae-terms"' in body]


def test_a_term_of_the_title_is_not_shown_again_below():
    def page() -> None:
        from ui.widgets import glossary

        glossary.page_terms("ELBO of one image", "The Kullback-Leibler divergence, again")
        glossary.header("ELBO and IWAE bounds", "An *ELBO*")
        glossary.header("Nothing of the kind")

    app = AppTest.from_function(page, default_timeout=60).run()
    assert not app.exception
    assert rows(app) == [["evidence-lower-bound", "kl-divergence"], ["iwae-bound"]]


def test_panels_show_the_entries_of_their_titles(store):  # noqa: F811
    app = opened("model_inspector", GALLERY)
    app.main.get("button_group")[0].set_value("kl-per-dimension")
    app.run()
    found = [term for row in rows(app) for term in row]
    assert "kl-divergence" in found and len(found) == len(set(found))


def test_entries_are_escaped():
    term = GLOSSARY["evidence-lower-bound"]
    assert "&lt;" not in glossary._term(term) and "<script" not in glossary._term(term)
    hostile = type(term)(id="x", term="<img src=x>", text="<script>alert(1)</script>")
    assert "<img" not in glossary._term(hostile) and "<script" not in glossary._term(hostile)


@pytest.mark.slow
@pytest.mark.browser
def test_an_entry_is_shown_by_pointer_keyboard_and_touch_and_escape_takes_it_away(browser):
    from playwright.sync_api import expect

    with start_server() as address:
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{address}/model_inspector?run={GALLERY}&panel=kl-per-dimension")
        wait_until_idle(page)  # what comes late moves the word away from the pointer
        term = page.get_by_role("button", name=GLOSSARY["kl-divergence"].term, exact=True).first
        entry = page.locator("#ae-entry-kl-divergence")
        expect(term).to_be_visible(timeout=60_000)
        expect(entry).to_be_hidden()
        term.hover()
        expect(entry).to_be_visible()
        entry.hover()  # it stays while the pointer is on it
        expect(entry).to_be_visible()
        page.keyboard.press("Escape")
        expect(entry).to_be_hidden()
        page.mouse.move(2, 2)
        term.focus()
        expect(entry).to_be_visible()
        page.keyboard.press("Escape")
        expect(entry).to_be_hidden()
        phone = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True).new_page()
        phone.goto(f"{address}/model_inspector?run={GALLERY}&panel=kl-per-dimension")
        wait_until_idle(phone)
        phone.get_by_role("button", name=GLOSSARY["kl-divergence"].term, exact=True).first.tap(timeout=60_000)
        entry = phone.locator("#ae-entry-kl-divergence")
        expect(entry).to_be_visible()
        box = entry.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 400
