"""Layers with weights that are distributions: variational dropout."""

from __future__ import annotations

import torch
from torch import Tensor, nn

INITIAL_LOG_VARIANCE = -10.0  # of each weight (Molchanov, Ashukha & Vetrov 2017, section 5)
MAX_LOG_ALPHA = 8.0  # either way: beyond it the KL hardly changes


class VariationalLinear(nn.Linear):
    """A layer each of whose weights is a normal: `weight` holds the means, `log_variance` the rest (Molchanov, Ashukha
    & Vetrov 2017). While it trains its outputs are drawn, one by one; in use the means count.

    Drawing outputs in place of weights is the local reparameterisation (Kingma, Salimans & Welling 2015): the same
    distribution of each output, gradients of less variance, and every sample of a batch has weights of its own.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, bias=linear.bias is not None)
        self.load_state_dict(linear.state_dict())
        self.log_variance = nn.Parameter(torch.full_like(linear.weight, INITIAL_LOG_VARIANCE))

    def forward(self, x: Tensor) -> Tensor:
        mean = super().forward(x)
        if not (self.training and torch.is_grad_enabled()):
            return mean
        variance = nn.functional.linear(x.square(), self.log_variance.exp())
        return mean + (variance + 1e-8).sqrt() * torch.randn_like(mean)

    @property
    def log_alpha(self) -> Tensor:
        """log of variance by squared mean of each weight, `[out, in]`: how little it matters. A weight with more than 3
        would be dropped 19 times in 20."""
        found = self.log_variance - (self.weight.square() + 1e-8).log()
        return found.clamp(-MAX_LOG_ALPHA, MAX_LOG_ALPHA)

    @property
    def kl(self) -> Tensor:
        """KL of all its weights from the log-uniform prior, in nats."""
        return log_uniform_kl(self.log_alpha).sum()


def log_uniform_kl(log_alpha: Tensor) -> Tensor:
    """KL of normals with variance alpha mean^2 from the log-uniform prior, elementwise, in nats; a constant is chosen
    so that it goes to 0 as alpha grows. An approximation (Molchanov, Ashukha & Vetrov 2017, eq. 14)."""
    k1, k2, k3 = 0.63576, 1.87320, 1.48695
    return k1 * (1 - torch.sigmoid(k2 + k3 * log_alpha)) + 0.5 * nn.functional.softplus(-log_alpha)


def with_variational_layers(network: nn.Module) -> nn.Module:
    """The network with a variational layer in place of every fully connected one."""
    if type(network) is nn.Linear:
        return VariationalLinear(network)
    for name, each in network.named_children():
        setattr(network, name, with_variational_layers(each))
    return network


def weights_kl(model: nn.Module) -> Tensor:
    """KL of all weights of a model's variational layers, in nats."""
    return torch.stack([each.kl for each in model.modules() if isinstance(each, VariationalLinear)]).sum()
