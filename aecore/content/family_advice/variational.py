"""Advice on families with a posterior, or with a prior that codes are compared with."""

from __future__ import annotations

from aecore.content.family_advice.records import Advice, Suggestion

ADVICE: dict[str, Advice] = {
    "vae": Advice(
        (
            Suggestion("latent_explorer",
                "Drag the point through the middle of the map: there are few gaps, and most places "
                "draw something plausible."),
            Suggestion("train",
                "Train it with 2 and with 16 latent dimensions: the images get sharper, and some may stay "
                "unused."),
            Suggestion("train",
                "Train it once with **Loss reduction** set to *Mean*: the KL wins, and every image is the "
                "average one."),
        ),
        (
            "Blur: many images share each place, and the decoder draws their average. A larger code helps.",
            "Posterior collapse: dimensions whose KL is near 0 tell nothing, and moving them changes nothing. It comes "
            "of a KL that weighs too much beside the reconstruction, not only of a strong decoder.",
            "Not every draw from the prior is plausible: the posteriors together never fill it quite.",
        ),
    ),
    "beta-vae": Advice(
        (
            Suggestion("gallery", "Move beta over the five gallery models, which differ in nothing else."),
            Suggestion("interpolate", "Move one dimension at a time and see whether it changes one thing only."),
            Suggestion("train",
                "Train the digits with beta 0.2, 1 and 4: at 4 the KL is gone, and every image is the "
                "average one."),
        ),
        (
            "Too large a beta: the KL falls to 0 and every image is the average one. Where that happens hangs on "
            "the number of pixels, so a beta from a paper on larger images means something else here.",
            "It does not promise that each dimension has a meaning. Whether it has can only be measured where the "
            "factors behind the images are known, as in the shapes.",
            "A warm-up helps near the edge of collapse and not beyond it; free bits keep each dimension alive.",
        ),
    ),
    "conditional-vae": Advice(
        (
            Suggestion("latent_explorer",
                "Keep the place and change **Class label for decoding** in the sidebar: another digit, the same "
                "hand."),
            Suggestion("latent_map",
                "Look at the map: the classes should lie on top of each other, for the code need not "
                "tell them."),
        ),
        (
            "If another label draws the same thing, the code holds the class and the label is ignored.",
            "Without a label it tries them all and takes the one that gives the image back best: that is a guess, "
            "and can be wrong.",
        ),
    ),
    "beta-tcvae": Advice(
        (
            Suggestion("interpolate",
                "Take one trained on shapes and move one dimension at a time: does one move the place, "
                "another the size?"),
            Suggestion("train",
                "Train the same with beta 1, which is a VAE, and compare the KL decomposition (mutual information, "
                "total "
                "correlation, dimension-wise KL)."),
        ),
        (
            "Total correlation is estimated within a batch: noisy, and now and then below 0.",
            "Independent dimensions need not be meaningful ones.",
            "Some dimensions are given up altogether: their atoms are blank.",
        ),
    ),
    "info-vae": Advice(
        (
            Suggestion("latent_map",
                "Look at the map: the aggregate posterior should look like a normal, though single posteriors need "
                "not."),
            Suggestion("train",
                "Train it with alpha 0, which penalises the whole KL, and with alpha 1, which penalises none."),
        ),
        (
            "With little penalty on each posterior they shrink towards points: then it is a WAE, and looks at the "
            "aggregate posterior only.",
            "MMD between two samples of a few hundred is noisy, and more so in many dimensions: a small number there "
            "is no proof of a normal.",
        ),
    ),
    "wae": Advice(
        (
            Suggestion("latent_map",
                "Compare the map with that of a VAE: the aggregate posterior is normal here too, but images are "
                "points in it."),
            Suggestion("train", "Train it with MMD weight 1 and 1000: without one it is a vanilla autoencoder."),
        ),
        (
            "Too small a weight leaves gaps and odd shapes on the map, and draws from the prior fall into them.",
            "MMD compares samples of one batch: with small batches, or many dimensions, it sees little.",
        ),
    ),
    "ladder-vae": Advice(
        (
            Suggestion("interpolate",
                "Move a dimension of the top level (the first ones), then one of the bottom level: "
                "compare how much of the image each changes."),
            Suggestion("train", "Train it with KL warm-up 0 and 0.5 and see which level carries the KL."),
        ),
        (
            "One level may do all the work and the other go to sleep: its atoms are blank and its KL is 0.",
            "The levels need not divide the labour as hoped, whole above and details below.",
        ),
    ),
    "multimodal": Advice(
        (
            Suggestion("model_inspector",
                "Open **Hidden parts filled in**: the right half drawn from the left alone, and the other way round."),
            Suggestion("train",
                "Train it with **Unimodal weight** 0: from both halves it draws as well, from one alone it fails, for "
                "nobody has asked an encoder alone."),
            Suggestion("train",
                "Train it with **KL warm-up** 0: three KLs are charged at once, and the posteriors collapse."),
        ),
        (
            "Where you only want one half from the other, a search does better on small images: on the digits the five "
            "training images nearest by the left half have an MSE of 0.039 on the right one, this model 0.066, the "
            "mean image 0.081 (means of three seeds). In return it has one code for both, and can draw new ones.",
            "A product cannot be wider than its experts: one that is sure of something wrong overrules the other.",
        ),
    ),
    "factor-vae": Advice(
        (
            Suggestion("train",
                "Train it on shapes with TC weight 0, which is a VAE, and 30, and move one dimension at a time."),
            Suggestion("runs",
                "Compare it with a beta-TCVAE of the same seed: both charge the total correlation, one by a "
                "discriminator, one by weights within the batch."),
        ),
        (
            "The estimate is only as good as the discriminator: while it lags behind, the total correlation looks "
            "small, and is not.",
            "A beta-TCVAE needs no second network: TC weight 2 here charges what its default of 3 does.",
            "A discriminator loss near 1.386 is what is wanted here: it says that dimensions are independent.",
        ),
    ),
}  # fmt: skip
