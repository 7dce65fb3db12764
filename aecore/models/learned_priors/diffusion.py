"""A diffusion model over codes: latent diffusion, in small."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from aecore.models.learned_priors.learned_prior import ContinuousPrior
from aecore.models.loss_terms import LossTerm
from aecore.models.networks import mlp

DIFFUSION_WIDTH = 256
DIFFUSION_STEPS = 100
TIME_FEATURES = 32  # sines and cosines that tell the denoiser how noisy a code is
NOISE_ERROR = LossTerm(
    r"\|\epsilon-\epsilon_\psi(\sqrt{\bar\alpha_t}\,z+\sqrt{1-\bar\alpha_t}\,\epsilon,\,t)\|^2",
    "Noise in a noised code that the denoiser takes for another. Where there is hardly any it can only guess, and pays "
    "1 for each dimension. A squared error, in no unit.",
)


class DiffusionPrior(ContinuousPrior):
    """A denoising diffusion model over codes: the squared error of the noise that it sees in a noised code, summed over
    dimensions (Ho, Jain & Abbeel 2020), on a cosine schedule of noise levels (Nichol & Dhariwal 2021)."""

    term = NOISE_ERROR
    n_steps = DIFFUSION_STEPS
    signal: Tensor  # [T], alpha-bar: the share of variance that is signal after each step

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
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

    @torch.no_grad()
    def sample_path(self, n: int, n_steps: int) -> Tensor:
        return self._unscaled(torch.stack(self.denoise_steps(self.noise(n), n_steps)))

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
