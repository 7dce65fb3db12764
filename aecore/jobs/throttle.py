"""What a training does beside its steps, and how it stands still: not too often, and when the disk is full."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from aecore import disk
from aecore.store.writer import RunWriter

WriteFunction = Callable[..., None]  # calls a function with what it is given, when there is room for what it writes


class Throttle:
    """Something done beside the training again and again: not more often than every `interval` seconds, and in all for
    no longer than `budget` seconds and a `max_share` of the time since. The first is due after `delay` seconds."""

    def __init__(self, delay: float, interval: float, budget: float, max_share: float) -> None:
        self.interval, self.budget, self.max_share = interval, budget, max_share
        self.started_at, self.time_spent, self.calls = time.monotonic(), 0.0, 0
        self.next_call = self.started_at + delay

    def call(self, function: Callable[[], None], force: bool = False) -> None:
        """Does it when it is due."""
        now = time.monotonic()
        if force or (
            now >= self.next_call and self.time_spent <= self.budget + self.max_share * (now - self.started_at)
        ):
            function()
            # the first one finds everything cold, and says nothing of those to come
            self.time_spent += time.monotonic() - now if self.calls else 0
            self.calls, self.next_call = self.calls + 1, now + self.interval


class StopRequested(Exception):
    """A command to stop was given while a training stood still."""


def write_now(write: Callable[..., None], *args: Any, **kwargs: Any) -> None:
    write(*args, **kwargs)


class RetryWhenDiskFull:
    """Writes what a training has to write, and waits while the disk has no room for it. Raises StopRequested when the
    run is to stop meanwhile."""

    RETRY_EVERY = 0.5  # seconds between two tries

    def __init__(self, writer: RunWriter) -> None:
        self.writer = writer

    def __call__(self, write: Callable[..., None], *args: Any, **kwargs: Any) -> None:
        message = self.writer.state_fields.get("message", "")
        waiting = False
        while True:
            try:
                write(*args, **kwargs)
                break
            except OSError as error:
                if error.errno not in disk.DISK_FULL_ERRNOS:
                    raise
            if not waiting:
                self.writer.set_state("training", message="The disk is full: it goes on as soon as there is room.")
                waiting = True
            if self.writer.command:
                raise StopRequested
            time.sleep(self.RETRY_EVERY)
        if waiting:
            self.writer.set_state("training", message=message)
