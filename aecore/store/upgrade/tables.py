"""Every name that stands in files, in format 1 and in format 2: old -> new. What is not named here kept its name."""

from __future__ import annotations

SETTINGS = {
    "hidden": "hidden_sizes",
    "z_dim": "latent_dim",
    "clip": "grad_clip_norm",
    "pictures": "train_size",
    "pixels": "pixel_range",
    "knobs": "params",
}

# the parameters of each family
PARAMS = {
    "vanilla": {"code": "latent_activation"},
    "denoising": {"noise": "corruption", "strength": "corruption_level"},
    "sparse": {"sparsity": "l1_weight"},
    "sparse-kl": {"beta": "sparsity_weight"},
    "contractive": {"stiffness": "contraction_weight"},
    "beta-vae": {"warm_up": "kl_warmup", "cycles": "annealing_cycles"},
    "info-vae": {"pull": "mmd_weight"},
    "wae": {"pull": "mmd_weight"},
    "ladder-vae": {"top_share": "top_level_share", "warm_up": "kl_warmup"},
    "aae": {"weight": "adversarial_weight"},
    "vq-vae": {"codes": "codebook_size", "width": "embedding_dim", "revive": "reset_dead_codes"},
}

LOSS_TERMS: dict[str, str] = {}

# --- history.jsonl and state.json -------------------------------------------------------------------------------------

CODE_SIGNALS = {"sd": "std", "on": "active_rate", "spare": "sparsity_by_design", "taken": "usage"}
SIGNALS = {
    "saturated": "saturated_wrong",
    "impossible": "out_of_support",
    "blank": "constant_output_nll",
    "alike": "identical_units",
}
HISTORY = {"gradient": "grad_norm", "vitals": "signals"}
PROGRESS = {"gradient": "grad_norm", "pictures_per_second": "samples_per_second"}
STATE = {"born": "start_time", "time": "updated_at", "reason": "message", "offer": "fallback_device"}
DELETED = {"by": "deleted_by", "up": "uptime", "boot": "boot_id"}

# --- result.json ------------------------------------------------------------------------------------------------------

RESULT = {"exhibit": "pretrained", "agreement": "pseudo_label_accuracy", "weights": "weights_dtype"}
PRETRAINED = {"good": "good_for", "bad": "not_for", "opening": "on_home", "sweep": "sweep_beta"}
CHECKUP = {"size": "effective_code_size", "mean_picture_mse": "mean_baseline_mse", **SIGNALS}
SCORES = {"inside": "report", "mean_picture_mse": "mean_baseline_mse"}
DENOISING = {"noisy": "corrupted_psnr", "cleaned": "denoised_psnr", "gain": "psnr_gain"}
REPORTS = {
    "anatomy": "reconstruction",
    "stretch": "jacobian",
    "samples": "sampling",
    "clouds": "posterior",
    "bounds": "likelihood_bounds",
    "levels": "hierarchy",
    "units": "sparsity",
    "styles": "conditional",
}
_COUNT = {"pictures": "n_samples"}
# the fields of each report, under its old name
REPORT_FIELDS = {
    "anatomy": {"floor": "bce_lower_bound"},
    "stretch": {
        **_COUNT,
        "directions": "n_singular_values",
        "largest": "max_singular_value",
        "smallest": "min_singular_value",
        "encoder_size": "encoder_squared_frobenius_norm",
    },
    "samples": {
        **_COUNT,
        "mmd_of_draws": "mmd_noise_floor",
        "gaussian": "gaussian_fit",
        "mixture": "gmm_fit",
        "real": "training_data",
    },
    "clouds": {
        **_COUNT,
        "compared": "estimator_batch_size",
        "variance": "variance_of_means",
        "most_information": "log_n",
    },
    "bounds": {**_COUNT, "gap_error": "gap_std_error"},
    "levels": {**_COUNT},
    "units": {
        **_COUNT,
        "units": "n_units",
        "smooth": "is_sigmoid",
        "zeros": "zero_share",
        "zeros_by_design": "sparsity_by_design",
        "active_per_picture": "active_per_sample",
    },
    "codebook": {
        **_COUNT,
        "slots": "n_positions",
        "vectors": "codebook_size",
        "used": "used_entries",
        "bits_used": "entropy_bits",
        "distance": "quantization_distance",
        "apart": "nearest_entry_distance",
    },
    "styles": {
        "pictures": "n_reference_samples",
        "obeyed": "label_fidelity",
        "real": "real_baseline",
        "in_code": "label_leakage",
        "styles": "n_styles",
        "cells": "n_generated",
    },
    "pca": {
        **_COUNT,
        "angles": "principal_angles",
        "between_axes": "min_angle_between_axes",
        "stretch": "singular_values",
    },
}
LEVEL_FIELDS = {"changes": "effect"}  # of `top` and `bottom` in the report on levels
