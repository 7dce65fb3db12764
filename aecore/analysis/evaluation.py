"""What a finished run scores on the test pictures: the numbers of its card, and of `python -m aecore evaluate`."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aecore.analysis import baselines, loaded, metrics, report
from aecore.analysis.diagnosis.checkup import checkup, learnt_from
from aecore.analysis.loaded import Trained
from aecore.data.datasets import Data, load
from aecore.models import corruptions
from aecore.models.bottlenecks import GaussianLatent
from aecore.training.loop import Pictures, evaluate

NEIGHBOURS, KNOWN = 10, 10_000  # who votes for a class, of how many training codes
STRENGTHS = (0.3, 0.4, 0.5)  # of the Gaussian noise that a denoiser is asked about
ASKED = 2000  # test pictures that are spoilt
SEED = 0  # of the noise


def scores(opened: Trained) -> dict[str, Any]:
    """All of them, computed afresh from the test pictures; DataMissing when those are not here."""
    data, config = load(opened.config.dataset), opened.config
    recipe = loaded.recipe(opened)
    codes = opened.codes_of(data.test)
    said: dict[str, Any] = {
        "test": evaluate(recipe, Pictures.of(data.test, torch.device("cpu")), config),
        "mse": float(opened.errors(data.test).mean()),
        "code_size": opened.code_size,
        "code_bits": opened.code_bits,
        **baselines.measured(learnt_from(config, data), data.test, opened.code_size),
        "active_units": metrics.active_units(codes),
        "knn_accuracy": _accuracy(opened, data, codes),
    }
    said |= _clouds(opened, data)
    if recipe.corrupts:
        said["denoising"] = _cleaned(opened, data)
    return said | {"inside": report.numbers(opened, data.test), "checkup": checkup(opened, data)}


def _accuracy(opened: Trained, data: Data, codes: np.ndarray) -> float:
    """The share of test codes whose nearest training codes vote for the right class."""
    x, labels = data.train.floats(slice(KNOWN)), data.train.labels[:KNOWN]
    return metrics.knn_accuracy(opened.codes(x, labels), labels, codes, data.test.labels, NEIGHBOURS)


@torch.inference_mode()
def _clouds(opened: Trained, data: Data) -> dict[str, float]:
    """Where codes are clouds, in nats per test picture: the ELBO with one draw from each, whatever the KL cost in
    training; its KL; and the reconstruction where the mean of each cloud is decoded instead."""
    model, found = opened.model, []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        for rows in opened.parts(len(data.test)):
            x, y = torch.from_numpy(data.test.floats(rows)), torch.from_numpy(data.test.labels[rows])
            latent = model.encode(x, y)
            if not isinstance(latent, GaussianLatent):
                return {}
            drawn, still = (model.likelihood.nll(model.decode(each, y), x) for each in (latent.z, latent.code))
            found.append(torch.stack([-drawn - latent.kl.sum(1), latent.kl.sum(1), still], 1))
    names = ("elbo", "kl", "reconstruction_at_mean_code")
    return dict(zip(names, torch.cat(found).mean(0).tolist(), strict=True))


def _cleaned(opened: Trained, data: Data) -> dict[str, dict[str, float]]:
    """PSNR in decibels of spoilt test pictures and of what the model makes of them, averaged over pictures."""
    clean, found = data.test.floats(slice(ASKED)), {}
    for strength in STRENGTHS:
        noisy = corruptions.corrupted(clean, "gaussian", strength, SEED)
        before, after = (float(metrics.psnr(clean, each).mean()) for each in (noisy, opened.reconstruct(noisy)))
        found[f"gaussian {strength:g}"] = {"noisy": before, "cleaned": after, "gain": after - before}
    return found
