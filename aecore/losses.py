"""Losses: the parts that families are made of, each a plain function of a pass, in nats per picture."""

from __future__ import annotations

from torch import Tensor

from aecore.recipe import Pass


def reconstruct(p: Pass) -> dict[str, Tensor]:
    """How surprised the output is by the picture: summed over pixels, averaged over the batch."""
    return {"reconstruction": p.nll.mean()}


def divergence(p: Pass) -> dict[str, Tensor]:
    """KL(q(z|x) || p(z)): summed over dimensions, averaged over the batch (Kingma & Welling 2013)."""
    return {"kl": p.latent.kl.sum(1).mean()}  # type: ignore[attr-defined]


def elbo(p: Pass) -> dict[str, Tensor]:
    """The negative evidence lower bound, an upper bound on -log p(x): one draw of z for each picture."""
    return reconstruct(p) | divergence(p)
