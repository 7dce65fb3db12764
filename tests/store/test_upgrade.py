"""Folders of format 1 become folders of format 2: nothing is lost, and no weight changes.

format1.tar.xz was written by the last version that knew format 1: `runs` has a run of every family and network, with
what a folder of runs can hold besides (checkpoints, forks, a run that waits, one in the trash, the database); `codes`
are what those models made of the first eight test digits; `pretrained` is the gallery of then, every tensor zeroed.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import tarfile
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from aecore import disk
from aecore.__main__ import main
from aecore.analysis import loaded
from aecore.config import Config
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.models.families.build import resolve_config
from aecore.store import database, history, offline, people, queue, runs, schema, snapshots, trash
from aecore.store.upgrade import convert, tables, tensors
from aecore.store.upgrade.folder import upgrade_folder, upgrade_run
from aecore.training import devices
from aecore.training.state import TrainState

ARCHIVE = Path(__file__).with_name("format1.tar.xz")
PAUSED = ("aae-digits-2d-496362c2", "vq-vae-digits-2d-83dc9a1e", "contractive-digits-3d-e0f52621")
BASE, FORK, DEEP = "vae-digits-2d-dc17ff05", "vae-digits-2d-6aa35c9d", "vae-digits-2d-974b1099"
WAITING = "vae-digits-2d-80dc229b"  # forked from the gallery's VAE on the digits
TRASHED = "vae-digits-2d-b7b8a7f5"
FULL = "vae-digits-2d-c45a9a3b"  # the one with snapshots and pictures


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    place = tmp_path_factory.mktemp("format1")
    with tarfile.open(ARCHIVE) as packed:
        packed.extractall(place, filter="data")
    return place


@pytest.fixture
def old(archive, tmp_path, monkeypatch) -> Path:
    """A folder of format 1, which is that of the runs."""
    place = shutil.copytree(archive / "runs", tmp_path / "runs")
    monkeypatch.setenv("AECORE_RUNS", str(place))
    return place


@pytest.fixture(scope="module")
def upgraded(archive, tmp_path_factory):
    """A folder that was upgraded, and what became of each run in it: for tests that only look."""
    place = tmp_path_factory.mktemp("upgraded") / "runs"
    shutil.copytree(archive / "runs", place)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place))
        yield place, upgrade_folder(place).upgraded


def content(folder: Path) -> dict[str, bytes]:
    """Every file in a folder."""
    return {str(each.relative_to(folder)): each.read_bytes() for each in sorted(folder.rglob("*")) if each.is_file()}


def bits(file: Path) -> dict[str, bytes]:
    """The bytes of each tensor of a file, under its new name."""
    parsed = tensors.parse(file.read_bytes())
    return {tensors.weight_name(name): parsed.tensor_bytes(name) for name in parsed.tensors}


def keys(value: object) -> object:
    """The names in a JSON value, without its values."""
    if isinstance(value, dict):
        return {name: keys(each) for name, each in value.items()}
    return [keys(each) for each in value if isinstance(each, dict)] if isinstance(value, list) else None


# --- Whole folders ----------------------------------------------------------------------------------------------------


def test_every_run_opens_and_gives_the_codes_that_it_gave(archive, upgraded):
    place, ids = upgraded
    codes, digits = load_file(archive / "codes.safetensors"), load("digits").test
    x, y = digits.to_float(slice(8)), digits.y[:8]
    assert len(codes) >= 32
    for old_id, expected in codes.items():
        entry = runs.entry(ids[old_id])
        assert entry.finished and resolve_config(entry.config).id == entry.id == ids[old_id], entry.message
        np.testing.assert_allclose(loaded.load(entry.id).encode(x, y), expected, atol=1e-5, err_msg=old_id)
        assert history.history(entry.id) and history.history_error(entry.id) == ""
        for name in entry.result["sha256"]:
            runs.verify_checksum(entry.id, name)
        for name in ("weights", "adversary"):
            before = archive / "runs" / old_id / f"{name}.safetensors"
            if before.exists():
                assert bits(before) == bits(place / entry.id / tables.FILES.get(before.name, before.name))


def test_what_lies_beside_the_weights_is_there_too(upgraded):
    place, ids = upgraded
    run = ids[FULL]
    assert {"preview.png", "thumbnail.png", "snapshots"} <= {each.name for each in (place / run).iterdir()}
    assert [each.epoch for each in snapshots.load(run)] == [0, 1, 2]
    assert not (place / ".maps").exists() and not (place / ".upgrade").exists()


@pytest.mark.parametrize("run", PAUSED)
def test_a_training_goes_on_from_its_checkpoint(archive, upgraded, run):
    place, ids = upgraded
    entry, before = runs.entry(ids[run]), json.loads((archive / "runs" / run / "state.json").read_text())
    assert entry.state == "paused" and entry.has_checkpoint and entry.message == before["reason"]
    from aecore.models.families.build import build_recipe

    state = TrainState(build_recipe(entry.config), entry.config, devices.select_device("cpu").torch)
    state.load(place / entry.id / "checkpoint.safetensors")
    assert state.epoch == before["progress"]["epoch"] > 0 and state.monitored_terms
    assert state.early_stopping.weights and state.early_stopping.loss < float("inf")
    assert set(state.running_mean.counts) <= set(entry.progress["train"])


def test_forks_follow_their_parents(upgraded):
    _, ids = upgraded
    assert runs.entry(ids[FORK]).config.parent == ids[BASE]
    assert runs.entry(ids[DEEP]).config.parent == ids[FORK]
    parent = runs.entry(ids[WAITING]).config.parent
    assert parent == tables.PRETRAINED_IDS["vae-digits-2d-f3b8c38c"] and runs.entry(parent).pretrained


def test_the_database_says_the_same(upgraded):
    _, ids = upgraded
    job = queue.job(ids[WAITING])
    assert job and job.state == "waiting" and job.environment == {"AECORE_PRECOMPUTE": "off", "AECORE_DEVICE": "cpu"}
    assert Config.from_json(dict(job.config)).id == ids[WAITING] and queue.requesters(ids[WAITING]) == ["anonymous"]
    assert people.label(ids[FORK]).name == "a fork" and people.label(ids[FORK]).owner_name == "Ada"
    assert people.label(ids[DEEP], "bob").pinned and not people.label(ids[FORK], "bob").pinned


def test_a_run_in_the_trash_can_be_restored(old, archive):
    report = upgrade_folder(old)
    trashed = next(each for each in report.upgraded if each.startswith(TRASHED))
    found = trash.load_deleted(report.upgraded[trashed])
    assert found.deleted_by == "ada" and found.label.owner == "ada" and found.age > 0
    assert runs.entry(trash.restore(found.trash_id, "ada")).finished


# --- The gallery ------------------------------------------------------------------------------------------------------


def test_the_gallery_of_format_1_becomes_the_one_that_is_here(archive, tmp_path):
    place = shutil.copytree(archive / "pretrained", tmp_path / "pretrained")
    report = upgrade_folder(place)
    assert not report.left and {name: report.upgraded[name] for name in tables.PRETRAINED_IDS} == tables.PRETRAINED_IDS
    for folder in place.iterdir():
        tree = runs.PRETRAINED_DIR / folder.name
        files = {each.relative_to(folder) for each in folder.rglob("*") if each.is_file()}
        assert {each for each in files if each.suffix != ".png"} == {
            each.relative_to(tree)
            for each in tree.rglob("*")
            if each.is_file() and each.suffix != ".png" and each.name != "README.md"
        }
        for name in (each for each in files if each.suffix == ".safetensors"):
            new, here = (tensors.parse((root / name).read_bytes()) for root in (folder, tree))
            assert new.tensors == here.tensors and new.metadata == here.metadata, f"{folder.name}/{name}"
        for name in (each for each in files if each.suffix == ".json"):
            new, here = (json.loads((root / name).read_text()) for root in (folder, tree))
            assert keys(new) == keys(here), f"{folder.name}/{name}"
        if (folder / "config.json").exists():
            assert (folder / "config.json").read_bytes() == (tree / "config.json").read_bytes()
            assert (folder / "history.jsonl").read_bytes() == (tree / "history.jsonl").read_bytes()


def test_what_the_gallery_brings_along_is_read():
    for name in tables.PRETRAINED_IDS.values():
        assert runs.entry(name).finished and snapshots.load(name)
        assert offline.load_bundle(name) is not None or not (runs.PRETRAINED_DIR / name / offline.FILE_NAME).exists()


# --- In the middle, and again -----------------------------------------------------------------------------------------


def test_a_second_upgrade_does_nothing(old):
    assert upgrade_folder(old).upgraded
    before = content(old)
    report = upgrade_folder(old)
    assert not report.upgraded and not report.left and not report.database and content(old) == before


@pytest.mark.parametrize("after", [0, 1, 2, 3, 7, 30])
def test_whoever_is_killed_in_the_middle_has_lost_nothing(old, archive, tmp_path, monkeypatch, after):
    """Killed at any renaming: the next upgrade ends where one alone would have."""
    alone = shutil.copytree(archive / "runs", tmp_path / "alone")
    expected = upgrade_folder(alone)
    replace, count = os.replace, 0

    def killed(*args: object) -> None:
        nonlocal count
        count += 1
        if count > after:
            raise KeyboardInterrupt
        replace(*args)

    monkeypatch.setattr(os, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        upgrade_folder(old)
    monkeypatch.setattr(os, "replace", replace)
    report = upgrade_folder(old)
    assert not report.left and set(report.upgraded) <= set(expected.upgraded)
    named = {name: each for name, each in content(old).items() if not name.endswith((".sqlite", "-journal"))}
    assert named == {name: each for name, each in content(alone).items() if not name.endswith((".sqlite", "-journal"))}
    assert rows(old) == rows(alone)


def rows(place: Path) -> dict[str, list[tuple[object, ...]]]:
    with contextlib.closing(sqlite3.connect(place / database.FILE_NAME)) as connection:
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
            for name, _ in tables.DATABASE_TABLES.values()
        }


def test_where_nothing_can_be_written_nothing_changes(old, monkeypatch):
    before = content(old)

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert, "_write", full)
    with pytest.raises(UserError, match="disk is full"):
        upgrade_folder(old)
    for name, each in before.items():
        if not name.startswith(("laboratory", ".maps")):
            assert (old / name).read_bytes() == each


def test_a_folder_that_a_laboratory_uses_is_left(old, monkeypatch):
    from aecore import system

    with contextlib.closing(sqlite3.connect(old / tables.DATABASE)) as connection:
        row = (os.getppid(), system.start_time(os.getppid()), "laboratory")
        connection.execute("INSERT INTO processes (pid, born, role) VALUES (?, ?, ?)", row)
        connection.commit()
    with pytest.raises(UserError, match=f"Process {os.getppid()} uses these runs"):
        upgrade_folder(old)


# --- One run, and what cannot be upgraded -----------------------------------------------------------------------------


def test_one_run_is_upgraded_by_itself(old):
    new = upgrade_run(old / BASE)
    assert new.is_dir() and not (old / BASE).exists() and runs.entry(new.name).finished
    assert upgrade_run(new) == new


def test_what_is_invalid_stays_and_is_named(old):
    renamed = (old / BASE).rename(old / "vae-digits-2d-00000000")
    (old / FULL / "history.jsonl").write_bytes(b"{broken\n" + (old / FULL / "history.jsonl").read_bytes())
    (old / FORK / "weights.safetensors").write_bytes(b"short")
    (old / DEEP / "config.json").write_text("{")
    report = upgrade_folder(old)
    assert report.left[renamed.name] == "The folder's name does not belong to the settings in it."
    assert "cannot be read" in report.left[DEEP] and {renamed.name, DEEP} == set(report.left)
    assert history.history_error(report.upgraded[FULL]).startswith("Line 1 of history.jsonl")
    broken = runs.entry(report.upgraded[FORK])
    assert broken.state == "broken" and "weights.safetensors is damaged" in broken.message


def test_a_run_of_format_1_names_the_command(old):
    for run in (BASE, PAUSED[0]):
        entry = runs.entry(run)
        assert entry.state == "broken" and entry.message.endswith(
            "run python -m aecore upgrade to convert it.".replace(
                "python -m aecore upgrade", '"python -m aecore upgrade"'
            )
        )


def test_the_command_says_what_it_did(old, capsys):
    assert main(["upgrade", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {
        "id": BASE,
        "new_id": runs.entry(next(r["new_id"] for r in rows if r["id"] == BASE)).id,
        "message": "",
    } in rows
    assert main(["upgrade", str(old)]) == 0
    assert "0 upgraded, 0 left as they are." in capsys.readouterr().out
    assert main(["upgrade", str(old / "nowhere")]) == 1
    assert "no folder" in capsys.readouterr().err


def test_every_name_of_the_tables_is_gone_from_what_is_checked():
    """The schema knows no name of format 1."""
    old_names = {*tables.SETTINGS, *tables.HISTORY, *tables.RESULT, *tables.SCORES} - {"weights"}
    source = Path(schema.__file__).read_text()
    assert not {name for name in old_names if f'"{name}"' in source}


def test_the_trash_folder_is_that_of_the_disk():
    assert disk.TRASH_DIR == ".trash"
