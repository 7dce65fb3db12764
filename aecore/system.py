"""Which process is meant: its number and its birth, since numbers are given again."""

from __future__ import annotations

import contextlib
import functools
import os
import time
from pathlib import Path

import psutil

# Which of our processes the system is to end first when memory runs out: points on top of what each one uses, in
# thousandths of all memory. A projection is soon computed again, and a training goes on from its checkpoint.
OOM_SCORE_PROJECTION, OOM_SCORE_TRAINING = 800, 500

# How far our processes stand back behind the pages where cores are short, added to the niceness of who starts them: 5
# gives a page three times the time of a training, and takes nothing from it while a core is free. Projections that
# nobody has asked for yet stand back behind both.
NICENESS_TRAINING, NICENESS_PROJECTION, NICENESS_PRECOMPUTED = 5, 5, 10


def start_time(pid: int | None = None) -> float:
    """When a process began (this one, when none is named), in seconds; psutil.NoSuchProcess when there is none.

    On Linux since the machine started. A time of day there is that plus the hour of the start, which moves with every
    correction of the clock, in whole seconds: a living process would seem to be another one.
    """
    pid = os.getpid() if pid is None else pid
    if not psutil.LINUX:
        return psutil.Process(pid).create_time()
    try:
        after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        raise psutil.NoSuchProcess(pid) from None
    except PermissionError:
        raise psutil.AccessDenied(pid) from None
    return int(after_name[19]) / os.sysconf("SC_CLK_TCK")


def raise_oom_score(score: int) -> None:
    """Has the system end this process before others when memory runs out (Linux); it may be told so once more, and
    never less."""
    file = Path("/proc/self/oom_score_adj")
    with contextlib.suppress(OSError):  # no Linux, or a container that forbids it: then the system chooses by size
        if int(file.read_text()) < score:
            file.write_text(str(score))


def lower_priority(by: int) -> None:
    """Lets others go first where cores are short: adds to this process's niceness, on Windows takes the class below the
    normal one. There is no way back."""
    process = psutil.Process()
    with contextlib.suppress(psutil.Error):
        process.nice(min(19, process.nice() + by) if psutil.POSIX else psutil.BELOW_NORMAL_PRIORITY_CLASS)


def is_alive(pid: int | None, started_at: float | None) -> bool:
    """Whether a process still runs; its birth tells it from a later namesake."""
    if pid is None or started_at is None:
        return False
    try:
        return abs(start_time(pid) - started_at) < 0.5 and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, TypeError, ValueError, OverflowError):  # gone, or no number of a process at all
        return False


def uptime() -> float:
    """Seconds since the machine started, those asleep included where the system counts them. No correction of the clock
    moves it, and it is the same in all processes."""
    return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()


@functools.lru_cache(maxsize=1)
def boot_id() -> str:
    """Which start of the machine this is; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def pid_exists(pid: int) -> bool:
    """Whether a process of this number runs, whichever it is."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, ValueError, OverflowError):
        return False
