"""The threshold of an anomaly score in a real browser: dragged, moved by keys and typed; what it is worth meanwhile;
and that the browser counts as Python does."""

from __future__ import annotations

import math
import re

import numpy as np
import pytest

from aecore.applications.anomaly import metrics
from tests.browser.hands import drawn, painted, spot
from tests.browser.test_live_health import CONTROLS, HOST, REACHED
from tools.browser import wait_until_idle
from ui.views.anomalies import threshold

expect = pytest.importorskip("playwright.sync_api").expect
expect.set_options(timeout=20_000)  # ms
RUN = {"family": "vanilla", "latent_dim": 4, "hidden_sizes": (16,), "normal": (0, 1, 2, 3, 4), "epochs": 5}


@pytest.fixture(scope="module")
def run(furnish):
    return furnish({"odd": RUN})["odd"]


@pytest.fixture
def open_page(lab, browser_page, run, sent):
    def go(page=browser_page, **asked):
        more = "".join(f"&{name}={value}" for name, value in asked.items())
        page.goto(f"{lab}/anomalies?run={run}&section=over-time{more}")  # of images that is a sentence
        words = re.compile("alarms begin at")
        expect(page.locator("canvas.scores")).to_have_attribute(
            "aria-label", words, timeout=60_000
        )  # rivals are fitted
        wait_until_idle(page)
        page.locator(".stage").scroll_into_view_if_needed()
        sent.clear()
        return page

    return go


def counts(page) -> list[int]:
    """True positives, false negatives, false positives, true negatives."""
    return [int(each.replace(",", "")) for each in page.locator(".confusion tbody td").all_inner_texts()]


def line(page):
    return page.get_by_role("slider", name="Threshold")


def parameter(page, name: str) -> str | None:
    return page.evaluate("(name) => new URL(location.href).searchParams.get(name)", name)


# --- The line ---------------------------------------------------------------------------------------------------------


def test_dragging_counts_anew_at_every_step_and_only_letting_go_is_heard(open_page, sent):
    page = open_page()
    promise = page.locator(".origin").inner_text()
    assert "calibration samples" in promise
    seen, pictures = [], set()
    page.mouse.move(*spot(line(page), 0.5, 0.5))
    page.mouse.down()
    for step in range(1, 16):
        page.mouse.move(*spot(line(page), 0.5 - 0.03 * step, 0.5))
        painted(page)
        seen.append(counts(page))
        pictures.add(drawn(page, "canvas.over") + drawn(page, ".roc .at"))
    assert not sent, "not a word while it is dragged"
    assert len({tuple(each) for each in seen}) > 10 and len(pictures) == 15
    assert seen == sorted(seen), "further to the left there are more alarms"
    assert all(tp + fn == 179 and fp + tn == 180 for tp, fn, fp, tn in seen)
    expect(page.locator(".origin")).to_have_text(threshold.BY_HAND)
    typed = page.locator("#cut").input_value()
    page.mouse.up()
    page.wait_for_function("() => new URL(location.href).searchParams.has('cut')")
    assert sent and parameter(page, "cut") == typed
    wait_until_idle(page)
    assert counts(page) == seen[-1], "the page's answer leaves it where it is"
    page.get_by_role("button", name="Back to the rule").click()
    expect(page.locator(".origin")).to_have_text(promise)
    page.wait_for_function("() => !new URL(location.href).searchParams.has('cut')")


def test_keys_move_the_line_and_the_page_hears_a_moment_after_the_last(open_page, sent):
    page = open_page()
    line(page).focus()
    page.keyboard.press("End")
    painted(page)
    assert counts(page) == [0, 179, 0, 180], "to the right of all scores nothing is an alarm"
    page.keyboard.press("Home")
    painted(page)
    assert counts(page) == [179, 0, 180, 0]
    places = [float(line(page).input_value())]
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowLeft", "Shift+ArrowLeft"):
        page.keyboard.press(key)
        places.append(float(line(page).input_value()))
    small, large, back, far_back = np.diff(places)
    assert small == pytest.approx(-back, abs=1e-3) and large == pytest.approx(10 * small, abs=2e-3)
    assert far_back < 5 * back < 0
    expect(page.locator(".live-region")).to_have_text(re.compile(r"^\d.* of the odd found, .* false alarms\.$"))
    page.wait_for_function("() => new URL(location.href).searchParams.has('cut')")
    assert sent


def test_a_threshold_is_typed_and_undone_by_back(open_page):
    page = open_page()
    field, before = page.get_by_label("Threshold", exact=True).and_(page.locator("#cut")), counts(page)
    first = field.input_value()
    field.fill("0.0123456789")
    painted(page)
    assert counts(page) != before
    field.press("Tab")
    page.wait_for_function("() => new URL(location.href).searchParams.get('cut') === '0.0123457'")
    wait_until_idle(page)
    page.go_back()
    expect(field).to_have_value(first)
    assert counts(page) == before


def test_another_rule_moves_the_line(open_page):
    page = open_page(cut="0.001")
    assert counts(page)[2] > 0
    page.get_by_role("combobox", name="Set by").click()
    page.get_by_role("option", name="Mean + standard deviations").click()
    expect(page.locator(".origin")).to_contain_text("Of a normal distribution")
    wait_until_idle(page)
    assert parameter(page, "cut") is None and parameter(page, "rule") == "sigma"


def test_the_calculator_says_what_is_left_of_it_where_anomalies_are_rare(open_page, sent):
    page = open_page()
    tp, fn, fp, tn = counts(page)
    page.get_by_role("button", name="0.01 %").click()
    painted(page)
    right = metrics.precision_at(0.0001, tp / (tp + fn), fp / (fp + tn))
    told = float(page.locator(".own-precision").inner_text().split()[0])
    assert told == pytest.approx(100 * right, rel=0.05) and told < 50
    expect(page.locator(".lesson")).to_contain_text("for each odd sample there are 9,999 normal ones")
    assert fp, "a false alarm or two"
    day = metrics.daily_counts(0.0001, tp / (tp + fn), fp / (fp + tn), threshold.VOLUME, 5000, threshold.ALARM_COST)
    page.get_by_label("Price of a miss").fill("5000")
    painted(page)
    cost = float(page.locator(".cost").inner_text().replace(",", ""))
    assert cost == pytest.approx(day["cost"], rel=0.006)
    page.get_by_label("Price of a miss").press("Tab")
    page.wait_for_function("() => new URL(location.href).searchParams.get('miss-cost') === '5000'")
    assert parameter(page, "base-rate") == "0.0001"
    page.get_by_label("Base rate (%)").fill("")
    page.get_by_label("Base rate (%)").press("Tab")
    expect(page.get_by_label("Base rate (%)")).to_have_value("0.01")


COST = """async (element) => {
  const spent = [];
  for (let i = 0; i < 60; i++) {
    await new Promise((done) => {
      let begun = 0;
      requestAnimationFrame(() => (begun = performance.now()));
      element.value = String(0.2 + 0.01 * i);
      element.dispatchEvent(new Event('input'));
      requestAnimationFrame(() => done(spent.push(performance.now() - begun)));
    });
  }
  return spent.sort((a, b) => a - b)[30];
}"""


def test_an_update_takes_less_than_the_55th_of_a_second(open_page):
    """What all that is drawn in one frame costs, in the middle of 60 frames."""
    spent = line(open_page()).evaluate(COST)
    assert spent < 1000 / 55, spent


def test_it_lives_on_a_phone_too(open_page, phone):
    page = open_page(phone)
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 400
    small = page.evaluate(
        """(host) => [...document.querySelectorAll(host)]
          .flatMap((each) => [...each.shadowRoot.querySelectorAll('button, input:not(.line):not(#bent)')])
          .filter((each) => each.checkVisibility() && each.getBoundingClientRect().height < 24)
          .map((each) => each.outerHTML)""",
        HOST,
    )
    assert not small


# --- Keyboard and screen reader ---------------------------------------------------------------------------------------


def test_tab_reaches_every_control_in_order(open_page):
    page = open_page()
    controls = page.evaluate_handle(CONTROLS, HOST)
    count = controls.evaluate("all => all.length")
    assert count >= 8
    reached = []
    page.get_by_role("heading", name="Threshold", level=2).click()
    for _ in range(count + 40):
        page.keyboard.press("Tab")
        reached.append(controls.evaluate(REACHED))
        if reached[-1] == count - 1:
            break
    reached = [at for at in reached if at >= 0]
    assert reached == sorted(reached) and set(reached) >= set(range(count - 8, count))


def test_axe_finds_nothing_serious(open_page):
    axe, page, found = pytest.importorskip("axe_playwright_python.base"), open_page(), []
    page.evaluate(axe.AXE_SCRIPT)
    for look in ("light", "dark"):
        page.emulate_media(color_scheme=look)
        wait_until_idle(page)
        told = page.evaluate("axe.run(document.querySelector('[data-testid=\"stMain\"]'))")
        ours = [each for each in told["passes"] if any(isinstance(node["target"][0], list) for node in each["nodes"])]
        assert len(ours) >= 5, "it looked inside"
        found += [
            (look, each["id"], each["impact"], node["html"])
            for each in told["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
            if isinstance(node["target"][0], list)  # in a view of ours
        ]
    assert not found


# --- What it computes with --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def blank(lab, browser):
    """A page of the laboratory's address, without the laboratory."""
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{lab}/app/static/twins/anomaly.js")
    yield page
    context.close()


COUNT = """async ([normal, odd, cuts]) => {
  const twin = await import('/app/static/twins/anomaly.js');
  const scores = ([values, ranks, count]) =>
    ({ values: Float32Array.from(values), ranks: ranks && Uint32Array.from(ranks), count });
  const number = (value) => (Number.isNaN(value) ? null : value);
  return cuts.map((text) => {
    const counts = twin.confusion(scores(normal), scores(odd), Number(text));
    const shares = [twin.falseAlarmRate(counts), twin.recall(counts), twin.precision(counts)];
    return [...Object.values(counts), ...shares.map(number)];
  });
}"""


def whole(values: np.ndarray) -> list:
    return [np.sort(values).tolist(), None, len(values)]


def counted(values: np.ndarray, odd: np.ndarray, cut: float) -> list:
    told = metrics.Confusion.of(values > cut, odd)
    shares = [told.false_alarm_rate, told.recall, told.precision]
    return [*told.to_json().values(), *(None if math.isnan(share) else share for share in shares)]


def test_the_browser_counts_as_python_does(blank):
    random = np.random.default_rng(0)
    values = np.float32(random.gamma(2, size=400).round(2)).astype(float)  # with ties
    odd = random.random(400) < 0.3
    cuts = [*values[:40], *random.uniform(-1, 12, 40), -math.inf, math.inf]
    given = [whole(values[~odd]), whole(values[odd]), [str(cut).replace("inf", "Infinity") for cut in map(float, cuts)]]
    for cut, found in zip(cuts, blank.evaluate(COUNT, given), strict=True):
        for one, right in zip(found, counted(values, odd, cut), strict=True):
            assert one == (right if right is None else pytest.approx(right, rel=1e-12))
    nothing = blank.evaluate(COUNT, [whole(np.zeros(0)), whole(values[odd]), ["1"]])[0]
    assert nothing[4] is None and nothing[1] == 0


def test_of_many_scores_the_browser_counts_the_highest_one_by_one(blank, monkeypatch):
    random = np.random.default_rng(1)
    many = np.float32(random.gamma(2, size=5000)).astype(float)
    monkeypatch.setattr(threshold, "MAX_SENT", 400)
    monkeypatch.setattr(threshold.component, "blob", lambda content: content)
    sent = threshold.pack({"many": many})
    from aecore.export import packing

    values, ranks = (packing.unpack(sent["pieces"][name], sent["blob"]).tolist() for name in ("many", "many_ranks"))
    cuts = np.quantile(many, np.linspace(0, 1, 200)[:-1])
    told = blank.evaluate(COUNT, [[values, ranks, 5000], whole(many[:1]), [str(float(cut)) for cut in cuts]])
    off = np.array([found[1] - np.sum(many > cut) for found, cut in zip(told, cuts, strict=True)])
    assert np.abs(off).max() <= 5000 / 200 and (off[cuts >= np.sort(many)[4800]] == 0).all()


SPECIAL = [(0.0001, 0.92, 0.005), (0, 0.5, 0.1), (1, 0.5, 0.1), (0.3, 0, 0)]  # base rate, recall, false-alarm rate


def test_a_day_costs_what_it_costs_in_python(blank):
    random = np.random.default_rng(2)
    days = [
        {
            "base_rate": rate,
            "recall": recall,
            "false_alarm_rate": false,
            "volume": 10 ** random.uniform(0, 7),
            "miss_cost": random.uniform(0, 900),
            "false_alarm_cost": random.uniform(0, 9),
        }
        for rate, recall, false in [*SPECIAL, *random.random((40, 3)).tolist()]
    ]
    daily = """async (days) => {
      const { dailyCounts } = await import('/app/static/twins/anomaly.js');
      return days.map(({ base_rate, volume, miss_cost, false_alarm_cost, recall, false_alarm_rate }) => {
        const use = { baseRate: base_rate, volume, missCost: miss_cost, alarmCost: false_alarm_cost };
        const told = Object.values(dailyCounts(use, recall, false_alarm_rate));
        return told.map((value) => (Number.isNaN(value) ? null : value));
      });
    }"""
    for day, found in zip(days, blank.evaluate(daily, days), strict=True):
        right = metrics.daily_counts(**day)
        assert list(right) == ["anomalies", "found", "missed", "false_alarms", "precision", "cost"]
        for one, other in zip(found, right.values(), strict=True):
            assert one is None if math.isnan(other) else one == pytest.approx(other, rel=1e-9, abs=1e-12)
    assert blank.evaluate(daily, days[:1])[0][4] == pytest.approx(0.018, abs=5e-4)  # 99.5 % of nothing
