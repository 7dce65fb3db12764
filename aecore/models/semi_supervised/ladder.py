"""The ladder network: a noisy path through a batch-normalised encoder, and a decoder that cleans every layer of it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from aecore.models.bottlenecks import DeterministicBottleneck
from aecore.models.networks import BatchNorm, NetworkFactory
from aecore.models.semi_supervised.classifiers import ClassifyingAutoencoder, count_classes


def ladder_widths(make: NetworkFactory, latent_dim: int) -> list[int]:
    """Widths of a ladder's layers: the sample, hidden layers, the code, the classes."""
    return [math.prod(make.shape), *make.hidden_sizes, latent_dim, count_classes(make)]


def ladder_autoencoder(make: NetworkFactory, latent_dim: int) -> ClassifyingAutoencoder:
    """An autoencoder whose encoder and classifier are fully connected and batch-normalised in every layer."""
    *below, code, classes = ladder_widths(make, latent_dim)
    hidden: list[nn.Module] = []
    for before, after in pairwise(below):
        hidden += [nn.Linear(before, after, bias=False), BatchNorm(after), make.activation_layer()]
    encoder = nn.Sequential(nn.Flatten(), *hidden, nn.Linear(below[-1], code, bias=False), BatchNorm(code))
    classifier = nn.Sequential(make.activation_layer(), nn.Linear(code, classes, bias=False), BatchNorm(classes))
    bottleneck, decoder = DeterministicBottleneck(latent_dim), make.decoder(latent_dim)
    return ClassifyingAutoencoder(encoder, bottleneck, decoder, make.likelihood, classifier)


def standardise(norm: BatchNorm, h: Tensor) -> Tensor:
    """`h` `[B, C]` less its mean by its standard deviation, over the batch in training and else the running ones, which
    stay as they are."""
    if norm.training and torch.is_grad_enabled() and len(h) > 1:
        return nn.functional.batch_norm(h, None, None, training=True, eps=norm.eps)
    return nn.functional.batch_norm(h, norm.running_mean, norm.running_var, eps=norm.eps)


def ladder_path(model: ClassifyingAutoencoder, x: Tensor, noise: float = 0.0) -> tuple[list[Tensor], Tensor]:
    """All layers of a ladder, from the sample up, each `[B, C]`, standardised and then with normal noise of that
    standard deviation; and the logits `[B, K]` of the classes (Rasmus et al. 2015, algorithm 1)."""

    def spoil(h: Tensor) -> Tensor:
        return h + noise * torch.randn_like(h) if noise else h

    assert isinstance(model.encoder, nn.Sequential) and isinstance(model.classifier, nn.Sequential)
    h = spoil(model.fill_missing(x).flatten(1))
    layers = [h]
    for module in (*model.encoder, *model.classifier):
        if isinstance(module, BatchNorm):
            layers.append(spoil(standardise(module, h)))
            h = layers[-1] * module.weight + module.bias
        else:
            h = module(h)
    return layers, h


class Combinator(nn.Module):
    """A layer cleaned: (z - mu(u)) v(u) + mu(u) of its noisy self z and what comes from above u, both `[B, C]`.

    mu and v are each a sigmoid and a line, unit by unit: the best estimate where z given u is normal (Rasmus et al.
    2015, equations 2 and 3). At first it is the identity, z.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        start = torch.tensor([0.0, 1.0, 0.0, 0.0, 0.0])[:, None].repeat(1, width)
        self.mean = nn.Parameter(start.clone())  # a1 sigmoid(a2 u + a3) + a4 u + a5
        start[4] = 1
        self.share = nn.Parameter(start)

    def forward(self, z: Tensor, u: Tensor) -> Tensor:
        mean, share = (a[0] * torch.sigmoid(a[1] * u + a[2]) + a[3] * u + a[4] for a in (self.mean, self.share))
        return (z - mean) * share + mean


class LadderDecoder(nn.Module):
    """Cleans the layers of a ladder from the top down, each by its noisy self and by what became of the one above."""

    def __init__(self, widths: Sequence[int]) -> None:
        super().__init__()
        self.down = nn.ModuleList(nn.Linear(above, below, bias=False) for below, above in pairwise(widths))
        self.norms = nn.ModuleList(BatchNorm(width, affine=False) for width in widths)
        self.combinators = nn.ModuleList(Combinator(width) for width in widths)

    def forward(self, noisy: Sequence[Tensor], logits: Tensor) -> list[Tensor]:
        """Estimates of all layers, from the sample up, of the noisy ones and the logits on their top."""
        from_above, found = logits.softmax(1), []
        for level in reversed(range(len(noisy))):
            found.append(self.combinators[level](noisy[level], self.norms[level](from_above)))
            if level:
                from_above = self.down[level - 1](found[-1])
        return found[::-1]


LAYER_WEIGHTS = (1000.0, 10.0, 0.1)  # of the sample, of the first layer, of each above it (Rasmus et al. 2015, 4.1)


def denoising_costs(clean: Sequence[Tensor], estimates: Sequence[Tensor]) -> Tensor:
    """The squared distance of estimates from the clean layers, as a mean over units and samples, each layer with its
    weight. Both are in units of the batch: a standardised layer cannot be made easier by making it small."""
    weights = [LAYER_WEIGHTS[min(level, 2)] for level in range(len(clean))]
    costs = [weight * (a - b).square().mean() for weight, a, b in zip(weights, clean, estimates, strict=True)]
    return torch.stack(costs).sum()
