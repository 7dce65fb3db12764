"""Thresholds: where each failure mode begins, and why there. Nothing here imports torch."""

from __future__ import annotations

import math
from dataclasses import dataclass

CHANCE_DISCRIMINATOR_LOSS = 2 * math.log(2)  # nats of a discriminator that can only guess: it says "one half" to both


@dataclass(frozen=True)
class Threshold:
    """Where trouble begins, and why there."""

    value: float
    reason: str


THRESHOLDS: dict[str, Threshold] = {
    "min_progress": Threshold(
        0.5,
        "Share of a training before which a code that tells nothing is not called ill: many a healthy one wakes up "
        "while the learning rate is at its highest.",
    ),
    "out_of_support": Threshold(
        0.0, "Share of pixel values outside what the likelihood can have made: one is enough to leave it no floor."
    ),
    "identical_units": Threshold(
        1.0, "Share of a layer's units with equal weights. All of them: they get equal gradients and stay equal."
    ),
    "spike": Threshold(
        2.0,
        "Worst reconstruction loss of an epoch against a decoder that says nothing (0 everywhere). Most untrained "
        "networks begin at 1; twice that, in a loss that does not fall in every epoch, is steps that overshoot.",
    ),
    "spike_while_training": Threshold(50, "The same while it still trains: few units come back from so far."),
    "spike_window": Threshold(
        0.1, "Share of a training, three epochs at least, in which a loss may overshoot and come back."
    ),
    "regress": Threshold(
        0.5, "Share of what the loss had come down by that it has gone up again: more than any price of a KL."
    ),
    "collapsed_kl": Threshold(
        0.1,
        "Nats of KL in all. Below, a code narrows down which image it is of by a factor of 1.1 at most; healthy ones "
        "tell 1 to 50.",
    ),
    "active_variance": Threshold(
        0.01, "Variance of a mean over images, as Burda, Grosse & Salakhutdinov (2015) count units."
    ),
    "kl_weight": Threshold(
        1.0, "What a nat of KL costs against a nat of the image. Above, a collapse is explained by it."
    ),
    "weight_ratio": Threshold(
        2.0,
        "How many times a family's own default a weight or a corruption may be before it is held to blame for images "
        "that are lost.",
    ),
    "weight_decay": Threshold(
        0.01, "Weight decay above which it is held to blame for the same: steps then shrink what they learn."
    ),
    "dropout": Threshold(0.5, "Share of hidden units silenced above which dropout is."),
    "small_code": Threshold(
        16, "Dimensions of a code in which each one counts. Larger ones are meant to have units to spare."
    ),
    "exact_zeros": Threshold(
        0.01,
        "Share of exact zeros in a small code that nobody asked to be sparse. A linear code has none; a unit that is 0 "
        "for an image gets no gradient from it, and one that is 0 for all never comes back.",
    ),
    "min_active": Threshold(8, "Units of a code that are still active when others died: fewer, and they are missed."),
    "dead_codes": Threshold(
        0.75, "Share of a codebook that no image takes: families at their defaults stay below a half."
    ),
    "dead_codes_frozen": Threshold(
        0.25, "The same where nothing puts unused vectors back: one that nothing takes never moves."
    ),
    "discriminator_loss": Threshold(
        0.5,
        "Loss of the discriminator in nats. One that cannot tell codes from draws has 2 ln 2 = "
        f"{CHANCE_DISCRIMINATOR_LOSS:.2f}; at 0.5 it is right with 78 % on both, and what it says pushes the encoder "
        "nowhere.",
    ),
    "discriminator_won": Threshold(
        0.1,
        "The same of a discriminator of clusters or of shuffled codes, which healthy games may leave below chance: "
        "at 0.1 it is right with 95 % on both sides.",
    ),
    "prior_mmd": Threshold(
        0.3,
        "MMD between codes and draws of the prior from which on a discriminator should see a difference: that of unit "
        "normals in 2 dimensions 0.7 standard deviations apart. AAEs at their defaults have 0.06 on digits, 0.6 on "
        "heartbeats.",
    ),
    "idle_from": Threshold(0.1, "Share of the epochs after which a discriminator should once have seen a difference."),
    "idle_margin": Threshold(
        0.02, "Nats below 2 ln 2 that a discriminator which only guesses does not leave, whatever the epoch."
    ),
    "collapse_ratio": Threshold(
        0.2,
        "Coverage of samples against that of reconstructions. Below, four in five kinds of images that the decoder can "
        "make are never drawn.",
    ),
    "collapse_min_coverage": Threshold(
        0.3, "Coverage of reconstructions below which it is these that fail, and not what is drawn."
    ),
    "one_dim_r2": Threshold(
        0.9,
        "Share of the images' variance that a one-dimensional code must explain; less, and one dimension is too few.",
    ),
    "min_improvement": Threshold(
        0.1, "What part of saying nothing must have been saved before shares of it mean anything."
    ),
    "generalisation_gap": Threshold(
        0.075,
        "Share of what was learnt on training images that is missing on others, in nats of reconstruction. The "
        "families at their defaults stay below it on the 1,295 digits, and below 0.01 on larger sets.",
    ),
    "r2_gap_plain": Threshold(
        0.1, "How far the explained variance (R2) may lie below PCA's where nothing but that was asked for."
    ),
    "r2_ratio_regularised": Threshold(
        0.4, "What part of PCA's R2 must be reached where other loss terms pay for order: all defaults reach 0.6."
    ),
    "outlier_quantile": Threshold(
        0.99,
        "Share of the validation images that lie nearer to training images than an outlier does; of the training "
        "images it is about the same share where both are of one kind.",
    ),
    "outlier_p": Threshold(
        0.001,
        "Chance of so many more outliers among training images, were both of one kind (Fisher's exact test). With 70 "
        "clean validation images no test reaches it for 5 % of anomalies: that none is odd has a chance of 0.03.",
    ),
    "saturated_wrong": Threshold(
        0.02, "Share of pixels drawn fully black where it is light, or fully white where it is dark."
    ),
}
