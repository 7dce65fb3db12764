"""What the live views cost a browser: memory, messages, requests; and that keyboards and screen readers can use them.

That nothing leaves the machine and the console stays free of errors, `browser_page` checks at the end of each test.
"""

from __future__ import annotations

import re

import pytest

from tests.browser.rooms import furnished
from tools.browser import idle, start_server, watch
from tools.shots import LOOKS

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
LIVE = ("Latent pad", "Draw", "Interpolate", "Denoise", "Time machine")
HOST = '[data-testid="stBidiComponentIsolated"]'
# Rounds of nine pages: after 5 and after 50 changes both stand on the fifth page, the same one.
WITH = ("Draw", "Interpolate", "Denoise", "Time machine", "Manifold", "Latent pad", "Latent map", "Interpolate",
        "Latent pad")  # fmt: skip
WITHOUT = ("Latent map", "Reconstruct", "Data", "Reconstruct", "Manifold", "Data", "Latent map", "Reconstruct", "Data")
ANYTHING = re.compile(".")
LARGE = 50_000  # bytes
WEIGHTS_AND_CODES = {"live_weights", "live_pad", "live_draw", "replay_index"}  # components whose data may be larger


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A runs folder and the id of a model in it."""
    place = tmp_path_factory.mktemp("health")
    return place, furnished(place, {"vae": {"family": "vae", "z_dim": 2, "epochs": 12}})["vae"]


@pytest.fixture(scope="module")
def lab(run, browser):
    with start_server(env={"AECORE_RUNS": str(run[0])}) as address:
        yield address


def begin(page, lab, run, name: str) -> None:
    page.goto(f"{lab}/{name.lower().replace(' ', '_')}?run={run[1]}")
    arrived(page, name)


def change(page, name: str) -> None:
    page.get_by_test_id("stSidebar").get_by_role("link", name=name, exact=True).click()
    arrived(page, name)


def arrived(page, name: str) -> None:
    expect(page.get_by_test_id("stMain").get_by_role("heading", level=1, name=name)).to_be_visible()
    idle(page)
    if name in LIVE:  # drawn, not only there
        expect(page.locator(f'{HOST} canvas[role="img"]:visible').first).to_have_attribute("aria-label", ANYTHING)


# --- Memory -----------------------------------------------------------------------------------------------------------


def held(page, tools) -> dict[str, float]:
    """What the page holds after its garbage was collected; bytes, and numbers of things."""
    for _ in range(2):  # what the first one frees may hold on to more
        tools.send("HeapProfiler.collectGarbage")
    counts = {each["name"]: each["value"] for each in tools.send("Performance.getMetrics")["metrics"]}
    usage = tools.send("Runtime.getHeapUsage")
    return {
        "heap": usage["usedSize"],
        "buffers": usage.get("backingStorageSize", 0),  # of typed arrays: weights, codes, pictures
        "nodes": counts["Nodes"],
        "listeners": counts["JSEventListeners"],
        "workers": len(page.workers),
    }


def after_5_and_50(browser, lab, run, names) -> tuple[dict[str, float], dict[str, float]]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    faults, page = watch(context), context.new_page()
    tools = context.new_cdp_session(page)
    for domain in ("HeapProfiler", "Performance"):
        tools.send(f"{domain}.enable")
    begin(page, lab, run, "Latent pad" if names is WITH else "Manifold")
    found = []
    for number in range(50):
        change(page, names[number % len(names)])
        if number in (4, 49):
            found.append(held(page, tools))
    context.close()
    assert not faults
    return found[0], found[1]


@pytest.mark.timeout(400)
def test_fifty_changes_of_page_leave_nothing_behind(browser, lab, run):
    """The heap grows by less than a tenth beyond what pages without live views make it grow: caches, compiled code."""
    early, late = after_5_and_50(browser, lab, run, WITH)
    usual_early, usual_late = after_5_and_50(browser, lab, run, WITHOUT)
    print("with live views", early, late, "without", usual_early, usual_late, sep="\n")
    usual = max(0, usual_late["heap"] - usual_early["heap"])
    assert late["heap"] - early["heap"] - usual < 0.1 * early["heap"]
    assert late["heap"] < 1.25 * early["heap"]
    assert late["buffers"] - early["buffers"] < 1_000_000, "weights, codes and pictures are given back"
    assert late["nodes"] < 1.1 * early["nodes"] + 100
    assert late["listeners"] < 1.1 * early["listeners"] + 10
    assert not late["workers"]


# --- Messages ---------------------------------------------------------------------------------------------------------


def test_only_weights_and_codes_are_large(browser_page, lab, run):
    from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

    page, sizes = browser_page, {}
    here = [LIVE[0]]

    def received(frame):
        element = ForwardMsg.FromString(frame).delta.new_element if isinstance(frame, bytes) else None
        kind = element and element.WhichOneof("type")
        if kind == "bidi_component":
            kind = element.bidi_component.component_name.rsplit(".", 1)[-1]
        note(kind or "other", len(frame))

    def note(kind, size):
        told = sizes.setdefault(here[0], {})
        told[kind] = max(size, told.get(kind, 0))

    def listen(socket):
        socket.on("framereceived", received)
        socket.on("framesent", lambda frame: note("sent", len(frame)))

    page.on("websocket", listen)
    begin(page, lab, run, LIVE[0])
    stage = page.locator(".stage[tabindex]")
    stage.click(position={"x": 100, "y": 100})  # lets go of the point: the server looks for its neighbours
    idle(page)
    for name in (*LIVE[1:], "Manifold", "Latent map"):
        here[0] = name
        change(page, name)
    for name, told in sizes.items():
        print(name, dict(sorted(told.items(), key=lambda each: -each[1])))
    large = {(name, kind): size for name, told in sizes.items() for kind, size in told.items() if size > LARGE}
    assert {kind for _, kind in large} <= WEIGHTS_AND_CODES, large
    assert (LIVE[0], "live_weights") in large, "messages are told apart"


# --- Keyboard and screen reader ---------------------------------------------------------------------------------------

# The controls of the live views in the order of the page; of radio buttons only the chosen one is a stop.
CONTROLS = """selector => [...document.querySelectorAll(selector)]
  .flatMap((host) => [...host.shadowRoot.querySelectorAll('button, input, select, textarea, summary, [tabindex]')])
  .filter((each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled)
  .filter((each) => each.type !== 'radio' || each.checked)"""
REACHED = """controls => {
  let at = document.activeElement;
  while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
  return controls.indexOf(at);
}"""


@pytest.mark.parametrize("name", LIVE)
def test_tab_reaches_every_control_in_order(name, browser_page, lab, run):
    page = browser_page
    begin(page, lab, run, name)
    controls = page.evaluate_handle(CONTROLS, HOST)
    count = controls.evaluate("all => all.length")
    assert count >= 2
    reached = []
    page.get_by_test_id("stMain").get_by_role("heading", level=1).click()  # Tab goes on from here
    for _ in range(count + 60):
        page.keyboard.press("Tab")
        reached.append(controls.evaluate(REACHED))
        if reached[-1] == count - 1:
            break
    reached = [at for at in reached if at >= 0]
    missed = controls.evaluate(
        "(all, at) => all.filter((_, i) => !at.includes(i)).map((each) => each.outerHTML)", reached
    )
    assert not missed
    assert reached == sorted(reached)


@pytest.mark.parametrize("look", ["light", "dark"])
def test_axe_finds_nothing_serious_in_the_live_views(look, browser, lab, run):
    axe = pytest.importorskip("axe_playwright_python.base")
    context = browser.new_context(**LOOKS[look])
    faults, page, found = watch(context), context.new_page(), []
    for name in LIVE:
        begin(page, lab, run, name)
        page.evaluate(axe.AXE_SCRIPT)
        # open shadow roots are looked into: whatever lies in one of ours has an address of two parts
        told = page.evaluate("selector => axe.run({ include: [selector] })", HOST)
        inside = [each for each in told["passes"] if any(isinstance(node["target"][0], list) for node in each["nodes"])]
        assert len(inside) >= 5, "it looked inside"
        found += [
            (name, each["id"], each["impact"], node["html"])
            for each in told["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]
    context.close()
    assert not found
    assert not faults
