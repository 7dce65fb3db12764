"""Every family of autoencoder, one function each.

A family chooses a network, a bottleneck, a loss and a corruption. Its signature is the form that people fill in, its
docstring the text beside the form, the keys of its losses the curves on the chart.
"""

from __future__ import annotations

import dataclasses
import json
import math
from functools import lru_cache
from typing import Annotated, Literal

import torch
from torch import Tensor, nn

from aecore import limits
from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.models import footprint, terms
from aecore.models.autoencoder import Autoencoder, Conditional, LinearAutoencoder
from aecore.models.bottlenecks import (
    Bottleneck,
    DeterministicBottleneck,
    GaussianBottleneck,
    LadderBottleneck,
    TopK,
    VectorQuantizer,
)
from aecore.models.corruptions import TRAINING_CORRUPTIONS
from aecore.models.families.registry import FAMILIES as FAMILIES
from aecore.models.families.registry import CodebookParams, Family, family
from aecore.models.findings import FailureMode
from aecore.models.footprint import Footprint
from aecore.models.likelihoods import LIKELIHOODS, PIXEL_RANGES
from aecore.models.losses import (
    commitment_loss,
    discriminator_bce,
    free_bits_kl,
    gaussian_latent,
    jacobian_frobenius_exact,
    jacobian_frobenius_hutchinson,
    kl_anneal,
    kl_decomposition,
    kl_divergence,
    mmd,
    negative_elbo,
    reconstruction_loss,
    sparsity_kl,
)
from aecore.models.networks import INITIALISATIONS, NETWORKS, NetworkFactory, mlp, tied_mlp
from aecore.models.priors import PRIORS
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.models.terms import Params, WeightedTerm, as_float
from aecore.params import ParamInfo, resolve


def build_autoencoder(bottleneck: Bottleneck, make: NetworkFactory) -> Autoencoder:
    """Encoder and decoder of the usual kind around a bottleneck."""
    encoder, decoder = make.encoder(bottleneck.in_features), make.decoder(bottleneck.out_features)
    return Autoencoder(encoder, bottleneck, decoder, make.likelihood)


# --- Deterministic ----------------------------------------------------------------------------------------------------

LatentActivation = Annotated[
    Literal["linear", "relu"],
    ParamInfo(
        "linear: numbers of any sign. relu, as many tutorials have it: none below zero, and units that die stay dead."
    ),
]
CorruptionName = Annotated[
    Literal["gaussian", "masking", "salt-and-pepper", "dropout", "mixed"],
    ParamInfo(
        "What is done to the pictures that go in; the pictures that should come out stay clean. mixed: one of the "
        "first three for each picture, at any strength up to the one set."
    ),
]
CorruptionLevel = Annotated[
    float,
    ParamInfo(
        "Gaussian: the standard deviation, 1 being black to white. The others: the share of pixels hit.", 0, 1, 0.05
    ),
]
L1Weight = Annotated[
    float, ParamInfo("Nats charged for each unit of activation, summed over the code.", 0, 10, 1e-6, log=True)
]
TargetActivation = Annotated[
    float, ParamInfo("How active each unit should be on average, from 0 to 1.", 0.01, 0.5, 0.01)
]
SparsityWeight = Annotated[float, ParamInfo("How hard units are pushed towards that activity.", 0, 100, 0.5)]
ActiveUnits = Annotated[int, ParamInfo("How many numbers of each code are kept; the others are put to zero.", 1, 64, 1)]
ContractionWeight = Annotated[
    float, ParamInfo("Nats charged for the squared size of the encoder's Jacobian.", 0, 10, 0.01)
]


@family("Vanilla autoencoder", fixes={FailureMode.RELU_CODE: {"code": "linear"}})
def vanilla(make: NetworkFactory, latent_dim: int, code: LatentActivation = "linear") -> Recipe:
    """Squeezes each picture through a few numbers and draws it again from them.

    Nothing orders the code: similar pictures tend to come close, but the space between them is nobody's business, so
    decoding a random point can give nonsense (Rumelhart, Hinton & Williams 1986; Hinton & Salakhutdinov 2006).
    """
    bend = {"linear": nn.Identity, "relu": nn.ReLU}[code]
    return Recipe.simple(build_autoencoder(DeterministicBottleneck(latent_dim, bend), make), reconstruction_loss)


@family("Linear autoencoder", defaults={"likelihood": "gaussian", "lr": 0.02}, network="mlp", hidden=(), dropout=0.0)
def linear(make: NetworkFactory, latent_dim: int) -> Recipe:
    """One linear layer each way: with squared error it finds the plane that PCA finds.

    It spans the same plane, but its axes are any basis of it, not the principal components themselves, and not even
    orthogonal ones (Bourlard & Kamp 1988; Baldi & Hornik 1989).
    """
    model = LinearAutoencoder(
        make.encoder(latent_dim), DeterministicBottleneck(latent_dim), make.decoder(latent_dim), make.likelihood
    )
    return Recipe.simple(model, reconstruction_loss)


@family("Tied weights", network="mlp")
def tied_weights(make: NetworkFactory, latent_dim: int) -> Recipe:
    """The decoder uses the encoder's weights, transposed: half the numbers to learn.

    What a unit looks for in a picture is also what it draws (Vincent et al. 2010 tie theirs so).
    """
    encoder, decoder = tied_mlp(make, latent_dim)
    return Recipe.simple(
        Autoencoder(encoder, DeterministicBottleneck(latent_dim), decoder, make.likelihood), reconstruction_loss
    )


@family("Denoising autoencoder", corruption="strength")
def denoising(
    make: NetworkFactory, latent_dim: int, noise: CorruptionName = "gaussian", strength: CorruptionLevel = 0.4
) -> Recipe:
    """Gets a spoilt picture and must draw the clean one.

    The loss compares with the clean picture, so copying does not pay: the network has to learn what pictures look like
    to know what is missing (Vincent, Larochelle, Bengio & Manzagol 2008).
    """
    return Recipe.simple(
        build_autoencoder(DeterministicBottleneck(latent_dim), make),
        reconstruction_loss,
        lambda x: TRAINING_CORRUPTIONS[noise](x, strength),
    )


@family(
    "Sparse autoencoder, L1",
    defaults={"z_dim": 64},
    loss_terms={"activity": WeightedTerm(terms.L1, "sparsity", r"\text{sparsity}")},
)
def sparse(make: NetworkFactory, latent_dim: int, sparsity: L1Weight = 0.1) -> Recipe:
    """Activity costs: each picture is told by the few units that it needs.

    The code may then be larger than the picture and still not copy it. Most zeros come from the ReLU itself; watch what
    the charge adds. A decoder with large weights lets small activations escape it (Olshausen & Field 1996).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"activity": sparsity * p.latent.code.abs().sum(1).mean()}

    model = build_autoencoder(DeterministicBottleneck(latent_dim, nn.ReLU), make)
    last = [each for each in model.encoder.modules() if isinstance(each, nn.Linear)][-1]
    nn.init.ones_(last.bias)  # all units start awake: one that is never active never learns
    return Recipe.simple(model, loss)


@family(
    "Sparse autoencoder, KL",
    defaults={"z_dim": 64},
    loss_terms={"rarity": WeightedTerm(terms.SPARSITY_KL, "beta", r"\beta", target_param="rho")},
)
def sparse_kl(make: NetworkFactory, latent_dim: int, rho: TargetActivation = 0.1, beta: SparsityWeight = 0.5) -> Recipe:
    """Every unit should be active at a rate rho: rarely, but not never.

    The charge is the KL between a coin that shows heads with rate rho and one with the unit's mean activation over the
    batch. It is steeper below rho than above it (Ng 2011).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"rarity": beta * sparsity_kl(p.latent.code, rho)}

    return Recipe.simple(build_autoencoder(DeterministicBottleneck(latent_dim, nn.Sigmoid), make), loss)


@family("Sparse autoencoder, top-k", defaults={"z_dim": 64}, fixes={FailureMode.DEAD_UNITS: {"k": 8}})
def top_k(make: NetworkFactory, latent_dim: int, k: ActiveUnits = 8) -> Recipe:
    """Of each code only the k largest numbers are kept.

    No charge to tune: sparsity is exact. Units that never make it among the k learn nothing (Makhzani & Frey 2013).
    """
    return Recipe.simple(build_autoencoder(TopK(latent_dim, k), make), reconstruction_loss)


# elu: with tied weights and a sigmoid code many a ReLU dies, on shapes all but two or three numbers of the code with it
@family(
    "Contractive autoencoder",
    defaults={"z_dim": 16, "activation": "elu"},
    loss_terms={"jacobian": WeightedTerm(terms.CONTRACTION, "stiffness", r"\text{stiffness}")},
    network="mlp",
    dropout=0.0,
)
def contractive(make: NetworkFactory, latent_dim: int, stiffness: ContractionWeight = 0.05) -> Recipe:
    """A small change of the picture should change the code only a little.

    The charge is the squared norm of the encoder's Jacobian: exact with no hidden layer, by a random direction
    otherwise. The decoder's weights are the encoder's, or the encoder could shrink and the decoder grow, and nothing
    would be gained (Rifai, Vincent, Muller, Glorot & Bengio 2011).
    """
    encoder, decoder = tied_mlp(make, latent_dim)
    first = next(each for each in encoder.modules() if isinstance(each, nn.Linear))

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        norm = (
            jacobian_frobenius_hutchinson(p)
            if make.hidden_sizes
            else jacobian_frobenius_exact(p.latent.code, first.weight)
        )
        return reconstruction_loss(p) | {"jacobian": stiffness * norm}

    return Recipe.simple(
        Autoencoder(encoder, DeterministicBottleneck(latent_dim, nn.Sigmoid), decoder, make.likelihood), loss
    )


@family("Stacked autoencoder", network="mlp", dropout=0.0)
def stacked(make: NetworkFactory, latent_dim: int) -> Recipe:
    """Learns layer by layer: each layer first as an autoencoder of what the one before says, then all together.

    This is how deep networks were first made to learn at all; with today's activations and optimisers it is seldom
    better than training everything at once (Hinton & Salakhutdinov 2006; Bengio et al. 2007).
    """
    model = build_autoencoder(DeterministicBottleneck(latent_dim), make)
    inner = [each for each in model.encoder.modules() if isinstance(each, nn.Linear)]
    outer = [each for each in model.decoder.modules() if isinstance(each, nn.Linear)][::-1]
    bend, stages = make.activation_layer(), len(inner) + 1

    def stage(level: int) -> Objective:
        def loss(p: ForwardPass) -> dict[str, Tensor]:
            with torch.no_grad():
                h = p.x_in.flatten(1)
                for before in inner[:level]:
                    h = bend(before(h))
            up = inner[level](h) if level == len(inner) - 1 else bend(inner[level](h))
            down = outer[level](up)
            wrong = (bend(down) - h).square().sum(1) if level else make.likelihood.nll(down, p.x.flatten(1))
            return {f"layer {level + 1}": wrong.mean()}

        return Objective(loss, [inner[level], outer[level]], interval=(level / stages, (level + 1) / stages))

    together = Objective(reconstruction_loss, [model], interval=((stages - 1) / stages, 1))
    return Recipe(model, [*(stage(level) for level in range(len(inner))), together])


# --- Variational ------------------------------------------------------------------------------------------------------

KLWeight = Annotated[float, ParamInfo("How much a nat of KL costs. 1: the ELBO.", 0, 1000, 0.1)]
KLWarmup = Annotated[float, ParamInfo("Share of the training over which the KL's price rises from 0.", 0, 1, 0.05)]
AnnealingCycles = Annotated[
    int, ParamInfo("How often the price starts again from 0; with any, the warm-up share does not count.", 0, 10)
]
FreeBits = Annotated[float, ParamInfo("Nats of KL that each dimension has free of charge.", 0, 3, 0.05)]
TCWeight = Annotated[float, ParamInfo("How much a nat of total correlation costs; the other parts cost 1.", 0, 20, 0.5)]
InfoVAEAlpha = Annotated[
    float, ParamInfo("Share of the mutual information that is not charged. 0: as a VAE; 1: none is.", 0, 1, 0.05)
]
MMDWeight = Annotated[float, ParamInfo("Nats charged for a unit of MMD between codes and normal draws.", 1, 1000, 1)]
TopLevelShare = Annotated[
    float, ParamInfo("Share of the code's numbers that belong to the top level.", 0.1, 0.9, 0.1, label="Top share")
]


def effective_beta(config: Config) -> str:
    """What a nat of KL costs beside a reconstruction loss that is summed, or averaged, over this many pixels."""
    beta, pixels = get_family(config.family).kl_weight(config.knobs), math.prod(CARDS[config.dataset].shape)
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


KL_TERM = {"kl": WeightedTerm(terms.KL)}  # the KL of a VAE, at its own price
# what keeps a posterior from collapsing: the ELBO, its KL charged slowly and a little of it not at all
COLLAPSE_FIXES = {"beta": 1.0, "warm_up": 0.3, "free_bits": 0.1}


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
    """Each picture becomes a small cloud of codes, and all clouds together must fill a normal distribution.

    The KL term pays for every bit that a cloud tells about its picture. What is gained: points drawn from the normal
    distribution mostly decode to plausible pictures (Kingma & Welling 2013; Rezende et al. 2014).
    """
    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), negative_elbo)


@family(
    "beta-VAE",
    effective_beta,
    loss_terms={"beta kl": WeightedTerm(terms.KL, "beta", formula=_free_bits_latex)},
    fixes={FailureMode.BETA_TOO_STRONG: {"beta": 1.0}, FailureMode.POSTERIOR_COLLAPSE: COLLAPSE_FIXES},
)
def beta_vae(
    make: NetworkFactory,
    latent_dim: int,
    beta: KLWeight = 2.0,
    warm_up: KLWarmup = 0.0,
    cycles: AnnealingCycles = 0,
    free_bits: FreeBits = 0.0,
) -> Recipe:
    """A VAE in which the KL costs beta times as much: above 1 tidier and blurrier, below 1 sharper.

    Too large a beta makes all clouds alike, and the decoder draws the average picture (posterior collapse). Raising the
    price slowly or giving each dimension some nats free keeps it off (Higgins et al. 2017; Bowman et al. 2016).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        price = beta * kl_anneal(p.progress, warm_up, cycles)
        return reconstruction_loss(p) | {"beta kl": price * free_bits_kl(gaussian_latent(p).kl, free_bits)}

    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), loss)


@family("Conditional VAE", effective_beta, loss_terms=KL_TERM)
def conditional_vae(make: NetworkFactory, latent_dim: int) -> Recipe:
    """A VAE that is told the class: the code is left with the style.

    The same code drawn under another label gives another digit in the same hand (Sohn, Lee & Yan 2015).
    """
    bottleneck, hints = GaussianBottleneck(latent_dim), torch.zeros(make.n_classes, *make.shape)
    encoder, decoder = make.encoder(bottleneck.in_features), make.decoder(latent_dim + make.n_classes)
    return Recipe.simple(Conditional(encoder, bottleneck, decoder, make.likelihood, hints), negative_elbo)


@family(
    "beta-TCVAE",
    defaults={"z_dim": 8},
    loss_terms={
        "mutual information": WeightedTerm(terms.MUTUAL_INFORMATION),
        "total correlation": WeightedTerm(terms.TOTAL_CORRELATION, "beta", r"\beta"),
        "dimension-wise kl": WeightedTerm(terms.DIMENSION_WISE_KL),
    },
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"beta": 1.0}},
)
def beta_tcvae(make: NetworkFactory, latent_dim: int, beta: TCWeight = 3.0) -> Recipe:
    """A VAE whose KL is split in three, and only the part that dimensions tell of each other costs more.

    So dimensions are pushed to be independent without paying for what the code knows of the picture. Total correlation
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
        "kl": WeightedTerm(terms.KL, symbol=r"(1-\alpha)", weight=lambda knobs: 1 - as_float(knobs["alpha"])),
        "mmd": WeightedTerm(
            terms.MMD,
            "pull",
            r"(\alpha+\text{pull}-1)",
            lambda knobs: as_float(knobs["alpha"]) + as_float(knobs["pull"]) - 1,
        ),
    },
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"alpha": 0.9}},
)
def info_vae(make: NetworkFactory, latent_dim: int, alpha: InfoVAEAlpha = 0.9, pull: MMDWeight = 2.0) -> Recipe:
    """A VAE that is charged less for what a code tells of its picture, and more for a wrong crowd of codes.

    The KL compares each cloud with the normal; MMD compares the crowd of all codes with it, which is what sampling
    needs (Zhao, Song & Ermon 2019).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        crowd = mmd(p.latent.z, torch.randn_like(p.latent.z))
        return reconstruction_loss(p) | {"kl": (1 - alpha) * kl_divergence(p), "mmd": (alpha + pull - 1) * crowd}

    return Recipe.simple(build_autoencoder(GaussianBottleneck(latent_dim), make), loss)


@family("Wasserstein autoencoder (MMD)", loss_terms={"mmd": WeightedTerm(terms.MMD, "pull", r"\text{pull}")})
def wae(make: NetworkFactory, latent_dim: int, pull: MMDWeight = 100.0) -> Recipe:
    """No clouds: each picture has one code, and only the crowd of all codes must look like a normal.

    Clouds of a VAE have to overlap, which blurs; single codes need not (Tolstikhin et al. 2018).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"mmd": pull * mmd(p.latent.z, torch.randn_like(p.latent.z))}

    return Recipe.simple(build_autoencoder(DeterministicBottleneck(latent_dim), make), loss)


class LadderDecoder(nn.Module):
    """A decoder that goes down a ladder first."""

    def __init__(self, ladder: LadderBottleneck, decoder: nn.Module) -> None:
        super().__init__()
        self.ladder = (ladder,)  # in a tuple: its weights are listed with the bottleneck
        self.decoder = decoder

    def forward(self, codes: Tensor) -> Tensor:
        raw: Tensor = self.decoder(self.ladder[0].to_bottom_units(codes))
        return raw


@family(
    "Ladder VAE, two levels",
    effective_beta,
    defaults={"z_dim": 8},
    loss_terms=KL_TERM,
    fixes={FailureMode.POSTERIOR_COLLAPSE: {"warm_up": 0.6}},
)
def ladder_vae(
    make: NetworkFactory, latent_dim: int, top_share: TopLevelShare = 0.5, warm_up: KLWarmup = 0.3
) -> Recipe:
    """Two levels of codes: the top one sets what to expect of the bottom one, which fills in the rest.

    The first numbers of the code are the top level; each level has at least one (Sonderby et al. 2016).
    """
    top = min(max(1, round(top_share * latent_dim)), max(1, latent_dim - 1))
    ladder = LadderBottleneck(top, max(1, latent_dim - top))
    decoder = LadderDecoder(ladder, make.decoder(max(1, latent_dim - top)))

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"kl": kl_anneal(p.progress, warm_up, 0) * kl_divergence(p)}

    return Recipe.simple(Autoencoder(make.encoder(ladder.in_features), ladder, decoder, make.likelihood), loss)


# --- Adversarial and discrete -----------------------------------------------------------------------------------------

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
        "fooling": WeightedTerm(terms.ADVERSARIAL, "weight", r"\text{weight}"),
        "critic": WeightedTerm(terms.DISCRIMINATOR),
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
    loss_terms={"commitment": WeightedTerm(terms.COMMITMENT, "commitment_cost", r"\text{commitment cost}")},
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


# --- From a Config to a Recipe ----------------------------------------------------------------------------------------


def get_family(name: str) -> Family:
    """The family called `name`, or a UserError that lists those there are."""
    if name not in FAMILIES:
        raise UserError(f"There is no family called {name}; the families are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def resolve_config(config: Config, for_training: bool = True) -> Config:
    """The same run said completely: every knob filled in and checked, what the family fixes put in place.

    Two ways of saying one run settle to the same Config, and so to the same id, on any computer. TooLarge for a network
    that this one has no memory for, or, if it `trains`, no memory to train.
    """
    config = complete_config(config)
    limits.check_layers(len(config.hidden))
    limits.check_parameters(model_size(config).parameters)
    limits.check_codes(CARDS[config.dataset].n_test, model_size(config).code_size)
    if for_training:
        limits.check_training(footprint_of(config).total)
    return config


def complete_config(config: Config) -> Config:
    """A run said completely, however large it is."""
    chosen = get_family(config.family)
    config = dataclasses.replace(config.validated(), **chosen.fixed)
    if config.dataset not in CARDS:
        raise UserError(f"There is no data set called {config.dataset}; the data sets are: {', '.join(CARDS)}.")
    shape = CARDS[config.dataset].shape
    if not NETWORKS[config.network].supports(shape):
        raise UserError(f"A {config.network} network does not fit {config.dataset}; choose mlp.")
    return dataclasses.replace(config, knobs=resolve(chosen.build, config.knobs))


@dataclasses.dataclass(frozen=True)
class ModelSize:
    """How large a settled run's model is."""

    parameters: int  # numbers that training sets, the adversary's included where there is one
    code_size: int  # numbers in the code of a picture
    code_bits: float  # bits that a code takes to store


def model_size(config: Config) -> ModelSize:
    """The sizes of a settled run's model; nothing is allocated."""
    return _model_size(_architecture_key(config))


def footprint_of(config: Config) -> Footprint:
    """The memory that the training of a settled run takes; nothing is allocated."""
    return _footprint(_architecture_key(config, "batch_size", "optimiser", "patience", "pictures"))


def bytes_per_sample(config: Config) -> int:
    """Bytes that one picture takes on its way through a run's model in use, beside its weights."""
    return _bytes_per_sample(_architecture_key(complete_config(config)))


# what a network hangs on; not the settings of its training, so that a form that changes those measures nothing anew
ARCHITECTURE_FIELDS = (
    "dataset",
    "family",
    "network",
    "hidden",
    "z_dim",
    "activation",
    "likelihood",
    "dropout",
    "pixels",
    "knobs",
)


def _architecture_key(config: Config, *more: str) -> str:
    """Those of a run's settings that what is measured of it hangs on, as the key of a cache."""
    said = config.to_json()
    return json.dumps({name: said[name] for name in (*ARCHITECTURE_FIELDS, *more)}, sort_keys=True)


@lru_cache(maxsize=512)
def _model_size(key: str) -> ModelSize:
    recipe = build_on_meta(Config.from_json(json.loads(key)))
    bottleneck = recipe.model.bottleneck
    return ModelSize(footprint.count_parameters(recipe.modules), bottleneck.out_features, bottleneck.bits)


@lru_cache(maxsize=512)
def _footprint(key: str) -> Footprint:
    config = Config.from_json(json.loads(key))
    return footprint.estimate(build_on_meta(config), config, CARDS[config.dataset])


@lru_cache(maxsize=512)
def _bytes_per_sample(key: str) -> int:
    config = Config.from_json(json.loads(key))
    return footprint.sample_bytes(build_on_meta(config), CARDS[config.dataset])


def build_on_meta(config: Config) -> Recipe:
    """The recipe of a settled run with shapes and no numbers: nothing is allocated, however large it is."""
    with footprint.META:
        return build_recipe(config)


def build_recipe(config: Config) -> Recipe:
    """The recipe of a settled run, weights drawn from its seed; the random state outside is kept."""
    card = CARDS[config.dataset]
    make = NetworkFactory(
        card.shape,
        config.network,
        config.hidden,
        config.activation,
        PIXEL_RANGES[config.pixels](LIKELIHOODS[config.likelihood]),
        config.dropout,
        len(card.classes),
        min(card.n_train, config.pictures or card.n_train),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        recipe = get_family(config.family).build(make, config.z_dim, **config.knobs)
        INITIALISATIONS[config.initialisation](recipe.modules)
    return dataclasses.replace(recipe, mean_reduction=config.reduction == "mean")
