"""What people read in place of a choice's stored value."""

from __future__ import annotations

CHOICE_LABELS = {
    "mlp": "MLP",
    "conv": "Convolutional",
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
}


def choice_label(value: object) -> str:
    """The label of a choice; what has none is shown as it is stored."""
    return CHOICE_LABELS.get(str(value), str(value))
