"""Images: `[C, H, W]` in [0, 1], gray or colour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.data import images
from aecore.data.modalities.modality import Modality, Noun, left_half, moving_mean, square_patches


@dataclass(frozen=True)
class Image(Modality):
    """Images of one size, of one channel (gray) or three (RGB)."""

    channels: int
    height: int
    width: int

    kind: ClassVar[str] = "image"
    noun: ClassVar[Noun] = Noun("image", "images", "pixel")
    networks: ClassVar[tuple[str, ...]] = ("mlp", "conv", "conv-pool", "conv-spatial")
    likelihoods: ClassVar[tuple[str, ...]] = ("bernoulli", "gaussian", "laplace", "ssim")
    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    bounded: ClassVar[bool] = True
    difference_legend: ClassVar[str] = "In the error map orange is too bright, blue too dark."

    @property
    def shape(self) -> tuple[int, ...]:
        return self.channels, self.height, self.width

    @property
    def size(self) -> str:
        return f"{self.height} x {self.width}, {'colour' if self.channels == 3 else 'gray'}"

    @property
    def position_shape(self) -> tuple[int, ...]:
        return 1, self.height, self.width  # a pixel is hit in all its colours or in none

    @property
    def default_patch_size(self) -> int:
        return -(-min(self.height, self.width) // 4)

    def patch_of_position(self, size: int) -> np.ndarray:
        """Squares, from the upper left; those at the other edges may be smaller."""
        return square_patches(self.height, self.width, size)[None]

    @property
    def first_half(self) -> np.ndarray:
        return left_half(self.height, self.width)[None]

    @property
    def half_names(self) -> tuple[str, str]:
        return "left half", "right half"

    def render(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x, np.float32)

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        return images.signed_error_map(x, reconstruction)

    def worst_neighbourhood(self, errors: np.ndarray) -> np.ndarray:
        """In a window of a quarter of the sides, over all colours."""
        return moving_mean(errors.mean(axis=1), (-(-self.height // 4), -(-self.width // 4))).max(axis=(1, 2))

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Image:
        return cls(**fields)
