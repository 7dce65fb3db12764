"""The format of what is read from folders: field by field, so that nothing odd gets further than where it is read.

A check is called with a value and returns "" or what is wrong with it, in words that name the field. Fields that are
not named here are allowed, for newer versions to add; what pages take for granted is required. `fit` turns what is
wrong into the sentence that people see.

jsonschema could say the same, and takes 2.7 ms for a result where this takes 0.1: a list of 1,000 runs is not to wait
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

LARGEST = 3.5e38  # float32, in which all of this was computed, ends at 3.4e38
MOST = 10**15  # of anything that is counted
LATEST = 7_258_118_400  # seconds since 1970: the year 2200, beyond which dates in tables end
EPOCHS = 1000  # that a run has at most (config.Epochs)


def fit(found: T, check: Check, name: str) -> T:
    """What was read from the file called `name`, if it has its format; UserError, with the field, if not."""
    if wrong := check(found):
        wrong = f"it {wrong}" if wrong.startswith(("is ", "has ")) else plain(wrong)
        raise UserError(f"{name} is spoilt ({wrong}); delete the run, or put the file back.")
    return found


def plain(text: str, most: int = 200) -> str:
    """Words that may hold anything, fit for a sentence: one line, printable, without what a page takes for markup."""
    kept = "".join(sign if sign.isprintable() and sign not in "<>[]`*$\\" else " " for sign in text)
    return " ".join(kept.split())[:most]


# --- What a value can be ----------------------------------------------------------------------------------------------


def number(value: Any) -> str:
    """A finite number."""
    if type(value) is not float and type(value) is not int:
        return "is no number"
    return "" if -LARGEST < value < LARGEST else "is no finite number"


def measured(value: Any) -> str:
    """A number that may be infinite or NaN, as a gradient can."""
    return "" if type(value) is float and not math.isfinite(value) else number(value)


def between(low: float, high: float) -> Check:
    """A finite number from `low` to `high`."""
    return lambda value: number(value) or ("" if low <= value <= high else f"is not between {low:g} and {high:g}")


share, amount, moment = between(0, 1), between(0, LARGEST), between(0, LATEST)


def whole(low: int, high: int) -> Check:
    """A whole number from `low` to `high`."""

    def check(value: Any) -> str:
        if type(value) is not int:
            return "is no whole number"
        return "" if low <= value <= high else f"is not between {low} and {high}"

    return check


count = whole(0, MOST)


def boolean(value: Any) -> str:
    return "" if type(value) is bool else "is neither true nor false"


def text(most: int, pattern: str = "") -> Check:
    """A text of `most` characters at most that can be sent to a browser, and matches a pattern if one is given."""
    wanted = re.compile(pattern, re.DOTALL) if pattern else None

    def check(value: Any) -> str:
        if type(value) is not str:
            return "is no text"
        if len(value) > most:
            return f"has more than {most} characters"
        if any("\ud800" <= sign <= "\udfff" for sign in value):
            return "has half a character in it"
        return "has another form" if wanted and not wanted.fullmatch(value) else ""

    return check


def one_of(*words: str) -> Check:
    return lambda value: "" if type(value) is str and value in words else "is none of the words it can be"


def maybe(check: Check) -> Check:
    """None, or what `check` takes."""
    return lambda value: "" if value is None else check(value)


def each(check: Check, least: int = 0, most: int = 5000) -> Check:
    """A list whose items all pass."""

    def checked(value: Any) -> str:
        if type(value) is not list:
            return "is no list"
        if not least <= len(value) <= most:
            return f"has {len(value)} items"
        return next((wrong for item in value if (wrong := check(item))), "")

    return checked


numbers = each(number)


def named(check: Check, least: int = 0, most: int = 200) -> Check:
    """Values under names of any kind, all of which pass."""

    def checked(value: Any) -> str:
        if type(value) is not dict:
            return "is no object"
        if not least <= len(value) <= most:
            return f"has {len(value)} fields"
        for name, item in value.items():
            if wrong := _name(name) or check(item):
                return _under(name, wrong)
        return ""

    return checked


_name = text(100)


def record(needed: Mapping[str, Check] | None = None, also: Mapping[str, Check] | None = None) -> Check:
    """An object that has the fields `needed`, and may have others, of which those in `also` have a form."""
    needed, also = needed or {}, also or {}

    def checked(value: Any) -> str:
        if type(value) is not dict:
            return "is no object"
        for name, check in needed.items():
            if wrong := check(value[name]) if name in value else "is missing":
                return _under(name, wrong)
        for name, check in also.items():
            if name in value and (wrong := check(value[name])):
                return _under(name, wrong)
        return ""

    return checked


def _under(name: str, wrong: str) -> str:
    """The same of a field inside another: `train.kl is no number`."""
    return f"{name}.{wrong}" if re.match(r"\S+ (is|has) ", wrong) else f"{name} {wrong}"


def both(*checks: Check) -> Check:
    return lambda value: next((wrong for check in checks if (wrong := check(value))), "")


# --- A run while it is made -------------------------------------------------------------------------------------------

ID = r"[a-z0-9][a-z0-9._-]{0,120}"
WORD = text(60)
SETTING = both(lambda value: "" if type(value) in (bool, int, float, str, list) else "is no setting")

# what the settings themselves do not check of their types (config.Config.from_json)
CONFIG = record(
    also={
        "dataset": WORD,
        "family": WORD,
        "hidden": each(count, most=64),
        "knobs": named(SETTING, most=100),
        "parent": maybe(text(200)),
        "version": count,
    }
)

PARTS = named(number, least=1, most=50)  # nats of each part of a loss

_BRIEF = {"epoch": count, "epochs": count, "fraction": share, "seconds_left": amount}
_FULL = {
    **_BRIEF,
    "step": count,
    "steps": count,
    "seconds": amount,
    "pictures_per_second": measured,
    "gradient": measured,
    "train": PARTS,
    "validation": maybe(PARTS),
}


def _progress(value: Any) -> str:
    """Where a training stands: from its first step on, all of it."""
    begun = type(value) is dict and ("seconds" in value or "train" in value)
    return (record(_FULL) if begun else record(also=_BRIEF))(value)


DEVICE = text(20, r"((cpu|mps|cuda)(:\d{1,3})?)?")

STATE = record(
    {"state": one_of("training", "waiting", "paused", "stopped", "failed"), "time": moment},
    {
        "pid": maybe(count),
        "born": maybe(number),
        "reason": text(5000),
        "offer": DEVICE,
        "log": text(20_000),
        "diverged": boolean,
        "progress": _progress,
    },
)


# --- The history ------------------------------------------------------------------------------------------------------


def _shares(value: Any) -> str:
    """Shares that add up to 1, none of them 0."""
    wrong = each(between(1e-12, 1), least=1)(value)
    return wrong or ("" if abs(sum(value) - 1) < 0.01 else "is not 1 in all")


_CODE = {name: each(measured, least=1) for name in ("sd", "kl", "sigma", "on", "spare")} | {"taken": _shares}


def _code(value: Any) -> str:
    """What is known of a code: where there are nats, how far it varies too, of as many numbers."""
    if wrong := record({"sd": _CODE["sd"]} if type(value) is dict and "kl" in value else {}, _CODE)(value):
        return wrong
    if "kl" in value and len(value["kl"]) != len(value["sd"]):
        return "kl has another length than sd"
    return ""


_VITALS = {"saturated": measured, "code": _code}
_MORE_VITALS = dict.fromkeys(("impossible", "blank", "alike"), measured)

LINE = record(
    {"epoch": whole(1, EPOCHS), "seconds": amount, "train": PARTS, "validation": PARTS},
    {"gradient": measured, "vitals": maybe(record(_VITALS, _MORE_VITALS))},
)

# --- A finished run ---------------------------------------------------------------------------------------------------

_positive = between(1e-30, LARGEST)

CHECKUP = record(
    {
        **_VITALS,
        "validation": PARTS,
        "mse": amount,
        "mean_picture_mse": _positive,
        "pca_mse": amount,
        "size": whole(1, 5000),
    },
    {**_MORE_VITALS, "code_size": whole(1, 5000)},
)


def _numbers_of(*names: str) -> dict[str, Check]:
    return dict.fromkeys(names, number)


def _alike(*names: str) -> Check:
    """Lists of one length under these names."""
    lengths = lambda value: {len(value[name]) for name in names}  # noqa: E731
    return lambda value: "" if len(lengths(value)) == 1 else f"{names[0]} has another length than {names[1]}"


_listed = each(number, least=1)
_errors = record({"model": amount, "pca": _positive})
_level = record({"dimensions": count, **_numbers_of("kl", "changes")})
_crowd = record(_numbers_of("precision", "strict_precision", "coverage"))
_CROWDS = ("prior", "gaussian", "mixture", "reconstructions", "real")


def _bounds(value: Any) -> str:
    """Bounds on log p(x) under the number of samples that each was taken with."""
    wrong = named(number, least=2, most=20)(value)
    return wrong or next((f"{name[:20]} is no number" for name in value if not re.fullmatch(r"[1-9]\d{0,6}", name)), "")


def _samples(value: Any) -> str:
    """How near samples come: all crowds or, where no pictures were here, none."""
    crowds = dict.fromkeys(_CROWDS, _crowd) if type(value) is dict and "prior" in value else {}
    return record({"pictures": count, **_numbers_of("mmd", "mmd_of_draws"), **crowds})(value)


def _or_nothing(check: Check) -> Check:
    """An object without fields, where there was nothing to measure, or what `check` takes."""
    return lambda value: "" if value == {} else check(value)


_CLOUDS = ("kl_total", "mutual_information", "total_correlation", "dimension_wise_kl", "most_information")
_CODEBOOK = ("perplexity", "bits_stored", "bits_used", "distance", "apart")

# what was measured of a run of its kind, as aecore.inside says it
INSIDE: dict[str, Check] = {
    "anatomy": record(also={"floor": number}),
    "stretch": record(
        {"pictures": count, "directions": count}
        | _numbers_of("effective_dimension", "largest", "smallest", "encoder_size")
    ),
    "samples": _samples,
    "clouds": both(
        record(
            {"pictures": count, "compared": count, "active_units": count, **_numbers_of(*_CLOUDS)}
            | dict.fromkeys(("kl", "sigma", "variance"), _listed)
        ),
        _alike("kl", "sigma", "variance"),
    ),
    "bounds": _or_nothing(record({"pictures": count, "log_likelihood": _bounds, **_numbers_of("gap", "gap_error")})),
    "levels": record({"pictures": count, "top": _level, "bottom": _level}),
    "units": record(
        {"pictures": count, "units": count, "smooth": boolean, "zeros": share, "zeros_by_design": share}
        | {"active_per_picture": number, "dead_units": count, "rho": maybe(number)}
        | {"rho_hat": record(_numbers_of("mean", "min", "max"))}
    ),
    "codebook": both(
        record(
            {"pictures": count, "slots": count, "vectors": whole(1, 100_000), "used": count, "usage": _listed}
            | _numbers_of(*_CODEBOOK)
        ),
        lambda value: "" if len(value["usage"]) == value["vectors"] else "usage has another length than vectors",
    ),
    "styles": record({"styles": count, "cells": count, "pictures": count, **_numbers_of("obeyed", "real", "in_code")}),
    "pca": _or_nothing(
        both(
            record(
                {"pictures": count, "train": _errors, "test": _errors, "between_axes": number}
                | {"angles": _listed, "stretch": _listed, "cosines": each(_listed, least=1)}
            ),
            lambda value: _square(value["cosines"]),
        )
    ),
}


def _square(rows: list[list[float]]) -> str:
    return "" if all(len(row) == len(rows) for row in rows) else "cosines has rows of several lengths"


def _scores(value: Any) -> str:
    """What was measured of an exhibit; the lists of its clouds are as long as its code."""
    wrong = record(
        {"test": PARTS, "mse": amount, "code_size": whole(1, 5000), "code_bits": amount}
        | {"mean_picture_mse": _positive, "pca_mse": amount},
        {"active_units": count, "knn_accuracy": share, "inside": record(also=INSIDE)}
        | _numbers_of("elbo", "kl", "reconstruction_at_mean_code")
        | {"denoising": named(record(_numbers_of("noisy", "cleaned", "gain")))},
    )(value)
    clouds = value.get("inside", {}).get("clouds") if not wrong else None
    return (
        "inside.clouds.kl has another length than the code"
        if clouds and len(clouds["kl"]) != value["code_size"]
        else wrong
    )


HASH = text(64, "[0-9a-f]{64}")

RESULT = record(
    {"seconds": amount, "parameters": count, "train": PARTS, "test": PARTS, "mse": amount, "device": text(200)}
    | {"created": moment},
    {
        "validation": PARTS,
        "checkup": CHECKUP,
        "scores": _scores,
        "code_size": whole(1, 5000),
        "code_bits": amount,
        "active_units": count,
        "threads": count,
        "agreement": share,
        "sha256": named(HASH),
        **dict.fromkeys(("precision", "torch", "processor", "weights"), text(200)),
        "exhibit": record(
            also=dict.fromkeys(("name", "title"), text(100))
            | dict.fromkeys(("good", "bad"), text(500))
            | {"opening": boolean, "sweep": maybe(amount)}
        ),
    },
)

# --- What lies beside -------------------------------------------------------------------------------------------------

LABEL = record(also={"owner": maybe(text(200)), "name": maybe(text(200))})

PRODUCTS = record({"agreement": share})

AXES = each(text(100), least=2, most=2)
SHAPE = each(whole(1, 10_000), least=1, most=4)

POSITION = record(
    {
        "epoch": count,
        "step": count,
        "pictures": count,
        "seconds": amount,
        "counts": named(count),
        "judged": each(text(100), most=50),
        "best": lambda value: "" if type(value) is list and len(value) == 2 and not count(value[1]) else "is no pair",
    }
)

_three = each(whole(1, 1024), least=3, most=3)
PHOTOGRAPHS = record(
    {
        "channels": _three,
        "blocks": each(whole(1, 16), least=3, most=3),
        "sha256": HASH,
        "scores": each(
            record({"noise": text(100), "strength": number, "before": maybe(number), "after": number}), most=100
        ),
        "photographs": record({"trained": count, "held_out": each(text(100))}),
    }
)

MAP_REQUEST = record(
    {"key": text(64, "[0-9a-f]+"), "kind": one_of("t-SNE", "UMAP"), "knobs": named(SETTING), "count": whole(1, MOST)}
    | {"urgent": boolean, "asked": moment, "pid": count, "born": number},
    {"began": maybe(moment), "cancelled": boolean},
)


def _pace(value: Any) -> str:
    checks = (text(20), text(100), whole(1, MOST), _positive)
    if type(value) is not list or len(value) != len(checks):
        return "is no list of 4"
    return next((wrong for check, item in zip(checks, value, strict=True) if (wrong := check(item))), "")


MAP_PACES = each(_pace, most=1000)
