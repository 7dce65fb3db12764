"""Families whose codes are sparse: few units are active for an image."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor, nn

from aecore.models import loss_terms
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck, TopK
from aecore.models.failure_modes import FailureMode
from aecore.models.families.registry import family
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import reconstruction_loss, sparsity_kl
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Recipe
from aecore.params import ParamInfo

L1Weight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of the L1 penalty: nats for each unit of activation, summed over the code.",
        0,
        10,
        1e-6,
        label="L1 weight",
        log=True,
        symbol=r"\lambda",
    ),
]
TargetActivation = Annotated[
    float,
    ParamInfo(
        "The mean activation rho that each unit should have, from 0 to 1.",
        0.01,
        0.5,
        0.01,
        label="Target activation",
        symbol=r"\rho",
        paper="sparsity parameter",
    ),
]
SparsityWeight = Annotated[
    float,
    ParamInfo(
        "Weight beta of the sparsity penalty: nats for each nat of the KL between rho and the mean activations.",
        0,
        100,
        0.5,
        label="Sparsity weight",
        symbol=r"\beta",
        paper="beta",
    ),
]
ActiveUnits = Annotated[
    int,
    ParamInfo(
        "How many units of each code stay active; the others are set to zero.",
        1,
        64,
        1,
        label="Active units (k)",
        symbol="k",
        paper="sparsity level",
    ),
]


@family(
    "Sparse autoencoder, L1",
    defaults={"latent_dim": 64},
    loss_terms={"l1": WeightedTerm(loss_terms.L1, "l1_weight", r"\lambda")},
)
def sparse(make: NetworkFactory, latent_dim: int, l1_weight: L1Weight = 0.1) -> Recipe:
    """Activity has an L1 penalty: each image is encoded by the few units that it needs.

    The code may then be larger than the image and still not copy it. Most zeros come from the ReLU itself; watch what
    the penalty adds. A decoder with large weights lets small activations escape it (Olshausen & Field 1996).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"l1": l1_weight * p.latent.code.abs().sum(1).mean()}

    model = build_autoencoder(DeterministicBottleneck(latent_dim, nn.ReLU), make)
    last = [each for each in model.encoder.modules() if isinstance(each, nn.Linear | nn.Conv2d)][-1]
    assert last.bias is not None
    nn.init.ones_(last.bias)  # all units start awake: one that is never active never learns
    return Recipe.simple(model, loss)


@family(
    "Sparse autoencoder, KL",
    defaults={"latent_dim": 64},
    loss_terms={"sparsity_kl": WeightedTerm(loss_terms.SPARSITY_KL, "sparsity_weight", r"\beta", target_param="rho")},
)
def sparse_kl(
    make: NetworkFactory, latent_dim: int, rho: TargetActivation = 0.1, sparsity_weight: SparsityWeight = 0.5
) -> Recipe:
    """Every unit should be active at a rate rho: rarely, but not never.

    The penalty is the KL between a coin that shows heads with rate rho and one with the unit's mean activation over the
    batch. It is steeper below rho than above it (Ng 2011).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"sparsity_kl": sparsity_weight * sparsity_kl(p.latent.code, rho)}

    return Recipe.simple(build_autoencoder(DeterministicBottleneck(latent_dim, nn.Sigmoid), make), loss)


@family("Sparse autoencoder, top-k", defaults={"latent_dim": 64}, fixes={FailureMode.DEAD_UNITS: {"k": 8}})
def top_k(make: NetworkFactory, latent_dim: int, k: ActiveUnits = 8) -> Recipe:
    """Of each code only the k largest units stay active.

    No penalty to tune: sparsity is exact. Units that never make it among the k learn nothing (Makhzani & Frey 2013).
    """
    return Recipe.simple(build_autoencoder(TopK(latent_dim, k), make), reconstruction_loss)
