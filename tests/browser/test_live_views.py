"""Sliders, interpolation and denoising in a browser: drawn while dragged, the right images, and nobody is asked."""

from __future__ import annotations

import json
import re
import time

import numpy as np
import pytest

from aecore.analysis import latent_space, metrics
from aecore.data import images
from tests.kit.cases import few
from tools.browser import record_errors, wait_until_idle

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
LONG = 180_000  # ms: this machine may be busy with other things
KINDS = {
    "vae": {"family": "vae", "latent_dim": 20, "epochs": 8},
    "conditional": {"family": "conditional-vae", "latent_dim": 3, "epochs": 8},
    "codebook": {"family": "vq-vae", "epochs": 40},
    "colour": {"dataset": "shapes-colour", "family": "denoising", "latent_dim": 4, "hidden_sizes": (32,), "epochs": 1},
}
PIXELS = """canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
  return [canvas.height, canvas.width, [...data]];
}"""
MODULE = (
    "async ([name, ...given]) => { const m = await import(`/app/static/twins/${name}`); return (%s)(m, ...given); }"
)


@pytest.fixture(scope="module")
def trained(furnish, shelf):
    """Opened runs of KINDS."""
    from aecore.analysis.loaded import load

    ids = furnish(KINDS)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(shelf))
        return {kind: load(run) for kind, run in ids.items()}


@pytest.fixture
def open_page(lab, browser_page, trained):
    def go(path: str, kind: str = "vae", **asked):
        page = browser_page
        page.talk = []  # what the page says to the server
        page.on("websocket", lambda socket: socket.on("framesent", lambda _: page.talk.append(1)))
        more = "".join(f"&{name}={value}" for name, value in asked.items())
        page.goto(f"{lab}/{path}?run={trained[kind].id}{more}")
        wait_until_idle(page)
        for canvas in page.locator('canvas[role="img"]:visible').all():
            expect(canvas).to_have_attribute("aria-label", re.compile("."))
        page.talk.clear()
        return page

    return go


def picture(page, begins: str):
    return page.locator(f'canvas[role="img"][aria-label^="{begins}"]')


def slider(page, name: str):
    return page.get_by_role("slider", name=name, exact=True)


def still(page) -> None:
    """After the next two frames of the screen."""
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def shown(canvas) -> np.ndarray:
    """The pixels of a canvas, [C, H, W] in 0..1, gray ones with one channel."""
    high, wide, values = canvas.evaluate(PIXELS)
    rgb = np.array(values, dtype=float).reshape(high, wide, 4)[..., :3].transpose(2, 0, 1) / 255
    return rgb[:1] if (rgb == rgb[:1]).all() else rgb


def same(canvas, expected: np.ndarray, seconds: float = 20) -> None:
    """The canvas comes to show an image, as soon as the server's new data have arrived."""
    wanted = images.to_uint8(expected).transpose(2, 0, 1) / 255
    until = time.monotonic() + seconds
    while (off := np.abs(np.broadcast_to(shown(canvas), expected.shape) - wanted).max()) > 1 / 255 + 1e-3:
        assert time.monotonic() < until, f"off by {off}"
        time.sleep(0.1)


def drag(page, thumb, canvas, shares=(0.1, 0.25, 0.4, 0.55, 0.7, 0.85)) -> int:
    """Drags the slider's thumb over these shares of its track; gives how many different images there were."""
    thumb.scroll_into_view_if_needed()
    box, seen = thumb.bounding_box(), set()
    across = box["width"] - 20  # a thumb is 20 wide
    page.mouse.move(box["x"] + 10 + across * shares[0], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.talk.clear()
    for share in shares:
        page.mouse.move(box["x"] + 10 + across * share, box["y"] + box["height"] / 2, steps=3)
        still(page)
        seen.add(canvas.evaluate("canvas => canvas.toDataURL()"))
    page.wait_for_timeout(300)
    assert not page.talk, "nobody is asked"
    page.mouse.up()  # now the address says where it stands
    return len(seen)


def code_of(page) -> np.ndarray:
    """The code as the page offers it to be copied."""
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined, configurable: true })")
    page.get_by_role("button", name="Copy the code").click()
    field = page.get_by_role("textbox", name="The code")
    expect(field).to_be_focused()
    assert field.evaluate("field => field.selectionEnd - field.selectionStart === field.value.length")
    return np.array(json.loads(field.input_value()), dtype=np.float32)


# --- Sliders ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", few(list(KINDS), "vae", "colour"))
def test_a_latent_slider_decodes_while_it_is_dragged(kind, open_page, trained):
    page, run = open_page("interpolate", kind), trained[kind]
    decoded = picture(page, "Decoded from the code ").last
    thumb = page.locator(".code-slider").first.get_by_role("slider")
    assert drag(page, thumb, decoded) >= (2 if kind == "codebook" else 4)
    page.wait_for_function("() => /[?&]z=/.test(location.search)")  # where it was let go
    same(decoded, run.decode(code_of(page)[None])[0])


def test_every_number_has_a_slider_and_those_that_tell_most_come_first(open_page):
    page = open_page("interpolate")
    told = [float(text) for text in page.locator(".code-slider small").all_inner_texts()]
    assert len(told) == 16 and told == sorted(told, reverse=True)
    more = page.get_by_text("4 more dimensions (lower KL)")
    more.focus()
    page.keyboard.press("Enter")
    expect(page.locator(".code-slider")).to_have_count(20)
    names = set(page.locator(".code-slider > span").all_inner_texts())
    assert names == {f"z{number}" for number in range(1, 21)}


@pytest.mark.slow
def test_buttons_move_what_is_not_locked(open_page, trained):
    page, run = open_page("interpolate"), trained["vae"]
    name = page.locator(".code-slider > span").first.inner_text()
    number, start = int(name[1:]) - 1, code_of(page)
    assert np.allclose(start, run.encode(_tests(run, 0))[0], atol=1e-4)
    lock = page.get_by_role("button", name=f"Lock {name}", exact=True)
    lock.focus()
    page.keyboard.press("Space")
    expect(slider(page, name)).to_be_disabled()
    codes = [start]
    for button in ("Sample from the prior", "Sample near class", "Sample from the prior"):
        page.get_by_role("button", name=button).click()
        codes.append(code_of(page))
        assert codes[-1][number] == start[number]
        assert (np.delete(codes[-1], number) != np.delete(codes[-2], number)).all()
    page.get_by_role("radio", name="To", exact=True).first.check(force=True)
    lock.click()
    page.get_by_role("button", name="Reset").click()
    assert np.allclose(code_of(page), run.encode(_tests(run, 1))[0], atol=1e-4)
    page.wait_for_function("() => /[?&]start=1/.test(location.search) && !/[?&]z=/.test(location.search)")


def _tests(run, row: int) -> np.ndarray:
    from aecore.data import datasets

    return datasets.load(run.config.dataset).test.to_float(slice(row, row + 1))


@pytest.mark.slow
def test_a_cloud_is_drawn_from_where_there_is_one(open_page):
    page = open_page("interpolate")
    draw = page.get_by_role("button", name="Sample from q(z|x)")
    draw.click()
    draws = picture(page, "Sample ")
    expect(draws).to_have_count(8)
    first = {canvas.evaluate("canvas => canvas.toDataURL()") for canvas in draws.all()}
    assert len(first) == 8
    draw.click()
    assert not first & {canvas.evaluate("canvas => canvas.toDataURL()") for canvas in draws.all()}
    page.get_by_role("radio", name="Mean code").check(force=True)
    expect(draw).to_be_disabled()
    page = open_page("interpolate", "colour")
    expect(draw).to_have_count(0)


def test_the_code_goes_to_the_clipboard_where_the_page_may(open_page):
    page = open_page("interpolate")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.get_by_role("button", name="Copy the code").click()
    expect(page.get_by_text("Copied.")).to_be_visible()
    assert len(json.loads(page.evaluate("navigator.clipboard.readText()"))) == 20


def test_another_picture_and_another_label_arrive(open_page, trained):
    page, run = open_page("interpolate", "conditional"), trained["conditional"]
    decoded = picture(page, "Decoded from the code ").last
    same(decoded, run.decode(run.encode(_tests(run, 0)), np.array([0]))[0])
    page.get_by_role("spinbutton").first.fill("5")
    page.keyboard.press("Enter")
    wait_until_idle(page)
    same(decoded, run.decode(run.encode(_tests(run, 5)), np.array([0]))[0])
    page.get_by_role("combobox", name="Class label for decoding").click()
    page.get_by_role("option", name="7", exact=True).click()
    wait_until_idle(page)
    still(page)
    same(decoded, run.decode(run.encode(_tests(run, 5)), np.array([7]))[0])


# --- Interpolation ----------------------------------------------------------------------------------------------------

WAY = "How far from the first image to the second"


@pytest.mark.parametrize("kind", few(list(KINDS), "conditional"))
def test_the_way_is_decoded_while_it_is_dragged(kind, open_page, trained):
    page, run = open_page("interpolate", kind), trained[kind]
    through = [picture(page, "Decoded from the code").first, picture(page, "Cross-fade")]
    assert drag(page, slider(page, WAY), through[0]) >= (2 if kind == "codebook" else 4)
    a, b = _tests(run, 0), _tests(run, 1)
    share = float(slider(page, WAY).input_value()) / 100
    codes = run.encode(np.concatenate([a, b]))
    same(through[0], run.decode(((1 - share) * codes[0] + share * codes[1])[None])[0])
    same(through[1], (1 - share) * a[0] + share * b[0])
    slider(page, WAY).focus()
    for key, end in (("Home", 0), ("End", 1)):
        page.keyboard.press(key)
        still(page)
        same(through[0], run.decode(codes[end][None])[0])
    page.wait_for_function("() => /[?&]position=100/.test(location.search)")


@pytest.mark.slow
def test_the_path_may_be_spherical(open_page, trained):
    page, run = open_page("interpolate"), trained["vae"]
    main = page.get_by_test_id("stMain")
    main.get_by_role("radio", name="Spherical (slerp)").click()
    wait_until_idle(page)
    still(page)
    codes = run.encode(np.concatenate([_tests(run, 0), _tests(run, 1)]))
    half = latent_space.slerp(codes[0], codes[1], 3)[1:2]
    same(picture(page, "Decoded from the code").first, run.decode(half)[0])


@pytest.mark.slow
def test_play_stops_at_the_end_and_a_loop_goes_back(open_page):
    page = open_page("interpolate")
    thumb, button = slider(page, WAY), page.get_by_role("button", name="Play", exact=True)
    button.focus()
    page.keyboard.press("Enter")
    pause = page.get_by_role("button", name="Pause", exact=True)
    expect(pause).to_be_visible()
    expect(button).to_be_visible(timeout=LONG)
    assert thumb.get_attribute("aria-valuetext") == "100 %"
    page.get_by_label("Loop").check()
    page.get_by_role("button", name="Play", exact=True).click()

    page.wait_for_timeout(700)
    assert float(thumb.input_value()) < 99, "on its way back"
    thumb.focus()
    page.keyboard.press("Home")  # who takes the slider takes over
    expect(button).to_be_visible()
    assert thumb.get_attribute("aria-valuetext") == "0 %"


# --- Denoising --------------------------------------------------------------------------------------------------------

NOISY = """({ CORRUPTIONS }, kind, x, [channels, height, width], strength, seed) => {
  const image = { kind: 'image', channels, height, width };
  const into = new Float32Array(x.length);
  CORRUPTIONS[kind](Float32Array.from(x), image, strength, seed, into);
  return [...into];
}"""
NOISES = ("gaussian", "masking", "salt-and-pepper", "dropout")


def _module(page, name: str, function: str, *given):
    return page.evaluate(MODULE % function, [name, *given])


def _noisy(page, kind: str, clean: np.ndarray, strength: float, seed: int = 0) -> np.ndarray:
    shape = list(clean.shape)
    found = _module(page, "corruptions.js", NOISY, kind, clean.ravel().tolist(), shape, strength, seed)
    return np.array(found, dtype=np.float32).reshape(shape)


@pytest.mark.parametrize("kind", few(list(KINDS), "codebook"))
def test_strength_is_dragged_and_pictures_and_scores_follow(kind, open_page, trained):
    page, run = open_page("denoise", kind), trained[kind]
    noisy, drawn = picture(page, "Corrupted input"), picture(page, "Reconstruction")
    clean, cells = _tests(run, 3), page.locator("tbody td")
    before = cells.all_inner_texts()
    assert drag(page, slider(page, "Corruption level"), noisy) >= 5
    assert all(new != old for new, old in zip(cells.all_inner_texts(), before, strict=True))
    strength = float(slider(page, "Corruption level").input_value())
    page.wait_for_function("(said) => location.search.includes(said)", arg=f"corruption-level={strength:g}")
    given = _noisy(page, "gaussian", clean[0], strength)[None]
    cleaned = run.reconstruct(given)
    same(noisy, given[0])
    same(drawn, cleaned[0])
    assert cells.all_inner_texts() == [text for each in (given, cleaned) for text in _scores(clean, each)]


def _scores(clean: np.ndarray, other: np.ndarray) -> list[str]:
    found = (metrics.mse(clean, other), metrics.psnr(clean, other), metrics.ssim(clean, other))
    return [f"{value[0]:.{digits}f}".replace("-", "−") for value, digits in zip(found, (4, 2, 3), strict=True)]


@pytest.mark.slow
def test_every_noise_and_another_draw(open_page, trained):
    page, run = open_page("denoise"), trained["vae"]
    noisy, seen = picture(page, "Corrupted input"), set()
    again = page.get_by_role("button", name="New seed")
    for kind in NOISES:
        page.get_by_role("radio", name=kind.capitalize(), exact=True).check(force=True)
        for _ in range(2):
            still(page)
            seen.add(noisy.evaluate("canvas => canvas.toDataURL()"))
            again.focus()
            page.keyboard.press("Enter")
    assert len(seen) == 2 * len(NOISES)
    page.get_by_role("radio", name="None", exact=True).check(force=True)
    still(page)
    same(noisy, _tests(run, 3)[0])
    assert page.locator("tbody td").nth(1).inner_text() == "∞"
    expect(slider(page, "Corruption level")).to_be_disabled()
    page.talk.clear()
    page.reload()
    wait_until_idle(page)
    expect(page.get_by_role("radio", name="None", exact=True)).to_be_checked()


@pytest.mark.slow
def test_a_link_holds_noise_strength_and_draw(open_page, trained):
    page, run = (
        open_page("denoise", "vae", **{"corruption": "masking", "corruption-level": 0.6, "seed": 7}),
        trained["vae"],
    )
    expect(page.get_by_role("radio", name="masking")).to_be_checked()
    clean = _tests(run, 3)[0]
    same(picture(page, "Corrupted input"), _noisy(page, "masking", clean, 0.6, 7))


# --- What they compute with -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blank(lab, browser):
    """A page of the laboratory's address, without the laboratory."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{lab}/app/static/twins/paths.js")
    yield page
    context.close()


@pytest.mark.parametrize("path", latent_space.INTERPOLATIONS)
def test_paths_are_those_of_python(path, blank):
    draw = np.random.default_rng(0).normal(size=(6, 2, 7)).astype(np.float32)
    flat, same_way, opposite, zero = draw[0][:, :1], draw[1].copy(), draw[2].copy(), draw[3].copy()
    same_way[1], opposite[1], zero[0] = 3 * same_way[0], -2 * opposite[0], 0
    near = draw[4].copy()
    near[1] = near[0] * 2 + 1e-4
    walk = """({ INTERPOLATIONS }, path, ...ends) => {
      const [a, b] = ends.map((end) => Float32Array.from(end));
      return [0, 0.25, 0.5, 0.75, 1].map((share) => [...INTERPOLATIONS[path](a, b, share)]);
    }"""
    for a, b in (draw[0], draw[5], flat, same_way, opposite, zero, near):
        found = np.array(_module(blank, "paths.js", walk, path, a.tolist(), b.tolist()))
        assert np.abs(found - latent_space.INTERPOLATIONS[path](a, b, 5)).max() < 1e-5


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 32, 32), (1, 28, 28), (1, 5, 4), (1, 2, 9)])
def test_scores_are_those_of_python(shape, blank):
    x, y = np.random.default_rng(1).random((2, 1, *shape), dtype=np.float32)
    score = "(m, a, b, shape) => [m.mse(a, b), m.psnr(a, b), m.ssim(a, b, shape)]"
    found = _module(blank, "metrics.js", score, x.ravel().tolist(), y.ravel().tolist(), list(shape))
    expected = [metrics.mse(x, y)[0], metrics.psnr(x, y)[0], None if min(shape[1:]) < 3 else metrics.ssim(x, y)[0]]
    for one, other in zip(found, expected, strict=True):
        assert one == (other if other is None else pytest.approx(other, abs=1e-6))


def test_draws_are_uniform_normal_and_their_seeds(blank):
    many = "(m, name, seed, n) => { const draw = m[name](seed); return Array.from({ length: n }, () => draw()); }"
    for name, mean, spread in (("uniform", 0.5, 1 / 12**0.5), ("normal", 0, 1)):
        drawn = np.array(_module(blank, "rng.js", many, name, 3, 40_000))
        assert drawn.mean() == pytest.approx(mean, abs=0.02) and drawn.std() == pytest.approx(spread, rel=0.02)
        assert abs(np.corrcoef(drawn[1:], drawn[:-1])[0, 1]) < 0.02
        assert drawn[:9].tolist() == _module(blank, "rng.js", many, name, 3, 9)
        assert drawn[:9].tolist() != _module(blank, "rng.js", many, name, 4, 9)
        if name == "normal":
            assert (np.abs(drawn) < 1.96).mean() == pytest.approx(0.95, abs=0.01)


def test_noises_do_what_those_of_python_do(blank):
    x, strength = np.full((3, 100, 100), 0.5, dtype=np.float32), 0.3
    noisy = {kind: _noisy(blank, kind, x, strength) for kind in NOISES}
    assert noisy["gaussian"].std() == pytest.approx(0.283, abs=0.01)  # clipped at 0 and 1
    assert noisy["gaussian"].min() == 0 and noisy["gaussian"].max() == 1
    for kind, values in (("masking", (0, 0.5)), ("salt-and-pepper", (0, 0.5, 1)), ("dropout", (0, 0.5 / 0.7))):
        found, counts = np.unique(noisy[kind], return_counts=True)
        assert found == pytest.approx(values)
        shares = {"salt-and-pepper": (0.15, 0.7, 0.15)}.get(kind, (0.3, 0.7))
        assert counts / x.size == pytest.approx(shares, abs=0.02)
        assert (noisy[kind] == noisy[kind][:1]).all(), "a pixel is hit in all its colours or in none"
    stronger = _noisy(blank, "masking", x, 0.6)
    assert not stronger[noisy["masking"] == 0].any(), "the same draw: what was hit stays hit"


# --- How it looks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", few(["interpolate", "denoise"], "denoise"))
def test_fingers_on_a_phone(path, lab, browser, trained):
    context = browser.new_context(viewport={"width": 400, "height": 800}, has_touch=True, is_mobile=True)
    faults, page = record_errors(context), context.new_page()
    page.goto(f"{lab}/{path}?run={trained['vae'].id}")
    wait_until_idle(page)
    thumb = page.get_by_role("slider").first
    canvas = picture(page, "Decoded from the code" if path == "interpolate" else "Corrupted input").first
    expect(canvas).to_be_visible()
    thumb.scroll_into_view_if_needed()
    box, seen, touch = thumb.bounding_box(), set(), context.new_cdp_session(page)
    y = box["y"] + box["height"] / 2
    for step, share in enumerate((0.3, 0.4, 0.5, 0.6, 0.8)):
        at = [{"x": box["x"] + box["width"] * share, "y": y}]
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": at})
        still(page)
        seen.add(canvas.evaluate("canvas => canvas.toDataURL()"))
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert len(seen) >= 4
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    context.close()
    assert not faults


@pytest.mark.slow
def test_the_picture_stays_in_sight_beside_many_sliders(open_page):
    page = open_page("interpolate")
    decoded = picture(page, "Decoded from the code ").last
    page.get_by_role("button", name="Sample from q(z|x)").click()
    for width in (1280, 400):
        page.set_viewport_size({"width": width, "height": 700})
        wait_until_idle(page)
        page.locator(".code-slider").last.scroll_into_view_if_needed()
        page.wait_for_timeout(200)
        box = decoded.bounding_box()
        assert 0 <= box["y"] < box["y"] + box["height"] <= 700
        assert box["width"] == pytest.approx(box["height"], abs=1)
        assert decoded.evaluate("canvas => getComputedStyle(canvas).imageRendering") == "pixelated"


def test_the_keyboard_reaches_everything(open_page):
    page = open_page("interpolate")
    page.get_by_role("button", name="Reset").focus()
    reached = []
    focused = """() => {
      let at = document.activeElement;
      while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
      return at.getAttribute('aria-label') ?? at.textContent;
    }"""
    for _ in range(40):
        reached.append(page.evaluate(focused).strip())
        page.keyboard.press("Tab")
    names = page.locator(".code-slider > span").all_inner_texts()
    wanted = ["Reset", "Sample from the prior", "Sample near class", "Class", "Sample from q(z|x)", "Copy the code"]
    wanted += [name for number in names for name in (number, f"Lock {number}")]
    assert [name for name in wanted if name in reached] == wanted


@pytest.mark.slow
def test_another_run_takes_its_place(open_page, lab, trained):
    page = open_page("interpolate")
    page.get_by_test_id("stSidebar").get_by_role("combobox", name="Run").click()
    page.get_by_role("option").filter(has_text="denoising").first.click()
    expect(page.locator(".code-slider")).to_have_count(4)
    wait_until_idle(page)
    run = trained["colour"]
    same(picture(page, "Decoded from the code ").last, run.decode(run.encode(_tests(run, 0)))[0])
