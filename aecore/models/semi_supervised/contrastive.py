"""Contrastive losses: two views of each sample, which are to be told from views of all others."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize, pad

from aecore.data.modalities import Modality
from aecore.models import corruptions

SHIFT = 1 / 8  # of an image's sides, how far a view is moved at most
NOISE, MASKED = 0.1, 0.1  # standard deviation of the noise of a view, and the share of it that is put to 0


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Normalised temperature-scaled cross-entropy (Chen, Kornblith, Norouzi & Hinton 2020, algorithm 1) in nats.

    `first` and `second` `[B, d]` are two views of each sample. Each of the 2 B is to be told, by its cosine with the
    others divided by the temperature, which of the other 2 B - 1 is its pair; the mean over all of them. Where pairs
    are equal and orthogonal to all others it is log(1 + (2 B - 2) exp(-1 / temperature)).
    """
    views = normalize(torch.cat([first, second]), dim=1)
    own = torch.eye(len(views), dtype=torch.bool, device=views.device)
    similarity = (views @ views.T / temperature).masked_fill(own, -torch.inf)
    partner = torch.arange(len(views), device=views.device).roll(len(first))
    return cross_entropy(similarity, partner)


def augment(x: Tensor, modality: Modality | None = None) -> Tensor:
    """A random view of each of `x` `[B, *shape]`: noise and masking as the kind of sample has them; images, which may
    lie a little elsewhere and stay what they are, are moved, too."""
    moved = shift_images(x) if x.ndim == 4 and (modality is None or modality.kind == "image") else x
    return corruptions.masking(corruptions.gaussian(moved, NOISE, modality), MASKED, modality)


def shift_images(x: Tensor) -> Tensor:
    """Images `[B, C, H, W]`, each moved by up to an eighth of its sides in any direction, with 0 behind it."""
    count, _, height, width = x.shape
    reach = [max(1, round(SHIFT * side)) for side in (height, width)]
    padded = pad(x, (reach[1], reach[1], reach[0], reach[0]))
    top, left = (torch.randint(2 * far + 1, (count, 1), device=x.device) for far in reach)
    rows, columns = torch.arange(height, device=x.device) + top, torch.arange(width, device=x.device) + left
    image = torch.arange(count, device=x.device)[:, None, None]
    return padded[image, :, rows[:, :, None], columns[:, None, :]].movedim(-1, 1)
