"""How long people wait: the pages of the laboratory in Chromium, with one browser and with ten.

    python -m benchmarks.pages            prints a table and, last, one line of JSON
    ... --keep                            puts the table into docs/performance.md too

Everything on this machine, so ten browsers compete with the server for it; every time is told whole, and beside it how
much of it the server took: from the message that goes out to the last one that comes back. Uses a 2-D VAE of MNIST,
trained for one epoch into a folder of its own, where AECORE_DATA has MNIST; else of the digits.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil

from aecore.data import datasets
from aecore.models import presets
from aecore.models.families.build import resolve_config
from benchmarks import report
from tools.browser import free_port, launch_browser, start_server, wait_until_idle

TITLES = ("Data", "Train", "Runs", "Reconstruct", "Latent map", "Manifold", "Interpolate", "Denoise")
N_USERS, SECONDS = 10, 20.0  # browsers, and seconds in which each moves a slider about once a second

# notes when messages go out and come back, by the page's own clock
RECORD_MESSAGES = """(() => {
  const Plain = WebSocket, talk = (window.__talk = { sent: 0, heard: 0 });
  window.WebSocket = class extends Plain {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', () => { talk.heard = performance.now(); });
    }
    send(...given) {
      talk.sent ||= performance.now();
      return super.send(...given);
    }
  };
})()"""
# Each resolves to [the whole time since `began`, the server's part of it] in milliseconds.
WAIT_FOR_PAGE = """([title, began]) => new Promise((done) => {
  const look = () => {
    const app = document.querySelector('[data-testid="stApp"]');
    const heading = document.querySelector('[data-testid="stMain"] h1');
    const charts = [...document.querySelectorAll('[data-testid="stPlotlyChart"]')];
    const ready = heading && heading.textContent.trim() === title
      && app.dataset.testScriptState === 'notRunning'
      && !document.querySelector('[data-testid="stMain"] [data-stale="true"]')
      && charts.every((chart) => chart.querySelector('.main-svg'));
    if (ready) done([performance.now() - began, __talk.heard - __talk.sent]);
    else requestAnimationFrame(look);
  };
  look();
})"""
GRID_SELECTOR = '[data-testid="stPlotlyChart"] image'
WAIT_FOR_REDRAW = """([selector, before]) => new Promise((done) => {
  const look = () => {
    const image = document.querySelector(selector);
    const state = document.querySelector('[data-testid="stApp"]').dataset.testScriptState;
    if (image && image.getAttribute('href') !== before && state === 'notRunning')
      done([performance.now() - __talk.sent, __talk.heard - __talk.sent]);
    else requestAnimationFrame(look);
  };
  look();
})"""
WAIT_FOR_DECODE = """(canvas, [before, began]) => new Promise((done) => {
  const look = () => {
    if (canvas.toDataURL() === before) requestAnimationFrame(look);
    else done([performance.now() - began, 0]);
  };
  look();
})"""
START_CLOCK = "() => { __talk.sent = 0; return performance.now(); }"


@dataclass
class Latencies:
    """How long something took, again and again, in milliseconds."""

    total: list[float] = field(default_factory=list)
    server: list[float] = field(default_factory=list)

    def add(self, pair: list[float]) -> None:
        self.total.append(pair[0])
        self.server.append(pair[1])

    def row(self, name: str) -> str:
        whole = f"{statistics.median(self.total):.0f} | {_p95(self.total):.0f}"
        server = f"{statistics.median(self.server):.0f} | {_p95(self.server):.0f}" if any(self.server) else "0 | 0"
        return f"| {name} | {whole} | {server} | {len(self.total)} |"


def _p95(times: list[float]) -> float:
    """95 of 100 are not longer."""
    return sorted(times)[min(len(times) - 1, int(0.95 * len(times)))]


def time_cold_start() -> float:
    """From `streamlit run` in a new process to the first screen's image in an open browser, milliseconds."""
    with launch_browser() as browser:
        page, port = browser.new_context().new_page(), free_port()
        command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
        began = time.perf_counter()
        server = subprocess.Popen(
            [*command, "--server.port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            while True:
                with suppress(Exception):
                    page.goto(f"http://localhost:{port}")
                    break
                time.sleep(0.05)
            page.wait_for_selector("h1")
            page.locator(".home .coordinates", has_text=re.compile(r"\d")).wait_for()  # in a shadow root
            return 1000 * (time.perf_counter() - began)
        finally:
            server.terminate()
            server.wait()


def time_page_changes(page: Any, rounds: int) -> dict[str, Latencies]:
    found = {title: Latencies() for title in TITLES}
    for turn in range(rounds + 1):
        for title in TITLES:
            link = page.get_by_test_id("stSidebar").get_by_role("link", name=title, exact=True)
            link.hover()
            began = page.evaluate(START_CLOCK)
            link.click()
            pair = page.evaluate(WAIT_FOR_PAGE, [title, began])
            if turn:  # the first round fills the caches
                found[title].add(pair)
            wait_until_idle(page)
    return found


def time_map(page: Any, address: str, run: str, repeats: int) -> Latencies:
    """From an address to the map of all training images, 60,000 with MNIST, drawn and ready to be moved."""
    found = Latencies()
    for _ in range(repeats + 1):  # the first one encodes them
        page.goto("about:blank")
        began = time.perf_counter()
        page.goto(f"{address}/latent_map?run={run}&of=training")
        page.wait_for_selector('canvas.points[aria-label*="images"]')
        found.add([1000 * (time.perf_counter() - began), 0.0])
    found.total, found.server = found.total[1:], found.server[1:]
    return found


def time_server_slider(page: Any, address: str, run: str, repeats: int) -> Latencies:
    """Moves a slider of Streamlit's by a key: from the message that goes out to the new mosaic on the screen."""
    page.goto(f"{address}/manifold?run={run}")
    wait_until_idle(page)
    thumb, found = page.get_by_role("slider", name="Grid size"), Latencies()
    for turn in range(repeats):
        before = page.locator(GRID_SELECTOR).first.get_attribute("href")
        thumb.focus()
        page.evaluate(START_CLOCK)
        page.keyboard.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft")
        found.add(page.evaluate(WAIT_FOR_REDRAW, [GRID_SELECTOR, before]))
        page.wait_for_timeout(250)  # somebody looks at it
    return found


def time_live_slider(page: Any, address: str, run: str, repeats: int) -> Latencies:
    """Moves a latent slider by a key: until the browser has decoded another image; the server hears nothing."""
    page.goto(f"{address}/interpolate?run={run}")
    wait_until_idle(page)
    thumb, canvas, found = (
        page.get_by_role("slider", name="z1", exact=True),
        page.locator("canvas.decoded"),
        Latencies(),
    )
    for turn in range(repeats):
        before = canvas.evaluate("canvas => canvas.toDataURL()")
        thumb.focus()
        began = page.evaluate(START_CLOCK)
        page.keyboard.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft")
        found.add(canvas.evaluate(WAIT_FOR_DECODE, [before, began]))
        page.wait_for_timeout(250)
    return found


def time_first_loss(page: Any, address: str, seed: int) -> list[float]:
    page.goto(f"{address}/train")
    wait_until_idle(page)
    for name, number in (("Epochs", 1000), ("Seed", seed)):  # a long one, so that its loss is there to be seen
        page.get_by_role("spinbutton", name=name).fill(str(number))
        page.keyboard.press("Tab")
        wait_until_idle(page)
    began = time.perf_counter()
    page.get_by_role("button", name="Train", exact=True).click()
    page.wait_for_selector("text=Training loss of the current epoch", timeout=20_000)
    took = 1000 * (time.perf_counter() - began)
    page.get_by_role("button", name="Stop").click()
    wait_until_idle(page)
    return [took, 0.0]


def concurrent_users(address: str, run: str, n_users: int) -> tuple[Latencies, int]:
    """People who each move a slider of the Manifold page about once a second: what the server takes for each move, and
    how often it failed. Only their conversation is played: their browsers would be on other machines."""
    return asyncio.run(_concurrent_users(address, run, n_users))


async def _concurrent_users(address: str, run: str, n_users: int) -> tuple[Latencies, int]:
    waits, ready, failed = Latencies(), [], 0

    async def one(number: int) -> None:
        nonlocal failed
        chance, side = random.Random(number), 15
        async with UserSession(address, run) as visitor:
            await visitor.rerun("manifold")
            ready.append(number)
            while len(ready) < n_users:
                await asyncio.sleep(0.05)
            end = time.monotonic() + SECONDS
            while time.monotonic() < end:
                await asyncio.sleep(0.5 + chance.random())
                side = side + chance.choice((-1, 1)) if 6 < side < 24 else 15
                began = time.perf_counter()
                well = await visitor.rerun("manifold", **{"Grid size": side})
                took = 1000 * (time.perf_counter() - began)
                waits.add([took, took])
                failed += not well

    await asyncio.gather(*(one(number) for number in range(n_users)))
    return waits, failed


class UserSession:
    """One session of the server without a browser: says what a browser would, and reads all that comes back."""

    def __init__(self, address: str, run: str) -> None:
        self.address, self.run = address.replace("http", "ws"), run
        self.sliders: dict[str, str] = {}  # the widgets' names for the server, by their labels
        self.cached_hashes: set[str] = set()
        self.fragment_id = ""  # what of the page runs anew when its widgets move

    async def __aenter__(self) -> UserSession:
        from websockets.asyncio.client import connect

        self.socket = await connect(f"{self.address}/_stcore/stream", subprotocols=["streamlit"], max_size=None)
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.socket.close()

    async def rerun(self, page: str, **slider_values: float) -> bool:
        """Asks for a run of a page with sliders moved; whether it went well, when all of it has come."""
        from streamlit.proto.BackMsg_pb2 import BackMsg  # noqa: TID251  what goes over the line, and draws nothing
        from streamlit.proto.ForwardMsg_pb2 import ForwardMsg  # noqa: TID251

        asked, well, drawn = BackMsg(), True, False
        asked.rerun_script.query_string = f"run={self.run}"
        asked.rerun_script.page_name = page
        asked.rerun_script.fragment_id = self.fragment_id
        asked.rerun_script.cached_message_hashes.extend(self.cached_hashes)
        for label, value in slider_values.items():
            state = asked.rerun_script.widget_states.widgets.add(id=self.sliders[label])
            state.double_array_value.data.append(value)
        await self.socket.send(asked.SerializeToString())
        while True:
            told = ForwardMsg.FromString(await self.socket.recv())
            if told.metadata.cacheable:
                self.cached_hashes.add(told.hash)
            drawn |= told.delta.new_element.WhichOneof("type") == "plotly_chart" or bool(told.ref_hash)
            element = told.delta.new_element
            well &= element.WhichOneof("type") not in ("exception", "alert")
            if element.WhichOneof("type") == "slider":
                self.sliders[element.slider.label] = element.slider.id
                self.fragment_id = told.delta.fragment_id
            if told.WhichOneof("type") == "script_finished":
                return well and drawn


def server_memory(address: str) -> float:
    """Bytes that the server itself holds."""
    port = int(address.rpartition(":")[2])
    server = next(
        process
        for process in psutil.process_iter(["cmdline"])
        if "streamlit" in (line := process.info["cmdline"] or []) and str(port) in line
    )
    return float(server.memory_full_info().uss)


def train_run(folder: str) -> str:
    """A run to look at, by its id."""
    from aecore.jobs.worker import run_training

    os.environ["AECORE_RUNS"] = folder
    dataset = "mnist" if datasets.is_available("mnist") else "digits"
    config = resolve_config(presets.default_config(dataset, family="vae", latent_dim=2, epochs=1))
    for _ in run_training(config):
        pass
    return config.id


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", action="store_true", help=f"put the table into {report.PERFORMANCE}")
    asked = parser.parse_args()
    starts = [time_cold_start() for _ in range(3)]
    rows: dict[str, Latencies] = {"cold `streamlit run` to the first screen": Latencies(starts, [0.0] * 3)}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        run = train_run(folder)
        with start_server(env={"AECORE_RUNS": folder}) as address:
            with launch_browser() as browser:
                context = browser.new_context(viewport={"width": 1280, "height": 900})
                context.add_init_script(RECORD_MESSAGES)
                page = context.new_page()
                page.goto(f"{address}?run={run}")
                wait_until_idle(page)
                changes = time_page_changes(page, 5)
                rows |= {f"to the page {title}": waits for title, waits in changes.items()}
                rows["by address to a map of 60,000"] = time_map(page, address, run, 5)
                rows["slider of Streamlit's to a new mosaic"] = time_server_slider(page, address, run, 40)
                rows["latent slider to a new image"] = time_live_slider(page, address, run, 40)
                rows["Train to the first loss"] = Latencies()
                for seed in range(1, 6):
                    rows["Train to the first loss"].add(time_first_loss(page, address, seed))
            alone = server_memory(address)
            rows["the server's part, asked by one"], _ = concurrent_users(address, run, 1)
            rows[f"the server's part, asked by {N_USERS} at once"], failed = concurrent_users(address, run, N_USERS)
            full = server_memory(address)
    every = [each for waits in changes.values() for each in waits.total]
    lines = [
        "## Pages",
        "",
        "| milliseconds | p50 | p95 | server's part, p50 | p95 | times |",
        "|---|---|---|---|---|---|",
    ]
    lines += [waits.row(name) for name, waits in rows.items()]
    lines += [
        "",
        f"All page changes together: p50 {statistics.median(every):.0f} ms. The server holds {alone / 1e6:.0f} MB of "
        f"its own after one browser and {full / 1e6:.0f} MB after {N_USERS} more, "
        f"{(full - alone) / N_USERS / 1e6:.1f} MB "
        f"each. Runs that failed: {failed}.",
    ]
    print("\n".join(lines))
    if asked.keep:
        report.write_section(report.PERFORMANCE, report.PERFORMANCE_HEADER, lines)
    said = {
        name: [statistics.median(waits.total), _p95(waits.total), _p95(waits.server)] for name, waits in rows.items()
    }
    print(json.dumps(said | {"memory": [alone, full], "changes": statistics.median(every)}))


if __name__ == "__main__":
    main()
