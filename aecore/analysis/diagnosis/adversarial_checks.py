"""Checks of games: a discriminator that has won, one that says nothing, and samples of few kinds."""

from __future__ import annotations

from aecore.analysis.diagnosis.evidence import Evidence, Finding
from aecore.analysis.diagnosis.fixes import train_longer
from aecore.analysis.diagnosis.thresholds import CHANCE_DISCRIMINATOR_LOSS, THRESHOLDS
from aecore.models.failure_modes import FailureMode
from aecore.models.loss_terms import DISCRIMINATOR, PRIOR_DISCRIMINATORS
from aecore.params import ParamValue


def discriminator_too_strong(evidence: Evidence) -> Finding | None:
    for name, wrong in evidence.discriminator_losses.items():
        of_codes = evidence.family.loss_terms[name].term is DISCRIMINATOR
        if wrong > THRESHOLDS["discriminator_loss" if of_codes else "discriminator_won"].value:
            continue
        return Finding(
            FailureMode.DISCRIMINATOR_TOO_STRONG,
            f"The discriminator loss is {wrong:.2f} nats, where one that cannot tell the two sides apart has "
            f"{CHANCE_DISCRIMINATOR_LOSS:.2f}.",
            "It tells codes from draws of the prior nearly always, so the codes do not fill the prior, and draws from "
            "it decode to nothing sensible."
            if of_codes
            else "It is sure and right of nearly everything, so what it says no longer changes with what the model "
            "does: nothing is to be learnt from it.",
            _calmer(evidence),
        )
    return None


def idle_discriminator(evidence: Evidence) -> Finding | None:
    distance = evidence.checkup.get("sampling", {}).get("prior_mmd", 0.0)
    if distance < THRESHOLDS["prior_mmd"].value:
        return None
    first = int(THRESHOLDS["idle_from"].value * len(evidence.history))
    terms = evidence.family.loss_terms
    for name in (each for each in evidence.discriminator_losses if terms[each].term in PRIOR_DISCRIMINATORS):
        losses = [line["validation"][name] for line in evidence.history[first:] if name in line["validation"]]
        if losses and min(losses) > CHANCE_DISCRIMINATOR_LOSS - THRESHOLDS["idle_margin"].value:
            return Finding(
                FailureMode.IDLE_DISCRIMINATOR,
                f"From epoch {first + 1} on the discriminator loss was never below {min(losses):.2f} nats, that of "
                f"guessing, while the MMD between codes and draws of the prior is {distance:.2g}.",
                "It has learnt nothing, so nothing pulls the codes to the prior. At chance is where a discriminator "
                "should end, but only once the codes fit.",
                train_longer(evidence),
            )
    return None


def mode_collapse(evidence: Evidence) -> Finding | None:
    samples = evidence.checkup.get("sampling")
    if not samples or samples["reconstruction_coverage"] < THRESHOLDS["collapse_min_coverage"].value:
        return None
    drawn, given_back = samples["coverage"], samples["reconstruction_coverage"]
    if drawn >= THRESHOLDS["collapse_ratio"].value * given_back:
        return None
    return Finding(
        FailureMode.MODE_COLLAPSE,
        f"Samples cover {drawn:.0%} of the validation images, reconstructions {given_back:.0%}.",
        "What is drawn is of few kinds: the model can make the others, and no code that is drawn leads to them.",
        _calmer(evidence),
    )


def _calmer(evidence: Evidence) -> dict[str, ParamValue]:
    """Weights of the loss at their defaults, or smaller steps where they are."""
    unusual: dict[str, ParamValue] = {
        name: usual for name, (value, usual) in evidence.term_weights.items() if value != usual
    }
    return unusual or {"lr": evidence.config.lr / 4}
