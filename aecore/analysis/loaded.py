"""A finished run (or one that was stopped), opened: arrays in, arrays out. Torch stays behind this door."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_model, save_model
from torch import Tensor, nn

from aecore import files
from aecore.analysis import baselines
from aecore.config import Config
from aecore.data.cards import CARDS, DatasetCard
from aecore.data.datasets import Split
from aecore.errors import UserError
from aecore.limits import batch_memory, batch_size_for, check_codes, check_free_memory
from aecore.models.autoencoder import Autoencoder
from aecore.models.families.build import build_recipe, bytes_per_sample, model_size, resolve_config
from aecore.models.latents import Latent
from aecore.models.recipe import Recipe
from aecore.models.rng import seeded
from aecore.store import history, runs
from aecore.store.run_info import RunInfo
from aecore.training.state import restore_weights

MAX_BATCH_SIZE = 1000  # images at a time: bounds the memory of a page
LOADING_FACTOR, CHECKPOINT_FACTOR = 2, 4  # times its weights that a model takes while it is read, by what is read


@dataclass(frozen=True)
class LoadedModel:
    """A trained model with the settings that made it: arrays in, arrays out.

    Images are float32 `[N, C, H, W]` in [0, 1], codes float32 `[N, D]`.

    Attributes
    ----------
    config
        The settings of the run.
    model
        The torch module, in evaluation mode.
    result
        What its folder holds of its metrics.
    class_label
        The class that a conditional model decodes codes as.
    corrupts
        Whether it was trained to reconstruct clean images from corrupted ones.
    stopped_after
        How many epochs its training had finished when it was stopped; None for a finished run.

    Examples
    --------
    >>> import aecore
    >>> run = aecore.load_model(next(run.id for run in aecore.list_runs() if run.config.dataset == "digits"))
    >>> x = aecore.load_dataset("digits").test.to_float(slice(3))
    >>> codes = run.encode(x)
    >>> codes.shape == (3, run.code_size), run.decode(codes).shape
    (True, (3, 1, 8, 8))
    >>> run.decode(run.sample_prior(2, seed=0)).shape
    (2, 1, 8, 8)
    """

    config: Config
    model: Autoencoder
    result: Mapping[str, Any]
    class_label: int = 0  # what a conditional model draws codes as
    corrupts: bool = False  # whether it learnt to give back clean images from corrupted ones
    stopped_after: int | None = None  # epochs; None when it is finished

    @property
    def id(self) -> str:
        return self.config.id

    @property
    def card(self) -> DatasetCard:
        return CARDS[self.config.dataset]

    @cached_property
    def types(self) -> tuple[type, ...]:
        """What kind of code the model makes and what kind of model it is, the most particular types of both: what
        chooses the panels and the numbers that say something of it."""
        return type(self.latents(np.zeros((1, *self.card.shape), np.float32))), type(self.model)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @property
    def code_size(self) -> int:
        """D: how many numbers a code has, slots times width where it is made of vectors."""
        return self.model.bottleneck.out_features

    @property
    def code_bits(self) -> float:
        """Bits that a code takes to store."""
        return self.model.bottleneck.bits

    @torch.inference_mode()
    def latent_batches(
        self, x: np.ndarray | Split, labels: np.ndarray | None = None, seed: int = 0
    ) -> Iterator[tuple[Tensor, Tensor | None, Latent]]:
        """Encodes images, a batch at a time: what was encoded, its labels, and its latent, on the model's device.

        Parameters
        ----------
        x
            float32 `[N, C, H, W]` in [0, 1]; or a split, which is never held as floats and brings its labels.
        labels
            int `[N]`; a conditional model guesses those that it is not given.
        seed
            Of what the latents draw; the random state outside is kept.
        """
        with self._batch_memory(len(x)), seeded(seed, self.device):
            for rows in self.batches(len(x)):
                batch, told = (x.to_float(rows), x.y) if isinstance(x, Split) else (x[rows], labels)
                inputs, y = self._to_tensors(batch, None if told is None else told[rows])
                yield inputs, y, self.model.encode(inputs, y)

    def latents(self, x: np.ndarray, labels: np.ndarray | None = None, seed: int = 0) -> Latent:
        """What the encoder and the bottleneck make of images `[N, C, H, W]`: one latent of all, float32 on the CPU.

        Parameters as in `latent_batches`.
        """
        return Latent.concatenate([latent.map(_to_cpu) for _, _, latent in self.latent_batches(x, labels, seed)])

    def encode(self, x: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """Where images live, `[N, D]` (a VAE's means). A conditional model guesses labels it is not given."""
        return np.concatenate([_to_cpu(latent.code).numpy() for _, _, latent in self.latent_batches(x, labels)])

    def decode(self, codes: np.ndarray, labels: np.ndarray | None = None) -> np.ndarray:
        """What codes decode to, `[N, C, H, W]`, clipped to [0, 1]; as images of `labels` if the model asks."""
        labels = np.full(len(codes), self.class_label) if labels is None else labels
        return self.card.modality.clip(self._batched(self.model.decode_mean, codes, labels))

    def reconstruct(self, x: np.ndarray, labels: np.ndarray | None = None, clip: bool = True) -> np.ndarray:
        """What images are given back as, `[N, C, H, W]`; clipped to [0, 1], as they can be shown, unless said not
        to."""
        made = self._batched(self.model.reconstruct, x, labels)
        return self.card.modality.clip(made) if clip else made

    def squared_errors(self, split: Split) -> np.ndarray:
        """Squared error per pixel value of each image of a split, `[N]`, as every baseline's is taken."""
        return baselines.squared_errors(split, self.reconstruct)

    def sample_prior(self, n: int, seed: int = 0) -> np.ndarray:
        """Codes `[n, D]` from the model's own prior."""
        with seeded(seed):
            return self.model.bottleneck.sample_prior(n).numpy()

    def sample(self, n: int, seed: int = 0) -> np.ndarray:
        """Codes `[n, D]` to decode for new images: from the learned prior where there is one, else from the model's."""
        with seeded(seed):
            return self.model.bottleneck.sample(n).numpy()

    def encode_split(self, split: Split) -> np.ndarray:
        """The codes of a whole split, without ever holding it as floats. TooLarge when there is no memory for them."""
        check_codes(len(split), self.code_size)
        codes, row = np.empty((len(split), self.code_size), np.float32), 0
        for _, _, latent in self.latent_batches(split):
            part = _to_cpu(latent.code).numpy()
            codes[row : row + len(part)] = part
            row += len(part)
        return codes

    @cached_property
    def batch_size(self) -> int:
        """Images at a time: BATCH, or as many as there is room for where the network takes much for each."""
        return batch_size_for(self.bytes_per_sample, MAX_BATCH_SIZE)

    @cached_property
    def bytes_per_sample(self) -> int:
        """What an image takes on its way through the network, beside the weights."""
        return bytes_per_sample(self.config)

    def batches(self, count: int) -> list[slice]:
        """`count` rows cut into batches."""
        return [slice(start, min(count, start + self.batch_size)) for start in range(0, count, self.batch_size)]

    def _batched(self, function: Any, array: np.ndarray, labels: np.ndarray | None) -> np.ndarray:
        x, y = self._to_tensors(array, labels)
        with self._batch_memory(len(x)):
            made = (function(x[part], None if y is None else y[part]) for part in self.batches(len(x)))
            return np.concatenate([_to_cpu(each).numpy() for each in made])

    def _to_tensors(self, x: np.ndarray, labels: np.ndarray | None) -> tuple[Tensor, Tensor | None]:
        y = None if labels is None else torch.from_numpy(np.asarray(labels, dtype=np.int64)).to(self.device)
        return torch.from_numpy(np.ascontiguousarray(x, dtype=np.float32)).to(self.device), y

    def _batch_memory(self, count: int) -> AbstractContextManager[None]:
        return batch_memory(min(count, self.batch_size) * self.bytes_per_sample)


def _to_cpu(tensor: Tensor) -> Tensor:
    return (tensor.float() if tensor.is_floating_point() else tensor).cpu()


def load(run_id: str, allow_stopped: bool = False) -> LoadedModel:
    """Open a finished run on the CPU.

    Parameters
    ----------
    run_id
        Id of the run, own or pretrained.
    allow_stopped
        Whether a run will do whose training rests after an epoch or more: the model as its checkpoint holds it, with
        `stopped_after` set and without metrics.

    Returns
    -------
    LoadedModel
        The model in evaluation mode, with its settings and metrics.

    Raises
    ------
    UnknownRun
        When there is no such run.
    UserError
        When it is broken, not finished, or its weights were changed.
    TooLarge
        When this computer has no memory for it.

    Examples
    --------
    >>> import aecore
    >>> aecore.load_model("no-such-run-00000000")
    Traceback (most recent call last):
    aecore.store.runs.UnknownRun: There is no run called no-such-run-00000000; ...
    """
    entry = runs.entry(run_id)
    if entry.config is None or not (entry.finished or (allow_stopped and entry.stopped_early)):
        raise UserError(f"The run {run_id} cannot be opened: {entry.message or 'it is still training'}")
    if entry.finished:
        runs.verify_checksum(run_id, runs.WEIGHTS_FILE)
    config = resolve_config(entry.config, for_training=False)
    factor = LOADING_FACTOR if entry.finished else CHECKPOINT_FACTOR
    check_free_memory(factor * 4 * model_size(config).parameters)
    recipe = build_recipe(config)
    if not entry.finished:
        return _load_checkpoint(entry, recipe)
    _load_weights(recipe.model, run_id, runs.WEIGHTS_FILE)
    return LoadedModel(entry.config, recipe.model.eval(), entry.result, corrupts=recipe.corrupts)


def _load_checkpoint(entry: RunInfo, recipe: Recipe) -> LoadedModel:
    """The model of a run that was stopped. UserError when its training goes on at this moment."""
    assert entry.config
    epochs = restore_weights(recipe, runs.path(entry.id) / runs.CHECKPOINT_FILE)
    now = runs.entry(entry.id)
    if (now.state, now.created) != (entry.state, entry.created):
        raise UserError(f"The training of {entry.id} goes on: look again when it is done, or stopped.")
    lines = [line["train"] for line in history.history(entry.id) if line["epoch"] <= epochs]
    result = {"created": entry.created, "train": lines[-1] if lines else {}}
    return LoadedModel(entry.config, recipe.model.eval(), result, corrupts=recipe.corrupts, stopped_after=epochs)


def _load_weights(module: nn.Module, run_id: str, name: str) -> None:
    """Gives a module the weights that a file of a run holds. Raises UserError when they do not fit it."""
    file = runs.path(run_id) / name
    try:
        files.open_regular(file).close()  # no FIFO, for which safetensors would wait
        load_model(module, file)
    except (SafetensorError, RuntimeError, OSError) as error:
        raise UserError(f"The weights of {run_id} ({name}) do not fit its settings; delete its folder.") from error


def restore_recipe(run: LoadedModel) -> Recipe:
    """The recipe of a run as its training left it, the adversary included where it was kept. Raises UserError when that
    was changed."""
    found = build_recipe(resolve_config(run.config, for_training=False))
    if run.stopped_after is not None:
        restore_weights(found, runs.path(run.id) / runs.CHECKPOINT_FILE)
    found.model.load_state_dict(run.model.state_dict(), assign=True)  # the same weights, not copies of them
    file = runs.path(run.id) / runs.AUXILIARY_FILE
    if run.stopped_after is None and len(found.auxiliary_modules) and file.exists():
        runs.verify_checksum(run.id, runs.AUXILIARY_FILE)
        _load_weights(found.auxiliary_modules, run.id, runs.AUXILIARY_FILE)
    found.modules.eval()
    return found


def state_bytes(model: nn.Module) -> bytes:
    """The weights as a safetensors file; those that two layers share stand there once."""
    with tempfile.TemporaryDirectory() as folder:
        save_model(model, f"{folder}/weights")
        return Path(folder, "weights").read_bytes()
