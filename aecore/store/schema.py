"""The format of what is read from folders: field by field, so that nothing odd gets further than where it is read.

Fields that are not named here are allowed, for newer versions to add; what pages take for granted is required.
"""

from __future__ import annotations

import re
from typing import Any

from aecore.store.checks import (
    LARGEST,
    MOST,
    Check,
    amount,
    between,
    boolean,
    both,
    count,
    each,
    maybe,
    measured,
    moment,
    named,
    number,
    one_of,
    record,
    share,
    text,
    whole,
)
from aecore.store.checks import LATEST as LATEST
from aecore.store.checks import fit as fit
from aecore.store.checks import plain as plain

EPOCHS = 1000  # that a run has at most (config.Epochs)

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

# what was measured of a run of its kind, as aecore.analysis.report says it
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

LABEL = record(also={"owner": maybe(text(200)), "owner_name": maybe(text(200)), "name": maybe(text(200))})
DELETED = record(also={"by": text(200), "up": amount, "boot": text(200)})

PRODUCTS = record({"agreement": share})

AXES = each(text(100), least=2, most=2)
SHAPES = named(each(whole(1, 10_000), least=1, most=4), most=10)  # of the pictures that a snapshot compresses

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
