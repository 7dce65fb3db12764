"""Advice on flows, richer posteriors, and distributions over weights."""

from __future__ import annotations

from aecore.content.family_advice.records import Advice, Suggestion

ADVICE: dict[str, Advice] = {
    "flow-vae": Advice(
        (
            Suggestion("model_inspector",
                "Compare the panel *ELBO and IWAE bounds* with that of a VAE: the gap between the ELBO and the best "
                "bound is what the shape of the posteriors costs."),
            Suggestion("train", "Train it with 1 flow and with 8, planar and iaf, under the same seed."),
        ),
        (
            "The gap is small to begin with. On digits with 2 dimensions planar flows gain 0.14 nats of 24 over a VAE, "
            "iaf none (means of five seeds), and the error stays at 0.035: more hidden units often give more.",
            "Training takes two to three times as long as a VAE's.",
            "Every KL here is of single draws: it jumps about, and that of one image can lie below 0.",
        ),
    ),
    "delta-vae": Advice(
        (
            Suggestion("train", "Train it with delta 0, 4 and 10, and watch the KL during training: it starts there."),
            Suggestion("latent_explorer", "Drag the point between the dots: clouds are narrow, and leave gaps."),
        ),
        (
            "A rate is not yet information: clouds may be narrow and still alike for every image. See how many "
            "dimensions are active.",
            "Above what a VAE tells anyway it costs more than it gives. On digits a VAE tells 2.8 nats by itself, and "
            "is the simpler one.",
            "The prior is wider than the clouds together where delta is large: draws decode to nonsense more often.",
        ),
    ),
    "real-nvp": Advice(
        (
            Suggestion("interpolate",
                "Walk from one image to another: all places on the way are codes, and the two ends come back exactly."),
            Suggestion("train", "Train it on two moons with 2 and with 8 couplings, and draw from the prior."),
        ),
        (
            "Nothing is compressed: the error is 0 for noise too, so it neither denoises nor finds what is odd by its "
            "error. Its loss is what tells odd samples. "
            "Distances between codes are of all pixels alike, and so are its samples: on digits they look worse than "
            "those of a VAE with 8 dimensions, which is far smaller.",
            "It learns by heart soon: on digits 60 epochs end at 125 nats on validation images, and early stopping at "
            "101. So it begins with a patience of 10.",
            "Columns that are categories, or whole numbers in a table, have no density: what it gains there is without "
            "meaning.",
        ),
    ),
    "bayesian": Advice(
        (
            Suggestion("train",
                "Train it on 100 images, and a vanilla one beside it: compare the errors on test images."),
            Suggestion("runs", "Compare weight-KL weights of 0, 0.1 and 1 by error on training and on test images."),
        ),
        (
            "With few samples the KL of the weights is dear and the model simple. On digits with 2 dimensions the "
            "error is 0.035 with a weight of 0.1 and 0.045 with 1; on iris, 90 rows, 1 leaves nothing but the mean.",
            "Early stopping, or weight decay, holds back as well and costs nothing.",
            "Only fully connected layers are distributions; convolutions stay as they are.",
        ),
    ),
}  # fmt: skip
