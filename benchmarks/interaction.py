"""How fast pictures follow a hand: decoding in Chromium beside the same model behind a slider and the server.

    python -m benchmarks.interaction            prints a table and, last, one line of JSON

The first line says how busy this machine was: times of a busy one say little. Models are as the form starts them, with
the weights they have before training; half of what a ReLU says is zero, as it is about after training. Streamlit's
slider sends nothing while it is dragged, so the server's time is from letting go (a key) until the page holds the new
picture; beside it stands how long the browser works on one.
"""

from __future__ import annotations

import base64
import json
import os
import statistics
import tempfile
from pathlib import Path
from typing import Any

import torch

from aecore.data.cards import CARDS
from aecore.export import compile_browser
from aecore.models import presets
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import Gaussian
from aecore.models.families.build import build, settle
from aecore.models.networks import Maker
from tools.browser import ROOT, idle, launch_browser, start_server

TIMES = 300  # pictures decoded one after the other
CELLS = 20  # pictures on each side of the mosaic
# name: (data set, network, size of the code, most milliseconds for 95 of 100 pictures)
DRAGGED = {
    "MNIST, mlp": ("mnist", "mlp", 2, 8),
    "MNIST, conv": ("mnist", "conv", 2, 8),
    "shapes in colour, conv": ("shapes-colour", "conv", 16, 8),
}
LARGE = "64 x 64 x 3, conv 256-128-64-32"

# resolves at the moment at which the page holds another picture; the screen shows it with its next frame
CHANGED = """([selector, before]) => new Promise(done => {
  const look = () => {
    const found = document.querySelector(selector);
    if (found && found.src !== before) { watch.disconnect(); done(performance.now()); }
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, {subtree: true, childList: true, attributes: true});
  look();
})"""
PREPARE = """async ([name, head, weights]) => {
  const [net, crowd] = await Promise.all(['net', 'crowd'].map((file) => import(`/app/static/live/${file}.js`)));
  const bytes = Uint8Array.from(atob(weights), (each) => each.charCodeAt(0));
  const models = (window.models ??= {}), floats = new Float32Array(bytes.buffer);
  models[name] = { head, bytes, ...net.network(head, floats), crowd: crowd.crowd(head, floats) };
  window.codes ??= (n, size) => Float32Array.from({ length: n * size }, () => 4 * Math.random() - 2);
}"""
DECODE = """([name, times]) => {
  const { decode, size } = models[name], found = [];
  for (let i = -30; i < times; i++) {
    const code = codes(1, size), began = performance.now();
    decode(code);
    if (i >= 0) found.push(performance.now() - began);  // the first ones are compiled meanwhile
  }
  return found;
}"""
# decodes and paints a new code in every frame: what dragging does
DRAG = """([name, milliseconds]) => new Promise(async (done) => {
  const { decode, size, shape } = models[name], canvas = document.createElement('canvas');
  const { paint } = await import('/app/static/live/picture.js');
  canvas.style.cssText = 'width: 280px; height: 280px';
  document.body.replaceChildren(canvas);
  let began = 0;
  const times = [], frame = (now) => {
    began ||= now;
    if (now - began >= milliseconds) return done([(1000 * times.length) / (now - began), times]);
    const code = codes(1, size), before = performance.now();
    paint(canvas, decode(code), shape);
    times.push(performance.now() - before);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""
FIRST = """async ([name]) => {
  const { put, get } = await import('/app/static/live/models.js');
  const { head, bytes } = models[name], began = performance.now();
  put('first', head, bytes);
  (await get('first')).decode(codes(1, head.size));
  return performance.now() - began;
}"""
MOSAIC = """async ([name, count]) => {
  const { crowd, size } = models[name], given = codes(count, size);
  let last = performance.now(), gap = 0, over = false;
  const watch = (now) => {
    gap = Math.max(gap, now - last);
    last = now;
    if (!over) requestAnimationFrame(watch);
  };
  await new Promise(requestAnimationFrame);
  requestAnimationFrame((now) => { last = now; requestAnimationFrame(watch); });
  const began = performance.now();
  await crowd.decode(given);
  over = true;
  return [performance.now() - began, gap];
}"""
DRAW = """([name, times]) => {
  const { encode, decode, shape } = models[name], found = [];
  const picture = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = -30; i < times; i++) {
    picture.forEach((_, at) => { picture[at] = Math.random() < 0.2 ? Math.random() : 0; });  // as much ink as a digit
    const began = performance.now();
    decode(encode(picture));
    if (i >= 0) found.push(performance.now() - began);
  }
  return found;
}"""
SLIDER = """
import gc

import numpy as np
import streamlit as st
from aecore.models import presets
from aecore.analysis import loaded as trained
from aecore.models.families.build import build, settle
from ui.widgets import images


@st.cache_resource
def opened():
    config = settle(presets.start("{dataset}", "{network}", family="vae", z_dim={size}))
    model = trained.Trained(config, build(config).model.eval(), {{}})
    gc.collect()
    gc.freeze()
    return model


code = np.zeros((1, {size}), np.float32)
code[0, 0] = st.slider("z1", -3.0, 3.0, 0.0, 0.05)
images.single(opened().pictures(code)[0], "Decoded", "Decoded")
"""


def of_the_form(dataset: str, network: str, size: int) -> compile_browser.Program:
    config = settle(presets.start(dataset, network, family="vae", z_dim=size))
    return compile_browser.program_of(build(config).model.eval(), CARDS[dataset].shape)


def large() -> compile_browser.Program:
    """A decoder for photographs, which no form makes yet."""
    torch.manual_seed(0)
    make, bottleneck = Maker((3, 64, 64), "conv", (32, 64, 128, 256)), Gaussian(64)
    model = Autoencoder(make.encoder(bottleneck.inputs), bottleneck, make.decoder(64), make.likelihood)
    return compile_browser.program_of(model.eval(), make.shape)


def p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))]


class Table:
    """Lines with a limit each; the JSON at the end holds the same numbers."""

    def __init__(self) -> None:
        self.numbers: dict[str, float] = {}
        self.missed: list[str] = []

    def say(self, name: str, value: float, unit: str, most: float | None = None, least: float | None = None) -> None:
        self.numbers[name] = round(value, 3)
        met = (most is None or value < most) and (least is None or value >= least)
        wanted = f"  wanted: under {most:g}" if most else f"  wanted: {least:g} or more" if least else ""
        print(f"{name:62} {value:9.2f} {unit:12}{wanted}{'' if met else '  MISSED'}", flush=True)
        if not met:
            self.missed.append(name)


def in_the_browser(page: Any, address: str, table: Table) -> None:
    programs = {name: of_the_form(*settings[:3]) for name, settings in DRAGGED.items()} | {LARGE: large()}
    limits = {name: settings[3] for name, settings in DRAGGED.items()} | {LARGE: 16}

    def fresh(*names: str) -> None:
        """A new page, on which nothing is compiled yet."""
        page.goto(f"{address}/app/static/live/net.js")
        for name in names:
            weights = base64.b64encode(programs[name].weights.tobytes()).decode()
            page.evaluate(PREPARE, [name, programs[name].head, weights])

    for name, limit in limits.items():
        fresh(name)
        times = page.evaluate(DECODE, [name, TIMES])
        table.say(f"{name}: decode, p50", statistics.median(times), "ms")
        table.say(f"{name}: decode, p95", p95(times), "ms", most=limit)
        pictures, times = page.evaluate(DRAG, [name, 2000])
        table.say(f"{name}: while dragging", pictures, "pictures/s", least=55 if name != LARGE else None)
        table.say(f"{name}: decode and paint while dragging, p50", statistics.median(times), "ms")
    mlp, conv, *_ = programs
    first = []
    for _ in range(5):
        fresh(mlp)
        first.append(page.evaluate(FIRST, [mlp]))
    table.say(f"{len(programs[mlp].weights):,} weights: first picture", max(first), "ms", most=150)
    fresh(conv, mlp)
    mosaics = [page.evaluate(MOSAIC, [conv, CELLS**2]) for _ in range(6)]
    table.say(f"{conv}: {CELLS} x {CELLS} mosaic, the first", mosaics[0][0], "ms", most=500)
    table.say(f"{conv}: {CELLS} x {CELLS} mosaic, p50", statistics.median(each[0] for each in mosaics), "ms", most=500)
    table.say("longest gap between frames meanwhile", max(each[1] for each in mosaics), "ms")
    drawn = page.evaluate(DRAW, [mlp, TIMES])
    table.say(f"{mlp}: drawing to reconstruction, p95", p95(drawn), "ms", most=16)


def behind_the_server(page: Any, address: str, times: int = 40) -> list[float]:
    """Presses an arrow key on Streamlit's slider until the picture that the server decodes has changed."""
    page.goto(address)
    idle(page)
    thumb, found = page.get_by_role("slider"), []
    picture = '[data-testid="stMain"] img'
    for turn in range(times + 3):
        before = page.get_attribute(picture, "src")
        thumb.focus()
        began = page.evaluate("performance.now()")
        page.keyboard.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft", delay=0)
        found.append(page.evaluate(CHANGED, [picture, before]) - began)
        page.wait_for_timeout(250)
    return found[3:]


def main() -> None:
    table = Table()
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with launch_browser() as chrome, tempfile.TemporaryDirectory() as folder:
        page = chrome.new_context(viewport={"width": 1280, "height": 900}).new_page()
        with start_server() as address:
            in_the_browser(page, address, table)
        for number, (name, (dataset, network, size, _)) in enumerate(DRAGGED.items()):
            script = Path(folder) / f"slider{number}.py"
            script.write_text(SLIDER.format(dataset=dataset, network=network, size=size))
            with start_server(script, env={"PYTHONPATH": str(ROOT)}) as address:
                served = statistics.median(behind_the_server(page, address))
            table.say(f"{name}: st.slider let go to picture, p50", served, "ms")
            drawn = table.numbers[f"{name}: decode and paint while dragging, p50"]
            table.say(f"{name}: times as long as in the browser", served / drawn, "")
    table.numbers["load"] = round(os.getloadavg()[0], 2)
    print(f"missed: {', '.join(table.missed) or 'none'}")
    print(json.dumps(table.numbers))


if __name__ == "__main__":
    main()
