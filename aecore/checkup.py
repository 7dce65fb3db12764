"""The checkup of a finished run: its vitals, and how far it has come beside a plane; on validation pictures."""

from __future__ import annotations

from typing import Any

from aecore import metrics, trained
from aecore.config import Config
from aecore.data import Data
from aecore.recipe import Recipe
from aecore.train import Pictures, evaluate
from aecore.trained import Trained
from aecore.vitals import Vitals

MOST = 2000  # pictures that the plane is laid through, and that errors are taken of


def checkup(opened: Trained, data: Data) -> dict[str, Any]:
    """What `examined` says of a run's weights, computed afresh."""
    return examined(trained.recipe(opened), opened, data)


def examined(recipe: Recipe, opened: Trained, data: Data) -> dict[str, Any]:
    """The vitals of a finished recipe and, as squared errors per pixel value:

    mse               of the model
    mean_picture_mse  of always answering the mean of the pictures it learnt from
    pca_mse           of PCA with `size` numbers: those of a code that are in use for one picture
    """
    vitals, device = Vitals(), next(recipe.model.parameters()).device
    parts = evaluate(recipe, Pictures.of(data.validation, device), opened.config, vitals.add)
    seen, asked = vitals.said(recipe.model), data.validation.first(MOST)
    learnt, x, size = learnt_from(opened.config, data), asked.floats(), in_use(opened.config, seen["code"])
    return {
        **seen,
        "validation": parts,
        "mse": float(metrics.mse(x, opened.reconstruct(x, asked.labels)).mean()),
        "mean_picture_mse": metrics.mean_picture_error(learnt, x),
        "pca_mse": metrics.pca_error(learnt, x, size),
        "size": size,
    }


def learnt_from(config: Config, data: Data) -> Any:
    """Pictures that a run learnt from, `[N, C, H, W]`: some of them where there are many."""
    return data.train.first(config.pictures).first(MOST).floats()


def in_use(config: Config, code: dict[str, list[float]]) -> int:
    """How many numbers tell of one picture on average: all of a code, or its active units."""
    return max(1, round(sum(code["on"]))) if "on" in code else config.z_dim
