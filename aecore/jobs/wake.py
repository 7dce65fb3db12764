"""How the scheduler is woken."""

from __future__ import annotations

import contextlib
import signal
import socket


class WakeSocket:
    """What the scheduler hears: a byte on a port of this machine, or the end of a child."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]
        if hasattr(signal, "SIGCHLD"):
            signal.signal(signal.SIGCHLD, lambda *_: self.notify())

    def notify(self) -> None:
        self.socket.sendto(b"!", ("127.0.0.1", self.port))

    def wait(self, seconds: float) -> None:
        self.socket.settimeout(seconds)
        with contextlib.suppress(TimeoutError):
            self.socket.recv(16)
            self.socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while self.socket.recv(16):  # notified more than once: looked once
                    pass
