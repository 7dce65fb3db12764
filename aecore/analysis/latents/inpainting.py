"""Hidden values filled in: by a model that learnt to, and by the rivals that it has to beat."""

from __future__ import annotations

import numpy as np
import torch

from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.models.masks import InpaintingAutoencoder
from aecore.models.rng import seeded

N_NEIGHBOURS = 5
N_TEST, N_TRAIN = 500, 5000  # samples that are filled in, and those among which neighbours are looked for


def draw_masks(run: LoadedModel, x: np.ndarray, seed: int = 0) -> dict[str, np.ndarray]:
    """What the model can be asked to fill in of samples `[N, *shape]`, bool as `x`, by what is left to see."""
    with seeded(seed):
        return {name: hidden.numpy() for name, hidden in _model(run).masks(torch.from_numpy(x)).items()}


def fill(run: LoadedModel, x: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Samples `[N, *shape]` as they are where they are seen, and as the model draws them where they are `hidden`."""
    shown = _model(run).hide(torch.from_numpy(x), torch.from_numpy(hidden))
    return np.where(hidden, run.reconstruct(shown.numpy()), x)


def fill_by_neighbours(train: np.ndarray, x: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The same with the mean of the N_NEIGHBOURS training samples whose visible values are nearest to those of `x`."""
    known, flat, seen = train.reshape(len(train), -1), x.reshape(len(x), -1), ~hidden.reshape(len(x), -1)
    shown = np.where(seen, flat, 0)
    distances = np.square(shown).sum(1)[:, None] - 2 * shown @ known.T + seen.astype(x.dtype) @ np.square(known).T
    nearest = np.argsort(distances, axis=1, kind="stable")[:, :N_NEIGHBOURS]
    return np.where(hidden, known[nearest].mean(axis=1).reshape(x.shape), x)


def fill_errors(run: LoadedModel, train: Split, test: Split, seed: int = 0) -> dict[str, dict[str, float]]:
    """Mean squared errors of hidden values of test samples, by what is left to see: of the model, of its nearest
    neighbours by visible values (`neighbours`), and of the mean training sample (`mean`)."""
    known, x = train.to_float(slice(N_TRAIN)), test.to_float(slice(N_TEST))
    found = {}
    for name, hidden in draw_masks(run, x, seed).items():
        rivals = {
            "model": fill(run, x, hidden),
            "neighbours": fill_by_neighbours(known, x, hidden),
            "mean": np.broadcast_to(known.mean(axis=0), x.shape),
        }
        found[name] = {rival: float(np.square(made - x)[hidden].mean()) for rival, made in rivals.items()}
    return found


def _model(run: LoadedModel) -> InpaintingAutoencoder:
    assert isinstance(run.model, InpaintingAutoencoder)
    return run.model
