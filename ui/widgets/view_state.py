"""The state of a view in the browser, held by the page's address: what people do there is a step that Back undoes, and
a link shows the same.

The view reads and writes texts (static/dom/view_state.js); what each may be is said here. They go apart from the view's
data: those are large, and sent anew when anything in them changes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping

import streamlit as st

from ui.session import address
from ui.widgets import live

Reader = Callable[[str], str | None]  # a text of the address in its one spelling; None when it means nothing
MAX_TEXT = 20_000  # characters of a parameter
MAX_NUMBER = 1e9  # of either sign


def address_state(view: str, readers: Mapping[str, Reader]) -> dict[str, str]:
    """What the address says of a view: those of the parameters in `readers` that are there. Connects the view to them:
    call it before the view is mounted, in the same fragment."""
    values = {}
    for name, read in readers.items():
        asked = address.bound(name)
        text = None if asked is None else _read(read, asked)
        if text is not None:
            values[name] = text
        elif asked is not None:
            address.drop(name)
    key = f"state-{view}"

    def write() -> None:
        said = _said(key).get("values")
        texts = said if isinstance(said, Mapping) else {}
        address.write_all({name: _read(read, texts.get(name)) for name, read in readers.items()})

    turn = _said(key).get("turn")
    given = {"of": view, "turn": turn if isinstance(turn, int) else 0, "values": values}
    live.view("state", None, key, given, on_change={"state": write})
    return values


def _said(key: str) -> Mapping[str, object]:
    """What the browser has said last: all parameters of the view, and how often it has spoken."""
    state = st.session_state.get(key)
    said = state.get("state") if isinstance(state, Mapping) else None
    return said if isinstance(said, Mapping) else {}


def _read(read: Reader, text: object) -> str | None:
    return read(text) if isinstance(text, str) and len(text) <= MAX_TEXT else None


# --- Readers ----------------------------------------------------------------------------------------------------------


def parse_numbers(text: str) -> list[float] | None:
    """Numbers with commas (or what people type for them) between; None when they are none."""
    try:
        found = [float(part) for part in re.split(r"[,_; ]", text.strip())]
    except ValueError:
        return None
    return found if all(math.isfinite(value) and abs(value) < MAX_NUMBER for value in found) else None


def in_range(*counts: int, low: float = -MAX_NUMBER, high: float = MAX_NUMBER) -> Reader:
    """As many numbers as one of `counts` says, each from `low` to `high`."""

    def read(text: str) -> str | None:
        found = parse_numbers(text)
        if found is None or len(found) not in counts or not all(low <= value <= high for value in found):
            return None
        return re.sub(r"[_; ]", ",", text.strip())

    return read


def polygon(max_corners: int) -> Reader:
    """At least three corners, x and y of each in turn."""
    return in_range(*range(6, 2 * max_corners + 1, 2))


def whole_numbers(end: int, several: bool = True) -> Reader:
    """Different whole numbers from 0 to `end` - 1, or one."""

    def read(text: str) -> str | None:
        parts = re.split(r"[,_; ]", text.strip())
        if not all(part.isdecimal() and part.isascii() and len(part) < 12 and int(part) < end for part in parts):
            return None
        return ",".join(map(str, sorted(set(map(int, parts))))) if several or len(parts) == 1 else None

    return read


def one_of(*texts: str) -> Reader:
    """One of these texts."""
    return lambda text: text if text in texts else None
