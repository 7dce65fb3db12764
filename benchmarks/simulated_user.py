"""Somebody at a browser who presses what the screen offers, and is counted: clicks, entries and scrolls."""

from __future__ import annotations

import contextlib
import re
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.browser import wait_until_idle

PATIENCE = 8.0  # seconds in which something to press has to appear
ROLES = ("button", "link", "radio", "tab", "option", "menuitem", "checkbox", "switch")


class NotThere(Exception):
    """What the task needs is not on the screen."""


@dataclass
class SimulatedUser:
    """Somebody at a browser, who presses what the screen offers and is counted."""

    page: Any
    address: str
    clicks: int = 0
    entries: int = 0
    scrolls: int = 0
    found: dict[str, str] = field(default_factory=dict)

    def start(self) -> None:
        """Opens the first screen; what comes before the task is not counted."""
        self.page.goto(self.address)
        wait_until_idle(self.page)
        self.clicks = self.entries = self.scrolls = 0

    def go(self, title: str) -> None:
        """Chooses a page in the navigation."""
        link = self.page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True)
        self._click(link.first)
        self.page.locator("h1", has_text=title).first.wait_for(timeout=30_000)
        wait_until_idle(self.page)

    def press(self, *names: str, settle: bool = True) -> str:
        """Presses the first of these words that is there; NotThere when none is."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            for name in names:
                if (target := self._target(name)) is not None:
                    self._click(target)
                    if settle:
                        self.page.wait_for_timeout(300)  # the page hears of it, and is busy
                        wait_until_idle(self.page)
                    return name
            self.page.wait_for_timeout(100)
        raise NotThere(f"no {' or '.join(map(repr, names))}")

    def _target(self, name: str) -> Any:
        main = self.page.get_by_test_id("stMain")
        for role in ROLES:
            here = main.get_by_role(role, name=name, exact=True)
            for at in range(here.count()):
                if here.nth(at).is_visible() and here.nth(at).is_enabled():
                    return here.nth(at)
        texts = self.page.get_by_text(name, exact=True)  # in a popover or a dialog, and what has no role
        visible = [texts.nth(at) for at in range(texts.count()) if texts.nth(at).is_visible()]
        return visible[0] if visible else None

    def choose(self, label: str, option: str | re.Pattern[str], among: Any = None) -> None:
        """Chooses an option of a list."""
        box = (among or self.page.get_by_test_id("stMain")).get_by_role("combobox", name=label)
        if not box.count():
            raise NotThere(f"no list {label!r}")
        self._click(box.first)
        found = self.page.get_by_role("option", name=option, exact=True)
        try:
            found.first.wait_for(timeout=1000 * PATIENCE)
        except Exception:
            raise NotThere(f"no {option!r} in {label!r}") from None
        self._click(found.first)
        wait_until_idle(self.page)

    def fill(self, label: str, value: object) -> None:
        """Types into a field."""
        box = self.page.get_by_role("spinbutton", name=label).or_(self.page.get_by_role("textbox", name=label)).first
        try:
            box.wait_for(timeout=1000 * PATIENCE)
        except Exception:
            raise NotThere(f"no field {label!r}") from None
        self.bring(box)
        box.fill(str(value))
        box.press("Tab")
        self.entries += 1
        wait_until_idle(self.page)

    def see(self, what: Any, seconds: float = PATIENCE) -> str:
        """Waits for words or a place of the page, and scrolls there if it is not in the window; gives its text."""
        place = self.page.get_by_text(what).first if isinstance(what, str | re.Pattern) else what
        try:
            place.wait_for(timeout=1000 * seconds)
        except Exception:
            raise NotThere(f"{what!r} was not seen in {seconds:g} s") from None
        self.bring(place)
        return str(place.text_content() or "").strip()

    def bring(self, place: Any) -> None:
        """Scrolls to what is not in the window; counted."""
        box, size = place.bounding_box(), self.page.viewport_size
        if box and not (0 <= box["y"] + min(box["height"], 60) / 2 <= size["height"]):
            self.scrolls += 1
        with contextlib.suppress(Exception):  # drawn anew meanwhile
            place.scroll_into_view_if_needed(timeout=2000)

    def _click(self, target: Any) -> None:
        self.bring(target)
        target.click()
        self.clicks += 1

    def click_at(self, target: Any, across: float, down: float) -> None:
        """Clicks at a place of something drawn."""
        self.bring(target)
        box = target.bounding_box()
        self.page.mouse.click(box["x"] + across * box["width"], box["y"] + down * box["height"])
        self.clicks += 1

    def drag(self, target: Any, *places: tuple[float, float]) -> None:
        """Drags over something drawn; counts as a click."""
        self.bring(target)
        box = target.bounding_box()
        spots = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
        self.page.mouse.move(*spots[0])
        self.page.mouse.down()
        for spot in spots[1:]:
            self.page.mouse.move(*spot, steps=6)
        self.page.mouse.up()
        self.clicks += 1

    def upload(self, picture: bytes, name: str) -> None:
        """Gives a file to the page's field for files."""
        fields = self.page.locator("input[type=file]")
        try:
            fields.first.wait_for(state="attached", timeout=1000 * PATIENCE)
        except Exception:
            raise NotThere("no field for a file") from None
        self.clicks += 1
        fields.first.set_input_files({"name": name, "mimeType": "image/png", "buffer": picture})
        wait_until_idle(self.page)

    def download(self, *names: str) -> Path:
        """Presses what saves a file; the file."""
        with self.page.expect_download(timeout=60_000) as coming:
            self.press(*names, settle=False)
        path = Path(coming.value.path())
        self.found[coming.value.suggested_filename] = f"{path.stat().st_size:,} bytes"
        return path
