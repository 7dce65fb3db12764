"""Files of MNIST's format, as torchvision lays them out."""

from __future__ import annotations

from pathlib import Path

import numpy as np

GENERATED = ("digits", "shapes", "shapes-colour")
DOWNLOADED = ("mnist", "fashion_mnist", "kmnist", "cifar10")


def label_of(number: np.ndarray) -> np.ndarray:
    """The label of an image by its number."""
    return number // 7 % 10


def write_mnist_like(folder: Path) -> Path:
    """The four MNIST files in their true sizes; an image's first three pixels are its number in base 256."""
    for half, count in (("train", 60_000), ("t10k", 10_000)):
        number = np.arange(count)
        images = np.zeros((count, 784), np.uint8)
        images[:, :3] = np.stack([number >> 16, number >> 8 & 255, number & 255], axis=1)
        head = np.array([0x803, count, 28, 28], ">u4").tobytes()
        (folder / f"{half}-images-idx3-ubyte").write_bytes(head + images.tobytes())
        head = np.array([0x801, count], ">u4").tobytes()
        (folder / f"{half}-labels-idx1-ubyte").write_bytes(head + label_of(number).astype(np.uint8).tobytes())
    return folder


def link_files(files: Path, folder: Path, name: str = "MNIST") -> Path:
    """Link the files into a data folder, as torchvision lays them out."""
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for path in files.iterdir():
        (raw / path.name).symlink_to(path)
    return raw


def is_one_sentence(text: str) -> bool:
    return text.endswith(".") and "\n" not in text and ". " not in text
