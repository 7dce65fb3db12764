"""Advice on families whose code is what the encoder says."""

from __future__ import annotations

from aecore.content.family_advice.records import Advice, Suggestion

ADVICE: dict[str, Advice] = {
    "vanilla": Advice(
        (
            Suggestion("latent_explorer",
                "Drag the point into the gaps between the dots, then far outside: nobody has told the "
                "decoder what to draw there."),
            Suggestion("reconstruct",
                "Train it with 2, 8 and 32 latent dimensions, and compare each with PCA of the same size."),
            Suggestion("train",
                "Train it with **Latent activation** set to *ReLU* and 2 latent dimensions, under a few seeds. Now "
                "and then units "
                "die: they are 0 for every image, and stay so. Linear ones cannot."),
        ),
        (
            "Draws from a normal need not decode to anything. With 2 dimensions they mostly look right but lack "
            "variety; with 8 or 16 most are nonsense. That does not mean it cannot make images: a normal that is "
            "fitted to its codes does far better.",
            "A code as large as the image can simply copy it. The error is nearly 0 then, and noise is copied too: "
            "try it on Denoise.",
        ),
    ),
    "linear": Advice(
        (
            Suggestion("reconstruct",
                "Compare its error with that of PCA with as many components: with squared error, trained "
                "to the end, they are equal."),
            Suggestion("interpolate", "Walk from one image to another: all you get is the cross-fade of the two "
                "reconstructions."),
            Suggestion("latent_explorer",
                "Move along a straight line anywhere: the same pattern is added, wherever you start."),
        ),
        (
            "Its dimensions are not the principal components: it finds the same plane, but any axes in it, slanted and "
            "stretched. So do not read a meaning into one dimension alone.",
            "An error above PCA's means that the training ended too early, or that the loss is not squared error.",
        ),
    ),
    "tied-weights": Advice(
        (
            Suggestion("train",
                "Train one with no hidden layer (empty **Hidden layers**): each filter is then also what "
                "its dimension draws. See the panel *Encoder filters, decoder atoms*."),
            Suggestion("runs",
                "Train a vanilla one of the same layout and compare error and parameters: it has about twice "
                "as many."),
        ),
        (
            "It can only draw with the patterns that it looks for. On digits that costs nothing; where looking and "
            "drawing need different patterns, the error is higher.",
            "Tied does not mean orthogonal: its dimensions may still tell the same thing twice.",
        ),
    ),
    "denoising": Advice(
        (
            Suggestion("denoise",
                "Corrupt an image with the noise that it learnt, then with a kind that it never met."),
            Suggestion("denoise", "Raise the corruption level until it draws another digit, clean and sure of itself."),
            Suggestion("train", "Train one with corruption level 0.1 and one with 0.8 and give both the same images."),
        ),
        (
            "Under strong noise it draws what is likely, not what was there: a clean image is no proof.",
            "Clean images come back a little blurred, the more so the stronger the noise it was trained with.",
            "Any narrow code takes some noise away, so compare with a vanilla one of the same size before you praise "
            "it.",
        ),
    ),
    "contractive": Advice(
        (
            Suggestion("train",
                "Train it with a contraction weight of 0 and 1 and compare the encoder's stretch: the panel "
                "*Stretch (Jacobian singular values)* gives the very number that is penalised."),
            Suggestion("draw", "Add a dot to a drawing: the code should hardly move."),
        ),
        (
            "Too large a weight, and all codes are alike and every image is the average one.",
            "It contracts only around images like those it was trained on; far from them nothing was penalised.",
            "Without tied weights the penalty is none: the encoder shrinks, the decoder grows, and nothing is "
            "gained.",
        ),
    ),
    "stacked": Advice(
        (
            Suggestion("time_machine",
                "Play its training: the images make no sense until the innermost layer has learnt, "
                "and come right when all learn together."),
            Suggestion("runs", "Train a vanilla one with the same layout and epochs and compare: it is rarely worse."),
        ),
        (
            "Its stages share the epochs: with three layers the last one, all together, gets a quarter. Give it "
            "more.",
            "The losses of its stages cannot be compared: each measures another layer's own input.",
        ),
    ),
    "masked": Advice(
        (
            Suggestion("model_inspector",
                "Open **Hidden parts filled in** and compare with what was there, and with the two rivals below."),
            Suggestion("train",
                "Train it with **Mask ratio** 0.25 and 0.75: with little hidden, neighbours give most of it away."),
            Suggestion("denoise",
                "Choose *Masking*: single pixels are hidden there, where it was trained on whole patches."),
        ),
        (
            "On small images a search does better: on the digits with half of the patches hidden, the mean of the five "
            "training images nearest by visible pixels has an MSE of 0.028 on what is hidden, this model 0.033, "
            "the mean image 0.073, and a vanilla autoencoder given the same hole 0.128.",
            "Hidden pixels are 0 for the encoder, which is black as well: what is dark and what is hidden it has to "
            "tell from what is round about. Told apart by a learnt value, it is 2 to 3% better; not worth a special "
            "input.",
            "Whole images are rare in its training: on Reconstruct, which hides nothing, its MSE on digits is 0.014, "
            "and 0.023 if the same number of patches is always hidden; PCA with as many dimensions has 0.002.",
        ),
    ),
}  # fmt: skip
