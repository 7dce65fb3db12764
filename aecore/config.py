"""Config: one run said completely. Its hash names the run, so nothing is trained twice."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aecore.config_fields import (
    Activation,
    BatchNormalisation,
    BatchSize,
    Contamination,
    DecoderSizes,
    Dropout,
    Epochs,
    GradClipNorm,
    HiddenSizes,
    Initialisation,
    LabelsPerClass,
    LatentDim,
    LearnedPrior,
    LearningRate,
    NetworkName,
    NormalClasses,
    Optimiser,
    OutputLikelihood,
    Patience,
    PixelRange,
    Precision,
    Reduction,
    Schedule,
    Seed,
    TeacherForcing,
    TrainSize,
    WeightDecay,
)
from aecore.errors import UserError
from aecore.params import ParamValue, params_of, resolve

# Raise when the same settings begin to give other weights: old runs are then no longer reused.
VERSION = 2

# Settings that families were given after people had runs of them, each with the value at which a run is what it was
# without: so an id leaves it out.
ADDED_PARAMS: Mapping[str, Mapping[str, ParamValue]] = {
    "vq-vae": {"quantizer": "vq-ema", "entropy_weight": 0.1},
    "top-k": {"auxiliary_weight": 0.0},
    "wae": {"prior": "gaussian"},
}


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
    labels_per_class: LabelsPerClass = 0
    learned_prior: LearnedPrior = "none"
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
        added = ADDED_PARAMS.get(self.family, {})
        params = {name: value for name, value in self.params.items() if added.get(name) != value}
        said = {name: value for name, value in (self.to_json() | {"params": params}).items() if value != usual[name]}
        text = json.dumps(said, sort_keys=True, separators=(",", ":"))
        return f"{self.family}-{self.dataset}-{self.latent_dim}d-{hashlib.sha256(text.encode()).hexdigest()[:8]}"

    @property
    def total_epochs(self) -> int:
        """Epochs of the model, and as many again of a learned prior where there is one."""
        return total_epochs(self.epochs, self.learned_prior)

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


def total_epochs(epochs: int, learned_prior: str) -> int:
    """Epochs of a training: those of the model, and as many again of a learned prior, which may be "none"."""
    return epochs * (1 if learned_prior == "none" else 2)


def diff(configs: Sequence[Config]) -> dict[str, list[ParamValue | None]]:
    """The settings in which Configs differ, each with its value in every one; None where one has no such setting."""
    flat = [{**each.to_json(), **each.params} for each in configs]
    names = dict.fromkeys(name for each in flat for name in each if name not in ("params", "version"))
    rows = {name: [each.get(name) for each in flat] for name in names}
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}
