"""Families in which the autoencoder's error is an energy: low for samples, high for what a generator makes."""

from __future__ import annotations

from typing import Annotated

from torch import Tensor

from aecore.models import loss_terms
from aecore.models.adversarial_losses import energy, margin_loss
from aecore.models.autoencoder import build_autoencoder
from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.families.registry import family
from aecore.models.generator import Generator
from aecore.models.loss_terms import WeightedTerm
from aecore.models.losses import reconstruction_loss
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass, Objective, Recipe
from aecore.params import ParamInfo

EnergyMargin = Annotated[
    float,
    ParamInfo(
        "Margin m: the energy (mean squared error) up to which generated images are pushed, and no further.",
        0,
        10,
        0.01,
        label="Energy margin",
        symbol="m",
        paper="margin",
    ),
]


@family(
    "Energy-based autoencoder (EBGAN)",
    defaults={"latent_dim": 8},
    loss_terms={
        "energy margin": WeightedTerm(loss_terms.ENERGY_MARGIN),
        "generator energy": WeightedTerm(loss_terms.GENERATOR_ENERGY),
    },
)
def energy_based(make: NetworkFactory, latent_dim: int, margin: EnergyMargin = 0.03) -> Recipe:
    """The autoencoder is a discriminator: images should come back well, those of a generator badly, up to a margin.

    The generator, a network of its own fed with noise, learns to make images that come back well. What is drawn from
    the prior are codes of its images (Zhao, Mathieu & LeCun 2017).
    """
    generator = Generator(make.replace(code_size=latent_dim).decoder(latent_dim), latent_dim, make.likelihood)
    model = build_autoencoder(DeterministicBottleneck(latent_dim, prior=generator), make)
    generator.encode_with(model.encoder)

    def discrimination(p: ForwardPass) -> dict[str, Tensor]:
        energies = energy(model, generator.samples(len(p.x)).detach())
        n_values = 1 if p.mean_reduction else p.x[0].numel()
        return reconstruction_loss(p) | {"energy margin": n_values * margin_loss(energies, margin)}

    def generation(p: ForwardPass) -> dict[str, Tensor]:
        return {"generator energy": energy(model, generator.samples(len(p.x))).mean()}

    return Recipe(model, [Objective(discrimination, [model]), Objective(generation, [generator])])
