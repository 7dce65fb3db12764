"""Recipe: what a family returns. A model, who is trained on what and when, and how inputs are corrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from torch import Tensor, nn

from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import Latent

Loss = Callable[["Pass"], dict[str, Tensor]]
Corruption = Callable[[Tensor], Tensor]


@dataclass
class Pass:
    """One batch on its way through a model. Stages are computed when first asked for, and once."""

    model: Autoencoder
    x: Tensor  # [B, *shape], what should come out
    seen: Tensor  # [B, *shape], what goes in (x, unless a corruption changed it)
    y: Tensor | None = None  # [B], labels
    progress: float = 1.0  # how much of the training is done, in [0, 1]
    averaged: bool = False  # whether the loss takes the mean over pixels in place of their sum

    @cached_property
    def latent(self) -> Latent:
        return self.model.encode(self.seen, self.y)

    @cached_property
    def output(self) -> Tensor:
        """Raw decoder output `[B, *shape]`."""
        return self.model.decode(self.latent.z, self.y)

    @cached_property
    def nll(self) -> Tensor:
        """-log p(x | z) in nats per picture, `[B]`."""
        return self.model.likelihood.nll(self.output, self.x)


@dataclass(frozen=True)
class Objective:
    """A loss, the modules it moves, and the part of the training in which it does.

    The parts of the loss are summed and minimised; their names are what charts show. Two objectives that move different
    modules are a game (an adversary); two with disjoint `during` are stages.
    """

    loss: Loss
    trains: Sequence[nn.Module]
    during: tuple[float, float] = (0.0, 1.0)

    def active(self, progress: float) -> bool:
        first, last = self.during
        return first <= progress < last


def untouched(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Recipe:
    """What a family returns and the loop trains."""

    model: Autoencoder
    objectives: Sequence[Objective]
    corruption: Corruption = field(default=untouched)
    averaged: bool = False  # whether losses take the mean over pixels in place of their sum

    @classmethod
    def simple(cls, model: Autoencoder, loss: Loss, corruption: Corruption = untouched) -> Recipe:
        """One loss that moves the whole model from first to last: most families."""
        return cls(model, [Objective(loss, [model])], corruption)

    @property
    def corrupts(self) -> bool:
        """Whether inputs are corrupted in training."""
        return self.corruption is not untouched

    @property
    def modules(self) -> nn.ModuleList:
        """Everything that must move to a device: the model and what only training needs (an adversary)."""
        return nn.ModuleList([self.model, *(module for each in self.objectives for module in each.trains)])

    @property
    def others(self) -> nn.ModuleList:
        """What only training needs, and no finished model: an adversary."""
        own = set(self.model.parameters())
        trained = [module for each in self.objectives for module in each.trains]
        return nn.ModuleList([module for module in trained if own.isdisjoint(module.parameters())])

    def passes(self, x: Tensor, y: Tensor | None = None, progress: float = 1.0) -> Pass:
        return Pass(self.model, x, self.corruption(x), y, progress, self.averaged)
