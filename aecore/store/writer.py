"""The folder of a run in the making, as whoever trains it writes it."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import Timeout

from aecore import disk, files, system
from aecore.config import Config
from aecore.errors import UserError
from aecore.files import atomic_write
from aecore.store import runs
from aecore.store.history import history
from aecore.store.run_info import STATE_AFTER, Command, State


def stop_message(command: Command, epoch: int, epochs: int) -> str:
    """What is said of a run that came to rest by an order."""
    return f"{STATE_AFTER[command].capitalize()} after {epoch} of {epochs} epochs."


class RunWriter:
    """The folder of a run in the making. Inside `with` it holds the run's lock against other processes. A worker gives
    the name of its executor and its handle, by which others find it."""

    def __init__(self, config: Config, executor: str = "", handle: str = "") -> None:
        self.config, self.executor, self.handle = config, executor, handle
        with disk.user_errors("A run cannot be kept"):
            self.run_dir = disk.internal_dir(config.id)
            self.lock = runs.run_lock(config.id)
        self.state_fields = self._read_state()

    def __enter__(self) -> RunWriter:
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise runs.AlreadyTraining(
                f"{self.config.id} is already being trained; wait for it, or stop it first."
            ) from None
        self._remove_partial_files()
        atomic_write(self.run_dir / "request.json", json.dumps(self.config.to_json()), use_reserve=True)
        return self

    def __exit__(self, *_: object) -> None:
        disk.remove(self.run_dir / "command")  # meant for this training, not for the next
        self.lock.release()

    # What is said of it

    def set_state(self, state: State, **fields: Any) -> None:
        """Writes state.json: where the run stands, and who works on it. How far it is can wait for room on the disk;
        all else is vital."""
        self.state_fields |= {
            "state": state,
            "executor": self.executor,
            "handle": self.handle,
            "updated_at": time.time(),
        } | fields
        atomic_write(
            self.run_dir / runs.STATE_FILE, json.dumps(self.state_fields), use_reserve=set(fields) != {"progress"}
        )

    @property
    def state(self) -> State | None:
        """What state the folder is in; None when nothing was said."""
        if (self.run_dir / "config.json").exists():
            return "finished"
        state: State | None = self._read_state().get("state")
        return state

    def _read_state(self) -> dict[str, Any]:
        """What state.json holds; nothing when there is none, or a spoilt one, which the next word replaces."""
        return runs.read_state(self.config.id)

    def request(self) -> None:
        """Leaves the request for a worker to take up; what it has learnt so far stays."""
        disk.remove(self.run_dir / "command")
        atomic_write(self.run_dir / "request.json", json.dumps(self.config.to_json()))
        self.set_state("waiting", message="", fallback_device="", log="")

    def set_stopped(self, command: Command) -> None:
        """Says that the run came to rest by an order."""
        disk.remove(self.run_dir / "command")
        done = self.state_fields.get("progress", {}).get("epoch", 0)
        self.set_state(STATE_AFTER[command], message=stop_message(command, done, self.config.total_epochs))

    # Orders to its worker

    def send_command(self, command: Command) -> None:
        atomic_write(self.run_dir / "command", command, use_reserve=True)

    @property
    def command(self) -> tuple[Command, float] | None:
        """An order to come to rest, and when it was given (seconds since 1970)."""
        file = self.run_dir / "command"
        try:
            order, given = files.read_bytes(file, 100), file.stat().st_mtime
        except (FileNotFoundError, UserError):  # what is no file is no order
            return None
        return ("pause" if order == b"pause" else "stop"), given

    # What it has learnt

    @property
    def checkpoint(self) -> Path:
        return self.run_dir / runs.CHECKPOINT_FILE

    def checkpoint_version(self) -> int:
        """Which checkpoint there is: a number that every new one changes; 0 for none."""
        try:
            return self.checkpoint.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def add_epoch(self, line: Mapping[str, Any]) -> None:
        files.append(self.run_dir / "history.jsonl", json.dumps(line) + "\n")

    def save_checkpoint(self, checkpoint: bytes) -> None:
        """Writes the checkpoint; what of the history it stands on is on the disk before it."""
        with contextlib.suppress(FileNotFoundError), open(self.run_dir / "history.jsonl", "rb+") as stream:
            os.fsync(stream.fileno())
        atomic_write(self.checkpoint, checkpoint, durable=True)

    def truncate_history(self, epoch: int) -> None:
        """Forgets what was noted after so many epochs: training goes on from there."""
        if not epoch:
            (self.run_dir / "preview.png").unlink(missing_ok=True)
        kept = [line for line in history(self.config.id) if line["epoch"] <= epoch]
        atomic_write(self.run_dir / "history.jsonl", "".join(json.dumps(line) + "\n" for line in kept))

    def tail_log(self, max_bytes: int = 3000) -> str:
        """The end of what its processes printed."""
        try:
            return files.read_tail(self.run_dir / "log.txt", max_bytes)
        except UserError as error:
            return str(error)

    def finish(
        self, weights: bytes, result: Mapping[str, Any], thumbnail: bytes, auxiliary: bytes | None = None
    ) -> None:
        """Makes the folder complete: config.json comes last."""
        kept = {runs.WEIGHTS_FILE: weights} | ({runs.AUXILIARY_FILE: auxiliary} if auxiliary else {})
        for name, content in kept.items():
            atomic_write(self.run_dir / name, content, durable=True)
        result = {**result, "sha256": {name: hashlib.sha256(each).hexdigest() for name, each in kept.items()}}
        atomic_write(self.run_dir / "thumbnail.png", thumbnail)
        atomic_write(self.run_dir / "result.json", json.dumps(result, indent=1), durable=True)
        atomic_write(self.run_dir / "config.json", json.dumps(self.config.to_json(), indent=1), durable=True)
        self.cleanup()

    def cleanup(self) -> None:
        """Removes what only a run in the making needs."""
        names = ("request.json", runs.STATE_FILE, "log.txt", "command", runs.CHECKPOINT_FILE)
        for name in (*names, runs.LIVE_FILE, runs.WATCHED_FILE):
            (self.run_dir / name).unlink(missing_ok=True)
        self._remove_partial_files()

    def _remove_partial_files(self) -> None:
        """Removes what killed processes were writing; not what somebody writes at this moment."""
        for half in self.run_dir.rglob(".*"):
            writer = half.name.split("-")[-2:-1]  # as files.write names it
            if not (writer and writer[0].isdecimal() and system.pid_exists(int(writer[0]))):
                with contextlib.suppress(OSError):
                    disk.remove(half)
