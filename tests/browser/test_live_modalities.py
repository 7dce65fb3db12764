"""All kinds of samples but images in a browser: words and corruptions as in Python, drawn finely while dragged."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest

from aecore.data.modalities import MODALITIES, Column, Image, Points, Series, Table, Vector, Video
from tests.browser.hands import drag, drawn, redrawn, spot
from tools.browser import wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUNS = {
    "series": {"dataset": "heartbeats", "family": "vae", "latent_dim": 2, "epochs": 2},
    "row": {"dataset": "breast-cancer", "family": "vae", "latent_dim": 2, "epochs": 2},
    "point": {"dataset": "moons", "family": "vanilla", "latent_dim": 1, "epochs": 2},
    "sequence": {"dataset": "moving-digits", "family": "denoising", "latent_dim": 2, "epochs": 1, "train_size": 300},
}
TABLE = Table(
    (
        Column("size", mean=30.25, std=8.5, decimals=1),
        Column("rooms", mean=3.0, std=2.0, decimals=0),
        Column("open", "boolean", categories=("no", "yes")),
        Column("kind", "category", categories=("a", "b", "c")),
        Column("hour", "cyclic", period=24.0),
        *(Column(f"x{number}") for number in range(9)),
    ),
    missing=True,
)
SAMPLES = {
    "image": Image(3, 4, 5),
    "series": Series(12, ("u", "v"), (250.0, 0.0002), (1000.0, 3e-6), missing=True),
    "table": TABLE,
    "points": Points(("x", "y"), (1.5, -2.0), (0.5, 3.0)),
    "vector": Vector(tuple(f"v{number}" for number in range(14)), (0.0,) * 14, (1234.5,) * 14),
    "video": Video(7, 4, 5),
}
CALL = """async ([file, modality, given, rest]) => {
  const module = await import(`/app/static/${file}`), values = Float32Array.from(given, (each) => each ?? NaN);
  const found = (%s)(module, modality, values, ...rest);
  return typeof found === 'string' ? found : Array.from(found, (each) => (Number.isNaN(each) ? null : each));
}"""


@pytest.fixture(scope="module")
def blank(lab, browser):
    """A page of the laboratory's address, without the laboratory."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{lab}/app/static/twins/modality.js")
    yield page
    context.close()


def call(page, file: str, function: str, modality, x: np.ndarray, *given):
    """What a function of a module of static/ makes of a sample; NaN goes and comes as None."""
    values = [None if np.isnan(each) else float(each) for each in x.ravel()]
    return page.evaluate(CALL % function, [file, json.loads(json.dumps(modality.to_json())), values, given])


def samples(modality, count: int = 40) -> np.ndarray:
    """Samples of a modality, float32; with gaps, where it may have them."""
    random = np.random.default_rng(0)
    x = random.normal(size=(count, *modality.shape)).astype(np.float32)
    if modality.has_missing:
        hit = random.random((count, *modality.position_shape)) < 0.2
        x = np.where(modality.broadcast_positions(hit), np.nan, x).astype(np.float32)
    return x


def test_every_kind_of_sample_has_a_twin(blank):
    assert set(SAMPLES) == set(MODALITIES)
    nouns = blank.evaluate("async () => (await import('/app/static/twins/modality.js')).NOUNS")
    for kind, modality in SAMPLES.items():
        noun = modality.noun
        assert nouns[kind] == {"one": noun.one, "many": noun.many, "value": noun.value}
        said = "(m, kind) => [...m.valueRange(kind), m.isBounded(kind)]"
        found = call(blank, "twins/modality.js", said, modality, np.zeros(1))
        assert found == [*modality.value_range, modality.bounded]
        size = int(np.prod(modality.shape))
        at = np.arange(int(np.prod(modality.position_shape))).reshape(1, *modality.position_shape)
        together = np.broadcast_to(modality.broadcast_positions(at), (1, *modality.shape)).ravel()
        positions = call(
            blank, "twins/modality.js", "(m, kind, x) => m.positions(kind, x.length)", modality, np.zeros(size)
        )
        assert positions == together.tolist()


@pytest.mark.parametrize("kind", SAMPLES)
def test_words_are_those_of_python(kind, blank):
    modality = SAMPLES[kind]
    for sample in samples(modality):
        found = call(blank, "twins/modality.js", "(m, kind, x) => m.describe(kind, x)", modality, sample)
        assert found == modality.describe(sample)


def test_bars_of_a_row_stand_where_those_of_python_stand(blank):
    for sample in samples(TABLE):
        found = call(blank, "twins/modality.js", "(m, table, x) => m.levels(table, x)", TABLE, sample)
        right = TABLE.levels(sample[None])[0]
        assert [each is None for each in found] == np.isnan(right).tolist()
        known = ~np.isnan(right)
        assert np.array(found, float)[known] == pytest.approx(right[known], abs=1e-5)


@pytest.mark.parametrize("video", [Video(10, 16, 16), Video(7, 4, 5), Video(1, 6, 3), Video(12, 8, 40)])
def test_a_sheet_of_frames_is_that_of_python(video, blank):
    """Drawn in a box of its own size it has the same pixels, in bytes; else the same at the same places."""
    x = np.random.default_rng(0).random((1, *video.shape)).astype(np.float32)
    right = np.rint(video.render(x)[0, 0] * 255)
    draw = """(module, modality, values, height, width) => {
      const ctx = Object.assign(document.createElement('canvas'), { width, height }).getContext('2d');
      module.drawInBox(ctx, [0, 0, width, height], values, modality);
      return ctx.getImageData(0, 0, width, height).data.filter((_, at) => at % 4 === 0);
    }"""
    found = np.array(call(blank, "dom/render.js", draw, video, x, *right.shape)).reshape(right.shape)
    assert np.abs(found - right).max() <= 1  # a half is rounded up or to even
    aspect = call(
        blank, "dom/render.js", "(m, modality, values) => [m.aspectOf({ shape: [], modality })]", video, np.zeros(1)
    )
    assert aspect == pytest.approx([right.shape[1] / right.shape[0]])


@pytest.mark.parametrize("kind", ["series", "table", "points"])
def test_noises_hit_what_belongs_together(kind, blank):
    modality = SAMPLES[kind]
    noise = "(m, kind, x, name) => { const y = x.slice(); m.CORRUPTIONS[name](x, kind, 0.5, 3, y); return y; }"
    x = np.full(modality.shape, 0.25, np.float32)
    for name, values in (("masking", {0, 0.25}), ("salt-and-pepper", {-2, 0.25, 2}), ("dropout", {0, 0.5})):
        found = np.array(call(blank, "twins/corruptions.js", noise, modality, x, name))
        assert set(found.tolist()) <= values
        at = np.arange(int(np.prod(modality.position_shape))).reshape(1, *modality.position_shape)
        together = np.broadcast_to(modality.broadcast_positions(at), (1, *modality.shape)).ravel()
        for position in np.unique(together):
            assert len(set(found[together == position].tolist())) == 1
    loud = np.array(call(blank, "twins/corruptions.js", noise.replace("0.5", "40"), modality, x, "gaussian"))
    assert np.abs(loud).max() > modality.value_range[1], "what is not bounded is not clipped"


# --- On pages ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(furnish):
    return furnish(RUNS)


@pytest.fixture
def open_page(lab, browser_page, trained):
    def go(path: str, kind: str):
        browser_page.goto(f"{lab}/{path}run={trained[kind]}")
        wait_until_idle(browser_page)
        return browser_page

    return go


# how many of the canvas's own pixels are neither paper nor axis, and its width against that on the screen
INKED = """(canvas) => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  let inked = 0;
  for (let i = 0; i < data.length; i += 4) if (data[i] < 150) inked++;
  return [inked, canvas.width / canvas.clientWidth / devicePixelRatio];
}"""


def test_a_series_is_drawn_while_the_pad_is_dragged_and_nobody_is_asked(open_page, sent):
    page = open_page("latent_explorer?", "series")
    stage, image = page.locator(".pad .stage"), ".pad .side .image"
    expect(page.locator(image)).to_have_attribute("aria-label", re.compile("series decoded at z1 .*: voltage from "))
    inked, scale = page.locator(image).evaluate(INKED)
    assert inked > 100 and scale == pytest.approx(1, abs=0.02)
    before, words = drawn(page, image), page.locator(".pad .cells").inner_text()
    page.mouse.move(*spot(stage, 0.5, 0.5))
    page.mouse.down()
    sent.clear()
    page.mouse.move(*spot(stage, 0.2, 0.3), steps=5)
    redrawn(page, image, before)
    expect(page.locator(".pad .cells")).not_to_have_text(words)
    assert not sent, "nobody is asked"
    page.mouse.up()


def test_a_grid_of_curves_fills_the_map(open_page):
    page = open_page("latent_explorer?", "series")
    before = drawn(page, ".pad canvas.map")
    page.get_by_role("radio", name="Decoded series").check()
    redrawn(page, ".pad canvas.map", before)
    drag(page, page.locator(".pad .stage"), (0.5, 0.5), (0.3, 0.3))


def test_a_slider_changes_the_cells_of_a_row(open_page):
    page = open_page("interpolate?", "row")
    cells = page.locator(".sliders .cells > div")
    expect(cells).to_have_count(30)
    expect(page.locator(".sliders .decoded")).to_have_attribute("aria-label", re.compile("mean radius"))
    before, picture = cells.first.inner_text(), drawn(page, ".sliders .decoded")
    page.get_by_role("slider", name="z1").press("End")
    redrawn(page, ".sliders .decoded", picture)
    expect(cells.first).not_to_have_text(before)


def test_denoising_a_row_shows_the_error_that_means_something(open_page):
    page = open_page("denoise?", "row")
    expect(page.locator(".denoise thead th:visible")).to_have_text(["against the original", "MSE"])
    picture = drawn(page, ".denoise .noisy")
    page.get_by_role("slider", name="Corruption level").press("End")
    redrawn(page, ".denoise .noisy", picture)


def test_a_point_decoded_on_a_line_moves(open_page):
    page = open_page("latent_explorer?", "point")
    picture = drawn(page, ".pad .side .image")
    drag(page, page.locator(".pad .stage"), (0.5, 0.5), (0.1, 0.5))
    redrawn(page, ".pad .side .image", picture)
    expect(page.locator(".pad .cells dt")).to_have_text(["x", "y"])


def test_a_sequence_is_drawn_while_the_pad_is_dragged_and_nobody_is_asked(open_page, sent):
    page = open_page("latent_explorer?", "sequence")
    stage, image = page.locator(".pad .stage"), ".pad .side .image"
    expect(page.locator(image)).to_have_attribute("aria-label", re.compile("sequence decoded at z1 "))
    expect(page.locator(".pad .cells")).to_be_hidden()
    wide, high = page.locator(image).evaluate("(canvas) => [canvas.clientWidth, canvas.clientHeight]")
    assert wide / high == pytest.approx(69 / 52, rel=0.05)
    before = drawn(page, image)
    page.mouse.move(*spot(stage, 0.5, 0.5))
    page.mouse.down()
    sent.clear()
    page.mouse.move(*spot(stage, 0.2, 0.3), steps=5)
    redrawn(page, image, before)
    assert not sent, "nobody is asked"
    page.mouse.up()


def test_denoising_a_sequence_says_what_noise_is_to_a_pixel(open_page):
    page = open_page("denoise?", "sequence")
    expect(page.locator(".denoise #meaning")).to_contain_text("black to white")
    picture = drawn(page, ".denoise .noisy")
    page.get_by_role("slider", name="Corruption level").press("End")
    redrawn(page, ".denoise .noisy", picture)
