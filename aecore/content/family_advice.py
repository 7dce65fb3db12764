"""Advice by family: what to try with its models, what goes wrong with them and how one sees it."""

from __future__ import annotations

from dataclasses import dataclass


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
    "sparse": Advice(
        (
            Suggestion("train",
                "Train it with an L1 weight of 0, 0.1 and 1 and compare the share of zeros: part of it is "
                "there for nothing, from the ReLU."),
            Suggestion("interpolate", "Move one dimension at a time: each adds or takes away a piece of the image."),
        ),
        (
            "Too small a weight changes nothing. Much too large a one kills units: they are 0 for every image, and "
            "the error rises.",
            "There is a way round the penalty: small activations and a decoder with large weights. Activity falls "
            "then, and as many units as before are on. Weight decay closes it.",
            "Sparse does not mean that each unit has a meaning of its own.",
        ),
    ),
    "sparse-kl": Advice(
        (
            Suggestion("train", "Train it with rho 0.02 and 0.3 and see how many units tell one image."),
            Suggestion("interpolate", "Move one dimension from 0 to 1 and see what it draws."),
        ),
        (
            "Too small a weight: the mean activities go where they like. Compare them with rho.",
            "A unit that is at rho for every image costs nothing and tells nothing: the penalty sees only its mean.",
            "The mean is taken over a batch: over a few images it jumps about, so small batches blur the penalty.",
        ),
    ),
    "top-k": Advice(
        (
            Suggestion("train", "Train it with k = 1, 8 and 32. With 1, an image is told by a single unit."),
            Suggestion("draw", "Draw slowly and watch the answer jump when another unit gets among the k."),
        ),
        (
            "Units that are never among the k get no gradient and stay dead. Many are with a small k and many units.",
            "Between two images the units change over all at once: walks are not smooth.",
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
    "vq-vae": Advice(
        (
            Suggestion("train",
                "Train it with a codebook of 8 and of 256 entries and compare error and bits per image."),
            Suggestion("interpolate", "Walk from one image to another: it goes in steps, from entry to entry."),
        ),
        (
            "Codebook entries that nothing uses are dead: with **Reset dead codes** off and a large codebook many "
            "are. That is its collapse.",
            "New images are drawn position by position, each by its own habit: they fit together badly. A model of "
            "what positions have to do with each other would be needed.",
        ),
    ),
    # adversarial and energy-based
    "wae-gan": Advice(
        (
            Suggestion("latent_map",
                "Compare the map with that of an AAE: the price of the prior is ten times as high, and the gradient "
                "penalty is what lets the game come to rest at it."),
            Suggestion("train",
                "Train it with the square as the prior, which no VAE can fill, and look at the edges of the map."),
        ),
        (
            "With a larger penalty weight the images go first: on digits an error of 0.031 at 10 (the AAE: 0.036, "
            "seed 0).",
            "The MMD has no game to lose: where a normal will do, the WAE with MMD trains in half the time and never "
            "swings.",
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
            "are right (three seeds), and k-means on the pixels has as many.",
            "A cluster may stay empty while another holds two classes; another seed shares them out differently.",
            "Too large a style can draw everything, and the clusters then mean nothing.",
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
    "energy-based": Advice(
        (
            Suggestion("model_inspector",
                "Look at the panel *Samples*: draws from the prior are codes of the generator's images, decoded."),
            Suggestion("train", "Train it with margin 0, a vanilla autoencoder with a generator that nobody pushes."),
        ),
        (
            "The generator may make a few kinds of images only: on digits its samples cover about half of what "
            "reconstructions cover.",
            "A mixture fitted to the codes of a vanilla autoencoder draws more kinds of images, without a game.",
            "Above the margin nothing is pushed: energy says how unlike the data an image is, not how probable.",
        ),
    ),
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
            "error. Its loss is what tells odd samples.",
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
            "With few samples the KL of the weights is dear and the model simple. On digits with 2 dimensions the error "
            "is 0.035 with a weight of 0.1 and 0.045 with 1; on iris, 90 rows, 1 leaves nothing but the mean.",
            "Early stopping, or weight decay, holds back as well and costs nothing.",
            "Only fully connected layers are distributions; convolutions stay as they are.",
        ),
    ),
    "semi-supervised-vae": Advice(
        (
            Suggestion("train", "Train it with 1, 10 and 100 labels per class, and see which accuracy **Classification** "
                "on *Inside the model* finds beside logistic regression on the same labels."),
            Suggestion("interpolate", "Decode one code under every class: the style stays, as with a conditional VAE."),
        ),
        (
            "A sample without a label is decoded under every class: training takes many times as long as that of a "
            "VAE, ever more with more classes.",
            "ADVICE_M2",
            "Too large a classification weight learns the few labels by heart: the classification loss then rises on "
            "held-out samples.",
        ),
    ),
    "ladder-network": Advice(
        (
            Suggestion("train", "Train it with 10 labels per class and a denoising weight of 0 and of 1: what samples "
                "without a label add."),
            Suggestion("train", "Train it with layer noise 0, 0.3 and 1 and compare **Classification** on *Inside the "
                "model*."),
        ),
        (
            "ADVICE_LADDER",
            "It is a classifier first: the code is one of its layers, and the decoder that gives images back is not the "
            "one that cleans layers.",
            "The accuracy in training is that of the noisy path; a finished model is asked without noise.",
        ),
    ),
    "domain-adversarial": Advice(
        (
            Suggestion("train", "Train it with reversal weights 0 and 1, and compare the accuracy on inverted samples "
                "under **Classification** on *Inside the model*."),
            Suggestion("latent_map", "Look at the map with weights 0 and 1: whether codes of classes still lie apart."),
        ),
        (
            "ADVICE_DOMAIN",
            "Codes of both domains on one place do not say that classes lie on classes: nothing in the loss knows which "
            "belong together.",
            "Whoever may invert training samples should do so, labels included: that is simpler and nearly perfect.",
        ),
    ),
    "contrastive": Advice(
        (
            Suggestion("latent_map", "Compare the map with that of a vanilla autoencoder: views of an image, and images "
                "like it, are drawn together."),
            Suggestion("train", "Train it with contrastive weights 0, 10 and 100, and compare kNN accuracy and error."),
        ),
        (
            "ADVICE_CONTRASTIVE",
            "Augmentations decide what codes leave out: where the place of a thing matters, views that are moved do "
            "harm.",
            "The loss compares the images of one batch: with small batches there is little to be told apart from.",
        ),
    ),
}  # fmt: skip
