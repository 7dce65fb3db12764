"""fit: the one training loop, a generator that reads top to bottom. It knows nothing of files, processes or pages."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from aecore.config import Config
from aecore.data.datasets import Data, Split
from aecore.limits import at_a_time
from aecore.models.families.build import picture_bytes
from aecore.models.recipe import Pass, Recipe
from aecore.training.devices import halves
from aecore.training.signals import Vitals
from aecore.training.state import Chance, Parts, Position, Tally, moved
from aecore.training.state import Diverged as Diverged

PAUSE = 0.2  # seconds between two reports, at most
FIRST = 0.03  # seconds to the first one: somebody is waiting for a sign of life


@dataclass(frozen=True)
class Progress:
    """What `fit` yields: where the training stands."""

    epoch: int  # epochs finished
    epochs: int
    step: int  # steps done
    steps: int
    fraction: float  # of all steps, in [0, 1]
    seconds: float  # spent training
    pictures_per_second: float
    gradient: float  # length of the last step's gradient, as it was followed
    train: Parts  # loss parts in nats per picture: mean over this epoch so far
    validation: Parts | None  # the same on the held-out pictures; only at an epoch's end
    vitals: Mapping[str, Any] | None = None  # what vitals.py notes of them; only then, too

    @property
    def seconds_left(self) -> float:
        return self.seconds * (1 - self.fraction) / self.fraction if self.fraction else math.inf


def one_cycle(progress: float) -> float:
    """Rate relative to its peak: up from 1/25 over the first 30 %, then down to nearly nothing, both as half a cosine
    (Smith & Topin 2017, in the form of Howard's fastai)."""
    rise, low, end = 0.3, 1 / 25, 1e-4
    if progress < rise:
        return low + (1 - low) * (1 - math.cos(math.pi * progress / rise)) / 2
    return end + (1 - end) * (1 + math.cos(math.pi * (progress - rise) / (1 - rise))) / 2


SCHEDULES: dict[str, Callable[[float], float]] = {"one-cycle": one_cycle, "constant": lambda progress: 1.0}


@dataclass(frozen=True)
class Pictures:
    """A split on a device, in the integers it is stored in; batches become floats when they are taken."""

    pixels: Tensor  # uint8 [N, *shape]
    labels: Tensor  # int64 [N]
    levels: int

    @classmethod
    def of(cls, split: Split, device: torch.device) -> Pictures:
        return cls(
            torch.from_numpy(split.pictures).to(device),
            torch.from_numpy(split.labels).to(device),
            split.levels,
        )

    def __len__(self) -> int:
        return len(self.pixels)

    def batch(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """x float32 `[B, *shape]` in [0, 1] and labels `[B]`."""
        # five times as fast on a CPU as pixels[rows].float() / levels
        return self.pixels.index_select(0, rows).float().div_(self.levels), self.labels.index_select(0, rows)

    def batches(self, order: Tensor, size: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        """The pictures in that order, `size` at a time, from batch number `first` on."""
        for start in range(first * size, len(order), size):
            yield self.batch(order[start : start + size])


@contextlib.contextmanager
def _halved(recipe: Recipe, half: bool) -> Iterator[None]:
    """Inside, the networks multiply in bfloat16; for a step only: what looks at the model between two does not."""
    recipe.model.halved = half
    try:
        yield
    finally:
        recipe.model.halved = False


def fit(
    recipe: Recipe, data: Data, config: Config, device: torch.device, at: Position | None = None
) -> Iterator[Progress]:
    """Trains the recipe's model in place; yields at least every 0.2 s (a step allowing) and at each epoch's end.

    Starts, or goes on, `at` a position, which it moves. Raises Diverged when a loss is no longer a number. Closing the
    generator stops the training.
    """
    at = at or Position(recipe, config, device)
    train, held_out = Pictures.of(data.train.first(config.pictures), device), Pictures.of(data.validation, device)
    rate, steps_each = SCHEDULES[config.schedule], math.ceil(len(train) / config.batch_size)
    steps, half = config.epochs * steps_each, halves(config.precision, device)
    players = [(each, moved(each), optimiser) for each, optimiser in zip(recipe.objectives, at.optimisers, strict=True)]
    started = time.perf_counter()
    due = started + FIRST

    def report(epoch: int, fraction: float, validation: Parts | None, seen: Vitals | None = None) -> Progress:
        at.seconds += time.perf_counter() - started
        speed, length = at.pictures / at.seconds, _length([weight.grad for player in active for weight in player[1]])
        return Progress(
            epoch,
            config.epochs,
            at.step,
            steps,
            fraction,
            at.seconds,
            speed,
            length,
            at.tally.means(),
            validation,
            None if seen is None else seen.said(recipe.model),
        )

    while at.epoch < config.epochs:
        if at.step == at.epoch * steps_each:
            at.tally = Tally()
            with at.chance:
                at.order = torch.randperm(len(train)).to(device)
        for x, y in train.batches(at.order, config.batch_size, at.step - at.epoch * steps_each):
            progress = at.step / steps
            with at.chance, _halved(recipe, half):
                p = recipe.passes(x, y, progress)
                active = [player for player in players if player[0].active(progress)]
                gradients = []
                for objective, weights, _ in active:
                    parts = objective.loss(p)
                    total = sum(parts.values(), torch.zeros((), device=device))
                    keep = objective is not active[-1][0]  # the next player may go back through the same graph
                    gradients.append(torch.autograd.grad(total, weights, retain_graph=keep, allow_unused=True))
                    at.tally.add(parts, len(x))
                    if recipe.model in objective.trains:  # not a critic's, nor those of a stage before the last
                        at.judged |= parts.keys()
                # nobody moves before everybody has looked: a step would change weights under the next player's graph
                for (_, weights, optimiser), found in zip(active, gradients, strict=True):
                    for weight, gradient in zip(weights, found, strict=True):
                        weight.grad = gradient
                    if config.clip:
                        torch.nn.utils.clip_grad_norm_(weights, config.clip)
                    optimiser.param_groups[0]["lr"] = config.lr * rate(progress)
                    optimiser.step()
            at.step, at.pictures = at.step + 1, at.pictures + len(x)
            if time.perf_counter() >= due and at.step % steps_each:
                yield report(at.epoch, at.step / steps, None)
                started = time.perf_counter()
                due = started + PAUSE

        seen = Vitals()
        validation = evaluate(recipe, held_out, config, seen.add)
        at.epoch += 1
        enough = at.best.seen(validation, at.judged)
        if enough or (config.patience and at.epoch == config.epochs):
            at.best.restore()
        yield report(at.epoch, 1.0 if enough else at.step / steps, validation, seen)
        if enough:
            return
        started = time.perf_counter()
        due = started + PAUSE


def _length(gradients: list[Tensor | None]) -> float:
    """The length of all gradients of a step together."""
    return float(torch.nn.utils.get_total_norm([each for each in gradients if each is not None]))


@torch.no_grad()
def evaluate(
    recipe: Recipe, pictures: Pictures, config: Config, look: Callable[[Pass], None] | None = None, batch: int = 500
) -> Parts:
    """The recipe's loss parts on held-out pictures, in nats per picture; the same chance at every call. Somebody may
    `look` at each batch after its loss. Of a network that takes much memory for a picture, fewer than `batch` at a
    time are looked at.

    In float32, as the pages use the model, whatever it is trained in.
    """
    before, batch = recipe.model.training, at_a_time(picture_bytes(config), batch)
    recipe.modules.eval()
    tally, everything = Tally(), torch.arange(len(pictures), device=pictures.pixels.device)
    with Chance(config.seed, pictures.pixels.device):
        for x, y in pictures.batches(everything, batch):
            p: Pass = recipe.passes(x, y)
            for objective in recipe.objectives:
                if objective.during[1] >= 1:  # stages that are over say nothing of the finished model
                    tally.add(objective.loss(p), len(x))
            if look:
                look(p)
    recipe.modules.train(before)
    return tally.means()
