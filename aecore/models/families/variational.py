"""Families with a posterior, or with a prior that codes are compared with by MMD: VAEs and their kin."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models import loss_terms
from aecore.models.autoencoder import Autoencoder, Conditional, build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck, GaussianBottleneck, LadderBottleneck
from aecore.models.failure_modes import FailureMode
from aecore.models.families.registry import family, get_family
from aecore.models.loss_terms import Params, WeightedTerm, as_float
from aecore.models.losses import (
    free_bits_kl,
    gaussian_latent,
    kl_anneal,
    kl_decomposition,
    kl_divergence,
    mmd,
    negative_elbo,
    reconstruction_loss,
)
from aecore.models.networks import NetworkFactory
from aecore.models.priors import PRIORS, PriorName
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo

KLWeight = Annotated[
    float,
    ParamInfo(
        "Weight beta of the KL term. 1: the ELBO.",
        0,
        1000,
        0.1,
        label="KL weight",
        symbol=r"\beta",
        paper="beta",
    ),
]
KLWarmup = Annotated[
    float,
    ParamInfo(
        "Share of the training over which the KL weight rises from 0 (KL annealing).",
        0,
        1,
        0.05,
        label="KL warm-up",
        symbol=r"\beta(t)",
        paper="KL cost annealing",
    ),
]
AnnealingCycles = Annotated[
    int,
    ParamInfo(
        "How often the KL weight starts again from 0 (cyclical annealing); with any, the warm-up share does not count.",
        0,
        10,
        label="Annealing cycles",
        symbol="M",
        paper="number of cycles",
    ),
]
FreeBits = Annotated[
    float,
    ParamInfo(
        "Nats of KL that each latent dimension has before it is penalised.",
        0,
        3,
        0.05,
        label="Free bits",
        symbol=r"\lambda",
        paper="free bits",
    ),
]
TCWeight = Annotated[
    float,
    ParamInfo(
        "Weight beta of the total correlation; the other two terms have weight 1.",
        0,
        20,
        0.5,
        label="TC weight",
        symbol=r"\beta",
        paper="beta",
    ),
]
InfoVAEAlpha = Annotated[
    float,
    ParamInfo(
        "Share of the mutual information that is not penalised; the KL has weight 1 - alpha. 0: as a VAE.",
        0,
        1,
        0.05,
        label="Alpha",
        symbol=r"\alpha",
        paper="alpha",
    ),
]
MMDWeight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of the MMD between codes and draws of the prior, in nats.",
        1,
        1000,
        1,
        label="MMD weight",
        symbol=r"\lambda",
        paper="lambda",
    ),
]
TopLevelShare = Annotated[
    float,
    ParamInfo("Share of the latent dimensions that belong to the top level.", 0.1, 0.9, 0.1, label="Top-level share"),
]


def effective_beta(config: Config) -> str:
    """What a nat of KL costs beside a reconstruction loss that is summed, or averaged, over this many pixels."""
    beta, pixels = get_family(config.family).kl_weight(config.params), math.prod(CARDS[config.dataset].shape)
    if config.reduction == "mean":
        return (
            f"The reconstruction is averaged over {pixels:,} pixel values: a nat of KL costs as much as with a beta of "
            f"{beta * pixels:,.0f} and the sum."
        )
    return (
        f"The reconstruction is summed over {pixels:,} pixel values, so a nat of KL costs {beta:g}, or "
        f"{beta / pixels:.2g} for each pixel value. Averaging over pixels instead would act like a beta of "
        f"{beta * pixels:,.0f}."
    )


KL_TERM = {"kl": WeightedTerm(loss_terms.KL)}  # the KL of a VAE, at its own price
# what keeps a posterior from collapsing: the ELBO, its KL charged slowly and a little of it not at all
COLLAPSE_FIXES = {"beta": 1.0, "kl_warmup": 0.3, "free_bits": 0.1}


def _free_bits_latex(params: Params) -> str:
    """The KL of a beta-VAE in LaTeX, that of each dimension with its floor."""
    floor = as_float(params["free_bits"])
    kept = rf"\max({floor:g},\,\overline{{\mathrm{{KL}}}}_j)" if floor else r"\mathrm{KL}_j"
    return rf"\beta\,\textstyle\sum_j {kept}"


@family(
    "Variational autoencoder (VAE)",
    effective_beta,
    loss_terms=KL_TERM,
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"family": "beta-vae", **COLLAPSE_FIXES}},
)
def vae(make: NetworkFactory, latent_dim: int) -> Recipe:
    """Each image becomes a small cloud of codes, and all clouds together must fill a normal distribution.

    The KL term pays for every bit that a cloud tells about its image. What is gained: points drawn from the normal
    distribution mostly decode to plausible images (Kingma & Welling 2013; Rezende et al. 2014).
    """
    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), negative_elbo)


@family(
    "beta-VAE",
    effective_beta,
    loss_terms={"beta*kl": WeightedTerm(loss_terms.KL, "beta", formula=_free_bits_latex)},
    fixes={FailureMode.BETA_TOO_STRONG: {"beta": 1.0}, FailureMode.POSTERIOR_COLLAPSE: COLLAPSE_FIXES},
)
def beta_vae(
    make: NetworkFactory,
    latent_dim: int,
    beta: KLWeight = 2.0,
    kl_warmup: KLWarmup = 0.0,
    annealing_cycles: AnnealingCycles = 0,
    free_bits: FreeBits = 0.0,
) -> Recipe:
    """A VAE in which the KL costs beta times as much: above 1 tidier and blurrier, below 1 sharper.

    Too large a beta makes all clouds alike, and the decoder draws the average image (posterior collapse). Raising the
    price slowly or giving each dimension some nats free keeps it off (Higgins et al. 2017; Bowman et al. 2016).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        price = beta * kl_anneal(p.progress, kl_warmup, annealing_cycles)
        return reconstruction_loss(p) | {"beta*kl": price * free_bits_kl(gaussian_latent(p).kl, free_bits)}

    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), loss)


@family("Conditional VAE", effective_beta, loss_terms=KL_TERM)
def conditional_vae(make: NetworkFactory, latent_dim: int) -> Recipe:
    """A VAE that is told the class: the code is left with the style.

    The same code drawn under another label gives another digit in the same hand (Sohn, Lee & Yan 2015).
    """
    bottleneck, label_embedding = GaussianBottleneck(latent_dim), torch.zeros(make.n_classes, *make.shape)
    encoder, decoder = make.encoder(bottleneck.in_features), make.decoder(latent_dim + make.n_classes)
    return Recipe.simple(Conditional(encoder, bottleneck, decoder, make.likelihood, label_embedding), negative_elbo)


@family(
    "beta-TCVAE",
    defaults={"latent_dim": 8},
    loss_terms={
        "mutual information": WeightedTerm(loss_terms.MUTUAL_INFORMATION),
        "total correlation": WeightedTerm(loss_terms.TOTAL_CORRELATION, "beta", r"\beta"),
        "dimension-wise kl": WeightedTerm(loss_terms.DIMENSION_WISE_KL),
    },
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"beta": 1.0}},
)
def beta_tcvae(make: NetworkFactory, latent_dim: int, beta: TCWeight = 3.0) -> Recipe:
    """A VAE whose KL is split in three, and only the part that dimensions tell of each other costs more.

    So dimensions are pushed to be independent without paying for what the code knows of the image. Total correlation
    is estimated within a batch and can come out slightly negative (Chen, Li, Grosse & Duvenaud 2018).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        parts = kl_decomposition(gaussian_latent(p), make.train_size)
        return reconstruction_loss(p) | parts | {"total correlation": beta * parts["total correlation"]}

    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), loss)


@family(
    "InfoVAE (MMD)",
    effective_beta,
    loss_terms={
        "kl": WeightedTerm(loss_terms.KL, symbol=r"(1-\alpha)", weight=lambda params: 1 - as_float(params["alpha"])),
        "mmd": WeightedTerm(
            loss_terms.MMD,
            "mmd_weight",
            r"(\alpha+\lambda-1)",
            lambda params: as_float(params["alpha"]) + as_float(params["mmd_weight"]) - 1,
        ),
    },
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"alpha": 0.9}},
)
def info_vae(make: NetworkFactory, latent_dim: int, alpha: InfoVAEAlpha = 0.9, mmd_weight: MMDWeight = 2.0) -> Recipe:
    """A VAE that is charged less for what a code tells of its image, and more for a wrong crowd of codes.

    The KL compares each cloud with the normal; MMD compares the crowd of all codes with it, which is what sampling
    needs (Zhao, Song & Ermon 2019).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        crowd = mmd(p.latent.z, torch.randn_like(p.latent.z))
        return reconstruction_loss(p) | {"kl": (1 - alpha) * kl_divergence(p), "mmd": (alpha + mmd_weight - 1) * crowd}

    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), loss)


@family("Wasserstein autoencoder (MMD)", loss_terms={"mmd": WeightedTerm(loss_terms.MMD, "mmd_weight", r"\lambda")})
def wae(make: NetworkFactory, latent_dim: int, mmd_weight: MMDWeight = 100.0, prior: PriorName = "gaussian") -> Recipe:
    """No clouds: each image has one code, and only the crowd of all codes must look like draws of a prior.

    Clouds of a VAE have to overlap, which blurs; single codes need not (Tolstikhin et al. 2018).
    """

    def drawn_like(z: Tensor) -> Tensor:
        # a normal on the device, as before there was a choice: the same settings go on giving the same weights
        return torch.randn_like(z) if prior == "gaussian" else PRIORS[prior](*z.shape).to(z)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"mmd": mmd_weight * mmd(p.latent.z, drawn_like(p.latent.z))}

    return Recipe.simple(build_autoencoder(DeterministicBottleneck(latent_dim, prior=PRIORS[prior]), make), loss)


@family(
    "Ladder VAE, two levels",
    effective_beta,
    defaults={"latent_dim": 8},
    loss_terms=KL_TERM,
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"kl_warmup": 0.6}},
)
def ladder_vae(
    make: NetworkFactory, latent_dim: int, top_level_share: TopLevelShare = 0.5, kl_warmup: KLWarmup = 0.3
) -> Recipe:
    """Two levels of codes: the top one sets what to expect of the bottom one, which fills in the rest.

    The first numbers of the code are the top level; each level has at least one (Sonderby et al. 2016).
    """
    top = min(max(1, round(top_level_share * latent_dim)), max(1, latent_dim - 1))
    ladder = LadderBottleneck(top, max(1, latent_dim - top))
    decoder = make.decoder(ladder.decoder_in_features)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"kl": kl_anneal(p.progress, kl_warmup, 0) * kl_divergence(p)}

    return Recipe.simple(Autoencoder(make.encoder(ladder.in_features), ladder, decoder, make.likelihood), loss)
