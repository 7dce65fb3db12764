"""Limits: how much memory this machine has, and what a training, a page and all caches may take of it.

Environment variables, all in plain numbers:

    AECORE_MEMORY           bytes to be taken for the machine's memory
    AECORE_RUN_BYTES        bytes that one training may take
    AECORE_MAX_PARAMETERS   parameters that a network may have
    AECORE_CACHE_BYTES      bytes that all caches of a server keep together

Nothing here imports torch.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import psutil

from aecore.errors import UserError

# of the machine's memory; the rest is for the server itself, projections, files and the system
TRAINING_SHARE, CACHE_SHARE, PAGE_SHARE = 3 / 8, 1 / 8, 1 / 16
MIN_RUN_BYTES, MIN_CACHE_BYTES = 512 << 20, 64 << 20  # bytes, whatever the machine
MAX_BATCH_BYTES = 128 << 20  # bytes that a batch on a page may take: what is computed in batches is cut to fit
MAX_LAYERS = 100  # hidden ones: each costs time to build, however narrow
BYTES_PER_PARAMETER = (
    28  # bytes: its weight and gradient, two moments of Adam, and the first and the last two in a checkpoint
)
PROJECTION_BYTES_PER_VALUE = (
    28  # bytes that a projection takes for each number of its codes: as float32, and three times as float64
)
NO_LIMIT = 1 << 60  # bytes; cgroups that have none say a number like this
CGROUP_ROOT = Path("/sys/fs/cgroup")
LARGE_CODE_SIZE = 1024  # dimensions of a code above which nothing is computed by a full matrix of all pairs of them


class TooLarge(UserError):
    """More than this machine has memory for."""


def _from_environment(name: str, default: int) -> int:
    """A number from the environment."""
    said = os.environ.get(name, "")
    if not said:
        return default
    if not said.isdecimal() or len(said) > 18 or not int(said):
        raise UserError(f"{name} takes a whole number above 0, not {said[:40]!r}: set another one or none.")
    return int(said)


# --- The machine ------------------------------------------------------------------------------------------------------


def machine_memory() -> int:
    """Bytes that all processes here may use together: AECORE_MEMORY, else what the machine has, or the control group
    that this process is in allows."""
    return _from_environment("AECORE_MEMORY", _detected_memory())


@lru_cache(maxsize=1)
def _detected_memory() -> int:
    membership = Path("/proc/self/cgroup")
    groups = membership.read_text() if membership.exists() else ""
    return min(int(psutil.virtual_memory().total), cgroup_limit(groups, CGROUP_ROOT))


def cgroup_limit(groups: str, root: Path) -> int:
    """The least memory limit of the control groups that `groups` (/proc/self/cgroup) names and of those around them,
    mounted at `root`: version 2 or version 1."""
    found = [NO_LIMIT]
    for line in groups.splitlines():
        number, controllers, place = line.split(":", 2)
        if number == "0" and not controllers:
            found += [_lowest_limit(top, place, "memory.max") for top in (root, root / "unified")]
        elif "memory" in controllers.split(","):
            found.append(_lowest_limit(root / "memory", place, "memory.limit_in_bytes"))
    return min(found)


def _lowest_limit(top: Path, group: str, name: str) -> int:
    """The least of the limits from a group up to the top. In a container the path may be the host's, and only the top
    is to be seen."""
    inner = top / group.strip("/")
    levels = [inner, *inner.parents][: len(inner.parts) - len(top.parts) + 1] if ".." not in group else [top]
    said = [(level / name).read_text().strip() for level in levels if (level / name).is_file()]
    return min([int(each) for each in said if each.isdecimal()], default=NO_LIMIT)


def free_memory() -> int:
    """Bytes that nothing uses at this moment, of those that all processes here may use together."""
    process = psutil.Process()
    family = [process, *process.children(recursive=True)]
    used = 0
    for each in family:
        with contextlib.suppress(psutil.Error):  # gone meanwhile
            used += each.memory_info().rss - getattr(each.memory_info(), "shared", 0)
    return min(int(psutil.virtual_memory().available), machine_memory() - used)


def cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def gpus() -> int:
    """How many CUDA devices there are; asks the driver, so that nothing starts in this process."""
    if os.environ.get("AECORE_DEVICE", "cuda").startswith("cuda"):
        import torch

        return torch.cuda.device_count()
    return 0


def training_slots() -> int:
    """How many runs train side by side: AECORE_WORKERS, else one for each GPU, else one for every two cores, four at
    most."""
    asked = os.environ.get("AECORE_WORKERS", "")
    if asked.isdigit():
        return max(1, int(asked))
    return gpus() or max(1, min(4, cores() // 2))


# --- What each may take -----------------------------------------------------------------------------------------------


def max_run_bytes() -> int:
    """Bytes that one training may take: an equal part of the trainings' share for each that goes on side by side."""
    return _from_environment(
        "AECORE_RUN_BYTES", max(MIN_RUN_BYTES, int(TRAINING_SHARE * machine_memory()) // training_slots())
    )


def max_parameters() -> int:
    """Parameters that a network may have: those with which its training alone would fill its memory."""
    return _from_environment("AECORE_MAX_PARAMETERS", max_run_bytes() // BYTES_PER_PARAMETER)


def max_cache_bytes() -> int:
    """Bytes that all caches of a server keep together."""
    return _from_environment("AECORE_CACHE_BYTES", _default_cache_bytes())


def _default_cache_bytes() -> int:
    return max(MIN_CACHE_BYTES, int(CACHE_SHARE * machine_memory()))


@lru_cache(maxsize=1)
def _batch_semaphore() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, int(PAGE_SHARE * machine_memory()) // MAX_BATCH_BYTES))


@contextlib.contextmanager
def batch_memory(n_bytes: int) -> Iterator[None]:
    """Inside, so many bytes may be taken for a batch: of many pages that compute at once, some wait for others."""
    if n_bytes < MAX_BATCH_BYTES // 8:  # the usual network's: there is always room
        yield
    else:
        with _batch_semaphore():
            yield


def batch_size_for(item_bytes: int, max_items: int) -> int:
    """How many items of `item_bytes` each are computed at a time, at least 1 and at most `max_items`."""
    return max(1, min(max_items, MAX_BATCH_BYTES // max(1, item_bytes)))


# --- Refusals ---------------------------------------------------------------------------------------------------------


def format_bytes(n_bytes: float) -> str:
    """A number of bytes for people: `310 MB`, `1.2 GB`, and for hardly any `0 MB`."""
    if n_bytes < 0.05e6:
        return "0 MB"
    return f"{n_bytes / 1e9:.3g} GB" if n_bytes >= 999.5e6 else f"{n_bytes / 1e6:.3g} MB"


def check_layers(n_layers: int) -> None:
    if n_layers > MAX_LAYERS:
        raise TooLarge(
            f"A network may have {MAX_LAYERS} hidden layers at most, not {n_layers:,}: take some off the hidden layers."
        )


def check_parameters(n_parameters: int) -> None:
    if n_parameters > (most := max_parameters()):
        raise TooLarge(
            f"This network would have {n_parameters:,} parameters, and {most:,} are the most on this computer "
            "(AECORE_MAX_PARAMETERS): choose fewer or narrower layers, or a smaller latent dimension."
        )


def check_training(n_bytes: int) -> None:
    """Raises TooLarge for more bytes than a training may take."""
    if n_bytes > (most := max_run_bytes()):
        raise TooLarge(
            f"This training would take about {format_bytes(n_bytes)} of memory, and {format_bytes(most)} are the "
            f"most for a run "
            "on this computer (AECORE_RUN_BYTES): choose a smaller batch size, latent dimension or network."
        )


def check_free_memory(n_bytes: int) -> None:
    """Raises TooLarge for more bytes than are free now; what is small is not asked about."""
    if n_bytes > MIN_CACHE_BYTES and n_bytes > (free := free_memory()):
        raise TooLarge(
            f"This model needs {format_bytes(n_bytes)} of memory, and {format_bytes(max(0, free))} are free on this "
            f"computer "
            "now: try again when others are no longer looked at."
        )


def check_codes(n_samples: int, code_size: int) -> None:
    """Raises TooLarge for the float32 codes of so many samples, held at once."""
    if (count := 4 * n_samples * code_size) > (most := _default_cache_bytes()):
        raise TooLarge(
            f"The codes of {n_samples:,} images of {code_size:,} dimensions each take {format_bytes(count)}, and "
            f"{format_bytes(most)} "
            "are the most on this computer: choose fewer images or a smaller latent dimension."
        )


def check_projection(n_samples: int, code_size: int) -> None:
    """Raises TooLarge for a projection of so many codes, in a process of its own."""
    if (count := PROJECTION_BYTES_PER_VALUE * n_samples * code_size) > (
        most := max(MIN_RUN_BYTES, int(CACHE_SHARE * machine_memory()))
    ):
        raise TooLarge(
            f"A projection of {n_samples:,} codes of {code_size:,} dimensions each takes about {format_bytes(count)} "
            f"of memory, and {format_bytes(most)} are the most on this computer: show fewer points, or use PCA."
        )
