"""The format of what is read from folders: field by field, so that nothing odd gets further than where it is read.

Fields that are not named here are allowed, for newer versions to add; what pages take for granted is required.
"""

from __future__ import annotations

import re
from typing import Any

from aecore.store.checks import (
    MAX_COUNT,
    MAX_NUMBER,
    Check,
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
    record,
    text,
    timestamp,
)
from aecore.store.checks import MAX_TIMESTAMP as MAX_TIMESTAMP
from aecore.store.checks import plain_text as plain_text
from aecore.store.checks import validate as validate

MAX_EPOCHS = 1000  # that a run has at most (config.Epochs)

# --- A run while it is made -------------------------------------------------------------------------------------------

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


_SIGNALS = {"saturated_wrong": number_or_nan, "code": _code_signals}
_OPTIONAL_SIGNALS = dict.fromkeys(("out_of_support", "constant_output_nll", "identical_units"), number_or_nan)

HISTORY_LINE = record(
    {"epoch": integer(1, MAX_EPOCHS), "seconds": non_negative, "train": LOSS_TERMS, "validation": LOSS_TERMS},
    {"grad_norm": number_or_nan, "signals": nullable(record(_SIGNALS, _OPTIONAL_SIGNALS))},
)

# --- A finished run ---------------------------------------------------------------------------------------------------

_positive = between(1e-30, MAX_NUMBER)

FINAL_CHECKUP = record(
    {
        **_SIGNALS,
        "validation": LOSS_TERMS,
        "mse": non_negative,
        "mean_baseline_mse": _positive,
        "pca_mse": non_negative,
        "effective_code_size": integer(1, 5000),
    },
    {**_OPTIONAL_SIGNALS, "code_size": integer(1, 5000)},
)


def _number_fields(*names: str) -> dict[str, Check]:
    return dict.fromkeys(names, number)


def _same_length(*names: str) -> Check:
    """Lists of one length under these names."""
    lengths = lambda value: {len(value[name]) for name in names}  # noqa: E731
    return lambda value: "" if len(lengths(value)) == 1 else f"{names[0]} has another length than {names[1]}"


_number_list = list_of(number, min_items=1)
_errors = record({"model": non_negative, "pca": _positive})
_level = record({"dimensions": count, **_number_fields("kl", "effect")})
_sample_quality = record(_number_fields("precision", "strict_precision", "coverage"))
_SAMPLE_SETS = ("prior", "gaussian_fit", "gmm_fit", "reconstructions", "training_data")


def _bounds(value: Any) -> str:
    """Bounds on log p(x) under the number of samples that each was taken with."""
    wrong = dict_of(number, min_items=2, max_items=20)(value)
    return wrong or next((f"{name[:20]} is no number" for name in value if not re.fullmatch(r"[1-9]\d{0,6}", name)), "")


def _samples(value: Any) -> str:
    """How near samples come: all crowds or, where no pictures were here, none."""
    crowds = dict.fromkeys(_SAMPLE_SETS, _sample_quality) if type(value) is dict and "prior" in value else {}
    return record({"n_samples": count, **_number_fields("mmd", "mmd_noise_floor"), **crowds})(value)


def _or_empty(check: Check) -> Check:
    """An object without fields, where there was nothing to measure, or what `check` takes."""
    return lambda value: "" if value == {} else check(value)


_POSTERIOR_FIELDS = ("kl_total", "mutual_information", "total_correlation", "dimension_wise_kl", "log_n")
_CODEBOOK_FIELDS = ("perplexity", "bits_stored", "entropy_bits", "quantization_distance", "nearest_entry_distance")

# what was measured of a run of its kind, as aecore.analysis.report says it
REPORTS: dict[str, Check] = {
    "reconstruction": record(optional={"bce_lower_bound": number}),
    "jacobian": record(
        {"n_samples": count, "n_singular_values": count}
        | _number_fields(
            "effective_dimension", "max_singular_value", "min_singular_value", "encoder_squared_frobenius_norm"
        )
    ),
    "sampling": _samples,
    "posterior": all_of(
        record(
            {
                "n_samples": count,
                "estimator_batch_size": count,
                "active_units": count,
                **_number_fields(*_POSTERIOR_FIELDS),
            }
            | dict.fromkeys(("kl", "sigma", "variance_of_means"), _number_list)
        ),
        _same_length("kl", "sigma", "variance_of_means"),
    ),
    "likelihood_bounds": _or_empty(
        record({"n_samples": count, "log_likelihood": _bounds, **_number_fields("gap", "gap_std_error")})
    ),
    "hierarchy": record({"n_samples": count, "top": _level, "bottom": _level}),
    "sparsity": record(
        {
            "n_samples": count,
            "n_units": count,
            "is_sigmoid": boolean,
            "zero_share": fraction,
            "sparsity_by_design": fraction,
        }
        | {"active_per_sample": number, "dead_units": count, "rho": nullable(number)}
        | {"rho_hat": record(_number_fields("mean", "min", "max"))}
    ),
    "codebook": all_of(
        record(
            {
                "n_samples": count,
                "n_positions": count,
                "codebook_size": integer(1, 100_000),
                "used_entries": count,
                "usage": _number_list,
            }
            | _number_fields(*_CODEBOOK_FIELDS)
        ),
        lambda value: (
            "" if len(value["usage"]) == value["codebook_size"] else "usage has another length than codebook_size"
        ),
    ),
    "conditional": record(
        {
            "n_styles": count,
            "n_generated": count,
            "n_reference_samples": count,
            **_number_fields("label_fidelity", "real_baseline", "label_leakage"),
        }
    ),
    "pca": _or_empty(
        all_of(
            record(
                {"n_samples": count, "train": _errors, "test": _errors, "min_angle_between_axes": number}
                | {
                    "principal_angles": _number_list,
                    "singular_values": _number_list,
                    "cosines": list_of(_number_list, min_items=1),
                }
            ),
            lambda value: _square_error(value["cosines"]),
        )
    ),
}


def _square_error(rows: list[list[float]]) -> str:
    return "" if all(len(row) == len(rows) for row in rows) else "cosines has rows of several lengths"


def _scores(value: Any) -> str:
    """What was measured of an exhibit; the lists of its clouds are as long as its code."""
    wrong = record(
        {"test": LOSS_TERMS, "mse": non_negative, "code_size": integer(1, 5000), "code_bits": non_negative}
        | {"mean_baseline_mse": _positive, "pca_mse": non_negative},
        {"active_units": count, "knn_accuracy": fraction, "report": record(optional=REPORTS)}
        | _number_fields("elbo", "kl", "reconstruction_at_mean_code")
        | {"denoising": dict_of(record(_number_fields("corrupted_psnr", "denoised_psnr", "psnr_gain")))},
    )(value)
    clouds = value.get("report", {}).get("posterior") if not wrong else None
    return (
        "report.posterior.kl has another length than the code"
        if clouds and len(clouds["kl"]) != value["code_size"]
        else wrong
    )


HASH = text(64, "[0-9a-f]{64}")

RESULT = record(
    {
        "seconds": non_negative,
        "parameters": count,
        "train": LOSS_TERMS,
        "test": LOSS_TERMS,
        "mse": non_negative,
        "device": text(200),
    }
    | {"created": timestamp},
    {
        "validation": LOSS_TERMS,
        "checkup": FINAL_CHECKUP,
        "scores": _scores,
        "code_size": integer(1, 5000),
        "code_bits": non_negative,
        "active_units": count,
        "threads": count,
        "pseudo_label_accuracy": fraction,
        "sha256": dict_of(HASH),
        **dict.fromkeys(("precision", "torch", "processor", "weights_dtype"), text(200)),
        "pretrained": record(
            optional=dict.fromkeys(("name", "title"), text(100))
            | dict.fromkeys(("good_for", "not_for"), text(500))
            | {"on_home": boolean, "sweep_beta": nullable(non_negative)}
        ),
    },
)

# --- What lies beside -------------------------------------------------------------------------------------------------

LABEL = record(optional={"owner": nullable(text(200)), "owner_name": nullable(text(200)), "name": nullable(text(200))})
DELETED = record(optional={"deleted_by": text(200), "uptime": non_negative, "boot_id": text(200)})

OFFLINE_BUNDLE = record({"pseudo_label_accuracy": fraction})

AXIS_NAMES = list_of(text(100), min_items=2, max_items=2)
SNAPSHOT_SHAPES = dict_of(
    list_of(integer(1, 10_000), min_items=1, max_items=4), max_items=10
)  # of the pictures that a snapshot compresses

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
    {"started_at": nullable(timestamp), "cancelled": boolean},
)


def _duration(value: Any) -> str:
    checks = (text(20), text(100), integer(1, MAX_COUNT), _positive)
    if type(value) is not list or len(value) != len(checks):
        return "is no list of 4"
    return next((wrong for check, item in zip(checks, value, strict=True) if (wrong := check(item))), "")


PROJECTION_DURATIONS = list_of(_duration, max_items=1000)
