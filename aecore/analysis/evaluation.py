"""What a finished run scores on the test images: the numbers of its card, and of `python -m aecore evaluate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aecore.analysis import baselines, loaded, metrics, report
from aecore.analysis.diagnosis.checkup import checkup, training_subset
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Dataset, load_training
from aecore.models import corruptions
from aecore.models.latents import GaussianLatent
from aecore.training.loop import DeviceDataset, evaluate

NEIGHBOURS, KNN_TRAIN_SIZE = 10, 10_000  # who votes for a class, of how many training codes
NOISE_LEVELS = (0.3, 0.4, 0.5)  # of the Gaussian noise that a denoiser is asked about
N_DENOISING_IMAGES = 2000  # test images that are spoilt
SEED = 0  # of the noise


def evaluate_run(run: LoadedModel) -> dict[str, Any]:
    """Evaluate a model on the test set of its data: all metrics of its card, computed afresh.

    Parameters
    ----------
    run
        As `load_model` returns it.

    Returns
    -------
    dict
        Among others "mse" (per pixel value), "pca_mse" and "mean_baseline_mse" (what PCA of as many dimensions and the
        mean image reach), "test" (terms of the loss in nats per sample), "knn_accuracy" and "report" (by latent type).

    Raises
    ------
    DatasetNotAvailable
        When its data set has to be downloaded first.

    Examples
    --------
    >>> import aecore
    >>> run = aecore.load_model(next(run.id for run in aecore.list_runs() if run.config.dataset == "digits"))
    >>> metrics = aecore.evaluate_run(run)  # doctest: +SKIP
    >>> metrics["mse"] < metrics["mean_baseline_mse"]  # doctest: +SKIP
    True
    """
    data, config = load_training(run.config), run.config
    codes = run.encode_split(data.test)
    said: dict[str, Any] = {
        "test": test_losses(run, data),
        "mse": float(run.squared_errors(data.test).mean()),
        "code_size": run.code_size,
        "code_bits": run.code_bits,
        **baselines.baseline_errors(training_subset(config, data), data.test, run.code_size),
        "active_units": metrics.active_units(codes),
        "knn_accuracy": _knn_accuracy(run, data, codes),
    }
    said |= _elbo_terms(run, data)
    if run.corrupts:
        said["denoising"] = _denoising_psnr(run, data)
    return said | {"report": report.reports(run, data.test), "checkup": checkup(run, data)}


def test_losses(run: LoadedModel, data: Dataset) -> dict[str, float]:
    """The terms of a run's loss on the test images, in nats per image."""
    test = DeviceDataset.from_split(data.test, torch.device("cpu"))
    return evaluate(loaded.restore_recipe(run), test, run.config)


def _knn_accuracy(run: LoadedModel, data: Dataset, codes: np.ndarray) -> float:
    """The share of test codes whose nearest training codes vote for the right class."""
    x, labels = data.train.to_float(slice(KNN_TRAIN_SIZE)), data.train.y[:KNN_TRAIN_SIZE]
    return metrics.knn_accuracy(run.encode(x, labels), labels, codes, data.test.y, NEIGHBOURS)


@torch.inference_mode()
def _elbo_terms(run: LoadedModel, data: Dataset) -> dict[str, float]:
    """Where codes are Gaussian posteriors, in nats per test image: the ELBO with one sample from each, whatever the KL
    cost in training; its KL; and the reconstruction where the mean of each posterior is decoded instead."""
    model, found = run.model, []
    for x, y, latent in run.latent_batches(data.test, seed=SEED):
        if not isinstance(latent, GaussianLatent):
            return {}
        drawn, still = (model.likelihood.nll(model.decode(each, y), x) for each in (latent.z, latent.code))
        found.append(torch.stack([-drawn - latent.kl.sum(1), latent.kl.sum(1), still], 1))
    names = ("elbo", "kl", "reconstruction_at_mean_code")
    return dict(zip(names, torch.cat(found).mean(0).tolist(), strict=True))


def _denoising_psnr(run: LoadedModel, data: Dataset) -> dict[str, dict[str, float]]:
    """PSNR in decibels of spoilt test images and of what the model makes of them, averaged over images."""
    clean, found = data.test.to_float(slice(N_DENOISING_IMAGES)), {}
    for strength in NOISE_LEVELS:
        noisy = corruptions.corrupt(clean, "gaussian", strength, SEED, run.card.modality)
        before, after = (float(metrics.psnr(clean, each).mean()) for each in (noisy, run.reconstruct(noisy)))
        found[f"gaussian {strength:g}"] = {
            "corrupted_psnr": before,
            "denoised_psnr": after,
            "psnr_gain": after - before,
        }
    return found
