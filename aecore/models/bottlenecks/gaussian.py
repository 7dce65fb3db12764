"""Gaussian posteriors: of one level, and of two."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.models.bottlenecks.bottleneck import Bottleneck
from aecore.models.latents import GaussianLatent, LadderLatent
from aecore.models.networks import mlp


def reparameterize(h: Tensor) -> GaussianLatent:
    """One sample from the posterior that `h` `[B, 2 D]` parametrises (means, then log-variances): gradients pass."""
    mean, logvar = h.chunk(2, dim=1)
    z = mean + (0.5 * logvar).exp() * torch.randn_like(mean)
    return GaussianLatent(z=z, code=mean, mean=mean, logvar=logvar)


class GaussianBottleneck(Bottleneck):
    """The encoder says a mean and a log-variance; z is drawn as mean + sigma * epsilon."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.in_features, self.out_features = 2 * latent_dim, latent_dim

    def forward(self, h: Tensor) -> GaussianLatent:
        return reparameterize(h)


class LadderBottleneck(Bottleneck):
    """Two levels of posteriors: the top one says what to expect of the bottom one (Sonderby et al. 2016).

    The bottom level is kept in units of what the top expects, so that both are measured against N(0, 1) and lie side by
    side in one code, top first: a walk along a top dimension takes the bottom one with it.
    """

    def __init__(self, n_top: int, n_bottom: int, width: int = 64) -> None:
        super().__init__()
        self.in_features, self.out_features, self.n_top = width, n_top + n_bottom, n_top
        self.to_bottom = nn.Linear(width, 2 * n_bottom)
        self.to_top = mlp([width, width, 2 * n_top])
        self.prior_net = mlp([n_top, width, 2 * n_bottom])  # p(bottom | top): mean and log-variance

    def forward(self, h: Tensor) -> LadderLatent:
        h = torch.relu(h)
        top = reparameterize(self.to_top(h))
        bottom = reparameterize(self._posterior_given_top(h, top.z))
        mean = torch.cat([top.mean, bottom.mean], 1)
        code = torch.cat([top.mean, self._posterior_given_top(h, top.mean).chunk(2, 1)[0]], 1)
        logvar = torch.cat([top.logvar, bottom.logvar], 1)
        return LadderLatent(torch.cat([top.z, bottom.z], 1), code, mean, logvar, self.n_top)

    def _posterior_given_top(self, h: Tensor, top: Tensor) -> Tensor:
        """q(bottom | x, top) in units of p(bottom | top): the product of what is seen and what is expected."""
        (seen, doubt), (expected, spread) = self.to_bottom(h).chunk(2, 1), self.prior_net(top).chunk(2, 1)
        share = torch.sigmoid(spread - doubt)  # of the precision that comes from what is seen
        # exp(logvar) = 1 / (1/exp(doubt) + 1/exp(spread)), so in units of the spread it is 1 - share
        mean = share * (seen - expected) * (-0.5 * spread).exp()
        return torch.cat([mean, nn.functional.logsigmoid(doubt - spread)], 1)

    @property
    def decoder_in_features(self) -> int:
        return self.out_features - self.n_top

    def decoder_input(self, z: Tensor) -> Tensor:
        """The bottom level in its own units, `[B, bottom]`, of codes `[B, top + bottom]`."""
        top, bottom = z[:, : self.n_top], z[:, self.n_top :]
        expected, spread = self.prior_net(top).chunk(2, 1)
        return expected + (0.5 * spread).exp() * bottom
