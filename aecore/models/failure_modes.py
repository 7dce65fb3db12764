"""Failure modes: what can be wrong with a model, by name. The doctor finds them, and a family may name its own fix.

Nothing here imports torch.
"""

from __future__ import annotations

from enum import StrEnum


class FailureMode(StrEnum):
    """What the doctor finds, as it is called on the page, in `docs/doctor.md` and by families."""

    DIVERGED = "diverged"
    OUT_OF_RANGE = "pixels out of range"
    IDENTICAL_UNITS = "identical units"
    RISING_LOSS = "rising loss"
    MEAN_REDUCTION = "reconstruction averaged over pixels"
    BETA_TOO_STRONG = "beta too strong"
    RELU_CODE = "ReLU in the code"
    REGULARISATION_TOO_STRONG = "regularisation too strong"
    CORRUPTION_TOO_STRONG = "corruption too strong"
    DEAD_UNITS = "dead units"
    POSTERIOR_COLLAPSE = "posterior collapse"
    DEAD_CODEBOOK_ENTRIES = "dead codebook entries"
    DISCRIMINATOR_TOO_STRONG = "discriminator too strong"
    IDLE_DISCRIMINATOR = "idle discriminator"
    MODE_COLLAPSE = "mode collapse"
    ONE_DIMENSIONAL_CODE = "one-dimensional code"
    CONTAMINATED_TRAINING_SET = "contaminated training set"
    OVERFITTING = "overfitting"
    UNDERFITTING = "underfitting"
    SATURATED_OUTPUTS = "saturated outputs"
