"""Addresses of pages that were renamed lead to the new ones."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin

import pytest
from starlette.applications import Starlette

from ui import old_addresses, pages_table


def redirected(path: str, query: str = "") -> tuple[int, str]:
    """The status of the answer to a request, and the address that it leads to."""
    sent: list[dict] = []

    async def receive():
        return {"type": "http.request"}

    async def send(message):
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query.encode(), "root_path": ""}
    scope |= {"headers": [(b"host", b"lab:8501")], "scheme": "http", "server": ("lab", 8501)}
    with ThreadPoolExecutor(1) as pool:  # this thread may hold the loop of a browser's tests
        pool.submit(asyncio.run, Starlette(routes=old_addresses.routes())(scope, receive, send)).result()
    location = dict(sent[0]["headers"])[b"location"].decode()
    return sent[0]["status"], urljoin(f"http://lab:8501{path}", location)


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(("old", "new"), old_addresses.RENAMED.items())
def test_an_old_address_leads_on_with_all_that_it_asks_for(old, new, slash):
    query = "run=vae-digits-2d-d6787ae0&panel=kl%2Dper-dimension"
    assert redirected(f"/{old}{slash}", query) == (308, f"http://lab:8501/{new}?{query}")
    assert redirected(f"/{old}{slash}") == (308, f"http://lab:8501/{new}")


def test_it_leads_to_pages_that_there_are():
    assert set(old_addresses.RENAMED.values()) <= {page.id for page in pages_table.PAGES}
    assert not set(old_addresses.RENAMED) & {page.id for page in pages_table.PAGES}


def test_below_a_base_path_it_stays_there(monkeypatch):
    monkeypatch.setattr(old_addresses.config, "get_option", lambda name: "lab")
    assert redirected("/lab/inside", "run=a") == (308, "http://lab:8501/lab/model_inspector?run=a")
