"""Families with a normalizing flow as encoder and decoder in one."""

from __future__ import annotations

import math
from typing import Annotated

import torch
from torch import Tensor

from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.models import loss_terms
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.families.registry import family
from aecore.models.flows import FlowDecoder, FlowEncoder, RealNVP
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo

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


@family(
    "Normalizing flow (RealNVP)",
    lossless_code_note,
    defaults={"patience": 10},
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
    make: NetworkFactory, latent_dim: int, n_couplings: NumberOfCouplings = 6, coupling_width: CouplingWidth = 64
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
