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
from aecore.models.bottlenecks import Bottleneck, Codebook, Gaussian, Ladder, Plain, TopK
from aecore.models.corruptions import LEARNT
from aecore.models.families.registry import FAMILIES as FAMILIES
from aecore.models.families.registry import CodebookKnobs, Family, family
from aecore.models.findings import Trouble
from aecore.models.footprint import Footprint
from aecore.models.likelihoods import LIKELIHOODS, PIXELS
from aecore.models.losses import (
    clouds,
    commitment,
    divergence,
    elbo,
    free,
    jacobian_by_projection,
    jacobian_of_layer,
    mmd,
    ramp,
    rare,
    reconstruct,
    says,
    split_kl,
)
from aecore.models.networks import INITIALISATIONS, NETWORKS, Maker, mlp, tied
from aecore.models.priors import PRIORS
from aecore.models.recipe import Objective, Pass, Recipe
from aecore.models.terms import Knobs, Part, number
from aecore.params import Says, complete


def around(bottleneck: Bottleneck, make: Maker) -> Autoencoder:
    """Encoder and decoder of the usual kind around a bottleneck."""
    encoder, decoder = make.encoder(bottleneck.inputs), make.decoder(bottleneck.outputs)
    return Autoencoder(encoder, bottleneck, decoder, make.likelihood)


# --- Deterministic ----------------------------------------------------------------------------------------------------

Bend = Annotated[
    Literal["linear", "relu"],
    Says(
        "linear: numbers of any sign. relu, as many tutorials have it: none below zero, and units that die stay dead."
    ),
]
Noise = Annotated[
    Literal["gaussian", "masking", "salt-and-pepper", "dropout", "mixed"],
    Says(
        "What is done to the pictures that go in; the pictures that should come out stay clean. mixed: one of the "
        "first three for each picture, at any strength up to the one set."
    ),
]
Strength = Annotated[
    float,
    Says("Gaussian: the standard deviation, 1 being black to white. The others: the share of pixels hit.", 0, 1, 0.05),
]
Sparsity = Annotated[
    float, Says("Nats charged for each unit of activation, summed over the code.", 0, 10, 1e-6, log=True)
]
Rho = Annotated[float, Says("How active each unit should be on average, from 0 to 1.", 0.01, 0.5, 0.01)]
Push = Annotated[float, Says("How hard units are pushed towards that activity.", 0, 100, 0.5)]
Kept = Annotated[int, Says("How many numbers of each code are kept; the others are put to zero.", 1, 64, 1)]
Stiffness = Annotated[float, Says("Nats charged for the squared size of the encoder's Jacobian.", 0, 10, 0.01)]


@family("Vanilla autoencoder", cures={Trouble.RELU_CODE: {"code": "linear"}})
def vanilla(make: Maker, z_dim: int, code: Bend = "linear") -> Recipe:
    """Squeezes each picture through a few numbers and draws it again from them.

    Nothing orders the code: similar pictures tend to come close, but the space between them is nobody's business, so
    decoding a random point can give nonsense (Rumelhart, Hinton & Williams 1986; Hinton & Salakhutdinov 2006).
    """
    bend = {"linear": nn.Identity, "relu": nn.ReLU}[code]
    return Recipe.simple(around(Plain(z_dim, bend), make), reconstruct)


@family("Linear autoencoder", usual={"likelihood": "gaussian", "lr": 0.02}, network="mlp", hidden=(), dropout=0.0)
def linear(make: Maker, z_dim: int) -> Recipe:
    """One linear layer each way: with squared error it finds the plane that PCA finds.

    It spans the same plane, but its axes are any basis of it, not the principal components themselves, and not even
    orthogonal ones (Bourlard & Kamp 1988; Baldi & Hornik 1989).
    """
    model = LinearAutoencoder(make.encoder(z_dim), Plain(z_dim), make.decoder(z_dim), make.likelihood)
    return Recipe.simple(model, reconstruct)


@family("Tied weights", network="mlp")
def tied_weights(make: Maker, z_dim: int) -> Recipe:
    """The decoder uses the encoder's weights, transposed: half the numbers to learn.

    What a unit looks for in a picture is also what it draws (Vincent et al. 2010 tie theirs so).
    """
    encoder, decoder = tied(make, z_dim)
    return Recipe.simple(Autoencoder(encoder, Plain(z_dim), decoder, make.likelihood), reconstruct)


@family("Denoising autoencoder", corruption="strength")
def denoising(make: Maker, z_dim: int, noise: Noise = "gaussian", strength: Strength = 0.4) -> Recipe:
    """Gets a spoilt picture and must draw the clean one.

    The loss compares with the clean picture, so copying does not pay: the network has to learn what pictures look like
    to know what is missing (Vincent, Larochelle, Bengio & Manzagol 2008).
    """
    return Recipe.simple(around(Plain(z_dim), make), reconstruct, lambda x: LEARNT[noise](x, strength))


@family(
    "Sparse autoencoder, L1",
    usual={"z_dim": 64},
    parts={"activity": Part(terms.L1, "sparsity", r"\text{sparsity}")},
)
def sparse(make: Maker, z_dim: int, sparsity: Sparsity = 0.1) -> Recipe:
    """Activity costs: each picture is told by the few units that it needs.

    The code may then be larger than the picture and still not copy it. Most zeros come from the ReLU itself; watch what
    the charge adds. A decoder with large weights lets small activations escape it (Olshausen & Field 1996).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        return reconstruct(p) | {"activity": sparsity * p.latent.code.abs().sum(1).mean()}

    model = around(Plain(z_dim, nn.ReLU), make)
    last = [each for each in model.encoder.modules() if isinstance(each, nn.Linear)][-1]
    nn.init.ones_(last.bias)  # all units start awake: one that is never active never learns
    return Recipe.simple(model, loss)


@family(
    "Sparse autoencoder, KL",
    usual={"z_dim": 64},
    parts={"rarity": Part(terms.SPARSITY_KL, "beta", r"\beta", target="rho")},
)
def sparse_kl(make: Maker, z_dim: int, rho: Rho = 0.1, beta: Push = 0.5) -> Recipe:
    """Every unit should be active at a rate rho: rarely, but not never.

    The charge is the KL between a coin that shows heads with rate rho and one with the unit's mean activation over the
    batch. It is steeper below rho than above it (Ng 2011).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        return reconstruct(p) | {"rarity": beta * rare(p.latent.code, rho)}

    return Recipe.simple(around(Plain(z_dim, nn.Sigmoid), make), loss)


@family("Sparse autoencoder, top-k", usual={"z_dim": 64}, cures={Trouble.DEAD_UNITS: {"k": 8}})
def top_k(make: Maker, z_dim: int, k: Kept = 8) -> Recipe:
    """Of each code only the k largest numbers are kept.

    No charge to tune: sparsity is exact. Units that never make it among the k learn nothing (Makhzani & Frey 2013).
    """
    return Recipe.simple(around(TopK(z_dim, k), make), reconstruct)


# elu: with tied weights and a sigmoid code many a ReLU dies, on shapes all but two or three numbers of the code with it
@family(
    "Contractive autoencoder",
    usual={"z_dim": 16, "activation": "elu"},
    parts={"jacobian": Part(terms.JACOBIAN, "stiffness", r"\text{stiffness}")},
    network="mlp",
    dropout=0.0,
)
def contractive(make: Maker, z_dim: int, stiffness: Stiffness = 0.05) -> Recipe:
    """A small change of the picture should change the code only a little.

    The charge is the squared norm of the encoder's Jacobian: exact with no hidden layer, by a random direction
    otherwise. The decoder's weights are the encoder's, or the encoder could shrink and the decoder grow, and nothing
    would be gained (Rifai, Vincent, Muller, Glorot & Bengio 2011).
    """
    encoder, decoder = tied(make, z_dim)
    first = next(each for each in encoder.modules() if isinstance(each, nn.Linear))

    def loss(p: Pass) -> dict[str, Tensor]:
        norm = jacobian_by_projection(p) if make.hidden else jacobian_of_layer(p.latent.code, first.weight)
        return reconstruct(p) | {"jacobian": stiffness * norm}

    return Recipe.simple(Autoencoder(encoder, Plain(z_dim, nn.Sigmoid), decoder, make.likelihood), loss)


@family("Stacked autoencoder", network="mlp", dropout=0.0)
def stacked(make: Maker, z_dim: int) -> Recipe:
    """Learns layer by layer: each layer first as an autoencoder of what the one before says, then all together.

    This is how deep networks were first made to learn at all; with today's activations and optimisers it is seldom
    better than training everything at once (Hinton & Salakhutdinov 2006; Bengio et al. 2007).
    """
    model = around(Plain(z_dim), make)
    inner = [each for each in model.encoder.modules() if isinstance(each, nn.Linear)]
    outer = [each for each in model.decoder.modules() if isinstance(each, nn.Linear)][::-1]
    bend, stages = make.act(), len(inner) + 1

    def stage(level: int) -> Objective:
        def loss(p: Pass) -> dict[str, Tensor]:
            with torch.no_grad():
                h = p.seen.flatten(1)
                for before in inner[:level]:
                    h = bend(before(h))
            up = inner[level](h) if level == len(inner) - 1 else bend(inner[level](h))
            down = outer[level](up)
            wrong = (bend(down) - h).square().sum(1) if level else make.likelihood.nll(down, p.x.flatten(1))
            return {f"layer {level + 1}": wrong.mean()}

        return Objective(loss, [inner[level], outer[level]], during=(level / stages, (level + 1) / stages))

    together = Objective(reconstruct, [model], during=((stages - 1) / stages, 1))
    return Recipe(model, [*(stage(level) for level in range(len(inner))), together])


# --- Variational ------------------------------------------------------------------------------------------------------

Beta = Annotated[float, Says("How much a nat of KL costs. 1: the ELBO.", 0, 1000, 0.1)]
WarmUp = Annotated[float, Says("Share of the training over which the KL's price rises from 0.", 0, 1, 0.05)]
Cycles = Annotated[
    int, Says("How often the price starts again from 0; with any, the warm-up share does not count.", 0, 10)
]
FreeBits = Annotated[float, Says("Nats of KL that each dimension has free of charge.", 0, 3, 0.05)]
Total = Annotated[float, Says("How much a nat of total correlation costs; the other parts cost 1.", 0, 20, 0.5)]
Alpha = Annotated[
    float, Says("Share of the mutual information that is not charged. 0: as a VAE; 1: none is.", 0, 1, 0.05)
]
Pull = Annotated[float, Says("Nats charged for a unit of MMD between codes and normal draws.", 1, 1000, 1)]
Top = Annotated[
    float, Says("Share of the code's numbers that belong to the top level.", 0.1, 0.9, 0.1, label="Top share")
]


def effective_beta(config: Config) -> str:
    """What a nat of KL costs beside a reconstruction loss that is summed, or averaged, over this many pixels."""
    beta, pixels = find(config.family).kl_weight(config.knobs), math.prod(CARDS[config.dataset].shape)
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


KL = {"kl": Part(terms.KL)}  # the KL of a VAE, at its own price
# what keeps a posterior from collapsing: the ELBO, its KL charged slowly and a little of it not at all
WAKES = {"beta": 1.0, "warm_up": 0.3, "free_bits": 0.1}


def _with_free_bits(knobs: Knobs) -> str:
    """The KL of a beta-VAE in LaTeX, that of each dimension with its floor."""
    floor = number(knobs["free_bits"])
    kept = rf"\max({floor:g},\,\overline{{\mathrm{{KL}}}}_j)" if floor else r"\mathrm{KL}_j"
    return rf"\beta\,\textstyle\sum_j {kept}"


@family(
    "Variational autoencoder (VAE)",
    effective_beta,
    parts=KL,
    cures={Trouble.COLLAPSE: {"family": "beta-vae", **WAKES}},
)
def vae(make: Maker, z_dim: int) -> Recipe:
    """Each picture becomes a small cloud of codes, and all clouds together must fill a normal distribution.

    The KL term pays for every bit that a cloud tells about its picture. What is gained: points drawn from the normal
    distribution mostly decode to plausible pictures (Kingma & Welling 2013; Rezende et al. 2014).
    """
    return Recipe.simple(around(Gaussian(z_dim), make), elbo)


@family(
    "beta-VAE",
    effective_beta,
    parts={"beta kl": Part(terms.KL, "beta", formula=_with_free_bits)},
    cures={Trouble.BETA: {"beta": 1.0}, Trouble.COLLAPSE: WAKES},
)
def beta_vae(
    make: Maker,
    z_dim: int,
    beta: Beta = 2.0,
    warm_up: WarmUp = 0.0,
    cycles: Cycles = 0,
    free_bits: FreeBits = 0.0,
) -> Recipe:
    """A VAE in which the KL costs beta times as much: above 1 tidier and blurrier, below 1 sharper.

    Too large a beta makes all clouds alike, and the decoder draws the average picture (posterior collapse). Raising the
    price slowly or giving each dimension some nats free keeps it off (Higgins et al. 2017; Bowman et al. 2016).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        price = beta * ramp(p.progress, warm_up, cycles)
        return reconstruct(p) | {"beta kl": price * free(clouds(p).kl, free_bits)}

    return Recipe.simple(around(Gaussian(z_dim), make), loss)


@family("Conditional VAE", effective_beta, parts=KL)
def conditional_vae(make: Maker, z_dim: int) -> Recipe:
    """A VAE that is told the class: the code is left with the style.

    The same code drawn under another label gives another digit in the same hand (Sohn, Lee & Yan 2015).
    """
    bottleneck, hints = Gaussian(z_dim), torch.zeros(make.classes, *make.shape)
    encoder, decoder = make.encoder(bottleneck.inputs), make.decoder(z_dim + make.classes)
    return Recipe.simple(Conditional(encoder, bottleneck, decoder, make.likelihood, hints), elbo)


@family(
    "beta-TCVAE",
    usual={"z_dim": 8},
    parts={
        "mutual information": Part(terms.MUTUAL_INFORMATION),
        "total correlation": Part(terms.TOTAL_CORRELATION, "beta", r"\beta"),
        "dimension-wise kl": Part(terms.DIMENSION_WISE_KL),
    },
    cures={Trouble.COLLAPSE: {"beta": 1.0}},
)
def beta_tcvae(make: Maker, z_dim: int, beta: Total = 3.0) -> Recipe:
    """A VAE whose KL is split in three, and only the part that dimensions tell of each other costs more.

    So dimensions are pushed to be independent without paying for what the code knows of the picture. Total correlation
    is estimated within a batch and can come out slightly negative (Chen, Li, Grosse & Duvenaud 2018).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        parts = split_kl(clouds(p), make.pictures)
        return reconstruct(p) | parts | {"total correlation": beta * parts["total correlation"]}

    return Recipe.simple(around(Gaussian(z_dim), make), loss)


@family(
    "InfoVAE (MMD)",
    effective_beta,
    parts={
        "kl": Part(terms.KL, symbol=r"(1-\alpha)", weight=lambda knobs: 1 - number(knobs["alpha"])),
        "mmd": Part(
            terms.MMD,
            "pull",
            r"(\alpha+\text{pull}-1)",
            lambda knobs: number(knobs["alpha"]) + number(knobs["pull"]) - 1,
        ),
    },
    cures={Trouble.COLLAPSE: {"alpha": 0.9}},
)
def info_vae(make: Maker, z_dim: int, alpha: Alpha = 0.9, pull: Pull = 2.0) -> Recipe:
    """A VAE that is charged less for what a code tells of its picture, and more for a wrong crowd of codes.

    The KL compares each cloud with the normal; MMD compares the crowd of all codes with it, which is what sampling
    needs (Zhao, Song & Ermon 2019).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        crowd = mmd(p.latent.z, torch.randn_like(p.latent.z))
        return reconstruct(p) | {"kl": (1 - alpha) * divergence(p), "mmd": (alpha + pull - 1) * crowd}

    return Recipe.simple(around(Gaussian(z_dim), make), loss)


@family("Wasserstein autoencoder (MMD)", parts={"mmd": Part(terms.MMD, "pull", r"\text{pull}")})
def wae(make: Maker, z_dim: int, pull: Pull = 100.0) -> Recipe:
    """No clouds: each picture has one code, and only the crowd of all codes must look like a normal.

    Clouds of a VAE have to overlap, which blurs; single codes need not (Tolstikhin et al. 2018).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        return reconstruct(p) | {"mmd": pull * mmd(p.latent.z, torch.randn_like(p.latent.z))}

    return Recipe.simple(around(Plain(z_dim), make), loss)


class Rungs(nn.Module):
    """A decoder that goes down a ladder first."""

    def __init__(self, ladder: Ladder, decoder: nn.Module) -> None:
        super().__init__()
        self.ladder = (ladder,)  # in a tuple: its weights are listed with the bottleneck
        self.decoder = decoder

    def forward(self, codes: Tensor) -> Tensor:
        raw: Tensor = self.decoder(self.ladder[0].lower(codes))
        return raw


@family(
    "Ladder VAE, two levels",
    effective_beta,
    usual={"z_dim": 8},
    parts=KL,
    cures={Trouble.COLLAPSE: {"warm_up": 0.6}},
)
def ladder_vae(make: Maker, z_dim: int, top_share: Top = 0.5, warm_up: WarmUp = 0.3) -> Recipe:
    """Two levels of codes: the top one sets what to expect of the bottom one, which fills in the rest.

    The first numbers of the code are the top level; each level has at least one (Sonderby et al. 2016).
    """
    top = min(max(1, round(top_share * z_dim)), max(1, z_dim - 1))
    ladder = Ladder(top, max(1, z_dim - top))
    decoder = Rungs(ladder, make.decoder(max(1, z_dim - top)))

    def loss(p: Pass) -> dict[str, Tensor]:
        return reconstruct(p) | {"kl": ramp(p.progress, warm_up, 0) * divergence(p)}

    return Recipe.simple(Autoencoder(make.encoder(ladder.inputs), ladder, decoder, make.likelihood), loss)


# --- Adversarial and discrete -----------------------------------------------------------------------------------------

Shape = Annotated[
    Literal["gaussian", "ring", "mixture"],
    Says("The cloud that all codes together should fill; ring and mixture use the first two dimensions."),
]
Weight = Annotated[float, Says("How much fooling the critic counts beside the reconstruction.", 0, 10, 0.1)]
Codes = Annotated[int, Says("How many vectors the codebook holds.", 2, 1024, 1)]
Width = Annotated[int, Says("How many numbers each vector has.", 1, 64, 1)]
Commitment = Annotated[float, Says("How strongly the encoder is held to the vectors chosen for it.", 0, 10, 0.05)]
Revive = Annotated[bool, Says("Puts vectors that nothing uses where the encoder is.")]


@family(
    "Adversarial autoencoder (AAE)",
    parts={
        "fooling": Part(terms.ADVERSARIAL, "weight", r"\text{weight}"),
        "critic": Part(terms.DISCRIMINATOR),
    },
)
def aae(make: Maker, z_dim: int, prior: Shape = "gaussian", weight: Weight = 1.0) -> Recipe:
    """A critic learns to tell codes from draws of a prior; the encoder learns to fool it.

    The prior can be anything that one can draw from, not only a normal (Makhzani et al. 2015).
    """
    model, critic = around(Plain(z_dim, prior=PRIORS[prior]), make), mlp([z_dim, 128, 128, 1])

    def play(p: Pass) -> dict[str, Tensor]:
        return reconstruct(p) | {"fooling": weight * says(critic(p.latent.z), real=True)}

    def judge(p: Pass) -> dict[str, Tensor]:
        codes = p.latent.z.detach()
        drawn = PRIORS[prior](*codes.shape).to(codes)
        return {"critic": says(critic(drawn), real=True) + says(critic(codes), real=False)}

    return Recipe(model, [Objective(play, [model]), Objective(judge, [critic])])


def slots(config: Config) -> str:
    """What a code is here."""
    k, width = int(number(config.knobs["codes"])), int(number(config.knobs["width"]))
    bits = config.z_dim * math.log2(k)
    return (
        f"A picture becomes {config.z_dim} choices among {k} vectors of {width} numbers: a code of "
        f"{config.z_dim * width} numbers, and {bits:.3g} bits in all."
    )


@family(
    "VQ-VAE",
    slots,
    usual={"z_dim": 8},
    parts={"commitment": Part(terms.COMMITMENT, "commitment_cost", r"\text{commitment cost}")},
    codebook=CodebookKnobs(size="codes", resets="revive"),
)
def vq_vae(
    make: Maker,
    z_dim: int,
    codes: Codes = 64,
    width: Width = 4,
    commitment_cost: Commitment = 0.25,
    revive: Revive = True,
) -> Recipe:
    """Each slot of the code holds one of a fixed set of vectors, as words come from a dictionary.

    There is no normal to draw from: new pictures are drawn by how often each slot took each vector, which knows nothing
    of what slots have to do with each other. Latent size is the number of slots (van den Oord et al. 2017).
    """

    def loss(p: Pass) -> dict[str, Tensor]:
        return reconstruct(p) | {"commitment": commitment_cost * commitment(p)}

    return Recipe.simple(around(Codebook(z_dim, codes, width, revive=revive), make), loss)


# --- From a Config to a Recipe ----------------------------------------------------------------------------------------


def find(name: str) -> Family:
    """The family called `name`, or a UserError that lists those there are."""
    if name not in FAMILIES:
        raise UserError(f"There is no family called {name}; the families are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def settle(config: Config, trains: bool = True) -> Config:
    """The same run said completely: every knob filled in and checked, what the family fixes put in place.

    Two ways of saying one run settle to the same Config, and so to the same id, on any computer. TooLarge for a network
    that this one has no memory for, or, if it `trains`, no memory to train.
    """
    config = complete_config(config)
    limits.check_layers(len(config.hidden))
    limits.check_parameters(sizes(config).parameters)
    limits.check_codes(CARDS[config.dataset].test, sizes(config).code_size)
    if trains:
        limits.check_training(footprint_of(config).total)
    return config


def complete_config(config: Config) -> Config:
    """A run said completely, however large it is."""
    chosen = find(config.family)
    config = dataclasses.replace(config.checked(), **chosen.fixed)
    if config.dataset not in CARDS:
        raise UserError(f"There is no data set called {config.dataset}; the data sets are: {', '.join(CARDS)}.")
    shape = CARDS[config.dataset].shape
    if not NETWORKS[config.network].fits(shape):
        raise UserError(f"A {config.network} network does not fit {config.dataset}; choose mlp.")
    return dataclasses.replace(config, knobs=complete(chosen.build, config.knobs))


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large a settled run's model is."""

    parameters: int  # numbers that training sets, the adversary's included where there is one
    code_size: int  # numbers in the code of a picture
    code_bits: float  # bits that a code takes to store


def sizes(config: Config) -> Sizes:
    """The sizes of a settled run's model; nothing is allocated."""
    return _sizes(_shaping(config))


def footprint_of(config: Config) -> Footprint:
    """The memory that the training of a settled run takes; nothing is allocated."""
    return _footprint(_shaping(config, "batch_size", "optimiser", "patience", "pictures"))


def picture_bytes(config: Config) -> int:
    """Bytes that one picture takes on its way through a run's model in use, beside its weights."""
    return _picture(_shaping(complete_config(config)))


# what a network hangs on; not the settings of its training, so that a form that changes those measures nothing anew
SHAPING = ("dataset", "family", "network", "hidden", "z_dim", "activation", "likelihood", "dropout", "pixels", "knobs")


def _shaping(config: Config, *more: str) -> str:
    """Those of a run's settings that what is measured of it hangs on, as the key of a cache."""
    said = config.to_json()
    return json.dumps({name: said[name] for name in (*SHAPING, *more)}, sort_keys=True)


@lru_cache(maxsize=512)
def _sizes(said: str) -> Sizes:
    recipe = on_meta(Config.from_json(json.loads(said)))
    bottleneck = recipe.model.bottleneck
    return Sizes(footprint.parameters(recipe.modules), bottleneck.outputs, bottleneck.bits)


@lru_cache(maxsize=512)
def _footprint(said: str) -> Footprint:
    config = Config.from_json(json.loads(said))
    return footprint.measured(on_meta(config), config, CARDS[config.dataset])


@lru_cache(maxsize=512)
def _picture(said: str) -> int:
    config = Config.from_json(json.loads(said))
    return footprint.picture(on_meta(config), CARDS[config.dataset])


def on_meta(config: Config) -> Recipe:
    """The recipe of a settled run with shapes and no numbers: nothing is allocated, however large it is."""
    with footprint.META:
        return build(config)


def build(config: Config) -> Recipe:
    """The recipe of a settled run, weights drawn from its seed; the random state outside is kept."""
    card = CARDS[config.dataset]
    make = Maker(
        card.shape,
        config.network,
        config.hidden,
        config.activation,
        PIXELS[config.pixels](LIKELIHOODS[config.likelihood]),
        config.dropout,
        len(card.classes),
        min(card.train, config.pictures or card.train),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        recipe = find(config.family).build(make, config.z_dim, **config.knobs)
        INITIALISATIONS[config.initialisation](recipe.modules)
    return dataclasses.replace(recipe, averaged=config.reduction == "mean")
