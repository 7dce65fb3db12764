"""Limits: how much memory this machine has, and what a training, a page and all caches may take of it.

Environment variables, all in plain numbers:

    AECORE_MEMORY           bytes to be taken for the machine's memory
    AECORE_RUN_BYTES        bytes that one training may take
    AECORE_MOST_PARAMETERS  parameters that a network may have
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

# of the machine's memory; the rest is for the server itself, maps, files and the system
TRAININGS, CACHES, PAGES = 3 / 8, 1 / 8, 1 / 16
LEAST_RUN, LEAST_CACHES = 512 << 20, 64 << 20  # bytes, whatever the machine
WORKING = 128 << 20  # bytes that a batch on a page may take: what is computed in batches is cut to fit
MOST_LAYERS = 100  # hidden ones: each costs time to build, however narrow
A_PARAMETER = 28  # bytes: its weight and gradient, two moments of Adam, and the first and the last two in a checkpoint
MAP_COPIES = 28  # bytes that a map takes for each number of its codes: as float32, and three times as float64
NO_LIMIT = 1 << 60  # bytes; cgroups that have none say a number like this
CGROUPS = Path("/sys/fs/cgroup")
LARGE = 1024  # numbers in a code above which nothing is computed by a full matrix of all pairs of them


class TooLarge(UserError):
    """More than this machine has memory for."""


def _asked(name: str, default: int) -> int:
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
    return _asked("AECORE_MEMORY", _found())


@lru_cache(maxsize=1)
def _found() -> int:
    membership = Path("/proc/self/cgroup")
    groups = membership.read_text() if membership.exists() else ""
    return min(int(psutil.virtual_memory().total), cgroup_limit(groups, CGROUPS))


def cgroup_limit(groups: str, root: Path) -> int:
    """The least memory limit of the control groups that `groups` (/proc/self/cgroup) names and of those around them,
    mounted at `root`: version 2 or version 1."""
    found = [NO_LIMIT]
    for line in groups.splitlines():
        number, controllers, place = line.split(":", 2)
        if number == "0" and not controllers:
            found += [_lowest(top, place, "memory.max") for top in (root, root / "unified")]
        elif "memory" in controllers.split(","):
            found.append(_lowest(root / "memory", place, "memory.limit_in_bytes"))
    return min(found)


def _lowest(top: Path, place: str, name: str) -> int:
    """The least of the limits from a group up to the top. In a container the path may be the host's, and only the top
    is to be seen."""
    inner = top / place.strip("/")
    levels = [inner, *inner.parents][: len(inner.parts) - len(top.parts) + 1] if ".." not in place else [top]
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


def lanes() -> int:
    """How many runs train side by side: AECORE_WORKERS, else one for each GPU, else one for every two cores, four at
    most."""
    asked = os.environ.get("AECORE_WORKERS", "")
    if asked.isdigit():
        return max(1, int(asked))
    return gpus() or max(1, min(4, cores() // 2))


# --- What each may take -----------------------------------------------------------------------------------------------


def run_bytes() -> int:
    """Bytes that one training may take: an equal part of the trainings' share for each that goes on side by side."""
    return _asked("AECORE_RUN_BYTES", max(LEAST_RUN, int(TRAININGS * machine_memory()) // lanes()))


def most_parameters() -> int:
    """Parameters that a network may have: those with which its training alone would fill its memory."""
    return _asked("AECORE_MOST_PARAMETERS", run_bytes() // A_PARAMETER)


def cache_bytes() -> int:
    """Bytes that all caches of a server keep together."""
    return _asked("AECORE_CACHE_BYTES", _cache_share())


def _cache_share() -> int:
    return max(LEAST_CACHES, int(CACHES * machine_memory()))


@lru_cache(maxsize=1)
def _turns() -> threading.BoundedSemaphore:
    return threading.BoundedSemaphore(max(1, int(PAGES * machine_memory()) // WORKING))


@contextlib.contextmanager
def working(count: int) -> Iterator[None]:
    """Inside, so many bytes may be taken for a batch: of many pages that compute at once, some wait for others."""
    if count < WORKING // 8:  # the usual network's: there is always room
        yield
    else:
        with _turns():
            yield


def at_a_time(each: int, most: int) -> int:
    """How many things of `each` so many bytes are computed at a time, at least 1 and at most `most`."""
    return max(1, min(most, WORKING // max(1, each)))


# --- Refusals ---------------------------------------------------------------------------------------------------------


def in_words(count: float) -> str:
    """A number of bytes for people: `310 MB`, `1.2 GB`, and for hardly any `0 MB`."""
    if count < 0.05e6:
        return "0 MB"
    return f"{count / 1e9:.3g} GB" if count >= 999.5e6 else f"{count / 1e6:.3g} MB"


def check_layers(count: int) -> None:
    if count > MOST_LAYERS:
        raise TooLarge(
            f"A network may have {MOST_LAYERS} hidden layers at most, not {count:,}: take some off the hidden widths."
        )


def check_parameters(count: int) -> None:
    if count > (most := most_parameters()):
        raise TooLarge(
            f"This network would have {count:,} parameters, and {most:,} are the most on this computer "
            "(AECORE_MOST_PARAMETERS): choose fewer or narrower layers, or a smaller latent size."
        )


def check_training(count: int) -> None:
    """Of bytes that a training takes."""
    if count > (most := run_bytes()):
        raise TooLarge(
            f"This training would take about {in_words(count)} of memory, and {in_words(most)} are the most for a run "
            "on this computer (AECORE_RUN_BYTES): choose a smaller batch size, latent size or network."
        )


def check_free(count: int) -> None:
    """Of bytes that are needed at once; what is small is not asked about."""
    if count > LEAST_CACHES and count > (free := free_memory()):
        raise TooLarge(
            f"This model needs {in_words(count)} of memory, and {in_words(max(0, free))} are free on this computer "
            "now: try again when others are no longer looked at."
        )


def check_codes(pictures: int, size: int) -> None:
    """Of codes of so many pictures in float32, held at once."""
    if (count := 4 * pictures * size) > (most := _cache_share()):
        raise TooLarge(
            f"The codes of {pictures:,} images of {size:,} numbers each take {in_words(count)}, and {in_words(most)} "
            "are the most on this computer: choose fewer images or a smaller code."
        )


def check_map(pictures: int, size: int) -> None:
    """Of a map of so many codes, in a process of its own."""
    if (count := MAP_COPIES * pictures * size) > (most := max(LEAST_RUN, int(CACHES * machine_memory()))):
        raise TooLarge(
            f"A map of {pictures:,} codes of {size:,} numbers each takes about {in_words(count)} of memory, and "
            f"{in_words(most)} are the most on this computer: show fewer points, or use PCA."
        )
