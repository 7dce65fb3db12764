"""The checkup of a finished run: its vitals, and how far it has come beside PCA; on validation pictures."""

from __future__ import annotations

from typing import Any

from aecore.analysis import baselines, loaded
from aecore.analysis.loaded import Trained
from aecore.config import Config
from aecore.data.datasets import Data, Split
from aecore.models.recipe import Recipe
from aecore.training.loop import Pictures, evaluate
from aecore.training.signals import Vitals

ASKED = 2000  # validation pictures that errors are taken of


def checkup(opened: Trained, data: Data) -> dict[str, Any]:
    """What `examined` says of a run's weights, computed afresh."""
    return examined(loaded.recipe(opened), opened, data)


def examined(recipe: Recipe, opened: Trained, data: Data) -> dict[str, Any]:
    """The vitals of a finished recipe and, as squared errors per pixel value of the same validation pictures:

    mse               of the model
    mean_picture_mse  of always answering the mean of the pictures it learnt from
    pca_mse           of PCA with `size` numbers: those of a code that are in use for one picture

    `code_size` is how many numbers a code has.
    """
    vitals, device = Vitals(), next(recipe.model.parameters()).device
    parts = evaluate(recipe, Pictures.of(data.validation, device), opened.config, vitals.add)
    seen, asked = vitals.said(recipe.model), data.validation.first(ASKED)
    size = in_use(opened.code_size, seen["code"])
    return {
        **seen,
        "validation": parts,
        "mse": float(opened.errors(asked).mean()),
        **baselines.measured(learnt_from(opened.config, data), asked, size),
        "size": size,
        "code_size": opened.code_size,
    }


def learnt_from(config: Config, data: Data) -> Split:
    """The pictures that a run learnt from."""
    return data.train.first(config.pictures)


def in_use(code_size: int, code: dict[str, list[float]]) -> int:
    """How many of a code's numbers tell of one picture on average: all of them, or its active units."""
    return max(1, round(sum(code["on"]))) if "on" in code else code_size
