"""Families with a discriminator of samples, or of samples and codes together."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from aecore.models import loss_terms
from aecore.models.adversarial_losses import (
    SampleDiscriminator,
    discrimination_loss,
    feature_distance,
    gradient_penalty,
)
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import GaussianBottleneck
from aecore.models.families.registry import family
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import discriminator_bce, kl_divergence, reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

FeatureWeight = Annotated[
    float,
    ParamInfo(
        "Weight gamma of the reconstruction in the discriminator's features, beside the KL.",
        0,
        1000,
        1,
        label="Feature weight",
        symbol=r"\gamma",
        paper="gamma",
    ),
]
SampleAdversarialWeight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of fooling the discriminator, for the decoder alone.",
        0,
        100,
        0.1,
        label="Adversarial weight",
        symbol=r"\lambda",
    ),
]


def measured_reconstruction(p: ForwardPass) -> dict[str, Tensor]:
    """The reconstruction loss as it is, shown beside a loss that compares no pixels: nothing is learnt from it."""
    return {name: part.detach() for name, part in reconstruction_loss(p).items()}


@family(
    "VAE-GAN",
    defaults={"latent_dim": 8},
    loss_terms={
        "kl": WeightedTerm(loss_terms.KL),
        "feature distance": WeightedTerm(loss_terms.FEATURE_DISTANCE, "feature_weight", r"\gamma"),
        "adversarial": WeightedTerm(loss_terms.SAMPLE_ADVERSARIAL, "adversarial_weight", r"\lambda"),
        "discriminator": WeightedTerm(loss_terms.SAMPLE_DISCRIMINATOR),
        "gradient penalty": WeightedTerm(loss_terms.GRADIENT_PENALTY),
    },
)
def vae_gan(
    make: NetworkFactory,
    latent_dim: int,
    feature_weight: FeatureWeight = 10.0,
    adversarial_weight: SampleAdversarialWeight = 1.0,
) -> Recipe:
    """A VAE that compares images by what a discriminator sees in them, which learns to tell real images from drawn.

    Pixels are never compared: the reconstruction loss is shown and not minimised, so that images come out sharp and a
    little beside the original (Larsen, Sonderby, Larochelle & Winther 2016).
    """
    model, discriminator = build_autoencoder(GaussianBottleneck(latent_dim), make), SampleDiscriminator(make)

    def drawn(p: ForwardPass, z: Tensor) -> Tensor:
        return make.likelihood.mean(model.decode(z, p.y))

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        z = p.latent.z.detach()  # the encoder is not asked to fool anybody
        made = drawn(p, torch.cat([z, torch.randn_like(z)]))
        distance = feature_distance(discriminator, make.likelihood.mean(p.logits), p.x_in)
        return measured_reconstruction(p) | {
            "kl": kl_divergence(p),
            "feature distance": feature_weight * distance,
            "adversarial": adversarial_weight * discriminator_bce(discriminator(made), real=True),
        }

    def discrimination(p: ForwardPass) -> dict[str, Tensor]:
        z = p.latent.z.detach()
        with torch.no_grad():
            made = drawn(p, torch.cat([z, torch.randn_like(z)]))
        return {
            "discriminator": discrimination_loss(discriminator, real=p.x_in, made=made),
            "gradient penalty": gradient_penalty(discriminator, p.x_in),
        }

    return Recipe(model, [Objective(loss, [model]), Objective(discrimination, [discriminator])])
