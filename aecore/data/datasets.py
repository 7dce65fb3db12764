"""The data sets: where they lie on disk, how they are loaded and how they are fetched."""

from __future__ import annotations

import dataclasses
import errno
import os
import shutil
import tempfile
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from aecore.cache_budget import CACHE_BUDGET, CacheEntry
from aecore.data import shapes
from aecore.data.cards import CARDS, DatasetCard
from aecore.errors import UserError

_SEED = 0  # of every split, so that all runs on all computers see the same pictures


@dataclass(frozen=True)
class Split:
    """Pictures with their labels, in a random but fixed order: the first rows are a fair sample.

    `load` hands the same arrays to everybody: read them, never write into them.
    """

    x: np.ndarray  # uint8 [N, C, H, W], 0 to levels
    y: np.ndarray  # int64 [N]
    max_value: int = 255
    factors: np.ndarray | None = None  # int64 [N, F], steps of Data.factor_names; the made shapes only
    synthetic: bool = False  # by a model, in place of pictures that are not here (products.py)

    def __len__(self) -> int:
        return len(self.y)

    def head(self, count: int) -> Split:
        """Its first pictures, a fair sample; all of them for 0."""
        if not count:
            return self
        factors = None if self.factors is None else self.factors[:count]
        return dataclasses.replace(self, x=self.x[:count], y=self.y[:count], factors=factors)

    def to_float(self, rows: Any = slice(None)) -> np.ndarray:
        """The pictures of `rows` (a slice, or indices [n]) as a new float32 [n, C, H, W] in [0, 1]."""
        return np.divide(self.x[rows], self.max_value, dtype=np.float32)


@dataclass(frozen=True)
class Dataset:
    """A data set in memory."""

    card: DatasetCard
    train: Split
    validation: Split
    test: Split
    factor_names: tuple[str, ...] = ()


class DatasetNotAvailable(UserError):
    """A data set that has to be downloaded first."""


class DownloadFailed(UserError):
    """A download that ended without a data set."""


@dataclass(frozen=True)
class _TorchvisionFiles:
    """What torchvision calls a data set, and the files that it reads there."""

    class_name: str
    subdir: str  # under folder()
    sizes: dict[str, int]  # bytes; a file of another size is damaged


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
_FILES = {
    "mnist": _TorchvisionFiles("MNIST", "MNIST/raw", _IDX_SIZES),
    "fashion_mnist": _TorchvisionFiles("FashionMNIST", "FashionMNIST/raw", _IDX_SIZES),
    "kmnist": _TorchvisionFiles("KMNIST", "KMNIST/raw", _IDX_SIZES),
    "cifar10": _TorchvisionFiles("CIFAR10", "cifar-10-batches-py", _CIFAR10_SIZES),
}


def data_dir() -> Path:
    """Where downloaded data sets lie: the environment's AECORE_DATA, or `data` in the working directory."""
    return Path(os.environ.get("AECORE_DATA") or "data")


def is_available(name: str) -> bool:
    """Whether `load` needs no download, from the names and sizes of files only. UserError: unknown name."""
    files = _FILES.get(_card(name).name)
    return files is None or _files_complete(files, data_dir())


def load(name: str) -> Dataset:
    """The data set called `name`; the last few stay in memory, as far as the budget of all caches allows.

    Raises DataMissing, and UserError for an unknown name or damaged files.
    """
    require(name)
    return _load_cached(name, data_dir().resolve())


def require(name: str) -> None:
    """Raises DataMissing, which says what to do, unless the data set is here; loads nothing."""
    if not is_available(name):
        raise not_available(name)


def not_available(name: str) -> DatasetNotAvailable:
    """What is said of a data set that is not here."""
    return DatasetNotAvailable(
        f"{_card(name).title} is not on this computer yet: download it on the Data page, or with "
        f"`python -m aecore datasets --download {name}`."
    )


def _card(name: str) -> DatasetCard:
    if name not in CARDS:
        raise UserError(f"There is no data set called {name!r}; the data sets are: {', '.join(CARDS)}.")
    return CARDS[name]


def _files_complete(files: _TorchvisionFiles, root: Path) -> bool:
    paths = {root / files.subdir / name: size for name, size in files.sizes.items()}
    return all(path.is_file() and path.stat().st_size == size for path, size in paths.items())


MAX_LOADED = 3  # data sets that stay in memory, of at most 190 MB each
_CACHE: OrderedDict[tuple[str, Path], CacheEntry] = OrderedDict()
_CACHE_LOCK = threading.Lock()  # of two that ask for one, the second waits for it


def _load_cached(name: str, root: Path) -> Dataset:
    """A data set, from memory if it is there."""
    with _CACHE_LOCK:
        entry = _CACHE.pop((name, root), None)
        if entry is None:
            loaded = _LOADERS[name](CARDS[name], root)
            entry = CacheEntry(loaded, lambda: _CACHE.pop((name, root), None))
        _CACHE[name, root] = entry
        while len(_CACHE) > MAX_LOADED:
            _CACHE.popitem(last=False)
    CACHE_BUDGET.touch(entry)
    found: Dataset = entry.value
    return found


def _permutation(count: int) -> np.ndarray:
    """0 to count - 1 in the fixed order of all splits."""
    # Not default_rng: only the stream of RandomState is promised to stay the same in every NumPy to come.
    return np.random.RandomState(_SEED).permutation(count)


def _split_train_validation(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What is not test, cut into train and validation: a tenth, but never more than 5,000."""
    rows = rows[_permutation(len(rows))]
    validation = min(5000, len(rows) // 10)
    return rows[validation:], rows[:validation]


def _load_digits(card: DatasetCard, root: Path) -> Dataset:
    from sklearn.datasets import load_digits

    bunch = load_digits()  # comes with scikit-learn: no network
    pictures = bunch.images.astype(np.uint8)[:, None]  # [1797, 1, 8, 8], whole numbers 0 to 16
    labels = bunch.target.astype(np.int64)
    order = _permutation(len(labels))
    by_class = [order[labels[order] == label] for label in range(len(card.classes))]
    test = np.concatenate([rows[: round(len(rows) / 5)] for rows in by_class])
    train, validation = _split_train_validation(np.setdiff1d(order, test))
    split = partial(_make_split, card, pictures, labels, None)
    return Dataset(card, split(train), split(validation), split(test[_permutation(len(test))]))


def _load_shapes(
    generate: Callable[[], tuple[np.ndarray, np.ndarray]], factor_names: tuple[str, ...], card: DatasetCard, root: Path
) -> Dataset:
    pictures, factors = generate()
    order = _permutation(len(pictures))
    tenth = len(order) // 10
    train, validation = _split_train_validation(order[tenth:])
    split = partial(_make_split, card, pictures, factors[:, 0], factors)  # the first factor is the shape
    return Dataset(card, split(train), split(validation), split(order[:tenth]), factor_names)


def _make_split(card: DatasetCard, x: np.ndarray, y: np.ndarray, factors: np.ndarray | None, rows: np.ndarray) -> Split:
    chosen = None if factors is None else factors[rows]
    return Split(np.ascontiguousarray(x[rows]), y[rows], card.max_value, chosen)


def _load_torchvision(card: DatasetCard, root: Path) -> Dataset:
    pictures, labels = _read_torchvision(card, root, train=True)
    train, validation = (
        _make_split(card, pictures, labels, None, rows) for rows in _split_train_validation(np.arange(len(labels)))
    )
    pictures, labels = _read_torchvision(card, root, train=False)
    return Dataset(card, train, validation, _make_split(card, pictures, labels, None, _permutation(len(labels))))


def _read_torchvision(card: DatasetCard, root: Path, train: bool) -> tuple[np.ndarray, np.ndarray]:
    """Pictures, uint8 [N, C, H, W], and labels, int64 [N], of one half. UserError if damaged."""
    import torchvision

    broken = UserError(
        f"The files of {card.title} are damaged: delete the folder {root / _FILES[card.name].subdir} "
        "and download them again."
    )
    try:
        found = getattr(torchvision.datasets, _FILES[card.name].class_name)(root, train=train, download=False)
        pictures, labels = np.asarray(found.data), np.asarray(found.targets, np.int64)
    except Exception as error:  # its parsers meet garbage with anything from AssertionError to UnpicklingError
        raise broken from error
    # torchvision hands out gray pictures as [N, H, W] and coloured ones as [N, H, W, C].
    pictures = pictures[:, None] if pictures.ndim == 3 else pictures.transpose(0, 3, 1, 2)
    count = card.n_train + card.n_validation if train else card.n_test
    if pictures.shape != (count, *card.shape) or labels.shape != (count,):
        raise broken
    if labels.min() < 0 or labels.max() >= len(card.classes):
        raise broken
    return pictures, labels


_LOADERS: dict[str, Callable[[DatasetCard, Path], Dataset]] = {
    "digits": _load_digits,
    "shapes": partial(_load_shapes, shapes.grey_shapes, shapes.FACTORS),
    "shapes-colour": partial(_load_shapes, partial(shapes.coloured_shapes, 12_000, _SEED), (*shapes.FACTORS, "hue")),
    **dict.fromkeys(_FILES, _load_torchvision),
}


def download(name: str) -> Iterator[float]:
    """Fetch the data set called `name` into folder(), yielding progress in [0, 1] about five times a second.

    The last value is 1.0, and comes at once for what is here already. Raises DownloadFailed. Nothing stands under the
    data set's own name before all of it has arrived; closing the generator early ends the download.
    """
    card = _card(name)
    if is_available(name):
        yield 1.0
        return
    files, temporary = _FILES[name], _temporary_folder(card)
    fetch = _DownloadThread(files, temporary)
    try:
        fetch.start()
        while fetch.is_alive():
            # The archives are most of the way; 1.0 is kept for the moment when the data set can be used.
            yield min(0.99, _bytes_downloaded(temporary) / card.download_bytes)
            fetch.join(0.2)
        if fetch.error is not None or not _files_complete(files, temporary):
            raise _download_error(card, fetch.error) from fetch.error
        _move(files, temporary, card)
    finally:
        fetch.cancelled = True  # before the removal, so that a thread that still writes cleans up behind itself
        shutil.rmtree(temporary, ignore_errors=True)
    yield 1.0


class _DownloadCancelled(Exception):
    """Ends a download that nobody waits for any more."""


class _DownloadThread(threading.Thread):
    """torchvision's own download of one data set into an empty folder; `error` tells how it ended."""

    def __init__(self, files: _TorchvisionFiles, root: Path) -> None:
        super().__init__(name=f"download {files.class_name}", daemon=True)
        self.files, self.root = files, root
        self.error: Exception | None = None
        self.cancelled = False

    def run(self) -> None:
        try:
            import torchvision

            torchvision.datasets.utils.tqdm = _SilentBar
            getattr(torchvision.datasets, self.files.class_name)(self.root, train=True, download=True)
        except Exception as error:  # it crosses to the thread that waits, which says it
            self.error = error
        finally:
            if self.cancelled:
                shutil.rmtree(self.root, ignore_errors=True)


class _SilentBar:
    """Stands in for the bar that torchvision draws on the terminal; called for every piece that arrives."""

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    def __enter__(self) -> _SilentBar:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def update(self, _: int) -> None:
        if getattr(threading.current_thread(), "unwanted", False):
            raise _DownloadCancelled


def _temporary_folder(card: DatasetCard) -> Path:
    """A new folder in folder(), so that moving out of it is a rename; sweeps up after killed downloads."""
    prefix = f".download-{card.name}-"
    try:
        data_dir().mkdir(parents=True, exist_ok=True)
        for old in data_dir().glob(prefix + "*"):
            if time.time() - old.stat().st_mtime > 24 * 3600:
                shutil.rmtree(old, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=prefix, dir=data_dir()))
    except OSError as error:
        raise _download_error(card, error) from error


def _bytes_downloaded(root: Path) -> int:
    """How much has arrived. torchvision unpacks beside the archives, so only they are counted."""
    try:
        return sum(path.stat().st_size for path in root.rglob("*.gz"))
    except OSError:  # swept away under our feet: the fetch will say what happened
        return 0


def _move(files: _TorchvisionFiles, temporary: Path, card: DatasetCard) -> None:
    """Each file by one rename, so that `is_here` never sees half a file.

    Renaming the whole folder would fail where one with damaged files, or with other files, stands already.
    """
    try:
        (data_dir() / files.subdir).mkdir(parents=True, exist_ok=True)
        for name in files.sizes:
            os.replace(temporary / files.subdir / name, data_dir() / files.subdir / name)
    except OSError as error:
        raise _download_error(card, error) from error


def _download_error(card: DatasetCard, error: Exception | None) -> DownloadFailed:
    """The sentence for what went wrong: with the disk, or (all else) on the way from the server."""
    if isinstance(error, OSError) and error.errno in (
        errno.EACCES,
        errno.EPERM,
        errno.EROFS,
        errno.ENOSPC,
        errno.EDQUOT,
    ):
        return DownloadFailed(
            f"{card.title} could not be written to {data_dir()} ({os.strerror(error.errno)}): make room there, "
            "or let the environment variable AECORE_DATA name another folder."
        )
    return DownloadFailed(
        f"{card.title} could not be downloaded because its server could not be reached or did not send the "
        "right files: check the network and try again, use digits or shapes, which need no network, or "
        f"copy the files {', '.join(_FILES[card.name].sizes)} to {data_dir() / _FILES[card.name].subdir}."
    )
