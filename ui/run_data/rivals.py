"""What stands beside runs that are compared: PCA of as many dimensions and the mean image, kept for all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.analysis.rivals import Rival
    from aecore.data.datasets import TrainingSet

N_SAMPLES = 10  # new images of each
MIN_COMPONENTS = 32  # that are fitted at once: fewer are the first of these


@cache.cached(max_entries=8, show_spinner="Fitting PCA ...")
def _largest(training: TrainingSet, code_size: int) -> Rival:
    from aecore.analysis.rivals import Rival

    return Rival.fit(training.load().train, code_size)


def _rival(training: TrainingSet, code_size: int) -> Rival:
    size = MIN_COMPONENTS
    while size < code_size:
        size *= 2
    return _largest(training, size).truncate(code_size)


@cache.cached(max_entries=64, show_spinner="Measuring PCA ...")
def _scores(training: TrainingSet, code_size: int) -> dict[str, dict[str, float]]:
    data = training.load()
    made = _rival(training, code_size)
    return made.report(data.train, data.test) | {"errors": {"mse": made.mse(data.test)}}


@cache.cached(max_entries=64, show_spinner="Drawing samples of PCA ...")
def _samples(training: TrainingSet, code_size: int) -> dict[str, np.ndarray]:
    return _rival(training, code_size).generate(training.load().train, N_SAMPLES)


def _training_set(run: LoadedModel) -> TrainingSet:
    from aecore.data.datasets import TrainingSet

    return TrainingSet.of(run.config)


def rival(run: LoadedModel, code_size: int | None = None) -> Rival:
    """PCA fitted to the images that a run learnt from, with as many numbers as its codes have, or `code_size`."""
    return _rival(_training_set(run), run.code_size if code_size is None else code_size)


def scores(run: LoadedModel, code_size: int | None = None) -> dict[str, dict[str, float]]:
    """The test MSE of that (`errors`) and how near its samples come to test images, by way of sampling."""
    return _scores(_training_set(run), run.code_size if code_size is None else code_size)


def samples(run: LoadedModel) -> dict[str, np.ndarray]:
    """New images of it, `[N_SAMPLES, C, H, W]`, by way of sampling."""
    return _samples(_training_set(run), run.code_size)
