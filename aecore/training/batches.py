"""Batches: the samples of a split on their way to a device, from memory or, where they are too many, from a file."""

from __future__ import annotations

import contextlib
import mmap
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from torch import Tensor

from aecore.data.datasets import Split

MAX_IN_MEMORY = 512 << 20  # bytes of a file of samples above which they stay there
AHEAD = 4  # batches that are read before they are asked for

Batch = tuple[Tensor, Tensor]  # x float32 [B, *shape] as networks get it, NaN where missing; labels int64 [B]


@dataclass(frozen=True)
class DeviceDataset:
    """A split on a device, in the numbers it is stored in; batches become floats when they are taken."""

    x: Tensor  # uint8 or float32 [N, *shape]
    y: Tensor  # int64 [N]
    max_value: int

    @classmethod
    def from_split(cls, split: Split, device: torch.device) -> DeviceDataset | StreamedDataset:
        """The split in the device's memory; one of people's own that is larger than MAX_IN_MEMORY stays in its file."""
        x, y = split.x, split.y
        if isinstance(x, np.memmap):
            if x.nbytes > MAX_IN_MEMORY:
                return StreamedDataset(split, device)
            x, y = np.array(x), np.array(y)  # torch takes no array that may not be written
        return cls(torch.from_numpy(x).to(device), torch.from_numpy(y).to(device), split.max_value)

    @property
    def device(self) -> torch.device:
        return self.x.device

    def __len__(self) -> int:
        return len(self.x)

    def batch(self, rows: Tensor) -> Batch:
        """The samples of these rows."""
        # five times as fast on a CPU as pixels[rows].float() / levels
        return self.x.index_select(0, rows).float().div_(self.max_value), self.y.index_select(0, rows)

    def batches(self, order: Tensor, size: int, first: int = 0) -> Iterator[Batch]:
        """The samples in that order, `size` at a time, from batch number `first` on."""
        for start in range(first * size, len(order), size):
            yield self.batch(order[start : start + size])


@dataclass(frozen=True)
class StreamedDataset:
    """A split that stays in its file: a thread reads the next few batches while the present one is computed.

    The batches are those of `DeviceDataset`, number for number.
    """

    split: Split
    device: torch.device

    def __len__(self) -> int:
        return len(self.split)

    def _read(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The samples of these rows as stored, read in the order of the file: neighbours share pages."""
        order = np.argsort(rows, kind="stable")
        x = np.empty((len(rows), *self.split.x.shape[1:]), self.split.x.dtype)
        x[order] = np.take(self.split.x, rows[order], axis=0)
        return x, np.asarray(self.split.y[rows], np.int64)

    def _to_device(self, stored: tuple[np.ndarray, np.ndarray]) -> Batch:
        x, y = (torch.from_numpy(each).to(self.device) for each in stored)
        return x.float().div_(self.split.max_value), y

    def batch(self, rows: Tensor) -> Batch:
        """The samples of these rows."""
        return self._to_device(self._read(rows.cpu().numpy()))

    def batches(self, order: Tensor, size: int, first: int = 0) -> Iterator[Batch]:
        """The samples in that order, `size` at a time, from batch number `first` on."""
        rows = order.cpu().numpy()
        parts = (rows[start : start + size] for start in range(first * size, len(rows), size))
        with ThreadPoolExecutor(1, "read-ahead") as reader, self._random_access():
            waiting: deque[Future[tuple[np.ndarray, np.ndarray]]] = deque()
            try:
                waiting.extend(reader.submit(self._read, part) for part in islice(parts, AHEAD))
                while waiting:
                    stored = waiting.popleft().result()
                    waiting.extend(reader.submit(self._read, part) for part in islice(parts, 1))
                    yield self._to_device(stored)
            finally:
                for each in waiting:
                    each.cancel()

    @contextlib.contextmanager
    def _random_access(self) -> Iterator[None]:
        """Inside, the system reads no more of the file than what is asked for: a shuffled order has no next page."""
        mapped = getattr(self.split.x, "_mmap", None)
        if mapped is None or not hasattr(mmap, "MADV_RANDOM"):
            yield
            return
        mapped.madvise(mmap.MADV_RANDOM)
        try:
            yield
        finally:
            mapped.madvise(mmap.MADV_NORMAL)
