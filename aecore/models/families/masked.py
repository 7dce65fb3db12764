"""Families that are shown a part of each sample: masked autoencoders, and two modalities."""

from __future__ import annotations

from typing import Annotated, Literal

from torch import Tensor

from aecore.config import Config
from aecore.data.modalities import Image
from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.failure_modes import FailureMode
from aecore.models.families.registry import family
from aecore.models.families.variational import KLWarmup
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import kl_anneal, reconstruction_loss
from aecore.models.masks import MaskedAutoencoder, PatchMask, reconstruction_loss_of
from aecore.models.networks import NetworkFactory
from aecore.models.product_of_experts import build_multimodal, multimodal_negative_elbo
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

MaskRatio = Annotated[
    float,
    ParamInfo(
        "The largest share of patches that is hidden from the encoder: in training each sample has from one patch to "
        "that many hidden.",
        0.05,
        0.95,
        0.05,
        label="Mask ratio",
    ),
]
PatchSize = Annotated[
    int,
    ParamInfo(
        "Side of a patch: pixels of a square, moments of a series, columns of a table. 0: a quarter of an image's "
        "side, an eighth of a series, one column.",
        0,
        512,
        1,
        label="Patch size",
        zero="by kind",
    ),
]
LossOn = Annotated[
    Literal["all", "hidden"],
    ParamInfo(
        "What the reconstruction loss counts: all values, or, as the paper, hidden patches alone.", label="Loss on"
    ),
]
UnimodalWeight = Annotated[
    float,
    ParamInfo(
        "Weight of the ELBO of each half alone, beside that of both together.",
        0,
        10,
        0.1,
        label="Unimodal weight",
        symbol=r"\lambda",
    ),
]


def counts_all_values(config: Config) -> str:
    """A note where a likelihood cannot leave single values out."""
    if config.likelihood == "ssim":
        return "SSIM compares windows of pixels and cannot leave single ones out, so the loss counts all pixels."
    if config.pixel_range == "0 to 255":
        return "On the pixel range 0 to 255 the loss counts all pixels, whatever is hidden."
    return ""


@family("Masked autoencoder", counts_all_values, defaults={"latent_dim": 32}, corruption="mask_ratio")
def masked(
    make: NetworkFactory,
    latent_dim: int,
    mask_ratio: MaskRatio = 0.75,
    patch_size: PatchSize = 0,
    loss_on: LossOn = "all",
) -> Recipe:
    """Patches of each image are hidden, and the model fills them in from those that it sees.

    What is hidden cannot be copied, so even a large code has to learn what images look like (He, Chen, Xie, Li, Dollar
    & Girshick 2022). Theirs is a transformer that is given the visible patches alone; here any network sees 0 in place
    of hidden values, and sometimes nearly whole images, or it would not know what to do with one.
    """
    modality = make.modality or Image(*make.shape)
    mask = PatchMask(modality, patch_size or modality.default_patch_size, mask_ratio)
    plain = build_autoencoder(DeterministicBottleneck(latent_dim), make)
    model = MaskedAutoencoder(plain.encoder, plain.bottleneck, plain.decoder, plain.likelihood, mask)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        if p.masked is None or loss_on == "all":
            return reconstruction_loss(p)
        return reconstruction_loss_of(p, p.masked)

    return Recipe(model, [Objective(loss, [model])], mask=mask.up_to)


@family(
    "Multimodal VAE",
    counts_all_values,
    defaults={"latent_dim": 16},
    loss_terms={
        "kl": WeightedTerm(loss_terms.KL),
        "unimodal elbo": WeightedTerm(loss_terms.UNIMODAL_ELBO, "unimodal_weight", r"\lambda"),
    },
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"kl_warmup": 0.8}},
)
def multimodal(
    make: NetworkFactory, latent_dim: int, unimodal_weight: UnimodalWeight = 1.0, kl_warmup: KLWarmup = 0.5
) -> Recipe:
    """The left and the right half of each image are two modalities with an encoder each, and one code for both.

    The posterior is the product of what the two say and the prior, so that either may be missing: it then draws one
    half from the other (Wu & Goodman 2018, who give each a decoder too; here one draws both).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return multimodal_negative_elbo(p, unimodal_weight, kl_anneal(p.progress, kl_warmup, cycles=0))

    return Recipe.simple(build_multimodal(make, latent_dim), loss)
