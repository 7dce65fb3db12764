"""The database: read without a second file, once for everybody; for every way of being spoilt it has a sentence."""

import contextlib
import json
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from aecore import disk
from aecore.errors import UserError
from aecore.jobs import queue_position
from aecore.jobs.executors.process import process_handle
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import database, database_snapshot, people, queue, recovery, runs, trash
from aecore.store.writer import RunWriter
from tests.kit.disks import fill

SMALL = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1))


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    """A runs folder of its own for each test."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def ask(run: str, person: str = "ada") -> bool:
    return not queue.enqueue(run, {"seed": 1}, person, None, {})


def age() -> None:
    """Lets the last change be ten seconds old."""
    os.utime(database.path(), (time.time() - 10.25,) * 2)


def edit(*statements: str) -> None:
    """Changes the database behind the laboratory's back."""
    with contextlib.closing(sqlite3.connect(database.path())) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


# Reading


def test_what_was_read_is_kept_until_something_changes(monkeypatch):
    ask("x")
    age()
    first, connect, opened = database_snapshot.snapshot(), sqlite3.connect, []
    monkeypatch.setattr(sqlite3, "connect", lambda *args, **more: opened.append(1) or connect(*args, **more))
    for _ in range(100):
        assert database_snapshot.snapshot() is first and people.labels()["x"].owner == "ada" and queue.job("x")
    assert not opened
    people.rename("x", "mine")  # one connection to change it, and one for the next look
    age()
    assert people.labels()["x"].name == "mine" and people.labels()["x"].name == "mine" and len(opened) == 2


def test_no_change_is_missed_however_fast_they_follow():
    """Two changes within one tick of the file system's clock: what was just changed is looked at again."""
    ask("x")
    for number in range(200):
        people.rename("x", f"name {number}")
        assert people.labels()["x"].name == f"name {number}"


def test_a_file_system_without_fractions_of_a_second_is_looked_at_again_for_longer(monkeypatch):
    """As FAT has it: the size stays the same, and the time of two changes within two seconds too."""
    lstat = os.lstat

    def coarse(file):
        found = lstat(file)
        seconds = int(found.st_mtime) // 2 * 2
        return os.stat_result(
            [*found[:7], found[7], seconds, found[9]], {"st_mtime": float(seconds), "st_mtime_ns": seconds * 10**9}
        )

    monkeypatch.setattr(os, "lstat", coarse)
    ask("x")
    for number in range(20):
        people.rename("x", f"name {number}")
        assert people.labels()["x"].name == f"name {number}"


STRESS = """
import sys, threading
from aecore.store import database
from aecore.store import database_snapshot, people, queue

def work(thread):
    for number in range(6):
        run = f"run-{sys.argv[1]}-{thread}-{number % 3}"
        queue.enqueue(run, {"seed": 1}, f"person{thread}", None, {})
        people.labels("person1"), queue.order(), database_snapshot._CACHE.clear()
        queue.claim()
        queue.complete(run)

threads = [threading.Thread(target=work, args=(thread,)) for thread in range(5)]
[each.start() for each in threads]
[each.join() for each in threads]
"""


def test_threads_of_several_processes_change_and_look_at_once_and_nothing_is_damaged(store):
    """A process that opened the file besides SQLite would lose its threads' locks when it closed it."""
    command = [sys.executable, "-c", STRESS]
    root = Path(database.__file__).parents[2]
    several = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE, cwd=root) for number in range(3)]
    assert [process.communicate()[1].decode() for process in several] == [""] * 3
    database_snapshot.check_integrity()
    with contextlib.closing(sqlite3.connect(database.path())) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_threads_that_look_at_once_read_it_once(monkeypatch):
    for number in range(50):
        ask(f"run{number}")
    age()
    read, reads = database_snapshot._read, []

    def slow(kept):
        reads.append(1)
        time.sleep(0.05)
        return read(kept)

    monkeypatch.setattr(database_snapshot, "_read", slow)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: database_snapshot.snapshot(), range(30)))
    assert len(reads) == 1 and len({id(each) for each in found}) == 1


def test_reading_needs_no_other_file_and_leaves_none(store):
    ask("x")
    (store / f"{database.FILE_NAME}-journal").unlink()
    database_snapshot._CACHE.clear()
    assert queue.jobs()[0].run == "x"
    assert sorted(each.name for each in store.iterdir()) == [database.FILE_NAME]


def test_the_log_of_an_earlier_version_is_turned_off(store):
    store.mkdir()
    edit("PRAGMA journal_mode = WAL", *filter(str.strip, database.TABLES_SQL.split(";")), "PRAGMA user_version = 2")
    edit("INSERT INTO labels VALUES ('x', 'ada', 'mine')")
    people.pin("x", "ada", True)
    assert people.labels("ada")["x"] == people.RunLabel("ada", "", "mine", True)
    with contextlib.closing(sqlite3.connect(database.path())) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)  # any but the write-ahead log
    assert not (store / f"{database.FILE_NAME}-wal").exists()


# A full disk


def test_on_a_full_disk_everything_can_be_read_and_small_changes_be_made(small_disk):
    people.set_display_name("ada", "Ada")
    for number in range(20):
        ask(f"run{number}")
    people.rename("run3", "mine")
    disk.create_reserve()
    fill(small_disk)
    database_snapshot._CACHE.clear()
    assert (
        len(queue.jobs()) == 20 and people.labels()["run3"].name == "mine" and database_snapshot.current_error() is None
    )
    people.rename("run3", "still mine")
    others, _ = queue.withdraw("run3", "ada")
    people.delete_labels("run4")
    assert others == 0 and people.labels()["run3"].name == "still mine" and "run4" not in people.labels()
    assert disk.is_full()


def test_a_disk_without_room_or_reserve_is_said_to_be_full_and_nothing_else(small_disk):
    ask("x")
    fill(small_disk)
    for journal in small_disk.glob("*-journal"):
        journal.unlink()  # what it held is taken by others at once
    fill(small_disk)
    with pytest.raises(database.Full) as caught:
        edit_many()
    assert str(caught.value) == disk.DISK_FULL_MESSAGE
    assert queue.requesters("x") == ["ada"]


def edit_many() -> None:
    with database.transaction() as connection:
        for number in range(2000):
            connection.execute("INSERT INTO labels VALUES (?, 'ada', NULL)", (f"run{number}" * 10,))


# Locked, foreign, newer, no file at all


@contextlib.contextmanager
def locked() -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(database.path(), isolation_level=None)) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_a_locked_database_is_not_damaged_and_pages_go_on(monkeypatch, store):
    ask("x")
    people.labels()
    monkeypatch.setattr(database, "WRITE_TIMEOUT", 0.2)
    monkeypatch.setattr(database, "READ_TIMEOUT", 0.2)
    with locked():
        for refused in (lambda: ask("y"), lambda: people.rename("x", "mine")):
            with pytest.raises(database.Busy, match="in use by another program"):
                refused()
        os.utime(database.path())  # as if it had been changed
        started = time.monotonic()
        for _ in range(50):
            assert people.labels()["x"].owner == "ada"  # what was read last
        assert time.monotonic() - started < 1  # waited for once, not fifty times
        assert isinstance(database_snapshot.current_error(), database.Busy)
        with pytest.raises(database.Busy):
            recovery.recover_if_damaged()
    monkeypatch.setattr(database_snapshot, "RETRY_SECONDS", 0.0)
    assert database_snapshot.current_error() is None and not database.quarantined_files() and ask("y") is False


def test_a_database_of_another_program_is_left_alone(store):
    store.mkdir()
    edit("CREATE TABLE tracks (title TEXT)")
    before = database.path().read_bytes()
    for refused in (queue.jobs, lambda: ask("y"), recovery.recover_if_damaged):
        with pytest.raises(
            database.DatabaseError, match=r"not made by this laboratory .it holds 'tracks'.: move it away"
        ):
            refused()
    assert database.path().read_bytes() == before and people.labels() == {}


def test_a_newer_database_is_left_alone(store):
    ask("x")
    edit("PRAGMA user_version = 7")
    before = database.path().read_bytes()
    with pytest.raises(database.DatabaseError, match=r"newer version .* has format 7, and this one knows 2"):
        recovery.recover_if_damaged()
    assert database.path().read_bytes() == before


@pytest.mark.parametrize("name", ["laboratory.sqlite", database.FILE_NAME])
def test_a_database_of_version_1_is_left_alone_and_the_command_that_converts_it_named(store, name):
    store.mkdir()
    with contextlib.closing(sqlite3.connect(store / name)) as connection:
        connection.execute("CREATE TABLE wants (run TEXT, person TEXT, asked REAL NOT NULL)")
        connection.execute("PRAGMA user_version = 1")
    before = (store / name).read_bytes()
    for refused in (queue.jobs, lambda: ask("y"), recovery.recover_if_damaged):
        with pytest.raises(database.DatabaseError, match=r"earlier version .* `python -m aecore upgrade`"):
            refused()
    assert [each.read_bytes() for each in store.glob("*.sqlite")] == [before] and people.labels() == {}


@pytest.mark.parametrize("kind", ["folder", "pipe", "link", "dangling"])
def test_what_is_no_file_is_neither_opened_nor_followed(store, tmp_path, kind):
    store.mkdir()
    outside = tmp_path / "secret.sqlite"
    with contextlib.closing(sqlite3.connect(outside)) as connection:
        connection.execute("CREATE TABLE secret (x)")
    before = outside.read_bytes()
    if kind == "folder":
        database.path().mkdir()
    elif kind == "pipe":
        os.mkfifo(database.path())
    else:
        database.path().symlink_to(outside if kind == "link" else tmp_path / "nowhere.sqlite")
    for refused in (queue.jobs, lambda: ask("y"), recovery.recover_if_damaged):
        with pytest.raises(database.DatabaseError, match="is no file: move it away"):
            refused()
    assert people.labels() == {} and outside.read_bytes() == before and not (tmp_path / "nowhere.sqlite").exists()


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "link"])
def test_a_journal_that_is_no_file_is_not_waited_for_and_not_followed(store, tmp_path, kind):
    """SQLite looks into the journal before it reads, and would wait for a pipe for ever."""
    ask("x")
    journal, outside = Path(f"{database.path()}-journal"), tmp_path / "outside"
    journal.unlink()
    outside.write_text("secret")
    if kind == "pipe":
        os.mkfifo(journal)
    else:
        journal.symlink_to(outside)
    for refused in (queue.jobs, lambda: ask("y"), recovery.recover_if_damaged):
        with pytest.raises(database.DatabaseError, match="-journal is no file: move it away"):
            refused()
    assert outside.read_text() == "secret"
    journal.unlink()
    assert ask("y") is False


# Damaged


def test_a_damaged_database_is_set_aside_whole_and_made_again_from_the_runs(store):
    people.set_display_name("ada", "Ada L.")
    jobs_of = [
        resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=1, seed=seed))
        for seed in range(3)
    ]
    for config in jobs_of:
        queue.enqueue(config.id, config.to_json(), "ada", None, {})
        RunWriter(config).request()
        trash.save_label(config.id)
    trash.rename(jobs_of[0].id, "the first", "ada")
    RunWriter(jobs_of[1]).set_stopped("stop")  # at rest: it is not asked for again
    queue.withdraw(jobs_of[1].id, "ada")
    spoilt = b"this is no database" * 100
    database.path().write_bytes(spoilt)
    assert isinstance(database_snapshot.current_error(), database.Damaged)
    recovery.recover_if_damaged()
    (aside,) = database.quarantined_files()
    assert aside.read_bytes() == spoilt
    assert people.labels()[jobs_of[0].id] == people.RunLabel("ada", "Ada L.", "the first")
    assert people.labels()[jobs_of[1].id].owner == "ada"
    assert sorted(queue.order()) == sorted([jobs_of[0].id, jobs_of[2].id])
    assert queue.job(jobs_of[0].id).config == jobs_of[0].to_json() and queue.requesters(jobs_of[2].id) == ["ada"]
    assert runs.entry(jobs_of[1].id).state == "stopped" and runs.entry(jobs_of[2].id).state == "waiting"
    recovery.recover_if_damaged()
    assert len(database.quarantined_files()) == 1  # sound now: once is enough


def test_a_run_in_training_keeps_its_worker_when_the_database_is_made_again(store):
    worker = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        queue.enqueue(SMALL.id, SMALL.to_json(), "ada", None, {})
        RunWriter(SMALL).request()
        trash.save_label(SMALL.id)
        state = json.loads((store / SMALL.id / "state.json").read_text())
        state |= {"state": "training", "executor": "fork", "handle": process_handle(worker.pid)}
        (store / SMALL.id / "state.json").write_text(json.dumps(state))
        database.path().write_bytes(b"no")
        recovery.recover_if_damaged()
        job = queue.job(SMALL.id)
        assert (job.state, job.handle) == ("running", process_handle(worker.pid)) and queue.requesters(SMALL.id) == [
            "ada"
        ]
    finally:
        worker.communicate()


def test_several_that_find_it_damaged_at_once_set_it_aside_once(store):
    ask("x")
    database.path().write_bytes(b"no database" * 50)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: recovery.recover(), range(6)))
    assert len(database.quarantined_files()) == 1 and queue.jobs() == []


def test_damage_that_only_a_change_finds_is_mended_too(store):
    """The tables are sound, and an index is not: no look reads that one."""
    for number in range(300):
        ask(f"run{number:03}", f"person{number % 3}")
    with contextlib.closing(sqlite3.connect(database.path())) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_jobs_1'"
        ).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    with open(database.path(), "r+b") as file:
        file.seek((page - 1) * size)
        file.write(b"\xff" * size)
    assert len(queue.jobs()) == 300
    with pytest.raises(database.Damaged):
        ask("another")
    assert database_snapshot.is_damaged()
    recovery.recover_if_damaged()
    assert ask("another") is False and len(database.quarantined_files()) == 1


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE jobs SET config = 'no JSON'",
        f"UPDATE jobs SET config = '{'[' * 100_000}'",
        "UPDATE jobs SET environment = '[]'",
        "UPDATE jobs SET requested_at = 'yesterday'",
        "UPDATE jobs SET state = 'dancing'",
        "UPDATE jobs SET run = x'00ff'",
        "UPDATE requests SET user = x'07'",
        "UPDATE users SET last_turn = 'often'",
        "UPDATE labels SET owner = x'00'",
        "INSERT INTO processes VALUES ('one', 'two', 'scheduler', 'three', NULL)",
        "DROP TABLE pins",
        "ALTER TABLE labels DROP COLUMN name",
    ],
)
def test_values_that_no_laboratory_wrote_are_damage(store, statement):
    people.set_display_name("ada", "Ada")
    ask("x")
    edit(statement)
    for refused in (database_snapshot.snapshot, database_snapshot.check_integrity):
        with pytest.raises(database.Damaged, match="set aside whole"):
            refused()
    recovery.recover_if_damaged()
    assert ask("y") is False and len(database.quarantined_files()) == 1


def spoil(content: bytes, chance: random.Random) -> bytes:
    """A database with something wrong in it: bytes changed, a piece cut out or off, doubled, or zeroed."""
    at, length = chance.randrange(len(content)), chance.randrange(1, 2000)
    kind = chance.choice(["bytes", "bits", "cut", "off", "zero", "noise", "double", "header"])
    if kind == "bits":
        flipped = bytearray(content)
        for _ in range(chance.randrange(1, 20)):
            flipped[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        return bytes(flipped)
    return {
        "bytes": lambda: content[:at] + chance.randbytes(min(length, 8)) + content[at + min(length, 8) :],
        "cut": lambda: content[:at] + content[at + length :],
        "off": lambda: content[:at],
        "zero": lambda: content[:at] + bytes(length) + content[at + length :],
        "noise": lambda: content[:at] + chance.randbytes(length) + content[at + length :],
        "double": lambda: content + content[at:],
        "header": lambda: content[: at % 100] + chance.randbytes(4) + content[at % 100 + 4 :],
    }[kind]()


def corrupted(store: Path, count: int, seed: int) -> dict[str, int]:
    """What becomes of a database that is spoilt again and again: how often it was read all the same, set aside and made
    again, or refused in a sentence. Raises whatever is none of these."""
    chance = random.Random(seed)
    people.set_display_name("ada", "Ada")
    for number in range(40):
        ask(f"run{number}", f"person{number % 5}")
        people.rename(f"run{number}", f"name {number}")
    whole, found = database.path().read_bytes(), {"sound": 0, "made again": 0, "refused": 0}
    for _ in range(count):
        for old in store.glob("aecore.*"):
            old.unlink()
        database.path().write_bytes(spoil(whole, chance))
        database_snapshot._CACHE.clear()
        (
            people.labels("ada"),
            queue.order(),
            people.display_name("ada"),
            queue.job("run3"),
            queue_position.position("run9"),
        )
        before = len(database.quarantined_files())
        for act in (
            recovery.recover_if_damaged,
            lambda: ask("another"),
            lambda: people.rename("run1", "x"),
            recovery.recover_if_damaged,
        ):
            with contextlib.suppress(database.DatabaseError):
                act()
        try:
            people.rename("run2", "y")
            found["made again" if len(database.quarantined_files()) > before else "sound"] += 1
        except UserError:
            found["refused"] += 1
    return found


def test_two_hundred_spoilt_databases_are_read_made_again_or_refused(store):
    found = corrupted(store, 200, seed=0)
    assert sum(found.values()) == 200 and found["made again"] > 50


@pytest.mark.slow
def test_two_thousand_spoilt_databases_are_read_made_again_or_refused(store):
    found = corrupted(store, 2000, seed=1)
    print(found)
    assert sum(found.values()) == 2000 and found["made again"] > 500 and found["refused"] < 100


def test_a_thread_that_looks_while_it_is_made_again_finds_one_or_the_other(store):
    ask("x")
    stop, raised = threading.Event(), []

    def look() -> None:
        while not stop.is_set():
            try:
                people.labels(), database_snapshot.current_error()
            except Exception as error:
                raised.append(error)

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(10):
        database.path().write_bytes(b"no database" * 50)
        with contextlib.suppress(database.Damaged):
            recovery.recover_if_damaged()
    stop.set()
    looking.join()
    assert not raised
