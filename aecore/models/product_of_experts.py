"""Two modalities in one code: an encoder for each half of a sample, and the product of what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from aecore.data.modalities import Image
from aecore.models.bottlenecks import Bottleneck
from aecore.models.bottlenecks.product_of_experts import ProductOfExperts
from aecore.models.likelihoods import Likelihood
from aecore.models.losses import kl_divergence, reconstruction_loss
from aecore.models.masks import InpaintingAutoencoder, reconstruction_loss_of
from aecore.models.networks import NetworkFactory
from aecore.models.recipe import ForwardPass


class ExpertEncoders(nn.Module):
    """`[B, *shape] -> [B, M * 2 D]`: mean and log-variance of each of M experts, which see one modality each.

    An expert none of whose values is known (all are NaN) has an infinite variance; single ones that are not are 0.
    """

    modalities: Tensor  # [M, *shape], whether a value belongs to a modality

    def __init__(self, experts: Sequence[nn.Module], modalities: Tensor) -> None:
        super().__init__()
        self.experts = nn.ModuleList(experts)
        self.register_buffer("modalities", modalities, persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        known, x = ~x.isnan(), x.nan_to_num(0.0)
        opinions: list[Tensor] = []
        for expert, own in zip(self.experts, self.modalities, strict=True):
            mean, logvar = expert(x * own).chunk(2, 1)
            absent = ~(known & own).flatten(1).any(1, keepdim=True)
            opinions += [mean, logvar.masked_fill(absent, math.inf)]
        return torch.cat(opinions, 1)


class MultimodalAutoencoder(InpaintingAutoencoder):
    """A VAE of two modalities, the halves of a sample. One that is NaN altogether is left out of the posterior."""

    encoder: ExpertEncoders

    def __init__(
        self,
        encoder: ExpertEncoders,
        bottleneck: Bottleneck,
        decoder: nn.Module,
        likelihood: Likelihood,
        names: Sequence[str],
    ) -> None:
        super().__init__(encoder, bottleneck, decoder, likelihood)
        self.names = tuple(names)

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self._run_network(self.encoder, x)  # which sees by NaN what is not there

    def masks(self, x: Tensor) -> dict[str, Tensor]:
        parts = zip(self.names, self.encoder.modalities, strict=True)
        return {f"the {name} alone": (~own).expand(x.shape) for name, own in parts}

    def hide(self, x: Tensor, hidden: Tensor) -> Tensor:
        return x.masked_fill(hidden, math.nan)


def build_multimodal(make: NetworkFactory, latent_dim: int) -> MultimodalAutoencoder:
    """An encoder for each half of a sample, and one decoder of both."""
    modality = make.modality or Image(*make.shape)
    first = modality.broadcast_positions(np.array(modality.first_half)[None])
    modalities = torch.tensor(np.stack([np.broadcast_to(each[0], make.shape) for each in (first, ~first)]))
    bottleneck = ProductOfExperts(latent_dim, len(modalities))
    make = make.replace(code_size=latent_dim)
    encoder = ExpertEncoders([make.encoder(2 * latent_dim) for _ in modalities], modalities)
    decoder = make.decoder(bottleneck.decoder_in_features)
    return MultimodalAutoencoder(encoder, bottleneck, decoder, make.likelihood, modality.half_names)


def unimodal_negative_elbo(p: ForwardPass, kl_weight: float = 1.0) -> Tensor:
    """The sum of the negative ELBOs of the modalities, each encoded and decoded alone, averaged over the batch."""
    assert isinstance(p.model, MultimodalAutoencoder)
    alone = []
    for hidden in p.model.masks(p.x).values():
        shown = replace(p, x_in=p.model.hide(p.x_in, hidden))
        alone += [*reconstruction_loss_of(shown, ~hidden).values(), kl_weight * kl_divergence(shown)]
    return torch.stack(alone).sum()


def multimodal_negative_elbo(p: ForwardPass, unimodal_weight: float, kl_weight: float = 1.0) -> dict[str, Tensor]:
    """The negative ELBO of both modalities together, and those of each alone (Wu & Goodman 2018, equation 4)."""
    both = reconstruction_loss(p) | {"kl": kl_weight * kl_divergence(p)}
    return both | {"unimodal elbo": unimodal_weight * unimodal_negative_elbo(p, kl_weight)}
