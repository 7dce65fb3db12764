"""Numbers about a run's codes and errors on the test images, its report and its checkup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ui.run_data import splits
from ui.run_data.per_run import per_run
from ui.session import cache

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel
    from aecore.data.datasets import TrainingSet

N_KL_SAMPLES = 2000  # test images that the KL of each dimension is a mean over


@per_run(max_entries=64)
def explained_variance(run: LoadedModel, subset: str = "test") -> np.ndarray:
    """The share 0..1 of the variance of the codes of one of SUBSETS that each component carries, falling: `[D]`."""
    from aecore.analysis import projections

    return projections.explained_variance_ratio(splits.codes(run, subset))


@per_run(max_entries=64)
def dim_ranges(run: LoadedModel) -> tuple[np.ndarray, list[int]]:
    """The 1st to 99th percentile of each dimension of the test codes, `[D, 2]`, and the order of the dimensions: by
    falling KL, or where codes have no posterior by falling variance."""
    from aecore.analysis import latent_space

    codes, kl = splits.codes(run), kl_per_dim(run)
    order = latent_space.order_by_variance(codes) if kl is None else np.argsort(-kl, kind="stable")
    return latent_space.quantile_ranges(codes), [int(dimension) for dimension in order]


@per_run(max_entries=64)
def kl_per_dim(run: LoadedModel) -> np.ndarray | None:
    """The KL of each latent dimension in nats, mean over the test images, `[D]`; None where codes have no posterior."""
    if not splits.data_available(run):
        return splits.offline_bundle(run).kl_per_dim
    from aecore.analysis.latents import posterior  # torch comes with it

    if not posterior.has_posterior(run):
        return None
    test = splits.test_split(run)
    return posterior.encode(run, test.to_float(slice(0, N_KL_SAMPLES)), test.y[:N_KL_SAMPLES]).kl.mean(axis=0)


@per_run(max_entries=64)
def class_stats(run: LoadedModel) -> tuple[np.ndarray, np.ndarray]:
    """The mean and the standard deviation of the test codes of each class, `[K, D]` both."""
    codes, labels = splits.codes(run), splits.test_split(run).y
    own = [codes[labels == label] for label in range(len(run.card.classes))]
    own = [each if len(each) else codes for each in own]  # a class that no test image has
    return np.stack([each.mean(axis=0) for each in own]), np.stack([each.std(axis=0) for each in own])


@per_run(max_entries=16, spinner="Reconstructing the test images ...")
def errors(run: LoadedModel) -> np.ndarray:
    """The mean squared error per pixel of every test image, `[N]`."""
    return run.squared_errors(splits.test_split(run)) if splits.data_available(run) else splits.offline_bundle(run).mse


@cache.cached(max_entries=64, show_spinner="Computing what PCA would do ...")
def _baselines(training: TrainingSet, code_size: int) -> dict[str, float]:
    from aecore.analysis import baselines

    known = training.load()
    return baselines.baseline_errors(known.train, known.test, code_size)


def baselines(run: LoadedModel) -> dict[str, float]:
    """What a model has to beat: `pca_mse` and `mean_baseline_mse`, per pixel on the test images, both fitted to the
    images that it learnt from."""
    if not splits.data_available(run):
        return {name: run.result["scores"][name] for name in ("pca_mse", "mean_baseline_mse")}
    from aecore.data.datasets import TrainingSet

    return _baselines(TrainingSet.of(run.config), run.code_size)


@per_run(max_entries=64, spinner="Measuring the model ...")
def report(run: LoadedModel, name: str) -> dict[str, Any]:
    """What is measured of a run of its kind on the test images, under one of the names of aecore.analysis.report:
    `posterior`, `sparsity`, `codebook` ...; where the images are not here, what was measured when they were."""
    from aecore.analysis import report as reports

    kept: dict[str, Any] | None = run.result.get("scores", {}).get("report", {}).get(name)
    if not splits.data_available(run) and kept is not None:
        return kept
    return reports.reports(run, splits.test_split(run), name)[name]


@per_run(max_entries=16, spinner="Evaluating the model ...")
def _test_losses(run: LoadedModel) -> dict[str, float]:
    from aecore.analysis import evaluation
    from aecore.data import datasets

    return evaluation.test_losses(run, datasets.load_training(run.config))


def test_losses(run: LoadedModel) -> dict[str, float]:
    """The terms of the loss on the test images, in nats per image; of a run that was stopped computed now."""
    kept: dict[str, float] | None = run.result.get("test")
    return kept or _test_losses(run)


@per_run(max_entries=64, spinner="Examining the model ...")
def _checkup(run: LoadedModel) -> dict[str, Any]:
    from aecore.analysis.diagnosis import checkup
    from aecore.data import datasets

    return checkup.checkup(run, datasets.load_training(run.config))


def checkup(run: LoadedModel) -> dict[str, Any] | None:
    """The checkup of a run as its training ended with it; for older runs made now, or None where the images are not
    here."""
    kept: dict[str, Any] | None = run.result.get("checkup")
    return kept or (_checkup(run) if splits.data_available(run) else None)
