"""The checkup of a finished run: its training signals, and how far it has come beside PCA, on validation images; and
whether the training set holds what these do not."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aecore.analysis import baselines, loaded, metrics, sampling
from aecore.analysis.diagnosis.thresholds import THRESHOLDS
from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.data.datasets import Dataset, Split
from aecore.models import loss_terms
from aecore.models.families.registry import get_family
from aecore.models.recipe import Recipe
from aecore.training.loop import DeviceDataset, evaluate
from aecore.training.signals import TrainingSignals

N_EVAL_IMAGES = 2000  # validation images that errors are taken of; as many training images are looked at for outliers
N_REFERENCE = 5000  # training images that others are compared with: the first are a fair sample
N_NEIGHBOURS, BATCH_SIZE = 5, 500
N_SAMPLES = 500  # samples that are drawn, and validation images that they are compared with


def checkup(run: LoadedModel, data: Dataset) -> dict[str, Any]:
    """What `compute_checkup` says of a run's weights, computed afresh."""
    return compute_checkup(loaded.restore_recipe(run), run, data)


def compute_checkup(recipe: Recipe, run: LoadedModel, data: Dataset) -> dict[str, Any]:
    """The training signals of a finished recipe and, as mean squared errors per pixel of the same validation images:

    mse                of the model
    mean_baseline_mse  of always answering the mean of the images it was trained on
    pca_mse            of PCA with `effective_code_size` components: the latent dimensions that one image uses

    `code_size` is the number of latent dimensions, and `outliers` what `outliers` says. Of a family that plays a game
    `sampling` is what `sample_signals` says.
    """
    vitals, device = TrainingSignals(data.card.modality.bounded), next(recipe.model.parameters()).device
    parts = evaluate(recipe, DeviceDataset.from_split(data.validation, device), run.config, vitals.update)
    seen, asked = vitals.compute(recipe.model), data.validation.head(N_EVAL_IMAGES)
    size = effective_code_size(run.code_size, seen["code"])
    return {
        **seen,
        "validation": parts,
        "mse": float(run.squared_errors(asked).mean()),
        **baselines.baseline_errors(training_subset(run.config, data), asked, size),
        "outliers": outliers(run.config, data),
        "effective_code_size": size,
        "code_size": run.code_size,
        **({"sampling": sample_signals(run, asked)} if _plays_a_game(run.config) else {}),
    }


def _plays_a_game(config: Config) -> bool:
    terms = {id(part.term) for part in get_family(config.family).loss_terms.values()}
    return any(id(term) in terms for term in (*loss_terms.DISCRIMINATORS, loss_terms.ENERGY_MARGIN))


def sample_signals(run: LoadedModel, split: Split) -> dict[str, float]:
    """How far what is drawn is from what it should be: the share of up to N_SAMPLES images of a split that as many
    samples cover, and that their own reconstructions do (metrics.precision_and_coverage); and the MMD between their
    codes and draws of the prior."""
    x, y = split.to_float(slice(N_SAMPLES)), split.y[:N_SAMPLES]
    draws = run.sample_prior(len(x))
    return {
        "coverage": metrics.precision_and_coverage(x, run.decode(draws))[1],
        "reconstruction_coverage": metrics.precision_and_coverage(x, run.reconstruct(x, y))[1],
        "prior_mmd": sampling.mmd(sampling.aggregate_posterior(run, x, y), draws),
    }


def training_subset(config: Config, data: Dataset) -> Split:
    """The images that a run learnt from."""
    return data.train.head(config.train_size)


def effective_code_size(code_size: int, code: dict[str, list[float]]) -> int:
    """How many of a code's numbers tell of one image on average: all of them, or its active units."""
    return max(1, round(sum(code["active_rate"]))) if "active_rate" in code else code_size


def outliers(config: Config, data: Dataset) -> dict[str, int]:
    """What the training set holds that the validation set does not.

    How many of the first `n_train` training images, and of `n_validation` validation images, lie farther from the other
    training images than the threshold `outlier_quantile` of the validation images do (`train`, `validation`); and how
    many of those training images carry a class that is not among the run's normal ones (`not_normal`). Errors of the
    model say less: it has learnt to draw what it was trained on, odd or not."""
    reference = training_subset(config, data).head(N_REFERENCE)
    train, normal = reference.head(N_EVAL_IMAGES), config.normal or tuple(range(len(data.card.classes)))
    own = neighbour_distances(train, reference, skip=1)  # the nearest is the image itself
    held_out = neighbour_distances(data.validation.head(N_EVAL_IMAGES), reference)
    limit = np.quantile(held_out, THRESHOLDS["outlier_quantile"].value, method="higher")
    return {
        "train": int((own > limit).sum()),
        "n_train": len(own),
        "validation": int((held_out > limit).sum()),
        "n_validation": len(held_out),
        "not_normal": int((~np.isin(train.y, normal)).sum()),
    }


def neighbour_distances(split: Split, reference: Split, skip: int = 0) -> np.ndarray:
    """Mean Euclidean distance of each image of a split to the N_NEIGHBOURS nearest of `reference`, after the `skip`
    nearest: `[N]`; 0 stands for values that are missing."""
    known = torch.from_numpy(reference.to_float()).flatten(1)
    nearest = min(N_NEIGHBOURS + skip, len(known))
    found = [
        torch.cdist(torch.from_numpy(split.to_float(slice(start, start + BATCH_SIZE))).flatten(1), known)
        .topk(nearest, largest=False)
        .values[:, min(skip, nearest - 1) :]
        .mean(1)
        for start in range(0, len(split), BATCH_SIZE)
    ]
    return torch.cat(found).numpy()
