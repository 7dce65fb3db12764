"""Checks of what JSON can hold: each is called with a value and returns "" or what is wrong with it, in words that name
the field; `fit` makes the sentence of them that people see. aecore.store.schema puts them together to formats.

jsonschema could do the same, and takes 2.7 ms for a result where this takes 0.1: a list of 1,000 runs is not to wait
for that.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from aecore.errors import UserError

T = TypeVar("T")
Check = Callable[[Any], str]

MAX_NUMBER = 3.5e38  # float32, in which all of this was computed, ends at 3.4e38
MAX_COUNT = 10**15  # of anything that is counted
MAX_TIMESTAMP = 7_258_118_400  # seconds since 1970: the year 2200, beyond which dates in tables end


def validate(value: T, check: Check, name: str) -> T:
    """What was read from the file called `name`, if it has its format; UserError, with the field, if not."""
    if wrong := check(value):
        wrong = f"it {wrong}" if wrong.startswith(("is ", "has ")) else plain_text(wrong)
        raise UserError(f"{name} is spoilt ({wrong}); delete the run, or put the file back.")
    return value


def plain_text(text: str, max_length: int = 200) -> str:
    """Words that may hold anything, fit for a sentence: one line, printable, without what a page takes for markup."""
    kept = "".join(sign if sign.isprintable() and sign not in "<>[]`*$\\" else " " for sign in text)
    return " ".join(kept.split())[:max_length]


# --- What a value can be ----------------------------------------------------------------------------------------------


def number(value: Any) -> str:
    """A finite number."""
    if type(value) is not float and type(value) is not int:
        return "is no number"
    return "" if -MAX_NUMBER < value < MAX_NUMBER else "is no finite number"


def number_or_nan(value: Any) -> str:
    """A number that may be infinite or NaN, as a gradient can."""
    return "" if type(value) is float and not math.isfinite(value) else number(value)


def between(low: float, high: float) -> Check:
    """A finite number from `low` to `high`."""
    return lambda value: number(value) or ("" if low <= value <= high else f"is not between {low:g} and {high:g}")


fraction, non_negative, timestamp = between(0, 1), between(0, MAX_NUMBER), between(0, MAX_TIMESTAMP)
positive = between(1e-30, MAX_NUMBER)


def integer(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: Any) -> str:
        if type(value) is not int:
            return "is no whole number"
        return "" if low <= value <= high else f"is not between {low} and {high}"

    return check


count = integer(0, MAX_COUNT)


def boolean(value: Any) -> str:
    return "" if type(value) is bool else "is neither true nor false"


def text(max_length: int, pattern: str = "") -> Check:
    """A text of `max_length` characters at most that can be sent to a browser, and matches `pattern` if given."""
    wanted = re.compile(pattern, re.DOTALL) if pattern else None

    def check(value: Any) -> str:
        if type(value) is not str:
            return "is no text"
        if len(value) > max_length:
            return f"has more than {max_length} characters"
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            return "has half a character in it"
        return "has another form" if wanted and not wanted.fullmatch(value) else ""

    return check


def one_of(*choices: str) -> Check:
    return lambda value: "" if type(value) is str and value in choices else "is none of the choices it can be"


def nullable(check: Check) -> Check:
    """None, or what `check` takes."""
    return lambda value: "" if value is None else check(value)


def list_of(check: Check, min_items: int = 0, max_items: int = 5000) -> Check:
    """A list whose items all pass."""

    def checked(value: Any) -> str:
        if type(value) is not list:
            return "is no list"
        if not min_items <= len(value) <= max_items:
            return f"has {len(value)} items"
        return next((wrong for item in value if (wrong := check(item))), "")

    return checked


number_list = list_of(number)


def dict_of(check: Check, min_items: int = 0, max_items: int = 200) -> Check:
    """Values under names of any kind, all of which pass."""

    def checked(value: Any) -> str:
        if type(value) is not dict:
            return "is no object"
        if not min_items <= len(value) <= max_items:
            return f"has {len(value)} fields"
        for name, item in value.items():
            if wrong := _name(name) or check(item):
                return _nested_error(name, wrong)
        return ""

    return checked


_name = text(100)


def record(required: Mapping[str, Check] | None = None, optional: Mapping[str, Check] | None = None) -> Check:
    """An object that has the fields `required`, and may have others, of which those in `optional` have a form."""
    required, optional = required or {}, optional or {}

    def checked(value: Any) -> str:
        if type(value) is not dict:
            return "is no object"
        for name, check in required.items():
            if wrong := check(value[name]) if name in value else "is missing":
                return _nested_error(name, wrong)
        for name, check in optional.items():
            if name in value and (wrong := check(value[name])):
                return _nested_error(name, wrong)
        return ""

    return checked


def _nested_error(name: str, error: str) -> str:
    """The same of a field inside another: `train.kl is no number`."""
    return f"{name}.{error}" if re.match(r"\S+ (is|has) ", error) else f"{name} {error}"


def all_of(*checks: Check) -> Check:
    return lambda value: next((wrong for check in checks if (wrong := check(value))), "")
