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

LOSS_TERMS = {
    "activity": "l1",
    "rarity": "sparsity_kl",
    "fooling": "adversarial",
    "critic": "discriminator",
    "jacobian": "contraction",
    "beta kl": "beta*kl",
}

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
STATE = {"time": "updated_at", "reason": "message", "offer": "fallback_device"}
STATE_DROPPED = ("pid", "born")  # of the process that wrote it, which does not run during an upgrade
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

# --- Tensors and metadata ---------------------------------------------------------------------------------------------

# of a model, by the end of their path; `decoder.decoder` is the decoder of a ladder VAE
TENSORS = {
    "bottleneck.book": "bottleneck.embedding",
    "bottleneck.counts": "bottleneck.ema_counts",
    "bottleneck.sums": "bottleneck.ema_sums",
    "bottleneck.started": "bottleneck.initialised",
    "bottleneck.expect": "bottleneck.prior_net",
    "hints": "label_embedding",
    "decoder.decoder": "decoder",
}
CHECKPOINT_PARTS = {"best": "best_weights", "chance": "rng", "tally": "running_mean", "order": "permutation"}
CHECKPOINT_METADATA = {"position": "train_state"}
TRAIN_STATE = {"pictures": "n_samples", "judged": "monitored_terms", "best": "early_stopping"}
SNAPSHOT_METADATA = {"names": "axis_names"}
OFFLINE_TENSORS = {"votes": "pseudo_labels", "errors": "mse", "nats": "kl_per_dim"}
OFFLINE_METADATA = {"said": "metadata"}
OFFLINE = {"agreement": "pseudo_label_accuracy"}

# --- program.safetensors ----------------------------------------------------------------------------------------------

PROGRAM = {"size": "code_size", "classes": "n_classes"}
OPS = {
    "first": "take_mean",
    "top": "top_k",
    "nearest": "quantize",
    "hint": "add_label_image",
    "label": "concat_label",
    "rungs": "ladder_prior",
    "ladder": "ladder_encode",
    "transposed": "conv_transpose",
}
_SHAPES = {"from": "in_shape", "to": "out_shape"}
_LEVELS = {"top": "n_top", "bottom": "n_bottom", "expect": "prior_net"}
# the keys of each op, under its old name
OP_KEYS = {
    "linear": {"in": "in_features", "out": "out_features"},
    "conv": _SHAPES,
    "transposed": _SHAPES,
    "upsample": {"from": "in_shape", "times": "scale_factor"},
    "first": {"keep": "size"},
    "top": {"keep": "k"},
    "nearest": {"slots": "n_positions", "width": "embedding_dim", "codes": "codebook_size"},
    "hint": {"classes": "n_classes"},
    "label": {"classes": "n_classes"},
    "rungs": _LEVELS,
    "ladder": _LEVELS,
}
NESTED_STEPS = ("to_bottom", "to_top", "prior_net")  # keys of an op whose value is a list of ops

# --- Files and the database -------------------------------------------------------------------------------------------

# of a run's folder
FILES = {
    "adversary.safetensors": "auxiliary.safetensors",
    "products.safetensors": "offline.safetensors",
    "strip.png": "preview.png",
    "order": "command",
}
DATABASE = "laboratory.sqlite"
PROJECTIONS = ".maps"  # computed again when they are asked for
ENVIRONMENT = {"AECORE_MOST_PARAMETERS": "AECORE_MAX_PARAMETERS", "AECORE_MAPS": "AECORE_PRECOMPUTE"}
ANONYMOUS = ("somebody", "anonymous")  # who asks for a run at the command line, old and new
# table -> its new name, and column -> its new name; what a table has besides is not copied
DATABASE_TABLES = {
    "jobs": (
        "jobs",
        {
            "run": "run",
            "config": "config",
            "device": "device",
            "environment": "environment",
            "asked": "requested_at",
            "deaths": "crashes",
            "mark": "checkpoint_version",
        },
    ),
    "wants": ("requests", {"run": "run", "person": "user", "asked": "requested_at"}),
    "people": ("users", {"person": "user", "name": "name", "served": "last_turn"}),
    "labels": ("labels", {"run": "run", "owner": "owner", "name": "name"}),
    "pins": ("pins", {"run": "run", "person": "user"}),
}

# --- Names that a run of format 1 got its id from ---------------------------------------------------------------------

# what Config had where nothing else was said, under its old names: these were left out of the hash
DEFAULTS = {
    "dataset": "digits",
    "family": "vae",
    "network": "mlp",
    "hidden": [128, 64],
    "z_dim": 2,
    "activation": "relu",
    "likelihood": "bernoulli",
    "epochs": 60,
    "batch_size": 128,
    "lr": 0.004,
    "schedule": "one-cycle",
    "optimiser": "adam",
    "initialisation": "uniform",
    "weight_decay": 0.0,
    "dropout": 0.0,
    "clip": 0.0,
    "patience": 0,
    "precision": "float32",
    "pictures": 0,
    "reduction": "sum",
    "pixels": "0 to 1",
    "seed": 0,
    "knobs": {},
    "parent": None,
}

# the models of the gallery, from which a run may have been forked: old id -> new id
PRETRAINED_IDS = {
    "aae-mnist-2d-0a030067": "aae-mnist-2d-a4b30a5a",
    "beta-tcvae-shapes-colour-8d-04284ca4": "beta-tcvae-shapes-colour-8d-227d41a3",
    "beta-vae-mnist-16d-40bd4789": "beta-vae-mnist-16d-ff0643af",
    "beta-vae-mnist-16d-41b5cad5": "beta-vae-mnist-16d-7de8f017",
    "beta-vae-mnist-16d-6254259f": "beta-vae-mnist-16d-9bbaf322",
    "beta-vae-mnist-16d-a955e322": "beta-vae-mnist-16d-55783b19",
    "beta-vae-mnist-16d-b734a91b": "beta-vae-mnist-16d-3983d9c5",
    "conditional-vae-mnist-2d-9b187366": "conditional-vae-mnist-2d-e381567b",
    "denoising-mnist-32d-46ae9dbf": "denoising-mnist-32d-4b868955",
    "linear-mnist-32d-743722d7": "linear-mnist-32d-628b5900",
    "vae-digits-2d-f3b8c38c": "vae-digits-2d-d6787ae0",
    "vae-mnist-16d-3ba8e021": "vae-mnist-16d-51fbeb4d",
    "vae-mnist-2d-84cdf52f": "vae-mnist-2d-8d676f8e",
    "vae-shapes-colour-8d-2aa89071": "vae-shapes-colour-8d-63023c8c",
    "vanilla-mnist-16d-47909bc1": "vanilla-mnist-16d-3f512214",
    "vanilla-mnist-2d-3483d6c2": "vanilla-mnist-2d-bdad376e",
    "vanilla-mnist-32d-16342168": "vanilla-mnist-32d-7dc109bd",
    "vq-vae-mnist-16d-f56be152": "vq-vae-mnist-16d-ac5eae2d",
}

# --- The network for photographs --------------------------------------------------------------------------------------

PHOTO_FOLDER = ("photographs", "photo-denoising")
PHOTO_FILES = {"photographs.json": "metadata.json"}
PHOTO_METADATA = {
    "rate": "lr",
    "batch": "batch_size",
    "patch": "patch_size",
    "clip": "grad_clip_norm",
    "average": "ema_decay",
    "split": "split_seed",
    "weights": "dtype",
    "photographs": "data",
    "unclipped": "psnr_unclipped",
    "speed": "seconds_per_image",
    "speed_threads": "threads",
}
PHOTO_DATA = {"trained": "n_train", "validation": "n_validation", "held_out": "test"}
PHOTO_SCORE = {"noise": "corruption", "strength": "level", "before": "psnr_noisy", "after": "psnr_denoised"}
# parts of the paths of its tensors
PHOTO_TENSORS = {
    "down": "down_blocks",
    "halve": "downsample",
    "middle": "mid_blocks",
    "widen": "upsample",
    "up": "up_blocks",
    "first": "conv1",
    "second": "conv2",
}
