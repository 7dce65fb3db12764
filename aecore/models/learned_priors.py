"""Learned priors: distributions fitted to the codes of a trained model, to draw new codes from.

Fitting a density after the autoencoder is ex-post density estimation (Ghosh, Sajjadi, Vergari, Black & Schoelkopf
2020); over a codebook's positions it is the second stage of a VQ-VAE (van den Oord et al. 2017), with a diffusion model the
second stage of latent diffusion (Rombach et al. 2022).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from aecore.errors import UserError
from aecore.models.flows import RealNVP
from aecore.models.latents import Latent, Quantized
from aecore.models.loss_terms import LEARNED_PRIOR
from aecore.models.networks import mlp
from aecore.models.recipe import ForwardPass, Objective, Recipe

if TYPE_CHECKING:
    from aecore.models.bottlenecks import Bottleneck

N_COMPONENTS = 10  # of the mixture
FULL_COVARIANCE_MAX_DIM = 64  # numbers of a code up to which components of the mixture have full covariances
FLOW_WIDTH = 64
FLOW_NOISE = 0.1  # spread of the noise that a flow is fitted with, in units of the codes' spread
DIFFUSION_WIDTH = 256
DIFFUSION_STEPS = 100
TIME_FEATURES = 32  # sines and cosines that tell the denoiser how noisy a code is
GRU_WIDTH = 128
GRU_DROPOUT = 0.5  # of what it reads and of what it says, or it learns small training sets by heart


class LearnedPrior(nn.Module):
    """A distribution of codes `[B, D]` that training fits: `loss` is minimised, `sample` draws."""

    def loss(self, latent: Latent) -> Tensor:
        """What the fit minimises for each code, `[B]`."""
        raise NotImplementedError

    def sample(self, n: int) -> Tensor:
        """Codes `[n, D]`, on the CPU; they hang on torch's random state alone."""
        raise NotImplementedError


class ContinuousPrior(LearnedPrior):
    """A prior of codes that are vectors of numbers, each in units of its spread over the first batch that it is fitted
    to: codes of any size are alike to it."""

    mean: Tensor  # [D]
    scale: Tensor  # [D]
    initialised: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.register_buffer("mean", torch.zeros(dim))
        self.register_buffer("scale", torch.ones(dim))
        self.register_buffer("initialised", torch.tensor(False, device="cpu"))

    def loss(self, latent: Latent) -> Tensor:
        z = latent.z.detach()
        if self.training and torch.is_grad_enabled() and not self.initialised:
            self._init_from_batch(z)
        return self.loss_of_scaled((z - self.mean) / self.scale)

    @torch.no_grad()
    def _init_from_batch(self, z: Tensor) -> None:
        self.mean.copy_(z.mean(0))
        spread = z.std(0, correction=0)
        self.scale.copy_(spread.clamp_min(1e-3 * spread.max().clamp_min(1e-3)))  # a number that never varies too
        self.initialised.fill_(True)

    def sample(self, n: int) -> Tensor:
        codes: Tensor = self.sample_scaled(n) * self.scale + self.mean
        return codes.cpu()

    def noise(self, n: int) -> Tensor:
        """Draws `[n, D]` of the standard normal, the same on every device."""
        return torch.randn(n, self.dim).to(self.mean)

    def loss_of_scaled(self, z: Tensor) -> Tensor:
        """`loss` of codes `[B, D]` in units of their spread, `[B]`."""
        raise NotImplementedError

    def sample_scaled(self, n: int) -> Tensor:
        """Codes `[n, D]` in units of their spread."""
        raise NotImplementedError


class MixturePrior(ContinuousPrior):
    """A mixture of Gaussians, by gradient: -log p(z) in nats, each code in units of its spread.

    Covariances are full, or of large codes diagonal. A component's inverse Cholesky factor is what is learned, so that
    a density needs no inverse.
    """

    def __init__(self, bottleneck: Bottleneck) -> None:
        super().__init__(bottleneck.out_features)
        self.full = self.dim <= FULL_COVARIANCE_MAX_DIM
        self.logits = nn.Parameter(torch.zeros(N_COMPONENTS))
        self.means = nn.Parameter(torch.randn(N_COMPONENTS, self.dim))
        self.log_precisions = nn.Parameter(torch.zeros(N_COMPONENTS, self.dim))  # of the diagonal, half
        self.off_diagonal = nn.Parameter(torch.zeros(N_COMPONENTS, *(2 * [self.dim if self.full else 0])))

    @torch.no_grad()
    def _init_from_batch(self, z: Tensor) -> None:
        super()._init_from_batch(z)
        chosen = torch.randint(len(z), (N_COMPONENTS,)).to(z.device)
        self.means.copy_((z[chosen] - self.mean) / self.scale)

    def _whitening(self) -> Tensor:
        """Lower triangular matrices `[K, D, D]` that make each component a standard normal."""
        return self.off_diagonal.tril(-1) + torch.diag_embed(self.log_precisions.exp())

    def loss_of_scaled(self, z: Tensor) -> Tensor:
        apart = z[:, None] - self.means  # [B, K, D]
        white = (
            torch.einsum("kij,bkj->bki", self._whitening(), apart) if self.full else apart * self.log_precisions.exp()
        )
        log_density = self.log_precisions.sum(1) - 0.5 * (white.square() + math.log(2 * math.pi)).sum(2)
        return -torch.logsumexp(self.logits.log_softmax(0) + log_density, 1)

    def sample_scaled(self, n: int) -> Tensor:
        component = torch.multinomial(self.logits.detach().softmax(0).cpu(), n, replacement=True).to(self.mean.device)
        noise = self.noise(n)
        if self.full:
            spread = torch.linalg.solve_triangular(self._whitening()[component], noise[..., None], upper=False)[..., 0]
        else:
            spread = noise * (-self.log_precisions[component]).exp()
        return self.means[component] + spread


class FlowPrior(ContinuousPrior):
    """RealNVP over codes: -log p(z) in nats, exact, each code in units of its spread (Dinh et al. 2017).

    Codes get a little noise while it is fitted, or it learns each of them by heart: on digits (vanilla, 8-D) its
    held-out -log p then falls from 15.7 to 8.2 nats.
    """

    def __init__(self, bottleneck: Bottleneck) -> None:
        super().__init__(bottleneck.out_features)
        self.flow = RealNVP(self.dim, width=FLOW_WIDTH)

    def loss_of_scaled(self, z: Tensor) -> Tensor:
        return -self.flow.log_prob(z + FLOW_NOISE * torch.randn_like(z) if self.training else z)

    def sample_scaled(self, n: int) -> Tensor:
        return self.flow.inverse(self.noise(n))


class DiffusionPrior(ContinuousPrior):
    """A denoising diffusion model over codes: the squared error of the noise that it sees in a noised code, summed over
    dimensions (Ho, Jain & Abbeel 2020), on a cosine schedule of noise levels (Nichol & Dhariwal 2021)."""

    signal: Tensor  # [T], alpha-bar: the share of variance that is signal after each step

    def __init__(self, bottleneck: Bottleneck) -> None:
        super().__init__(bottleneck.out_features)
        self.denoiser = mlp([self.dim + TIME_FEATURES, *(3 * [DIFFUSION_WIDTH]), self.dim], nn.SiLU)
        self.register_buffer("signal", cosine_schedule(DIFFUSION_STEPS))

    def predicted_noise(self, z: Tensor, step: Tensor) -> Tensor:
        """The noise `[B, D]` in codes `[B, D]` that have been noised for `step` `[B]` steps, 0 to T - 1."""
        features = sinusoidal_features((step + 1) / DIFFUSION_STEPS)
        found: Tensor = self.denoiser(torch.cat([z, features], 1))
        return found

    def loss_of_scaled(self, z: Tensor) -> Tensor:
        step = torch.randint(DIFFUSION_STEPS, (len(z),)).to(z.device)
        noise, signal = self.noise(len(z)), self.signal[step, None]
        noised = signal.sqrt() * z + (1 - signal).sqrt() * noise
        return (self.predicted_noise(noised, step) - noise).square().sum(1)

    def sample_scaled(self, n: int) -> Tensor:
        return self.denoise_steps(self.noise(n), DIFFUSION_STEPS)[-1]

    def denoise_steps(self, z: Tensor, n_steps: int) -> list[Tensor]:
        """Codes `[n, D]` on their way from noise `z` `[n, D]` to samples, the noise first: `n_steps` + 1 of them, in
        units of their spread. With fewer steps than it was trained with levels are left out; no noise is added on the
        way, so that the same noise always ends as the same code (DDIM, Song, Meng & Ermon 2021)."""
        levels = torch.linspace(DIFFUSION_STEPS - 1, 0, n_steps).round().long()
        found = [z]
        for at, level in enumerate(levels):
            step = level.expand(len(z)).to(z.device)
            signal = self.signal[level]
            after = self.signal[levels[at + 1]] if at + 1 < len(levels) else self.signal.new_ones(())
            noise = self.predicted_noise(z, step)
            clean = (z - (1 - signal).sqrt() * noise) / signal.sqrt()
            z = after.sqrt() * clean + (1 - after).sqrt() * noise
            found.append(z)
        return found


def cosine_schedule(n_steps: int) -> Tensor:
    """alpha-bar of each of `n_steps` steps, falling from nearly 1 to nearly 0 (Nichol & Dhariwal 2021, eq. 17)."""
    offset = 0.008  # so that the first steps are not too small to be seen
    time = (torch.arange(n_steps + 1) / n_steps + offset) / (1 + offset)
    share = (time * math.pi / 2).cos().square()
    return (share[1:] / share[0]).clamp(1e-3, 1)


def sinusoidal_features(time: Tensor) -> Tensor:
    """Times `[B]` in [0, 1] as sines and cosines `[B, TIME_FEATURES]` of frequencies from 1 to 1000, evenly spaced on a
    logarithmic scale (Vaswani et al. 2017)."""
    frequencies = torch.logspace(0, 3, TIME_FEATURES // 2, device=time.device)
    angles = time[:, None] * frequencies
    return torch.cat([angles.sin(), angles.cos()], 1)


class AutoregressivePrior(LearnedPrior):
    """p(entries) as a product of conditionals, each position given those before it: a recurrent network (GRU) reads
    the entries one by one and says how likely each entry is to come next. In nats for all positions of a code.

    Without dropout it learns the codes by heart: on digits (8 positions, 64 entries) it then needs 33 nats for a
    held-out code, more than the 24 of positions drawn by themselves; with it 21.
    """

    def __init__(self, bottleneck: Bottleneck) -> None:
        super().__init__()
        self.lookup, self.n_positions, self.n_entries = codebook_of(bottleneck)
        self.start = nn.Parameter(torch.zeros(GRU_WIDTH))
        self.embedding = nn.Embedding(self.n_entries, GRU_WIDTH)
        self.position = nn.Parameter(torch.zeros(self.n_positions, GRU_WIDTH))
        self.reader = nn.GRU(GRU_WIDTH, GRU_WIDTH, batch_first=True)
        self.head = nn.Linear(GRU_WIDTH, self.n_entries)
        self.dropout = nn.Dropout(GRU_DROPOUT)

    def conditionals(self, indices: Tensor) -> Tensor:
        """log p(entry | entries before) of each position of `indices` `[B, S]`, `[B, S, K]`."""
        before = self.embedding(indices[:, :-1])
        read = torch.cat([self.start.expand(len(indices), 1, -1), before], 1) + self.position
        said: Tensor = self.head(self.dropout(self.reader(self.dropout(read))[0])).log_softmax(2)
        return said

    def loss(self, latent: Latent) -> Tensor:
        assert isinstance(latent, Quantized)
        return -self.conditionals(latent.indices).gather(2, latent.indices[..., None]).sum((1, 2))

    def sample(self, n: int) -> Tensor:
        return self.lookup(self.sample_indices(n)).cpu()

    @torch.no_grad()
    def sample_indices(self, n: int) -> Tensor:
        """Entries `[n, S]`, drawn position by position."""
        read, state, drawn = self.start.expand(n, 1, -1), None, []
        for position in range(self.n_positions):
            said, state = self.reader(read + self.position[position], state)
            chosen = torch.multinomial(self.head(said[:, 0]).softmax(1).cpu(), 1).to(read.device)
            drawn.append(chosen)
            read = self.embedding(chosen)
        return torch.cat(drawn, 1)


def codebook_of(bottleneck: Bottleneck) -> tuple[Callable[[Tensor], Tensor], int, int]:
    """What entries `[B, S]` are as codes `[B, D]`, S, and how many entries there are; else a UserError."""
    if not hasattr(bottleneck, "lookup"):
        raise UserError("An autoregressive prior is for codebooks: choose mixture, flow or diffusion as learned prior.")
    return bottleneck.lookup, bottleneck.n_positions, bottleneck.codebook_size  # type: ignore[return-value]


LEARNED_PRIORS: dict[str, Callable[[Bottleneck], LearnedPrior]] = {
    "mixture": MixturePrior,
    "flow": FlowPrior,
    "diffusion": DiffusionPrior,
    "autoregressive": AutoregressivePrior,
}


def with_learned_prior(recipe: Recipe, kind: str) -> Recipe:
    """The recipe with a stage after the model's training, as long as that, in which a prior is fitted to its codes.

    Raises UserError where codes and prior do not fit each other.
    """
    bottleneck = recipe.model.bottleneck
    if hasattr(bottleneck, "lookup") and kind != "autoregressive":
        raise UserError(f"A codebook's entries have no {kind} density: choose autoregressive as learned prior.")
    prior = bottleneck.learned_prior = LEARNED_PRIORS[kind](bottleneck)

    def loss(p: ForwardPass) -> dict[str, Tensor]:
        return {LEARNED_PRIOR: prior.loss(p.frozen_latent).mean()}

    return replace(recipe, objectives=[*recipe.objectives, Objective(loss, [prior], interval=(1.0, 2.0))])
