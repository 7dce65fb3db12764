"""The threshold of an anomaly score: the rule that sets it, and a view in which it is dragged over the scores."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import streamlit as st

from aecore.export import packing
from ui.session import choices
from ui.session.failures import or_stop
from ui.session.text import escape
from ui.views.anomalies.found import Found
from ui.widgets import component, glossary, live, view_state

if TYPE_CHECKING:
    from aecore.applications.anomaly.detection import Detector, Scored
    from aecore.applications.anomaly.thresholds import Rule, Threshold

BY_HAND = (
    "Set by hand, by looking at test samples: its figures are no longer held out. They say how well this threshold "
    "fits these samples, not what it will do with others."
)
VOLUME, MISS_COST, ALARM_COST = 10_000.0, 100.0, 1.0  # samples a day, and prices, that nobody has said
MAX_COST = 1e9
SMALLEST_LEVEL = 1e-6  # of rules whose number is a share
MAX_SENT = 20_000  # scores of a group that the browser gets: of more the highest half of these, and others evenly
EXPLANATION = (
    "A score above the threshold is an **alarm**. It is set by calibration samples: normal ones that the model did not "
    "learn from. Drag the line to see what another one would do."
)


def choose_threshold(detector: Detector, scored: Scored, dataset: str, false_alarms: tuple[int, ...]) -> Found:
    """The rule and the threshold that people choose for a score, with the view in which they drag it."""
    glossary.header("Threshold", EXPLANATION)
    rule, values = st.container(), _address_values()
    base_rate = float(values.get("base-rate", _usual_base_rate()))
    with rule:
        chosen = _rule(len(scored.known_odd), values)
    of_rule = or_stop(_threshold, scored, chosen, base_rate)
    _view(detector, scored, of_rule)
    threshold = of_rule
    if "cut" in values:
        threshold = dataclasses.replace(of_rule, cut=float(values["cut"]), promise=BY_HAND)
    return Found(detector, scored.name, chosen, threshold, dataset, false_alarms, base_rate)


def _usual_base_rate() -> float:
    from aecore.applications.anomaly.thresholds import DEFAULT_BASE_RATE

    return DEFAULT_BASE_RATE


def _address_values() -> dict[str, str]:
    """What the address says of the view, which writes it there."""
    price = view_state.in_range(1, low=0, high=MAX_COST)
    return view_state.address_state(
        "threshold",
        {
            "cut": _finite,
            "base-rate": view_state.in_range(1, low=0, high=1),
            "volume": view_state.in_range(1, low=0, high=MAX_COST),
            "miss-cost": price,
            "alarm-cost": price,
            "tails": view_state.one_of("even"),
        },
    )


def _finite(text: str) -> str | None:
    """Any number: scores may be larger than what other views show."""
    try:
        return text.strip() if math.isfinite(float(text)) else None
    except ValueError:
        return None


def _rule(n_known_odd: int, values: dict[str, str]) -> Rule:
    """The rule that sets the threshold, with its number; the prices of the cheapest one are those of the view."""
    from aecore.applications.anomaly.thresholds import RULES, Rule

    kinds = {name: kind.title for name, kind in RULES.items() if name != "cost" or n_known_odd}
    left, right = st.columns([2, 1], vertical_alignment="bottom")
    name = choices.bound_choice(
        "Set by",
        kinds,
        "rule",
        widget="select",
        container=left,
        resets=("cut", "level"),
        help="All rules look at validation samples; none is told which test samples are odd.",
    )
    kind = RULES[name]
    if len(kind.default) > 1:
        right.caption("At the prices and the base rate that stand below.")
        prices = (("miss-cost", MISS_COST), ("alarm-cost", ALARM_COST))
        return Rule(name, tuple(float(values.get(parameter, usual)) for parameter, usual in prices))

    low, high = (0.0, float(kind.high)) if kind.high > 1 else (SMALLEST_LEVEL, 1 - SMALLEST_LEVEL)
    level = right.number_input(
        f"{kind.values[0].upper()}{kind.values[1:]}",
        low,
        high,
        step=0.5 if kind.high > 1 else 0.005,
        format="%g",
        **choices.bound_value("level", float(kind.default[0]), choices.number(low, high), resets=("cut",)),
    )
    return Rule(name, (float(level),))


def _threshold(scored: Scored, rule: Rule, base_rate: float) -> Threshold:
    from aecore.applications.anomaly.thresholds import Calibration

    return rule.threshold(Calibration(scored.calibration, scored.known_odd, base_rate), scored.judged)


def _view(detector: Detector, scored: Scored, threshold: Threshold) -> None:
    odd = detector.data.odd
    groups = {"calibration": scored.calibration, "normal": scored.judged[~odd], "odd": scored.judged[odd]}
    counts = {name: len(scores) for name, scores in groups.items()}
    data = {
        "counts": counts,
        "score": _title(detector, scored.name),
        "cut": threshold.cut if math.isfinite(threshold.cut) else None,
        "always": threshold.cut < 0,
        "promise": threshold.promise,
        "by_hand": BY_HAND,
        "use": {
            "baseRate": _usual_base_rate(), "volume": VOLUME, "missCost": MISS_COST, "alarmCost": ALARM_COST
        },
    }  # fmt: skip
    live.view("threshold", None, "threshold", data | pack(groups))
    if (most := max(counts.values())) > MAX_SENT:
        st.caption(
            f"Of {most:,} scores the highest {MAX_SENT // 2:,} are counted one by one. {MAX_SENT // 2:,} of the others "
            f"stand for all of them: down there shares are exact to {1 / (MAX_SENT // 2):.2%}."
        )


def _title(detector: Detector, name: str) -> str:
    from ui.views.anomalies.scores_table import titles

    return escape(titles(detector.run)[name])


def pack(groups: dict[str, np.ndarray]) -> dict[str, Any]:
    """Scores `[n]` by name, as static/twins/anomaly.js reads them: rising, float32, and of more than MAX_SENT some of
    them with how many come before each."""
    arrays: dict[str, np.ndarray | None] = {}
    for name, scores in groups.items():
        rising, ranks = np.sort(scores), None
        if len(rising) > MAX_SENT:
            top = len(rising) - MAX_SENT // 2
            below = np.linspace(0, top - 1, MAX_SENT // 2).round().astype(np.int64)
            ranks = np.concatenate([below, np.arange(top, len(rising))]).astype(np.uint32)
            rising = rising[ranks]
        arrays |= {name: rising.astype(np.float32), f"{name}_ranks": ranks}
    pieces, blob = packing.pack(arrays)
    return {"pieces": pieces, "blob": component.blob(blob)}
