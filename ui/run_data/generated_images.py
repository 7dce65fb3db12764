"""New images that runs draw, kept for all sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ui.run_data import splits
from ui.run_data.per_run import per_run

if TYPE_CHECKING:
    from aecore.analysis.loaded import LoadedModel

N_SHOWN, N_SEEDS = 10, 10  # samples of each kind at a time, and how many times there are


@per_run(max_entries=16, spinner="Drawing samples ...")
def generated(run: LoadedModel) -> dict[str, np.ndarray]:
    """N_SHOWN * N_SEEDS images `[n, C, H, W]` by each way of sampling: `prior`, `gaussian_fit` and `gmm_fit`, and
    `learned_prior` where there is one."""
    from aecore.analysis import sampling

    return sampling.generate(run, splits.test_split(run), N_SHOWN * N_SEEDS)


@per_run(max_entries=32)
def denoising_path(run: LoadedModel, n_steps: int, seed: int) -> np.ndarray:
    """N_SHOWN codes of a diffusion prior decoded after each of `n_steps` steps, the noise first,
    `[n_steps + 1, N_SHOWN, *shape]`."""
    from aecore.analysis import sampling

    return sampling.denoising_path(run, N_SHOWN, n_steps, seed)
