"""How fast images follow a hand: decoding in Chromium beside the same model behind a slider and the server.

    python -m benchmarks.interaction [decoding] [training]      prints a table and, last, one line of JSON

`decoding` compares browser and server. `training` drags the pad of the Train page by a real pointer while the service
trains on MNIST (on the shapes where that is not here), and again when the training has been stopped.

The first line says how busy this machine was: times of a busy one say little. Models are as the form starts them, with
the weights they have before training; half of what a ReLU says is zero, as it is about after training. Streamlit's
slider sends nothing while it is dragged, so the server's time is from letting go (a key) until the page holds the new
image; beside it stands how long the browser works on one.
"""

from __future__ import annotations

import base64
import json
import math
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from aecore.data import datasets
from aecore.data.cards import CARDS
from aecore.export import compile_browser
from aecore.export.program import Program
from aecore.models import presets
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import GaussianBottleneck
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.networks import NetworkFactory
from tools.browser import ROOT, launch_browser, start_server, wait_until_idle

REPEATS = 300  # images decoded one after the other
DRAG_SECONDS = 10
GRID_SIZE = 20  # images on each side of the mosaic
# name: (data set, network, size of the code, most milliseconds for 95 of 100 images)
MODELS = {
    "MNIST, mlp": ("mnist", "mlp", 2, 8),
    "MNIST, conv": ("mnist", "conv", 2, 8),
    "shapes in colour, conv": ("shapes-colour", "conv", 16, 8),
}
# what is no image: the same, with the words that stand beside the drawing
DRAWINGS = {
    "heartbeats (140 x 1)": ("heartbeats", "mlp", 2, 8),
    "machine (3 channels)": ("machine", "mlp", 2, 8),
    "breast-cancer (30 columns)": ("breast-cancer", "mlp", 2, 8),
}
LARGE = "64 x 64 x 3, conv 256-128-64-32"

# resolves at the moment at which the page holds another image; the screen shows it with its next frame
WAIT_FOR_CHANGE = """([selector, before]) => new Promise(done => {
  const look = () => {
    const found = document.querySelector(selector);
    if (found && found.src !== before) { watch.disconnect(); done(performance.now()); }
  };
  const watch = new MutationObserver(look);
  watch.observe(document.body, {subtree: true, childList: true, attributes: true});
  look();
})"""
LOAD_MODEL = """async ([name, head, weights]) => {
  const [net, batch] = await Promise.all(['net', 'batch'].map((file) => import(`/app/static/net/${file}.js`)));
  const bytes = Uint8Array.from(atob(weights), (each) => each.charCodeAt(0));
  const models = (window.models ??= {}), floats = new Float32Array(bytes.buffer);
  models[name] = { head, bytes, ...net.network(head, floats), batch: batch.batchDecoder(head, floats) };
  window.codes ??= (n, size) => Float32Array.from({ length: n * size }, () => 4 * Math.random() - 2);
}"""
TIME_DECODE = """([name, times]) => {
  const { decode, codeSize: size } = models[name], found = [];
  for (let i = -30; i < times; i++) {
    const code = codes(1, size), began = performance.now();
    decode(code);
    if (i >= 0) found.push(performance.now() - began);  // the first ones are compiled meanwhile
  }
  return found;
}"""
# decodes and paints a new code in every frame: what dragging does
TIME_DRAG = """([name, milliseconds]) => new Promise(async (done) => {
  const { [name]: net } = models, { decode, codeSize: size } = net, canvas = document.createElement('canvas');
  const { drawSample, withWords } = await import('/app/static/dom/render.js');
  const { cellList } = await import('/app/static/dom/cell_list.js');
  const list = document.createElement('dl'), showCells = cellList(list, net.modality);
  canvas.style.cssText = 'width: 320px';
  document.body.replaceChildren(canvas, list);
  let began = 0;
  const times = [], frame = (now) => {
    began ||= now;
    if (now - began >= milliseconds) return done([(1000 * times.length) / (now - began), times]);
    const code = codes(1, size), before = performance.now();
    const decoded = decode(code);
    drawSample(canvas, decoded, net);
    showCells(decoded);
    canvas.setAttribute('aria-label', withWords('Decoded', decoded, net));
    times.push(performance.now() - before);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
})"""
TIME_FIRST_DECODE = """async ([name]) => {
  const { put, get } = await import('/app/static/net/models.js');
  const { head, bytes } = models[name], began = performance.now();
  put('first', head, bytes);
  (await get('first')).decode(codes(1, head.code_size));
  return performance.now() - began;
}"""
TIME_GRID = """async ([name, count]) => {
  const { batch, codeSize: size } = models[name], given = codes(count, size);
  let last = performance.now(), gap = 0, over = false;
  const watch = (now) => {
    gap = Math.max(gap, now - last);
    last = now;
    if (!over) requestAnimationFrame(watch);
  };
  await new Promise(requestAnimationFrame);
  requestAnimationFrame((now) => { last = now; requestAnimationFrame(watch); });
  const began = performance.now();
  await batch.decode(given);
  over = true;
  return [performance.now() - began, gap];
}"""
TIME_RECONSTRUCTION = """([name, times]) => {
  const { encode, decode, shape } = models[name], found = [];
  const image = new Float32Array(shape.reduce((a, b) => a * b, 1));
  for (let i = -30; i < times; i++) {
    image.forEach((_, at) => { image[at] = Math.random() < 0.2 ? Math.random() : 0; });  // as much ink as a digit
    const began = performance.now();
    decode(encode(image));
    if (i >= 0) found.push(performance.now() - began);
  }
  return found;
}"""
# counts what the pad of the Train page paints: images under the pointer, and maps of newer weights
COUNT_PAINTED = """() => {
  window.painted = { image: 0, map: 0 };
  for (const name of ['putImageData', 'drawImage']) {
    const paint = CanvasRenderingContext2D.prototype[name];
    CanvasRenderingContext2D.prototype[name] = function (...given) {
      if (this.canvas.className in painted) painted[this.canvas.className]++;
      return paint.apply(this, given);
    };
  }
}"""
SLIDER_APP = """
import gc

import numpy as np
import streamlit as st
from aecore.models import presets
from aecore.analysis.loaded import LoadedModel
from aecore.models.families.build import build_recipe, resolve_config
from ui.widgets import images


@st.cache_resource
def opened():
    config = resolve_config(presets.default_config("{dataset}", "{network}", family="vae", latent_dim={size}))
    model = LoadedModel(config, build_recipe(config).model.eval(), {{}})
    gc.collect()
    gc.freeze()
    return model


code = np.zeros((1, {size}), np.float32)
code[0, 0] = st.slider("z1", -3.0, 3.0, 0.0, 0.05)
images.single(opened().decode(code)[0], "Decoded", "Decoded")
"""


def default_program(dataset: str, network: str, size: int) -> Program:
    config = resolve_config(presets.default_config(dataset, network, family="vae", latent_dim=size))
    return compile_browser.compile_autoencoder(
        build_recipe(config).model.eval(), CARDS[dataset].shape, CARDS[dataset].modality
    )


def large_program() -> Program:
    """A decoder for photographs, which no form makes yet."""
    torch.manual_seed(0)
    make, bottleneck = NetworkFactory((3, 64, 64), "conv", (32, 64, 128, 256)), GaussianBottleneck(64)
    model = Autoencoder(make.encoder(bottleneck.in_features), bottleneck, make.decoder(64), make.likelihood)
    return compile_browser.compile_autoencoder(model.eval(), make.shape)


def p95(times: list[float]) -> float:
    return sorted(times)[int(0.95 * (len(times) - 1))]


class Table:
    """Lines with a limit each; the JSON at the end holds the same numbers."""

    def __init__(self) -> None:
        self.values: dict[str, float] = {}
        self.failures: list[str] = []

    def add(
        self, name: str, value: float, unit: str, max_value: float | None = None, min_value: float | None = None
    ) -> None:
        self.values[name] = round(value, 3)
        met = (max_value is None or value < max_value) and (min_value is None or value >= min_value)
        wanted = (
            f"  wanted: under {max_value:g}" if max_value else f"  wanted: {min_value:g} or more" if min_value else ""
        )
        print(f"{name:62} {value:9.2f} {unit:12}{wanted}{'' if met else '  MISSED'}", flush=True)
        if not met:
            self.failures.append(name)


def measure_browser(page: Any, address: str, table: Table) -> None:
    known = MODELS | DRAWINGS
    programs = {name: default_program(*settings[:3]) for name, settings in known.items()} | {LARGE: large_program()}
    limits = {name: settings[3] for name, settings in known.items()} | {LARGE: 16}

    def fresh(*names: str) -> None:
        """A new page, on which nothing is compiled yet."""
        page.goto(f"{address}/app/static/net/net.js")
        for name in names:
            weights = base64.b64encode(programs[name].weights.tobytes()).decode()
            page.evaluate(LOAD_MODEL, [name, programs[name].head, weights])

    for name, limit in limits.items():
        fresh(name)
        times = page.evaluate(TIME_DECODE, [name, REPEATS])
        table.add(f"{name}: decode, p50", statistics.median(times), "ms")
        table.add(f"{name}: decode, p95", p95(times), "ms", max_value=limit)
        images, times = page.evaluate(TIME_DRAG, [name, 2000])
        table.add(f"{name}: while dragging", images, "images/s", min_value=55 if name != LARGE else None)
        table.add(f"{name}: decode and paint while dragging, p50", statistics.median(times), "ms")
    mlp, conv, *_ = programs
    first = []
    for _ in range(5):
        fresh(mlp)
        first.append(page.evaluate(TIME_FIRST_DECODE, [mlp]))
    table.add(f"{len(programs[mlp].weights):,} weights: first image", max(first), "ms", max_value=150)
    fresh(conv, mlp)
    mosaics = [page.evaluate(TIME_GRID, [conv, GRID_SIZE**2]) for _ in range(6)]
    table.add(f"{conv}: {GRID_SIZE} x {GRID_SIZE} mosaic, the first", mosaics[0][0], "ms", max_value=500)
    table.add(
        f"{conv}: {GRID_SIZE} x {GRID_SIZE} mosaic, p50",
        statistics.median(each[0] for each in mosaics),
        "ms",
        max_value=500,
    )
    table.add("longest gap between frames meanwhile", max(each[1] for each in mosaics), "ms")
    drawn = page.evaluate(TIME_RECONSTRUCTION, [mlp, REPEATS])
    table.add(f"{mlp}: drawing to reconstruction, p95", p95(drawn), "ms", max_value=16)


def measure_server(page: Any, address: str, repeats: int = 40) -> list[float]:
    """Presses an arrow key on Streamlit's slider until the image that the server decodes has changed."""
    page.goto(address)
    wait_until_idle(page)
    thumb, found = page.get_by_role("slider"), []
    image = '[data-testid="stMain"] img'
    for turn in range(repeats + 3):
        before = page.get_attribute(image, "src")
        thumb.focus()
        began = page.evaluate("performance.now()")
        page.keyboard.press("ArrowRight" if turn % 2 == 0 else "ArrowLeft", delay=0)
        found.append(page.evaluate(WAIT_FOR_CHANGE, [image, before]) - began)
        page.wait_for_timeout(250)
    return found[3:]


def drag_pad(page: Any, seconds: float) -> tuple[float, float]:
    """Drags the point of the pad round and round: images a second, and newer weights a second."""
    box = page.locator(".live-pad .stage").bounding_box()
    middle, radius = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), 0.35 * box["height"]
    page.mouse.move(*middle)
    page.mouse.down()
    page.evaluate("Object.assign(painted, { image: 0, map: 0 })")
    began = time.perf_counter()
    while (passed := time.perf_counter() - began) < seconds:
        turn = 2 * math.pi * passed
        page.mouse.move(middle[0] + radius * math.cos(turn), middle[1] + radius * math.sin(turn))
    painted = page.evaluate("painted")
    page.mouse.up()
    return painted["image"] / passed, painted["map"] / passed


def measure_training(page: Any, address: str, table: Table) -> None:
    """The pad of the Train page while a run trains, and when it has been stopped."""
    dataset = "mnist" if datasets.is_available("mnist") else "shapes"
    page.goto(f"{address}/train?dataset={dataset}&epochs=1000")
    wait_until_idle(page)
    page.evaluate(COUNT_PAINTED)
    page.get_by_role("button", name="Train", exact=True).click()
    # a model to stop at, and what is done once at the beginning is over
    page.wait_for_selector(".live-pad .when:has-text('After ')", timeout=300_000)
    page.wait_for_timeout(2000)
    images, versions = drag_pad(page, DRAG_SECONDS)
    table.add(f"{dataset}: dragging the pad while it trains", images, "images/s", min_value=30)
    table.add("newer weights meanwhile", versions, "a second", min_value=0.5)
    page.get_by_role("button", name="Stop").click()
    page.get_by_text("Stopped after").first.wait_for()
    wait_until_idle(page)
    table.add(
        "the same pad when the training has been stopped", drag_pad(page, DRAG_SECONDS)[0], "images/s", min_value=55
    )


def main() -> None:
    parts = sys.argv[1:] or ["decoding", "training"]
    table = Table()
    print(f"load before: {os.getloadavg()[0]:.2f} on {os.cpu_count()} cores")
    with launch_browser() as chrome, tempfile.TemporaryDirectory() as folder:
        page = chrome.new_context(viewport={"width": 1280, "height": 900}).new_page()
        if "training" in parts:
            with start_server(env={"AECORE_RUNS": f"{folder}/runs"}) as address:
                measure_training(page, address, table)
        if "decoding" in parts:
            measure_decoding(page, Path(folder), table)
    table.values["load"] = round(os.getloadavg()[0], 2)
    print(f"missed: {', '.join(table.failures) or 'none'}")
    print(json.dumps(table.values))


def measure_decoding(page: Any, folder: Path, table: Table) -> None:
    """Decoding in the browser, and the same models behind a slider and the server."""
    with start_server() as address:
        measure_browser(page, address, table)
    for number, (name, (dataset, network, size, _)) in enumerate(MODELS.items()):
        script = folder / f"slider{number}.py"
        script.write_text(SLIDER_APP.format(dataset=dataset, network=network, size=size))
        with start_server(script, env={"PYTHONPATH": str(ROOT)}) as address:
            served = statistics.median(measure_server(page, address))
        table.add(f"{name}: st.slider let go to image, p50", served, "ms")
        drawn = table.values[f"{name}: decode and paint while dragging, p50"]
        table.add(f"{name}: times as long as in the browser", served / drawn, "")


if __name__ == "__main__":
    main()
