"""Levels: what the two levels of a ladder each have to say."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.analysis.latents import posterior
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split
from aecore.models.bottlenecks import LadderBottleneck

N_EVAL_IMAGES, N_SAMPLES = 50, 20  # test images, and draws for each, that say how much a level changes


def n_top(run: LoadedModel) -> int:
    """How many of the first numbers of a code belong to the top level."""
    assert isinstance(run.model.bottleneck, LadderBottleneck)
    return run.model.bottleneck.n_top


def resample_level(codes: np.ndarray, n_top: int, n_samples: int, seed: int = 0) -> dict[str, np.ndarray]:
    """For each of `codes` `[N, D]`, `n_samples` codes `[N, n_samples, D]` in which a level is kept and the other drawn
    from its prior: `bottom_resampled`, `top_resampled`, `both_resampled`. The bottom is in units of what
    the top expects, so that both priors are N(0, 1)."""
    drawn = np.random.default_rng(seed).standard_normal((len(codes), n_samples, codes.shape[1])).astype(np.float32)
    above = np.arange(codes.shape[1]) < n_top
    own = codes[:, None]
    return {
        "bottom_resampled": np.where(above, own, drawn),
        "top_resampled": np.where(above, drawn, own),
        "both_resampled": drawn,
    }


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """Of each level, `top` and `bottom`, and of how many images (`n_samples`) the effects are:

    dimensions   latent dimensions of the level
    kl           nats of KL per test image
    effect       variance of the images, per pixel, when the level alone is sampled anew, as a share of their variance
                 when both are; the two shares need not add up to 1
    """
    above = n_top(run)
    kl, rows = posterior.encode_test(run, test).kl.mean(axis=0, dtype=np.float64).tolist(), slice(N_EVAL_IMAGES)
    codes = resample_level(run.encode(test.to_float(rows), test.y[rows]), above, N_SAMPLES)
    varied = {kept: _variance(run, each) for kept, each in codes.items()}
    both = varied["both_resampled"] or 1.0
    return {
        "n_samples": len(codes["both_resampled"]),
        "top": {"dimensions": above, "kl": sum(kl[:above]), "effect": varied["top_resampled"] / both},
        "bottom": {"dimensions": len(kl) - above, "kl": sum(kl[above:]), "effect": varied["bottom_resampled"] / both},
    }


def _variance(run: LoadedModel, codes: np.ndarray) -> float:
    """The variance per pixel of what `codes` `[N, count, D]` decode to, over the draws, averaged over the N."""
    flat = run.decode(codes.reshape(-1, codes.shape[2]))
    return float(flat.reshape(*codes.shape[:2], -1).var(axis=1, dtype=np.float64).mean())
