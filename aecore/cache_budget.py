"""A budget of bytes that the caches of a process share: what nobody has asked for for longest goes first.

Whoever keeps something puts an Entry of it under the budget, and says how it is let go of. Sizes are those of the
buffers of arrays, tensors, bytes and texts; one that several entries share counts once. Nothing here imports torch.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import mmap
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

BYTES_PER_NUMBER = 32  # bytes of a Python number in a list
MMAP_THRESHOLD = 4 << 20  # bytes from which memory is given back as soon as it is free
GROWTH_BYTES, CHECK_SECONDS = (
    64 << 20,
    3.0,
)  # bytes by which a process may grow before it tidies up, and seconds between two looks


class CacheEntry:
    """Something kept. `drop` makes its keeper forget it; the budget itself holds on to sizes only."""

    def __init__(self, value: Any, evict: Callable[[], Any]) -> None:
        self.value, self.evict = value, evict
        self.buffers = buffers(value)
        self.registered = False

    @property
    def bytes(self) -> int:
        return sum(self.buffers.values())


class CacheBudget:
    """The order in which entries were last asked for, over all caches, and what their buffers take together."""

    def __init__(self, max_bytes: Callable[[], int]) -> None:
        self.max_bytes = max_bytes  # bytes
        self._lock = threading.RLock()
        self._entries: OrderedDict[int, tuple[dict[int, int], Callable[[], Any]]] = OrderedDict()
        self._owners: dict[int, tuple[int, int]] = {}  # buffer -> its bytes, and how many entries have it
        self._total = 0
        self._collected: deque[int] = deque()  # entries that their keepers forgot by themselves

    @property
    def total(self) -> int:
        """Bytes that are kept."""
        with self._lock:
            self._remove_collected()
            return self._total

    def touch(self, entry: CacheEntry) -> None:
        """Says that an entry was asked for; a new one is kept, and others go until all fit. One that is larger than all
        of the budget goes at once: who asked for it has it."""
        with self._lock:
            self._remove_collected()
            if entry.registered:
                if id(entry) in self._entries:
                    self._entries.move_to_end(id(entry))
                return
            self._add(entry)
            too_large = entry.bytes > self.max_bytes()
            victims = [id(entry)] if too_large else list(self._entries_to_evict(id(entry)))
            drops = [self._entries[each][1] for each in victims]
            for each in victims:
                self._remove(each)
        for drop in drops:  # not under the lock: keepers have locks of their own
            drop()

    def remeasure(self, entry: CacheEntry) -> None:
        """Counts the bytes of an entry anew: for what grows after it was kept, as a detector does with each score."""
        with self._lock:
            self._remove_collected()
            self._remove(id(entry))
            entry.buffers, entry.registered = buffers(entry.value), False
        self.touch(entry)

    def _add(self, entry: CacheEntry) -> None:
        entry.registered = True
        self._entries[id(entry)] = (entry.buffers, entry.evict)
        _Finalizer(entry, self._collected)
        for place, size in entry.buffers.items():
            known, owners = self._owners.get(place, (size, 0))
            self._total += max(0, size - known) if owners else size
            self._owners[place] = (max(known, size), owners + 1)

    def _entries_to_evict(self, newest: int) -> Iterator[int]:
        """The entries to let go of until the others fit, the newest never: simulated, for buffers are shared."""
        total, left, most = (
            self._total,
            {place: owners for place, (_, owners) in self._owners.items()},
            self.max_bytes(),
        )
        for each, (found, _) in self._entries.items():
            if total <= most:
                return
            if each == newest:
                continue
            for place in found:
                left[place] -= 1
                total -= 0 if left[place] else self._owners[place][0]
            yield each

    def _remove(self, entry_id: int) -> None:
        """Counts an entry no more."""
        found, _ = self._entries.pop(entry_id, ({}, None))
        for place in found:
            size, owners = self._owners.pop(place)
            if owners > 1:
                self._owners[place] = (size, owners - 1)
            else:
                self._total -= size

    def _remove_collected(self) -> None:
        while self._collected:
            self._remove(self._collected.popleft())


class _Finalizer:
    """Notes that an entry is gone: whoever kept it may forget it without telling."""

    def __init__(self, entry: CacheEntry, collected: deque[int]) -> None:
        weakref.finalize(entry, collected.append, id(entry)).atexit = False


CACHE_BUDGET = CacheBudget(limits.max_cache_bytes)  # of this process


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


def _loaded_class(module: str, name: str) -> Any:
    """A class of a package for isinstance, without importing it: none where it is not there, or not there yet (another
    thread may be about to import it)."""
    return getattr(sys.modules.get(module), name, ())


def _buffer(value: Any) -> tuple[int, int] | None:
    """Where the memory of an array, a tensor, bytes or a text begins, and its bytes; None for anything else."""
    if isinstance(value, np.ndarray):
        while isinstance(value.base, np.ndarray):
            value = value.base
        if isinstance(value.base, mmap.mmap):
            return None  # pages of a file: the system takes them back when it needs room
        if isinstance(value.base, bytes | bytearray):
            return _buffer(value.base)
        return value.__array_interface__["data"][0], value.nbytes
    if isinstance(value, bytes | bytearray | str):
        return id(value), sys.getsizeof(value)
    if isinstance(value, _loaded_class("torch", "Tensor")):
        storage = value.untyped_storage()
        return storage.data_ptr(), storage.nbytes()
    if isinstance(value, _loaded_class("pyarrow", "Buffer")):
        return value.address, value.size
    return None


def _parts(value: Any, sizes: dict[int, int]) -> Iterable[Any]:
    """What a value is made of."""
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, list | tuple | set | frozenset | deque):
        if value and all(isinstance(each, bool | int | float) for each in value):
            sizes[id(value)] = BYTES_PER_NUMBER * len(value)
            return ()
        return list(value)
    if isinstance(value, _loaded_class("pyarrow", "Table")):
        return [buffer for column in value.columns for chunk in column.chunks for buffer in chunk.buffers()]
    is_object = hasattr(value, "parameters") or dataclasses.is_dataclass(value)  # a torch module is no function
    if callable(value) and not is_object:
        return ()
    slots = [getattr(value, name, None) for name in getattr(type(value), "__slots__", ()) if isinstance(name, str)]
    if dataclasses.is_dataclass(value):
        slots += [getattr(value, each.name, None) for each in dataclasses.fields(value)]
    return [*vars(value).values(), *slots] if hasattr(value, "__dict__") else slots


# --- Back to the system -----------------------------------------------------------------------------------------------


def _malloc_function(name: str) -> Callable[..., int] | None:
    """A function of glibc's allocator; None where there is another."""
    found: Callable[..., int] | None = None
    if sys.platform.startswith("linux"):
        found = getattr(ctypes.CDLL(None), name, None)
    return found


def trim_memory() -> None:
    """Gives what this process has freed back to the system, where its allocator can be asked to: it would keep it for
    what comes next, and counted as ours it would be missing elsewhere."""
    gc.collect()  # pages leave cycles behind, with models and arrays in them
    if trim := _malloc_function("malloc_trim"):
        trim(0)


class MemoryTrimmer(threading.Thread):
    """Gives back what a process that lives long has freed, when it has grown."""

    def __init__(self) -> None:
        super().__init__(name="tidy", daemon=True)
        self.process = psutil.Process()
        self.baseline = self.process.memory_info().rss
        if option := _malloc_function("mallopt"):
            option(-3, MMAP_THRESHOLD)  # M_MMAP_THRESHOLD; left alone it rises to 32 MB as memory is used

    def run(self) -> None:
        while True:
            time.sleep(CHECK_SECONDS)
            self.check()

    def check(self) -> None:
        if self.process.memory_info().rss > self.baseline + GROWTH_BYTES:
            trim_memory()
        self.baseline = self.process.memory_info().rss
