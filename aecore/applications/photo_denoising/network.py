"""Cleaning photographs: a fully convolutional autoencoder that takes noise out of images of any size.

Images are float32 [C, H, W] in [0, 1] (C = 1 gray or 3 RGB). The network is blind: nobody tells it which noise there
is, or how much. It comes trained (training.py) in pretrained/photo-denoising.
"""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from aecore import files
from aecore.data import images
from aecore.errors import UserError
from aecore.store import schema

FOLDER = Path(__file__).resolve().parents[3] / "pretrained" / "photo-denoising"
WEIGHTS, METADATA = "weights.safetensors", "metadata.json"

MAX_PIXELS = 4_000_000  # pixels of an image
STRIDE = 8  # pixels: the network halves an image three times
TILE = 512  # pixels each way that a tile cleans; a multiple of STRIDE

Index = tuple[Any, ...]  # what a tensor is indexed with


# The network


@dataclass(frozen=True)
class NetworkSize:
    """Channels at a half, a quarter and an eighth of the image's size, and how many blocks there, each way."""

    channels: tuple[int, ...] = (48, 64, 96)
    blocks: tuple[int, ...] = (2, 1, 1)


class ResidualBlock(nn.Module):
    """Two convolutions beside a straight way (He et al. 2015); no BatchNorm, whose statistics noise would shift."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.conv2(nn.functional.relu(self.conv1(x)))
        return y


def _blocks(channels: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(ResidualBlock(channels) for _ in range(count)))


class DenoisingUNet(nn.Module):
    """`[B, 3, H, W]` with noise -> without; H and W are multiples of STRIDE.

    An autoencoder with skips (Ronneberger et al. 2015) that draws the noise, not the image (Zhang et al. 2017): where
    there is none it has only to stay silent. It begins with 2 x 2 pixels as 12 channels: a quarter of the work.
    """

    def __init__(self, size: NetworkSize) -> None:
        super().__init__()
        fine, middling, coarse = size.channels
        steps = ((fine, middling), (middling, coarse))
        self.size = size
        self.stem = nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(12, fine, 3, padding=1))
        self.down_blocks = nn.ModuleList(_blocks(c, n) for c, n in zip(size.channels[:2], size.blocks[:2], strict=True))
        self.downsample = nn.ModuleList(nn.Conv2d(c, d, 2, stride=2) for c, d in steps)
        self.mid_blocks = _blocks(coarse, size.blocks[2])
        self.upsample = nn.ModuleList(nn.ConvTranspose2d(d, c, 2, stride=2) for c, d in steps)
        self.up_blocks = nn.ModuleList(_blocks(c, n) for c, n in zip(size.channels[:2], size.blocks[:2], strict=True))
        self.head = nn.Sequential(nn.Conv2d(fine, 12, 3, padding=1), nn.PixelShuffle(2))

    def forward(self, x: Tensor) -> Tensor:
        h, skips = self.stem(x), []  # [B, fine, H/2, W/2]
        for blocks, halve in zip(self.down_blocks, self.downsample, strict=True):
            h = blocks(h)
            skips.append(h)
            h = halve(h)
        h = self.mid_blocks(h)  # [B, coarse, H/8, W/8]
        for level in (1, 0):
            h = self.up_blocks[level](self.upsample[level](h) + skips[level])
        y: Tensor = x - self.head(h)
        return y

    @property
    def receptive_field_margin(self) -> int:
        """How far from a pixel others still change what comes out there, in pixels: a multiple of STRIDE."""
        fine, middling, coarse = self.size.blocks
        # A 3 x 3 convolution looks one step further, and a block has two; a step is 2, 4 and 8 pixels. Blocks lie on
        # both ways at the two finer levels. What halves and doubles stays inside a cell of STRIDE: one more for that.
        steps = 2 * (1 + 4 * fine + 1) + 4 * (4 * middling) + 8 * (2 * coarse)
        return STRIDE * (-(-steps // STRIDE) + 1)


# The one that comes with the laboratory

_FETCH_AGAIN = "fetch the folder pretrained/photo-denoising again."


def metadata(folder: Path = FOLDER) -> dict[str, Any]:
    """Its settings, scores and checksum. UserError when they are missing or damaged."""
    try:
        said = files.read_json(folder / METADATA)
    except UserError as error:
        raise UserError(f"{METADATA} of the network for photographs is damaged: {_FETCH_AGAIN}") from error
    if said is None:
        raise UserError(f"{METADATA} of the network for photographs is missing: {_FETCH_AGAIN}")
    if wrong := schema.PHOTO_CARD(said):
        raise UserError(f"{METADATA} of the network for photographs is damaged ({wrong}): {_FETCH_AGAIN}")
    return dict(said)


def load(folder: Path = FOLDER) -> DenoisingUNet:
    """The trained network, on the CPU. UserError when its files are missing, damaged or not those that were trained."""
    said, file = metadata(folder), folder / WEIGHTS
    if not file.exists():  # deleted by those who cannot accept the terms of its data, perhaps (LICENSE)
        raise UserError(
            f"No photograph can be cleaned here because {file.parent.parent.name}/{file.parent.name}/{file.name} (the "
            f"weights of the network for photographs) is missing: {_FETCH_AGAIN}"
        )
    stamp = os.stat(file).st_mtime_ns
    return _load(file, stamp, said["sha256"], NetworkSize(tuple(said["channels"]), tuple(said["blocks"])))


@lru_cache(maxsize=1)
def _load(file: Path, stamp: int, checksum: str, size: NetworkSize) -> DenoisingUNet:
    if _checksum(file) != checksum:
        raise UserError(
            f"{file.name} of the network for photographs was changed since it was trained (its checksum is another): "
            f"{_FETCH_AGAIN}"
        )
    try:
        net = DenoisingUNet(size)
        net.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    except (SafetensorError, RuntimeError, TypeError, ValueError) as error:
        raise UserError(
            f"{file.name} of the network for photographs does not fit {METADATA}: {_FETCH_AGAIN}"
        ) from error
    return net.eval()


def _checksum(file: Path) -> str:
    """The checksum of the weights; empty where something else is in their place."""
    try:
        return files.checksum(file)
    except (FileNotFoundError, UserError):
        return ""


# Cleaning

_LOCK = threading.Lock()  # torch takes every core for one tile: two at a time would only slow each other


@torch.inference_mode()
def denoise(
    net: DenoisingUNet, image: np.ndarray, on_progress: Callable[[float], None] = lambda share: None, tile: int = TILE
) -> np.ndarray:
    """An image `[C, H, W]` without the noise that the network finds in it, in [0, 1].

    It goes through in tiles, and `on_progress` hears after each which share is done; when that raises, the rest is
    left. What comes out is the same as in one piece: each tile is given so much around it that no pixel misses
    what it depends on. UserError when it has more than MAX_PIXELS.
    """
    channels, height, width = image.shape
    if height * width > MAX_PIXELS:
        raise UserError(
            f"The image has {width} x {height} pixels and at most {MAX_PIXELS // 10**6} million are cleaned: "
            f"shrink it, or "
            "cut out a piece."
        )
    # mirrored beyond two of its edges up to whole cells, which "symmetric" does for a single pixel too
    padded = np.pad(image, ((0, 0), (0, -height % STRIDE), (0, -width % STRIDE)), "symmetric")
    x = torch.from_numpy(padded).expand(3, -1, -1)[None]
    drawn = torch.empty_like(x, memory_format=torch.contiguous_format)
    places = list(_tiles(x.shape[2], x.shape[3], tile, net.receptive_field_margin))
    for done, (seen, kept, inside) in enumerate(places, 1):
        with _LOCK:
            drawn[kept] = net(x[seen].contiguous(memory_format=torch.channels_last))[inside]
        on_progress(done / len(places))
    colours = drawn[0, :, :height, :width].clamp(0, 1)
    return (colours if channels == 3 else colours.mean(0, keepdim=True)).numpy()


def _tiles(height: int, width: int, tile: int, margin: int) -> Iterator[tuple[Index, Index, Index]]:
    """For each tile: what of an image the network sees, what is kept of that, and where it lies in what is seen."""
    for rows in _tile_slices(height, tile, margin):
        for columns in _tile_slices(width, tile, margin):
            seen, kept, inside = ((..., *both) for both in zip(rows, columns, strict=True))
            yield seen, kept, inside


def _tile_slices(length: int, tile: int, margin: int) -> Iterator[tuple[slice, slice, slice]]:
    """The same along one side."""
    for start in range(0, length, tile):
        end, first = min(start + tile, length), max(0, start - margin)
        yield slice(first, min(end + margin, length)), slice(start, end), slice(start - first, end - first)


def load_photo(image: Image.Image, crop: bool = False) -> np.ndarray:
    """An image in mode L or RGB as `[C, H, W]`. One of more than MAX_PIXELS is shrunk, which averages pixels and so
    takes away noise by itself, or its middle is cut out (`crop`)."""
    width, height = image.size
    if width * height > MAX_PIXELS:
        scale = math.sqrt(MAX_PIXELS / (width * height))
        width, height = max(1, int(width * scale)), max(1, int(height * scale))
        if crop:
            left, top = (image.width - width) // 2, (image.height - height) // 2
            image = image.crop((left, top, left + width, top + height))
    return images.resize_to(image, (len(image.getbands()), height, width), "stretch")


def worst_patch(a: np.ndarray, b: np.ndarray, side: int = 64) -> tuple[slice, slice]:
    """The square of so many pixels (smaller in small images) where two images `[C, H, W]` differ most."""
    gap = ((a - b) ** 2).mean(axis=0)
    height, width = gap.shape
    corners = [
        (top, left)
        for top in range(0, max(1, height - side + 1), side // 2)
        for left in range(0, max(1, width - side + 1), side // 2)
    ]
    top, left = max(corners, key=lambda corner: gap[corner[0] : corner[0] + side, corner[1] : corner[1] + side].mean())
    return slice(top, top + side), slice(left, left + side)
