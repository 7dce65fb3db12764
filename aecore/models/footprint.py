"""Footprint: how large a network is and how much memory its training takes, counted without taking any.

Networks are built on torch's `meta` device, whose tensors have shapes and no numbers: nothing is allocated however
large they are. A training step is taken there too, and the bytes of all tensors alive at a time are added up.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from aecore.config import Config
from aecore.data.cards import DatasetCard
from aecore.limits import MAX_BATCH_BYTES
from aecore.models.recipe import Recipe

META = torch.device("meta")
OPTIMISER_MOMENTS = {"adam": 2, "rmsprop": 1, "sgd": 1}  # numbers that an optimiser keeps for each parameter
EVAL_BATCH_SIZE = 500  # held-out images at a time (train.evaluate)
DATA_COPIES = 2.5  # times its images that a data set takes while it is read
MAX_FROM_FILE = 512 << 20  # bytes of a file of samples that training takes into memory (training/batches.py)
CODE_COPIES = 3  # times the test codes that the end of a training takes
OVERHEAD_FACTOR = (
    1.3  # what allocators and kernels take beside the tensors: tests/test_limits.py compares with measured peaks
)
OVERHEAD_BYTES = 64 << 20  # bytes of libraries that are woken and of other small things, however small the network


class LiveBytes(TorchDispatchMode):
    """Adds up the bytes of the tensors made inside `with` that are alive at a time; `peak` is the most there were.
    Those of `known` modules, and views of them, are none of these."""

    def __init__(self, *excluded: nn.Module) -> None:
        super().__init__()
        self.current = self.peak = 0
        there = [each.untyped_storage() for module in excluded for each in (*module.parameters(), *module.buffers())]
        self._excluded = {storage._cdata for storage in there}
        self._alive: dict[int, weakref.ref[Any]] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        for each in tree_leaves(out):
            if isinstance(each, Tensor):
                self._track(each.untyped_storage())
        return out

    def _track(self, storage: torch.UntypedStorage) -> None:
        place, size = storage._cdata, storage.nbytes()
        if place in self._alive or place in self._excluded:
            return

        def gone(_: Any) -> None:
            del self._alive[place]
            self.current -= size

        self._alive[place] = weakref.ref(storage, gone)
        self.current += size
        self.peak = max(self.peak, self.current)


@dataclass(frozen=True)
class Footprint:
    """What a training takes, in bytes but for the parameters."""

    n_parameters: int  # numbers that training sets, those of an adversary included
    persistent: int  # weights, buffers, gradients, the optimiser's moments and the best weights so far: all the time
    checkpoint: int  # what a checkpoint takes while it is written
    step: int  # what a step takes besides: the outputs of all layers for a batch, gradients, and temporaries
    evaluation: int  # what held-out images take besides
    data: int  # the images and, at the end, the codes of those of the test set

    @property
    def total(self) -> int:
        """The most that is taken at a time."""
        return (
            int(OVERHEAD_FACTOR * (self.persistent + max(self.checkpoint, self.step, self.evaluation)) + self.data)
            + OVERHEAD_BYTES
        )


def count_parameters(module: nn.Module) -> int:
    """Numbers that training sets in a module."""
    return sum(each.numel() for each in module.parameters())


def _module_bytes(module: nn.Module) -> int:
    return sum(each.nbytes for each in (*module.parameters(), *module.buffers()))


def estimate(recipe: Recipe, config: Config, card: DatasetCard) -> Footprint:
    """Of a recipe that stands on the meta device."""
    weights, count = _module_bytes(recipe.modules), count_parameters(recipe.modules)
    moments = 4 * OPTIMISER_MOMENTS[config.optimiser] * count
    best = _module_bytes(recipe.model) if config.patience else 0
    stored = (card.n_train + card.n_validation + card.n_test) * _numel(card) * (1 if card.modality.bounded else 4)
    if card.origin:  # people's own lie in files, of which so much is taken into memory at most
        stored = min(stored, MAX_FROM_FILE)
    codes = 4 * card.n_test * recipe.model.bottleneck.out_features
    learnt = min(config.batch_size, config.train_size or card.n_train, card.n_train)
    return Footprint(
        n_parameters=count,
        persistent=weights + 4 * count + moments + best,
        checkpoint=weights + moments + best,
        step=step_bytes(recipe, card, learnt),
        evaluation=min(EVAL_BATCH_SIZE * sample_bytes(recipe, card), max(MAX_BATCH_BYTES, sample_bytes(recipe, card))),
        data=int(DATA_COPIES * stored) + CODE_COPIES * codes,
    )


def _numel(card: DatasetCard) -> int:
    height = 1
    for side in card.shape:
        height *= side
    return height


def _meta_batch(card: DatasetCard, count: int) -> tuple[Tensor, Tensor]:
    return torch.empty(count, *card.shape, device=META), torch.zeros(count, dtype=torch.long, device=META)


def step_bytes(recipe: Recipe, card: DatasetCard, batch_size: int) -> int:
    """The most bytes alive at a time in a step of training: forwards, and back again for the gradients."""
    recipe.modules.train()
    return _with_fallback(
        lambda: _full_step_bytes(recipe, card, batch_size), lambda: _plain_step_bytes(recipe, card, batch_size)
    )


def _with_fallback(measure: Callable[[], int], fallback: Callable[[], int]) -> int:
    """What `measure` counts; what `fallback` does where a loss asks for numbers, which meta tensors have not."""
    try:
        return measure()
    except (RuntimeError, NotImplementedError, ValueError):
        return fallback()


def _full_step_bytes(recipe: Recipe, card: DatasetCard, batch_size: int) -> int:
    """Of all objectives that are active in the end, as `train.fit` takes them."""
    active = [each for each in recipe.objectives if each.active(0.999)]
    with META, LiveBytes(recipe.modules) as live:
        passed, gradients = recipe.forward(*_meta_batch(card, batch_size), progress=0.999), []
        for objective in active:
            parts = objective.loss(passed)
            total = sum(parts.values(), torch.zeros(()))
            weights = [each for module in objective.modules for each in module.parameters() if each.requires_grad]
            keep = objective is not active[-1]
            gradients.append(torch.autograd.grad(total, weights, retain_graph=keep, allow_unused=True))
    return live.peak


def _plain_step_bytes(recipe: Recipe, card: DatasetCard, batch_size: int) -> int:
    """Of encoder, decoder and likelihood alone."""
    model = recipe.model
    with META, LiveBytes(model) as live:
        x, _ = _meta_batch(card, batch_size)
        code = torch.empty(batch_size, model.bottleneck.out_features)
        raw = model.decode(code.requires_grad_())
        wrong = model.likelihood.nll(raw, x).sum() + model.encoder(x).sum()
        gradients = torch.autograd.grad(wrong, list(model.parameters()), allow_unused=True)
        del gradients
    return live.peak


def sample_bytes(recipe: Recipe, card: DatasetCard) -> int:
    """The most bytes alive at a time when one image is encoded and decoded in use, weights not among them."""
    recipe.modules.eval()
    return max(_with_fallback(lambda: _inference_bytes(recipe, card), lambda: _plain_step_bytes(recipe, card, 1)), 1)


@torch.no_grad()
def _inference_bytes(recipe: Recipe, card: DatasetCard) -> int:
    model = recipe.model
    with META, LiveBytes(model) as live:
        x, y = _meta_batch(card, 1)
        latent = model.encode(x, y)
        model.likelihood.mean(model.decode(model.bottleneck.project(latent.code), y))
    return live.peak
