"""Advice: what to try with a model, and what goes wrong with its family and how one sees it."""

from __future__ import annotations

from dataclasses import dataclass

from aecore.models.latents import GaussianLatent, LadderLatent, Latent, Quantized, SparseLatent


@dataclass(frozen=True)
class Suggestion:
    """The id of the page to do something on (ui/pages_table.py), and what to do."""

    page: str
    action: str


@dataclass(frozen=True)
class Advice:
    """What is worth doing with a model, and what to look out for."""

    suggestions: tuple[Suggestion, ...]
    pitfalls: tuple[str, ...]


BY_FAMILY: dict[str, Advice] = {
    "vanilla": Advice(
        (
            Suggestion("latent_explorer",
                "Drag the point into the gaps between the dots, then far outside: nobody has told the "
                "decoder what to draw there."),
            Suggestion("reconstruct", "Train it with 2, 8 and 32 numbers, and compare each with PCA of the same size."),
            Suggestion("train",
                "Train it with **Code** set to *relu* and 2 numbers, under a few seeds. Now and then units "
                "die: they are 0 for every picture, and stay so. Linear ones cannot."),
        ),
        (
            "Draws from a normal need not decode to anything. With 2 numbers they mostly look right but lack "
            "variety; with 8 or 16 most are nonsense. That does not mean it cannot make pictures: a normal that is "
            "fitted to its codes does far better.",
            "A code as large as the picture can simply copy it. The error is nearly 0 then, and noise is copied too: "
            "try it on Denoise.",
        ),
    ),
    "linear": Advice(
        (
            Suggestion("reconstruct",
                "Compare its error with that of PCA with as many numbers: with squared error, trained "
                "to the end, they are equal."),
            Suggestion("interpolate", "Walk from one picture to another: all you get is the cross-fade of the two "
                "reconstructions."),
            Suggestion("latent_explorer",
                "Move along a straight line anywhere: the same pattern is added, wherever you start."),
        ),
        (
            "Its numbers are not the principal components: it finds the same plane, but any axes in it, slanted and "
            "stretched. So do not read a meaning into one number alone.",
            "An error above PCA's means that the training ended too early, or that the loss is not squared error.",
        ),
    ),
    "tied-weights": Advice(
        (
            Suggestion("train",
                "Train one with no hidden layer (empty **Hidden layers**): each filter is then also what "
                "its number draws. See the panel with filters and atoms."),
            Suggestion("runs",
                "Train a vanilla one of the same layout and compare error and parameters: it has about twice "
                "as many."),
        ),
        (
            "It can only draw with the patterns that it looks for. On digits that costs nothing; where looking and "
            "drawing need different patterns, the error is higher.",
            "Tied does not mean orthogonal: its numbers may still tell the same thing twice.",
        ),
    ),
    "denoising": Advice(
        (
            Suggestion("denoise", "Spoil a picture with the noise that it learnt, then with a kind that it never met."),
            Suggestion("denoise", "Raise the strength until it draws another digit, clean and sure of itself."),
            Suggestion("train", "Train one with strength 0.1 and one with 0.8 and give both the same pictures."),
        ),
        (
            "Under strong noise it draws what is likely, not what was there: a clean picture is no proof.",
            "Clean pictures come back a little blurred, the more so the stronger the noise it was trained with.",
            "Any narrow code takes some noise away, so compare with a vanilla one of the same size before you praise "
            "it.",
        ),
    ),
    "sparse": Advice(
        (
            Suggestion("train",
                "Train it with a sparsity of 0, 0.1 and 1 and compare the share of zeros: part of it is "
                "there for nothing, from the ReLU."),
            Suggestion("interpolate", "Move one number at a time: each adds or takes away a piece of the picture."),
        ),
        (
            "Too small a charge changes nothing. Much too large a one kills units: they are 0 for every picture, and "
            "the error rises.",
            "There is a way round the charge: small activations and a decoder with large weights. Activity falls "
            "then, and as many units as before are on. Weight decay closes it.",
            "Sparse does not mean that each unit has a meaning of its own.",
        ),
    ),
    "sparse-kl": Advice(
        (
            Suggestion("train", "Train it with rho 0.02 and 0.3 and see how many units tell one picture."),
            Suggestion("interpolate", "Move one number from 0 to 1 and see what it draws."),
        ),
        (
            "Too weak a push: the mean activities go where they like. Compare them with rho.",
            "A unit that is at rho for every picture costs nothing and tells nothing: the charge sees only its mean.",
            "The mean is taken over a batch: over a few pictures it jumps about, so small batches blur the charge.",
        ),
    ),
    "top-k": Advice(
        (
            Suggestion("train", "Train it with k = 1, 8 and 32. With 1, a picture is told by a single unit."),
            Suggestion("draw", "Draw slowly and watch the answer jump when another unit gets among the k."),
        ),
        (
            "Units that are never among the k get no gradient and stay dead. Many are with a small k and many units.",
            "Between two pictures the units change over all at once: walks are not smooth.",
        ),
    ),
    "contractive": Advice(
        (
            Suggestion("train",
                "Train it with stiffness 0 and 1 and compare the encoder's stretch: the panel here gives "
                "the very number that is charged."),
            Suggestion("draw", "Add a dot to a drawing: the code should hardly move."),
        ),
        (
            "Too stiff, all codes are alike and every picture is the average one.",
            "It is stiff only around pictures like those it was trained on; far from them nothing was charged.",
            "Without tied weights the charge is no charge: the encoder shrinks, the decoder grows, and nothing is "
            "gained.",
        ),
    ),
    "stacked": Advice(
        (
            Suggestion("time_machine",
                "Play its training: the pictures make no sense until the innermost layer has learnt, "
                "and come right when all learn together."),
            Suggestion("runs", "Train a vanilla one with the same layout and epochs and compare: it is rarely worse."),
        ),
        (
            "Its stages share the epochs: with three layers the last one, all together, gets a quarter. Give it "
            "more.",
            "The losses of its stages cannot be compared: each measures another layer's own input.",
        ),
    ),
    "vae": Advice(
        (
            Suggestion("latent_explorer",
                "Drag the point through the middle of the map: there are few gaps, and most places "
                "draw something plausible."),
            Suggestion("train",
                "Train it with 2 and with 16 numbers: the pictures get sharper, and some numbers may stay "
                "unused."),
            Suggestion("train", "Train it once with **Reduction** set to *mean*: the KL wins, and every picture is the "
                "average one."),
        ),
        (
            "Blur: many pictures share each place, and the decoder draws their average. A larger code helps.",
            "Posterior collapse: numbers whose KL is near 0 tell nothing, and moving them changes nothing. It comes "
            "of a KL that is too dear beside the reconstruction, not only of a strong decoder.",
            "Not every draw from the prior is plausible: the clouds together never fill it quite.",
        ),
    ),
    "beta-vae": Advice(
        (
            Suggestion("gallery", "Move beta over the five gallery models, which differ in nothing else."),
            Suggestion("interpolate", "Move one number at a time and see whether it changes one thing only."),
            Suggestion("train",
                "Train the digits with beta 0.2, 1 and 4: at 4 the KL is gone, and every picture is the "
                "average one."),
        ),
        (
            "Too large a beta: the KL falls to 0 and every picture is the average one. Where that happens hangs on "
            "the number of pixels, so a beta from a paper on larger pictures means something else here.",
            "It does not promise that each number has a meaning. Whether it has can only be measured where the "
            "factors behind the pictures are known, as in the shapes.",
            "A warm-up helps near the edge of collapse and not beyond it; free bits keep each number alive.",
        ),
    ),
    "conditional-vae": Advice(
        (
            Suggestion("latent_explorer",
                "Keep the place and change **Draw codes as** in the sidebar: another digit, the same "
                "hand."),
            Suggestion("latent_map",
                "Look at the map: the classes should lie on top of each other, for the code need not "
                "tell them."),
        ),
        (
            "If another label draws the same thing, the code holds the class and the label is ignored.",
            "Without a label it tries them all and takes the one that gives the picture back best: that is a guess, "
            "and can be wrong.",
        ),
    ),
    "beta-tcvae": Advice(
        (
            Suggestion("interpolate",
                "Take one trained on shapes and move one number at a time: does one move the place, "
                "another the size?"),
            Suggestion("train", "Train the same with beta 1, which is a VAE, and compare the three parts of the KL."),
        ),
        (
            "Total correlation is estimated within a batch: noisy, and now and then below 0.",
            "Independent numbers need not be meaningful ones.",
            "Some numbers are given up altogether: their atoms are blank.",
        ),
    ),
    "info-vae": Advice(
        (
            Suggestion("latent_map",
                "Look at the map: the crowd should look like a normal, though single clouds need not."),
            Suggestion("train",
                "Train it with alpha 0, which charges the whole KL, and with alpha 1, which charges none."),
        ),
        (
            "With little charged for each cloud they shrink towards points: then it is a WAE, and looks at crowds "
            "only.",
            "MMD between two crowds of a few hundred is noisy, and more so in many dimensions: a small number there "
            "is no proof of a normal.",
        ),
    ),
    "wae": Advice(
        (
            Suggestion("latent_map",
                "Compare the map with that of a VAE: the crowd is normal here too, but pictures are "
                "points in it."),
            Suggestion("train", "Train it with pull 1 and 1000: without a pull it is a vanilla autoencoder."),
        ),
        (
            "Too weak a pull leaves gaps and odd shapes on the map, and draws from the prior fall into them.",
            "MMD compares crowds of one batch: with small batches, or many dimensions, it sees little.",
        ),
    ),
    "ladder-vae": Advice(
        (
            Suggestion("interpolate", "Move a number of the top level (the first ones), then one of the bottom level: "
                "compare how much of the picture each changes."),
            Suggestion("train", "Train it with warm-up 0 and 0.5 and see which level carries the KL."),
        ),
        (
            "One level may do all the work and the other go to sleep: its atoms are blank and its KL is 0.",
            "The levels need not divide the labour as hoped, whole above and details below.",
        ),
    ),
    "aae": Advice(
        (
            Suggestion("train", "Train it with a ring or a mixture as the prior and look at the map."),
            Suggestion("latent_map", "Look whether the crowd of codes has the prior's shape."),
        ),
        (
            "A critic that has won pays nearly nothing; its verdicts then hardly help the encoder, and the crowd "
            "keeps its own shape.",
            "A critic that can only guess pays 1.386: either the crowd fits, or the critic is too weak to see that "
            "it does not. Look at the map.",
            "The two keep circling each other: losses that go up and down are no fault.",
        ),
    ),
    "vq-vae": Advice(
        (
            Suggestion("train", "Train it with 8 and with 256 vectors and compare error and bits per picture."),
            Suggestion("interpolate", "Walk from one picture to another: it goes in steps, from vector to vector."),
        ),
        (
            "Vectors that nothing uses are dead: with **Revive** off and a large codebook many are. That is its "
            "collapse.",
            "New pictures are drawn slot by slot, each by its own habit: they fit together badly. A model of what "
            "slots have to do with each other would be needed.",
        ),
    ),
}  # fmt: skip

# kind of code -> for families without an entry of their own
BY_LATENT: dict[type, Advice] = {
    Latent: Advice(
        (
            Suggestion("latent_explorer",
                "Drag the point into the gaps between the dots and see what the decoder makes up."),
            Suggestion("reconstruct", "Compare its error with PCA of the same size."),
        ),
        (
            "Places where no picture lies need not decode to anything.",
        ),
    ),
    SparseLatent: Advice(
        (
            Suggestion("interpolate", "Move one number at a time and see what each adds to the picture."),
            Suggestion("reconstruct", "Compare its error with PCA of the same size."),
        ),
        (
            "Units that are the same for every picture are dead: they tell nothing.",
        ),
    ),
    GaussianLatent: Advice(
        (
            Suggestion("latent_explorer", "Drag the point through the middle of the map, where the prior is densest."),
            Suggestion("interpolate", "Move one number at a time: those that change nothing have collapsed."),
        ),
        (
            "Numbers whose KL is near 0 tell nothing of a picture (posterior collapse).",
            "Blur: each place draws the average of the pictures that share it.",
        ),
    ),
    LadderLatent: Advice(
        (
            Suggestion("interpolate", "Move a number of the top level, then one of the bottom level, and compare."),
        ),
        (
            "One level may do all the work and the other go to sleep.",
        ),
    ),
    Quantized: Advice(
        (
            Suggestion("interpolate", "Walk from one picture to another: it goes in steps, from vector to vector."),
        ),
        (
            "Vectors that nothing uses are dead, and the codebook is smaller than it looks.",
        ),
    ),
}  # fmt: skip


def advice(family: str, latent_type: type[Latent]) -> Advice:
    """What to say of a model of this family, or else of this kind of code."""
    return BY_FAMILY.get(family) or next(BY_LATENT[each] for each in latent_type.__mro__ if each in BY_LATENT)
