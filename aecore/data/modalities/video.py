"""Videos: `[T, H, W]` in [0, 1], T gray frames one after another."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from aecore.data import images
from aecore.data.modalities import drawing
from aecore.data.modalities.modality import Modality, Noun, left_half, moving_mean, square_patches

ASPECT = 1.5  # about how many times as wide as high a contact sheet is, as all drawings
GAP, GREY = 1, 0.5  # pixels around each frame, and how bright they are


@dataclass(frozen=True)
class Video(Modality):
    """Sequences of gray frames, all of one length and size.

    Drawn as contact sheets: all frames beside each other, row by row.

    Parameters
    ----------
    frames
        T, how many there are in a sequence.
    height, width
        Of a frame, in pixels.
    """

    frames: int
    height: int
    width: int

    kind: ClassVar[str] = "video"
    noun: ClassVar[Noun] = Noun("sequence", "sequences", "pixel")
    # convolutions take the frames for channels: a filter sees a place at all moments at once
    networks: ClassVar[tuple[str, ...]] = ("mlp", "conv", "conv-pool", "conv-spatial")
    likelihoods: ClassVar[tuple[str, ...]] = ("bernoulli", "gaussian", "laplace")
    value_range: ClassVar[tuple[float, float]] = (0.0, 1.0)
    bounded: ClassVar[bool] = True
    difference_legend: ClassVar[str] = "In the error map of each frame orange is too bright, blue too dark."

    @property
    def shape(self) -> tuple[int, ...]:
        return self.frames, self.height, self.width

    @property
    def size(self) -> str:
        return f"{self.frames} frames of {self.height} x {self.width}"

    @property
    def columns(self) -> int:
        """Frames in a row of a contact sheet."""
        rows = math.floor(math.sqrt(self.frames * self.width / self.height / ASPECT) + 0.5)
        return math.ceil(self.frames / max(1, rows))

    @property
    def default_patch_size(self) -> int:
        return -(-min(self.height, self.width) // 4)

    def patch_of_position(self, size: int) -> np.ndarray:
        """Squares through all frames: what is hidden in one cannot be copied from the next (Tong et al. 2022)."""
        return np.broadcast_to(square_patches(self.height, self.width, size), self.shape)

    @property
    def first_half(self) -> np.ndarray:
        return np.broadcast_to(left_half(self.height, self.width), self.shape)

    @property
    def half_names(self) -> tuple[str, str]:
        return "left half", "right half"

    def render(self, x: np.ndarray) -> np.ndarray:
        return self._sheets(np.asarray(x, np.float32)[:, :, None])

    def render_difference(self, x: np.ndarray, reconstruction: np.ndarray) -> np.ndarray:
        frames = (each.reshape(-1, 1, *each.shape[2:]) for each in (x, reconstruction))
        maps = images.signed_error_map(*frames)
        return self._sheets(maps.reshape(*x.shape[:2], *maps.shape[1:]))

    def worst_neighbourhood(self, errors: np.ndarray) -> np.ndarray:
        """In a window of a quarter of the frames and of their sides."""
        return moving_mean(errors, tuple(-(-size // 4) for size in self.shape)).max(axis=(1, 2, 3))

    def _sheets(self, frames: np.ndarray) -> np.ndarray:
        """Frames `[N, T, C, h, w]` -> contact sheets `[N, C, h', w']`."""
        grids = np.stack([images.image_grid(each, self.columns, GAP, GREY) for each in frames])
        border = ((0, 0), (0, 0), (GAP, GAP), (GAP, GAP))
        sheets = np.pad(grids, border, constant_values=GREY)
        times = drawing.detail()  # a page smooths drawings: with larger pixels less of them
        return sheets.repeat(times, 2).repeat(times, 3)

    @classmethod
    def from_json(cls, fields: dict[str, Any]) -> Video:
        return cls(**fields)
