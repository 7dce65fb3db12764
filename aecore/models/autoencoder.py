"""Autoencoder: encoder, bottleneck, decoder and likelihood in one module."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.models.bottlenecks import Bottleneck
from aecore.models.latents import Latent
from aecore.models.likelihoods import Likelihood
from aecore.models.networks import NetworkFactory


class Autoencoder(nn.Module):
    """x `[B, *shape]` -> Latent -> raw `[B, *shape]`. Labels `y` `[B]` are for conditional models; others take none."""

    is_conditional = False  # whether labels change anything
    use_bfloat16 = False  # whether encoder and decoder multiply in bfloat16; all else stays in float32

    def __init__(self, encoder: nn.Module, bottleneck: Bottleneck, decoder: nn.Module, likelihood: Likelihood) -> None:
        super().__init__()
        self.encoder = encoder
        self.bottleneck = bottleneck
        self.decoder = decoder
        self.likelihood = likelihood

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """What the encoder gives the bottleneck, `[B, inputs]`: never random."""
        return self._run_network(self.encoder, self.fill_missing(x))

    def fill_missing(self, x: Tensor) -> Tensor:
        """`x` with 0, the mean, in place of NaN."""
        return x.nan_to_num(0.0) if self.likelihood.skips_missing else x

    def encode(self, x: Tensor, y: Tensor | None = None) -> Latent:
        latent: Latent = self.bottleneck(self.features(x, y))
        return latent

    def decode(self, z: Tensor, y: Tensor | None = None, target: Tensor | None = None) -> Tensor:
        """Raw numbers `[B, *shape]`; only the likelihood gives them meaning.

        `target` `[B, *shape]` is what should come out: decoders that write one moment after another may be given it in
        training (teacher forcing); the others take no notice.
        """
        told = () if target is None or not getattr(self.decoder, "takes_target", False) else (target,)
        return self._run_network(self.decoder, self.decoder_input(z, y), *told)

    def decoder_input(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        """What the decoder network is given for codes `[B, D]`."""
        return self.bottleneck.decoder_input(z)

    def _run_network(self, network: nn.Module, x: Tensor, *more: Tensor) -> Tensor:
        """A network's answer. Halved, only its large products are: a KL or a distance would lose its small digits."""
        out: Tensor
        if self.use_bfloat16:
            with torch.autocast(x.device.type, torch.bfloat16):
                out = network(x, *more).to(x.dtype)
        else:
            out = network(x, *more)
        return out

    @torch.inference_mode()
    def encode_mean(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """Where images live, `[B, D]`: never random."""
        return self.encode(x, y).code

    @torch.inference_mode()
    def decode_mean(self, codes: Tensor, y: Tensor | None = None) -> Tensor:
        """The expected images of codes `[B, D]`, `[B, *shape]`; codes the decoder cannot be given are put right."""
        return self.likelihood.mean(self.decode(self.bottleneck.project(codes), y))

    @torch.inference_mode()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        """The expected images of the codes of `x`: what every page calls the reconstruction."""
        return self.decode_mean(self.encode_mean(x, y), y)


def build_autoencoder(bottleneck: Bottleneck, make: NetworkFactory) -> Autoencoder:
    """Encoder and decoder of the usual kind around a bottleneck."""
    make = make.replace(code_size=bottleneck.out_features if bottleneck.may_be_map else 0)
    encoder, decoder = make.encoder(bottleneck.in_features), make.decoder(bottleneck.decoder_in_features)
    return Autoencoder(encoder, bottleneck, decoder, make.likelihood)


class LinearAutoencoder(Autoencoder):
    """One linear layer each way: what it does to images is one matrix and one offset."""

    def weight_matrices(self) -> tuple[Tensor, Tensor]:
        """The matrices of the encoder `[D, pixels]` and the decoder `[pixels, D]`."""
        encoder, decoder = (
            next(each.weight for each in part.modules() if isinstance(each, nn.Linear))
            for part in (self.encoder, self.decoder)
        )
        return encoder.detach(), decoder.detach()


class Conditional(Autoencoder):
    """An autoencoder that is told the class of an image, on both sides: the code is left with the style.

    Without labels, `codes` and `reconstruct` take the class that gives the image back best.
    """

    is_conditional = True

    def __init__(
        self,
        encoder: nn.Module,
        bottleneck: Bottleneck,
        decoder: nn.Module,
        likelihood: Likelihood,
        label_embedding: Tensor,
    ) -> None:
        super().__init__(encoder, bottleneck, decoder, likelihood)
        self.label_embedding = nn.Parameter(label_embedding)  # [K, *shape], added to what the encoder sees

    def features(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        y = self.infer_label(x) if y is None else y
        filled, label = self.fill_missing(x), self.label_embedding[y]
        if hasattr(self.encoder, "observed"):
            label = label * self.encoder.observed(filled)  # type: ignore[operator]  # a tail without values stays one
        return super().features(filled + label)

    def decoder_input(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        y = torch.zeros(z.shape[0], dtype=torch.long, device=z.device) if y is None else y
        return torch.cat([super().decoder_input(z, y), nn.functional.one_hot(y, len(self.label_embedding)).to(z)], 1)

    @torch.no_grad()
    def infer_label(self, x: Tensor) -> Tensor:
        """The class `[B]` under which each image is given back with the least surprise."""
        tried = [torch.full((x.shape[0],), label, device=x.device) for label in range(len(self.label_embedding))]
        nll = [self.likelihood.nll(self.decode(self.encode(x, y).code, y), x) for y in tried]
        return torch.stack(nll).argmin(0)

    @torch.inference_mode()
    def reconstruct(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return super().reconstruct(x, self.infer_label(x) if y is None else y)
