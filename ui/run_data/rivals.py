"""What stands beside runs that are compared: PCA of as many dimensions and the mean image, kept for all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.analysis.rivals import Rival

N_SAMPLES = 10  # new images of each
MIN_COMPONENTS = 32  # that are fitted at once: fewer are the first of these


@cache.cached(max_entries=8, show_spinner="Fitting PCA ...")
def _largest(dataset: str, train_size: int, code_size: int) -> Rival:
    from aecore.analysis.rivals import Rival
    from aecore.data import datasets

    return Rival.fit(datasets.load(dataset).train.head(train_size), code_size)


def _rival(dataset: str, train_size: int, code_size: int) -> Rival:
    size = MIN_COMPONENTS
    while size < code_size:
        size *= 2
    return _largest(dataset, train_size, size).truncate(code_size)


@cache.cached(max_entries=64, show_spinner="Measuring PCA ...")
def _scores(dataset: str, train_size: int, code_size: int) -> dict[str, dict[str, float]]:
    from aecore.data import datasets

    data = datasets.load(dataset)
    train = data.train.head(train_size)
    made = _rival(dataset, train_size, code_size)
    return made.report(train, data.test) | {"errors": {"mse": made.mse(data.test)}}


@cache.cached(max_entries=64, show_spinner="Drawing samples of PCA ...")
def _samples(dataset: str, train_size: int, code_size: int) -> dict[str, np.ndarray]:
    from aecore.data import datasets

    train = datasets.load(dataset).train.head(train_size)
    return _rival(dataset, train_size, code_size).generate(train, N_SAMPLES)


def rival(run: LoadedModel, code_size: int | None = None) -> Rival:
    """PCA fitted to the images that a run learnt from, with as many numbers as its codes have, or `code_size`."""
    return _rival(run.config.dataset, run.config.train_size, run.code_size if code_size is None else code_size)


def scores(run: LoadedModel, code_size: int | None = None) -> dict[str, dict[str, float]]:
    """The test MSE of that (`errors`) and how near its samples come to test images, by way of sampling."""
    return _scores(run.config.dataset, run.config.train_size, run.code_size if code_size is None else code_size)


def samples(run: LoadedModel) -> dict[str, np.ndarray]:
    """New images of it, `[N_SAMPLES, C, H, W]`, by way of sampling."""
    return _samples(run.config.dataset, run.config.train_size, run.code_size)
