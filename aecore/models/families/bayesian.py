"""Families whose weights are distributions."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from aecore.errors import UserError
from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.families.registry import family
from aecore.models.families.variational import KLWarmup
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import kl_anneal, reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Recipe
from aecore.models.variational_layers import VariationalLinear, weights_kl, with_variational_layers
from aecore.params import ParamInfo

WeightKLWeight = Annotated[
    float,
    ParamInfo(
        "Weight beta of the KL of the network's weights. 1: the ELBO of all weights together; less suits networks that "
        "are large for their data.",
        0,
        10,
        0.05,
        label="Weight-KL weight",
        symbol=r"\beta",
    ),
]


@family(
    "Bayesian autoencoder (variational dropout)",
    loss_terms={"weight kl": WeightedTerm(loss_terms.WEIGHT_KL, "weight_kl_weight", r"\beta")},
)
def bayesian(
    make: NetworkFactory, latent_dim: int, weight_kl_weight: WeightKLWeight = 0.1, kl_warmup: KLWarmup = 0.5
) -> Recipe:
    """Each weight of a fully connected layer is a small normal distribution; weights that tell nothing become noise.

    The KL pays for knowing weights exactly, shared among all training samples, so few samples mean a simpler network.
    In use the means count (Kingma, Salimans & Welling 2015; Molchanov, Ashukha & Vetrov 2017).
    """
    model = build_autoencoder(DeterministicBottleneck(latent_dim), make)
    with_variational_layers(model)
    if not any(isinstance(each, VariationalLinear) for each in model.modules()):
        raise UserError(
            f"The network {make.network} has no fully connected layer, whose weights could be distributions: choose "
            "another network."
        )

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        price = weight_kl_weight * kl_anneal(p.progress, kl_warmup, 0) / max(1, make.train_size)
        return reconstruction_loss(p) | {"weight kl": price * weights_kl(model)}

    return Recipe.simple(model, loss)
