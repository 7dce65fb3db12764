"""Checks of what is charged beside the reconstruction: its weight, and the collapse of a posterior."""

from __future__ import annotations

from aecore.analysis.diagnosis.evidence import Evidence, Finding, format_share
from aecore.analysis.diagnosis.fixes import below_pca, format_nats, n_dead_units, pca_text, train_longer
from aecore.analysis.diagnosis.thresholds import THRESHOLDS
from aecore.models import loss_terms
from aecore.models.failure_modes import FailureMode
from aecore.params import ParamValue


def kl_weight_too_high(evidence: Evidence) -> Finding | None:
    if not evidence.collapsed or evidence.kl_weight <= THRESHOLDS["kl_weight"].value:
        return None
    averaged = evidence.config.reduction == "mean"
    why = f" (the reconstruction is averaged over {evidence.n_pixels:,} pixel values)" if averaged else ""
    cure: dict[str, ParamValue] = {"reduction": "sum"} if averaged else {}
    if evidence.family.kl_weight(evidence.params) > THRESHOLDS["kl_weight"].value:
        cure |= evidence.fix_for(FailureMode.BETA_TOO_STRONG, {})
    return Finding(
        FailureMode.MEAN_REDUCTION if averaged else FailureMode.BETA_TOO_STRONG,
        f"A nat of KL costs as much as {evidence.kl_weight:,.4g} nats of the image{why}; {format_nats(evidence.kl)} "
        f"are left, and {evidence.active_dimensions} of {len(evidence.code['kl'])} latent dimensions are active.",
        "Telling the decoder anything does not pay, so all codes are alike and it draws the average image.",
        cure,
    )


def regularisation_too_strong(evidence: Evidence) -> Finding | None:
    config, lost = evidence.config, reconstruction_failure(evidence)
    labels = {param.name: param.label for param in evidence.family.params}
    heavy = {
        name: (labels[name], *pair)
        for name, pair in evidence.term_weights.items()
        if pair[0] > THRESHOLDS["weight_ratio"].value * pair[1]
    }
    if config.weight_decay > THRESHOLDS["weight_decay"].value:
        heavy["weight_decay"] = ("Weight decay", config.weight_decay, 0.0)
    if config.dropout > THRESHOLDS["dropout"].value:
        heavy["dropout"] = ("Dropout", config.dropout, 0.0)
    if not lost or not heavy:
        return None
    said = ", ".join(f"{label} is {value:g} (default {usual:g})" for label, value, usual in heavy.values())
    return Finding(
        FailureMode.REGULARISATION_TOO_STRONG,
        f"{lost} {said}.",
        "What the loss penalises beside the reconstruction outweighs it, so that part of the loss is made small and "
        "the images are given up for it.",
        {name: usual for name, (_, _, usual) in heavy.items()},
    )


def corruption_too_strong(evidence: Evidence) -> Finding | None:
    name = evidence.family.corruption
    if not name or not below_pca(evidence):
        return None
    usual = next(float(param.default) for param in evidence.family.params if param.name == name)
    strength = loss_terms.as_float(evidence.params[name])
    if strength <= THRESHOLDS["weight_ratio"].value * usual:
        return None
    return Finding(
        FailureMode.CORRUPTION_TOO_STRONG,
        f"Inputs are corrupted at a level of {strength:g} (default {usual:g}). {reconstruction_failure(evidence)}",
        "So little is left of what goes in that the average image is the best answer.",
        {name: usual},
    )


def posterior_collapse(evidence: Evidence) -> Finding | None:
    if not evidence.collapsed:
        return None
    cure = dict(evidence.fix_for(FailureMode.POSTERIOR_COLLAPSE, train_longer(evidence)))
    if evidence.config.lr > 4 * evidence.default_config.lr:
        cure["lr"] = evidence.default_config.lr
    return Finding(
        FailureMode.POSTERIOR_COLLAPSE,
        f"The total KL is {format_nats(evidence.kl)} per image, and {evidence.active_dimensions} of "
        f"{len(evidence.code['kl'])} latent dimensions are "
        "active (their mean moves).",
        "All posteriors are alike, so the decoder draws the average image, whatever the code.",
        cure,
    )


def reconstruction_failure(evidence: Evidence) -> str:
    """What a model has lost, in a sentence: its code tells nothing, or what it gives back is far from the images; ""
    where neither is so."""
    if evidence.collapsed:
        return f"The total KL is {format_nats(evidence.kl)} per image."
    if dead := n_dead_units(evidence):
        return f"{dead} of {len(evidence.code['active_rate'])} units of the code are active for no image."
    if below_pca(evidence):
        return f"It explains {format_share(evidence.r2)} of the variance of the images (R2); {pca_text(evidence)}."
    return ""
