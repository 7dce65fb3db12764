"""Every family of autoencoder, one function each.

A family chooses a network, a bottleneck, a loss and a corruption. Its signature is the form that people fill
in, its docstring the text beside it, the keys of its losses the curves on the chart.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import torch

from aecore.bottlenecks import Gaussian, Plain
from aecore.cards import CARDS
from aecore.config import Config
from aecore.corruptions import CORRUPTIONS
from aecore.errors import UserError
from aecore.knobs import Knob, Says, complete, knobs_of
from aecore.likelihoods import LIKELIHOODS
from aecore.losses import elbo, reconstruct
from aecore.model import Autoencoder
from aecore.networks import NETWORKS, Maker
from aecore.recipe import Recipe


@dataclass(frozen=True)
class Family:
    """A family as declared: what the form, the command line and the docs need to know of it."""

    name: str
    title: str
    build: Callable[..., Recipe]
    fixed: Mapping[str, Any]  # settings of a run that this family leaves no choice in

    @property
    def doc(self) -> str:
        return inspect.getdoc(self.build) or ""

    @property
    def knobs(self) -> tuple[Knob, ...]:
        return knobs_of(self.build)

    @property
    def source(self) -> str:
        return inspect.getsource(self.build)


FAMILIES: dict[str, Family] = {}


def family(title: str, **fixed: Any) -> Callable[[Callable[..., Recipe]], Callable[..., Recipe]]:
    """Declares the function below as a family; `fixed` names settings that it leaves no choice in."""

    def declare(build: Callable[..., Recipe]) -> Callable[..., Recipe]:
        name = build.__name__.replace("_", "-")
        FAMILIES[name] = Family(name, title, build, fixed)
        return build

    return declare


def plain(make: Maker, z_dim: int) -> Autoencoder:
    """Encoder, code, decoder; nothing random in between."""
    return Autoencoder(make.encoder(z_dim), Plain(z_dim), make.decoder(z_dim), make.likelihood)


def variational(make: Maker, z_dim: int) -> Autoencoder:
    """The encoder says a mean and a variance for each dimension of the code."""
    bottleneck = Gaussian(z_dim)
    return Autoencoder(make.encoder(bottleneck.inputs), bottleneck, make.decoder(z_dim), make.likelihood)


# --- Deterministic ------------------------------------------------------------------------------------------

Noise = Annotated[
    Literal["gaussian", "masking", "salt-and-pepper"],
    Says("What is done to the pictures that go in; the pictures that should come out stay clean."),
]
Strength = Annotated[
    float,
    Says(
        "Gaussian: the standard deviation, 1 being black to white. The others: the share of pixels hit.",
        0,
        1,
        0.05,
    ),
]


@family("Vanilla autoencoder")
def vanilla(make: Maker, z_dim: int) -> Recipe:
    """Squeezes each picture through a few numbers and draws it again from them.

    Nothing orders the code: similar pictures tend to come close, but the space between them is nobody's
    business, so decoding a random point can give nonsense (Rumelhart, Hinton & Williams 1986; Hinton &
    Salakhutdinov 2006).
    """
    return Recipe.simple(plain(make, z_dim), reconstruct)


@family("Linear autoencoder", network="mlp", hidden=())
def linear(make: Maker, z_dim: int) -> Recipe:
    """One linear layer each way: with squared error it finds the plane that PCA finds.

    It spans the same plane, but its axes are any basis of it, not the principal components themselves, and
    not even orthogonal ones (Bourlard & Kamp 1988; Baldi & Hornik 1989).
    """
    return Recipe.simple(plain(make, z_dim), reconstruct)


@family("Denoising autoencoder")
def denoising(make: Maker, z_dim: int, noise: Noise = "gaussian", strength: Strength = 0.4) -> Recipe:
    """Gets a spoilt picture and must draw the clean one.

    The loss compares with the clean picture, so copying does not pay: the network has to learn what pictures
    look like to know what is missing (Vincent, Larochelle, Bengio & Manzagol 2008).
    """
    return Recipe.simple(plain(make, z_dim), reconstruct, lambda x: CORRUPTIONS[noise](x, strength))


# --- Variational --------------------------------------------------------------------------------------------


@family("Variational autoencoder (VAE)")
def vae(make: Maker, z_dim: int) -> Recipe:
    """Each picture becomes a small cloud of codes, and all clouds together must fill a normal distribution.

    The KL term pays for every bit that a cloud tells about its picture. What is gained: points drawn from the
    normal distribution mostly decode to plausible pictures (Kingma & Welling 2013; Rezende et al. 2014).
    """
    return Recipe.simple(variational(make, z_dim), elbo)


# --- From a Config to a Recipe ------------------------------------------------------------------------------


def find(name: str) -> Family:
    """The family called `name`, or a UserError that lists those there are."""
    if name not in FAMILIES:
        raise UserError(f"There is no family called {name}; the families are: {', '.join(FAMILIES)}.")
    return FAMILIES[name]


def settle(config: Config) -> Config:
    """The same run said completely: every knob filled in and checked, what the family fixes put in place.

    Two ways of saying one run settle to the same Config, and so to the same id.
    """
    chosen = find(config.family)
    config = dataclasses.replace(config.checked(), **chosen.fixed)
    if config.dataset not in CARDS:
        raise UserError(f"There is no data set called {config.dataset}; the data sets are: {', '.join(CARDS)}.")
    shape = CARDS[config.dataset].shape
    if not NETWORKS[config.network].fits(shape):
        raise UserError(f"A {config.network} network does not fit {config.dataset}; choose mlp.")
    return dataclasses.replace(config, knobs=complete(chosen.build, config.knobs))


def build(config: Config) -> Recipe:
    """The recipe of a settled run, weights drawn from its seed; the random state outside is kept."""
    card = CARDS[config.dataset]
    make = Maker(card.shape, config.network, config.hidden, config.activation, LIKELIHOODS[config.likelihood])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        return find(config.family).build(make, config.z_dim, **config.knobs)
