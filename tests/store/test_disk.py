"""Room on the disk: what gives way when there is none, what is held back, and a training that waits for it."""

import dataclasses
import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from aecore import disk, files, system
from aecore.errors import UserError
from aecore.jobs import worker
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import history, people, queue, runs, trash
from aecore.store.writer import RunWriter
from tests.kit.cases import few
from tests.kit.disks import fill

SMALL = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1))
OTHER = dataclasses.replace(SMALL, seed=1)
LONGER = dataclasses.replace(SMALL, epochs=60)


@pytest.fixture
def store(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def train(config, owner: str = "ada") -> str:
    list(worker.run_training(config))
    people.restore_labels(config.id, owner, "")
    return config.id


# The trash


def test_a_run_deleted_for_good_frees_its_room_at_once(store):
    run = train(SMALL)
    weight = trash.dir_size(store / run)
    ticket = trash.delete(run, "ada")
    assert trash.dir_size(store) >= weight
    trash.delete_permanently(ticket, "ada")
    assert not list((store / disk.TRASH_DIR).iterdir())
    with pytest.raises(UserError, match="not in the trash any more"):
        trash.restore(ticket, "ada")


@pytest.mark.parametrize("at", ["restore", "replace"])
def test_a_restore_that_dies_midway_loses_neither_run_nor_owner_nor_name(store, monkeypatch, at):
    run = train(SMALL)
    trash.rename(run, "mine", "ada")
    ticket = trash.delete(run, "ada")

    def dies(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(*((people, "restore_labels") if at == "restore" else (os, "replace")), dies)
        with pytest.raises(KeyboardInterrupt):
            trash.restore(ticket, "ada")
    assert trash.load_deleted(ticket).label == people.RunLabel("ada", "", "mine")
    assert trash.restore(ticket, "ada") == run
    assert people.labels()[run] == people.RunLabel("ada", "", "mine") and runs.entry(run).finished
    assert not (store / run / runs.DELETED_FILE).exists()


def test_a_clock_that_jumps_empties_no_trash(store, monkeypatch):
    ticket = trash.delete(train(SMALL), "ada")
    clock = time.time
    monkeypatch.setattr(time, "time", lambda: clock() + 40 * 24 * 3600)
    assert trash.load_deleted(ticket).age < 60
    trash.delete(train(OTHER), "ada")  # which tidies the trash
    assert trash.restore(ticket, "ada") == SMALL.id


def test_what_was_deleted_more_than_a_day_ago_goes(store, monkeypatch):
    ticket = trash.delete(train(SMALL), "ada")
    up = system.uptime
    monkeypatch.setattr(system, "uptime", lambda: up() + trash.RETENTION_SECONDS + 1)
    trash.delete(train(OTHER), "ada")
    with pytest.raises(UserError, match="not in the trash any more"):
        trash.restore(ticket, "ada")


def test_after_a_restart_of_the_machine_the_clock_is_left(store):
    ticket = trash.delete(train(SMALL), "ada")
    file = store / disk.TRASH_DIR / ticket / runs.DELETED_FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | {"boot_id": "another", "uptime": 9e9}))
    assert 0 <= trash.load_deleted(ticket).age < 60


@pytest.mark.parametrize(
    "spoilt", ["[]", "no JSON", "[" * 100_000, '{"deleted_by": 7, "uptime": "soon", "boot_id": []}']
)
def test_spoilt_notes_in_the_trash_do_no_harm(store, spoilt):
    ticket = trash.delete(train(SMALL), "ada")
    for name in (runs.DELETED_FILE, runs.LABEL_FILE):
        (store / disk.TRASH_DIR / ticket / name).write_text(spoilt)
    (store / disk.TRASH_DIR / "something else").write_text("x")
    os.mkfifo(store / disk.TRASH_DIR / "pipe~1")
    assert [each.trash_id for each in trash.list_deleted("ada")] == [ticket]
    assert trash.restore(ticket, "ada") == SMALL.id


# A full disk


def test_the_trash_gives_way_the_oldest_first(small_disk):
    first, second = trash.delete(train(SMALL), "ada"), trash.delete(train(OTHER), "ada")
    filler = fill(small_disk)
    held = disk._reserve_size(4 << 20)  # there is no reserve, so as much is kept free
    os.truncate(filler, filler.stat().st_size - held + 4096)
    files.atomic_write(small_disk / "something", b"x" * 4096)
    kept = [each.name for each in (small_disk / disk.TRASH_DIR).iterdir()]
    assert kept == [second] and first not in kept


def test_deleting_for_good_makes_room_where_not_a_byte_is_left(small_disk):
    run = train(SMALL)
    disk.create_reserve()
    fill(small_disk)
    assert disk.is_full()
    with pytest.raises(OSError, match="No space left"):
        files.atomic_write(small_disk / "something", b"x" * 4096)
    assert (small_disk / disk.RESERVE_FILE).exists()  # which is not for that
    ticket = trash.delete(run, "ada")
    trash.delete_permanently(ticket, "ada")
    files.atomic_write(small_disk / "something", b"x" * 4096)


def test_a_run_can_be_deleted_where_there_is_no_room_for_a_note_either(small_disk):
    """No reserve, no room in the database's journal: nothing at all can be written."""
    run = train(SMALL)
    trash.rename(run, "mine", "ada")
    (small_disk / run / runs.LABEL_FILE).unlink()
    fill(small_disk)
    for journal in small_disk.glob("*-journal"):
        journal.unlink()
        fill(small_disk)
    ticket = trash.delete(run, "ada")
    assert trash.load_deleted(ticket).label == people.RunLabel("ada", "", "mine")  # the database has it still
    trash.delete_permanently(ticket, "ada")
    files.atomic_write(small_disk / "vital", b"x", use_reserve=True)


def test_the_reserve_is_for_what_is_vital_and_is_held_again_when_there_is_room(small_disk):
    disk.create_reserve()
    size = (small_disk / disk.RESERVE_FILE).stat().st_size
    assert size == (4 << 20) // 16
    filler = fill(small_disk)
    files.atomic_write(small_disk / "vital", b"x", use_reserve=True)
    assert not (small_disk / disk.RESERVE_FILE).exists()
    with pytest.raises(OSError, match="No space left"):  # its room is not for what is not
        files.atomic_write(small_disk / "bulk", b"x")
    files.atomic_write(small_disk / "vital", b"y", use_reserve=True)
    disk.create_reserve()
    assert not (small_disk / disk.RESERVE_FILE).exists()  # not as long as room is short
    filler.unlink()
    disk.create_reserve()
    assert (small_disk / disk.RESERVE_FILE).stat().st_size == size


def test_a_line_that_finds_no_room_is_not_half_written(small_disk):
    file = small_disk / "history.jsonl"
    files.append(file, "first\n")
    filler = fill(small_disk)
    with pytest.raises(OSError, match="No space left"):
        files.append(file, "x" * 9000 + "\n")
    assert file.read_text() == "first\n"
    filler.unlink()
    files.append(file, "second\n")
    assert file.read_text() == "first\nsecond\n"


def test_a_training_waits_for_room_and_ends_as_if_nothing_had_been(small_disk, tmp_path, monkeypatch):
    disk.create_reserve()
    ended = []

    def carry_out() -> None:
        ended.extend(worker.run_training(LONGER, wait_for_space=True))

    training = threading.Thread(target=carry_out)
    training.start()
    _until(lambda: len(history.history(LONGER.id)) > 2)
    filler = fill(small_disk)
    _until(lambda: "disk is full" in runs.read_state(LONGER.id).get("message", ""))
    assert runs.entry(LONGER.id).state == "training"
    done = len(history.history(LONGER.id))
    time.sleep(0.3)
    assert len(history.history(LONGER.id)) == done and training.is_alive()
    filler.unlink()
    training.join(60)
    found = runs.entry(LONGER.id)
    assert found.finished and [line["epoch"] for line in history.history(LONGER.id)] == list(range(1, 61))
    weights = (small_disk / LONGER.id / runs.WEIGHTS_FILE).read_bytes()
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "undisturbed"))
    list(worker.run_training(LONGER))
    assert (tmp_path / "undisturbed" / LONGER.id / runs.WEIGHTS_FILE).read_bytes() == weights


def test_a_training_that_waits_for_room_can_be_stopped(small_disk):
    disk.create_reserve()
    training = threading.Thread(target=lambda: list(worker.run_training(LONGER, wait_for_space=True)))
    training.start()
    _until(lambda: len(history.history(LONGER.id)) > 2)
    fill(small_disk)
    _until(lambda: "disk is full" in runs.read_state(LONGER.id).get("message", ""))
    RunWriter(LONGER).send_command("stop")
    training.join(20)
    assert not training.is_alive() and runs.entry(LONGER.id).state == "stopped"


def _until(condition) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.01)


# A folder that cannot be used


def test_a_runs_folder_that_is_a_file_cannot_be_made_or_is_read_only_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    words = {"file": "is a file", "link": "broken link", "file/runs": "cannot be made"}
    for name, said in words.items():
        monkeypatch.setenv("AECORE_RUNS", str(tmp_path / name))
        assert said in disk.runs_dir_error() and "AECORE_RUNS" in disk.runs_dir_error()
        for act in (
            lambda: people.set_display_name("ada", "Ada"),
            lambda: queue.enqueue("x", {}, "ada", None, {}),
        ):
            with pytest.raises(UserError, match=said):
                act()
        assert people.labels() == {} and [each for each in runs.entries() if not each.pretrained] == []


def test_a_read_only_runs_folder_can_be_looked_at(small_disk):
    run = train(SMALL)
    people.rename(run, "mine")
    subprocess.run(["mount", "-o", "remount,ro", small_disk.parent], check=True)
    try:
        assert "is read-only" in disk.runs_dir_error()
        assert runs.entry(run).finished and people.labels()[run].name == "mine"
        for act in (lambda: trash.rename(run, "x", "ada"), lambda: trash.delete(run, "ada"), lambda: work_on(OTHER)):
            with pytest.raises(UserError, match="is read-only: what is there can be looked at"):
                act()
    finally:
        subprocess.run(["mount", "-o", "remount,rw", small_disk.parent], check=True)


def work_on(config) -> None:
    from aecore.jobs import api

    api.submit(config, user="ada")


COMMANDS = (
    ["runs"],
    ["train", "--epochs", "1", "--hidden-sizes", "8"],
    ["watch", "x"],
    ["evaluate", "x"],
    ["export", "x"],
)


@pytest.mark.parametrize("command", few(COMMANDS, COMMANDS[0], name=lambda command: command[0]))
def test_the_command_line_says_it_in_one_sentence(tmp_path, command):
    (tmp_path / "file").write_text("x")
    done = subprocess.run(
        [sys.executable, "-m", "aecore", *command],
        capture_output=True,
        text=True,
        env=os.environ | {"AECORE_RUNS": str(tmp_path / "file")},
        cwd=Path(worker.__file__).parents[2],
    )
    assert "Traceback" not in done.stderr
    if command[0] == "train":
        assert done.returncode == 1 and "is a file" in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 1


def test_errors_of_the_system_become_sentences():
    assert disk.error_message(OSError(errno.ENOSPC, "No space left on device")) == disk.DISK_FULL_MESSAGE
    assert disk.error_message(OSError(errno.EDQUOT, "Disk quota exceeded")) == disk.DISK_FULL_MESSAGE
    said = disk.error_message(PermissionError(errno.EACCES, "Permission denied", "/x"), "The map cannot be drawn")
    assert said == "The map cannot be drawn: /x is protected (Permission denied)."
