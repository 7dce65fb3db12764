"""The store of runs: a folder each, in `runs/` (ours) and `pretrained/` (the gallery).

    config.json          the settings; written last, so a folder that has it is complete
    weights.safetensors  the model
    result.json          seconds, parameters, losses
    history.jsonl        one line an epoch
    thumbnail.png        a small map of decoded codes
    request.json, state.json, strip.png, stop    while it trains

Nothing here imports torch: the first screen lists runs without it.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

import psutil
from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open

from aecore.config import Config
from aecore.errors import UserError

GALLERY = Path(__file__).resolve().parent.parent / "pretrained"
ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}")

State = Literal["finished", "training", "waiting", "stopped", "failed", "broken"]


class UnknownRun(UserError):
    """No run of that name."""


class AlreadyTraining(UserError):
    """Another process trains these settings at this moment."""


def folder() -> Path:
    """Where runs are kept: AECORE_RUNS, else `runs` in the current folder."""
    return Path(os.environ.get("AECORE_RUNS") or "runs")


def path(run: str) -> Path:
    """The folder of a run, ours before the gallery's; where it would be when there is none."""
    if not ID.fullmatch(run):
        raise UnknownRun(f"There is no run called {run[:80]!r}; pick one from the list.")
    ours = folder() / run
    return GALLERY / run if not ours.exists() and (GALLERY / run).exists() else ours


def write(file: Path, content: bytes | str) -> None:
    """Writes a file whole or not at all: readers see the old content or the new, never half."""
    data = content.encode() if isinstance(content, str) else content
    temporary = file.with_name(f".{file.name}-{uuid.uuid4().hex}")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, file)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def read_json(file: Path) -> Any:
    """What a JSON file holds; None when there is no such file. Raises UserError when it is not JSON."""
    try:
        return json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise UserError(f"{file.name} cannot be read ({error}); delete the run's folder {file.parent}.") from None


@dataclass(frozen=True)
class Entry:
    """One folder of the store, as a list shows it."""

    id: str
    state: State
    config: Config | None = None  # None only when broken
    result: Mapping[str, Any] = field(default_factory=dict)  # filled when finished
    progress: Mapping[str, Any] = field(default_factory=dict)  # filled while it trains
    reason: str = ""  # why it is broken, failed or stopped: one sentence
    offer: str = ""  # a device to try instead, when this one gave up
    gallery: bool = False
    created: float = 0.0  # seconds since 1970

    @property
    def finished(self) -> bool:
        return self.state == "finished"

    @property
    def moving(self) -> bool:
        return self.state in ("training", "waiting")


def entry(run: str) -> Entry:
    """What there is of a run; UnknownRun when there is nothing. A spoilt folder is an entry that says why."""
    place = path(run)
    if not place.is_dir():
        raise UnknownRun(f"There is no run called {run}; deleted, or of another laboratory: pick one from the list.")
    try:
        stamp = (place / "config.json").stat().st_mtime_ns
    except OSError:
        return _unfinished(place)
    return _finished(place, stamp)


@lru_cache(maxsize=2048)
def _finished(place: Path, stamp: int) -> Entry:
    """A folder with a config.json; remembered until that file changes (`stamp`)."""
    gallery, created = place.parent == GALLERY, stamp / 1e9
    try:
        config = Config.from_json(read_json(place / "config.json"))
        result = read_json(place / "result.json")
        if not isinstance(result, dict):
            raise UserError("result.json is missing.")
        if config.id != place.name:
            raise UserError("The folder's name does not belong to the settings in it.")
        check_weights(place)
    except UserError as error:
        return Entry(place.name, "broken", reason=str(error), gallery=gallery, created=created)
    if isinstance(result.get("created"), float):
        created = result["created"]
    return Entry(place.name, "finished", config, result, gallery=gallery, created=created)


def check_weights(place: Path) -> None:
    """Raises UserError when the weights are missing or cut short; reads the header only."""
    try:
        with safe_open(place / "weights.safetensors", framework="numpy"):
            pass
    except FileNotFoundError:
        raise UserError("weights.safetensors is missing.") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"weights.safetensors is damaged or cut short ({error}).") from None


def _unfinished(place: Path) -> Entry:
    try:
        request, state = read_json(place / "request.json"), read_json(place / "state.json")
        if request is None or not isinstance(state, dict):
            raise UserError(
                "It has no config.json: it was not written by this laboratory, or was cut off at the start."
            )
        if state.get("state") not in get_args(State) or not isinstance(state.get("time"), float):
            raise UserError("Its state.json was not written by this laboratory; delete the folder.")
        config = Config.from_json(request)
    except UserError as error:
        return Entry(place.name, "broken", reason=str(error))
    said, reason = state["state"], state.get("reason", "")
    if said in ("training", "waiting") and not _alive(state):
        said, reason = "stopped", "Its process ended before it was done; train again to start over."
    return Entry(
        place.name,
        said,
        config,
        {},
        state.get("progress", {}),
        reason,
        state.get("offer", ""),
        False,
        state.get("time", 0.0),
    )


def _alive(state: Mapping[str, Any]) -> bool:
    """Whether the process that wrote a state still runs; its birth tells it from a later namesake."""
    try:
        return abs(psutil.Process(state["pid"]).create_time() - state["born"]) < 1
    except (psutil.Error, KeyError, TypeError, ValueError):
        return False


def entries() -> list[Entry]:
    """Every run, newest first, the gallery last."""
    ours = _entries(_folders(folder()))
    gallery = _entries(each for each in _folders(GALLERY) if not (folder() / each.name).exists())
    return sorted(ours, key=lambda e: -e.created) + sorted(gallery, key=lambda e: e.id)


def _entries(places: Iterable[Path]) -> Iterator[Entry]:
    for place in places:
        with contextlib.suppress(UnknownRun):  # deleted at this moment
            yield entry(place.name)


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from (each for each in sorted(place.iterdir()) if each.is_dir() and ID.fullmatch(each.name))


def history(run: str) -> list[dict[str, Any]]:
    """One dictionary an epoch: `epoch`, `seconds`, `train`, `validation` (loss parts, nats per picture)."""
    try:
        lines = (path(run) / "history.jsonl").read_text().split("\n")[:-1]
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in lines]  # what follows the last newline is half written at this moment


class Draft:
    """The folder of a run in the making. Inside `with` it holds the run's lock against other processes."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.place = folder() / config.id
        self.place.mkdir(parents=True, exist_ok=True)
        locks = folder() / ".locks"
        locks.mkdir(exist_ok=True)
        self.lock = FileLock(str(locks / config.id))
        self.state: dict[str, Any] = {}

    def __enter__(self) -> Draft:
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyTraining(
                f"{self.config.id} is already being trained; wait for it, or stop it first."
            ) from None
        for name in ("history.jsonl", "strip.png"):
            (self.place / name).unlink(missing_ok=True)
        write(self.place / "request.json", json.dumps(self.config.to_json()))
        return self

    def __exit__(self, *_: object) -> None:
        (self.place / "stop").unlink(missing_ok=True)  # meant for this training, not for the next
        self.lock.release()

    def say(self, state: State, pid: int | None = None, **more: Any) -> None:
        """Writes state.json: where the run stands, and which process (this one) answers for it."""
        process = psutil.Process(pid)
        self.state |= {
            "state": state,
            "pid": process.pid,
            "born": process.create_time(),
            "time": time.time(),
        } | more
        write(self.place / "state.json", json.dumps(self.state))

    def wait(self, pid: int) -> None:
        """Leaves the request for process `pid` to take up."""
        (self.place / "stop").unlink(missing_ok=True)
        write(self.place / "request.json", json.dumps(self.config.to_json()))
        self.say("waiting", pid)

    def add_epoch(self, line: Mapping[str, Any]) -> None:
        with open(self.place / "history.jsonl", "a") as stream:
            stream.write(json.dumps(line) + "\n")

    def ask_stop(self) -> None:
        write(self.place / "stop", b"")

    @property
    def stop_asked(self) -> bool:
        return (self.place / "stop").exists()

    def finish(self, weights: bytes, result: Mapping[str, Any], thumbnail: bytes) -> None:
        """Makes the folder complete: config.json comes last."""
        write(self.place / "weights.safetensors", weights)
        write(self.place / "thumbnail.png", thumbnail)
        write(self.place / "result.json", json.dumps(result, indent=1))
        write(self.place / "config.json", json.dumps(self.config.to_json(), indent=1))
        for name in ("request.json", "state.json", "stop"):
            (self.place / name).unlink(missing_ok=True)
