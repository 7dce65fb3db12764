"""Settings of the training of the photograph denoiser."""

from __future__ import annotations

from dataclasses import dataclass, field

from aecore.applications.photo_denoising.network import NetworkSize


@dataclass(frozen=True)
class TrainingConfig:
    """All that changes the weights, but for how fast the machine is: the learning rate follows the clock."""

    minutes: float = 50.0
    size: NetworkSize = field(default_factory=NetworkSize)
    lr: float = 2e-3  # of Adam at its peak
    batch_size: int = 8
    patch_size: int = 64  # pixels each way, a multiple of network.STRIDE
    grad_clip_norm: float = 0.1  # the largest norm of the gradient, which is scaled down to it
    ema_decay: float = 0.998  # of the moving average of the weights, which is what is saved
    seed: int = 0
