"""Knobs: a setting is declared once, in a signature, and becomes a widget, a command-line option and a line of docs."""

from __future__ import annotations

import dataclasses
import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal, get_args, get_origin, get_type_hints

from aecore.errors import UserError

Value = float | int | str | bool | tuple[int, ...]

QUOTED = 60  # characters of what somebody typed that a message repeats
TYPED = 1000  # characters that a list of numbers may have

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


@dataclass(frozen=True)
class Says:
    """What a type cannot say of a setting: one sentence for people, its range, its unit. Stands in `Annotated[...]`."""

    doc: str
    low: float | None = None
    high: float | None = None
    step: float | None = None
    unit: str = ""
    label: str = ""
    log: bool = False  # walked in factors; `step` is then the smallest value above a `low` of 0


@dataclass(frozen=True)
class Knob:
    """One setting of a family, a projection or a run, as declared."""

    name: str
    kind: type
    default: Any
    says: Says
    choices: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        return self.says.label or self.name.replace("_", " ").capitalize()

    def check(self, value: Any) -> Value:
        """`value` in this knob's own type, or a UserError that says what would fit. Text is accepted for any kind."""
        try:
            value = self._convert(value)
        except (TypeError, ValueError, OverflowError):
            raise self._refusal(repr(value)) from None
        if self.choices and value not in self.choices:
            raise self._refusal(repr(value))
        low = -math.inf if self.says.low is None else self.says.low
        high = math.inf if self.says.high is None else self.says.high
        numbers = value if isinstance(value, tuple) else (value,)
        if self.kind in (int, float, tuple) and not all(low <= n <= high and math.isfinite(n) for n in numbers):
            raise self._refusal(", ".join(map(repr, numbers[:QUOTED])))
        return value

    def _refusal(self, said: str) -> UserError:
        said = said if len(said) <= QUOTED else f"{said[:QUOTED]} ..."
        return UserError(f"{self.name} takes {self._wants()}, not {said}.")

    def _convert(self, value: Any) -> Any:
        if self.kind is bool and isinstance(value, str):
            if value.lower() not in _WORDS:
                raise ValueError(value)
            return _WORDS[value.lower()]
        if self.kind is tuple:
            if isinstance(value, str) and len(value) > TYPED:
                raise ValueError(value)
            parts = value.replace(" ", "").strip(",").split(",") if isinstance(value, str) else list(value)
            return tuple(_whole(part) for part in parts if part != "")
        return _whole(value) if self.kind is int else self.kind(value)

    def _wants(self) -> str:
        if self.choices:
            return "one of " + ", ".join(self.choices)
        noun = {
            int: "a whole number",
            float: "a number",
            bool: "true or false",
            tuple: "whole numbers with commas",
        }
        low, high = self.says.low, self.says.high
        span = ""
        if low is not None and high is not None:
            span = f" from {low:g} to {high:g}"
        elif low is not None:
            span = f" of at least {low:g}"
        return noun.get(self.kind, "a text") + span


def _whole(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise ValueError(value)
    return int(value)


def _knob(name: str, hint: Any, default: Any) -> Knob | None:
    """The knob that a type hint declares; None for hints without `Says` (they are not settings)."""
    says = next((note for note in getattr(hint, "__metadata__", ()) if isinstance(note, Says)), None)
    if says is None:
        return None
    inner = get_args(hint)[0]
    if get_origin(inner) is Literal:
        return Knob(name, str, default, says, choices=get_args(inner))
    return Knob(name, get_origin(inner) or inner, default, says)


@cache  # a form asks for them some thirty times
def knobs_of(declared: Callable[..., Any] | type) -> tuple[Knob, ...]:
    """The knobs that a function's signature or a dataclass's fields declare, in their order."""
    hints = get_type_hints(declared, include_extras=True)
    if dataclasses.is_dataclass(declared):
        defaults = {field.name: field.default for field in dataclasses.fields(declared)}
    else:
        defaults = {name: p.default for name, p in inspect.signature(declared).parameters.items()}
    found = (_knob(name, hints[name], default) for name, default in defaults.items() if name in hints)
    return tuple(knob for knob in found if knob)


def complete(declared: Callable[..., Any] | type, given: Mapping[str, Any]) -> dict[str, Value]:
    """Every knob of `declared` with its value: the one given, checked, or the default. Unknown names are refused."""
    knobs = {knob.name: knob for knob in knobs_of(declared)}
    unknown = sorted(set(given) - set(knobs))
    if unknown:
        there = ", ".join(knobs) or "none"
        raise UserError(f"There is no setting called {unknown[0]} here; the settings are: {there}.")
    return {name: knob.check(given.get(name, knob.default)) for name, knob in knobs.items()}
