"""The settings of every run: for each its type, its range, and a sentence for people."""

from __future__ import annotations

from typing import Annotated, Literal

from aecore.params import ParamInfo

LatentDim = Annotated[
    int,
    ParamInfo(
        "The number of dimensions of the code that each image is compressed to.",
        1,
        4096,
        1,
        label="Latent dimension",
        symbol="D",
    ),
]
HiddenSizes = Annotated[
    tuple[int, ...],
    ParamInfo(
        "Units of the encoder's hidden layers (mlp, tabular, gru) or channels of its halving layers (conv, conv-pool, "
        "tcn), comma-separated; the decoder mirrors them.",
        1,
        4096,
        label="Hidden layers (units or channels)",
    ),
]
DecoderSizes = Annotated[
    tuple[int, ...],
    ParamInfo(
        "Units or channels of the decoder's hidden layers, from the code on, comma-separated. Empty: the encoder's, "
        "mirrored.",
        1,
        4096,
        label="Decoder layers",
        zero="mirrored",
    ),
]
BatchNormalisation = Annotated[
    bool,
    ParamInfo(
        "Standardises what every hidden layer says over the batch; in use with means kept from training.",
        label="Batch normalisation",
    ),
]
TeacherForcing = Annotated[
    float,
    ParamInfo(
        "For gru: the share of moments at which the decoder is given the true value before, not the one that it wrote, "
        "while it trains. In use it always goes on from its own.",
        0,
        1,
        0.05,
        label="Teacher forcing",
    ),
]
Epochs = Annotated[int, ParamInfo("How many passes are made over the training set.", 1, 1000, 1)]
BatchSize = Annotated[
    int, ParamInfo("Samples in each step; larger is faster and takes fewer steps.", 1, 8192, 1, symbol="B")
]
LearningRate = Annotated[
    float,
    ParamInfo(
        "Size of the optimiser's steps; for one-cycle its peak.",
        1e-6,
        10,
        label="Learning rate",
        log=True,
        symbol=r"\eta",
    ),
]
Seed = Annotated[int, ParamInfo("Same seed and settings, same weights (on one machine).", 0, 2**31 - 1, 1)]
NetworkName = Annotated[
    Literal["mlp", "conv", "conv-pool", "conv-spatial", "tcn", "gru", "tabular"],
    ParamInfo(
        "mlp: every value to every unit. conv: small filters slid over the image, halving it at each layer; conv-pool: "
        "halved by max-pooling; conv-spatial: so too, and the smallest map is the code. tcn: filters slid along time. "
        "gru: recurrent, reads and writes moment by moment. tabular: categories are embedded.",
    ),
]
Activation = Annotated[
    Literal["relu", "leaky-relu", "elu", "silu", "tanh", "sigmoid"], ParamInfo("The nonlinearity between layers.")
]
OutputLikelihood = Annotated[
    Literal["bernoulli", "gaussian", "laplace", "ssim", "per-column"],
    ParamInfo(
        "bernoulli: binary cross-entropy (BCE). gaussian: squared error (MSE). laplace: absolute error (MAE). "
        "ssim, for images: structural dissimilarity, no density. "
        "per-column, for tables: each column by its kind, with a scale that is learnt.",
        label="Output likelihood",
        symbol=r"p(x \mid z)",
    ),
]
Optimiser = Annotated[
    Literal["adam", "rmsprop", "sgd"],
    ParamInfo("How steps are made of gradients. sgd (with momentum 0.9) is more delicate about the learning rate."),
]
Initialisation = Annotated[
    Literal["uniform", "he", "glorot", "zeros"],
    ParamInfo(
        "The weights before training. zeros: all units of a layer stay identical: see what they learn.",
        label="Weight initialisation",
    ),
]
WeightDecay = Annotated[
    float,
    ParamInfo(
        "Pulls all weights towards zero at every step.",
        0,
        1,
        1e-6,
        label="Weight decay",
        log=True,
        symbol=r"\lambda",
    ),
]
Dropout = Annotated[
    float, ParamInfo("Share of hidden units set to zero at random in training.", 0, 0.9, 0.05, symbol="p")
]
GradClipNorm = Annotated[
    float,
    ParamInfo(
        "The largest gradient norm; longer gradients are scaled down to it. Empty (0): no limit.",
        0,
        1000,
        1,
        label="Gradient norm clip",
        zero="no limit",
    ),
]
Patience = Annotated[
    int,
    ParamInfo(
        "Stops after so many epochs without a better validation loss and keeps the best weights. Empty (0): never.",
        0,
        100,
        1,
        label="Early-stopping patience",
        zero="never",
    ),
]
Schedule = Annotated[
    Literal["one-cycle", "constant"],
    ParamInfo(
        "one-cycle: the rate rises and falls once, which gets further in few epochs (Smith & Topin 2017).",
        label="Learning-rate schedule",
        symbol=r"\eta(t)",
        paper="1cycle policy",
    ),
]
TrainSize = Annotated[
    int,
    ParamInfo(
        "How many of the training images are used. Empty (0): all.",
        0,
        100_000,
        1,
        label="Training-set size",
        symbol="N",
        zero="all",
    ),
]
NormalClasses = Annotated[
    tuple[int, ...],
    ParamInfo(
        "For anomaly detection: the classes, by number, that count as normal. Only these train and validate; the test "
        "set keeps all. Empty: all classes.",
        0,
        9999,
        label="Normal classes",
        zero="all",
        paper="one-class classification",
    ),
]
Contamination = Annotated[
    float,
    ParamInfo(
        "Share of the training set that is left to samples of the other classes, on purpose: what anomalies do that "
        "nobody knew of. Validation stays without them.",
        0,
        0.5,
        0.01,
    ),
]
LabelsPerClass = Annotated[
    int,
    ParamInfo(
        "How many training samples of each class keep their label, for families that learn from labels; the others are "
        "learned from without. Empty (0): all.",
        0,
        100_000,
        1,
        label="Labels per class",
        zero="all",
        paper="semi-supervised learning",
    ),
]
LearnedPrior = Annotated[
    Literal["none", "mixture", "flow", "diffusion", "autoregressive"],
    ParamInfo(
        "What is fitted to the codes once the model is trained, for as many epochs again, and drawn from. mixture: "
        "ten Gaussians. flow: RealNVP. diffusion: a denoiser of codes. autoregressive: position by position, for "
        "codebooks. The model's own weights stay the same.",
        label="Learned prior",
        symbol=r"p_\psi(z)",
        paper="ex-post density estimation",
    ),
]
Reduction = Annotated[
    Literal["sum", "mean"],
    ParamInfo(
        "How the reconstruction is added up over an image's pixels. mean: a lesson: beside it a KL, or any other "
        "penalty, weighs as many times more as there are pixels.",
        label="Loss reduction",
    ),
]
PixelRange = Annotated[
    Literal["0 to 1", "0 to 255", "-1 to 1"],
    ParamInfo(
        "What the loss takes black and white for. 0 to 255, as files have them: a lesson: bernoulli cannot say these. "
        "-1 to 1: outputs pass a tanh; for gaussian and laplace.",
        label="Pixel range",
    ),
]
Precision = Annotated[
    Literal["float32", "bfloat16", "auto"],
    ParamInfo(
        "bfloat16: half the bits in matrix products, about twice as fast where the chip has it; auto: only there."
    ),
]
