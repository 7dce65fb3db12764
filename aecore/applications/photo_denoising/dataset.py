"""The photographs that the denoiser learns from: the train folder of BSDS500, its split, and noisy patches of it."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from aecore.applications.photo_denoising.settings import TrainingConfig
from aecore.data.torchvision_files import data_dir
from aecore.errors import UserError
from aecore.models.corruptions import CORRUPTIONS

SPLIT_SEED = 0  # the seed that divides the photographs
TEST_SIZE, VALIDATION_SIZE = 20, 10  # photographs that are not trained on: for the scores, and for choosing settings

# Kinds of noise: how often each is drawn in training, and how strong at most: a standard deviation (55 of 255), or a
# share of the pixels.
CORRUPTION_MIX: dict[str, tuple[float, float]] = {
    "gaussian": (0.7, 55 / 255),
    "salt-and-pepper": (0.15, 0.3),
    "masking": (0.15, 0.5),
}
CLEAN_SHARE, GREY_SHARE = (
    0.05,
    0.1,
)  # shares of the patches that get no noise, and that are gray, with one noise for all colours


@dataclass(frozen=True)
class PhotoDataset:
    """All photographs as tensors, uint8 `[N, 3, 321, 481]`; upright ones lie on their side."""

    train: Tensor
    validation: Tensor
    test: Tensor
    test_names: tuple[str, ...]  # file names without suffix
    split_seed: int  # the seed that divided them


def load_photos(folder: Path | None = None) -> PhotoDataset:
    """The photographs of a folder, divided by SPLIT. UserError when they are not there."""
    folder = folder or data_dir() / "BSDS500" / "train"
    found = sorted(folder.glob("*.jpg"))
    if len(found) <= TEST_SIZE + VALIDATION_SIZE:
        raise UserError(
            f"There are too few photographs in {folder}: put the train folder of the Berkeley segmentation set "
            "(BSDS500) there, or let AECORE_DATA name the folder that has it."
        )
    # not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come
    order = [found[row] for row in np.random.RandomState(SPLIT_SEED).permutation(len(found))]
    pixels = torch.stack([_read(file) for file in order])
    known = TEST_SIZE + VALIDATION_SIZE
    names = tuple(file.stem for file in order[:TEST_SIZE])
    return PhotoDataset(pixels[known:], pixels[TEST_SIZE:known], pixels[:TEST_SIZE], names, SPLIT_SEED)


def _read(file: Path) -> Tensor:
    with Image.open(file) as opened:
        pixels = torch.from_numpy(np.array(opened.convert("RGB"))).permute(2, 0, 1)  # [3, H, W]
    return pixels if pixels.shape[2] >= pixels.shape[1] else pixels.rot90(1, (1, 2))


def random_patch(pixels: Tensor, side: int, rng: random.Random) -> Tensor:
    """A square `[C, side, side]` in [0, 1] from anywhere in photographs `[N, 3, H, W]`, turned and mirrored at random,
    now and then gray (C = 1)."""
    row = rng.randrange(len(pixels))
    top, left = (rng.randrange(length - side + 1) for length in pixels.shape[2:])
    found = pixels[row, :, top : top + side, left : left + side].rot90(rng.randrange(4), (1, 2))
    found = (found.flip(2) if rng.random() < 0.5 else found) / 255
    return found.mean(0, keepdim=True) if rng.random() < GREY_SHARE else found


def corrupt(x: Tensor, rng: random.Random) -> Tensor:
    """An image `[C, H, W]` under one of KINDS, at any strength between none and the most."""
    kind = rng.choices(list(CORRUPTION_MIX), [often for often, _ in CORRUPTION_MIX.values()])[0]
    strength = CORRUPTION_MIX[kind][1] * max(0.0, rng.uniform(-CLEAN_SHARE, 1))
    return CORRUPTIONS[kind](x[None], strength, None)[0]


def make_batch(pixels: Tensor, config: TrainingConfig, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Patches with noise and the same without, both `[B, 3, side, side]`."""
    clean = [random_patch(pixels, config.patch_size, rng) for _ in range(config.batch_size)]
    noisy = [corrupt(x, rng) for x in clean]
    both = (torch.stack([x.expand(3, -1, -1) for x in each]) for each in (noisy, clean))
    given, wanted = (each.contiguous(memory_format=torch.channels_last) for each in both)
    return given, wanted
