"""A model as one HTML file, opened from the disk: no server, no network, and the numbers of torch."""

from __future__ import annotations

import numpy as np
import pytest

from aecore.analysis import loaded, offline_bundle
from aecore.export import offline_html
from tests.browser.hands import drag, drawn, redrawn
from tests.kit.trained_runs import furnished

expect = pytest.importorskip("playwright.sync_api").expect
CODES, CLOSE = 256, 1e-4
NAME = 'A "name" </script><script>document.title = "owned"</script><img src=x onerror=document.title="owned">'
RUNS = {
    "2-D": {"family": "vae", "epochs": 12},
    "conditional conv": {"family": "conditional-vae", "network": "conv", "latent_dim": 4, "epochs": 1},
    "codebook": {"family": "vq-vae", "latent_dim": 8, "epochs": 1},
}
DECODE = "([codes, label]) => codes.map((code) => [...globalThis.aecore.decode(code, label)])"


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """The models of RUNS, opened."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        ids = furnished(place, RUNS)
        patch.setenv("AECORE_RUNS", str(place))
        yield {name: loaded.load(run) for name, run in ids.items()}


@pytest.fixture
def open_file(runs, browser_page, tmp_path):
    """Writes the page of a run and opens the file."""

    def go(name: str, page=browser_page, title: str = "A model"):
        run = runs[name]
        file = tmp_path / "a model.html"
        text = offline_html.render(run, *offline_bundle.available_codes(run), title, facts={"Settings": {NAME: NAME}})
        file.write_text(text, "utf-8")
        page.goto(file.as_uri())
        page.wait_for_function("globalThis.aecore")
        return page

    return go


@pytest.mark.parametrize("name", RUNS)
def test_a_file_decodes_what_torch_decodes(open_file, runs, name):
    run, random = runs[name], np.random.default_rng(0)
    page = open_file(name)
    codes = 1.5 * random.standard_normal((CODES, run.code_size), dtype=np.float32)
    if name == "codebook":  # far from a tie between two vectors, which rounding would decide
        codes = run.encode(random.random((CODES, *run.card.shape), dtype=np.float32))
    label = 3 if run.model.is_conditional else 0
    right = run.decode(codes, np.full(CODES, label))
    found = np.array(page.evaluate(DECODE, [codes.tolist(), label]), np.float32).reshape(right.shape)
    assert right.std() > 1e-3 and np.abs(found - right).max() < CLOSE
    expect(page.locator("#label")).to_be_visible(visible=bool(run.model.is_conditional))
    expect(page.locator("#failure")).to_have_count(0)


def test_a_drag_decodes_and_all_places_become_images_without_a_worker(open_file):
    page = open_file("2-D")
    stage, before = page.locator(".stage"), drawn(page, "#pad .image")
    drag(page, stage, (0.5, 0.5), (0.2, 0.3))
    redrawn(page, "#pad .image", before)
    before = drawn(page, "#pad canvas.map")
    page.get_by_role("radio", name="Decoded images").check()
    redrawn(page, "#pad canvas.map", before)
    expect(page.get_by_role("button", name="Lasso")).to_be_hidden()
    before = drawn(page, "#sliders .decoded")
    page.get_by_role("slider", name="z1").press("End")
    redrawn(page, "#sliders .decoded", before)


def test_names_are_text_and_nothing_is_asked_of_a_network(open_file):
    """The page's own policy refuses what a name, or anybody, would fetch."""
    page = open_file("2-D", title=NAME)
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    assert page.title() == NAME and page.locator("img, script[src]").count() == 0
    policy = page.locator("meta[http-equiv]").get_attribute("content")
    assert policy.startswith("default-src 'none'") and "http" not in policy and "unsafe-eval" not in policy


def test_a_file_is_read_in_the_dark_and_on_a_phone(open_file, phone):
    phone.emulate_media(color_scheme="dark")
    page = open_file("2-D", page=phone)
    assert page.evaluate("document.documentElement.scrollWidth") == page.viewport_size["width"]
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(17, 22, 29)"
    for button in page.locator("#pad button:visible").all():
        box = button.bounding_box()
        assert min(box["width"], box["height"]) >= 24
