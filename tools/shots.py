"""Photographs every page into shots/: light, dark, and narrow as a phone; says what went wrong."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

from tools.browser import ROOT, expand_viewport, launch_browser, record_errors, start_server, wait_until_idle

VARIANTS: dict[str, dict[str, Any]] = {
    "light": {"color_scheme": "light", "viewport": {"width": 1280, "height": 800}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1280, "height": 800}},
    "400": {"color_scheme": "light", "viewport": {"width": 400, "height": 800}, "has_touch": True},
}


def pages() -> list[str]:
    """Each page's address below the laboratory's own, as Streamlit makes it from the file; "" comes first."""
    names = sorted(path.stem for path in (ROOT / "pages").glob("*.py") if not path.stem.startswith("_"))
    return ["", *(re.sub(r"^[0-9]*[_ -]*", "", name) for name in names)]


def default_run() -> str | None:
    """A trained model that comes with the laboratory, on images that come with it too."""
    return next((path.parent.name for path in sorted((ROOT / "pretrained").glob("*-digits-*/config.json"))), None)


def take_screenshots(address: str, names: list[str], variants: list[str], run: str | None, folder: Path) -> list[str]:
    """Every page in every look; gives the faults, each with the page and look it belongs to."""
    found = []
    with launch_browser() as browser:
        for look in variants:
            context = browser.new_context(**VARIANTS[look])
            faults = record_errors(context)
            for name in names:
                page = context.new_page()
                problem = _open_page(page, f"{address}/{name}" + (f"?run={run}" if run else ""))
                screenshot = folder / f"{name or 'first'}-{look}.png"
                page.screenshot(path=screenshot)
                page.close()
                found += [f"{name or 'first'} ({look}): {fault}" for fault in [*problem, *faults]]
                faults.clear()
                print(os.path.relpath(screenshot))
            context.close()
    return found


def _open_page(page: Any, address: str) -> list[str]:
    from playwright.sync_api import TimeoutError as TookTooLong

    try:
        page.goto(address)
        wait_until_idle(page)
        expand_viewport(page)
    except TookTooLong:
        return ["still busy after a minute"]
    broken = page.locator('[data-testid="stException"]').count()
    wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return ["shows an exception"] * bool(broken) + ["is wider than the window"] * bool(wide)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.shots", description=__doc__)
    parser.add_argument("pages", nargs="*", help="only these (`first` is the first screen); all when none is named")
    parser.add_argument("--run", default=default_run(), help="the run that the pages show (default: %(default)s)")
    parser.add_argument("--look", action="append", choices=list(VARIANTS), help="may be repeated; all when not given")
    parser.add_argument("--out", type=Path, default=ROOT / "shots", help="the folder for the images")
    given = parser.parse_args()
    names = [name for name in pages() if not given.pages or (name or "first") in given.pages]
    given.out.mkdir(parents=True, exist_ok=True)
    with start_server() as address:  # $AECORE_RUNS, when set, names the runs folder, as always
        faults = take_screenshots(address, names, given.look or list(VARIANTS), given.run, given.out)
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
