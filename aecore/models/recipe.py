"""Recipe: what a family returns. A model, who is trained on what and when, and how inputs are corrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor, nn

from aecore.models.autoencoder import Autoencoder
from aecore.models.latents import Latent

Loss = Callable[["ForwardPass"], dict[str, Tensor]]
Corruption = Callable[[Tensor], Tensor]


@dataclass
class ForwardPass:
    """One batch on its way through a model. Stages are computed when first asked for, and once."""

    model: Autoencoder
    x: Tensor  # [B, *shape], what should come out
    x_in: Tensor  # [B, *shape], what goes in (x, unless a corruption changed it)
    y: Tensor | None = None  # [B], labels; -1 where one is not known
    progress: float = 1.0  # how much of the training is done, in [0, 1]
    mean_reduction: bool = False  # whether the loss takes the mean over pixels in place of their sum
    masked: Tensor | None = None  # [B, *shape], which values the encoder was not shown; None where it saw all

    @property
    def labelled(self) -> Tensor:
        """Which samples `[B]` have a known label."""
        return torch.zeros(len(self.x), dtype=torch.bool, device=self.x.device) if self.y is None else self.y >= 0

    @cached_property
    def latent(self) -> Latent:
        return self.model.encode(self.x_in, self.y)

    @cached_property
    def frozen_latent(self) -> Latent:
        """The latent as a finished model gives it of `x`: nothing corrupted or dropped, and no gradient."""
        before = self.model.training
        self.model.eval()
        with torch.no_grad():
            latent = self.model.encode(self.x, self.y)
        self.model.train(before)
        return latent

    @cached_property
    def logits(self) -> Tensor:
        """Raw decoder output `[B, *shape]`; while the model trains, it may be told what should come out."""
        return self.model.decode(self.latent.z, self.y, self.x if self.model.training else None)

    @cached_property
    def nll(self) -> Tensor:
        """-log p(x | z) in nats per image, `[B]`."""
        return self.model.likelihood.nll(self.logits, self.x)


@dataclass(frozen=True)
class Objective:
    """A loss, the modules it moves, and the part of the training in which it does.

    The parts of the loss are summed and minimised; their names are what charts show. Two objectives that move different
    modules are a game (an adversary); two with disjoint `interval`s are stages. An interval counts in trainings of the
    model: (1, 2) is a stage after it that takes as many epochs again.
    """

    loss: Loss
    modules: Sequence[nn.Module]
    interval: tuple[float, float] = (0.0, 1.0)

    def active(self, progress: float) -> bool:
        first, last = self.interval
        return first <= progress < last

    def schedule_progress(self, progress: float) -> float:
        """Where its learning rate stands, in [0, 1): stages after the model's training have a schedule of their own."""
        first, last = self.interval
        return progress if first < 1 else (progress - first) / (last - first)


def identity(x: Tensor) -> Tensor:
    return x


@dataclass(frozen=True)
class Recipe:
    """What a family returns and the loop trains: a model, its objectives, and how inputs are corrupted.

    Attributes
    ----------
    model
        The autoencoder.
    objectives
        Losses, each with the modules that it moves and the part of the training in which it does.
    corruption
        Tensor `[B, *shape]` to the same shape; the identity where inputs stay as they are.
    mask
        Which values `[B, *shape]` of a batch are hidden from the encoder, as booleans: they are 0 in `x_in`, and True
        in `ForwardPass.masked`, so that a loss can count them alone. None where it sees all.
    mean_reduction
        Whether losses take the mean over pixels in place of their sum.

    Examples
    --------
    >>> import aecore
    >>> recipe = aecore.build_recipe(aecore.resolve_config(aecore.default_config("digits", family="denoising")))
    >>> recipe.corrupts, len(recipe.objectives)
    (True, 1)
    """

    model: Autoencoder
    objectives: Sequence[Objective]
    corruption: Corruption = field(default=identity)
    mean_reduction: bool = False  # whether losses take the mean over pixels in place of their sum
    mask: Corruption | None = None

    @classmethod
    def simple(cls, model: Autoencoder, loss: Loss, corruption: Corruption = identity) -> Recipe:
        """One loss that moves the whole model from first to last: most families."""
        return cls(model, [Objective(loss, [model])], corruption)

    @property
    def corrupts(self) -> bool:
        """Whether inputs are corrupted, or hidden in part, in training."""
        return self.corruption is not identity or self.mask is not None

    @property
    def modules(self) -> nn.ModuleList:
        """Everything that must move to a device: the model and what only training needs (an adversary)."""
        return nn.ModuleList([self.model, *(module for each in self.objectives for module in each.modules)])

    @property
    def auxiliary_modules(self) -> nn.ModuleList:
        """What only training needs, and no finished model: an adversary."""
        own = set(self.model.parameters())
        trained = [module for each in self.objectives for module in each.modules]
        return nn.ModuleList([module for module in trained if own.isdisjoint(module.parameters())])

    def forward(self, x: Tensor, y: Tensor | None = None, progress: float = 1.0) -> ForwardPass:
        x_in = self.model.fill_missing(self.corruption(x))
        masked = self.mask(x) if self.mask else None
        if masked is not None:
            x_in = x_in.masked_fill(masked, 0.0)
        return ForwardPass(self.model, x, x_in, y, progress, self.mean_reduction, masked)
