"""Where a training stands: all that it carries from one step to the next, and so all that going on needs."""

from __future__ import annotations

import contextlib
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from aecore import files
from aecore.config import Config
from aecore.errors import UserError
from aecore.models.recipe import Objective, Recipe
from aecore.models.rng import get_rng_state, seeded, set_rng_state
from aecore.store import checkpoints, schema

LossValues = dict[str, float]


class Diverged(UserError):
    """The loss is no longer a number."""


class RngState:
    """A random state of one's own: inside `with`, torch draws from it; outside, torch's own state is as it was.

    So losses and bottlenecks draw plainly (`torch.randn_like`), and yet what happens between two yields of `fit` cannot
    change what it draws next.
    """

    def __init__(self, seed: int, device: torch.device) -> None:
        self.device = device
        with seeded(seed, device):
            self.state = get_rng_state(device)

    def __enter__(self) -> None:
        self.outer_state = get_rng_state(self.device)
        set_rng_state(self.state, self.device)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.state = get_rng_state(self.device)
        set_rng_state(self.outer_state, self.device)


class RunningMean:
    """Loss parts added up on the device, so that the loop does not wait for the device at every step."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, parts: dict[str, Tensor], count: int) -> None:
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, 0.0) + part.detach() * count
            self.counts[name] = self.counts.get(name, 0) + count

    def restart(self, held: set[str]) -> RunningMean:
        """A new one for the next epoch, that still says what the last one did of the parts in `held`."""
        fresh = RunningMean()
        fresh.sums = {name: total for name, total in self.sums.items() if name in held}
        fresh.counts = {name: count for name, count in self.counts.items() if name in held}
        return fresh

    def means(self) -> LossValues:
        """Nats per image. Raises Diverged when a part is no longer a number."""
        means = {name: float(total) / self.counts[name] for name, total in self.sums.items()}
        for name, mean in means.items():
            if not math.isfinite(mean):
                raise Diverged(
                    f"The {name} loss is no longer a number ({mean}): the steps were too large; "
                    "train again with a smaller learning rate."
                )
        return means


class EarlyStopping:
    """Early stopping (Prechelt 1998): the weights of the best epoch so far, by the held-out loss."""

    def __init__(self, recipe: Recipe, patience: int) -> None:
        self.recipe, self.patience = recipe, patience
        self.loss, self.epochs_since_best = math.inf, 0
        self.weights: dict[str, Tensor] = {}

    def update(self, validation: LossValues, monitored: set[str]) -> bool:
        """Takes note of an epoch by the `monitored` parts of its held-out loss; whether it is time to stop."""
        if not self.patience or not monitored:
            return False
        loss, self.epochs_since_best = sum(validation[part] for part in monitored), self.epochs_since_best + 1
        if loss < self.loss:
            self.loss, self.epochs_since_best = loss, 0
            self.weights = {name: w.clone() for name, w in self.recipe.model.state_dict().items()}
        return self.epochs_since_best >= self.patience

    def restore(self) -> None:
        if self.weights:
            self.recipe.model.load_state_dict(self.weights)


class TrainState:
    """What `fit` moves on: weights, optimisers, random state, and the place in the data.

    Between two yields of `fit` it is whole: saved then, and loaded into a new Position of the same settings, the
    training goes on as if nothing had happened, bit for bit on the same processor with as many threads.
    """

    def __init__(self, recipe: Recipe, config: Config, device: torch.device) -> None:
        recipe.modules.to(device).train()
        if device.type == "cuda":  # the order its convolutions want; on CPUs it makes no difference
            recipe.modules.to(memory_format=torch.channels_last)
        self.recipe, self.device = recipe, device
        self.rng = RngState(config.seed, device)
        self.optimisers = [_optimiser(each, config, device) for each in recipe.objectives]
        self.running_mean = RunningMean()
        self.early_stopping = EarlyStopping(recipe, config.patience)
        self.monitored_terms: set[str] = set()  # the parts of the loss that early stopping looks at
        self.permutation = torch.empty(0, dtype=torch.long)  # [N], the training images as this epoch takes them
        self.epoch = 0  # epochs finished
        self.step = 0  # steps done in all
        self.n_samples = 0  # images seen in all
        self.seconds = 0.0  # spent training

    def begin_epoch(self, n_samples: int, model_trained: bool) -> None:
        """Shuffles the training samples and begins to count losses anew; a model that is trained keeps its last ones
        beside those of what comes after."""
        self.running_mean = self.running_mean.restart(self.monitored_terms if model_trained else set())
        with self.rng:
            self.permutation = torch.randperm(n_samples).to(self.device)

    def save(self) -> bytes:
        """All of it as a safetensors file."""
        tensors = {f"weights/{name}": each for name, each in _weights(self.recipe).items()}
        tensors |= {f"best_weights/{name}": each for name, each in self.early_stopping.weights.items()}
        tensors |= {f"rng/{number}": each for number, each in enumerate(self.rng.state)}
        tensors |= {f"running_mean/{name}": each for name, each in self.running_mean.sums.items()}
        for number, optimiser in enumerate(self.optimisers):
            for weight, kept in optimiser.state_dict()["state"].items():
                tensors |= {f"optimiser/{number}/{weight}/{name}": each for name, each in kept.items()}
        tensors["permutation"] = self.permutation.int()
        numbers = {
            "epoch": self.epoch,
            "step": self.step,
            "n_samples": self.n_samples,
            "seconds": self.seconds,
            "counts": self.running_mean.counts,
            "monitored_terms": sorted(self.monitored_terms),
            "early_stopping": {
                "best_loss": repr(self.early_stopping.loss),
                "epochs_since_best": self.early_stopping.epochs_since_best,
            },
        }
        # no copies beside the one that is returned: of a large network it is as large as its weights and moments
        there = {name: torch.as_tensor(each).detach().cpu().contiguous() for name, each in tensors.items()}
        return save(there, {checkpoints.HEADER: json.dumps(numbers | {"crc": _crc(there)})})

    def load(self, file: Path) -> None:
        """Puts everything where `save` found it. Raises UserError when the file is not of these settings."""
        with _checkpoint_errors():
            self._restore(*_read_checkpoint(file))

    @torch.no_grad()
    def _restore(self, tensors: dict[str, Tensor], metadata: dict[str, Any]) -> None:
        def under(part: str) -> dict[str, Tensor]:
            return {name.removeprefix(part): each for name, each in tensors.items() if name.startswith(part)}

        _copy_weights(self.recipe, tensors)
        for number, optimiser in enumerate(self.optimisers):
            state: dict[int, dict[str, Tensor]] = {}
            for name, each in under(f"optimiser/{number}/").items():
                weight_number, kept = name.split("/")
                state.setdefault(int(weight_number), {})[kept] = each
            optimiser.load_state_dict({"state": state, "param_groups": optimiser.state_dict()["param_groups"]})
        self.early_stopping.weights = {name: each.to(self.device) for name, each in under("best_weights/").items()}
        stopping = metadata["early_stopping"]
        self.early_stopping.loss = float(stopping["best_loss"])
        self.early_stopping.epochs_since_best = stopping["epochs_since_best"]
        self.rng.state = [tensors[f"rng/{number}"] for number in range(len(self.rng.state))]
        self.running_mean.sums = {name: each.to(self.device) for name, each in under("running_mean/").items()}
        self.running_mean.counts, self.monitored_terms = metadata["counts"], set(metadata["monitored_terms"])
        self.permutation = tensors["permutation"].long().to(self.device)
        self.epoch, self.step = metadata["epoch"], metadata["step"]
        self.n_samples, self.seconds = metadata["n_samples"], metadata["seconds"]


@contextlib.contextmanager
def _checkpoint_errors() -> Iterator[None]:
    """Whatever goes wrong inside is a UserError: the file may hold anything."""
    try:
        yield
    except Exception as error:
        why = schema.plain_text(f"{type(error).__name__}: {error}")
        raise UserError(f"The checkpoint cannot be read ({why}).") from None


def _read_checkpoint(file: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors of a checkpoint, and where its training stood. Raises ValueError when they were changed."""
    with files.regular_path(file) as regular, safe_open(regular, framework="pt") as saved:
        numbers = checkpoints.parse_header(saved.metadata(), file.name)
        tensors = {name: saved.get_tensor(name) for name in saved.keys()}  # noqa: SIM118  not a dictionary
    if numbers.get("crc") not in (None, _crc(tensors)):  # one of before it was noted has none
        raise ValueError("its checksum is another")
    return tensors, numbers


def _weights(recipe: Recipe) -> dict[str, Tensor]:
    """Weights and buffers of everything that trains; what two modules share stands there once."""
    return {**dict(recipe.modules.named_parameters()), **dict(recipe.modules.named_buffers())}


@torch.no_grad()
def _copy_weights(recipe: Recipe, tensors: Mapping[str, Tensor]) -> None:
    for name, weight in _weights(recipe).items():
        weight.copy_(tensors[f"weights/{name}"])


def restore_weights(recipe: Recipe, file: Path) -> int:
    """Gives everything that trains the weights of a checkpoint: those after its last step, whatever early stopping
    would go back to. Returns how many epochs its training had finished. Raises UserError when the file is not of these
    settings."""
    with _checkpoint_errors():
        tensors, numbers = _read_checkpoint(file)
        _copy_weights(recipe, tensors)
        return int(numbers["epoch"])


def _crc(tensors: Mapping[str, Tensor]) -> int:
    """A checksum (CRC-32) of tensors on the CPU by their names: a flipped bit in the order of the images, say, would
    end every training that goes on from there."""
    found = 0
    for name in sorted(tensors):
        found = zlib.crc32(tensors[name].contiguous().reshape(-1).view(torch.uint8).numpy().data, found)
    return found


def trainable_parameters(objective: Objective) -> list[Tensor]:
    """The weights that an objective moves."""
    return [p for module in objective.modules for p in module.parameters() if p.requires_grad]


def weights_of(optimiser: torch.optim.Optimizer) -> list[Tensor]:
    """The weights that an optimiser moves: one group, those of its objective."""
    weights: list[Tensor] = optimiser.param_groups[0]["params"]
    return weights


def _optimiser(objective: Objective, config: Config, device: torch.device) -> torch.optim.Optimizer:
    weights, lr, decay = trainable_parameters(objective), config.lr, config.weight_decay
    if config.optimiser == "sgd":
        return torch.optim.SGD(weights, lr, momentum=0.9, weight_decay=decay)
    if config.optimiser == "rmsprop":
        return torch.optim.RMSprop(weights, lr, weight_decay=decay)
    # AdamW is Adam when nothing decays; one kernel for all weights where there is one
    return torch.optim.AdamW(weights, lr, weight_decay=decay, fused=device.type in ("cpu", "cuda"))
