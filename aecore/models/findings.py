"""Troubles: what can be wrong with a model, by name. The doctor finds them, and a family may say how it cures one."""

from __future__ import annotations

from enum import StrEnum


class Trouble(StrEnum):
    """A finding of the doctor, as it is called on the page, in `docs/doctor.md` and by families."""

    DIVERGED = "diverged"
    OUT_OF_RANGE = "pixels out of range"
    ALIKE = "units all alike"
    RISING = "rising loss"
    AVERAGED = "reconstruction averaged over pixels"
    BETA = "beta too strong"
    RELU_CODE = "ReLU in the code"
    REGULARISED = "regularisation too strong"
    CORRUPTED = "corruption too strong"
    DEAD_UNITS = "dead units"
    COLLAPSE = "posterior collapse"
    DEAD_ENTRIES = "dead codebook entries"
    ADVERSARY = "an adversary that has won"
    NARROW = "a code of one number"
    OVERFITTING = "overfitting"
    UNDERFITTING = "underfitting"
    SATURATED = "saturated outputs"
