"""Families with a discriminator of codes: of draws of a prior, or of codes whose dimensions are shuffled."""

from __future__ import annotations

from typing import Annotated

import torch
from torch import Tensor

from aecore.models import loss_terms
from aecore.models.adversarial_losses import (
    code_discriminator,
    density_ratio_tc,
    discrimination_loss,
    gradient_penalty,
    permute_dimensions,
)
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import ClusterBottleneck, DeterministicBottleneck, GaussianBottleneck
from aecore.models.families.registry import family
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import discriminator_bce, negative_elbo, reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.priors import PRIORS, PriorName
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

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


PenaltyWeight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of the divergence between codes and prior, as the discriminator estimates it.",
        0,
        100,
        1,
        label="Penalty weight",
        symbol=r"\lambda",
        paper="lambda",
    ),
]
TotalCorrelationWeight = Annotated[
    float,
    ParamInfo(
        "Weight gamma of the total correlation, as the discriminator estimates it.",
        0,
        100,
        0.5,
        label="Total correlation weight",
        symbol=r"\gamma",
        paper="gamma",
    ),
]
ClusterCount = Annotated[
    int,
    ParamInfo("How many clusters a code can name.", 2, 64, 1, label="Clusters", symbol="K", paper="number of clusters"),
]


def match_prior(
    make: NetworkFactory, latent_dim: int, prior: PriorName, weight: float, is_smooth: bool = False
) -> Recipe:
    """An autoencoder whose codes a discriminator, held smooth by a penalty on its gradient where `is_smooth`, should
    take for draws of a prior."""
    model = build_autoencoder(DeterministicBottleneck(latent_dim, prior=PRIORS[prior]), make)
    discriminator = code_discriminator(latent_dim)

    def adversarial(p: ForwardPass) -> dict[str, Tensor]:
        fooled = discriminator_bce(discriminator(p.latent.z), real=True)
        return reconstruction_loss(p) | {"adversarial": weight * fooled}

    def discrimination(p: ForwardPass) -> dict[str, Tensor]:
        drawn = PRIORS[prior](*p.latent.z.shape).to(p.latent.z)
        loss = {"discriminator": discrimination_loss(discriminator, real=drawn, generated=p.latent.z)}
        return loss | ({"gradient penalty": gradient_penalty(discriminator, drawn)} if is_smooth else {})

    return Recipe(model, [Objective(adversarial, [model]), Objective(discrimination, [discriminator])])


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
    return match_prior(make, latent_dim, prior, adversarial_weight)


@family(
    "Wasserstein autoencoder (GAN)",
    loss_terms={
        "adversarial": WeightedTerm(loss_terms.ADVERSARIAL, "penalty_weight", r"\lambda"),
        "discriminator": WeightedTerm(loss_terms.DISCRIMINATOR),
        "gradient penalty": WeightedTerm(loss_terms.GRADIENT_PENALTY),
    },
)
def wae_gan(
    make: NetworkFactory, latent_dim: int, prior: PriorName = "gaussian", penalty_weight: PenaltyWeight = 10.0
) -> Recipe:
    """A discriminator in place of the MMD keeps the crowd of all codes at the prior, at a high price lambda.

    The price bounds a transport cost between images and what is generated; an AAE with squared error is the case of
    lambda 1 in units of that error (Tolstikhin et al. 2018). At this price the game swings; a penalty on the
    discriminator's gradient calms it (Mescheder, Geiger & Nowozin 2018).
    """
    return match_prior(make, latent_dim, prior, penalty_weight, is_smooth=True)


@family(
    "AAE with clusters",
    loss_terms={
        "adversarial": WeightedTerm(loss_terms.ADVERSARIAL, "adversarial_weight", r"\lambda"),
        "cluster adversarial": WeightedTerm(loss_terms.CLUSTER_ADVERSARIAL, "adversarial_weight", r"\lambda"),
        "discriminator": WeightedTerm(loss_terms.DISCRIMINATOR),
        "cluster discriminator": WeightedTerm(loss_terms.CLUSTER_DISCRIMINATOR),
    },
)
def aae_clusters(
    make: NetworkFactory, latent_dim: int, n_clusters: ClusterCount = 10, adversarial_weight: AdversarialWeight = 1.0
) -> Recipe:
    """The code names one of K clusters, without having seen a label, and says the style beside it.

    One discriminator asks the clusters to be all or nothing and equally common, another the style to be normal; the
    latent dimension is that of the style (Makhzani et al. 2015, section 5).
    """
    bottleneck = ClusterBottleneck(n_clusters, latent_dim)
    model = build_autoencoder(bottleneck, make)
    of_style, of_clusters = code_discriminator(latent_dim), code_discriminator(n_clusters)

    def adversarial(p: ForwardPass) -> dict[str, Tensor]:
        clusters, style = p.latent.z[:, :n_clusters], p.latent.z[:, n_clusters:]
        return reconstruction_loss(p) | {
            "adversarial": adversarial_weight * discriminator_bce(of_style(style), real=True),
            "cluster adversarial": adversarial_weight * discriminator_bce(of_clusters(clusters), real=True),
        }

    def discrimination(p: ForwardPass) -> dict[str, Tensor]:
        clusters, style = p.latent.z[:, :n_clusters], p.latent.z[:, n_clusters:]
        drawn = bottleneck.sample_clusters(len(style)).to(style)
        return {
            "discriminator": discrimination_loss(of_style, real=torch.randn(*style.shape).to(style), generated=style),
            "cluster discriminator": discrimination_loss(of_clusters, real=drawn, generated=clusters),
        }

    return Recipe(model, [Objective(adversarial, [model]), Objective(discrimination, [of_style, of_clusters])])


@family(
    "FactorVAE",
    defaults={"latent_dim": 8},
    loss_terms={
        "kl": WeightedTerm(loss_terms.KL),
        "total correlation": WeightedTerm(loss_terms.TOTAL_CORRELATION, "tc_weight", r"\gamma"),
        "discriminator": WeightedTerm(loss_terms.PERMUTATION_DISCRIMINATOR),
    },
)
def factor_vae(make: NetworkFactory, latent_dim: int, tc_weight: TotalCorrelationWeight = 2.0) -> Recipe:
    """A VAE with a price on what the dimensions of a code tell of each other.

    A discriminator learns to tell codes from codes whose dimensions are shuffled; its log odds are how much likelier a
    code is than chance would have it, and their mean is the total correlation (Kim & Mnih 2018).
    """
    model, discriminator = build_autoencoder(GaussianBottleneck(latent_dim), make), code_discriminator(latent_dim)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return negative_elbo(p) | {"total correlation": tc_weight * density_ratio_tc(discriminator(p.latent.z))}

    def discrimination(p: ForwardPass) -> dict[str, Tensor]:
        z = p.latent.z.detach()
        return {"discriminator": discrimination_loss(discriminator, real=z, generated=permute_dimensions(z))}

    return Recipe(model, [Objective(loss, [model]), Objective(discrimination, [discriminator])])
