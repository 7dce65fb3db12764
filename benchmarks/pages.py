"""How long a person waits: the pages of the laboratory in Chromium, in milliseconds.

    python -m benchmarks.pages            prints a table and, last, one line of JSON

Cold start to first screen; page changes with a finished run chosen; a key on a latent slider until the new picture
is there; pressing Train until the first loss. Everything on this machine, one browser.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

from tools.browser import free_port, idle, launch_browser, start_server
from tools.shots import first_run

# resolves at the moment at which the page holds another picture; the screen shows it with its next frame
PAINTED = """(canvas, before) => new Promise(done => {
  const look = () => canvas.toDataURL() === before ? requestAnimationFrame(look) : done(performance.now());
  look();
})"""
SHOWN = """title => new Promise(done => {
  const look = () => {
    const app = document.querySelector('[data-testid="stApp"]');
    const heading = document.querySelector('[data-testid="stMain"] h1');
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    const ready = heading && heading.textContent.trim() === title
      && app.dataset.testScriptState === 'notRunning'
      && !document.querySelector('[data-testid="stMain"] [data-stale="true"]')
      && charts.every(chart => chart.querySelector('.main-svg'));
    ready ? done(performance.now()) : requestAnimationFrame(look);
  };
  look();
})"""
TITLES = ("Data", "Train", "Runs", "Reconstruct", "Latent map", "Manifold", "Interpolate", "Denoise")


def timed(action: Callable[[], Any]) -> float:
    began = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - began)


def cold_start() -> float:
    """From `streamlit run` to the first screen's heading in an already open browser."""
    with launch_browser() as browser:
        page = browser.new_context().new_page()
        port = free_port()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        began = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--server.port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while True:
                try:
                    page.goto(f"http://localhost:{port}")
                    break
                except Exception:
                    time.sleep(0.05)
            page.wait_for_selector("h1")
            page.wait_for_selector('[data-testid="stImage"] img')
            return 1000 * (time.perf_counter() - began)
        finally:
            server.terminate()
            server.wait()


def page_changes(page: Any, rounds: int) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {title: [] for title in TITLES}
    for _ in range(rounds + 1):
        for title in TITLES:
            link = page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True)
            change = lambda link=link, title=title: (link.click(), page.evaluate(SHOWN, title))  # noqa: E731
            found[title].append(timed(change))
            idle(page)
    return {title: times[1:] for title, times in found.items()}  # the first round fills the caches


def slider(page: Any, address: str, run: str, times: int) -> list[float]:
    """Presses an arrow key on a latent slider until the browser has decoded another picture."""
    page.goto(f"{address}/interpolate?run={run}")
    idle(page)
    thumb, canvas = page.get_by_role("slider", name="z1", exact=True), page.locator("canvas.decoded")
    found = []
    for turn in range(times):
        before = canvas.evaluate("canvas => canvas.toDataURL()")
        thumb.focus()
        began = page.evaluate("performance.now()")  # the page's own clock, so that the driver's time does not count
        page.keyboard.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft", delay=0)
        found.append(canvas.evaluate(PAINTED, before) - began)
        page.wait_for_timeout(250)  # somebody looks at it; our own waiting polls the page and would be timed too
    return found


def click_to_loss(page: Any, address: str, seed: int) -> float:
    page.goto(f"{address}/train")
    idle(page)
    page.get_by_role("spinbutton", name="Seed").fill(str(seed))
    page.keyboard.press("Tab")
    idle(page)
    button = page.get_by_role("button", name="Train", exact=True)
    return timed(lambda: (button.click(), page.wait_for_selector("text=Loss in this epoch", timeout=8000)))


def main() -> None:
    run = first_run() or ""
    said: dict[str, Any] = {"cold start to first screen": [cold_start() for _ in range(3)]}
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as runs,
        start_server(env={"AECORE_RUNS": runs}) as address,
        launch_browser() as browser,
    ):
        page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
        page.goto(f"{address}?run={run}")
        idle(page)
        said |= {f"page change: {title}": times for title, times in page_changes(page, 5).items()}
        said["slider key to picture"] = slider(page, address, run, 40)
        said["Train click to first loss"] = [click_to_loss(page, address, seed) for seed in range(1, 6)]
    for name, times in said.items():
        print(f"{name:34} p50 {statistics.median(times):7.0f}   max {max(times):7.0f}   n {len(times)}")
    print(json.dumps({name: round(statistics.median(times), 1) for name, times in said.items()}))


if __name__ == "__main__":
    main()
