"""Terms of the glossary: training, its settings, and its splits of the data."""

from __future__ import annotations

from aecore.content.glossary_terms.term import Term

TERMS = (
    Term(
        id="batch-size",
        term="Batch size",
        text="How many images a step of the optimiser looks at before it moves the weights. A larger batch gives a "
        "less noisy gradient and fewer steps per epoch, so the learning rate often has to change with it.",
        labels=("batch", "minibatch", "batches"),
        symbol=r"B",
        see_also=("epoch", "learning-rate"),
    ),
    Term(
        id="checkpoint",
        term="Checkpoint",
        text="A file with all that a training needs to go on: weights, state of the optimiser, random state, and "
        "place in the data. Weights alone are enough to use a model, not to continue its training as if nothing had "
        "happened.",
        labels=("checkpoints",),
        see_also=("seed", "optimiser"),
    ),
    Term(
        id="dropout",
        term="Dropout",
        text="Setting a random share p of units to 0 in each training step, and multiplying the others by 1 / (1 - p) "
        "so that the mean stays; in use nothing is dropped. On an input it is therefore not quite masking: at p = 0.5 "
        "a white pixel becomes 0 or 2.",
        labels=("drop-out",),
        symbol=r"p",
        see_also=("overfitting", "corruption-level"),
        source="Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov 2014",
    ),
    Term(
        id="early-stopping",
        term="Early stopping",
        text="Ending a training when the validation loss has not improved for a set number of epochs (the patience), "
        "and keeping the weights of the best epoch. It uses the validation set to choose, so only the test set still "
        "gives an unbiased error.",
        labels=("early-stopping patience", "patience"),
        see_also=("validation-set", "overfitting"),
        source="Prechelt 1998",
    ),
    Term(
        id="epoch",
        term="Epoch",
        text="One pass over the training set, in a new random order. 55,000 images in batches of 128 are 430 steps of "
        "the optimiser.",
        labels=("epochs",),
        see_also=("batch-size", "early-stopping"),
    ),
    Term(
        id="floating-point-precision",
        term="Floating-point precision",
        text="How many bits a number is computed with: float32 keeps about 7 decimal digits, bfloat16 between 2 and 3 "
        "over the same range of sizes. Half the bits make matrix products faster where the chip supports them; "
        "weights and sums are still kept in float32.",
        labels=("float32", "bfloat16", "half precision", "mixed precision"),
        see_also=("checkpoint",),
        source="Micikevicius et al. 2018; Kalamkar et al. 2019",
    ),
    Term(
        id="generalisation-gap",
        term="Generalisation gap",
        text="How much worse the loss is on images that a model was not trained on than on its training images. The "
        "doctor states it as a share of what was learnt in training, in nats, and calls more than 7.5 % overfitting.",
        labels=("generalization gap",),
        see_also=("overfitting", "validation-set"),
    ),
    Term(
        id="gradient-clipping",
        term="Gradient clipping",
        text="Shortening a gradient to a largest norm before the step, while its direction stays. It prevents single "
        "huge steps, but a training that is clipped in every step has too large a learning rate or too small a limit.",
        labels=("gradient norm clip", "clipping"),
        see_also=("gradient-norm", "learning-rate"),
        source="Pascanu, Mikolov & Bengio 2013",
    ),
    Term(
        id="gradient-norm",
        term="Gradient norm",
        text="The length of the vector of all derivatives of the loss by the weights, a measure of how steep the loss "
        "is. It need not fall to 0 in training; a sudden rise by a factor of ten is a sign of steps that are too "
        "large.",
        labels=("gradient", "gradients"),
        symbol=r"\lVert \nabla_\theta L \rVert_2",
        see_also=("gradient-clipping", "learning-rate"),
    ),
    Term(
        id="learning-rate",
        term="Learning rate",
        text="The factor between gradient and step; with a schedule, its peak. Too large a rate makes the loss jump "
        "or end in NaN, too small a one leaves the training unfinished; it is tried in factors of 3 or 10, not in "
        "small differences.",
        labels=("lr", "learning rates"),
        symbol=r"\eta",
        see_also=("learning-rate-schedule", "optimiser"),
    ),
    Term(
        id="learning-rate-schedule",
        term="Learning-rate schedule",
        text="How the learning rate changes during training. One-cycle rises from 1/25 of the peak over the first 30 "
        "% of the steps and falls to almost 0 over the rest; constant never changes.",
        labels=("schedule", "one-cycle"),
        symbol=r"\eta(t)",
        see_also=("learning-rate",),
        source="Smith & Topin 2017",
    ),
    Term(
        id="loss-reduction",
        term="Loss reduction",
        text="Whether the reconstruction loss is summed over the pixels of an image or averaged. The sum belongs to "
        "the ELBO; with the mean over 784 pixels every other term weighs 784 times as much, and a VAE collapses.",
        labels=("reduction", "mean reduction", "sum reduction"),
        see_also=("kl-weight", "posterior-collapse", "reconstruction-loss"),
    ),
    Term(
        id="optimiser",
        term="Optimiser",
        text="The rule that turns gradients into steps. Adam and RMSprop scale each weight's step by the recent size "
        "of its gradient, while SGD with momentum does not and is more delicate about the learning rate.",
        labels=("optimizer", "Adam", "AdamW", "RMSprop", "SGD"),
        see_also=("learning-rate", "weight-decay"),
        source="Kingma & Ba 2015",
    ),
    Term(
        id="overfitting",
        term="Overfitting",
        text="Learning particulars of the training images that do not hold for others: the training loss falls while "
        "the validation loss rises. More images, fewer epochs, a smaller code or more regularisation help; a larger "
        "latent dimension does the opposite.",
        labels=("overfit", "overfits"),
        see_also=("generalisation-gap", "underfitting", "early-stopping"),
    ),
    Term(
        id="seed",
        term="Seed",
        text="The number from which all random numbers start: weights, order of the images, noise. The same seed and "
        "settings give the same weights on one machine with as many threads; a difference smaller than that between "
        "two seeds proves nothing.",
        labels=("random seed", "seeds"),
        see_also=("weight-initialisation", "checkpoint"),
    ),
    Term(
        id="test-set",
        term="Test set",
        text="Images used neither for training nor for any choice, on which final numbers are measured. Once a "
        "setting has been chosen by its test error, that error is too optimistic.",
        labels=("test images", "test data", "test image index"),
        see_also=("validation-set", "training-set"),
    ),
    Term(
        id="training-set",
        term="Training set",
        text="The images whose loss is minimised. A small one (100 images) is easily learnt by heart, so that the gap "
        "to the validation loss becomes visible within a minute.",
        labels=("training images", "training-set size", "training data"),
        see_also=("validation-set", "overfitting"),
    ),
    Term(
        id="underfitting",
        term="Underfitting",
        text="A loss that stays high on training images too: the network is too small, not trained long enough, or "
        "regularised too strongly. A sure sign is a reconstruction worse than that of PCA with as many dimensions.",
        labels=("underfit",),
        see_also=("overfitting", "principal-component-analysis"),
    ),
    Term(
        id="validation-set",
        term="Validation set",
        text="Images kept out of training, by which choices are made: when to stop, which setting to prefer. Curves "
        "show its loss; since it was used to choose, final numbers come from the test set.",
        labels=("validation", "validation images", "validation loss"),
        see_also=("test-set", "early-stopping"),
    ),
    Term(
        id="weight-decay",
        term="Weight decay",
        text="Shrinking all weights by a small share in every step. With plain SGD it equals an L2 penalty on the "
        "weights; with Adam the two differ, and AdamW decays the weights directly.",
        labels=("L2 regularisation",),
        symbol=r"\lambda",
        see_also=("optimiser", "overfitting"),
        source="Loshchilov & Hutter 2019",
    ),
    Term(
        id="weight-initialisation",
        term="Weight initialisation",
        text="The random weights before the first step, scaled so that signals neither die nor explode: variance 2 / "
        "fan-in for ReLU (He), 2 / (fan-in + fan-out) for nearly linear units (Glorot). Equal weights do not work: "
        "units that start alike get the same gradient and stay alike.",
        labels=("initialisation", "initialization", "He initialisation", "Glorot", "Xavier", "identical units"),
        see_also=("seed", "activation-function"),
        source="Glorot & Bengio 2010; He, Zhang, Ren & Sun 2015",
    ),
)
