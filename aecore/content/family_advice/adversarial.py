"""Advice on families with a discriminator, and on those with an energy."""

from __future__ import annotations

from aecore.content.family_advice.records import Advice, Suggestion

ADVICE: dict[str, Advice] = {
    "aae": Advice(
        (
            Suggestion("train", "Train it with a ring or a mixture as the prior and look at the map."),
            Suggestion("latent_map", "Look whether the aggregate posterior has the prior's shape."),
        ),
        (
            "A discriminator that has won has a loss of nearly 0; its verdicts then hardly help the encoder, and the "
            "aggregate posterior keeps its own shape.",
            "A discriminator that can only guess has a loss of 1.386: either the codes fit, or it is too weak to see "
            "that it does not. Look at the map.",
            "The two keep circling each other: losses that go up and down are no fault.",
        ),
    ),
    "wae-gan": Advice(
        (
            Suggestion("latent_map",
                "Compare the map with that of an AAE: the price of the prior is ten times as high, and the gradient "
                "penalty is what lets the game come to rest at it."),
            Suggestion("train",
                "Train it with the square as the prior, which no VAE can fill, and look at the edges of the map."),
        ),
        (
            "Without the gradient penalty it collapses at this price. With it the error on digits is 0.031 (three "
            "seeds), that of an AAE 0.036 and of a WAE with MMD 0.039.",
            "The MMD has no game to lose: the WAE with MMD has one network less to train, and never swings.",
        ),
    ),
    "aae-clusters": Advice(
        (
            Suggestion("interpolate",
                "Move one of the first dimensions from 0 to 1: each draws a kind, the last dimensions its style."),
            Suggestion("train",
                "Train it with 20 clusters on ten classes: one class then takes several, each a way of writing it."),
        ),
        (
            "Clusters are what is easiest to tell apart, not what the labels say: on digits 77 to 79 % of the images "
            "are right (three seeds), and k-means on the pixels has 81 %.",
            "A cluster may stay empty while another holds two classes; another seed shares them out differently.",
            "Too large a style can draw everything, and the clusters then mean nothing.",
        ),
    ),
    "energy-based": Advice(
        (
            Suggestion("model_inspector",
                "Look at the panel *Samples*: draws from the prior are codes of the generator's images, decoded."),
            Suggestion("train", "Train it with margin 0, a vanilla autoencoder with a generator that nobody pushes."),
        ),
        (
            "The generator makes some kinds of images only: on digits samples cover 56 to 63 % of the validation "
            "images, reconstructions 97 to 99 % (three seeds).",
            "A vanilla autoencoder with as many dimensions has the smaller error there (0.012, against 0.016), and "
            "a mixture fitted to its codes covers 98 %, without a game.",
            "Above the margin nothing is pushed: energy says how unlike the data an image is, not how probable.",
        ),
    ),
}  # fmt: skip
