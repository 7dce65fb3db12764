"""What a hand does to what is drawn on a page, and what is drawn there."""

from __future__ import annotations


def spot(target, across: float, down: float) -> tuple[float, float]:
    """A place of an element, in shares of it, as a place of the window."""
    box = target.bounding_box()
    return box["x"] + across * box["width"], box["y"] + down * box["height"]


def drawn(page, selector: str) -> str:
    return page.locator(selector).evaluate("canvas => canvas.toDataURL()")


def redrawn(page, selector: str, before: str) -> None:
    """Waits until something else is drawn there than `before`: how long that takes is the machine's affair."""
    for _ in range(200):
        if drawn(page, selector) != before:
            return
        page.wait_for_timeout(100)
    raise AssertionError(f"{selector} was not drawn anew in 20 s")


def drag(page, target, *places: tuple[float, float], release: bool = True) -> None:
    page.mouse.move(*spot(target, *places[0]))
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*spot(target, *place), steps=5)
    if release:
        page.mouse.up()


def painted(page) -> None:
    """Two frames later all that was asked for is on the screen."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")


def touch(page, target, kind: str, *places: tuple[float, float]) -> None:
    """Fingers on a touch screen, by Chromium's own means."""
    points = [dict(zip(("x", "y"), spot(target, *place), strict=True), id=at) for at, place in enumerate(places)]
    if not hasattr(page, "fingers"):
        page.fingers = page.context.new_cdp_session(page)
    page.fingers.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
