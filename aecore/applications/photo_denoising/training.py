"""Trains the network that cleans photographs and writes its folder:
`python -m aecore.applications.photo_denoising.training --minutes 50`.

It learns from the photographs in BSDS500/train (200 of the Berkeley segmentation set, for research and teaching), which
lies in the folder of the data sets and is never part of the laboratory.
"""

from __future__ import annotations

import argparse
import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aecore import files
from aecore.applications.photo_denoising import card
from aecore.applications.photo_denoising.network import DenoisingUNet, NetworkSize, ResidualBlock
from aecore.data.torchvision_files import data_dir
from aecore.errors import UserError
from aecore.models.corruptions import CORRUPTIONS
from aecore.training.devices import use_bfloat16
from aecore.training.loop import one_cycle

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
class TrainingConfig:
    """All that changes the weights, but for how fast the machine is: the learning rate follows the clock."""

    minutes: float = 50.0
    size: NetworkSize = field(default_factory=NetworkSize)
    lr: float = 2e-3  # of Adam at its peak
    batch_size: int = 8
    patch_size: int = 64  # pixels each way, a multiple of photos.GRID
    grad_clip_norm: float = 0.1  # the longest gradient that is followed
    ema_decay: float = 0.998  # how slowly the weights that are kept follow those that learn
    seed: int = 0


# The photographs


@dataclass(frozen=True)
class PhotoDataset:
    """All photographs as tensors, uint8 `[N, 3, 321, 481]`; upright ones lie on their side."""

    train: Tensor
    validation: Tensor
    test: Tensor
    test_names: tuple[str, ...]  # of the held-out ones
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
    with Image.open(file) as picture:
        pixels = torch.from_numpy(np.array(picture.convert("RGB"))).permute(2, 0, 1)  # [3, H, W]
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
    """A picture `[C, H, W]` under one of KINDS, at any strength between none and the most."""
    kind = rng.choices(list(CORRUPTION_MIX), [often for often, _ in CORRUPTION_MIX.values()])[0]
    strength = CORRUPTION_MIX[kind][1] * max(0.0, rng.uniform(-CLEAN_SHARE, 1))
    return CORRUPTIONS[kind](x[None], strength)[0]


def make_batch(pixels: Tensor, config: TrainingConfig, rng: random.Random) -> tuple[Tensor, Tensor]:
    """Patches with noise and the same without, both `[B, 3, side, side]`."""
    clean = [random_patch(pixels, config.patch_size, rng) for _ in range(config.batch_size)]
    noisy = [corrupt(x, rng) for x in clean]
    both = (torch.stack([x.expand(3, -1, -1) for x in each]) for each in (noisy, clean))
    given, wanted = (each.contiguous(memory_format=torch.channels_last) for each in both)
    return given, wanted


# Training


def identity_init(config: TrainingConfig) -> DenoisingUNet:
    """A network that does nothing yet: every block and the last layer begin at zero, so pictures pass unchanged."""
    torch.manual_seed(config.seed)
    net = DenoisingUNet(config.size)
    silent = [net.head[0], *(block.conv2 for block in net.modules() if isinstance(block, ResidualBlock))]
    with torch.no_grad():
        for weights in (each for layer in silent for each in layer.parameters()):
            weights.zero_()
    return net.to(memory_format=torch.channels_last)


def rmse_loss(output: Tensor, x: Tensor) -> Tensor:
    """The root of the mean squared error of each picture, mean over the batch: strong noise does not drown weak, as it
    does where errors are squared."""
    return ((output - x).square().mean((1, 2, 3)) + 1e-5).sqrt().mean()


@dataclass(frozen=True)
class Progress:
    """Where the training stands."""

    step: int
    fraction: float  # of the time, 0..1
    loss: float  # mean since the last report
    net: DenoisingUNet  # the average of the weights on the way


def fit(
    pixels: Tensor, config: TrainingConfig, clock: Callable[[], float], report_every: float = 30
) -> Iterator[Progress]:
    """Trains a network on photographs uint8 `[N, 3, H, W]`; yields every `pause` seconds, and when its time is over.

    The rate follows the clock (seconds), not the steps: a busy machine makes fewer, and still ends at the lowest rate.
    So two trainings never give the same weights.
    """
    net, chance, half = identity_init(config), random.Random(config.seed), use_bfloat16("auto", pixels.device)
    kept = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(config.ema_decay))
    average: Any = kept.module
    optimiser = torch.optim.Adam(net.parameters(), fused=True)
    started = said = clock()
    step, losses = 0, []
    while (share := (clock() - started) / (60 * config.minutes)) < 1:
        given, wanted = make_batch(pixels, config, chance)
        with torch.autocast(pixels.device.type, torch.bfloat16, enabled=half):
            drawn = net(given)
        missed = rmse_loss(drawn.float(), wanted)
        optimiser.zero_grad()
        missed.backward()
        nn.utils.clip_grad_norm_(net.parameters(), config.grad_clip_norm)
        optimiser.param_groups[0]["lr"] = config.lr * one_cycle(share)
        optimiser.step()
        kept.update_parameters(net)
        step += 1
        losses.append(missed.item())
        if clock() >= said + report_every:
            yield Progress(step, share, float(np.mean(losses)), average)
            said, losses = clock(), []
    yield Progress(step, 1.0, float(np.mean(losses or [np.nan])), average)


def main() -> None:
    """Trains, measures and writes pretrained/photographs."""
    parser = argparse.ArgumentParser(prog="python -m aecore.applications.photo_denoising.training", description=__doc__)
    parser.add_argument(
        "--minutes", type=float, default=TrainingConfig.minutes, help="of training (default: %(default)g)"
    )
    parser.add_argument("--threads", type=int, help="threads of torch; as many as there are cores when not given")
    asked = parser.parse_args()
    if asked.threads:
        torch.set_num_threads(asked.threads)
    settings, known = TrainingConfig(minutes=asked.minutes), load_photos()
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    checkpoint = files.runs_dir() / "photographs.safetensors"
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    started = time.monotonic()
    for at in fit(known.train, settings, time.monotonic, report_every=60):
        files.atomic_write(
            checkpoint, save({name: tensor.contiguous() for name, tensor in at.net.state_dict().items()})
        )
        psnr = card.psnr(at.net, known.validation, "gaussian", 25 / 255)[1]
        print(f"{at.fraction:.0%}: step {at.step}, loss {at.loss:.4f}, {psnr:.2f} dB at 25 on validation", flush=True)
        if ended.is_set():
            break
    card.write(at.net, settings, known, at.step, time.monotonic() - started)
    checkpoint.unlink()


if __name__ == "__main__":
    main()
