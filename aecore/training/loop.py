"""fit: the one training loop, a generator that reads top to bottom. It knows nothing of files, processes or pages."""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from aecore.config import Config
from aecore.data.card import DatasetCard
from aecore.data.datasets import Dataset
from aecore.limits import batch_size_for
from aecore.models.families.build import bytes_per_sample
from aecore.models.recipe import ForwardPass, Recipe
from aecore.training.batches import DeviceDataset as DeviceDataset
from aecore.training.batches import StreamedDataset
from aecore.training.devices import use_bfloat16
from aecore.training.signals import TrainingSignals
from aecore.training.state import Diverged as Diverged
from aecore.training.state import LossValues, RngState, RunningMean, TrainState, weights_of

REPORT_EVERY = 0.2  # seconds between two reports, at most
FIRST_REPORT = 0.03  # seconds to the first one: somebody is waiting for a sign of life


@dataclass(frozen=True)
class Progress:
    """What `fit` yields: where the training stands."""

    epoch: int  # epochs finished
    epochs: int
    step: int  # steps done
    steps: int
    fraction: float  # of all steps, in [0, 1]
    seconds: float  # spent training
    samples_per_second: float
    grad_norm: float  # length of the last step's gradient, as it was followed
    train: LossValues  # loss parts in nats per image: mean over this epoch so far
    validation: LossValues | None  # the same on the held-out images; only at an epoch's end
    signals: Mapping[str, Any] | None = None  # what signals.py notes of them; only then, too

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


@contextlib.contextmanager
def _bfloat16_networks(recipe: Recipe, enabled: bool) -> Iterator[None]:
    """Inside, the networks multiply in bfloat16; for a step only: what looks at the model between two does not."""
    recipe.model.use_bfloat16 = enabled
    try:
        yield
    finally:
        recipe.model.use_bfloat16 = False


def fit(
    recipe: Recipe, data: Dataset, config: Config, device: torch.device, state: TrainState | None = None
) -> Iterator[Progress]:
    """Train the recipe's model in place.

    Parameters
    ----------
    recipe
        Model, objectives and corruption, already on `device`.
    data
        Trained on `data.train`; `data.validation` gives the loss that early stopping monitors. It may be empty where
        `config.patience` is 0.
    config
        As `resolve_config` returns it.
    device
        Where the tensors are.
    state
        Where to go on from; it moves along. A new one when not given.

    Yields
    ------
    Progress
        At least every 0.2 s (a step allowing) and at each epoch's end. Closing the generator stops the training.

    Raises
    ------
    Diverged
        When a loss is no longer a number.

    Examples
    --------
    >>> import aecore, torch
    >>> config = aecore.resolve_config(aecore.default_config("digits", family="vanilla", epochs=2))
    >>> recipe = aecore.build_recipe(config)
    >>> *_, last = aecore.fit(recipe, aecore.load_dataset("digits"), config, torch.device("cpu"))
    >>> last.epoch, last.fraction, sorted(last.validation)
    (2, 1.0, ['reconstruction'])
    """
    state = state or TrainState(recipe, config, device)
    labelled = data.train.head(config.train_size).hide_labels(config.labels_per_class, config.seed)
    train = DeviceDataset.from_split(labelled, device)
    validation = DeviceDataset.from_split(data.validation, device)
    bfloat16, steps_per_epoch = use_bfloat16(config.precision, device), math.ceil(len(train) / config.batch_size)
    model_steps, timer = config.epochs * steps_per_epoch, Timer(FIRST_REPORT)

    while state.epoch < config.total_epochs:
        if state.step == state.epoch * steps_per_epoch:
            state.begin_epoch(len(train), model_trained=state.step >= model_steps)

        for x, y in train.batches(state.permutation, config.batch_size, state.step - state.epoch * steps_per_epoch):
            with state.rng, _bfloat16_networks(recipe, bfloat16):
                moved = train_step(recipe, state, config, x, y, state.step / model_steps)
            state.step, state.n_samples = state.step + 1, state.n_samples + len(x)
            if timer.due and state.step % steps_per_epoch:
                state.seconds += timer.elapsed
                yield _progress(state, config, steps_per_epoch, _grad_norm(moved))
                timer = Timer(REPORT_EVERY)

        signals = TrainingSignals(data.card.modality.bounded)
        state.epoch += 1
        progress = state.step / model_steps
        losses = evaluate(recipe, validation, config, signals.update, card=data.card, progress=progress)
        stop = progress <= 1 and state.early_stopping.update(losses, state.monitored_terms)
        if stop or (config.patience and state.epoch == config.epochs):
            state.early_stopping.restore()
        state.seconds += timer.elapsed
        report = _progress(state, config, steps_per_epoch, _grad_norm(moved))
        fraction = 1.0 if stop and config.total_epochs == config.epochs else report.fraction
        if stop:  # what comes after the model's training begins at once
            state.epoch, state.step = config.epochs, model_steps
        yield replace(report, fraction=fraction, validation=losses, signals=signals.compute(recipe.model))
        timer = Timer(REPORT_EVERY)


class Timer:
    """Seconds since its start; due after so many."""

    def __init__(self, seconds: float) -> None:
        self.start, self.seconds = time.perf_counter(), seconds

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.start

    @property
    def due(self) -> bool:
        return self.elapsed >= self.seconds


def train_step(
    recipe: Recipe, state: TrainState, config: Config, x: Tensor, y: Tensor, progress: float
) -> list[Tensor]:
    """One step of each objective that is active on a batch `x` `[B, *shape]`, `y` `[B]`; the weights that it moved.

    No weight moves before all gradients are taken: a step would change weights under the next objective's graph.
    """
    both = zip(recipe.objectives, state.optimisers, strict=True)
    active = [
        (objective, optimiser, weights_of(optimiser)) for objective, optimiser in both if objective.active(progress)
    ]
    p, gradients = recipe.forward(x, y, progress), []
    for objective, _, weights in active:
        parts = objective.loss(p)
        total = sum(parts.values(), torch.zeros((), device=state.device))
        keep = objective is not active[-1][0]  # the next objective may go back through the same graph
        gradients.append(torch.autograd.grad(total, weights, retain_graph=keep, allow_unused=True))
        state.running_mean.add(parts, len(x))
        if recipe.model in objective.modules:  # not a discriminator's, nor those of a stage before the last
            state.monitored_terms |= parts.keys()
    for (objective, optimiser, weights), found in zip(active, gradients, strict=True):
        for weight, gradient in zip(weights, found, strict=True):
            weight.grad = gradient
        if config.grad_clip_norm:
            torch.nn.utils.clip_grad_norm_(weights, config.grad_clip_norm)
        optimiser.param_groups[0]["lr"] = config.lr * SCHEDULES[config.schedule](objective.schedule_progress(progress))
        optimiser.step()
    return [weight for _, _, weights in active for weight in weights]


def _progress(state: TrainState, config: Config, steps_per_epoch: int, grad_norm: float) -> Progress:
    """Where a training stands in the middle of an epoch."""
    steps = config.total_epochs * steps_per_epoch
    return Progress(
        epoch=state.epoch,
        epochs=config.total_epochs,
        step=state.step,
        steps=steps,
        fraction=state.step / steps,
        seconds=state.seconds,
        samples_per_second=state.n_samples / state.seconds,
        grad_norm=grad_norm,
        train=state.running_mean.means(),
        validation=None,
        signals=None,
    )


def _grad_norm(weights: list[Tensor]) -> float:
    """The length of all gradients of a step together."""
    return float(torch.nn.utils.get_total_norm([each.grad for each in weights if each.grad is not None]))


@torch.no_grad()
def evaluate(
    recipe: Recipe,
    dataset: DeviceDataset | StreamedDataset,
    config: Config,
    on_batch: Callable[[ForwardPass], None] | None = None,
    batch_size: int = 500,
    card: DatasetCard | None = None,
    progress: float = math.inf,
) -> LossValues:
    """The recipe's loss parts on held-out images, in nats per image; the same chance at every call. `on_batch`
    sees each batch after its loss. Of a network that takes much memory for an image, fewer than `batch_size` at a
    time are looked at. `card` is that of a data set that is not in the catalogue. Of stages that begin after `progress`
    nothing is said.

    In float32, as the pages use the model, whatever it is trained in.
    """
    before, batch_size = recipe.model.training, batch_size_for(bytes_per_sample(config, card), batch_size)
    recipe.modules.eval()
    tally, everything = RunningMean(), torch.arange(len(dataset), device=dataset.device)
    with RngState(config.seed, dataset.device):
        for x, y in dataset.batches(everything, batch_size):
            p: ForwardPass = recipe.forward(x, y)
            for objective in recipe.objectives:
                first, last = objective.interval
                # stages that are over say nothing of the finished model, and those that wait for it nothing yet
                if last >= 1 and first < max(1.0, progress):
                    tally.add(objective.loss(p), len(x))
            if on_batch:
                on_batch(p)
    recipe.modules.train(before)
    return tally.means()
