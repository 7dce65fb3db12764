"""Train the network that denoises photographs and write its folder:
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
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aecore import files
from aecore.applications.photo_denoising import card
from aecore.applications.photo_denoising.dataset import load_photos, make_batch
from aecore.applications.photo_denoising.network import DenoisingUNet, ResidualBlock
from aecore.applications.photo_denoising.settings import TrainingConfig
from aecore.training.devices import use_bfloat16
from aecore.training.loop import one_cycle


def identity_init(config: TrainingConfig) -> DenoisingUNet:
    """A network that does nothing yet: every block and the last layer begin at zero, so images pass unchanged."""
    torch.manual_seed(config.seed)
    net = DenoisingUNet(config.size)
    silent = [net.head[0], *(block.conv2 for block in net.modules() if isinstance(block, ResidualBlock))]
    with torch.no_grad():
        for weights in (each for layer in silent for each in layer.parameters()):
            weights.zero_()
    return net.to(memory_format=torch.channels_last)


def rmse_loss(output: Tensor, x: Tensor) -> Tensor:
    """The root of the mean squared error of each image, mean over the batch: strong noise does not drown weak, as it
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
    """Trains a network on photographs uint8 `[N, 3, H, W]`; yields every `report_every` seconds, and at the end.

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
    """Trains, measures and writes pretrained/photo-denoising."""
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
    checkpoint = files.runs_dir() / "photo_denoising.safetensors"
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
