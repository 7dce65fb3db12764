"""Ssim: structural similarity as a loss."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from aecore.data.modalities import Modality
from aecore.errors import UserError

WINDOW = 7  # pixels on a side, as in aecore.analysis.metrics.ssim
MIN_SIDE = 3  # pixels, below which there are no patterns
C1, C2 = 0.01**2, 0.03**2  # keep quotients of small numbers tame; for images in [0, 1]


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Structural similarity of pairs of images `[B, C, H, W]` in [0, 1], differentiable: `[B]`, -1 to 1.

    Windows of 7 x 7 pixels, or of the largest odd size that fits, all of equal weight, that lie wholly in the image
    (Wang, Bovik, Sheikh & Simoncelli 2004); the same number as `aecore.analysis.metrics.ssim`.
    """
    narrow = min(WINDOW, *a.shape[2:])
    side = narrow - 1 + narrow % 2
    unbiased = side**2 / (side**2 - 1)

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, side, stride=1)

    mean_a, mean_b = mean(a), mean(b)
    var_a, var_b = (unbiased * (mean(x * x) - m * m) for x, m in ((a, mean_a), (b, mean_b)))
    cov = unbiased * (mean(a * b) - mean_a * mean_b)
    luminance = (2 * mean_a * mean_b + C1) / (mean_a.square() + mean_b.square() + C1)
    return (luminance * (2 * cov + C2) / (var_a + var_b + C2)).flatten(1).mean(1)


@dataclass(frozen=True)
class Ssim:
    """Images are as unlikely as they are unlike: 1 - SSIM, times the number of pixel values (Zhao, Gallo, Frosio &
    Kautz 2017 train with it).

    No density stands behind it, so its numbers are no nats, though they are added to some: one that is quite unlike
    costs 1 for each pixel value, which is what makes a KL of some nats matter or not. Outputs pass a sigmoid. What
    lies within a window may be moved, or a little too bright, at less cost than under squared error.
    """

    normalised = False
    skips_missing = False

    def nll(self, raw: Tensor, x: Tensor) -> Tensor:
        return (1 - ssim(torch.sigmoid(raw), x)) * x[0].numel()

    def mean(self, raw: Tensor) -> Tensor:
        return torch.sigmoid(raw)

    def out_of_support(self, x: Tensor) -> Tensor:
        return (x < 0) | (x > 1)


def build_ssim(modality: Modality) -> Ssim:
    """The likelihood for one kind of images. UserError when they are too small for patterns."""
    if min(modality.shape[1:]) < MIN_SIDE:
        raise UserError("SSIM needs images of at least 3 by 3 pixels: choose the likelihood gaussian for these.")
    return Ssim()
