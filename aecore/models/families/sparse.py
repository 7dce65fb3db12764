"""Families whose codes are sparse: few units are active for an image."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor, nn

from aecore.models import loss_terms
from aecore.models.autoencoder import Autoencoder, build_autoencoder
from aecore.models.bottlenecks import BatchTopK, DeterministicBottleneck, JumpReLU, TopK
from aecore.models.code_losses import dead_unit_loss, prefix_losses
from aecore.models.failure_modes import FailureMode
from aecore.models.families.registry import family
from aecore.models.latents import JumpReLULatent
from aecore.models.loss_terms import Params, WeightedTerm, as_float
from aecore.models.losses import reconstruction_loss, sparsity_kl
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Loss, Recipe
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

L0Weight = Annotated[
    float,
    ParamInfo(
        "Weight lambda of the L0 loss: nats for each active unit of a code.",
        0,
        10,
        1e-6,
        label="L0 weight",
        log=True,
        symbol=r"\lambda",
        paper="sparsity coefficient",
    ),
]
Bandwidth = Annotated[
    float,
    ParamInfo(
        "How far around a threshold activations move it.",
        0.001,
        10,
        0.05,
        label="Bandwidth",
        log=True,
        symbol=r"\varepsilon",
        paper="KDE bandwidth",
    ),
]
AuxiliaryWeight = Annotated[
    float,
    ParamInfo(
        "Weight alpha of the loss that has units reconstruct what is left over which were active for no sample of an "
        "epoch; 0: none.",
        0,
        10,
        0.01,
        label="Auxiliary weight",
        symbol=r"\alpha",
        paper="auxiliary loss coefficient",
    ),
]
PrefixCount = Annotated[
    int,
    ParamInfo(
        "How many prefixes of the code, all of it among them, must tell the image by themselves.",
        1,
        8,
        1,
        label="Prefixes",
        symbol="n",
        paper="number of nested dictionaries",
    ),
]


def _has_auxiliary_loss(params: Params) -> bool:
    return as_float(params["auxiliary_weight"]) > 0


DEAD_UNIT_TERM = WeightedTerm(loss_terms.DEAD_UNITS, "auxiliary_weight", r"\alpha", applies=_has_auxiliary_loss)


def dead_after(make: NetworkFactory, auxiliary_weight: float) -> int:
    """Samples of training after which a unit that was active for none is dead: those of an epoch; 0 where nobody
    asks."""
    return max(1, make.train_size) if auxiliary_weight else 0


def with_dead_units(loss: Loss, auxiliary_weight: float) -> Loss:
    """A loss and the weighted one of dead units, if it weighs anything."""
    if not auxiliary_weight:
        return loss
    return lambda p: loss(p) | {"dead units": auxiliary_weight * dead_unit_loss(p)}


def awake(model: Autoencoder) -> Autoencoder:
    """The same model with all units active at first: one that is never active never learns."""
    last = [each for each in model.encoder.modules() if isinstance(each, nn.Linear | nn.Conv2d)][-1]
    assert last.bias is not None
    nn.init.ones_(last.bias)
    return model


def prefix_sizes(latent_dim: int, n_prefixes: int) -> list[int]:
    """How many units nested prefixes have, each half of the next (rounded up), the last all: fewer prefixes where there
    are not so many."""
    sizes = [latent_dim]
    while len(sizes) < n_prefixes and sizes[0] > 1:
        sizes.insert(0, -(-sizes[0] // 2))
    return sizes


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

    return Recipe.simple(awake(build_autoencoder(DeterministicBottleneck(latent_dim, nn.ReLU), make)), loss)


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


@family(
    "Sparse autoencoder, top-k",
    defaults={"latent_dim": 64},
    loss_terms={"dead units": DEAD_UNIT_TERM},
    fixes={FailureMode.DEAD_UNITS: {"k": 8}},
)
def top_k(make: NetworkFactory, latent_dim: int, k: ActiveUnits = 8, auxiliary_weight: AuxiliaryWeight = 0.0) -> Recipe:
    """Of each code only the k largest units stay active.

    No penalty to tune: sparsity is exact. Units that never make it among the k learn nothing (Makhzani & Frey 2013),
    unless an auxiliary loss has them reconstruct what is left over (Gao et al. 2024).
    """
    bottleneck = TopK(latent_dim, k, dead_after(make, auxiliary_weight))
    return Recipe.simple(build_autoencoder(bottleneck, make), with_dead_units(reconstruction_loss, auxiliary_weight))


@family(
    "Sparse autoencoder, batch top-k",
    defaults={"latent_dim": 64},
    loss_terms={"dead units": DEAD_UNIT_TERM},
    fixes={FailureMode.DEAD_UNITS: {"k": 8}},
)
def batch_top_k(
    make: NetworkFactory, latent_dim: int, k: ActiveUnits = 8, auxiliary_weight: AuxiliaryWeight = 0.03125
) -> Recipe:
    """Of a batch of B codes the B k largest activations stay: hard images may have more units than easy ones.

    In use a code hangs on no other: a threshold, learned from the batches, says what is active. So k is the mean, and
    on new images nearly so (Bussmann, Leask & Nanda 2024).
    """
    model = build_autoencoder(BatchTopK(latent_dim, k, dead_after(make, auxiliary_weight)), make)
    return Recipe.simple(awake(model), with_dead_units(reconstruction_loss, auxiliary_weight))


@family(
    "Sparse autoencoder, JumpReLU",
    defaults={"latent_dim": 64},
    loss_terms={"l0": WeightedTerm(loss_terms.L0, "l0_weight", r"\lambda"), "dead units": DEAD_UNIT_TERM},
)
def jump_relu(
    make: NetworkFactory,
    latent_dim: int,
    l0_weight: L0Weight = 0.3,
    bandwidth: Bandwidth = 0.5,
    auxiliary_weight: AuxiliaryWeight = 0.0,
) -> Recipe:
    """Each unit is active above a threshold of its own, and the loss counts the active ones.

    A count has no gradient: thresholds learn by pseudo-gradients from the activations that lie near them. Unlike an L1
    penalty it does not shrink what is active (Rajamanoharan et al. 2024).
    """

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        assert isinstance(p.latent, JumpReLULatent)
        return reconstruction_loss(p) | {"l0": l0_weight * p.latent.n_active.mean()}

    # activations begin near 1, all of them within reach of their thresholds
    bottleneck = JumpReLU(latent_dim, bandwidth, 0.8, dead_after(make, auxiliary_weight))
    return Recipe.simple(awake(build_autoencoder(bottleneck, make)), with_dead_units(loss, auxiliary_weight))


@family(
    "Matryoshka sparse autoencoder",
    defaults={"latent_dim": 64},
    loss_terms={"prefixes": WeightedTerm(loss_terms.PREFIXES), "dead units": DEAD_UNIT_TERM},
    fixes={FailureMode.DEAD_UNITS: {"k": 8}},
)
def matryoshka(
    make: NetworkFactory,
    latent_dim: int,
    k: ActiveUnits = 8,
    n_prefixes: PrefixCount = 4,
    auxiliary_weight: AuxiliaryWeight = 0.03125,
) -> Recipe:
    """The first units of a code must tell the image by themselves, in several nested prefixes: general things first.

    Each prefix has half of the units of the next. The active units are those of batch top-k (Bussmann et al. 2025;
    nested codes: Kusupati et al. 2022).
    """
    shorter = prefix_sizes(latent_dim, n_prefixes)[:-1]

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return reconstruction_loss(p) | {"prefixes": prefix_losses(p, shorter)}

    model = build_autoencoder(BatchTopK(latent_dim, k, dead_after(make, auxiliary_weight)), make)
    return Recipe.simple(awake(model), with_dead_units(loss, auxiliary_weight))
