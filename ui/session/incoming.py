"""Large files from people: a route of the server writes them to the disk as they arrive, and never holds one in memory.

A page opens a ticket, which its own session keeps and its browser sends along: it cannot be guessed, so no page of
another address can send anything, and it goes with the session, with all that came by it. Streamlit's own uploads, of
20 MB at most, stay as they are (ui/session/uploads.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import secrets
import shutil
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import unquote

import streamlit as st
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from streamlit import config

from aecore import disk, limits
from aecore.data import own_datasets
from aecore.errors import UserError

ADDRESS = "upload/dataset"
TICKET_HEADER, NAME_HEADER = "x-upload-ticket", "x-file-name"
MAX_BYTES = 500 * 10**6  # bytes of a file
MAX_SERVER_BYTES = 4 * MAX_BYTES  # bytes of all files that wait here at once, or are still arriving
FREE_BYTES = 500 * 10**6  # bytes of the disk that are left to others
PIECE = 1 << 20  # bytes that are written at a time
SILENCE_TIMEOUT = 60.0  # seconds without a byte
FOLDER, MAX_AGE = ".incoming", 24 * 3600  # seconds after which what a dead server has left is removed
STATE_KEY = "ae-upload-ticket"

UNKNOWN_TICKET = "The server does not know this page any more: load the page again, then choose the file once more."
TWO_AT_ONCE = "Another file is still arriving from this page: wait for its end, or cancel it."
BROKEN_OFF = "The file broke off before its end: choose it once more."

_lock = threading.Lock()
_serving = False  # whether this process answers requests; a script that is run alone has no route


class Received:
    """A file of somebody's, in a folder of its own; it is removed with `close`, or with the last who knows it."""

    def __init__(self, name: str, size: int) -> None:
        self.name, self.size, self.complete = name, size, False
        folder = own_datasets.own_dir() / FOLDER / secrets.token_hex(16)
        self.path = folder / name
        self._remove = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        _files.add(self)

    def close(self) -> None:
        """Removes the file."""
        self._remove()

    @property
    def exists(self) -> bool:
        """Whether it has not been removed."""
        return self._remove.alive


class Ticket:
    """The right of a session to send files, one after the other."""

    def __init__(self) -> None:
        self.id = secrets.token_urlsafe(24)
        self.arriving: Received | None = None
        self.arrived: Received | None = None
        _tickets[self.id] = self

    def take(self) -> Received | None:
        """The file that has arrived, once."""
        found, self.arrived = self.arrived, None
        return found


_tickets: weakref.WeakValueDictionary[str, Ticket] = weakref.WeakValueDictionary()
_files: weakref.WeakSet[Received] = weakref.WeakSet()


class Refused(UserError):
    """A file that is not taken."""

    def __init__(self, sentence: str, status: int) -> None:
        super().__init__(sentence)
        self.status = status


def is_served() -> bool:
    """Whether files can arrive by the route."""
    return _serving


@contextlib.contextmanager
def served() -> Iterator[None]:
    """Inside, this process answers requests. Removes what servers that died have left."""
    global _serving
    for folder in (own_datasets.own_dir() / FOLDER).glob("*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime > MAX_AGE:
                shutil.rmtree(folder, ignore_errors=True)
    _serving = True
    try:
        yield
    finally:
        _serving = False


def ticket() -> Ticket:
    """The ticket of this session."""
    found: Ticket = st.session_state.setdefault(STATE_KEY, None) or Ticket()
    st.session_state[STATE_KEY] = found
    return found


def safe_name(sent: str) -> str:
    """A name of a file as its sender calls it, as one that any folder takes: no path, nothing unprintable."""
    name = "".join(each if each.isprintable() and each not in '<>:"|?*' else "_" for each in sent)
    name = re.split(r"[\\/]", name)[-1].strip(" .")
    stem, dot, suffix = name.rpartition(".")
    return f"{stem[:60]}.{suffix[:10]}" if dot and stem else name[:60] or "data"


def keep_bytes(name: str, content: bytes) -> Received:
    """Bytes that came by another way, as a file. UserError when it cannot be written."""
    found = _reserve(name, len(content))
    with disk.user_errors("The file cannot be kept"):
        found.path.parent.mkdir(parents=True)
        found.path.write_bytes(content)
    found.complete = True
    return found


def _reserve(name: str, size: int) -> Received:
    """Room for a file that is about to come. Raises Refused when there is none."""
    if not 0 < size <= MAX_BYTES:
        raise Refused(
            f"The file has {limits.format_bytes(size)} and at most {limits.format_bytes(MAX_BYTES)} are taken: leave "
            "some out, or make its images smaller."
            if size
            else "The file is empty: choose one that holds data.",
            413,
        )
    with _lock:
        waiting = sum(each.size for each in _files if each.exists)
        free = shutil.disk_usage(_existing(own_datasets.own_dir())).free
        if waiting + size > MAX_SERVER_BYTES or free < size + FREE_BYTES:
            raise Refused("The server has no room for another file at this moment: try again in a few minutes.", 507)
        return Received(safe_name(name), size)


def _existing(place: Path) -> Path:
    return next(each for each in (place.absolute(), *place.absolute().parents) if each.is_dir())


# --- The route --------------------------------------------------------------------------------------------------------


def routes() -> list[Route]:
    """The route that files arrive by, below the server's base path."""
    base = str(config.get_option("server.baseUrlPath") or "").strip("/")
    return [Route(f"/{base}/{ADDRESS}" if base else f"/{ADDRESS}", _put, methods=["PUT"])]


async def _put(request: Request) -> Response:
    """Takes one file, whose bytes are the body. Answers {"name", "size"}, or {"error": a sentence}."""
    body = _chunks(request)
    try:
        found = await _receive(request, body)
    except Refused as error:
        sentence, status = str(error), error.status
    except OSError as error:
        sentence, status = disk.error_message(error, "The file cannot be kept"), 507
    else:
        return JSONResponse({"name": found.name, "size": found.size})
    await _drain(body)
    return JSONResponse({"error": sentence}, status)


async def _drain(body: AsyncIterator[bytes]) -> None:
    """Reads on, and keeps nothing, as far as a file may go: a browser that is still sending would take an answer for a
    broken connection."""
    left = MAX_BYTES
    with contextlib.suppress(Refused):
        async for chunk in body:
            left -= len(chunk)
            if left < 0:
                return


async def _receive(request: Request, body: AsyncIterator[bytes]) -> Received:
    holder = _tickets.get(request.headers.get(TICKET_HEADER, ""))
    if holder is None:
        raise Refused(UNKNOWN_TICKET, 403)
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or len(length) > 15:
        raise Refused("The browser does not say how large the file is: choose it once more.", 411)
    if holder.arriving:
        raise Refused(TWO_AT_ONCE, 409)
    found = _reserve(unquote(request.headers.get(NAME_HEADER, "")), int(length))
    if holder.arrived:  # nobody has looked at it
        holder.arrived.close()
    holder.arriving, holder.arrived = found, None
    try:
        await _write(body, found)
        found.complete = True
        holder.arrived = found
    finally:
        holder.arriving = None
        if not found.complete:
            found.close()
    return found


async def _write(body: AsyncIterator[bytes], found: Received) -> None:
    """Writes the body as it comes: a piece is in memory, never more. A sender who says nothing is waited for a minute,
    and one who sends faster than the disk takes is not read on (uvicorn stops reading at 64 KB)."""
    await run_in_threadpool(found.path.parent.mkdir, parents=True)
    written, held = 0, bytearray()
    with open(found.path, "wb") as file:
        async for chunk in body:
            held += chunk
            if written + len(held) > found.size:
                raise Refused(BROKEN_OFF, 400)
            if len(held) >= PIECE:
                written += await run_in_threadpool(file.write, bytes(held))
                held.clear()
        written += await run_in_threadpool(file.write, bytes(held))
    if written != found.size:
        raise Refused(BROKEN_OFF, 400)


async def _chunks(request: Request) -> AsyncIterator[bytes]:
    """The body in chunks. Raises Refused when it breaks off."""
    stream = request.stream()
    while True:
        try:
            chunk = await asyncio.wait_for(anext(stream), SILENCE_TIMEOUT)
        except StopAsyncIteration:
            return
        except (ClientDisconnect, TimeoutError):
            raise Refused(BROKEN_OFF, 400) from None
        yield chunk
