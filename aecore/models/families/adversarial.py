"""Families with an adversary, and those with a discrete code."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.families.registry import family
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import (
    discriminator_bce,
    reconstruction_loss,
)
from aecore.models.networks import NetworkFactory, mlp
from aecore.models.priors import PRIORS
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

PriorName = Annotated[
    Literal["gaussian", "ring", "mixture"],
    ParamInfo(
        "The prior that the aggregate posterior should match; ring and mixture use the first two dimensions.",
        symbol="p(z)",
        paper="imposed prior",
    ),
]
AdversarialWeight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of the adversarial loss beside the reconstruction.",
        0,
        10,
        0.1,
        label="Adversarial weight",
        symbol=r"\lambda",
    ),
]


@family(
    "Adversarial autoencoder (AAE)",
    loss_terms={
        "adversarial": WeightedTerm(loss_terms.ADVERSARIAL, "adversarial_weight", r"\lambda"),
        "discriminator": WeightedTerm(loss_terms.DISCRIMINATOR),
    },
)
def aae(
    make: NetworkFactory, latent_dim: int, prior: PriorName = "gaussian", adversarial_weight: AdversarialWeight = 1.0
) -> Recipe:
    """A discriminator learns to tell codes from draws of a prior; the encoder learns to fool it.

    The prior can be anything that one can draw from, not only a normal (Makhzani et al. 2015).
    """
    model, discriminator = (
        build_autoencoder(DeterministicBottleneck(latent_dim, prior=PRIORS[prior]), make),
        mlp([latent_dim, 128, 128, 1]),
    )

    def adversarial(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {
            "adversarial": adversarial_weight * discriminator_bce(discriminator(p.latent.z), real=True)
        }

    def discrimination(p: ForwardPass) -> dict[str, Tensor]:
        codes = p.latent.z.detach()
        drawn = PRIORS[prior](*codes.shape).to(codes)
        return {
            "discriminator": discriminator_bce(discriminator(drawn), real=True)
            + discriminator_bce(discriminator(codes), real=False)
        }

    return Recipe(model, [Objective(adversarial, [model]), Objective(discrimination, [discriminator])])
