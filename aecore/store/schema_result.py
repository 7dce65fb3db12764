"""The format of a finished run's result.json: what its training says at its end, and what was measured of the model."""

from __future__ import annotations

import re
from typing import Any

from aecore.store.checks import (
    Check,
    all_of,
    boolean,
    count,
    dict_of,
    fraction,
    integer,
    list_of,
    non_negative,
    nullable,
    number,
    positive,
    record,
    text,
    timestamp,
)
from aecore.store.schema import HASH, LOSS_TERMS, OPTIONAL_SIGNALS, SIGNALS

OUTLIERS = record(dict.fromkeys(("train", "n_train", "validation", "n_validation", "not_normal"), count))

SAMPLES = record({"coverage": fraction, "reconstruction_coverage": fraction, "prior_mmd": number})

FINAL_CHECKUP = record(
    {
        **SIGNALS,
        "validation": LOSS_TERMS,
        "mse": non_negative,
        "mean_baseline_mse": positive,
        "pca_mse": non_negative,
        "effective_code_size": integer(1, 5000),
    },
    {**OPTIONAL_SIGNALS, "code_size": integer(1, 5000), "outliers": OUTLIERS, "sampling": SAMPLES},
)


def _number_fields(*names: str) -> dict[str, Check]:
    return dict.fromkeys(names, number)


def _same_length(*names: str) -> Check:
    """Lists of one length under these names."""
    lengths = lambda value: {len(value[name]) for name in names}  # noqa: E731
    return lambda value: "" if len(lengths(value)) == 1 else f"{names[0]} has another length than {names[1]}"


_number_list = list_of(number, min_items=1)
_errors = record({"model": non_negative, "pca": positive})
_level = record({"dimensions": count, **_number_fields("kl", "effect")})
_sample_quality = record(_number_fields("precision", "strict_precision", "coverage"))
_SAMPLE_SETS = ("prior", "gaussian_fit", "gmm_fit", "reconstructions", "training_data")


def _bounds(value: Any) -> str:
    """Bounds on log p(x) under the number of samples that each was taken with."""
    wrong = dict_of(number, min_items=2, max_items=20)(value)
    return wrong or next((f"{name[:20]} is no number" for name in value if not re.fullmatch(r"[1-9]\d{0,6}", name)), "")


def _samples(value: Any) -> str:
    """How near samples come: all crowds or, where no images were here, none."""
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
            | dict.fromkeys(("kl", "sigma", "variance_of_means"), _number_list),
            _number_fields("kl_of_moments"),
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
    "clusters": record(
        {"n_samples": count, "n_clusters": count, "used_clusters": count, "mean_probability": fraction},
        {"accuracy": fraction, "majority_accuracy": fraction},
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
    "classification": _or_empty(
        record(
            {"n_samples": count, "n_fitted": count}
            | dict.fromkeys(("accuracy", "raw_accuracy", "code_accuracy", "majority_accuracy"), fraction),
            {"shifted_accuracy": fraction},
        )
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
    """What was measured of an exhibit; the lists of its posterior are as long as its code."""
    wrong = record(
        {"test": LOSS_TERMS, "mse": non_negative, "code_size": integer(1, 5000), "code_bits": non_negative}
        | {"mean_baseline_mse": positive, "pca_mse": non_negative},
        {"active_units": count, "knn_accuracy": fraction, "report": record(optional=REPORTS)}
        | _number_fields("elbo", "kl", "reconstruction_at_mean_code")
        | {"denoising": dict_of(record(_number_fields("corrupted_psnr", "denoised_psnr", "psnr_gain")))},
    )(value)
    posterior = value.get("report", {}).get("posterior") if not wrong else None
    return (
        "report.posterior.kl has another length than the code"
        if posterior and len(posterior["kl"]) != value["code_size"]
        else wrong
    )


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
        "phase_seconds": record(dict.fromkeys(("startup", "epoch", "closing"), non_negative)),
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
