"""The stage after a model's training in which a prior is fitted to its codes."""

from __future__ import annotations

from dataclasses import replace

from torch import Tensor

from aecore.errors import UserError
from aecore.models.learned_priors.registry import LEARNED_PRIORS
from aecore.models.loss_terms import LEARNED_PRIOR
from aecore.models.recipe import ForwardPass, Objective, Recipe


def with_learned_prior(recipe: Recipe, kind: str) -> Recipe:
    """The recipe with a stage after the model's training, as long as that, in which a prior is fitted to its codes.

    Raises UserError where codes and prior do not fit each other.
    """
    bottleneck, chosen = recipe.model.bottleneck, LEARNED_PRIORS[kind]
    has_codebook = hasattr(bottleneck, "lookup")
    if chosen.of_codebook and not has_codebook:
        raise UserError("An autoregressive prior is for codebooks: choose mixture, flow or diffusion as learned prior.")
    if has_codebook and not chosen.of_codebook:
        raise UserError(f"A codebook's entries have no {kind} density: choose autoregressive as learned prior.")
    prior = bottleneck.learned_prior = chosen(bottleneck if has_codebook else bottleneck.out_features)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return {LEARNED_PRIOR: prior.loss(p.frozen_latent).mean()}

    return replace(recipe, objectives=[*recipe.objectives, Objective(loss, [prior], interval=(1.0, 2.0))])
