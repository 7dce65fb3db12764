"""The first screen in a real browser: how soon it follows the pointer, what its story and sheet do, who can use it."""

from __future__ import annotations

import io
import re
import time

import numpy as np
import pytest
from PIL import Image

from aecore.export import program as programs
from aecore.store import runs
from tests.browser.hands import drag, drawn, painted, spot, touch
from tests.browser.test_live_health import CONTROLS, HOST, REACHED
from tests.browser.test_pad_and_draw import THREE
from tests.kit.cases import few
from tools.browser import wait_until_idle
from tools.shots import VARIANTS
from ui.views import home

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
SOON = 8.0  # seconds on a machine that runs other tests; 2.0 are promised on a machine that does nothing else
STEPS = ("Like with like", "The decoder", "In between", "Far from all")

# What the first screen says of the place where the point stands; null before it says anything.
PLACE = """() => [...document.querySelectorAll('[data-testid="stBidiComponentIsolated"]')]
  .map((host) => host.shadowRoot?.querySelector('.coordinates')?.textContent).find(Boolean) ?? null"""


@pytest.fixture
def opened(server, browser_page):
    """Opens the first screen; `still`: for somebody who wants no motion, so that the point waits."""

    def go(page=browser_page, still: bool = True):
        page.emulate_media(reduced_motion="reduce" if still else "no-preference")
        page.goto(server)
        expect(page.locator(".home .coordinates")).to_have_text(re.compile("z1"), timeout=60_000)
        if still:
            wait_until_idle(page)
        return page

    return go


def stage(page):
    return page.locator(".home .stage")


def sheet(page):
    return page.locator(".home .drawing-pad")


def picture(page) -> str:
    return drawn(page, ".home .image")


def where(page) -> list[float]:
    """Where the point stands."""
    words = stage(page).get_attribute("aria-label").replace("−", "-")
    return [float(number) for number in re.findall(r"z\d (-?\d+\.\d+)", words)]


def step(page, name: str):
    return page.get_by_role("button", name=re.compile(name))


def wait_for_rest(page) -> None:
    """Until the point has stood still for a while."""
    last, since = where(page), time.monotonic()
    while time.monotonic() < since + 1.5:
        page.wait_for_timeout(100)
        if where(page) != last:
            last, since = where(page), time.monotonic()


# --- How soon, and what it costs --------------------------------------------------------------------------------------


def test_the_picture_follows_the_pointer_soon(server, browser, opened):
    opened()  # the server is warm
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    page = context.new_page()
    began = time.perf_counter()
    page.goto(server, wait_until="commit")
    while page.evaluate(PLACE) is None:
        page.wait_for_timeout(5)
    before = picture(page)
    for at in range(1, 100):
        page.mouse.move(*spot(stage(page), 0.3 + 0.005 * at, 0.7))
        if picture(page) != before:
            break
    took = time.perf_counter() - began
    context.close()
    print(f"{took:.2f} s")
    assert took < SOON


@pytest.mark.slow
def test_nothing_comes_back_to_the_server(opened, sent):
    page = opened()
    page.wait_for_timeout(500)
    sent.clear()
    page.mouse.move(*spot(stage(page), 0.3, 0.3))
    drag(page, stage(page), (0.4, 0.4), (0.6, 0.6))
    drag(page, sheet(page), *THREE)
    for name in STEPS:
        step(page, name).click()
        page.wait_for_timeout(200)
    stage(page).press("ArrowLeft")
    page.wait_for_timeout(1000)
    assert not sent


@pytest.mark.slow
def test_half_precision_is_widened_exactly(server, opened):
    page = opened()
    halves = np.arange(2**16, dtype=np.uint16)
    halves = halves[np.isfinite(halves.view(np.float16))]
    found = page.evaluate(
        """async (halves) => {
          const { float16ToFloat32 } = await import('/app/static/net/models.js');
          return [...new Uint32Array(float16ToFloat32(Uint16Array.from(halves)).buffer)];
        }""",
        halves.tolist(),
    )
    assert found == halves.view(np.float16).astype(np.float32).view(np.uint32).tolist()


def test_the_picture_is_the_one_that_the_model_decodes(opened):
    """Against the same weights in NumPy: what is on the screen is the model's, in the right place."""
    page, entry = opened(), home.home_model()
    program = programs.load_program(runs.path(entry.id))
    page.mouse.move(*spot(stage(page), 0.7, 0.6))
    painted(page)
    words = page.locator(".home .coordinates").inner_text().replace("−", "-")
    x = np.array([float(number) for number in re.findall(r"z\d (-?\d+\.\d+)", words)], np.float32)
    for op in program.head["decoder"][:-1]:
        if op["op"] == "relu":
            x = np.maximum(x, 0)
        else:
            weight = program.weights[op["weight"] :][: op["in_features"] * op["out_features"]].reshape(
                op["in_features"], -1
            )
            x = x @ weight + program.weights[op["bias"] :][: op["out_features"]]
    seen = page.locator(".home .image").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(0, 0, 28, 28).data].filter((_, i) => i % 4 === 0)"
    )
    assert np.abs(np.array(seen) / 255 - 1 / (1 + np.exp(-x.clip(-50, 50)))).mean() < 0.01  # places are told to 0.01


# --- Before it can be moved -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", few(list(VARIANTS), "400"))
def test_until_its_modules_are_here_a_still_is_shown_and_then_no_longer(asked, browser, server):
    context = browser.new_context(**VARIANTS[asked], reduced_motion="reduce")
    page, held = context.new_page(), []
    page.route("**/app/static/**/*.js", lambda route: route.continue_() if held is None else held.append(route))
    page.goto(server)
    place = {name: page.locator(f".home .{name}") for name in ("stage", "image", "drawing-pad")}
    place["stage"].wait_for(timeout=60_000)
    page.wait_for_timeout(500)
    for each in place.values():
        assert behind(each).startswith('url("data:image/')
        assert len(set(np.asarray(Image.open(io.BytesIO(each.screenshot())).convert("L")).ravel().tolist())) > 10
    doors = page.get_by_role("heading", name="Where to go from here").bounding_box()
    on_their_way, held = held, None
    for route in on_their_way:
        route.continue_()
    expect(page.locator(".home .coordinates")).to_have_text(re.compile("z1"), timeout=60_000)
    wait_until_idle(page)
    assert [behind(each) for each in place.values()] == ["none"] * 3
    now = page.get_by_role("heading", name="Where to go from here").bounding_box()
    assert now["y"] == pytest.approx(doors["y"], abs=40), "what stands below has hardly moved"
    context.close()


def behind(element) -> str:
    return element.evaluate("element => getComputedStyle(element).backgroundImage")


# --- The map ----------------------------------------------------------------------------------------------------------


def test_every_move_over_the_map_is_another_picture(opened):
    page = opened()
    rest, seen = picture(page), set()
    for at in range(12):
        page.mouse.move(*spot(stage(page), 0.2 + 0.05 * at, 0.3 + 0.03 * at))
        painted(page)
        seen.add(picture(page))
    assert len(seen) > 9
    page.mouse.move(2, 2)
    painted(page)
    assert picture(page) == rest, "the point stayed where it was"


def test_keys_move_the_point_and_say_where_it_is(opened):
    page = opened()
    stage(page).focus()
    before, (x, y) = picture(page), where(page)
    for _ in range(6):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("ArrowUp")
    painted(page)
    assert picture(page) != before
    assert where(page)[0] > x + 1 and where(page)[1] > y
    expect(page.locator(".home .live-region")).to_have_text(re.compile("z1 .* Nearest test image: "))


def test_it_is_alive_until_somebody_takes_the_point(opened):
    page = opened(still=False)
    first = where(page)
    page.wait_for_timeout(700)
    assert where(page) != first, "it moves by itself"
    stage(page).click(position={"x": 100, "y": 100})
    page.mouse.move(2, 2)
    painted(page)
    taken = where(page)
    page.wait_for_timeout(700)
    assert where(page) == taken


def test_who_wants_no_motion_gets_none(opened):
    page = opened()
    first = where(page)
    page.wait_for_timeout(700)
    assert where(page) == first


# --- The story --------------------------------------------------------------------------------------------------------


WALKS = [(0, False), (1, False), (2, False), (2, True), (3, True)]  # the step, and whether motion is unwanted


@pytest.mark.parametrize("step_taken", few(WALKS, (3, True)))
def test_a_step_of_the_story_leads_the_point(opened, step_taken):
    number, still = step_taken
    page = opened(still=still)
    shown = home._showcase(*key_of(home.home_model()))
    way = shown.view_data["steps"][number]["path"]
    button, seen = step(page, STEPS[number]), {picture(page)}
    button.click()
    expect(button).to_have_attribute("aria-current", "step")
    for _ in range(8):
        page.wait_for_timeout(250)
        seen.add(picture(page))
    assert len(seen) > (1 if len(way) == 1 else 2)
    wait_for_rest(page)
    assert where(page) == pytest.approx(way[-1], abs=0.006)
    expect(page.locator(".home .live-region")).to_have_text(re.compile("Nearest test image"))
    far = "Out of distribution, far from anything it has seen" if number == 3 else "In distribution, among the data"
    assert page.locator(".home .distance").inner_text() == far


def key_of(entry):
    return entry.id, entry.created, entry.config.dataset, entry.config.likelihood


def test_a_pointer_takes_over_from_the_story(opened):
    page = opened(still=False)
    step(page, STEPS[2]).click()
    page.wait_for_timeout(300)
    stage(page).click(position={"x": 120, "y": 200})
    page.mouse.move(2, 2)
    painted(page)
    taken = where(page)
    page.wait_for_timeout(600)
    assert where(page) == taken


# --- The sheet --------------------------------------------------------------------------------------------------------


def test_drawing_moves_the_point_and_the_reconstruction(opened):
    page = opened()
    start, seen, places = where(page), {picture(page)}, []
    for stroke in (THREE[:4], THREE[4:]):
        drag(page, sheet(page), *stroke)
        painted(page)
        painted(page)
        seen.add(picture(page))
        places.append(where(page))
    assert len(seen) == 3 and start != places[0] != places[1]
    expect(page.locator(".home .image-title")).to_have_text("Reconstruction of your drawing")
    expect(sheet(page)).to_have_attribute("aria-label", "Drawing pad with your drawing")
    with_ink = drawn(page, ".home .drawing-pad")
    page.get_by_role("button", name="Clear").click()
    painted(page)
    assert drawn(page, ".home .drawing-pad") != with_ink
    expect(page.locator(".home .image-title")).to_have_text("Decoded here")


@pytest.mark.slow
def test_the_code_wanders_while_the_pen_moves(opened):
    page, seen = opened(), set()
    page.mouse.move(*spot(sheet(page), *THREE[0]))
    page.mouse.down()
    for place in THREE[1:]:
        page.mouse.move(*spot(sheet(page), *place), steps=3)
        painted(page)
        painted(page)
        seen.add(tuple(where(page)))
    page.mouse.up()
    assert len(seen) > 5


def test_drawing_by_keys(opened):
    page = opened()
    start = where(page)
    sheet(page).focus()
    page.keyboard.press("Space")
    for key in ("ArrowDown",) * 4 + ("ArrowRight",) * 3:
        page.keyboard.press(f"Shift+{key}")
    page.keyboard.press("Space")
    painted(page)
    painted(page)
    assert where(page) != start
    page.keyboard.press("Delete")
    expect(sheet(page)).to_have_attribute("aria-label", "Drawing pad, empty")


# --- Who can use it ---------------------------------------------------------------------------------------------------


def test_it_fits_on_a_phone_with_all_in_sight(opened, phone):
    page = opened(phone)
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    stage(page).scroll_into_view_if_needed()
    seen, sheet_, map_ = (each.bounding_box() for each in (page.locator(".home .image"), sheet(page), stage(page)))
    assert seen["width"] == pytest.approx(seen["height"], abs=1) and seen["width"] >= 150
    for box in (seen, sheet_, map_):
        assert box["x"] >= 0 and box["x"] + box["width"] <= 400
    assert map_["y"] + map_["height"] - min(seen["y"], sheet_["y"]) < 800 - 60, "one screen shows all three"
    assert map_["y"] >= seen["y"] + seen["height"], "no hand on the map hides the image"


def test_fingers_move_and_draw(opened, phone):
    page = opened(phone)
    for target, places in ((stage(page), [(0.6, 0.5), (0.5, 0.4), (0.3, 0.3)]), (sheet(page), THREE)):
        target.scroll_into_view_if_needed()
        before = picture(page)
        touch(page, target, "touchStart", places[0])
        for place in places[1:]:
            touch(page, target, "touchMove", place)
        painted(page)
        painted(page)
        assert picture(page) != before
        touch(page, target, "touchEnd")


@pytest.mark.slow
def test_a_step_on_a_phone_says_its_words(opened, phone):
    page = opened(phone)
    step(page, STEPS[3]).click()
    expect(page.locator(".home .step-text")).to_contain_text("decoder")
    wait_for_rest(page)
    assert page.locator(".home .distance").inner_text() == "Out of distribution, far from anything it has seen"
    for selector in (".image", ".step-text", ".stage"):
        box = page.locator(f".home {selector}").bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] < 800, f"{selector} is in sight while the step is told"


def test_tab_reaches_every_control_in_order(opened):
    page = opened()
    controls = page.evaluate_handle(CONTROLS, HOST)
    count = controls.evaluate("all => all.length")
    assert count == 1 + 1 + 1 + 4 + 1, "map, sheet, Clear, four steps, keys"
    page.get_by_test_id("stMain").get_by_role("heading", level=1).click()
    reached = []
    for _ in range(count + 40):
        page.keyboard.press("Tab")
        reached.append(controls.evaluate(REACHED))
        if reached[-1] == count - 1:
            break
    assert [at for at in reached if at >= 0] == list(range(count))


@pytest.mark.parametrize("look", few(list(VARIANTS), "light"), indirect=True)
def test_axe_finds_nothing_serious(look, opened):
    axe = pytest.importorskip("axe_playwright_python.base")
    page = opened(look)
    page.evaluate(axe.AXE_SCRIPT)
    told = page.evaluate("selector => axe.run({ include: [selector] })", '[data-testid="stMain"]')
    found = [
        (each["id"], each["impact"], node["html"])
        for each in told["violations"]
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]
    inside = [each for each in told["passes"] if any(isinstance(node["target"][0], list) for node in each["nodes"])]
    assert len(inside) >= 5, "it looked inside"
    assert not found


def test_the_colours_follow_the_theme(opened):
    page = opened()
    light = drawn(page, ".home .map")
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.wait_for_function("() => getComputedStyle(document.querySelector('.stApp')).colorScheme === 'dark'")
    wait_until_idle(page)
    painted(page)
    assert drawn(page, ".home .map") != light
