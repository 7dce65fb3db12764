"""The priors that can be learned, by name."""

from __future__ import annotations

from aecore.models.learned_priors.autoregressive import AutoregressivePrior
from aecore.models.learned_priors.densities import FlowPrior, MixturePrior
from aecore.models.learned_priors.diffusion import DiffusionPrior
from aecore.models.learned_priors.learned_prior import LearnedPrior

LEARNED_PRIORS: dict[str, type[LearnedPrior]] = {
    "mixture": MixturePrior,
    "flow": FlowPrior,
    "diffusion": DiffusionPrior,
    "autoregressive": AutoregressivePrior,
}
