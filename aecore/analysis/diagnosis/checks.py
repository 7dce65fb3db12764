"""Signs: what can be wrong with a model. Each looks at a case and finds it, or not."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

from aecore.analysis.diagnosis.adversarial_checks import discriminator_too_strong, idle_discriminator, mode_collapse
from aecore.analysis.diagnosis.evidence import Evidence, Finding, format_share
from aecore.analysis.diagnosis.fixes import (
    below_pca,
    lower_lr,
    n_dead_units,
    outliers_stand_out,
    pca_text,
    train_longer,
)
from aecore.analysis.diagnosis.regularisation_checks import (
    corruption_too_strong,
    kl_weight_too_high,
    posterior_collapse,
    regularisation_too_strong,
)
from aecore.analysis.diagnosis.thresholds import THRESHOLDS
from aecore.data.cards import CARDS
from aecore.models.failure_modes import FailureMode
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.params import ParamValue

Check = Callable[[Evidence], Finding | None]


def _diverged(evidence: Evidence) -> Finding | None:
    if not evidence.diverged:
        return None
    return Finding(
        FailureMode.DIVERGED,
        f"After {len(evidence.history)} epochs, at a learning rate of {evidence.config.lr:g}, the loss was no longer "
        "a number (NaN or infinite).",
        "A step went so far that the next gradient was larger still, until numbers ended.",
        {"lr": lower_lr(evidence), "grad_clip_norm": 1.0},
    )


def _out_of_range(evidence: Evidence) -> Finding | None:
    share = evidence.signals.get("out_of_support", 0.0)
    if share <= THRESHOLDS["out_of_support"].value:
        return None
    return Finding(
        FailureMode.OUT_OF_RANGE,
        f"{share:.0%} of the pixel values lie outside what a {evidence.config.likelihood} likelihood can say: it "
        "knows 0 to 1, and they go up to 255.",
        "The loss has no floor then: it falls for ever while the images get no better.",
        {"pixel_range": "0 to 1"},
    )


def _identical_units(evidence: Evidence) -> Finding | None:
    if evidence.signals.get("identical_units", 0.0) < THRESHOLDS["identical_units"].value:
        return None
    return Finding(
        FailureMode.IDENTICAL_UNITS,
        "100 % of the units of a layer have the same weights.",
        "Equal units get equal gradients and stay equal, so a layer of hundreds counts as one, or says nothing. Random "
        "weights break the tie.",
        {"initialisation": "uniform"},
    )


def _rising_loss(evidence: Evidence) -> Finding | None:
    blank = evidence.signals.get("constant_output_nll")
    losses = [line["train"][RECONSTRUCTION] for line in evidence.history if RECONSTRUCTION in line["train"]]
    if blank is None or len(losses) < max(3, THRESHOLDS["spike_window"].value * evidence.config.epochs):
        return None
    worst, best, last = max(losses), min(losses), losses[-1]
    # Many a healthy training overshoots at first and comes back, but not from very far. What came down in every epoch
    # began high and needs more time, not smaller steps.
    falling = all(after < before for before, after in pairwise(losses))
    far = (
        below_pca(evidence) and not falling
        if evidence.checkup
        else worst > THRESHOLDS["spike_while_training"].value * blank
    )
    burst = worst > THRESHOLDS["spike"].value * blank and (last > blank or far)
    lost = blank > best and last - best > THRESHOLDS["regress"].value * (blank - best)  # where anything was learnt
    if not burst and not lost:
        return None
    told, at = (worst, losses.index(worst) + 1) if burst else (last, len(losses))
    beside = f"a decoder that says nothing has {blank:,.4g}" if burst else f"it had been {best:,.4g}"
    return Finding(
        FailureMode.RISING_LOSS,
        f"In epoch {at} the reconstruction loss was {told:,.4g} nats; {beside}.",
        "The steps are too large: they overshoot, and units that were thrown far out seldom come back.",
        {"lr": lower_lr(evidence)},
    )


def _relu_code(evidence: Evidence) -> Finding | None:
    on, spare = evidence.code.get("active_rate"), evidence.code.get("sparsity_by_design", [0.0])[0]
    if not on or len(on) > THRESHOLDS["small_code"].value or spare or not evidence.reconstruction_only:
        return None
    dead, zeros = sum(share == 0 for share in on), 1 - sum(on) / len(on)
    if zeros < THRESHOLDS["exact_zeros"].value:
        return None
    cure = evidence.fix_for(FailureMode.RELU_CODE, {})
    return Finding(
        FailureMode.RELU_CODE,
        f"{zeros:.1%} of the numbers of the codes are exactly 0, and {dead} of {len(on)} units are never active.",
        "A ReLU cuts off what lies below 0: such images share a wall of the latent space, and a unit that is 0 for "
        "all of them gets no gradient any more. Hidden layers have units to spare; a code of this size has not.",
        cure,
        "" if cure else "Use a code without a bend.",
    )


def _dead_units(evidence: Evidence) -> Finding | None:
    dead = n_dead_units(evidence)
    if not dead:
        return None
    return Finding(
        FailureMode.DEAD_UNITS,
        f"{dead} of {len(evidence.code['active_rate'])} units of the code are active for no image.",
        "A unit that is never active gets no gradient and stays so; what is left of the code is small.",
        evidence.fix_for(
            FailureMode.DEAD_UNITS, {"lr": evidence.config.lr / 4, "latent_dim": max(64, evidence.config.latent_dim)}
        ),
    )


def _dead_entries(evidence: Evidence) -> Finding | None:
    taken, named = evidence.code.get("usage"), evidence.family.codebook
    if not taken or not named:
        return None
    size, revived = named.count(evidence.params), bool(evidence.params[named.reset])
    share, limit = 1 - len(taken) / size, THRESHOLDS["dead_codes" if revived else "dead_codes_frozen"]
    if share <= limit.value:
        return None
    perplexity = math.exp(-sum(each * math.log(each) for each in taken))
    enough = 2 ** math.ceil(math.log2(max(2.0, perplexity)))
    return Finding(
        FailureMode.DEAD_CODEBOOK_ENTRIES,
        f"{size - len(taken)} of {size} vectors of the codebook are taken by no image; the others are used as "
        f"evenly as {perplexity:.0f} would be.",
        "A codebook entry that is never the nearest never moves. The codebook is smaller than it says.",
        {named.size: min(size, enough), named.reset: True},
    )


def _one_dimensional_code(evidence: Evidence) -> Finding | None:
    if not evidence.checkup or evidence.code_size > 1 or evidence.r2 >= THRESHOLDS["one_dim_r2"].value:
        return None
    return Finding(
        FailureMode.ONE_DIMENSIONAL_CODE,
        f"A one-dimensional code explains {format_share(evidence.r2)} of the variance of the images.",
        "All images lie on one line: to get from one kind to another one passes all between them. Two dimensions make "
        "a map, 16 draw MNIST well.",
        {"latent_dim": 2},
    )


def _contaminated_training_set(evidence: Evidence) -> Finding | None:
    """By the labels of the training set, where some classes were said to be normal; and by distances, which show it
    only where the validation images are free of it, and many: docs/doctor.md has what is found in which data."""
    counts = evidence.outliers
    if not counts or not (outliers_stand_out(counts) or counts["not_normal"]):
        return None
    message = (
        f"{counts['train']:,} of {counts['n_train']:,} training images lie farther from the others than nearly all "
        f"validation images do, of which {counts['validation']:,} of {counts['n_validation']:,} lie so far."
    )
    if counts["not_normal"]:
        shown = "Distances show it too" if outliers_stand_out(counts) else "Without labels it would not be seen"
        message = (
            f"{counts['not_normal']:,} of {counts['n_train']:,} training images are of classes that are not normal, as "
            f"their labels say. {shown}: {message}"
        )
    planted = evidence.config.contamination > 0
    return Finding(
        FailureMode.CONTAMINATED_TRAINING_SET,
        message,
        "A model learns to draw all that it is trained on, and tells anomalies less well from normal images where it "
        "has met them. If the validation images held them as well, distances could not show it.",
        {"contamination": 0.0} if planted else {},
        "" if planted else "Look at the training images that lie far from the others, and take out what is not theirs.",
    )


def _overfitting(evidence: Evidence) -> Finding | None:
    if evidence.generalisation_gap <= THRESHOLDS["generalisation_gap"].value:
        return None
    few = evidence.config.train_size or CARDS[evidence.config.dataset].n_train
    # what it was taught with so few images need not suit more of them
    more: dict[str, ParamValue] = (
        {"train_size": 0, "epochs": evidence.default_config.epochs} if evidence.config.train_size else {"patience": 5}
    )
    return Finding(
        FailureMode.OVERFITTING,
        f"{evidence.generalisation_gap:.0%} of what it learnt to save on its {few:,} training images, in nats, is "
        f"missing on others.",
        "It has learnt these images by heart, not what images have in common.",
        more,
    )


def _underfitting(evidence: Evidence) -> Finding | None:
    if not below_pca(evidence):
        return None
    return Finding(
        FailureMode.UNDERFITTING,
        f"It explains {format_share(evidence.r2)} of the variance of the images (R2); {pca_text(evidence)}.",
        "A plane, which needs no training, does better: it has not learnt enough yet, or is too small.",
        train_longer(evidence),
    )


def _saturated_outputs(evidence: Evidence) -> Finding | None:
    share = evidence.signals.get("saturated_wrong", 0.0)
    if share <= THRESHOLDS["saturated_wrong"].value:
        return None
    return Finding(
        FailureMode.SATURATED_OUTPUTS,
        f"{share:.1%} of the pixels are drawn fully black where it is light, or fully white where it is dark.",
        "The decoder is certain where it is wrong, which costs the most there is.",
        train_longer(evidence) if evidence.config.lr < evidence.default_config.lr / 4 else {"lr": lower_lr(evidence)},
    )


# causes before what follows from them; and whether half of the training has to be waited for
CHECKS: dict[Check, bool] = {
    _diverged: False,
    _out_of_range: False,
    _identical_units: False,
    _rising_loss: False,
    kl_weight_too_high: True,
    _relu_code: True,
    regularisation_too_strong: True,
    corruption_too_strong: True,
    _dead_units: True,
    posterior_collapse: True,
    _dead_entries: True,
    discriminator_too_strong: True,
    idle_discriminator: True,
    mode_collapse: True,
    _one_dimensional_code: True,
    _contaminated_training_set: True,
    _overfitting: True,
    _underfitting: True,
    _saturated_outputs: True,
}
