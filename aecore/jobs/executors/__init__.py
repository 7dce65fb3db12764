"""Executors: where the work of a laboratory is done. `EXECUTORS` names them all; another one is another line there.

Work is a `Task`: a function of aecore by name, and JSON to call it with. `start` returns a handle, a text that only
executors can read: the queue, a run's state and the requests for projections store it beside the executor's name, and
any process asks by these two how the work goes (`poll`) or ends it (`kill`). Nothing here imports torch.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from typing import Any, Protocol


@dataclass(frozen=True)
class Task:
    """Work for somewhere else: what to call, and what it needs around it. All of it can be written as JSON."""

    target: str  # "package.module:function", called with `arguments`, the executor's name and the handle
    arguments: Mapping[str, Any]
    log: str = ""  # the file to whose end everything printed goes, where the work has a process of its own
    environment: Mapping[str, str] = field(default_factory=dict)  # set before the target is imported
    oom_score: int = 0  # how soon the system is to end its process when memory runs out (`system.raise_oom_score`)
    niceness: int = 0  # how far it stands back where cores are short (`system.lower_priority`)

    def call(self, executor: str, handle: str) -> None:
        """Does the work here and now."""
        module, _, function = self.target.partition(":")
        getattr(import_module(module), function)(self.arguments, executor, handle)


class Executor(Protocol):
    """What does tasks beside the process that asks. Handles outlive that process: another one may poll and kill."""

    name: str  # its name in EXECUTORS

    def start(self, task: Task) -> str:
        """Has a task done; its handle. Returns at once. Raises OSError when nothing can be started."""

    def poll(self, handle: str) -> str | None:
        """None while a task is being done; else how it ended, as in "ended with code 0"."""

    def kill(self, handle: str) -> None:
        """Ends a task at once; nothing when it has ended already. `poll` says so a moment later."""

    def capacity(self) -> int:
        """How many trainings it does side by side."""


def _fork(warm: bool) -> Executor:
    from aecore.jobs.executors.fork import ForkExecutor

    return ForkExecutor(warm)


def _spawn(warm: bool) -> Executor:
    from aecore.jobs.executors.spawn import SpawnExecutor

    return SpawnExecutor(warm)


# Each is made with `warm`: whether trainings will follow at once, so that what these import is worth importing now.
EXECUTORS: dict[str, Callable[[bool], Executor]] = {"fork": _fork, "spawn": _spawn}

# Who trains: forking is unsafe on macOS, and Windows has none. Projections are asked for by processes that compute, and
# those cannot be forked safely anywhere.
TRAINING_EXECUTOR = "fork" if hasattr(os, "fork") and sys.platform != "darwin" else "spawn"
PROJECTION_EXECUTOR = "spawn"


@cache
def get(name: str) -> Executor:
    """The executor of that name, for asking after handles and for single tasks. KeyError for none."""
    return EXECUTORS[name](False)


def poll(name: str, handle: str) -> str | None:
    """How a task ended, whoever started it; None while it is being done."""
    return get(name).poll(handle) if name in EXECUTORS else f"was started by {name or 'nothing'}, which is not here"


def kill(name: str, handle: str) -> None:
    """Ends a task, whoever started it."""
    if name in EXECUTORS:
        get(name).kill(handle)
