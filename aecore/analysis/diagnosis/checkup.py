"""The checkup of a finished run: its training signals, and how far it has come beside PCA; on validation images."""

from __future__ import annotations

from typing import Any

from aecore.analysis import baselines, loaded
from aecore.analysis.loaded import LoadedModel
from aecore.config import Config
from aecore.data.datasets import Dataset, Split
from aecore.models.recipe import Recipe
from aecore.training.loop import DeviceDataset, evaluate
from aecore.training.signals import TrainingSignals

N_EVAL_IMAGES = 2000  # validation images that errors are taken of


def checkup(run: LoadedModel, data: Dataset) -> dict[str, Any]:
    """What `compute_checkup` says of a run's weights, computed afresh."""
    return compute_checkup(loaded.restore_recipe(run), run, data)


def compute_checkup(recipe: Recipe, run: LoadedModel, data: Dataset) -> dict[str, Any]:
    """The training signals of a finished recipe and, as mean squared errors per pixel of the same validation images:

    mse                of the model
    mean_baseline_mse  of always answering the mean of the images it was trained on
    pca_mse            of PCA with `effective_code_size` components: the latent dimensions that one image uses

    `code_size` is the number of latent dimensions.
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
        "effective_code_size": size,
        "code_size": run.code_size,
    }


def training_subset(config: Config, data: Dataset) -> Split:
    """The images that a run learnt from."""
    return data.train.head(config.train_size)


def effective_code_size(code_size: int, code: dict[str, list[float]]) -> int:
    """How many of a code's numbers tell of one image on average: all of them, or its active units."""
    return max(1, round(sum(code["active_rate"]))) if "active_rate" in code else code_size
