"""Controls: what aecore declares becomes widgets. Nothing here knows a family, a data set or a projection by name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import streamlit as st

from aecore.config import Config
from aecore.params import Knob, Value, knobs_of
from ui.session.text import escape

STRUCTURE = ("network", "hidden", "z_dim", "activation", "dropout", "initialisation")  # what weights hang on
FIRST = (
    "network",
    "z_dim",
    "hidden",
    "likelihood",
    "epochs",
    "seed",
)  # the rest of a run's settings fold away


def widget(knob: Knob, scope: str, value: Any = None, disabled: bool = False, narrow: bool = False) -> Value:
    """The widget that fits a knob, and its checked value; `scope` keeps equal names of two forms apart."""
    value = knob.default if value is None else value
    key, says = f"{scope}-{knob.name}", knob.says
    common: dict[str, Any] = {"help": says.doc, "key": key, "disabled": disabled}
    given: Any
    if knob.choices and len(knob.choices) <= (2 if narrow else 4):
        given = st.segmented_control(
            knob.label, knob.choices, default=value, required=True, width="stretch", wrap=True, **common
        )
    elif knob.choices:
        given = st.selectbox(knob.label, knob.choices, index=knob.choices.index(value), **common)
    elif knob.kind is bool:
        given = st.toggle(knob.label, value, **common)
    elif knob.kind is tuple:
        given = st.text_input(knob.label, ", ".join(map(str, value)), **common)
    elif says.log:
        given = _of_decades(knob, value, **common)
    elif knob.kind is float and says.low is not None and says.high is not None and says.high - says.low <= 100:
        given = st.slider(
            knob.label,
            float(says.low),
            float(says.high),
            float(value),
            float(says.step or 0.01),
            **common,
        )
    elif knob.kind is int and says.high is not None and says.high <= 100:
        given = st.slider(knob.label, int(says.low or 0), int(says.high), int(value), **common)
    else:
        kind = knob.kind
        span = [None if edge is None else kind(edge) for edge in (says.low, says.high)]
        given = st.number_input(knob.label, *span, value=kind(value), step=kind(says.step or 1), **common)
    return knob.check(given)


def _of_decades(knob: Knob, value: Any, key: str, help: str, **common: Any) -> float:
    """A field for a number whose range has many decades: typed, or walked in factors."""
    low, high = float(knob.says.low or 0), None if knob.says.high is None else float(knob.says.high)
    least = low or float(knob.says.step or 1e-6)
    here = _plain(st.session_state.get(key, value))  # the step goes with the value: with a key it is the same widget
    given = st.number_input(
        knob.label,
        low,
        high,
        float(value),
        stride(here, least),
        format="%g",
        key=key,
        help=f"{help} Type 0.0001 or 1e-4; + and \u2212 step by factors: 1, 0.3, 0.1, 0.03 ...",
        **common,
    )
    return _plain(given)


def _plain(value: float) -> float:
    """A number without the dust of binary fractions, which would make another run: 0.1 + 0.2 is 0.3."""
    return float(f"{value:.12g}")


def stride(value: float, least: float) -> float:
    """From `value` down to the next of 1, 3, 10, 30 ... below its half; at `least`, the smallest value, its own size.

    Of more than half, so that who presses twice before the next stride is there does not fall to 0.
    """
    if value <= least:
        return least
    decade = math.floor(math.log10(value))
    lower = max(each for power in (decade - 1, decade) for times in (1, 3)
                if (each := float(f"{times}e{power}")) < value / 2)  # fmt: skip
    return _plain(value - max(lower, least))


def knobs(declared: Callable[..., Any], scope: str, start: Mapping[str, Value] | None = None) -> dict[str, Value]:
    """A widget for each knob that a function's signature declares, beginning at its default or at `start`."""
    found: dict[str, Value] = {}
    for column, knob in zip(cycle(st.columns(2)), knobs_of(declared), strict=False):
        with column:
            found[knob.name] = widget(knob, scope, (start or {}).get(knob.name), narrow=True)
    return found


def config_form() -> Config:
    """The settings of a run, from data set to seed. `families.settle` has still to check them together."""
    from aecore.data.cards import CARDS
    from aecore.models import presets
    from aecore.models.families.build import FAMILIES

    dataset = st.selectbox(
        "Data",
        list(CARDS),
        format_func=lambda name: CARDS[name].title,
        key="train-dataset",
        bind="query-params",
    )
    family = st.selectbox(
        "Family",
        list(FAMILIES),
        index=list(FAMILIES).index("vae"),
        format_func=lambda name: FAMILIES[name].title,
        key="train-family",
        bind="query-params",
    )
    fixed, usual = FAMILIES[family].fixed, FAMILIES[family].usual
    preset = st.segmented_control(
        "Preset",
        list(presets.PRESETS),
        default="usual",
        required=True,
        wrap=True,
        key="train-preset",
        bind="query-params",
        help="  \n".join(f"**{name}**: {each.doc}" for name, each in presets.PRESETS.items()),
    )
    start = presets.start(dataset, preset=preset)
    network = fixed.get("network") or widget(_knob("network"), f"train-{dataset}-{preset}-network", start.network)
    start = dataclasses.replace(presets.start(dataset, str(network), preset, **usual), family=family, **fixed)
    own = {*fixed, *usual}
    # the scope names what the start depends on, so that another data set, family or preset brings its own
    return _rest(start, fixed, lambda name: f"train-{dataset}-{network}-{preset}-{family if name in own else ''}")


def fork_form(parent: Config) -> Config:
    """The settings of a run that starts from the weights of `parent`: what the weights hang on stays as it is."""
    st.markdown(f"**{escape(parent.title)}**, its weights")
    said = _rest(parent, dict.fromkeys(STRUCTURE), lambda name: f"fork-{parent.id}")
    return dataclasses.replace(said, parent=parent.id)


def _knob(name: str) -> Knob:
    return next(knob for knob in knobs_of(Config) if knob.name == name)


def _rest(start: Config, fixed: Mapping[str, Any], scope: Callable[[str], str]) -> Config:
    """Widgets for all settings but data, family and network, beginning at `start`; those `fixed` cannot be changed.
    `scope` tells the widgets of one form from those of another."""
    from aecore.models.families.build import FAMILIES

    said: dict[str, Any] = {}

    def ask(names: list[str]) -> None:
        for column, name in zip(cycle(st.columns(2)), names, strict=False):
            with column:
                said[name] = widget(_knob(name), scope(name), getattr(start, name), name in fixed, narrow=True)

    names = [knob.name for knob in knobs_of(Config) if knob.name != "network"]
    ask([name for name in FIRST if name in names])
    own = knobs(FAMILIES[start.family].build, f"{scope('')}-{start.family}", start.knobs)
    with st.expander("More settings"):
        ask([name for name in names if name not in FIRST])
    return dataclasses.replace(start, knobs=own, **said)
