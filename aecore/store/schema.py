"""The format of what is read from folders: field by field, so that nothing odd gets further than where it is read.

Fields that are not named here are allowed, for newer versions to add; what pages take for granted is required.
"""

from __future__ import annotations

from typing import Any

from aecore.store.checks import (
    MAX_COUNT,
    all_of,
    between,
    boolean,
    count,
    dict_of,
    fraction,
    integer,
    list_of,
    non_negative,
    nullable,
    number,
    number_or_nan,
    one_of,
    positive,
    record,
    text,
    timestamp,
)
from aecore.store.checks import MAX_TIMESTAMP as MAX_TIMESTAMP
from aecore.store.checks import plain_text as plain_text
from aecore.store.checks import validate as validate

MAX_EPOCHS = 1000  # that a run has at most (config.Epochs)

# --- A run while it is made -------------------------------------------------------------------------------------------

HASH = text(64, "[0-9a-f]{64}")
RUN_ID = r"[a-z0-9][a-z0-9._-]{0,120}"
SHORT_TEXT = text(60)
PARAM_VALUE = all_of(lambda value: "" if type(value) in (bool, int, float, str, list) else "is no setting")

# what the settings themselves do not check of their types (config.Config.from_json)
CONFIG = record(
    optional={
        "dataset": SHORT_TEXT,
        "family": SHORT_TEXT,
        "hidden_sizes": list_of(count, max_items=64),
        "params": dict_of(PARAM_VALUE, max_items=100),
        "parent": nullable(text(200)),
        "version": count,
    }
)

LOSS_TERMS = dict_of(number, min_items=1, max_items=50)  # nats of each part of a loss

_BRIEF_PROGRESS = {"epoch": count, "epochs": count, "fraction": fraction, "seconds_left": non_negative}
_FULL_PROGRESS = {
    **_BRIEF_PROGRESS,
    "step": count,
    "steps": count,
    "seconds": non_negative,
    "samples_per_second": number_or_nan,
    "grad_norm": number_or_nan,
    "train": LOSS_TERMS,
    "validation": nullable(LOSS_TERMS),
}


def _progress(value: Any) -> str:
    """Where a training stands: from its first step on, all of it."""
    begun = type(value) is dict and ("seconds" in value or "train" in value)
    return (record(_FULL_PROGRESS) if begun else record(optional=_BRIEF_PROGRESS))(value)


DEVICE = text(20, r"((cpu|mps|cuda)(:\d{1,3})?)?")

STATE = record(
    {"state": one_of("training", "waiting", "paused", "stopped", "failed"), "updated_at": timestamp},
    {
        "executor": text(40),
        "handle": text(200),
        "message": text(5000),
        "fallback_device": DEVICE,
        "log": text(20_000),
        "diverged": boolean,
        "progress": _progress,
    },
)


# --- The history ------------------------------------------------------------------------------------------------------


def _shares(value: Any) -> str:
    """Shares that add up to 1, none of them 0."""
    wrong = list_of(between(1e-12, 1), min_items=1)(value)
    return wrong or ("" if abs(sum(value) - 1) < 0.01 else "is not 1 in all")


_CODE_SIGNALS = {
    name: list_of(number_or_nan, min_items=1) for name in ("std", "kl", "sigma", "active_rate", "sparsity_by_design")
} | {"usage": _shares}


def _code_signals(value: Any) -> str:
    """Signals by latent type: where there is a KL there is a std too, of as many dimensions."""
    if wrong := record({"std": _CODE_SIGNALS["std"]} if type(value) is dict and "kl" in value else {}, _CODE_SIGNALS)(
        value
    ):
        return wrong
    if "kl" in value and len(value["kl"]) != len(value["std"]):
        return "kl has another length than std"
    return ""


SIGNALS = {"saturated_wrong": number_or_nan, "code": _code_signals}
OPTIONAL_SIGNALS = dict.fromkeys(
    ("out_of_support", "constant_output_nll", "explained_variance", "identical_units"), number_or_nan
)

HISTORY_LINE = record(
    {"epoch": integer(1, MAX_EPOCHS), "seconds": non_negative, "train": LOSS_TERMS, "validation": LOSS_TERMS},
    {"grad_norm": number_or_nan, "signals": nullable(record(SIGNALS, OPTIONAL_SIGNALS))},
)

# --- What lies beside -------------------------------------------------------------------------------------------------

LABEL = record(optional={"owner": nullable(text(200)), "owner_name": nullable(text(200)), "name": nullable(text(200))})
DELETED = record(optional={"deleted_by": text(200), "uptime": non_negative, "boot_id": text(200)})

OFFLINE_BUNDLE = record({"pseudo_label_accuracy": fraction})

AXIS_NAMES = list_of(text(100), min_items=2, max_items=2)
SNAPSHOT_SHAPES = dict_of(
    list_of(integer(1, 10_000), min_items=1, max_items=4), max_items=10
)  # of the images that a snapshot compresses

TRAIN_STATE = record(
    {
        "epoch": count,
        "step": count,
        "n_samples": count,
        "seconds": non_negative,
        "counts": dict_of(count),
        "monitored_terms": list_of(text(100), max_items=50),
        "early_stopping": record({"best_loss": text(40), "epochs_since_best": count}),
    }
)

_three = list_of(integer(1, 1024), min_items=3, max_items=3)
PHOTO_CARD = record(
    {
        "channels": _three,
        "blocks": list_of(integer(1, 16), min_items=3, max_items=3),
        "sha256": HASH,
        "scores": list_of(
            record({"corruption": text(100), "level": number, "psnr_noisy": nullable(number), "psnr_denoised": number}),
            max_items=100,
        ),
        "data": record({"n_train": count, "test": list_of(text(100))}),
    }
)

PROJECTION_REQUEST = record(
    {
        "key": text(64, "[0-9a-f]+"),
        "kind": one_of("t-SNE", "UMAP"),
        "params": dict_of(PARAM_VALUE),
        "count": integer(1, MAX_COUNT),
    }
    | {"urgent": boolean, "sequence": timestamp, "executor": text(40), "handle": text(200)},
    {"started_at": nullable(timestamp), "ends_at": nullable(timestamp), "cancelled": boolean},
)


def _duration(value: Any) -> str:
    checks = (text(20), text(100), integer(1, MAX_COUNT), positive)
    if type(value) is not list or len(value) != len(checks):
        return "is no list of 4"
    return next((wrong for check, item in zip(checks, value, strict=True) if (wrong := check(item))), "")


PROJECTION_DURATIONS = list_of(_duration, max_items=1000)
