"""Parameters: a setting is declared once, in a signature; it becomes a widget, a command-line option and a doc line."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aecore.errors import UserError

ParamValue = float | int | str | bool | tuple[int, ...]

MAX_QUOTED = 60  # characters of what somebody typed that a message repeats
MAX_TEXT = 1000  # characters that a list of numbers may have

_BOOLEANS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class ParamInfo:
    """What a type cannot say of a setting. Stands in `Annotated[...]`."""

    description: str  # one sentence for people
    min: float | None = None
    max: float | None = None
    step: float | None = None
    label: str = ""
    log: bool = False  # changed by factors; `step` is then the smallest value above a `min` of 0
    symbol: str = ""  # its usual symbol, in LaTeX without dollar signs
    paper: str = ""  # what the family's paper calls it, where that is another word
    zero: str = ""  # what 0 means where it is no number of its kind: "never", "all"; an empty field then stands for it


@dataclass(frozen=True)
class Param:
    """One setting of a family, a projection or a run, as declared."""

    name: str
    value_type: type
    default: Any
    info: ParamInfo
    choices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.info.label or self.name.replace("_", " ").capitalize()

    def to_text(self, value: ParamValue) -> str:
        """A value as text that `validate` reads back, as addresses and command lines have it."""
        if isinstance(value, bool):
            return str(value).lower()
        if isinstance(value, tuple):
            return ",".join(map(str, value))
        return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)

    def validate(self, value: Any) -> ParamValue:
        """`value` in this parameter's own type, or a UserError that says what would fit. Text is accepted for any, and
        nothing (None, an empty text) where 0 has a meaning of its own."""
        if self.info.zero and value in (None, ""):
            value = () if self.value_type is tuple else 0
        try:
            value = self._convert(value)
        except (TypeError, ValueError, OverflowError):
            raise self._error(repr(value)) from None
        if self.choices and value not in self.choices:
            raise self._error(repr(value))
        low = -math.inf if self.info.min is None else self.info.min
        high = math.inf if self.info.max is None else self.info.max
        numbers = value if isinstance(value, tuple) else (value,)
        if self.value_type in (int, float, tuple) and not all(low <= n <= high and math.isfinite(n) for n in numbers):
            raise self._error(", ".join(map(repr, numbers[:MAX_QUOTED])))
        return value

    def _error(self, value_text: str) -> UserError:
        value_text = value_text if len(value_text) <= MAX_QUOTED else f"{value_text[:MAX_QUOTED]} ..."
        return UserError(f"{self.name} takes {self._expected()}, not {value_text}.")

    def _convert(self, value: Any) -> Any:
        if self.value_type is bool and isinstance(value, str):
            if value.lower() not in _BOOLEANS:
                raise ValueError(value)
            return _BOOLEANS[value.lower()]
        if self.value_type is tuple:
            if isinstance(value, str) and len(value) > MAX_TEXT:
                raise ValueError(value)
            parts = value.replace(" ", "").strip(",").split(",") if isinstance(value, str) else list(value)
            return tuple(_to_int(part) for part in parts if part != "")
        return _to_int(value) if self.value_type is int else self.value_type(value)

    def _expected(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        noun = {
            int: "a whole number",
            float: "a number",
            bool: "true or false",
            tuple: "whole numbers with commas",
        }
        low, high = self.info.min, self.info.max
        span = ""
        if low is not None and high is not None:
            span = f" from {low:g} to {high:g}"
        elif low is not None:
            span = f" of at least {low:g}"
        return noun.get(self.value_type, "a text") + span


def _to_int(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _param(name: str, hint: Any, default: Any) -> Param | None:
    """The parameter that a type hint declares; None for hints without `ParamInfo` (they are not settings)."""
    says = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, ParamInfo)), None)
    if says is None:
        return None
    inner = get_args(hint)[0]
    if get_origin(inner) is Literal:
        return Param(name, str, default, says, choices=get_args(inner))
    return Param(name, get_origin(inner) or inner, default, says)


@cache  # a form asks for them some thirty times
def params_of(source: Callable[..., Any] | type) -> tuple[Param, ...]:
    """The parameters that a function's signature or a dataclass's fields declare, in their order."""
    hints = get_type_hints(source, include_extras=True)
    if dataclasses.is_dataclass(source):
        defaults = {field.name: field.default for field in dataclasses.fields(source)}
    else:
        defaults = {name: p.default for name, p in inspect.signature(source).parameters.items()}
    found = (_param(name, hints[name], default) for name, default in defaults.items() if name in hints)
    return tuple(param for param in found if param)


def resolve(source: Callable[..., Any] | type, values: Mapping[str, Any]) -> dict[str, ParamValue]:
    """Every parameter of `source` with its value: the one given, checked, or the default. Unknown names are refused."""
    params = {param.name: param for param in params_of(source)}
    unknown = sorted(set(values) - set(params))
    if unknown:
        there = ", ".join(params) or "none"
        raise UserError(f"There is no setting called {unknown[0]} here; the settings are: {there}.")
    return {name: param.validate(values.get(name, param.default)) for name, param in params.items()}
