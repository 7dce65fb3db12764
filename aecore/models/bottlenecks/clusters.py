"""Codes that name a cluster, and say the rest in numbers beside it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aecore.models.bottlenecks.bottleneck import Bottleneck
from aecore.models.latents import ClusterLatent
from aecore.models.networks import BatchNorm


class ClusterBottleneck(Bottleneck):
    """A code of which the first numbers are the probabilities of clusters (softmax), the others a style (Makhzani et
    al. 2015, section 5). Drawn are one cluster, each as likely, and a style from a normal.

    What the encoder says of clusters is standardised over the batch before: else one of them soon takes all samples.
    """

    standard_normal_prior = False
    may_be_map = False

    def __init__(self, n_clusters: int, style_dim: int) -> None:
        super().__init__()
        self.in_features = self.out_features = n_clusters + style_dim
        self.n_clusters = n_clusters
        self.norm = BatchNorm(n_clusters)

    def forward(self, h: Tensor) -> ClusterLatent:
        clusters, style = self.norm(h[:, : self.n_clusters]).softmax(1), h[:, self.n_clusters :]
        code = torch.cat([clusters, style], 1)
        return ClusterLatent(code, code, self.n_clusters)

    def normalisation(self) -> tuple[Tensor, Tensor]:
        """What the normalisation of a model in use does to clusters: a matrix `[K, K]` and an offset `[K]`."""
        assert self.norm.running_mean is not None and self.norm.running_var is not None
        scale = self.norm.weight / (self.norm.running_var + self.norm.eps).sqrt()
        return scale.diag(), self.norm.bias - self.norm.running_mean * scale

    def sample_clusters(self, n: int) -> Tensor:
        """One-hot clusters `[n, K]`, each as likely, on the CPU."""
        return nn.functional.one_hot(torch.randint(self.n_clusters, (n,)), self.n_clusters).float()

    def sample_prior(self, n: int) -> Tensor:
        return torch.cat([self.sample_clusters(n), torch.randn(n, self.out_features - self.n_clusters)], 1)
