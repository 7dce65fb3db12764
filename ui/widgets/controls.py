"""Controls: what aecore declares becomes widgets. Nothing here knows a family, a data set or a projection by name."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Mapping, Sequence
from itertools import cycle
from typing import Any

import streamlit as st

from aecore.errors import UserError
from aecore.params import Param, ParamInfo, ParamValue, params_of
from ui.session import address
from ui.widgets.choice_labels import choice_label


def widget(
    param: Param,
    scope: str,
    value: Any = None,
    disabled: bool = False,
    narrow: bool = False,
    parameter: str = "",
    after: Callable[[], None] | None = None,
    resets: Sequence[str] = (),
) -> ParamValue:
    """The widget that fits a setting, its notation beneath, and its checked value; `scope` keeps equal names of two
    forms apart. With a `parameter` the address holds the value under that name while it is not the one to begin with;
    `after` hears of a change, with which the parameters in `resets` leave the address."""
    start = param.default if value is None else value
    write = None
    if parameter and not disabled:
        write = _bind(param, f"{scope}-{param.name}", parameter, start, after, resets)
    given = _input(param, scope, start, disabled, narrow, write)
    if notation := notation_line(param.info):
        st.caption(notation)
    return param.validate(given)


def _bind(
    param: Param, key: str, parameter: str, start: Any, after: Callable[[], None] | None, resets: Sequence[str] = ()
) -> Callable[[], None]:
    """Puts the widget `key` to what the address says of a setting; UserError when that cannot be. Returns what writes
    the widget's value there."""
    asked = address.bound(parameter)
    if _typed(param, key) is not None or key not in st.session_state:  # what was typed and is wrong stays to be mended
        st.session_state[key] = _state(param, start if asked is None else param.validate(asked))

    def write() -> None:
        chosen = _typed(param, key)
        if chosen is None:
            return
        text = None if chosen == start else param.to_text(chosen)
        address.write_all(dict.fromkeys(resets) | {parameter: text})
        if after:
            after()

    return write


def _typed(param: Param, key: str) -> ParamValue | None:
    """The value that a widget stands at; None where it is not one of this setting."""
    with contextlib.suppress(UserError, KeyError):
        return param.validate(st.session_state[key])
    return None


def _state(param: Param, value: Any) -> Any:
    """A value as the widget of its setting holds it."""
    if param.info.zero and not value:
        return None
    return ", ".join(map(str, value)) if param.value_type is tuple else value


def notation_line(info: ParamInfo) -> str:
    """The symbol of a setting and what its paper calls it, as Markdown; empty where it has neither."""
    symbol, paper = getattr(info, "symbol", ""), getattr(info, "paper", "")
    return " · ".join(filter(None, (symbol and f"${symbol}$", paper and f"in the paper: {paper}")))


def _input(
    param: Param, scope: str, value: Any, disabled: bool, narrow: bool, on_change: Callable[[], None] | None
) -> Any:
    key, says = f"{scope}-{param.name}", param.info
    common: dict[str, Any] = {"help": says.description, "key": key, "disabled": disabled, "on_change": on_change}
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
        return st.text_input(param.label, _state(param, value), **common)
    if says.zero:
        return _optional_number_input(param, value, **common)
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


def _optional_number_input(param: Param, value: Any, **common: Any) -> float | None:
    """A field that may be empty, and says what that means."""
    says, kind = param.info, param.value_type
    return st.number_input(
        param.label,
        kind(says.min or 0),
        None if says.max is None else kind(says.max),
        value=kind(value) or None,
        step=kind(says.step or 1),
        placeholder=says.zero,
        **common,
    )


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
    function: Callable[..., Any],
    scope: str,
    initial: Mapping[str, ParamValue] | None = None,
    parameter: Callable[[str], str] = lambda name: "",
    resets: Sequence[str] = (),
    lenient: bool = False,
) -> dict[str, ParamValue]:
    """A widget for each parameter that a function's signature declares, beginning at its default or at `initial`;
    `parameter` names what the address calls it, if it holds it; the parameters in `resets` leave the address with a
    change, and, if `lenient`, what is no value of a setting, too (else UserError)."""
    found: dict[str, ParamValue] = {}
    for column, param in zip(cycle(st.columns(2)), params_of(function), strict=False):
        with column:
            start, name = (initial or {}).get(param.name), parameter(param.name)
            if name and lenient:
                _drop_unless_valid(param, name)
            found[param.name] = widget(param, scope, start, narrow=True, parameter=name, resets=resets)
    return found


def _drop_unless_valid(param: Param, parameter: str) -> None:
    asked = address.bound(parameter)
    try:
        if asked is not None:
            param.validate(asked)
    except UserError:
        address.drop(parameter)
