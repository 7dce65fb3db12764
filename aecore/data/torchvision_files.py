"""The data sets of torchvision as files: where they lie, their sizes, their addresses and hashes, and reading them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aecore.data.card import DatasetCard
from aecore.errors import UserError


@dataclass(frozen=True)
class TorchvisionFiles:
    """One data set as torchvision lays it out, and the archives that it is unpacked from."""

    class_name: str  # in torchvision.datasets
    subdir: str  # under data_dir()
    sizes: dict[str, int]  # bytes of each file after unpacking; one of another size is damaged
    mirrors: tuple[str, ...]  # addresses that end in "/", tried in this order
    archives: dict[str, str]  # name on the server -> MD5, as torchvision knows it


_IDX_SIZES = {
    "train-images-idx3-ubyte": 47_040_016,
    "train-labels-idx1-ubyte": 60_008,
    "t10k-images-idx3-ubyte": 7_840_016,
    "t10k-labels-idx1-ubyte": 10_008,
}
_CIFAR10_SIZES = {
    "data_batch_1": 31_035_704,
    "data_batch_2": 31_035_320,
    "data_batch_3": 31_035_999,
    "data_batch_4": 31_035_696,
    "data_batch_5": 31_035_623,
    "test_batch": 31_035_526,
    "batches.meta": 158,
}


def _idx_files(class_name: str, mirrors: tuple[str, ...], *md5: str) -> TorchvisionFiles:
    """A data set in the four files of MNIST's format."""
    archives = {f"{name}.gz": each for name, each in zip(_IDX_SIZES, md5, strict=True)}
    return TorchvisionFiles(class_name, f"{class_name}/raw", _IDX_SIZES, mirrors, archives)


FILES = {
    "mnist": _idx_files(
        "MNIST",
        ("https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"),
        "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "d53e105ee54ea40749a09fcbcd1e9432",
        "9fb629c4189551a2d022fa330f9573f3",
        "ec29112dd5afa0611ce80d1b7f02629c",
    ),
    "fashion_mnist": _idx_files(
        "FashionMNIST",
        ("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
        "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "25c81989df183df01b3e8a0aad5dffbe",
        "bef4ecab320f06d8554ea6380940ec79",
        "bb300cfdad3c16e7a12a480ee83cd310",
    ),
    "kmnist": _idx_files(
        "KMNIST",
        ("http://codh.rois.ac.jp/kmnist/dataset/kmnist/",),
        "bdb82020997e1d708af4cf47b453dcf7",
        "e144d726b3acfaa3e44228e80efcd344",
        "5c965bf0a639b31b8f53240b1b52f4d7",
        "7320c461ea6c1c855c0b718fb2a4b134",
    ),
    "cifar10": TorchvisionFiles(
        "CIFAR10",
        "cifar-10-batches-py",
        _CIFAR10_SIZES,
        ("https://www.cs.toronto.edu/~kriz/",),
        {"cifar-10-python.tar.gz": "c58f30108f718f92721af3b95e74349a"},
    ),
}


def data_dir() -> Path:
    """Where downloaded data sets lie: the environment's AECORE_DATA, or `data` in the working directory."""
    return Path(os.environ.get("AECORE_DATA") or "data")


def files_complete(files: TorchvisionFiles, root: Path) -> bool:
    """Whether every file of a data set lies under `root` in its full size."""
    paths = {root / files.subdir / name: size for name, size in files.sizes.items()}
    return all(path.is_file() and path.stat().st_size == size for path, size in paths.items())


def read_split(card: DatasetCard, root: Path, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Images, uint8 [N, C, H, W], and labels, int64 [N], of the training or test half. UserError if damaged."""
    import torchvision

    files = FILES[card.name]
    damaged = UserError(
        f"The files of {card.title} are damaged: delete the folder {root / files.subdir} and download them again."
    )
    try:
        dataset = getattr(torchvision.datasets, files.class_name)(root, train=train, download=False)
        images, labels = np.asarray(dataset.data), np.asarray(dataset.targets, np.int64)
    except Exception as error:  # its parsers meet garbage with anything from AssertionError to UnpicklingError
        raise damaged from error
    # torchvision gives grey images as [N, H, W] and coloured ones as [N, H, W, C]
    images = images[:, None] if images.ndim == 3 else images.transpose(0, 3, 1, 2)
    count = card.n_train + card.n_validation if train else card.n_test
    if images.shape != (count, *card.shape) or labels.shape != (count,):
        raise damaged
    if labels.min() < 0 or labels.max() >= len(card.classes):
        raise damaged
    return images, labels
