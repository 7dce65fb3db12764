"""What people read in place of a choice's stored value."""

from __future__ import annotations

from aecore.data.cards import CARDS

CHOICE_LABELS = {
    "mlp": "MLP",
    "conv": "Convolutional",
    "conv-pool": "Convolutional, pooling",
    "conv-spatial": "Convolutional, spatial code",
    "tcn": "TCN",
    "gru": "GRU",
    "tabular": "Tabular",
    "relu": "ReLU",
    "leaky-relu": "Leaky ReLU",
    "elu": "ELU",
    "silu": "SiLU",
    "tanh": "tanh",
    "sigmoid": "Sigmoid",
    "linear": "Linear",
    "bernoulli": "Bernoulli",
    "gaussian": "Gaussian",
    "laplace": "Laplace",
    "ssim": "SSIM",
    "per-column": "Per column",
    "adam": "Adam",
    "rmsprop": "RMSprop",
    "sgd": "SGD",
    "uniform": "Uniform",
    "he": "He",
    "glorot": "Glorot",
    "zeros": "Zeros",
    "one-cycle": "One-cycle",
    "constant": "Constant",
    "sum": "Sum",
    "mean": "Mean",
    "none": "None",
    "masking": "Masking",
    "salt-and-pepper": "Salt and pepper",
    "dropout": "Dropout",
    "ring": "Ring",
    "mixture": "Mixture",
    "square": "Square",
    "mixed": "Mixed",
    "flow": "Flow",
    "diffusion": "Diffusion",
    "autoregressive": "Autoregressive",
    "planar": "Planar",
    "iaf": "IAF",
    "vq": "VQ",
    "vq-ema": "VQ-EMA",
    "simvq": "SimVQ",
    "fsq": "FSQ",
    "lfq": "LFQ",
    "hidden": "Hidden patches",
    "all": "All values",
}


def dataset_title(dataset: str) -> str:
    """The title of a data set; its name where it was deleted."""
    card = CARDS.get(dataset)
    return card.title if card else dataset


def short_title(dataset: str) -> str:
    """The same without what follows its colon."""
    return dataset_title(dataset).split(":")[0]


def choice_label(value: object) -> str:
    """The label of a choice; what has none is shown as it is stored."""
    return CHOICE_LABELS.get(str(value), str(value))
