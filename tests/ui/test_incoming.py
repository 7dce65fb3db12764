"""Large uploads go to the disk piece by piece, only from a page that the server knows, and leave nothing behind."""

from __future__ import annotations

import asyncio
import gc
import json
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from aecore.data import own_datasets
from ui.session import incoming
from ui.session.incoming import Ticket


@pytest.fixture
def folder(monkeypatch, tmp_path) -> Path:
    """Where files lie while they wait."""
    monkeypatch.setenv("AECORE_DATA", str(tmp_path))
    monkeypatch.setattr(incoming, "FREE_BYTES", 0)
    return own_datasets.own_dir() / incoming.FOLDER


def _run(answer: Coroutine[Any, Any, Any]) -> Any:
    """In a thread of its own: a browser of an earlier test may have left this one a loop that runs."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, answer).result()


def put(ticket: str, chunks: Iterable[bytes], size: int | str | None = None, name: str = "a.csv", ended: bool = True):
    """The status and the answer of a PUT whose body comes in chunks; `ended` False breaks it off."""
    chunks = list(chunks)
    size = sum(map(len, chunks)) if size is None else size
    headers = {incoming.TICKET_HEADER: ticket, incoming.NAME_HEADER: name, "content-length": str(size)}
    messages = [{"type": "http.request", "body": chunk, "more_body": True} for chunk in chunks]
    messages.append({"type": "http.request", "body": b""} if ended else {"type": "http.disconnect"})

    async def receive():
        return messages.pop(0)

    scope = {"type": "http", "method": "PUT", "path": f"/{incoming.ADDRESS}", "query_string": b""}
    scope["headers"] = [(key.encode(), value.encode()) for key, value in headers.items()]
    answer = _run(incoming._put(Request(scope, receive)))
    return answer.status_code, json.loads(answer.body)


def lying(folder: Path) -> list[Path]:
    return [each for each in folder.rglob("*") if each.is_file()]


def test_a_file_arrives_whole_and_is_taken_once(folder):
    ticket = Ticket()
    assert put(ticket.id, [b"a,b\n", b"1,2\n"]) == (200, {"name": "a.csv", "size": 8})
    found = ticket.take()
    assert found.path.read_bytes() == b"a,b\n1,2\n" and found.path.name == "a.csv" and ticket.take() is None
    found.close()
    assert not lying(folder) and not found.exists


def test_a_file_goes_with_the_session_that_sent_it(folder):
    ticket = Ticket()
    put(ticket.id, [b"x"])
    assert lying(folder)
    known = ticket.id
    del ticket
    gc.collect()
    assert not lying(folder)
    assert put(known, [b"x"]) == (403, {"error": incoming.UNKNOWN_TICKET})


@pytest.mark.parametrize("ticket", ["", "x", "../../etc"])
def test_a_page_that_the_server_does_not_know_sends_nothing(ticket, folder):
    assert put(ticket, [b"x"])[0] == 403 and not lying(folder)


@pytest.mark.parametrize(
    ("chunks", "size", "ended", "status"),
    [
        ([b"abc"], 9, False, 400),  # broken off
        ([b"abc"], 9, True, 400),  # shorter than was said
        ([b"abc", b"defghij"], 4, True, 400),  # longer
        ([], 0, True, 413),
        ([], incoming.MAX_BYTES + 1, True, 413),
        ([b"abc"], "-3", True, 411),
        ([b"abc"], "many", True, 411),
    ],
)
def test_what_is_not_whole_or_too_large_is_refused_and_nothing_stays(chunks, size, ended, status, folder):
    ticket = Ticket()
    got, said = put(ticket.id, chunks, size, ended=ended)
    assert got == status and said["error"].endswith(".") and not lying(folder) and ticket.take() is None
    assert put(ticket.id, [b"x"])[0] == 200, "the next one may come"


def test_a_sender_who_says_nothing_is_given_up(folder, monkeypatch):
    monkeypatch.setattr(incoming, "SILENCE_TIMEOUT", 0.05)
    ticket = Ticket()

    async def silent():
        await asyncio.sleep(60)

    headers = {incoming.TICKET_HEADER: ticket.id, incoming.NAME_HEADER: "a.csv", "content-length": "9"}
    scope = {"type": "http", "method": "PUT", "path": "/", "query_string": b""}
    scope["headers"] = [(key.encode(), value.encode()) for key, value in headers.items()]
    answer = _run(incoming._put(Request(scope, silent)))
    assert answer.status_code == 400 and not lying(folder)


def test_another_file_takes_the_place_of_one_that_nobody_has_looked_at(folder):
    ticket = Ticket()
    put(ticket.id, [b"first"])
    put(ticket.id, [b"second"])
    assert [each.read_bytes() for each in lying(folder)] == [b"second"]


def test_two_at_once_from_one_page_are_refused(folder):
    ticket = Ticket()
    ticket.arriving = incoming._reserve("a.csv", 3)
    assert put(ticket.id, [b"x"]) == (409, {"error": incoming.TWO_AT_ONCE})


def test_all_together_have_a_bound_and_room_comes_back(folder, monkeypatch):
    monkeypatch.setattr(incoming, "MAX_SERVER_BYTES", 10)
    ada, bob = Ticket(), Ticket()
    assert put(ada.id, [b"12345678"])[0] == 200
    status, said = put(bob.id, [b"123"])
    assert status == 507 and "try again" in said["error"]
    ada.take().close()
    assert put(bob.id, [b"123"])[0] == 200


def test_the_disk_is_not_filled_to_the_last_byte(folder, monkeypatch):
    monkeypatch.setattr(incoming, "FREE_BYTES", 1 << 60)
    assert put(Ticket().id, [b"123"])[0] == 403, "a ticket that nobody holds is none"
    ticket = Ticket()
    assert put(ticket.id, [b"123"])[0] == 507


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("photos.zip", "photos.zip"),
        ("../../etc/passwd", "passwd"),
        ("C:\\me\\a.csv", "a.csv"),
        ("..", "data"),
        ("", "data"),
        ("a\x00\n.csv", "a__.csv"),
        ("写真.zip", "写真.zip"),
        ("n" * 300 + ".csv", "n" * 60 + ".csv"),
        (".zip", "zip"),
    ],
)
def test_a_name_is_no_path(said, name, folder):
    assert incoming.safe_name(said) == name


def test_what_a_dead_server_left_is_removed_after_a_day(folder, monkeypatch):
    (folder / "old").mkdir(parents=True)
    (folder / "old" / "a.zip").write_bytes(b"x")
    with incoming.served():
        assert lying(folder) and incoming.is_served(), "another server may be at it"
    monkeypatch.setattr(incoming, "MAX_AGE", -1)
    with incoming.served():
        assert not lying(folder)
    assert not incoming.is_served()


def test_the_door_takes_what_the_reader_takes():
    from aecore.data.adding import MAX_FILE_BYTES

    assert incoming.MAX_BYTES == MAX_FILE_BYTES
