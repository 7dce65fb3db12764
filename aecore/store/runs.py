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
import dataclasses
import hashlib
import json
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout
from safetensors import SafetensorError, safe_open

from aecore import disk, files, system
from aecore.config import Config
from aecore.content.gallery import EXHIBITS
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.files import folder as folder
from aecore.files import read_json
from aecore.files import write as write
from aecore.store import database, queue, schema

GALLERY = Path(__file__).resolve().parents[2] / "pretrained"
ID = re.compile(schema.ID)

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
    return GALLERY / run if not os.path.exists(ours) and os.path.exists(GALLERY / run) else ours


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


Stamp = tuple[int, int, int, int]  # by which a file is known to be the one that was read before
Alive = Callable[[int | None, float | None], bool]


def entry(run: str) -> Entry:
    """What there is of a run; UnknownRun when there is nothing. A spoilt folder is an entry that says why."""
    return _entry(path(run), queue.job, system.alive)


def _entry(place: Path, job: Callable[[str], queue.Job | None], alive: Alive) -> Entry:
    kind = _stamp(place)
    if kind and stat.S_ISLNK(kind[3]) and os.path.isdir(place):
        return _broken(place, "It is a symbolic link, and links in the runs folder are not followed; delete it.")
    if not kind or not stat.S_ISDIR(kind[3]):
        raise UnknownRun(f"There is no run called {place.name}; deleted, or of another laboratory: pick one.")
    found = _complete(place)
    if found is None:
        unfinished = _unfinished(place, job(place.name), alive)  # the job is looked up before the state, see there
        found = _complete(place)  # it may have been finished while we looked
        if found is None:
            return unfinished
    return _finished(place, found)


def _stamp(file: Path | str) -> Stamp | None:
    """What tells a file from another in its place; None when there is none, or nobody may look."""
    try:
        found = os.lstat(file)
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino, found.st_mode


def _stamps(place: Path, *names: str) -> tuple[Stamp | None, ...]:
    return tuple(_stamp(os.path.join(place, name)) for name in names)


def _complete(place: Path) -> tuple[Stamp | None, ...] | None:
    """The stamps of the files that make a folder complete; None when it is not."""
    config = _stamp(os.path.join(place, "config.json"))
    return config and (config, *_stamps(place, "result.json", WEIGHTS))


def _moment(stamp: Stamp | None) -> float:
    """When a file was written, in seconds since 1970, within what a table of dates can show."""
    return min(max(stamp[0] / 1e9, 0.0), schema.LATEST) if stamp else 0.0


def _broken(place: Path, error: UserError | str, created: float = 0.0) -> Entry:
    reason = schema.plain(str(error), 400)
    reason = reason if reason.endswith(".") else f"{reason} ..."
    return Entry(place.name, "broken", reason=reason, gallery=place.parent == GALLERY, created=created)


def _settings(place: Path, name: str) -> Config:
    """The settings in a run's folder; UserError when they are not the ones that its name belongs to."""
    config = Config.from_json(schema.fit(read_json(place / name), schema.CONFIG, name))
    if config.id != place.name:
        raise UserError("The folder's name does not belong to the settings in it.")
    if config.dataset not in CARDS:
        raise UserError(f"Its data set, {config.dataset}, is not known to this version of the laboratory.")
    return config


@lru_cache(maxsize=4096)
def _finished(place: Path, stamps: tuple[Stamp | None, ...]) -> Entry:
    """A folder with a config.json; remembered until one of the files that it needs changes (`stamps`)."""
    try:
        config, result = _settings(place, "config.json"), read_json(place / "result.json")
        if result is None:
            raise UserError("result.json is missing.")
        schema.fit(result, schema.RESULT, "result.json")
        check_weights(place)
    except UserError as error:
        return _broken(place, error, _moment(stamps[0]))
    return Entry(
        place.name, "finished", config, result, gallery=place.parent == GALLERY, created=float(result["created"])
    )


def check_weights(place: Path) -> None:
    """Raises UserError when the weights are missing or cut short; reads the header only."""
    try:
        files.opened(place / WEIGHTS).close()  # no FIFO, for which safetensors would wait
        with safe_open(place / WEIGHTS, framework="numpy"):
            pass
    except FileNotFoundError:
        raise UserError("weights.safetensors is missing.") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"weights.safetensors is damaged or cut short ({schema.plain(str(error))}).") from None


def check_unchanged(run: str, name: str, most: int = 10**10) -> None:
    """Raises UserError when a file of a finished run is missing, has more than `most` bytes, or is not the one whose
    checksum its result holds."""
    said = entry(run).result.get("sha256", {}).get(name)
    if not said:
        return
    try:
        found = files.checksum(path(run) / name, most)
    except FileNotFoundError:
        raise UserError(f"{name} of {run} is missing; delete the folder, or fetch it again.") from None
    if said != found:
        raise UserError(
            f"{name} of {run} was changed or cut short (its checksum is not the one in result.json), so it is not "
            "used; delete the folder, or fetch it again."
        )


@dataclass(frozen=True)
class _Noted:
    """What an unfinished folder says: its entry, and the process that answers for it."""

    entry: Entry
    pid: int | None = None
    born: float | None = None


def _unfinished(place: Path, job: queue.Job | None, alive: Alive) -> Entry:
    """A folder without a config.json. Its `job` was looked up before its state, which says how the run came to rest
    when there is none any more."""
    noted = _noted(place, _stamps(place, "request.json", "state.json"), _stamp(os.path.join(place, CHECKPOINT)))
    said = noted.entry
    if said.config is None:
        return said
    if job:
        state: State = "training" if job.state == "running" else "waiting"
        return said if said.state == state else dataclasses.replace(said, state=state)
    if said.moving and not alive(noted.pid, noted.born):
        return dataclasses.replace(said, state="stopped", reason="Its process ended before it was done.")
    return said


@lru_cache(maxsize=8192)  # as many as may wait, or a list would read all of them anew
def _noted(place: Path, stamps: tuple[Stamp | None, ...], checkpoint: Stamp | None) -> _Noted:
    """Reads an unfinished folder; remembered until one of its files changes."""
    try:
        if None in stamps:
            raise UserError(
                "It has no config.json: it was not written by this laboratory, or was cut off at the start."
            )
        config, state = _settings(place, "request.json"), read_json(place / "state.json")
        schema.fit(state, schema.STATE, "state.json")
    except UserError as error:
        return _Noted(_broken(place, error, _moment(stamps[1])))
    return _Noted(
        Entry(
            place.name,
            state["state"],
            config,
            progress=state.get("progress", {}),
            reason=state.get("reason", ""),
            offer=state.get("offer", ""),
            log=state.get("log", ""),
            diverged=state.get("diverged", False),
            kept=checkpoint is not None and stat.S_ISREG(checkpoint[3]),
            created=float(state["time"]),
        ),
        state.get("pid"),
        state.get("born"),
    )


def entries() -> list[Entry]:
    """Every run, newest first, the gallery last. Nothing that lies there stops the list."""
    alive = lru_cache(maxsize=None)(system.alive)  # many wait for one process, which is asked after once a list
    jobs = database.known().jobs
    ours = list(_entries(_folders(folder()), jobs, alive))
    own = {entry.id for entry in ours}
    exhibits = (each for each in _folders(GALLERY) if _complete(each))  # not all there is are runs
    gallery = _entries((each for each in exhibits if each.name not in own), {}, alive)
    return sorted(ours, key=lambda e: -e.created) + sorted(gallery, key=_turn)


def _turn(entry: Entry) -> int:
    """The place of an exhibit in the gallery."""
    name = entry.result.get("exhibit", {}).get("name")
    return list(EXHIBITS).index(name) if name in EXHIBITS else len(EXHIBITS)


def _entries(places: Iterable[Path], jobs: Mapping[str, queue.Job], alive: Alive) -> Iterator[Entry]:
    for place in places:
        job = jobs.get(place.name)
        with contextlib.suppress(UnknownRun):  # deleted at this moment
            if job and job.state == "waiting":
                yield _waiting(place, job.asked)
            else:
                yield _entry(place, jobs.get, alive)


@lru_cache(maxsize=8192)  # as many as may wait
def _waiting(place: Path, asked: float) -> Entry:
    """A run that waits, as a list shows it: looked at once, for nothing about it changes before its turn."""
    noted = _noted(place, _stamps(place, "request.json", "state.json"), _stamp(os.path.join(place, CHECKPOINT))).entry
    return noted if noted.config is None else dataclasses.replace(noted, state="waiting")


def _folders(place: Path) -> Iterator[Path]:
    """What may be runs in a folder, links to folders among them; nothing when there is no such folder, or none that may
    be read (`disk.trouble` says that)."""
    try:
        with os.scandir(place) as found:
            there = [each for each in found if ID.fullmatch(each.name)]
    except OSError:
        return
    for name in sorted(each.name for each in there if each.is_dir(follow_symlinks=False) or os.path.isdir(each.path)):
        yield place / name


HISTORY_BYTES = 200_000_000  # 1,000 epochs of a code of 4,096 numbers have half of it


def kept_label(run: str) -> dict[str, str | None]:
    """Whose a run is and what it is called, as its folder says: `owner`, `owner_name`, `name`."""
    with contextlib.suppress(UserError):
        return schema.fit(read_json(path(run) / LABEL) or {}, schema.LABEL, LABEL)
    return {}


def kept_state(run: str) -> dict[str, Any]:
    """What a run's state.json says; nothing when there is none, or a spoilt one."""
    with contextlib.suppress(UserError):
        return schema.fit(read_json(path(run) / "state.json") or {}, schema.STATE, "state.json")
    return {}


def history(run: str) -> list[dict[str, Any]]:
    """One dictionary an epoch: `epoch`, `seconds`, `train`, `validation` (loss parts, nats per picture), `vitals` (what
    vitals.py notes). Ends before the first line that is spoilt, of which `history_trouble` tells. Everybody gets the
    same ones: read them, never write into them."""
    return list(_known(run)[0])


def history_trouble(run: str) -> str:
    """From where on the history of a run cannot be read, and why: one sentence; empty when all of it can."""
    return _known(run)[1]


def _known(run: str) -> tuple[Sequence[dict[str, Any]], str]:
    file = path(run) / "history.jsonl"
    stamp = _stamp(file)
    return _history(file, stamp) if stamp else ((), "")


@lru_cache(maxsize=16)  # of a thousand epochs with their vitals 5 MB each
def _history(file: Path, stamp: Stamp) -> tuple[Sequence[dict[str, Any]], str]:
    lines: list[dict[str, Any]] = []
    try:
        content = files.read_bytes(file, HISTORY_BYTES)
        for line in content.split(b"\n")[:-1]:  # what follows the last newline is half written at this moment
            lines.append(_epoch(line, lines[-1]["epoch"] if lines else 0))
    except FileNotFoundError:  # deleted at this moment
        return (), ""
    except UserError as error:
        return lines, str(error)
    except ValueError as error:
        why = schema.plain(str(error))
        return lines, f"Line {len(lines) + 1} of history.jsonl is spoilt ({why}): from there on its epochs are lost."
    return lines, ""


def _epoch(line: bytes, before: int) -> dict[str, Any]:
    """A line of a history that comes after the one of epoch `before`; ValueError when it is spoilt."""
    found: dict[str, Any] = files.parsed(line)
    if wrong := schema.LINE(found):
        raise ValueError(wrong)
    if found["epoch"] <= before:
        raise ValueError(f"epoch {found['epoch']} follows epoch {before}")
    return found


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
        disk.remove(self.place / "order")  # meant for this training, not for the next
        self.lock.release()

    # What is said of it

    def say(self, state: State, **more: Any) -> None:
        """Writes state.json: where the run stands, and that this process answers for it. How far it is can wait for
        room on the disk; all else is vital."""
        self.state |= {
            "state": state,
            "pid": os.getpid(),
            "born": system.born(),
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
        disk.remove(self.place / "order")
        write(self.place / "request.json", json.dumps(self.config.to_json()))
        self.say("waiting", reason="", offer="", log="")

    def rest(self, order: Order) -> None:
        """Says that the run came to rest by an order."""
        disk.remove(self.place / "order")
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
            order, given = files.read_bytes(file, 100), file.stat().st_mtime
        except (FileNotFoundError, UserError):  # what is no file is no order
            return None
        return ("pause" if order == b"pause" else "stop"), given

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
            return files.read_end(self.place / "log.txt", most)
        except UserError as error:
            return str(error)

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
            if not (writer and writer[0].isdecimal() and system.there(int(writer[0]))):
                with contextlib.suppress(OSError):
                    disk.remove(half)
