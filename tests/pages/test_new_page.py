"""A page is added by its file and a line in the table of pages (docs/architecture.md)."""

from __future__ import annotations

import shutil

import pytest
from streamlit.testing.v1 import AppTest

from tests.pages.test_pages import GALLERY, ROOT, _cold, links, store, whole  # noqa: F401
from ui import pages_table
from ui.pages_table import PAGES, Page

TOY = '''"""Toy: how long is a code?"""

import streamlit as st

from ui import chrome
from ui.run_data.selected import selected_run

below_picker = chrome.page("toy", "How long is a code?")
st.metric("Code size", selected_run(below_picker).code_size)
'''


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """The pages with one more."""
    shutil.copy(ROOT / "app.py", tmp_path)
    shutil.copytree(ROOT / "pages", tmp_path / "pages")
    (tmp_path / "pages" / "toy.py").write_text(TOY)
    line = Page("toy", "pages/toy.py", "Toy", ":material/toys:", "Use", needs_run=True)
    monkeypatch.setattr(pages_table, "PAGES", (*PAGES, line))
    return tmp_path


def opened(toy, page: str) -> AppTest:
    app = AppTest.from_file(toy / "app.py", default_timeout=100)
    app.query_params["run"] = GALLERY
    app.switch_page(f"pages/{page}.py")
    return whole(app.run())


def test_a_new_page_has_its_title_the_chosen_run_and_a_place_in_the_navigation(toy, store):  # noqa: F811
    app = opened(toy, "toy")
    assert [each.value for each in app.title] == ["Toy"] and app.metric[0].value == "2"
    side = [each.proto.label for each in app.sidebar.get("page_link")]
    assert side[-1] == "Toy" and len(side) == len(PAGES) + 1


def test_where_a_finished_run_leads_to_it_is_offered(toy, store):  # noqa: F811
    assert links(opened(toy, "train"))["toy"] == f"run={GALLERY}"
