"""Losses: the parts that families are made of, each a plain function, in nats per image."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from aecore.models.latents import GaussianLatent, Quantized, log_normal_density
from aecore.models.likelihoods import ObservedOnly, Pointwise
from aecore.models.loss_terms import RECONSTRUCTION
from aecore.models.recipe import ForwardPass


def reconstruction_loss(p: ForwardPass) -> dict[str, Tensor]:
    """How surprised the output is by the image: summed over pixels (unless that is `averaged`), averaged over the
    batch."""
    return {RECONSTRUCTION: p.nll.mean() / (p.x[0].numel() if p.mean_reduction else 1)}


def masked_reconstruction_loss(p: ForwardPass, where: Tensor) -> dict[str, Tensor]:
    """The reconstruction loss of the values `where` `[B, *shape]` is True alone: of those hidden from the encoder
    (`p.masked`, He et al. 2022; Pathak et al. 2016), or of those that it saw (`~p.masked`)."""
    likelihood = p.model.likelihood
    if not likelihood.skips_missing:
        assert isinstance(likelihood, Pointwise)
        likelihood = ObservedOnly(likelihood)
    nll = likelihood.nll(p.logits, p.x.masked_fill(~where, math.nan))
    return {RECONSTRUCTION: nll.mean() / (p.x[0].numel() if p.mean_reduction else 1)}


def gaussian_latent(p: ForwardPass) -> GaussianLatent:
    """The latent of a variational family."""
    assert isinstance(p.latent, GaussianLatent)
    return p.latent


def kl_divergence(p: ForwardPass) -> Tensor:
    """KL(q(z|x) || p(z)): summed over dimensions, averaged over the batch (Kingma & Welling 2013)."""
    return gaussian_latent(p).kl.sum(1).mean()


def negative_elbo(p: ForwardPass) -> dict[str, Tensor]:
    """The negative evidence lower bound, an upper bound on -log p(x): one draw of z for each image."""
    return reconstruction_loss(p) | {"kl": kl_divergence(p)}


# --- Sparsity, contraction --------------------------------------------------------------------------------------------


def sparsity_kl(code: Tensor, rho: float) -> Tensor:
    """Sum over units of KL(rho || rho_hat), rho_hat `[D]` being the mean activation of each sigmoid unit over the batch
    (Ng 2011). `code` `[B, D]` in (0, 1)."""
    rho_hat = code.mean(0).clamp(1e-6, 1 - 1e-6)
    return (rho * (rho / rho_hat).log() + (1 - rho) * ((1 - rho) / (1 - rho_hat)).log()).sum()


def jacobian_frobenius_exact(code: Tensor, weight: Tensor) -> Tensor:
    """Squared Frobenius norm of d code / d x of one sigmoid layer, exact: sum_i [f_i (1 - f_i)]^2 |W_i|^2, averaged
    over the batch (Rifai et al. 2011). `code` `[B, D]`, `weight` `[D, n]`."""
    return ((code * (1 - code)).square() @ weight.square().sum(1)).mean()


def jacobian_frobenius_hutchinson(p: ForwardPass) -> Tensor:
    """The same norm for any encoder, estimated with one random direction v for each image: E |J^T v|^2 = |J|^2."""
    with torch.enable_grad():
        x = p.x_in.detach().requires_grad_()
        code = p.model.encode(x, p.y).code
        (pull,) = torch.autograd.grad(code, x, torch.randn_like(code), create_graph=True)
    return pull.flatten(1).square().sum(1).mean()


# --- Variational ------------------------------------------------------------------------------------------------------


def free_bits_kl(kl: Tensor, floor: float) -> Tensor:
    """Free bits (Kingma et al. 2016): a dimension whose mean KL lies below `floor` nats costs the floor, and its
    gradient is 0. `kl` `[B, D]`."""
    return kl.mean(0).clamp_min(floor).sum()


def kl_anneal(progress: float, warmup: float, cycles: int) -> float:
    """How much of beta is charged: rises from 0 to 1 over the share `warmup` of the training (Bowman et al. 2016),
    again and again over the first half of each of `cycles` equal parts when there are any (Fu et al. 2019)."""
    if cycles:
        return min(1.0, 2 * (progress * cycles % 1)) if progress < 1 else 1.0
    return min(1.0, progress / warmup) if warmup else 1.0


def minibatch_stratified_log_weights(batch_size: int, dataset_size: int) -> Tensor:
    """Log weights `[B, B]` that make a batch stand for the whole set: row i sums over j to q(z_i).

    The image that z_i came from counts 1/N; one of the others stands for the remaining (N - 1)/N shared among them.
    Chen et al. 2018, appendix C.2, with 1/N on the diagonal; rows sum to one.
    """
    if batch_size == 1:
        return torch.zeros(1, 1)
    weights = torch.full((batch_size, batch_size), (dataset_size - 1) / dataset_size / (batch_size - 1))
    return weights.fill_diagonal_(1 / dataset_size).log()


def kl_decomposition(latent: GaussianLatent, dataset_size: int) -> dict[str, Tensor]:
    """The KL in three parts that add up to it (Hoffman & Johnson 2016; Chen et al. 2018), estimated from one draw: what
    a code tells of its image, what its dimensions tell of each other, how far each is from N(0, 1).

    Estimates are noisy: total correlation can come out slightly below zero.
    """
    z, mean, logvar = latent.z, latent.mean, latent.logvar
    pairs = log_normal_density(z[:, None], mean[None], logvar[None])  # [B, B, D]: log q(z_i | x_j) of each dimension
    weights = minibatch_stratified_log_weights(len(z), dataset_size).to(z)
    own = log_normal_density(z, mean, logvar).sum(1)
    together = torch.logsumexp(pairs.sum(2) + weights, 1)
    alone = torch.logsumexp(pairs + weights[..., None], 1).sum(1)
    prior = log_normal_density(z, torch.zeros_like(z), torch.zeros_like(z)).sum(1)
    return {
        "mutual information": (own - together).mean(),
        "total correlation": (together - alone).mean(),
        "dimension-wise kl": (alone - prior).mean(),
    }


# --- Aggregated posteriors --------------------------------------------------------------------------------------------


def mmd(a: Tensor, b: Tensor) -> Tensor:
    """Squared maximum mean discrepancy between two crowds `[n, D]`, unbiased: near 0 for equal crowds, at most a few
    for any (Gretton et al. 2012), with inverse multiquadric kernels of seven widths (Tolstikhin et al. 2018)."""

    def kernel(u: Tensor, v: Tensor) -> Tensor:
        distances = (u.square().sum(1)[:, None] + v.square().sum(1)[None] - 2 * u @ v.T).clamp_min(0)
        widths = [2 * u.shape[1] * scale for scale in (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)]
        return torch.stack([width / (width + distances) for width in widths]).sum(0)

    def others(k: Tensor) -> Tensor:
        return (k.sum() - k.diagonal().sum()) / (len(k) * max(1, len(k) - 1))

    return others(kernel(a, a)) + others(kernel(b, b)) - 2 * kernel(a, b).mean()


def discriminator_bce(logits: Tensor, real: bool) -> Tensor:
    """How far a critic's verdicts (logits `[B, 1]`) are from saying real, or made: binary cross-entropy."""
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(real)))


# --- Codebooks --------------------------------------------------------------------------------------------------------


def commitment_loss(p: ForwardPass) -> Tensor:
    """How far the encoder is from the vectors chosen for it: squared distance summed over an image's slots."""
    assert isinstance(p.latent, Quantized)
    return (p.latent.encoded - p.latent.quantized.detach()).square().flatten(1).sum(1).mean()
