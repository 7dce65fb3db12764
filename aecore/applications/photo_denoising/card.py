"""The evaluation of the photograph denoiser on test photographs, its folder and its model card."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import platform
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import Tensor

from aecore import files
from aecore.analysis import metrics
from aecore.applications.photo_denoising import network
from aecore.applications.photo_denoising.dataset import PhotoDataset
from aecore.applications.photo_denoising.network import DenoisingUNet
from aecore.applications.photo_denoising.settings import TrainingConfig
from aecore.models.corruptions import corrupt
from aecore.models.footprint import count_parameters

# What it is scored under: kinds of noise, and how strong (a standard deviation, or a share of the pixels).
TEST_CORRUPTIONS: dict[str, tuple[float, ...]] = {
    "gaussian": (0, 5 / 255, 15 / 255, 25 / 255, 35 / 255, 50 / 255),
    "salt-and-pepper": (0.05, 0.1, 0.3),
    "masking": (0.1, 0.3, 0.5),
}


def psnr(net: DenoisingUNet, pixels: Tensor, corruption: str, level: float) -> tuple[float, float]:
    """Mean PSNR in decibels of photographs uint8 `[N, 3, H, W]` under a noise, before cleaning and after."""
    found = []
    for seed, each in enumerate(pixels):
        x = each.numpy()[None] / np.float32(255)
        noisy = corrupt(x, corruption, level, seed)
        found.append([metrics.psnr(x, y)[0] for y in (noisy, network.denoise(net, noisy[0])[None])])
    before, after = np.mean(found, axis=0)
    return float(before), float(after)


def psnr_unclipped(net: DenoisingUNet, pixels: Tensor, level: float = 25 / 255) -> float:
    """The PSNR after cleaning where Gaussian noise may leave [0, 1], as in papers and not in any image file."""
    found = []
    for seed, each in enumerate(pixels):
        x = each.numpy()[None] / np.float32(255)
        noise = np.random.RandomState(seed).standard_normal(x.shape).astype(np.float32)
        found.append(metrics.psnr(x, network.denoise(net, x[0] + level * noise[0])[None])[0])
    return float(np.mean(found))


def seconds_per_image(net: DenoisingUNet, shape: tuple[int, int, int] = (3, 321, 481), times: int = 5) -> float:
    """How long an image takes, the fastest of some."""
    taken, image = [], np.random.RandomState(0).rand(*shape).astype(np.float32)
    for _ in range(times):
        started = time.perf_counter()
        network.denoise(net, image)
        taken.append(time.perf_counter() - started)
    return min(taken)


def to_float16(net: DenoisingUNet, pixels: Tensor) -> bytes:
    """The weights as a file, in half precision unless that moves the PSNR of photographs by 0.01 dB."""
    weights = {name: tensor.contiguous() for name, tensor in net.state_dict().items()}
    small = save({name: tensor.half() for name, tensor in weights.items()})
    other = DenoisingUNet(net.size)
    other.load_state_dict({name: tensor.float() for name, tensor in load(small).items()})
    moved = abs(psnr(other, pixels, "gaussian", 25 / 255)[1] - psnr(net, pixels, "gaussian", 25 / 255)[1])
    return small if moved < 0.01 else save(weights)


def _score(net: DenoisingUNet, pixels: Tensor, corruption: str, level: float) -> dict[str, float | None]:
    before, after = psnr(net, pixels, corruption, level)
    return {"psnr_noisy": before if level else None, "psnr_denoised": after}  # infinite without noise


def write(
    net: DenoisingUNet,
    config: TrainingConfig,
    dataset: PhotoDataset,
    steps: int,
    elapsed: float,
    folder: Path = network.FOLDER,
) -> dict[str, Any]:
    """Evaluate a trained network on the test photographs and write its folder; returns its metadata."""
    content = to_float16(net, dataset.validation)
    net.load_state_dict({name: tensor.float() for name, tensor in load(content).items()})
    scores = [
        {"corruption": kind, "level": level, **_score(net, dataset.test, kind, level)}
        for kind, levels in TEST_CORRUPTIONS.items()
        for level in levels
    ]
    said = {
        **{name: value for name, value in dataclasses.asdict(config).items() if name != "size"},
        **dataclasses.asdict(config.size),
        "split_seed": dataset.split_seed,
        "steps": steps,
        "seconds": round(elapsed),
        "dtype": "float16" if len(content) < 3 * count_parameters(net) else "float32",
        "parameters": count_parameters(net),
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, of which training took {torch.get_num_threads()}",
        "data": {
            "n_train": len(dataset.train),
            "n_validation": len(dataset.validation),
            "test": dataset.test_names,
        },
        "scores": scores,
        "psnr_unclipped": psnr_unclipped(net, dataset.test),
        "seconds_per_image": seconds_per_image(net),
        "threads": torch.get_num_threads(),
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    folder.mkdir(parents=True, exist_ok=True)
    files.atomic_write(folder / network.WEIGHTS, content, durable=True)
    files.atomic_write(folder / network.METADATA, json.dumps(said, indent=1))
    files.atomic_write(folder / "README.md", readme(said))
    return said


# The card

CARD = """# Photographs: a blind denoising autoencoder

Takes noise out of colour photographs of any size, without being told which noise there is or how much. Fully
convolutional, with skip connections, {parameters:,} weights; it predicts the noise (residual learning), which is
then subtracted.

- **Intended use:** grain. Gaussian noise up to 55 of 255, single pixels that are black or white (up to 30 %) or missing
  (up to 50 %). Gray photographs too. Clean images pass nearly unchanged.
- **Limitations:** noise with a structure (JPEG blocks, stripes, coarse grain, what a phone has already smoothed), blur,
  scratches wider than a few pixels: it takes them for a part of the image. On three photographs of scikit-image with
  noise 25 the result was 2 to 3 dB worse where the noisy image had been a JPEG of quality 75, and 4 to 5 dB worse
  where the grain was two pixels wide instead of one.
- **Hallucinates:** where noise has covered what was there, it draws what is likely beside it. Fine texture (grass,
  hair, skin, cloth) comes out smoother than it was, faint detail is lost, and small letters, numbers or faces may come
  out wrong and still look sharp. Nothing that matters should be read from its images.
- **Data:** {n_train} photographs of BSDS500/train (Berkeley Segmentation Data Set: Martin, Fowlkes, Tal & Malik 2001;
  Arbelaez, Maire, Fowlkes & Malik 2011), which is given for non-commercial research and teaching. No photograph is part
  of this folder. Whoever wants to earn money with these weights should ask the data set's makers first.
- **Test:** {count} of the 200 photographs, never trained on; {n_validation} more for choosing settings. They are the
  first ones of the sorted names in the order of NumPy's RandomState({split_seed}).permutation.
- **Trained** for {duration:.0f} minutes ({steps:,} steps) on {machine}, seed {seed}; remade by
  `python -m aecore.applications.photo_denoising.training --minutes {minutes:g}`. The learning rate follows the clock,
  so another training gives other weights of about the same worth.
- **Speed:** {seconds_per_image:.2f} s for 481 x 321 pixels on the same machine with {threads} threads.

PSNR in decibels, mean of the {count} test photographs. Noise is clipped to what an image file can hold.

| corruption | level | noisy PSNR | denoised PSNR |
|---|---|---|---|
{table}

With Gaussian noise 25 that may leave the range from black to white, as papers add it: {psnr_unclipped:.2f} dB. On other
photographs of that set (CBSD68) CBM3D is published at 30.7 dB and DnCNN, blind too, at 31.2 dB.

| hyperparameter | |
|---|---|
{settings}

Test photographs: {names}.

SHA-256 of {file}: `{sha256}`
"""
CARD_KEYS = ("channels", "blocks", "lr", "batch_size", "patch_size", "grad_clip_norm", "ema_decay", "dtype")


def readme(metadata: dict[str, Any]) -> str:
    """The card, from what the network says of itself."""
    known, table = metadata["data"], "\n".join(map(_row, metadata["scores"]))
    rows = {name: metadata[name] for name in CARD_KEYS} | {
        name: ", ".join(map(str, metadata[name])) for name in CARD_KEYS[:2]
    }
    settings = "\n".join(f"| {name} | {value} |" for name, value in rows.items())
    words = {
        "duration": metadata["seconds"] / 60,
        "count": len(known["test"]),
        "names": ", ".join(known["test"]),
    }
    return CARD.format_map(
        {**metadata, **known, **words, "table": table, "settings": settings, "file": network.WEIGHTS}
    )


def _row(score: dict[str, Any]) -> str:
    before = "no noise" if score["psnr_noisy"] is None else f"{score['psnr_noisy']:.2f}"
    level = format_level(score["corruption"], score["level"])
    return f"| {score['corruption']} | {level} | {before} | {score['psnr_denoised']:.2f} |"


def format_level(corruption: str, value: float) -> str:
    """How strong a noise is, in words."""
    return f"{255 * value:.0f} of 255" if corruption == "gaussian" else f"{value:.0%} of the pixels"
