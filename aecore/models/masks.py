"""Masks: what is hidden of samples, and models that fill it in."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from aecore.data.modalities import Modality
from aecore.errors import UserError
from aecore.models.autoencoder import Autoencoder
from aecore.models.bottlenecks import Bottleneck
from aecore.models.likelihoods import Likelihood, Pointwise
from aecore.models.losses import masked_reconstruction_loss, reconstruction_loss
from aecore.models.recipe import ForwardPass


@dataclass(frozen=True, eq=False)
class PatchMask:
    """Draws which patches of samples are hidden: of each sample the same share, to the patch, and others at each call.

    Attributes
    ----------
    modality
        What samples are, and how their patches lie.
    patch_size
        Positions on each side of a patch.
    mask_ratio
        The share of patches that is hidden, rounded to whole ones: one at least, and never all.
    """

    modality: Modality
    patch_size: int
    mask_ratio: float

    def __post_init__(self) -> None:
        if self.n_patches < 2:
            raise UserError(
                f"A patch of {self.patch_size} holds a whole {self.modality.noun.one} ({self.modality.size}), and "
                "nothing would be left to see: choose a smaller patch size."
            )

    @property
    def patch_of_position(self) -> np.ndarray:
        """The number of the patch that each position belongs to, int `[*position_shape]`."""
        return self.modality.patch_of_position(self.patch_size)

    @property
    def n_patches(self) -> int:
        return int(self.patch_of_position.max()) + 1

    @property
    def n_hidden(self) -> int:
        """How many patches of each sample are hidden."""
        return min(max(1, round(self.mask_ratio * self.n_patches)), self.n_patches - 1)

    def __call__(self, x: Tensor) -> Tensor:
        """Which values of samples `[B, *shape]` are hidden, bool as `x`: of each sample `n_hidden` patches."""
        return self._hide(x, torch.full((len(x), 1), self.n_hidden, device=x.device))

    def up_to(self, x: Tensor) -> Tensor:
        """The same with one patch to `n_hidden` hidden, in each sample another count: a model that only meets samples
        with as many hidden as there can be does not know what to do with a whole one."""
        return self._hide(x, torch.randint(1, self.n_hidden + 1, (len(x), 1), device=x.device))

    def _hide(self, x: Tensor, counts: Tensor) -> Tensor:
        rank = torch.rand(len(x), self.n_patches, device=x.device).argsort(1).argsort(1)
        patches = torch.from_numpy(np.ascontiguousarray(self.patch_of_position)).to(x.device)
        return self.modality.broadcast_positions((rank < counts)[:, patches]).expand(x.shape)


class InpaintingAutoencoder(Autoencoder):
    """An autoencoder that learnt to fill in what it is not shown."""

    def masks(self, x: Tensor) -> dict[str, Tensor]:
        """What can be hidden of samples `[B, *shape]`, bool as `x`, by what is left to see."""
        raise NotImplementedError

    def hide(self, x: Tensor, hidden: Tensor) -> Tensor:
        """Samples as the model is given them where some values are `hidden`: these are 0 unless said otherwise."""
        return x.masked_fill(hidden, 0.0)


class MaskedAutoencoder(InpaintingAutoencoder):
    """An autoencoder from which patches were hidden in training."""

    def __init__(
        self, encoder: nn.Module, bottleneck: Bottleneck, decoder: nn.Module, likelihood: Likelihood, mask: PatchMask
    ) -> None:
        super().__init__(encoder, bottleneck, decoder, likelihood)
        self.mask = mask

    def masks(self, x: Tensor) -> dict[str, Tensor]:
        visible = self.mask.n_patches - self.mask.n_hidden
        return {f"{visible} of {self.mask.n_patches} patches": self.mask(x)}


def is_countable(likelihood: Likelihood) -> bool:
    """Whether single values can be left out of what it says of a sample."""
    return likelihood.skips_missing or isinstance(likelihood, Pointwise)


def reconstruction_loss_of(p: ForwardPass, where: Tensor) -> dict[str, Tensor]:
    """The reconstruction loss of the values `where` `[B, *shape]` is True; of all under a likelihood that compares more
    than one value at once."""
    return masked_reconstruction_loss(p, where) if is_countable(p.model.likelihood) else reconstruction_loss(p)
