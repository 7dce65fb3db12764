"""Opens the laboratory to a room: prints its address and a QR code, then serves the whole network."""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path

import segno

ROOT = Path(__file__).resolve().parent.parent


def room_address() -> str | None:
    """This machine's address in the local network; None when it has none."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))  # connecting a UDP socket sends nothing, it only chooses the way out
        return str(probe.getsockname()[0])
    with contextlib.suppress(OSError):  # no way out of this network: ask our own name
        known = socket.gethostbyname_ex(socket.gethostname())[2]
        return next((address for address in known if not address.startswith("127.")), None)
    return None


def open_port(wanted: int) -> int:
    """`wanted`, or the first port after it that nobody uses."""
    for port in range(wanted, min(wanted + 50, 65_536)):
        with contextlib.suppress(OSError), socket.socket() as probe:
            if os.name == "posix":
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("0.0.0.0", port))
            return port
    raise SystemExit(f"No free port from {wanted} on; choose another: make classroom PORT=9000")


def poster(url: str) -> str:
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
    address = given.address or room_address()
    if address is None:
        print(
            "This machine is in no network: join the room's one, or name the address with --address.",
            file=sys.stderr,
        )
        return 1
    port = open_port(given.port)
    url = f"http://{address}:{port}"
    print(poster(url))
    segno.make(url, error="m").terminal(compact=True)
    sys.stdout.flush()
    if given.dry_run:
        return 0
    command = [
        sys.executable,
        "-m",
        "streamlit",
        "run",
        "app.py",
        "--server.port",
        str(port),
        "--server.headless",
        "true",
    ]
    command += ["--server.address", "0.0.0.0", "--browser.serverAddress", address]
    os.chdir(ROOT)
    if os.name == "posix":
        os.execv(command[0], command)  # the server takes our place, so that signals reach it
    return subprocess.call(command)


if __name__ == "__main__":
    sys.exit(main())
