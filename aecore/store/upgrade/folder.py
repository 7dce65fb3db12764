"""Upgrades a folder of runs: every run of format 1 in it, in its trash too, and its database.

    <runs>/.upgrade/ids.json     old id -> new id of every run, written before anything changes
    <runs>/.upgrade/<run>.new    a run in format 2, until it is whole
    <runs>/.upgrade/<run>.old    the run of format 1, while the new one is put in its place

A run is written beside the old one and swapped in by renaming, so whoever is killed in the middle has lost nothing:
the next upgrade goes on from there.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from aecore import disk, files
from aecore.config import Config
from aecore.errors import UserError
from aecore.store import schema
from aecore.store.upgrade import convert, database, documents, tables

WORK_DIR, IDS_FILE = ".upgrade", "ids.json"


@dataclass
class UpgradeReport:
    """What an upgrade did."""

    upgraded: dict[str, str] = field(default_factory=dict)  # old folder -> new folder
    left: dict[str, str] = field(default_factory=dict)  # folder -> why it stays of format 1
    database: bool = False  # whether there was one of version 1


def upgrade_folder(runs_dir: Path) -> UpgradeReport:
    """Upgrades all that is of format 1 in a folder of runs. Raises UserError when another process uses it, or when it
    cannot be written."""
    with disk.user_errors("The runs cannot be upgraded"):
        if not runs_dir.is_dir():
            raise UserError(f"There is no folder {runs_dir}: name the folder of the runs.")
        if pid := database.running_process(runs_dir):
            raise UserError(f"Process {pid} uses these runs: stop the laboratory, then upgrade.")
        work = runs_dir / WORK_DIR
        _finish_swaps(runs_dir, work)
        report = UpgradeReport()
        found = dict(_format_1(runs_dir, report))
        if not found and not (runs_dir / tables.DATABASE).is_file():
            disk.remove(work)
            return report
        work.mkdir(exist_ok=True)
        ids = _write_ids(work, found, database.run_configs(runs_dir))
        report.database = database.upgrade(runs_dir, work, ids)
        for place in found:
            _upgrade_one(runs_dir, place, ids, report)
        disk.remove(runs_dir / tables.PROJECTIONS)
        disk.remove(work)
    return report


def upgrade_run(run_dir: Path, ids: Mapping[str, str] | None = None) -> Path:
    """Upgrades the folder of one run; its folder now, which is the same for one of format 2. UserError when it cannot
    be. `ids` maps old ids of runs to new ones, among them the one of its parent."""
    values = _settings(run_dir)
    if not documents.is_format_1(values):
        return run_dir
    runs_dir, report = run_dir.parent, UpgradeReport()
    ids = {**tables.PRETRAINED_IDS, **(ids or {})}
    _check_name(run_dir.name, values)
    (runs_dir / WORK_DIR).mkdir(exist_ok=True)
    _upgrade_one(runs_dir, run_dir, {**ids, run_dir.name: _new_id(values, ids)}, report)
    disk.remove(runs_dir / WORK_DIR)
    if run_dir.name in report.left:
        raise UserError(report.left[run_dir.name])
    return runs_dir / report.upgraded[run_dir.name]


# --- What there is ----------------------------------------------------------------------------------------------------


def _format_1(runs_dir: Path, report: UpgradeReport) -> Iterator[tuple[Path, dict[str, Any]]]:
    """The folders of runs of format 1, with their settings; why others that look like one are left goes to the
    report."""
    for parent in (runs_dir, runs_dir / disk.TRASH_DIR):
        if not parent.is_dir() or parent.is_symlink():
            continue
        for place in sorted(parent.iterdir()):
            if place.is_symlink() or not place.is_dir() or place.name.startswith("."):
                continue
            if place.name == tables.PHOTO_FOLDER[0] and (place / "photographs.json").is_file():
                yield place, {}
                continue
            try:
                values = _settings(place)
                if documents.is_format_1(values):
                    _check_name(place.name, values)
                    yield place, values
            except UserError as error:
                report.left[place.name] = str(error)


def _settings(run_dir: Path) -> Any:
    """What config.json or request.json of a folder holds; None for a folder with neither."""
    return files.read_json(run_dir / "config.json") or files.read_json(run_dir / "request.json")


def _run_of(name: str) -> str:
    """The run that a folder is of: one in the trash is called `<run>~<moment>`."""
    return name.partition("~")[0]


def _check_name(name: str, values: dict[str, Any]) -> None:
    """Raises UserError when the name of a folder is not that of the settings in it."""
    if _old_id(values) != _run_of(name):
        raise UserError("The folder's name does not belong to the settings in it.")


def _old_id(values: dict[str, Any]) -> str:
    """The id that format 1 gave to settings."""
    hashed = {name: each for name, each in values.items() if each != tables.DEFAULTS.get(name, _NOTHING)}
    text = json.dumps(hashed | {"version": 1}, sort_keys=True, separators=(",", ":"))
    family, dataset, size = (values.get(name, tables.DEFAULTS[name]) for name in ("family", "dataset", "z_dim"))
    return f"{family}-{dataset}-{size}d-{hashlib.sha256(text.encode()).hexdigest()[:8]}"


_NOTHING = object()  # no setting has this value


# --- New ids ----------------------------------------------------------------------------------------------------------


def _new_id(values: dict[str, Any], ids: Mapping[str, str]) -> str:
    config = schema.validate(documents.settings(values, ids), schema.CONFIG, "config.json")
    return Config.from_json(config).id


def _write_ids(
    work: Path, found: Mapping[Path, dict[str, Any]], waiting: Mapping[str, dict[str, Any]]
) -> dict[str, str]:
    """Old id -> new id of all runs, those of an upgrade that was cut off among them, and writes them down."""
    configs = {run: each for run, each in waiting.items() if documents.is_format_1(each)}
    configs |= {_run_of(place.name): values for place, values in found.items() if values}
    ids: dict[str, str] = {**tables.PRETRAINED_IDS, **(files.read_json(work / IDS_FILE) or {})}

    def settle(run: str, above: tuple[str, ...] = ()) -> None:
        parent = configs[run].get("parent")
        if parent in configs and parent not in ids and parent not in above:
            settle(parent, (*above, run))
        with contextlib.suppress(UserError):  # of no use to any version
            ids[run] = _new_id(configs[run], ids)

    for run in configs:
        if run not in ids:
            settle(run)
    files.atomic_write(work / IDS_FILE, json.dumps(ids), durable=True)
    return ids


# --- One folder -------------------------------------------------------------------------------------------------------


def _upgrade_one(runs_dir: Path, place: Path, ids: Mapping[str, str], report: UpgradeReport) -> None:
    """Upgrades one folder, or says in the report why not."""
    run, photos = _run_of(place.name), place.name == tables.PHOTO_FOLDER[0]
    if not photos and run not in ids:
        report.left[place.name] = "Its settings are not those of a run."
        return
    target = place.with_name(tables.PHOTO_FOLDER[1] if photos else place.name.replace(run, ids[run], 1))
    if target.exists():
        report.left[place.name] = f"There is a folder {target.name} already."
        return
    new, old = (runs_dir / WORK_DIR / f"{place.name}.{part}" for part in ("new", "old"))
    disk.remove(new)
    with _lock(runs_dir, run) as held:
        if not held:
            report.left[place.name] = "It is being trained at this moment."
            return
        if photos:
            convert.new_photo_folder(place, new)
        else:
            convert.new_folder(place, new, ids)
        os.replace(place, old)
        os.replace(new, target)
    disk.remove(old)
    report.upgraded[place.name] = target.name


@contextlib.contextmanager
def _lock(runs_dir: Path, run: str) -> Iterator[bool]:
    """Keeps others from training a run meanwhile; False when somebody does."""
    if not (runs_dir / ".locks").is_dir():
        yield True
        return
    lock = FileLock(str(runs_dir / ".locks" / run))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def _finish_swaps(runs_dir: Path, work: Path) -> None:
    """Finishes what a killed upgrade was about to do: once the old folder is out of the way, the new one is whole."""
    if not work.is_dir() or work.is_symlink():
        return
    for new in sorted(work.glob("*.new")):
        name = new.name.removesuffix(".new")
        if (work / f"{name}.old").exists():
            os.replace(new, _target(runs_dir, name, new))
    for half in (*work.glob("*.new"), *work.glob("*.old")):
        disk.remove(half)


def _target(runs_dir: Path, name: str, new: Path) -> Path:
    """Where a folder that was converted belongs."""
    if name == tables.PHOTO_FOLDER[0]:
        return runs_dir / tables.PHOTO_FOLDER[1]
    _, tilde, moment = name.partition("~")
    parent = runs_dir / disk.TRASH_DIR if tilde else runs_dir
    return parent / f"{Config.from_json(_settings(new)).id}{tilde}{moment}"
