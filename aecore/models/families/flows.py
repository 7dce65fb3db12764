"""Families with a normalizing flow: as the posterior of a VAE, and as encoder and decoder in one."""

from __future__ import annotations

import math
from typing import Annotated, Literal

import torch
from torch import Tensor

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models import loss_terms
from aecore.models.autoencoder import Autoencoder, build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.bottlenecks.flow import FlowBottleneck
from aecore.models.families.registry import family
from aecore.models.families.variational import KL_TERM, effective_beta
from aecore.models.flows import POSTERIOR_FLOWS, FlowDecoder, FlowEncoder, RealNVP
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import negative_elbo, reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo

PosteriorFlowName = Annotated[
    Literal["iaf", "planar"],
    ParamInfo(
        "The flow that bends posteriors. iaf: each number is moved by functions of those before it. planar: all are "
        "pushed along one direction, by how far they lie along another.",
        label="Posterior flow",
        symbol="f",
    ),
]
NumberOfFlows = Annotated[
    int,
    ParamInfo(
        "How many flows act one after the other.",
        1,
        32,
        1,
        label="Number of flows",
        symbol="K",
        paper="flow length",
    ),
]

NumberOfCouplings = Annotated[
    int,
    ParamInfo(
        "How many affine couplings act one after the other; each moves half of the values.",
        2,
        32,
        1,
        label="Number of couplings",
        symbol="K",
        paper="coupling layers",
    ),
]
CouplingWidth = Annotated[
    int,
    ParamInfo("Units of each of the two hidden layers of a coupling.", 4, 1024, 1, label="Coupling width"),
]


def lossless_code_note(config: Config) -> str:
    """How large the code of a flow is, and what follows."""
    values = math.prod(CARDS[config.dataset].shape)
    return (
        f"The code has {values:,} dimensions, as many as a sample has values: nothing is compressed, and nothing lost."
    )


@family("VAE with a posterior flow", effective_beta, loss_terms=KL_TERM)
def flow_vae(
    make: NetworkFactory, latent_dim: int, posterior_flow: PosteriorFlowName = "iaf", n_flows: NumberOfFlows = 4
) -> Recipe:
    """A VAE whose clouds may be bent: a flow moves each draw, and the KL counts how it has changed their density.

    Posteriors of a plain VAE have axes along the dimensions; bent ones come nearer to the true ones, so the bound on
    log p(x) is tighter. KLs are those of single draws (Rezende & Mohamed 2015; Kingma et al. 2016).
    """
    bottleneck = FlowBottleneck(latent_dim, POSTERIOR_FLOWS[posterior_flow](latent_dim, n_flows))
    return Recipe.simple(build_autoencoder(bottleneck, make), negative_elbo)


@family(
    "Normalizing flow (RealNVP)",
    lossless_code_note,
    loss_terms={"flow nll": WeightedTerm(loss_terms.FLOW_NLL)},
    lossless=True,
    latent_dim=1,
    network="mlp",
    hidden_sizes=(),
    decoder_sizes=(),
    batch_norm=False,
    dropout=0.0,
    likelihood="gaussian",
    pixel_range="0 to 1",
    precision="float32",
)
def real_nvp(
    make: NetworkFactory, latent_dim: int, n_couplings: NumberOfCouplings = 8, coupling_width: CouplingWidth = 64
) -> Recipe:
    """One network that can be run backwards: forwards it makes a normal of the data, backwards new samples of a normal.

    The code has as many dimensions as the sample and loses nothing; log p(x) is exact, for pixels but for the noise
    that fills their steps. Missing values are taken for 0 (Dinh, Sohl-Dickstein & Bengio 2017).
    """
    size = math.prod(make.shape)
    encoder = FlowEncoder(RealNVP(size, n_couplings, coupling_width), make.max_value + 1 if make.max_value else 0)
    decoder = FlowDecoder(encoder, make.shape)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        with torch.no_grad():  # what rounding loses; there is nothing to learn from it
            lost = reconstruction_loss(p)
        return lost | {"flow nll": encoder.nll(p.x_in).mean()}

    return Recipe.simple(Autoencoder(encoder, DeterministicBottleneck(size), decoder, make.likelihood), loss)
