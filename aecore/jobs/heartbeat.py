"""The sign of life of a training: its run's state.json is touched again and again, whatever the training does.

The file's modification time counts (`runs.HEARTBEAT_TIMEOUT`): setting it needs no room on the disk, disturbs no
writer, and is seen wherever the folder is, by processes that know nothing of each other.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

INTERVAL = 2.0  # seconds


@contextlib.contextmanager
def heartbeat(file: Path) -> Iterator[None]:
    """Touches a file every INTERVAL seconds, from a thread, as long as this lasts."""
    stop = threading.Event()

    def beat() -> None:
        while not stop.wait(INTERVAL):
            with contextlib.suppress(OSError):  # not there yet, or not any more
                os.utime(file, follow_symlinks=False)

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
