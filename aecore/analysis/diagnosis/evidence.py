"""A case for the doctor: what is known of a run, where trouble begins, and what a finding says.

What settings and parts of a loss mean is asked of the run's family, with which torch comes; nothing else here needs it.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from aecore.analysis.diagnosis.thresholds import THRESHOLDS
from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models import loss_terms, presets
from aecore.models.failure_modes import FailureMode
from aecore.models.loss_terms import RECONSTRUCTION, Params
from aecore.params import ParamValue, params_of

if TYPE_CHECKING:
    from aecore.models.families.registry import Family


@dataclass(frozen=True)
class Finding:
    """One trouble: its name, a sentence with its number, what it means, and the settings that cure it."""

    name: FailureMode
    message: str
    meaning: str
    fix: Mapping[str, ParamValue]  # settings of a run, parameters of its family; `family` where another is the cure
    advice: str = ""  # what to do where no setting does it, or besides

    @property
    def fix_text(self) -> str:
        """The cure in words: `learning rate 0.004, gradient clipping 1`."""
        labels = {param.name: param.label.lower() for param in params_of(Config)}
        named = {labels.get(name, name.replace("_", " ")): value for name, value in self.fix.items()}
        return ", ".join(f"{name} {_format_value(value)}" for name, value in named.items())


@dataclass(frozen=True)
class Evidence:
    """What is known of a run: its settings, its epochs so far and, when it is finished, its checkup."""

    config: Config
    history: Sequence[Mapping[str, Any]] = ()  # as history.history gives it
    checkup: Mapping[str, Any] = field(default_factory=dict)  # as checkup.examined gives it
    diverged: bool = False

    @cached_property
    def signals(self) -> Mapping[str, Any]:
        """The latest there are, as signals.py notes them; empty before the first epoch's end."""
        return self.checkup or next((line["signals"] for line in self.history[::-1] if line.get("signals")), {})

    @property
    def too_early(self) -> bool:
        """Whether what is not there yet may still come."""
        return not self.checkup and len(self.history) < THRESHOLDS["min_progress"].value * self.config.epochs

    @property
    def code(self) -> Mapping[str, list[float]]:
        """What is known of the code: which names there are says of what kind it is."""
        code: Mapping[str, list[float]] = self.signals.get("code", {})
        return code

    @property
    def loss_terms(self) -> Mapping[str, float]:
        """The parts of the model's validation loss, the latest."""
        said = self.checkup.get("validation") or (self.history[-1]["validation"] if self.history else {})
        return {name: nats for name, nats in said.items() if name != loss_terms.LEARNED_PRIOR}

    @property
    def n_pixels(self) -> int:
        return math.prod(CARDS[self.config.dataset].shape)

    @property
    def default_config(self) -> Config:
        """Settings that suit the data set, the network and the family."""
        start = presets.default_config(self.config.dataset, self.config.network, **self.family.defaults)
        return dataclasses.replace(start, **self.family.fixed)

    @cached_property
    def family(self) -> Family:
        from aecore.models.families.registry import get_family

        return get_family(self.config.family)

    @cached_property
    def params(self) -> Params:
        """The settings of the family, all of them."""
        return self.family.resolve_params(self.config.params)

    @property
    def kl_weight(self) -> float:
        """What a nat of KL costs against a nat of the image; 0 where nothing is charged for it."""
        return self.family.kl_weight(self.params) * (self.n_pixels if self.config.reduction == "mean" else 1)

    @property
    def reconstruction_only(self) -> bool:
        """Whether nothing but the reconstruction of what it is shown was asked for."""
        return set(self.loss_terms) == {RECONSTRUCTION} and not self.family.corruption

    @property
    def discriminator_losses(self) -> dict[str, float]:
        """Nats that each discriminator of the family is wrong by, by the name of its part of the loss."""
        named = (name for name, part in self.family.loss_terms.items() if part.term in loss_terms.DISCRIMINATORS)
        return {name: self.loss_terms[name] for name in named if name in self.loss_terms}

    @property
    def term_weights(self) -> dict[str, tuple[float, float]]:
        """The settings that weigh a part of the loss: the value of each here, and the family's own default."""
        own = {param.name: param.default for param in self.family.params}
        named = (part.weight_param for part in self.family.loss_terms.values() if part.weight_param)
        return {name: (loss_terms.as_float(self.params[name]), float(own[name])) for name in named}

    def fix_for(self, trouble: FailureMode, fallback: Mapping[str, ParamValue]) -> Mapping[str, ParamValue]:
        """The settings by which the run's family cures a trouble, or `fallback` where it names none that are not set so
        already."""
        own = self.family.fixes.get(trouble, {})
        return own if any(self.params.get(name) != value for name, value in own.items()) else fallback

    @property
    def active_dimensions(self) -> int:
        """Numbers of a Gaussian code whose mean moves."""
        return sum(sd**2 > THRESHOLDS["active_variance"].value for sd in self.code["std"])

    @property
    def kl(self) -> float:
        return sum(self.code["kl"])

    @property
    def collapsed(self) -> bool:
        return "kl" in self.code and (self.active_dimensions == 0 or self.kl < THRESHOLDS["collapsed_kl"].value)

    @property
    def code_size(self) -> int:
        """How many numbers a code has; runs of before it was noted had one for each of their latent size."""
        return int(self.checkup.get("code_size", self.config.latent_dim))

    @property
    def outliers(self) -> Mapping[str, int]:
        """Outliers among training and validation images, as checkup.outliers counts them; empty for runs of before they
        were counted."""
        counts: Mapping[str, int] = self.checkup.get("outliers", {})
        return counts

    @property
    def r2(self) -> float:
        """Share of the images' variance that comes back; below 0, the mean image would do better.
        Its errors and PCA's are of the same images, clipped alike, and both are fitted to all that the run learnt
        from."""
        return 1 - float(self.checkup["mse"]) / float(self.checkup["mean_baseline_mse"])

    @property
    def pca_r2(self) -> float:
        """The share that PCA with as many numbers gives back."""
        return 1 - float(self.checkup["pca_mse"]) / float(self.checkup["mean_baseline_mse"])

    @property
    def generalisation_gap(self) -> float:
        """Share of what was learnt of training images that is missing on others, over the last three epochs; 0 where
        little was learnt yet."""
        blank, last = self.signals.get("constant_output_nll", 0.0), self.history[-3:]
        pairs = [[line[split].get(RECONSTRUCTION, blank) for split in ("train", "validation")] for line in last]
        train, held_out = (sum(column) / len(last) for column in zip(*pairs, strict=True)) if last else (blank, blank)
        learnt = blank - train
        return (held_out - train) / learnt if learnt > THRESHOLDS["min_improvement"].value * abs(blank) else 0.0


def _format_value(value: ParamValue) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return "-".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def format_share(share: float) -> str:
    """A share of the variance in words; one below 0 is none."""
    return f"{share:.0%}" if share >= 0.005 else "nothing"
