"""What several checks share: how far a model is from what it should do, and settings that would help."""

from __future__ import annotations

import math
from collections.abc import Mapping

from aecore.analysis.diagnosis.evidence import Evidence
from aecore.analysis.diagnosis.thresholds import THRESHOLDS
from aecore.params import ParamValue


def format_nats(amount: float) -> str:
    return f"{amount:.2g} nats" if amount >= 0.001 else "less than 0.001 nats"


def lower_lr(evidence: Evidence) -> float:
    """A learning rate that suits these settings, or a tenth of one that should have."""
    usual = float(evidence.default_config.lr)
    return usual if evidence.config.lr > usual else evidence.config.lr / 10


def train_longer(evidence: Evidence) -> dict[str, ParamValue]:
    """Twice the training, and what is far from the usual put right."""
    usual = evidence.default_config
    cure: dict[str, ParamValue] = {"epochs": min(1000, max(2 * evidence.config.epochs, usual.epochs))}
    if not usual.lr / 4 <= evidence.config.lr <= 4 * usual.lr:
        cure["lr"] = usual.lr
    if sum(evidence.config.hidden_sizes) < sum(usual.hidden_sizes):
        cure["hidden_sizes"] = usual.hidden_sizes
    return cure


def below_pca(evidence: Evidence) -> bool:
    """Whether a finished model gives back clearly less than a plane does."""
    if not evidence.checkup or not math.isfinite(evidence.r2):
        return False
    least = (
        evidence.pca_r2 - THRESHOLDS["r2_gap_plain"].value
        if evidence.reconstruction_only
        else THRESHOLDS["r2_ratio_regularised"].value * evidence.pca_r2
    )
    return evidence.r2 < least


def n_dead_units(evidence: Evidence) -> int:
    """How many units of a code are never active, where so few are left that they are missed; else 0."""
    on = evidence.code.get("active_rate", [])
    dead = sum(share == 0 for share in on)
    return dead if len(on) - dead < THRESHOLDS["min_active"].value else 0


def outlier_chance(counts: Mapping[str, int]) -> float:
    """The p-value of Fisher's exact test that training images have no more outliers than validation images."""
    from scipy.stats import fisher_exact

    table = [[counts[name], counts[f"n_{name}"] - counts[name]] for name in ("train", "validation")]
    return float(fisher_exact(table, alternative="greater").pvalue)


def outliers_stand_out(counts: Mapping[str, int]) -> bool:
    """Whether training images have more outliers than validation images have, beyond chance."""
    return outlier_chance(counts) < THRESHOLDS["outlier_p"].value


def pca_text(evidence: Evidence) -> str:
    size = evidence.checkup["effective_code_size"]
    return f"PCA with {size} {'component' if size == 1 else 'components'} explains {evidence.pca_r2:.0%}"
