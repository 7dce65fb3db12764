"""The store of runs: a folder each, in `runs/` (ours) and `pretrained/` (the gallery).

    config.json          the settings; written last, so a folder that has it is complete
    weights.safetensors  the model
    auxiliary.safetensors    what only its training needed, where it did
    result.json          seconds, parameters, losses
    history.jsonl        one line an epoch
    thumbnail.png        a small map of decoded codes
    label.json           whose it is and what they call it (the database's copy counts while it can be read)
    snapshots/           what the model made of some images while it learnt
    request.json, state.json, checkpoint.safetensors, preview.png, log.txt, command    until it is finished
    live.safetensors, watched    while it trains and a page shows it

Nothing here imports torch: the first screen lists runs without it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import re
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from filelock import FileLock
from safetensors import SafetensorError, safe_open

from aecore import disk, files
from aecore.config import Config
from aecore.data.cards import CARDS
from aecore.errors import UserError
from aecore.files import Stamp, file_stamp, read_json
from aecore.files import atomic_write as atomic_write
from aecore.files import runs_dir as runs_dir
from aecore.store import checkpoints, database_snapshot, queue, schema, schema_result
from aecore.store.run_info import RunInfo, State
from aecore.store.upgrade import documents

PRETRAINED_DIR = disk.pretrained_dir()
RUN_ID = re.compile(schema.RUN_ID)
WEIGHTS_FILE, AUXILIARY_FILE = "weights.safetensors", "auxiliary.safetensors"
CHECKPOINT_FILE, STATE_FILE = "checkpoint.safetensors", "state.json"
LIVE_FILE, WATCHED_FILE = "live.safetensors", "watched"
HEARTBEAT_TIMEOUT = 20.0  # seconds without a sign of life (state.json touched) after which a training counts as dead
LABEL_FILE, DELETED_FILE = "label.json", "deleted.json"


class UnknownRun(UserError):
    """No run of that name."""


class AlreadyTraining(UserError):
    """Another process trains these settings at this moment."""


def path(run: str) -> Path:
    """The folder of a run, ours before the gallery's; where it would be when there is none."""
    if not RUN_ID.fullmatch(run):
        raise UnknownRun(f"There is no run called {run[:80]!r}; pick one from the list.")
    ours = runs_dir() / run
    return PRETRAINED_DIR / run if not os.path.exists(ours) and os.path.exists(PRETRAINED_DIR / run) else ours


def entry(run: str) -> RunInfo:
    """What there is of a run; UnknownRun when there is nothing. A spoilt folder is an entry that says why."""
    return _entry(path(run), queue.job)


def _entry(run_dir: Path, find_job: Callable[[str], queue.Job | None]) -> RunInfo:
    kind = file_stamp(run_dir)
    if kind and stat.S_ISLNK(kind[3]) and os.path.isdir(run_dir):
        return _broken(run_dir, "It is a symbolic link, and links in the runs folder are not followed; delete it.")
    if not kind or not stat.S_ISDIR(kind[3]):
        raise UnknownRun(f"There is no run called {run_dir.name}; deleted, or of another laboratory: pick one.")
    found = _complete_stamps(run_dir)
    if found is None:
        unfinished = _unfinished(run_dir, find_job(run_dir.name))  # the job is looked up before the state, see there
        found = _complete_stamps(run_dir)  # it may have been finished while we looked
        if found is None:
            return unfinished
    return _finished(run_dir, found)


def _stamps(run_dir: Path, *names: str) -> tuple[Stamp | None, ...]:
    return tuple(file_stamp(os.path.join(run_dir, name)) for name in names)


def _complete_stamps(run_dir: Path) -> tuple[Stamp | None, ...] | None:
    """The stamps of the files that make a folder complete; None when it is not."""
    config = file_stamp(os.path.join(run_dir, "config.json"))
    return config and (config, *_stamps(run_dir, "result.json", WEIGHTS_FILE))


def _mtime(stamp: Stamp | None) -> float:
    """When a file was written, in seconds since 1970, within what a table of dates can show."""
    return min(max(stamp[0] / 1e9, 0.0), schema.MAX_TIMESTAMP) if stamp else 0.0


def _broken(run_dir: Path, error: UserError | str, created: float = 0.0) -> RunInfo:
    reason = schema.plain_text(str(error), 400)
    reason = reason if reason.endswith(".") else f"{reason} ..."
    return RunInfo(run_dir.name, "broken", message=reason, pretrained=run_dir.parent == PRETRAINED_DIR, created=created)


def _read_config(run_dir: Path, name: str) -> Config:
    """The settings in a run's folder; UserError when they are not the ones that its name belongs to."""
    values = read_json(run_dir / name)
    if documents.is_format_1(values):
        raise UserError('It is of format 1: run "python -m aecore upgrade" to convert it.')
    config = Config.from_json(schema.validate(values, schema.CONFIG, name))
    if config.id != run_dir.name:
        raise UserError("The folder's name does not belong to the settings in it.")
    if config.dataset not in CARDS:
        raise UserError(f"Its data set, {config.dataset}, is not known to this version of the laboratory.")
    return config


@lru_cache(maxsize=4096)
def _finished(run_dir: Path, stamps: tuple[Stamp | None, ...]) -> RunInfo:
    """A folder with a config.json; remembered until one of the files that it needs changes (`stamps`)."""
    try:
        config, result = _read_config(run_dir, "config.json"), read_json(run_dir / "result.json")
        if result is None:
            raise UserError("result.json is missing.")
        schema.validate(result, schema_result.RESULT, "result.json")
        check_weights(run_dir)
    except UserError as error:
        return _broken(run_dir, error, _mtime(stamps[0]))
    return RunInfo(
        run_dir.name,
        "finished",
        config,
        result,
        pretrained=run_dir.parent == PRETRAINED_DIR,
        created=float(result["created"]),
    )


def check_weights(run_dir: Path) -> None:
    """Raises UserError when the weights are missing or cut short; reads the header only."""
    try:
        with files.regular_path(run_dir / WEIGHTS_FILE) as weights, safe_open(weights, framework="numpy"):
            pass
    except FileNotFoundError:
        raise UserError("weights.safetensors is missing.") from None
    except (SafetensorError, OSError) as error:
        raise UserError(f"weights.safetensors is damaged or cut short ({schema.plain_text(str(error))}).") from None


def verify_checksum(run: str, name: str, max_bytes: int = 10**10) -> None:
    """Raises UserError when a file of a finished run is missing, has more than `max_bytes`, or is not the one whose
    checksum its result holds."""
    said = entry(run).result.get("sha256", {}).get(name)
    if not said:
        return
    try:
        found = files.checksum(path(run) / name, max_bytes)
    except FileNotFoundError:
        raise UserError(f"{name} of {run} is missing; delete the folder, or fetch it again.") from None
    if said != found:
        raise UserError(
            f"{name} of {run} was changed or cut short (its checksum is not the one in result.json), so it is not "
            "used; delete the folder, or fetch it again."
        )


def _unfinished(run_dir: Path, job: queue.Job | None) -> RunInfo:
    """A folder without a config.json. Its `job` was looked up before its state, which says how the run came to rest
    when there is none any more."""
    stamps = _stamps(run_dir, "request.json", STATE_FILE)
    said = _read_unfinished(run_dir, stamps, file_stamp(os.path.join(run_dir, CHECKPOINT_FILE)))
    if said.config is None:
        return said
    if job:
        state: State = "training" if job.state == "running" else "waiting"
        return said if said.state == state else dataclasses.replace(said, state=state)
    if said.active and time.time() - _mtime(stamps[1]) > HEARTBEAT_TIMEOUT:
        message = f"Its process ended before it was done: no sign of life for {HEARTBEAT_TIMEOUT:.0f} seconds."
        return dataclasses.replace(said, state="stopped", message=message)
    return said


@lru_cache(maxsize=8192)  # as many as may wait, or a list would read all of them anew
def _read_unfinished(run_dir: Path, stamps: tuple[Stamp | None, ...], checkpoint: Stamp | None) -> RunInfo:
    """Reads an unfinished folder; remembered until one of its files changes."""
    try:
        if None in stamps:
            raise UserError(
                "It has no config.json: it was not written by this laboratory, or was cut off at the start."
            )
        config, state = _read_config(run_dir, "request.json"), read_json(run_dir / STATE_FILE)
        schema.validate(state, schema.STATE, STATE_FILE)
        epochs = checkpoints.finished_epochs(run_dir / CHECKPOINT_FILE) if checkpoint else 0
    except UserError as error:
        return _broken(run_dir, error, _mtime(stamps[1]))
    return RunInfo(
        run_dir.name,
        state["state"],
        config,
        progress=state.get("progress", {}),
        message=state.get("message", ""),
        fallback_device=state.get("fallback_device", ""),
        log=state.get("log", ""),
        diverged=state.get("diverged", False),
        has_checkpoint=checkpoint is not None and stat.S_ISREG(checkpoint[3]),
        checkpoint_epochs=epochs if epochs <= config.total_epochs else 0,
        created=float(state["updated_at"]),
    )


def entries() -> list[RunInfo]:
    """Every run: own ones newest first, then the pretrained ones by id. Nothing that lies there stops the list.

    `content.gallery.list_runs` gives them in the order of the gallery.
    """
    jobs = database_snapshot.cached_snapshot().jobs
    ours = list(_entries(_run_dirs(runs_dir()), jobs))
    own = {entry.id for entry in ours}
    exhibits = (each for each in _run_dirs(PRETRAINED_DIR) if _complete_stamps(each))  # not all there is are runs
    gallery = _entries((each for each in exhibits if each.name not in own), {})
    return [*sorted(ours, key=lambda e: -e.created), *gallery]


def _entries(run_dirs: Iterable[Path], jobs: Mapping[str, queue.Job]) -> Iterator[RunInfo]:
    for place in run_dirs:
        job = jobs.get(place.name)
        with contextlib.suppress(UnknownRun):  # deleted at this moment
            if job and job.state == "waiting":
                yield _waiting(place, job.requested_at)
            else:
                yield _entry(place, jobs.get)


@lru_cache(maxsize=8192)  # as many as may wait
def _waiting(run_dir: Path, requested_at: float) -> RunInfo:
    """A run that waits, as a list shows it: looked at once, for nothing about it changes before its turn."""
    noted = _read_unfinished(
        run_dir, _stamps(run_dir, "request.json", STATE_FILE), file_stamp(os.path.join(run_dir, CHECKPOINT_FILE))
    )
    return noted if noted.config is None else dataclasses.replace(noted, state="waiting")


def _run_dirs(parent: Path) -> Iterator[Path]:
    """What may be runs in a folder, links to folders among them; nothing when there is no such folder, or none that may
    be read (`disk.trouble` says that)."""
    try:
        with os.scandir(parent) as found:
            there = [each for each in found if RUN_ID.fullmatch(each.name)]
    except OSError:
        return
    for name in sorted(each.name for each in there if each.is_dir(follow_symlinks=False) or os.path.isdir(each.path)):
        yield parent / name


def read_label(run: str) -> dict[str, str | None]:
    """Whose a run is and what it is called, as its folder says: `owner`, `owner_name`, `name`."""
    with contextlib.suppress(UserError):
        return schema.validate(read_json(path(run) / LABEL_FILE) or {}, schema.LABEL, LABEL_FILE)
    return {}


def read_state(run: str) -> dict[str, Any]:
    """What a run's state.json says; nothing when there is none, or a spoilt one."""
    with contextlib.suppress(UserError):
        return schema.validate(read_json(path(run) / STATE_FILE) or {}, schema.STATE, STATE_FILE)
    return {}


def run_lock(run: str) -> FileLock:
    """The lock that whoever trains a run holds, in whatever process. Raises OSError when it cannot be made."""
    return FileLock(str(disk.internal_dir(".locks") / run))
