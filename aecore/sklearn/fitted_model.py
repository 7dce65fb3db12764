"""FittedModel: what an estimator keeps of a training, arrays in and arrays out. Torch stays behind this door."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.config import Config
from aecore.data.card import DatasetCard
from aecore.data.datasets import Dataset, Split
from aecore.data.modalities import Vector
from aecore.limits import batch_size_for
from aecore.models.autoencoder import Autoencoder
from aecore.models.families.build import build_recipe, bytes_per_sample
from aecore.models.rng import seeded
from aecore.training.devices import select_device
from aecore.training.loop import fit

NAME = "array"  # of the data set; in no catalogue
MAX_BATCH_SIZE = 1000  # rows at a time
_TORCH = threading.RLock()  # its random state is one for all threads: who puts it to a seed has it alone meanwhile


def as_dataset(train: np.ndarray, validation: np.ndarray, names: Sequence[str]) -> Dataset:
    """Rows `[N, F]` to learn from and to hold out as a data set in memory, with a card of its own."""
    kind = Vector(tuple(names), mean=(0.0,) * len(names), std=(1.0,) * len(names))
    card = DatasetCard(
        NAME, "An array", "Rows of numbers given to an estimator.", "rows of an array", kind, ("all",), len(train),
        len(validation), n_test=0, licence="", source="", max_value=1, labelled=False,
    )  # fmt: skip

    def split(rows: np.ndarray) -> Split:
        return Split(rows.astype(np.float32), np.zeros(len(rows), np.int64), card.max_value, kind=kind)

    return Dataset(card, split(train), split(validation), split(train[:0]))


@dataclass(frozen=True, eq=False)
class FittedModel:
    """A trained autoencoder of rows `[N, F]` as settings and plain arrays, which can be pickled.

    The module is built when it is first asked for. It computes on the CPU and in float64, so that what is said of a
    row does not hang on the rows that it comes with.
    """

    config: Config
    card: DatasetCard
    weights: dict[str, np.ndarray]  # by their names in the module; what two layers share stands there once
    loss_curve: list[float]  # nats per training row, of each epoch

    @classmethod
    def train(cls, config: Config, data: Dataset, device: str) -> FittedModel:
        """Trains a resolved Config on `device`, "auto" being the fastest there is.

        Raises UserError when this machine has no such device, and Diverged when a loss is no longer a number.
        """
        place = select_device(None if device == "auto" else device).torch
        with _TORCH:
            recipe = build_recipe(config, data.card)
            reports = fit(recipe, data, config, place)
            losses = [sum(each.train.values()) for each in reports if each.validation is not None]
        weights = {name: each.numpy(force=True).copy() for name, each in _tensors(recipe.model).items()}
        return cls(config, data.card, weights, losses)

    @cached_property
    def module(self) -> Autoencoder:
        """The torch module, in evaluation mode."""
        with _TORCH:
            module = build_recipe(self.config, self.card).model
        with torch.no_grad():
            for name, each in _tensors(module).items():
                each.copy_(torch.from_numpy(self.weights[name]))
        return module.double().eval()

    @property
    def code_size(self) -> int:
        """D: how many numbers a code has."""
        return self.module.bottleneck.out_features

    def encode(self, x: np.ndarray) -> np.ndarray:
        """The codes of rows `[N, F]`: float64 `[N, D]`, never random (a VAE's means)."""
        return self._batched(self.module.encode_mean, x)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """The rows that codes `[N, D]` decode to, float64 `[N, F]`."""
        return self._batched(self.module.decode_mean, codes)

    def squared_errors(self, x: np.ndarray) -> np.ndarray:
        """The mean squared error of each row's reconstruction, float64 `[N]`; `x` is `[N, F]`."""
        return self._batched(lambda rows: (self.module.reconstruct(rows) - rows).square().mean(1), x)

    def _batched(self, function: Callable[[Tensor], Tensor], x: np.ndarray) -> np.ndarray:
        size = batch_size_for(2 * bytes_per_sample(self.config, self.card), MAX_BATCH_SIZE)  # counted in float32
        batches = torch.from_numpy(np.array(x, np.float64)).split(size)
        with _TORCH, seeded(self.config.seed):  # a posterior draws, though nothing of it is used
            return torch.cat([function(batch) for batch in batches]).numpy()

    def __getstate__(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}  # the module is no field


def _tensors(module: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers by their names."""
    return {**dict(module.named_parameters()), **dict(module.named_buffers())}
