"""Opens the laboratory to a room: prints its address and a QR code, serves the whole network under that address, and
starts the server again when it dies."""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import segno

ROOT = Path(__file__).resolve().parent.parent
SIGNALS = [signal.SIGINT, signal.SIGTERM, *([signal.SIGHUP] if os.name == "posix" else [])]
MIN_UPTIME = 20.0  # seconds: a server that ends sooner has hardly served
BACKOFF = (1.0, 1.0, 2.0, 4.0, 8.0)  # seconds before a start, by the early ends before it; after as many we give up


def lan_address() -> str | None:
    """This machine's address in the local network; None when it has none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # connecting a UDP socket sends nothing, it only chooses the way out
        return str(probe.getsockname()[0])
    with contextlib.suppress(OSError):  # no way out of this network: ask our own name
        known = socket.gethostbyname_ex(socket.gethostname())[2]
        return next((address for address in known if not address.startswith("127.")), None)
    return None


def find_port(first: int) -> int:
    """`first`, or the next port after it that nobody uses."""
    for port in range(first, min(first + 50, 65_536)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("0.0.0.0", port))
            return port
    raise SystemExit(f"No free port from {first} on; choose another: make classroom PORT=9000")


def banner(url: str) -> str:
    """What the terminal shows to the room."""
    line = "═" * (len(url) + 10)
    return (
        f"\n  ╔{line}╗\n  ║{' ' * len(line)}║\n  ║     {url}     ║\n  ║{' ' * len(line)}║\n  ╚{line}╝\n\n"
        "  Everybody on this network can open it and see each other's runs. If a device cannot reach it,\n"
        "  put it on the same network (not a guest one), and let Python through this machine's firewall.\n"
    )


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tools.classroom", description=__doc__)
    parser.add_argument("--port", type=int, default=8501, help="the first port to try (default: %(default)s)")
    parser.add_argument("--address", help="this machine's address or name in the room, if the one found is wrong")
    parser.add_argument("--dry-run", action="store_true", help="print the address and the code, and end")
    given = parser.parse_args()
    address = given.address or lan_address()
    if address is None:
        print(
            "This machine is in no network: join the room's one, or name the address with --address.",
            file=sys.stderr,
        )
        return 1
    port = find_port(given.port)
    url = f"http://{address}:{port}"
    print(banner(url))
    segno.make(url, error="m").terminal(compact=True)
    sys.stdout.flush()
    if given.dry_run:
        return 0
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless", "true"]
    command += ["--server.address", "0.0.0.0", "--server.port", str(port)]
    command += ["--browser.serverAddress", address, "--server.allowedHosts", socket.gethostname()]
    return Supervisor(command, f"is port {port} taken? Choose another: make classroom PORT={port + 1}").run()


class Supervisor:
    """Keeps a server running: starts it again when it dies, until it is itself told to stop."""

    def __init__(self, command: list[str], hint: str) -> None:
        self.command, self.hint = command, hint
        self.stop_signal = 0  # the signal that told us to
        self.server: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """The status to end with: 0 when told to stop, 1 when the server does not stay."""
        for sign in SIGNALS:
            signal.signal(sign, self._stop)
        early = 0
        while not self.stop_signal:
            began = time.monotonic()
            status = self._serve()
            if self.stop_signal:
                break
            early = early + 1 if time.monotonic() - began < MIN_UPTIME else 0
            if early == len(BACKOFF):
                print(
                    f"The server ended at once {early} times in a row ({exit_message(status)}): {self.hint}",
                    file=sys.stderr,
                )
                return 1
            pause = BACKOFF[early]
            print(
                f"The server ended ({exit_message(status)}); it starts again in {pause:g} s.",
                file=sys.stderr,
                flush=True,
            )
            self._wait(pause)
        return 0

    def _serve(self) -> int:
        """Runs the server until it ends; its status."""
        if os.name == "posix":  # a group of its own: Ctrl+C in the terminal reaches us alone, and we pass it on once
            self.server = subprocess.Popen(self.command, cwd=ROOT, process_group=0, preexec_fn=_terminate_with_parent())
        else:
            self.server = subprocess.Popen(self.command, cwd=ROOT)
        if self.stop_signal:  # while it was being started
            self._forward_signal()
        return self.server.wait()

    def _wait(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self.stop_signal and time.monotonic() < until:
            time.sleep(0.05)

    def _stop(self, sign: int, _frame: object) -> None:
        self.stop_signal = sign
        self._forward_signal()

    def _forward_signal(self) -> None:
        if self.server and os.name == "posix":  # elsewhere the console tells both
            self.server.terminate()


def exit_message(status: int) -> str:
    """How a process ended, in words."""
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"status {status}"


def _terminate_with_parent() -> Callable[[], None] | None:
    """What a new process does first, so that it is told to end when we are killed; only Linux can."""
    if sys.platform != "linux":
        return None
    control, parent = ctypes.CDLL(None).prctl, os.getpid()

    def tie() -> None:
        control(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
        if os.getppid() != parent:
            os._exit(1)

    return tie


if __name__ == "__main__":
    sys.exit(main())
