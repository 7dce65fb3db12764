"""Families with an adversary, and those with a discrete code."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from torch import Tensor

from aecore.config import Config
from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck, VectorQuantizer
from aecore.models.families.registry import CodebookParams, family
from aecore.models.loss_terms import WeightedTerm, as_float
from aecore.models.losses import (
    commitment_loss,
    discriminator_bce,
    reconstruction_loss,
)
from aecore.models.networks import NetworkFactory, mlp
from aecore.models.priors import PRIORS
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

PriorName = Annotated[
    Literal["gaussian", "ring", "mixture"],
    ParamInfo("The cloud that all codes together should fill; ring and mixture use the first two dimensions."),
]
AdversarialWeight = Annotated[
    float, ParamInfo("How much fooling the critic counts beside the reconstruction.", 0, 10, 0.1)
]
CodebookSize = Annotated[int, ParamInfo("How many vectors the codebook holds.", 2, 1024, 1)]
EmbeddingDim = Annotated[int, ParamInfo("How many numbers each vector has.", 1, 64, 1)]
CommitmentCost = Annotated[
    float, ParamInfo("How strongly the encoder is held to the vectors chosen for it.", 0, 10, 0.05)
]
ResetDeadCodes = Annotated[bool, ParamInfo("Puts vectors that nothing uses where the encoder is.")]


@family(
    "Adversarial autoencoder (AAE)",
    loss_terms={
        "fooling": WeightedTerm(loss_terms.ADVERSARIAL, "weight", r"\text{weight}"),
        "critic": WeightedTerm(loss_terms.DISCRIMINATOR),
    },
)
def aae(
    make: NetworkFactory, latent_dim: int, prior: PriorName = "gaussian", weight: AdversarialWeight = 1.0
) -> Recipe:
    """A critic learns to tell codes from draws of a prior; the encoder learns to fool it.

    The prior can be anything that one can draw from, not only a normal (Makhzani et al. 2015).
    """
    model, critic = (
        build_autoencoder(DeterministicBottleneck(latent_dim, prior=PRIORS[prior]), make),
        mlp([latent_dim, 128, 128, 1]),
    )

    def play(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"fooling": weight * discriminator_bce(critic(p.latent.z), real=True)}

    def judge(p: ForwardPass) -> dict[str, Tensor]:
        codes = p.latent.z.detach()
        drawn = PRIORS[prior](*codes.shape).to(codes)
        return {"critic": discriminator_bce(critic(drawn), real=True) + discriminator_bce(critic(codes), real=False)}

    return Recipe(model, [Objective(play, [model]), Objective(judge, [critic])])


def code_size_note(config: Config) -> str:
    """What a code is here."""
    k, width = int(as_float(config.knobs["codes"])), int(as_float(config.knobs["width"]))
    bits = config.z_dim * math.log2(k)
    return (
        f"A picture becomes {config.z_dim} choices among {k} vectors of {width} numbers: a code of "
        f"{config.z_dim * width} numbers, and {bits:.3g} bits in all."
    )


@family(
    "VQ-VAE",
    code_size_note,
    defaults={"z_dim": 8},
    loss_terms={"commitment": WeightedTerm(loss_terms.COMMITMENT, "commitment_cost", r"\text{commitment cost}")},
    codebook=CodebookParams(size="codes", reset="revive"),
)
def vq_vae(
    make: NetworkFactory,
    latent_dim: int,
    codes: CodebookSize = 64,
    width: EmbeddingDim = 4,
    commitment_cost: CommitmentCost = 0.25,
    revive: ResetDeadCodes = True,
) -> Recipe:
    """Each slot of the code holds one of a fixed set of vectors, as words come from a dictionary.

    There is no normal to draw from: new pictures are drawn by how often each slot took each vector, which knows nothing
    of what slots have to do with each other. Latent size is the number of slots (van den Oord et al. 2017).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"commitment": commitment_cost * commitment_loss(p)}

    return Recipe.simple(
        build_autoencoder(VectorQuantizer(latent_dim, codes, width, reset_dead_codes=revive), make), loss
    )
