"""A budget of bytes that the caches of a process share: what nobody has asked for for longest goes first.

Whoever keeps something puts an Entry of it under the budget, and says how it is let go of. Sizes are those of the
buffers of arrays, tensors, bytes and texts; one that several entries share counts once. Nothing here imports torch.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import sys
import threading
import time
import weakref
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np
import psutil

from aecore import limits

A_NUMBER = 32  # bytes of a Python number in a list
MAPPED = 4 << 20  # bytes from which memory is given back as soon as it is free
GROWN, LOOK = 64 << 20, 3.0  # bytes by which a process may grow before it tidies up, and seconds between two looks


class Entry:
    """Something kept. `drop` makes its keeper forget it; the budget itself holds on to sizes only."""

    def __init__(self, value: Any, drop: Callable[[], Any]) -> None:
        self.value, self.drop = value, drop
        self.buffers = buffers(value)
        self.counted = False

    @property
    def bytes(self) -> int:
        return sum(self.buffers.values())


class Budget:
    """The order in which entries were last asked for, over all caches, and what their buffers take together."""

    def __init__(self, most: Callable[[], int]) -> None:
        self.most = most  # bytes
        self._lock = threading.RLock()
        self._entries: OrderedDict[int, tuple[dict[int, int], Callable[[], Any]]] = OrderedDict()
        self._owners: dict[int, tuple[int, int]] = {}  # buffer -> its bytes, and how many entries have it
        self._total = 0
        self._gone: deque[int] = deque()  # entries that their keepers forgot by themselves

    @property
    def total(self) -> int:
        """Bytes that are kept."""
        with self._lock:
            self._settle()
            return self._total

    def use(self, entry: Entry) -> None:
        """Says that an entry was asked for; a new one is kept, and others go until all fit. One that is larger than all
        of the budget goes at once: who asked for it has it."""
        with self._lock:
            self._settle()
            if entry.counted:
                if id(entry) in self._entries:
                    self._entries.move_to_end(id(entry))
                return
            self._add(entry)
            too_large = entry.bytes > self.most()
            victims = [id(entry)] if too_large else list(self._over(id(entry)))
            drops = [self._entries[each][1] for each in victims]
            for each in victims:
                self._remove(each)
        for drop in drops:  # not under the lock: keepers have locks of their own
            drop()

    def _add(self, entry: Entry) -> None:
        entry.counted = True
        self._entries[id(entry)] = (entry.buffers, entry.drop)
        _Finalizer(entry, self._gone)
        for place, size in entry.buffers.items():
            known, owners = self._owners.get(place, (size, 0))
            self._total += max(0, size - known) if owners else size
            self._owners[place] = (max(known, size), owners + 1)

    def _over(self, newest: int) -> Iterator[int]:
        """The entries to let go of until the others fit, the newest never: simulated, for buffers are shared."""
        total, left, most = self._total, {place: owners for place, (_, owners) in self._owners.items()}, self.most()
        for each, (found, _) in self._entries.items():
            if total <= most:
                return
            if each == newest:
                continue
            for place in found:
                left[place] -= 1
                total -= 0 if left[place] else self._owners[place][0]
            yield each

    def _remove(self, each: int) -> None:
        """Counts an entry no more."""
        found, _ = self._entries.pop(each, ({}, None))
        for place in found:
            size, owners = self._owners.pop(place)
            if owners > 1:
                self._owners[place] = (size, owners - 1)
            else:
                self._total -= size

    def _settle(self) -> None:
        while self._gone:
            self._remove(self._gone.popleft())


class _Finalizer:
    """Notes that an entry is gone: whoever kept it may forget it without telling."""

    def __init__(self, entry: Entry, gone: deque[int]) -> None:
        weakref.finalize(entry, gone.append, id(entry)).atexit = False


KEPT = Budget(limits.cache_bytes)  # of this process


# --- Sizes ------------------------------------------------------------------------------------------------------------


def buffers(value: Any) -> dict[int, int]:
    """The memory that a value holds: where each buffer begins, and its bytes."""
    found: dict[int, int] = {}
    seen: set[int] = set()
    left = [value]
    while left:
        each = left.pop()
        if id(each) in seen or each is None or isinstance(each, bool | int | float | type):
            continue
        seen.add(id(each))
        own = _buffer(each)
        if own:
            place, size = own
            found[place] = max(found.get(place, 0), size)
        else:
            left.extend(_parts(each, found))
    return found


def _known(module: str, name: str) -> Any:
    """A class of a package for isinstance, without importing it: none where it is not there, or not there yet (another
    thread may be about to import it)."""
    return getattr(sys.modules.get(module), name, ())


def _buffer(value: Any) -> tuple[int, int] | None:
    """Where the memory of an array, a tensor, bytes or a text begins, and its bytes; None for anything else."""
    if isinstance(value, np.ndarray):
        while isinstance(value.base, np.ndarray):
            value = value.base
        if isinstance(value.base, bytes | bytearray):
            return _buffer(value.base)
        return value.__array_interface__["data"][0], value.nbytes
    if isinstance(value, bytes | bytearray | str):
        return id(value), sys.getsizeof(value)
    if isinstance(value, _known("torch", "Tensor")):
        storage = value.untyped_storage()
        return storage.data_ptr(), storage.nbytes()
    if isinstance(value, _known("pyarrow", "Buffer")):
        return value.address, value.size
    return None


def _parts(value: Any, found: dict[int, int]) -> Iterable[Any]:
    """What a value is made of."""
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset | deque):
        if value and all(isinstance(each, bool | int | float) for each in value):
            found[id(value)] = A_NUMBER * len(value)
            return ()
        return list(value)
    if isinstance(value, _known("pyarrow", "Table")):
        return [buffer for column in value.columns for chunk in column.chunks for buffer in chunk.buffers()]
    if callable(value) and not hasattr(value, "parameters"):  # functions and classes; a torch module is no function
        return ()
    slots = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ()) if isinstance(name, str)]
    if dataclasses.is_dataclass(value):
        slots += [getattr(value, each.name, None) for each in dataclasses.fields(value)]
    return [*vars(value).values(), *slots] if hasattr(value, "__dict__") else slots


# --- Back to the system -----------------------------------------------------------------------------------------------


def _allocator(name: str) -> Callable[..., int] | None:
    """A function of glibc's allocator; None where there is another."""
    found: Callable[..., int] | None = None
    if sys.platform.startswith("linux"):
        found = getattr(ctypes.CDLL(None), name, None)
    return found


def give_back() -> None:
    """Gives what this process has freed back to the system, where its allocator can be asked to: it would keep it for
    what comes next, and counted as ours it would be missing elsewhere."""
    gc.collect()  # pages leave cycles behind, with models and arrays in them
    if trim := _allocator("malloc_trim"):
        trim(0)


class Tidy(threading.Thread):
    """Gives back what a process that lives long has freed, when it has grown."""

    def __init__(self) -> None:
        super().__init__(name="tidy", daemon=True)
        self.process = psutil.Process()
        self.least = self.process.memory_info().rss
        if option := _allocator("mallopt"):
            option(-3, MAPPED)  # M_MMAP_THRESHOLD; left alone it rises to 32 MB as memory is used

    def run(self) -> None:
        while True:
            time.sleep(LOOK)
            self.look()

    def look(self) -> None:
        if self.process.memory_info().rss > self.least + GROWN:
            give_back()
        self.least = self.process.memory_info().rss
