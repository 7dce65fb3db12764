"""The store of runs: a folder each, in `runs/` (ours) and `pretrained/` (the gallery).

    config.json          the settings; written last, so a folder that has it is complete
    weights.safetensors  the model
    adversary.safetensors    what only its training needed, where it did
    result.json          seconds, parameters, losses
    history.jsonl        one line an epoch
    thumbnail.png        a small map of decoded codes
    label.json           whose it is and what they call it (the database's copy counts while it can be read)
    snapshots/           what the model made of some pictures while it learnt
    request.json, state.json, checkpoint.safetensors, strip.png, log.txt, order    until it is finished

Nothing here imports torch: the first screen lists runs without it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, get_args

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open

from aecore import disk, files, ledger, processes
from aecore.config import Config
from aecore.errors import UserError
from aecore.exhibits import EXHIBITS
from aecore.files import folder as folder
from aecore.files import read_json
from aecore.files import write as write

GALLERY = Path(__file__).resolve().parent.parent / "pretrained"
ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,120}")

State = Literal["finished", "training", "waiting", "paused", "stopped", "failed", "broken"]
Order = Literal["stop", "pause"]
RESTS: dict[Order, State] = {"stop": "stopped", "pause": "paused"}
AT_REST: tuple[State, ...] = ("finished", "failed", *RESTS.values())  # nobody trains it until it is asked for again
WEIGHTS, ADVERSARY = "weights.safetensors", "adversary.safetensors"
CHECKPOINT = "checkpoint.safetensors"
LABEL, DELETED = "label.json", "deleted.json"


class UnknownRun(UserError):
    """No run of that name."""


class AlreadyTraining(UserError):
    """Another process trains these settings at this moment."""


def path(run: str) -> Path:
    """The folder of a run, ours before the gallery's; where it would be when there is none."""
    if not ID.fullmatch(run):
        raise UnknownRun(f"There is no run called {run[:80]!r}; pick one from the list.")
    ours = folder() / run
    return GALLERY / run if not ours.exists() and (GALLERY / run).exists() else ours


@dataclass(frozen=True)
class Entry:
    """One folder of the store, as a list shows it."""

    id: str
    state: State
    config: Config | None = None  # None only when broken
    result: Mapping[str, Any] = field(default_factory=dict)  # filled when finished
    progress: Mapping[str, Any] = field(default_factory=dict)  # filled while it trains
    reason: str = ""  # why it is broken, failed or at rest: one sentence
    offer: str = ""  # a device to try instead, when this one gave up
    log: str = ""  # the end of what its process printed, when that failed
    diverged: bool = False  # whether it failed because its loss was no longer a number
    kept: bool = False  # whether there is a checkpoint to go on from
    gallery: bool = False
    created: float = 0.0  # seconds since 1970

    @property
    def finished(self) -> bool:
        return self.state == "finished"

    @property
    def title(self) -> str:
        """What the gallery calls it; empty for a run of ours."""
        return str(self.result.get("exhibit", {}).get("title", ""))

    @property
    def moving(self) -> bool:
        return self.state in ("training", "waiting")


def entry(run: str) -> Entry:
    """What there is of a run; UnknownRun when there is nothing. A spoilt folder is an entry that says why."""
    place = path(run)
    if not place.is_dir():
        raise UnknownRun(f"There is no run called {run}; deleted, or of another laboratory: pick one from the list.")
    found = _stamp(place)
    if found is None:
        unfinished = _unfinished(place)
        found = _stamp(place)  # it may have been finished while we looked
        if found is None:
            return unfinished
    return _finished(place, found)


def _stamp(place: Path) -> int | None:
    """When a folder became complete, None when it is not."""
    try:
        return (place / "config.json").stat().st_mtime_ns
    except OSError:
        return None


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


def check_unchanged(run: str, name: str) -> None:
    """Raises UserError when a file of a finished run is missing, or not the one whose checksum its result holds."""
    said, file = entry(run).result.get("sha256", {}).get(name), path(run) / name
    if said and not file.exists():
        raise UserError(f"{name} of {run} is missing; delete the folder, or fetch it again.")
    if said and said != files.checksum(file):
        raise UserError(
            f"{name} of {run} was changed or cut short (its checksum is not the one in result.json), so it is not "
            "used; delete the folder, or fetch it again."
        )


def _unfinished(place: Path) -> Entry:
    job = ledger.job(place.name)  # before the state, which says how it came to rest when there is none any more
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
    if job:
        said = "training" if job.state == "running" else "waiting"
    elif said in ("training", "waiting") and not processes.alive(state.get("pid"), state.get("born")):
        said, reason = "stopped", "Its process ended before it was done."
    return Entry(
        place.name,
        said,
        config,
        progress=state.get("progress", {}),
        reason=reason,
        offer=state.get("offer", ""),
        log=state.get("log", ""),
        diverged=bool(state.get("diverged")),
        kept=(place / CHECKPOINT).exists(),
        created=state["time"],
    )


def entries() -> list[Entry]:
    """Every run, newest first, the gallery last."""
    ours = _entries(_folders(folder()))
    exhibits = (each for each in _folders(GALLERY) if (each / "config.json").exists())  # not all there is are runs
    gallery = _entries(each for each in exhibits if not (folder() / each.name).exists())
    return sorted(ours, key=lambda e: -e.created) + sorted(gallery, key=_turn)


def _turn(entry: Entry) -> int:
    """The place of an exhibit in the gallery."""
    name = entry.result.get("exhibit", {}).get("name")
    return list(EXHIBITS).index(name) if name in EXHIBITS else len(EXHIBITS)


def _entries(places: Iterable[Path]) -> Iterator[Entry]:
    for place in places:
        with contextlib.suppress(UnknownRun):  # deleted at this moment
            yield entry(place.name)


def _folders(place: Path) -> Iterator[Path]:
    if place.is_dir():
        yield from (each for each in sorted(place.iterdir()) if each.is_dir() and ID.fullmatch(each.name))


def kept_label(run: str) -> dict[str, str | None]:
    """Whose a run is and what it is called, as its folder says: `owner`, `owner_name`, `name`."""
    with contextlib.suppress(UserError):
        said = read_json(path(run) / LABEL)
        if isinstance(said, dict):
            return {key: value for key, value in said.items() if value is None or isinstance(value, str)}
    return {}


def kept_state(run: str) -> dict[str, Any]:
    """What a run's state.json says; nothing when there is none, or a spoilt one."""
    with contextlib.suppress(UserError):
        said = read_json(path(run) / "state.json")
        return said if isinstance(said, dict) else {}
    return {}


def history(run: str) -> list[dict[str, Any]]:
    """One dictionary an epoch: `epoch`, `seconds`, `train`, `validation` (loss parts, nats per picture), `vitals` (what
    vitals.py notes). Everybody gets the same ones: read them, never write into them."""
    file = path(run) / "history.jsonl"
    try:
        found = file.stat()
        return list(_history(file, found.st_mtime_ns, found.st_size))
    except FileNotFoundError:
        return []


@lru_cache(maxsize=16)  # of a thousand epochs with their vitals 5 MB each
def _history(file: Path, stamp: int, size: int) -> Sequence[dict[str, Any]]:
    lines = file.read_text().split("\n")[:-1]
    return tuple(json.loads(line) for line in lines)  # what follows the last newline is half written at this moment


def rest(order: Order, epoch: int, epochs: int) -> str:
    """What is said of a run that came to rest by an order."""
    return f"{RESTS[order].capitalize()} after {epoch} of {epochs} epochs."


class Draft:
    """The folder of a run in the making. Inside `with` it holds the run's lock against other processes."""

    def __init__(self, config: Config) -> None:
        self.config = config
        with disk.explained("A run cannot be kept"):
            self.place = disk.inner(config.id)
            self.lock = FileLock(str(disk.inner(".locks") / config.id))
        self.state = self._state()

    def __enter__(self) -> Draft:
        try:
            self.lock.acquire(timeout=0)
        except Timeout:
            raise AlreadyTraining(
                f"{self.config.id} is already being trained; wait for it, or stop it first."
            ) from None
        self._sweep()
        write(self.place / "request.json", json.dumps(self.config.to_json()), vital=True)
        return self

    def __exit__(self, *_: object) -> None:
        (self.place / "order").unlink(missing_ok=True)  # meant for this training, not for the next
        self.lock.release()

    # What is said of it

    def say(self, state: State, **more: Any) -> None:
        """Writes state.json: where the run stands, and that this process answers for it. How far it is can wait for
        room on the disk; all else is vital."""
        self.state |= {
            "state": state,
            "pid": os.getpid(),
            "born": processes.born(),
            "time": time.time(),
        } | more
        write(self.place / "state.json", json.dumps(self.state), vital=set(more) != {"progress"})

    @property
    def said(self) -> State | None:
        """What state the folder is in; None when nothing was said."""
        if (self.place / "config.json").exists():
            return "finished"
        state: State | None = self._state().get("state")
        return state

    def _state(self) -> dict[str, Any]:
        """What state.json holds; nothing when there is none, or a spoilt one, which the next word replaces."""
        return kept_state(self.config.id)

    def ask(self) -> None:
        """Leaves the request for a worker to take up; what it has learnt so far stays."""
        (self.place / "order").unlink(missing_ok=True)
        write(self.place / "request.json", json.dumps(self.config.to_json()))
        self.say("waiting", reason="", offer="", log="")

    def rest(self, order: Order) -> None:
        """Says that the run came to rest by an order."""
        (self.place / "order").unlink(missing_ok=True)
        done = self.state.get("progress", {}).get("epoch", 0)
        self.say(RESTS[order], reason=rest(order, done, self.config.epochs))

    # Orders to its worker

    def order(self, order: Order) -> None:
        write(self.place / "order", order, vital=True)

    @property
    def ordered(self) -> tuple[Order, float] | None:
        """An order to come to rest, and when it was given (seconds since 1970)."""
        file = self.place / "order"
        try:
            order, given = file.read_text(), file.stat().st_mtime
        except FileNotFoundError:
            return None
        return ("pause" if order == "pause" else "stop"), given

    # What it has learnt

    @property
    def checkpoint(self) -> Path:
        return self.place / CHECKPOINT

    def mark(self) -> int:
        """Which checkpoint there is: a number that every new one changes; 0 for none."""
        try:
            return self.checkpoint.stat().st_mtime_ns
        except FileNotFoundError:
            return 0

    def add_epoch(self, line: Mapping[str, Any]) -> None:
        files.append(self.place / "history.jsonl", json.dumps(line) + "\n")

    def keep(self, checkpoint: bytes) -> None:
        """Writes the checkpoint; what of the history it stands on is on the disk before it."""
        with contextlib.suppress(FileNotFoundError), open(self.place / "history.jsonl", "rb+") as stream:
            os.fsync(stream.fileno())
        write(self.checkpoint, checkpoint, lasting=True)

    def back_to(self, epoch: int) -> None:
        """Forgets what was noted after so many epochs: training goes on from there."""
        if not epoch:
            (self.place / "strip.png").unlink(missing_ok=True)
        kept = [line for line in history(self.config.id) if line["epoch"] <= epoch]
        write(self.place / "history.jsonl", "".join(json.dumps(line) + "\n" for line in kept))

    def log(self, most: int = 3000) -> str:
        """The end of what its processes printed."""
        try:
            return (self.place / "log.txt").read_bytes()[-most:].decode(errors="replace")
        except FileNotFoundError:
            return ""

    def finish(
        self, weights: bytes, result: Mapping[str, Any], thumbnail: bytes, adversary: bytes | None = None
    ) -> None:
        """Makes the folder complete: config.json comes last."""
        kept = {WEIGHTS: weights} | ({ADVERSARY: adversary} if adversary else {})
        for name, content in kept.items():
            write(self.place / name, content, lasting=True)
        result = {**result, "sha256": {name: hashlib.sha256(each).hexdigest() for name, each in kept.items()}}
        write(self.place / "thumbnail.png", thumbnail)
        write(self.place / "result.json", json.dumps(result, indent=1), lasting=True)
        write(self.place / "config.json", json.dumps(self.config.to_json(), indent=1), lasting=True)
        self.tidy()

    def tidy(self) -> None:
        """Removes what only a run in the making needs."""
        for name in ("request.json", "state.json", "log.txt", "order", CHECKPOINT):
            (self.place / name).unlink(missing_ok=True)
        self._sweep()

    def _sweep(self) -> None:
        """Removes what killed processes were writing; not what somebody writes at this moment."""
        for half in self.place.rglob(".*"):
            writer = half.name.split("-")[-2:-1]  # as files.write names it
            if not (writer and writer[0].isdecimal() and processes.there(int(writer[0]))):
                disk.remove(half)
