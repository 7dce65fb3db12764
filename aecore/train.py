"""fit: the one training loop, a generator that reads top to bottom. It knows nothing of files, processes or pages."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from aecore.config import Config
from aecore.data import Data, Split
from aecore.errors import UserError
from aecore.recipe import Objective, Pass, Recipe

PAUSE = 0.2  # seconds between two reports, at most
FIRST = 0.03  # seconds to the first one: somebody is waiting for a sign of life

Parts = dict[str, float]


class Diverged(UserError):
    """The loss is no longer a number."""


@dataclass(frozen=True)
class Progress:
    """What `fit` yields: where the training stands."""

    epoch: int  # epochs finished
    epochs: int
    fraction: float  # of all steps, in [0, 1]
    seconds: float  # spent training
    pictures_per_second: float
    train: Parts  # loss parts in nats per picture: mean over this epoch so far
    validation: Parts | None  # the same on the held-out pictures; only at an epoch's end

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


class Chance:
    """A random state of one's own: inside `with`, torch draws from it; outside, torch's own state is as it was.

    So losses and bottlenecks draw plainly (`torch.randn_like`), and yet what happens between two yields of `fit` cannot
    change what it draws next.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        with torch.random.fork_rng(devices=self._accelerators()):
            torch.manual_seed(seed)
            self.state = self._get()

    def _accelerators(self) -> list[int]:
        return [self.device.index or 0] if self.device.type == "cuda" else []

    def _get(self) -> list[Tensor]:
        states = [torch.get_rng_state()]
        if self.device.type == "cuda":
            states.append(torch.cuda.get_rng_state(self.device))
        if self.device.type == "mps":
            states.append(torch.mps.get_rng_state())
        return states

    def _set(self, states: list[Tensor]) -> None:
        torch.set_rng_state(states[0])
        if self.device.type == "cuda":
            torch.cuda.set_rng_state(states[1], self.device)
        if self.device.type == "mps":
            torch.mps.set_rng_state(states[1])

    def __enter__(self) -> None:
        self.outside = self._get()
        self._set(self.state)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.state = self._get()
        self._set(self.outside)


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

    def batch(self, rows: Tensor | slice) -> tuple[Tensor, Tensor]:
        """x float32 `[B, *shape]` in [0, 1] and labels `[B]`."""
        return self.pixels[rows].float() / self.levels, self.labels[rows]

    def batches(self, order: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(order), size):
            yield self.batch(order[start : start + size])


class Tally:
    """Loss parts added up on the device, so that the loop does not wait for the device at every step."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, parts: dict[str, Tensor], pictures: int) -> None:
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + part.detach() * pictures
            self.counts[name] = self.counts.get(name, 0) + pictures

    def means(self) -> Parts:
        """Nats per picture. Raises Diverged when a part is no longer a number."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        for name, mean in means.items():
            if not math.isfinite(mean):
                raise Diverged(
                    f"The {name} loss is no longer a number ({mean}): the steps were too large; "
                    "train again with a learning rate ten times smaller."
                )
        return means


def _parameters(objective: Objective) -> list[Tensor]:
    return [p for module in objective.trains for p in module.parameters() if p.requires_grad]


def _autocast(config: Config, device: torch.device) -> Any:
    if config.precision == "bfloat16":
        return torch.autocast(device.type, dtype=torch.bfloat16)
    return contextlib.nullcontext()


def fit(recipe: Recipe, data: Data, config: Config, device: torch.device) -> Iterator[Progress]:
    """Trains the recipe's model in place; yields at least every 0.2 s (a step allowing) and at each epoch's end.

    Raises Diverged when a loss is no longer a number. Closing the generator stops the training.
    """
    chance = Chance(config.seed, device)
    recipe.modules.to(device).train()
    train, held_out = Pictures.of(data.train, device), Pictures.of(data.validation, device)
    players = [(each, _parameters(each), _optimiser(each, config, device)) for each in recipe.objectives]
    best, judged = _Best(recipe, config.patience), set[str]()  # the parts that early stopping looks at
    rate, steps = SCHEDULES[config.schedule], config.epochs * math.ceil(len(train) / config.batch_size)
    step, pictures, seconds, started = 0, 0, 0.0, time.perf_counter()
    due = started + FIRST

    for epoch in range(config.epochs):
        tally = Tally()
        with chance:
            order = torch.randperm(len(train)).to(device)
        for x, y in train.batches(order, config.batch_size):
            progress = step / steps
            with chance:
                with _autocast(config, device):
                    p = recipe.passes(x, y, progress)
                active = [player for player in players if player[0].active(progress)]
                gradients = []
                for objective, moved, _ in active:
                    with _autocast(config, device):
                        parts = objective.loss(p)
                    total = sum(parts.values(), torch.zeros((), device=device))
                    keep = objective is not active[-1][0]  # the next player may go back through the same graph
                    gradients.append(torch.autograd.grad(total, moved, retain_graph=keep, allow_unused=True))
                    tally.add(parts, len(x))
                    if recipe.model in objective.trains:  # not a critic's, nor those of a stage before the last
                        judged |= parts.keys()
                # nobody moves before everybody has looked: a step would change weights under the next player's graph
                for (_, moved, optimiser), found in zip(active, gradients, strict=True):
                    for weight, gradient in zip(moved, found, strict=True):
                        weight.grad = gradient
                    if config.clip:
                        torch.nn.utils.clip_grad_norm_(moved, config.clip)
                    optimiser.param_groups[0]["lr"] = config.lr * rate(progress)
                    optimiser.step()
            step, pictures = step + 1, pictures + len(x)
            if time.perf_counter() >= due and step % math.ceil(len(train) / config.batch_size):
                seconds += time.perf_counter() - started
                yield Progress(epoch, config.epochs, step / steps, seconds, pictures / seconds, tally.means(), None)
                started = time.perf_counter()
                due = started + PAUSE

        validation = evaluate(recipe, held_out, config)
        enough = best.seen(validation, judged)
        if enough or (config.patience and epoch + 1 == config.epochs):
            best.restore()
        fraction = 1.0 if enough else step / steps
        seconds += time.perf_counter() - started
        yield Progress(epoch + 1, config.epochs, fraction, seconds, pictures / seconds, tally.means(), validation)
        if enough:
            return
        started = time.perf_counter()
        due = started + PAUSE


def _optimiser(objective: Objective, config: Config, device: torch.device) -> torch.optim.Optimizer:
    moved, lr, decay = _parameters(objective), config.lr, config.weight_decay
    if config.optimiser == "sgd":
        return torch.optim.SGD(moved, lr, momentum=0.9, weight_decay=decay)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(moved, lr, weight_decay=decay)
    # AdamW is Adam when nothing decays; one kernel for all weights where there is one
    return torch.optim.AdamW(moved, lr, weight_decay=decay, fused=device.type in ("cpu", "cuda"))


class _Best:
    """Early stopping (Prechelt 1998): the weights of the best epoch so far, by the held-out loss."""

    def __init__(self, recipe: Recipe, patience: int) -> None:
        self.recipe, self.patience = recipe, patience
        self.loss, self.age = math.inf, 0
        self.weights: dict[str, Tensor] = {}

    def seen(self, validation: Parts, judged: set[str]) -> bool:
        """Takes note of an epoch by the `judged` parts of its held-out loss; whether it is time to stop."""
        if not self.patience or not judged:
            return False
        loss, self.age = sum(validation[part] for part in judged), self.age + 1
        if loss < self.loss:
            self.loss, self.age = loss, 0
            self.weights = {name: w.clone() for name, w in self.recipe.model.state_dict().items()}
        return self.age >= self.patience

    def restore(self) -> None:
        if self.weights:
            self.recipe.model.load_state_dict(self.weights)


@torch.no_grad()
def evaluate(recipe: Recipe, pictures: Pictures, config: Config, batch: int = 500) -> Parts:
    """The recipe's loss parts on held-out pictures, in nats per picture; the same chance at every call."""
    recipe.modules.eval()
    tally, everything = Tally(), torch.arange(len(pictures), device=pictures.pixels.device)
    with Chance(config.seed, pictures.pixels.device), _autocast(config, pictures.pixels.device):
        for x, y in pictures.batches(everything, batch):
            p: Pass = recipe.passes(x, y)
            for objective in recipe.objectives:
                if objective.during[1] >= 1:  # stages that are over say nothing of the finished model
                    tally.add(objective.loss(p), len(x))
    recipe.modules.train()
    return tally.means()
