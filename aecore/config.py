"""Config: one run said completely. Its hash names the run, so nothing is trained twice."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from aecore.errors import UserError
from aecore.params import ParamInfo, ParamValue, params_of, resolve

# Raise when the same settings begin to give other weights: old runs are then no longer reused.
VERSION = 2

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


@dataclass(frozen=True)
class Config:
    """Everything that changes the weights of a run, and nothing else; its hash is the run's id.

    Parameters
    ----------
    dataset, family, network, activation, likelihood, schedule, optimiser, initialisation, precision, reduction
        Names; `aecore.resolve_config` refuses an unknown one and names those that there are.
    parent
        Id of the run that this one goes on from.

    Notes
    -----
    The other fields are numbers, whose meaning and range stand in their annotations; `python -m aecore train --help`
    lists them.

    Examples
    --------
    >>> from aecore import Config
    >>> Config(family="vanilla", seed=1).seed
    1
    >>> Config().id == Config(epochs=60).id != Config(epochs=61).id
    True
    """

    dataset: str = "digits"
    family: str = "vae"
    network: NetworkName = "mlp"
    hidden_sizes: HiddenSizes = (128, 64)
    latent_dim: LatentDim = 2
    activation: Activation = "relu"
    likelihood: OutputLikelihood = "bernoulli"
    epochs: Epochs = 60
    batch_size: BatchSize = 128
    lr: LearningRate = 0.004
    schedule: Schedule = "one-cycle"
    optimiser: Optimiser = "adam"
    initialisation: Initialisation = "uniform"
    weight_decay: WeightDecay = 0.0
    dropout: Dropout = 0.0
    grad_clip_norm: GradClipNorm = 0.0
    patience: Patience = 0
    precision: Precision = "float32"
    train_size: TrainSize = 0
    reduction: Reduction = "sum"
    pixel_range: PixelRange = "0 to 1"
    decoder_sizes: DecoderSizes = ()
    batch_norm: BatchNormalisation = False
    teacher_forcing: TeacherForcing = 0.0
    normal: NormalClasses = ()
    contamination: Contamination = 0.0
    seed: Seed = 0
    params: Mapping[str, ParamValue] = field(default_factory=dict)  # the family's own
    parent: str | None = None  # the run that this one goes on from
    version: int = VERSION

    @property
    def id(self) -> str:
        """A name that says the kind and ends in a hash of every setting: `vae-digits-2d-1f0c3a9e`."""
        # Settings at their defaults are left out, so that a setting added later leaves old names alone.
        # Whoever changes a default raises VERSION.
        usual = Config(version=0).to_json()
        said = {name: value for name, value in self.to_json().items() if value != usual[name]}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return f"{self.family}-{self.dataset}-{self.latent_dim}d-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def summary(self) -> str:
        """The run in a few words: `vae, digits, 2-D, mlp 128-64`."""
        widths = "-".join(map(str, self.hidden_sizes))
        return f"{self.family}, {self.dataset}, {self.latent_dim}-D, {self.network} {widths}".rstrip()

    def validated(self) -> Config:
        """The same Config, every value in its own type and range; a UserError says what would fit."""
        own = {param.name for param in params_of(Config)}
        checked: dict[str, Any] = resolve(Config, {n: v for n, v in vars(self).items() if n in own})
        return dataclasses.replace(self, **checked)

    def to_json(self) -> dict[str, Any]:
        said = dataclasses.asdict(self)
        lists = {name: list(value) for name, value in said.items() if isinstance(value, tuple)}
        return said | lists | {"params": dict(self.params)}

    @classmethod
    def from_json(cls, values: Any) -> Config:
        """Back from `to_json`; a UserError when it is not a Config."""
        names = {each.name for each in dataclasses.fields(cls)}
        if not isinstance(values, dict) or not set(values) <= names or not isinstance(values.get("params", {}), dict):
            raise UserError("The settings are not those of a run; they were written by another program or version.")
        return cls(**values).validated()


def diff(configs: Sequence[Config]) -> dict[str, list[ParamValue | None]]:
    """The settings in which Configs differ, each with its value in every one; None where one has no such setting."""
    flat = [{**each.to_json(), **each.params} for each in configs]
    names = dict.fromkeys(name for each in flat for name in each if name not in ("params", "version"))
    rows = {name: [each.get(name) for each in flat] for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
