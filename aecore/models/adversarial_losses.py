"""Adversarial losses: density ratios by a discriminator, permuted codes, a penalty on gradients, energies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from aecore.models.losses import discriminator_bce
from aecore.models.networks import mlp

if TYPE_CHECKING:
    from aecore.models.autoencoder import Autoencoder


def code_discriminator(in_features: int) -> nn.Sequential:
    """A network that tells two crowds of codes `[B, D]` apart: verdicts are logits `[B, 1]`, above 0 for the first."""
    return mlp([in_features, 128, 128, 1])


def discrimination_loss(discriminator: nn.Module, real: Tensor, generated: Tensor) -> Tensor:
    """Cross-entropy in nats of telling `real` from `generated`, a pair together: 2 log 2 where it can only guess, 0
    where it is sure and right (Goodfellow et al. 2014). Neither crowd gets a gradient."""
    return discriminator_bce(discriminator(real.detach()), real=True) + discriminator_bce(
        discriminator(generated.detach()), real=False
    )


def gradient_penalty(discriminator: nn.Module, real: Tensor) -> Tensor:
    """Squared length of the gradient of a discriminator's verdicts with respect to real inputs `[B, ...]`, halved and
    averaged over the batch: R1, under which the game comes to rest (Mescheder, Geiger & Nowozin 2018)."""
    with torch.enable_grad():
        x = real.detach().requires_grad_()
        (slope,) = torch.autograd.grad(discriminator(x).sum(), x, create_graph=True)
    return slope.flatten(1).square().sum(1).mean() / 2


def permute_dimensions(z: Tensor) -> Tensor:
    """Codes `[B, D]`, each dimension shuffled over the batch by itself: draws of the product of its marginals (Arcones
    & Gine 1992; Kim & Mnih 2018, algorithm 1)."""
    return z.gather(0, torch.rand_like(z).argsort(0))


def density_ratio_tc(logits: Tensor) -> Tensor:
    """Total correlation in nats of codes that a discriminator gives `logits` `[B, 1]`: how much likelier each is a code
    than a permuted one, averaged, log q(z) / prod_j q(z_j) being log D / (1 - D) (Kim & Mnih 2018, eq. 3)."""
    return logits.mean()


def energy(model: Autoencoder, x: Tensor) -> Tensor:
    """Energy `[B]` of samples `[B, *shape]`: the mean squared error per value with which an autoencoder gives them back
    (Zhao, Mathieu & LeCun 2017)."""
    given_back = model.likelihood.mean(model.decode(model.encode(x).z))
    return (given_back - x).square().flatten(1).mean(1)


def margin_loss(energies: Tensor, margin: float) -> Tensor:
    """Hinge on the energies `[B]` of generated samples: what each lacks of the margin, averaged (Zhao et al. 2017)."""
    return (margin - energies).clamp_min(0).mean()
