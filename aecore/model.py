"""Autoencoder: encoder, bottleneck, decoder and likelihood in one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.bottlenecks import Bottleneck, Latent
from aecore.likelihoods import Likelihood


class Autoencoder(nn.Module):
    """x `[B, *shape]` -> Latent -> raw `[B, *shape]`. Labels `y` `[B]` are for conditional models; others
    ignore them.
    """

    def __init__(self, encoder: nn.Module, bottleneck: Bottleneck, decoder: nn.Module, likelihood: Likelihood) -> None:
        super().__init__()
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder
        self.likelihood = likelihood

    def encode(self, x: Tensor, y: Tensor | None = None) -> Latent:
        latent: Latent = self.bottleneck(self.encoder(x))
        return latent

    def decode(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """Raw numbers `[B, *shape]`; only the likelihood gives them meaning."""
        raw: Tensor = self.decoder(z)
        return raw

    @torch.inference_mode()
    def codes(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Where pictures live, `[B, D]`: never random."""
        return self.encode(x, y).code

    @torch.inference_mode()
    def generate(self, codes: Tensor, y: Tensor | None = None) -> Tensor:
        """The expected pictures of codes `[B, D]`, `[B, *shape]`."""
        return self.likelihood.mean(self.decode(codes, y))

    @torch.inference_mode()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The expected pictures of the codes of `x`: what every page calls the reconstruction."""
        return self.generate(self.codes(x, y), y)
