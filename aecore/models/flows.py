"""Normalizing flows: maps of vectors that can be inverted, whose change of volume is known."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from aecore.models.networks import Shape, mlp

HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
MAX_LOG_SCALE = 1.0  # of a coupling layer, either way: a factor of e, which keeps float32 invertible
LOGIT_MARGIN = 0.05  # how far pixels are kept from 0 and 1 before their logit is taken


class AffineCoupling(nn.Module):
    """Scales and shifts half of a vector by functions of its other half (Dinh, Sohl-Dickstein & Bengio 2017, eq. 7).

    `mask` `[D]` is 1 where a number stays as it is and sets what happens to the others.
    """

    mask: Tensor

    def __init__(self, mask: Tensor, width: int) -> None:
        super().__init__()
        self.register_buffer("mask", mask)
        self.network = mlp([len(mask), width, width, 2 * len(mask)])
        last = self.network[-1]
        assert isinstance(last, nn.Linear) and last.bias is not None
        nn.init.zeros_(last.weight)  # the identity to begin with
        nn.init.zeros_(last.bias)

    def _scale_and_shift(self, x: Tensor) -> tuple[Tensor, Tensor]:
        scale, shift = self.network(x * self.mask).chunk(2, 1)
        moved = 1 - self.mask
        return MAX_LOG_SCALE * torch.tanh(scale / MAX_LOG_SCALE) * moved, shift * moved

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """`[B, D]` to `[B, D]`, and the log of the change of volume, `[B]`."""
        log_scale, shift = self._scale_and_shift(x)
        return x * log_scale.exp() + shift, log_scale.sum(1)

    def inverse(self, z: Tensor) -> Tensor:
        log_scale, shift = self._scale_and_shift(z)
        return (z - shift) * (-log_scale).exp()


class RealNVP(nn.Module):
    """Affine couplings one after the other, each keeping what the one before moved: an invertible map between vectors
    `[B, D]` and draws of a standard normal, and so a density (Dinh, Sohl-Dickstein & Bengio 2017).

    Each coupling keeps a half drawn at random, and the next keeps the other half. Of one number (`dim` 1) there is no
    half: then couplings shift and scale it alike for all.
    """

    def __init__(self, dim: int, n_couplings: int = 6, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for number in range(n_couplings):
            if number % 2 == 0:
                mask = torch.zeros(dim)
                mask[torch.randperm(dim)[: dim // 2]] = 1
            layers.append(AffineCoupling(mask if number % 2 == 0 else 1 - mask, width))
        self.dim, self.layers = dim, nn.ModuleList(layers)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What x `[B, D]` is in the space of the normal, `[B, D]`, and log |det dz/dx|, `[B]`."""
        log_det = x.new_zeros(x.shape[0])
        for layer in self.layers:
            x, change = layer(x)
            log_det = log_det + change
        return x, log_det

    def inverse(self, z: Tensor) -> Tensor:
        """The x `[B, D]` of which `forward` makes z."""
        for layer in reversed(self.layers):
            assert isinstance(layer, AffineCoupling)
            z = layer.inverse(z)
        return z

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats, `[B]`: exact, by the change of variables."""
        z, log_det = self(x)
        return log_det - (0.5 * z.square() + HALF_LOG_TWO_PI).sum(1)

    def sample(self, n: int) -> Tensor:
        """Draws `[n, D]`."""
        return self.inverse(torch.randn(n, self.dim, device=next(self.parameters()).device))


class FlowEncoder(nn.Module):
    """Samples `[B, *shape]` as draws of a standard normal, `[B, D]`: their values one after the other, through a flow.

    Values that are whole numbers, `n_levels` of them scaled to [0, 1], are spread over the width of a level and then
    over all numbers by a logit, as RealNVP does with pixels (Dinh, Sohl-Dickstein & Bengio 2017, section 4.1). Real
    ones (`n_levels` 0) stay as they are.
    """

    def __init__(self, flow: RealNVP, n_levels: int) -> None:
        super().__init__()
        self.flow, self.n_levels = flow, n_levels

    def forward(self, x: Tensor) -> Tensor:
        z: Tensor = self.flow(self._unbounded(x.flatten(1), 0.5)[0])[0]
        return z

    def inverse(self, z: Tensor) -> Tensor:
        """The values `[B, D]` of which `forward` makes z."""
        y = self.flow.inverse(z)
        if not self.n_levels:
            return y
        spread = (torch.sigmoid(y) - LOGIT_MARGIN) / (1 - 2 * LOGIT_MARGIN)
        return (spread * self.n_levels - 0.5) / (self.n_levels - 1)

    def nll(self, x: Tensor) -> Tensor:
        """-log p(x) in nats, `[B]`: exact for real values; of whole numbers a bound on it, taken at one draw within
        their levels (Theis, van den Oord & Bethge 2016, section 3.1)."""
        noise = torch.rand_like(x.flatten(1)) if self.n_levels else 0.5
        y, log_det = self._unbounded(x.flatten(1), noise)
        return -self.flow.log_prob(y) - log_det

    def _unbounded(self, x: Tensor, noise: Tensor | float) -> tuple[Tensor, Tensor]:
        """What values `[B, D]` are to the flow, and the log of the change of volume, counted in levels: `[B]`."""
        if not self.n_levels:
            return x, x.new_zeros(x.shape[0])
        spread = (x * (self.n_levels - 1) + noise) / self.n_levels
        share = (LOGIT_MARGIN + (1 - 2 * LOGIT_MARGIN) * spread).clamp(1e-4, 1 - 1e-4)
        change = math.log((1 - 2 * LOGIT_MARGIN) / self.n_levels) - share.log() - (1 - share).log()
        return torch.logit(share), change.sum(1)


class FlowDecoder(nn.Module):
    """The inverse of an encoder: codes `[B, D]` to samples `[B, *shape]`. It has no weights of its own."""

    encoder: FlowEncoder

    def __init__(self, encoder: FlowEncoder, shape: Shape) -> None:
        super().__init__()
        object.__setattr__(self, "encoder", encoder)  # not registered: its weights are listed with the encoder alone
        self.shape = shape

    def forward(self, z: Tensor) -> Tensor:
        return self.encoder.inverse(z).unflatten(1, self.shape)


# --- Flows of a posterior, which are told of the sample ---------------------------------------------------------------


class PosteriorFlow(nn.Module):
    """A map of draws `[B, D]` that is another one for each sample, as the encoder's numbers `[B, context]` say."""

    context: int  # how many numbers it wants of the encoder

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        """What z `[B, D]` becomes, `[B, D]`, and what each number has of the log of the change of volume, `[B, D]`."""
        raise NotImplementedError


class PlanarFlow(PosteriorFlow):
    """z + u tanh(w z + b), again and again: each pushes z along one direction, by how far it lies along another
    (Rezende & Mohamed 2015, eq. 10). The encoder says u, w and b.

    The change of volume belongs to no number alone: each is given an equal share of its logarithm.
    """

    def __init__(self, dim: int, n_flows: int) -> None:
        super().__init__()
        self.n_flows, self.context = n_flows, n_flows * (2 * dim + 1)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        dim, log_det = z.shape[1], z.new_zeros(z.shape[0])
        for each in context.chunk(self.n_flows, 1):
            u, w, b = each.split([dim, dim, 1], 1)
            along = (w * u).sum(1, keepdim=True)
            # w u must be above -1, or it could not be inverted (appendix A.1); 0 is kept, so that small ones stay small
            kept = nn.functional.softplus(along + math.log(math.e - 1)) - 1
            u = u + (kept - along) * w / w.square().sum(1, keepdim=True).clamp_min(1e-12)
            bent = torch.tanh((w * z).sum(1, keepdim=True) + b)
            z = z + u * bent
            log_det = log_det + torch.log1p((w * u).sum(1) * (1 - bent.square()).squeeze(1))
        return z, (log_det / dim)[:, None].expand(-1, dim)


class MaskedLinear(nn.Linear):
    """A layer some of whose weights are 0 and stay so: those where `mask` `[out, in]` is 0."""

    mask: Tensor

    def __init__(self, mask: Tensor) -> None:
        super().__init__(mask.shape[1], mask.shape[0])
        self.register_buffer("mask", mask)

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.linear(x, self.weight * self.mask, self.bias)


class AutoregressiveStep(nn.Module):
    """One step of an inverse autoregressive flow: each number is moved by functions of those before it (Kingma et al.
    2016, eq. 10), which a network with masked weights computes at once (MADE, Germain et al. 2015).

    `order` `[D]` holds the place of each number, 1 to D.
    """

    def __init__(self, order: Tensor, context: int, width: int) -> None:
        super().__init__()
        degrees = torch.arange(width) % len(order)  # a hidden unit sees the numbers up to this place; 0: none
        seen = torch.cat([order, torch.zeros(context, dtype=order.dtype)])  # all see what the encoder says
        self.to_hidden = MaskedLinear((degrees[:, None] >= seen).float())
        self.to_out = MaskedLinear((order.repeat(2)[:, None] > degrees).float())
        nn.init.zeros_(self.to_out.weight)  # the identity to begin with: a plain Gaussian posterior
        nn.init.zeros_(self.to_out.bias)

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        shift, scale = self.to_out(torch.relu(self.to_hidden(torch.cat([z, context], 1)))).chunk(2, 1)
        log_scale = MAX_LOG_SCALE * torch.tanh(scale / MAX_LOG_SCALE)
        return log_scale.exp() * z + shift, log_scale


class InverseAutoregressiveFlow(PosteriorFlow):
    """Autoregressive steps whose order turns about from one to the next (IAF: Kingma et al. 2016)."""

    def __init__(self, dim: int, n_flows: int, context: int = 16, width: int = 64) -> None:
        super().__init__()
        order = torch.arange(1, dim + 1)
        self.context = context
        self.steps = nn.ModuleList(
            AutoregressiveStep(order if step % 2 == 0 else order.flip(0), context, width) for step in range(n_flows)
        )

    def forward(self, z: Tensor, context: Tensor) -> tuple[Tensor, Tensor]:
        log_det = torch.zeros_like(z)
        for step in self.steps:
            z, change = step(z, context)
            log_det = log_det + change
        return z, log_det


POSTERIOR_FLOWS: dict[str, Callable[[int, int], PosteriorFlow]] = {
    "iaf": InverseAutoregressiveFlow,
    "planar": PlanarFlow,
}
