"""Controls: what aecore declares becomes widgets. Nothing here knows a family, a data set or a projection by name."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from itertools import cycle
from typing import Any

import streamlit as st

from aecore.config import Config
from aecore.params import Param, ParamInfo, ParamValue, params_of
from ui.session import choices
from ui.session.text import escape
from ui.widgets.choice_labels import choice_label

ARCHITECTURE_FIELDS = (
    "network",
    "hidden_sizes",
    "latent_dim",
    "activation",
    "dropout",
    "initialisation",
)  # what weights hang on
MAIN_FIELDS = (
    "network",
    "latent_dim",
    "hidden_sizes",
    "likelihood",
    "epochs",
    "seed",
)  # the rest of a run's settings fold away


def widget(param: Param, scope: str, value: Any = None, disabled: bool = False, narrow: bool = False) -> ParamValue:
    """The widget that fits a setting, its notation beneath, and its checked value; `scope` keeps equal names of two
    forms apart."""
    given = _input(param, scope, param.default if value is None else value, disabled, narrow)
    if notation := notation_line(param.info):
        st.caption(notation)
    return param.validate(given)


def notation_line(info: ParamInfo) -> str:
    """The symbol of a setting and what its paper calls it, as Markdown; empty where it has neither."""
    symbol, paper = getattr(info, "symbol", ""), getattr(info, "paper", "")
    return " · ".join(filter(None, (symbol and f"${symbol}$", paper and f"in the paper: {paper}")))


def _input(param: Param, scope: str, value: Any, disabled: bool, narrow: bool) -> Any:
    key, says = f"{scope}-{param.name}", param.info
    common: dict[str, Any] = {"help": says.description, "key": key, "disabled": disabled}
    if param.choices:
        common["format_func"] = choice_label
        if len(param.choices) <= (2 if narrow else 4):
            return st.segmented_control(
                param.label, param.choices, default=value, required=True, width="stretch", wrap=True, **common
            )
        return st.selectbox(param.label, param.choices, index=param.choices.index(value), **common)
    if param.value_type is bool:
        return st.toggle(param.label, value, **common)
    if param.value_type is tuple:
        return st.text_input(param.label, ", ".join(map(str, value)), **common)
    if says.log:
        return _log_number_input(param, value, **common)
    return _number_input(param, value, **common)


def _number_input(param: Param, value: Any, **common: Any) -> float:
    """A slider where a number has both ends, else a field."""
    says = param.info
    if param.value_type is float and says.min is not None and says.max is not None and says.max - says.min <= 100:
        step = float(says.step or 0.01)
        return st.slider(param.label, float(says.min), float(says.max), float(value), step, **common)
    if param.value_type is int and says.max is not None and says.max <= 100:
        return st.slider(param.label, int(says.min or 0), int(says.max), int(value), **common)
    kind = param.value_type
    span = [None if edge is None else kind(edge) for edge in (says.min, says.max)]
    return st.number_input(param.label, *span, value=kind(value), step=kind(says.step or 1), **common)


def _log_number_input(param: Param, value: Any, key: str, help: str, **common: Any) -> float:
    """A field for a number whose range has many decades: typed, or walked in factors."""
    low, high = float(param.info.min or 0), None if param.info.max is None else float(param.info.max)
    least = low or float(param.info.step or 1e-6)
    here = _round_binary(
        st.session_state.get(key, value)
    )  # the step goes with the value: with a key it is the same widget
    given = st.number_input(
        param.label,
        low,
        high,
        float(value),
        log_step(here, least),
        format="%g",
        key=key,
        help=f"{help} Type 0.0001 or 1e-4; + and \u2212 step by factors: 1, 0.3, 0.1, 0.03 ...",
        **common,
    )
    return _round_binary(given)


def _round_binary(value: float) -> float:
    """A number without the dust of binary fractions, which would make another run: 0.1 + 0.2 is 0.3."""
    return float(f"{value:.12g}")


def log_step(value: float, min_value: float) -> float:
    """From `value` down to the next of 1, 3, 10, 30 ... below its half; at `min_value`, the smallest, its own size.

    Of more than half, so that who presses twice before the next stride is there does not fall to 0.
    """
    if value <= min_value:
        return min_value
    decade = math.floor(math.log10(value))
    lower = max(each for power in (decade - 1, decade) for times in (1, 3)
                if (each := float(f"{times}e{power}")) < value / 2)  # fmt: skip
    return _round_binary(value - max(lower, min_value))


def param_widgets(
    function: Callable[..., Any], scope: str, initial: Mapping[str, ParamValue] | None = None
) -> dict[str, ParamValue]:
    """A widget for each parameter that a function's signature declares, beginning at its default or at `initial`."""
    found: dict[str, ParamValue] = {}
    for column, param in zip(cycle(st.columns(2)), params_of(function), strict=False):
        with column:
            found[param.name] = widget(param, scope, (initial or {}).get(param.name), narrow=True)
    return found


def config_form() -> Config:
    """The settings of a run, from data set to seed. `resolve_config` has still to check them together."""
    from aecore.data.cards import CARDS
    from aecore.models import presets
    from aecore.models.families.build import FAMILIES

    dataset = choices.bound_choice(
        "Data set", {name: card.title for name, card in CARDS.items()}, "dataset", widget="select"
    )
    family = choices.bound_choice(
        "Model", {name: each.title for name, each in FAMILIES.items()}, "family", "vae", widget="select"
    )
    fixed, usual = FAMILIES[family].fixed, FAMILIES[family].defaults
    preset = choices.bound_choice(
        "Preset",
        {name: name.capitalize() for name in presets.PRESETS},
        "preset",
        help="  \n".join(f"**{name}**: {each.description}" for name, each in presets.PRESETS.items()),
    )
    start = presets.default_config(dataset, preset=preset)
    network = fixed.get("network") or widget(
        _config_param("network"), f"train-{dataset}-{preset}-network", start.network
    )
    start = dataclasses.replace(presets.default_config(dataset, str(network), preset, **usual), family=family, **fixed)
    own = {*fixed, *usual}
    # the scope names what the start depends on, so that another data set, family or preset brings its own
    return _settings_form(
        start, fixed, lambda name: f"train-{dataset}-{network}-{preset}-{family if name in own else ''}"
    )


def fork_form(parent: Config) -> Config:
    """The settings of a run that starts from the weights of `parent`: what the weights hang on stays as it is."""
    st.markdown(f"Starts from the weights of **{escape(parent.summary)}** (fine-tuning)")
    said = _settings_form(parent, dict.fromkeys(ARCHITECTURE_FIELDS), lambda name: f"fork-{parent.id}")
    return dataclasses.replace(said, parent=parent.id)


def _config_param(name: str) -> Param:
    return next(param for param in params_of(Config) if param.name == name)


def _settings_form(start: Config, fixed: Mapping[str, Any], scope: Callable[[str], str]) -> Config:
    """Widgets for all settings but data, family and network, beginning at `start`; those `fixed` cannot be changed.
    `scope` tells the widgets of one form from those of another."""
    from aecore.models.families.build import FAMILIES

    said: dict[str, Any] = {}

    def ask(names: list[str]) -> None:
        for column, name in zip(cycle(st.columns(2)), names, strict=False):
            with column:
                said[name] = widget(_config_param(name), scope(name), getattr(start, name), name in fixed, narrow=True)

    names = [param.name for param in params_of(Config) if param.name != "network"]
    ask([name for name in MAIN_FIELDS if name in names])
    own = param_widgets(FAMILIES[start.family].build, f"{scope('')}-{start.family}", start.params)
    with st.expander("More settings"):
        ask([name for name in names if name not in MAIN_FIELDS])
    return dataclasses.replace(start, params=own, **said)
