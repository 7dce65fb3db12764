"""What a flow in the posterior is worth: held-out ELBO of digits, and how far it is below the bound of 128 importance
samples, five seeds each, all else the same.

`python -m benchmarks.posterior_flows`: ten minutes.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from aecore.analysis.likelihood_bounds import iwae_bound, log_weights
from aecore.data.datasets import load
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.rng import seeded
from aecore.params import ParamValue
from aecore.training.loop import fit

IMPORTANCE_SAMPLES, SEEDS = 128, 5
MODELS: tuple[tuple[str, Mapping[str, ParamValue]], ...] = (
    ("vae", {}),
    ("flow-vae", {"posterior_flow": "planar"}),
    ("flow-vae", {"posterior_flow": "iaf"}),
)


def bounds(family: str, params: Mapping[str, ParamValue], seed: int) -> tuple[float, float]:
    """ELBO and importance-weighted bound of the test digits, in nats per image, after training as the form proposes."""
    config = resolve_config(presets.default_config("digits", family=family, params=params, seed=seed))
    recipe, data = build_recipe(config), load("digits")
    for _ in fit(recipe, data, config, torch.device("cpu")):
        pass
    recipe.modules.eval()
    with seeded(0):
        weights = log_weights(recipe.model, torch.from_numpy(data.test.to_float()), IMPORTANCE_SAMPLES)
    return float(weights.mean()), float(iwae_bound(weights, IMPORTANCE_SAMPLES).mean())


def main() -> None:
    for family, params in MODELS:
        found = np.array([bounds(family, params, seed) for seed in range(SEEDS)])
        (elbo, iwae), (elbo_spread, _) = found.mean(0), found.std(0, ddof=1)
        print(
            f"{family} {' '.join(map(str, params.values()))}: ELBO {elbo:.3f} (seeds +-{elbo_spread:.3f}), gap to "
            f"{IMPORTANCE_SAMPLES} samples {iwae - elbo:.3f}",
            flush=True,
        )


if __name__ == "__main__":
    main()
