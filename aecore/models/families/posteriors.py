"""VAEs with other posteriors than a free normal: bent by a flow, or kept away from the prior."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from aecore.config import Config
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks.committed import CommittedRateBottleneck, max_log_variance
from aecore.models.bottlenecks.flow import FlowBottleneck
from aecore.models.failure_modes import FailureMode
from aecore.models.families.registry import family
from aecore.models.families.variational import KL_TERM, effective_beta
from aecore.models.flows import POSTERIOR_FLOWS
from aecore.models.loss_terms import as_float
from aecore.models.losses import negative_elbo
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import Recipe
from aecore.params import ParamInfo

PosteriorFlowName = Annotated[
    Literal["planar", "iaf"],
    ParamInfo(
        "The flow that bends posteriors. planar: all numbers are pushed along one direction, by how far they lie along "
        "another. iaf: each is moved by functions of those before it.",
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
CommittedRate = Annotated[
    float,
    ParamInfo(
        "Nats of KL that every posterior has at least, whatever the encoder says.",
        0,
        20,
        0.5,
        label="Committed rate",
        symbol=r"\delta",
        paper="committed rate",
    ),
]


@family("VAE with a posterior flow", effective_beta, loss_terms=KL_TERM)
def flow_vae(
    make: NetworkFactory, latent_dim: int, posterior_flow: PosteriorFlowName = "planar", n_flows: NumberOfFlows = 4
) -> Recipe:
    """A VAE whose clouds may be bent: a flow moves each draw, and the KL counts how it has changed their density.

    Posteriors of a plain VAE have axes along the dimensions; bent ones come nearer to the true ones, so the bound on
    log p(x) is tighter. KLs are those of single draws (Rezende & Mohamed 2015; Kingma et al. 2016).
    """
    bottleneck = FlowBottleneck(latent_dim, POSTERIOR_FLOWS[posterior_flow](latent_dim, n_flows))
    return Recipe.simple(build_autoencoder(bottleneck, make), negative_elbo)


def widest_posterior(config: Config) -> str:
    """How wide a posterior may be for its KL to reach the committed rate."""
    delta = as_float(config.params["delta"])
    share = delta / config.latent_dim
    return (
        f"A KL of at least {delta:g} nats is {share:.3g} for each latent dimension: no posterior is wider than "
        f"{math.exp(max_log_variance(share) / 2):.2f} standard deviations of the prior."
    )


@family("delta-VAE", widest_posterior, loss_terms=KL_TERM, fixes={FailureMode.POSTERIOR_COLLAPSE: {"delta": 4.0}})
def delta_vae(make: NetworkFactory, latent_dim: int, delta: CommittedRate = 1.0) -> Recipe:
    """A VAE whose clouds are too narrow to be the prior: a KL of delta is paid in any case, so telling is cheap.

    Clouds that are all alike save nothing, which keeps off posterior collapse with the loss of a VAE. Each dimension
    has an equal share of delta; in the paper codes of one sample may also follow each other (Razavi et al. 2019).
    """
    return Recipe.simple(build_autoencoder(CommittedRateBottleneck(latent_dim, delta), make), negative_elbo)
