"""The ledger: who asked for what, whose turn it is, and which processes live. No torch, no training."""

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from aecore import files, system
from aecore.errors import UserError
from aecore.store import database, database_snapshot, people, processes_table, queue

ROOT = Path(queue.__file__).parents[2]


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    """A runs folder of its own for each test."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


def ask(run: str, person: str = "ada") -> bool:
    """Asks for a run; whether somebody did before."""
    return not queue.enqueue(run, {"seed": 1}, person, None, {})


def claims(most: int = 100) -> list[str]:
    """The runs that workers take, one after the other, until none is left."""
    taken: list[str] = []
    while len(taken) < most and (job := queue.claim()):
        taken.append(job.run)
    return taken


def a_dead_process() -> tuple[int, float]:
    """The number and birth of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = system.start_time(process.pid)
    process.communicate()
    return process.pid, born


def note(role: str, pid: int, born: float) -> None:
    """Writes a process into the ledger as it would have done itself."""
    with sqlite3.connect(Path(os.environ["AECORE_RUNS"]) / database.FILE_NAME) as connection:
        connection.execute("INSERT INTO processes VALUES (?, ?, ?, 9, NULL)", (pid, born, role))
    connection.close()


# Whose turn it is


def test_no_ledger_is_an_empty_one_and_looking_makes_none(store):
    assert queue.jobs() == [] and queue.order() == [] and queue.job("x") is None and people.labels() == {}
    assert (
        processes_table.active_servers() == 0
        and processes_table.scheduler_process() is None
        and people.display_name("ada") == ""
    )
    assert not store.exists()


def test_one_persons_runs_come_in_the_order_they_were_asked_for():
    for run in "cab":
        ask(run)
    assert queue.order() == ["c", "a", "b"] == claims()
    assert queue.claim() is None and queue.order() == []


def test_ten_of_one_person_do_not_block_the_first_of_another():
    for number in range(10):
        ask(f"ada{number}")
    ask("ben0", "ben")
    ask("cleo0", "cleo")
    ask("ben1", "ben")
    expected = ["ada0", "ben0", "cleo0", "ada1", "ben1", *(f"ada{number}" for number in range(2, 10))]
    assert queue.order() == expected
    assert claims() == expected  # what is announced is what happens


def test_six_people_with_five_runs_each_take_turns():
    for person in "abcdef":
        for number in range(5):
            ask(f"{person}{number}", person)
    order = claims()
    assert len(order) == 30
    for round in range(5):
        assert order[6 * round : 6 * round + 6] == [f"{person}{round}" for person in "abcdef"]


def test_a_newcomer_comes_before_the_second_of_somebody_just_served():
    ask("ada0")
    ask("ada1")
    assert queue.claim().run == "ada0"
    ask("ben0", "ben")
    assert queue.order() == ["ben0", "ada1"] == claims()


def test_who_waited_longest_since_the_last_turn_comes_first():
    for person in ("ada", "ben", "cleo"):
        ask(f"{person}0", person)
    assert claims() == ["ada0", "ben0", "cleo0"]
    for person in ("cleo", "ben", "ada"):  # asked in another order than they were served
        ask(f"{person}1", person)
    assert claims() == ["ada1", "ben1", "cleo1"]


def test_a_run_that_two_want_comes_at_the_first_of_their_turns_and_costs_only_one_of_them():
    ask("ada0")
    ask("shared")
    ask("ben0", "ben")
    ask("shared", "ben")
    ask("shared", "cleo")
    ask("cleo1", "cleo")
    # ada's and ben's firsts, then cleo's, which is everybody's; that turn was cleo's, so hers comes last again
    assert queue.order() == ["ada0", "ben0", "shared", "cleo1"] == claims()


def test_a_shared_run_leaves_the_others_turn_to_them():
    ask("shared")
    ask("shared", "ben")
    ask("ben1", "ben")
    ask("ada1")
    assert queue.order() == ["shared", "ben1", "ada1"] == claims()


def test_a_clock_that_jumps_makes_nobody_wait_behind_everybody(monkeypatch):
    """Turns are counted: whoever was served when the clock stood in the year 2100 is not last until then."""
    clock = time.time
    for person in ("ada", "ben", "cleo"):
        for number in range(3):
            ask(f"{person}{number}", person)
    monkeypatch.setattr(time, "time", lambda: clock() + 75 * 365 * 24 * 3600)
    assert queue.claim().run == "ada0"
    monkeypatch.setattr(time, "time", lambda: clock() - 24 * 3600)
    ask("ada3")
    ask("dora0", "dora")
    assert queue.order() == ["ben0", "cleo0", "dora0", "ada1", "ben1", "cleo1", "ada2", "ben2", "cleo2", "ada3"]
    assert claims() == ["ben0", "cleo0", "dora0", "ada1", "ben1", "cleo1", "ada2", "ben2", "cleo2", "ada3"]


def test_times_of_turns_that_an_earlier_version_kept_stay_in_order():
    for person in ("ada", "ben"):
        ask(f"{person}0", person)
        ask(f"{person}1", person)
    with database.transaction() as connection:  # as versions before this one did: seconds since 1970
        connection.execute("UPDATE users SET last_turn = 1764000000.5 WHERE user = 'ada'")
    assert claims() == ["ben0", "ada0", "ben1", "ada1"]


# Not too many


def fill_the_queue(count: int, people: int) -> list[str]:
    """Puts that many waiting runs of so many people into the ledger at once; their names by person in turn."""
    names = [f"run{number:04}" for number in range(count)]
    with database.transaction() as connection:
        for number, run in enumerate(names):
            person = f"person{number % people}"
            config = '{"dataset": "digits", "network": "mlp", "epochs": 3}'
            connection.execute(
                "INSERT INTO jobs (run, config, environment, requested_at) VALUES (?, ?, '{}', 0)", (run, config)
            )
            connection.execute("INSERT INTO requests VALUES (?, ?, 0)", (run, person))
            connection.execute("INSERT OR IGNORE INTO users (user) VALUES (?)", (person,))
    return names


def test_one_person_may_have_two_hundred_runs_waiting():
    fill_the_queue(queue.MAX_WAITING_PER_USER, 1)
    with pytest.raises(UserError, match="200 runs of yours are waiting, and 200 may"):
        ask("one more", "person0")
    assert ask("one more", "somebody else") is False
    assert ask("run0003", "person0") is True  # what is there already costs nothing
    assert queue.claim().run == "run0000"
    assert ask("another", "person0") is False


def test_the_server_lets_five_thousand_wait():
    fill_the_queue(queue.MAX_WAITING, 100)
    with pytest.raises(UserError, match="5,000 runs are waiting here, and no more than 5,000 may"):
        ask("one more")


def test_two_thousand_that_wait_are_taken_in_turns():
    names = fill_the_queue(2000, 10)
    assert queue.order() == names  # the first of each, then the second of each, and so on
    assert claims(25) == names[:25]


# Asking and leaving


def test_asking_is_noted_once_for_each_person():
    assert ask("x") is False
    assert ask("x") is True and ask("x", "ben") is True
    assert [job.run for job in queue.jobs()] == ["x"] and queue.requesters("x") == ["ada", "ben"]
    job = queue.job("x")
    assert job.config == {"seed": 1} and job.state == "waiting" and (job.handle, job.crashes) == (None, 0)


def test_the_last_to_leave_takes_a_waiting_run_away():
    ask("x")
    ask("x", "ben")
    others, job = queue.withdraw("x", "ada")
    assert others == 1 and job.run == "x" and queue.requesters("x") == ["ben"]
    assert queue.withdraw("x", "nobody")[0] == 1  # who did not ask takes nothing away
    others, job = queue.withdraw("x", "ben")
    assert others == 0 and job.state == "waiting" and queue.job("x") is None
    assert queue.withdraw("x", "ben") == (0, None)


def test_a_running_job_stays_until_it_has_come_to_rest():
    ask("x")
    queue.claim()
    others, job = queue.withdraw("x", "ada")
    assert others == 0 and job.state == "running" and queue.job("x") is not None
    queue.complete("x", requeue=True)
    assert queue.job("x") is None


def test_who_asks_while_it_is_being_stopped_waits_for_a_new_turn():
    ask("x")
    queue.claim()
    queue.mark_started("x", "fork", "7:1.0")
    queue.withdraw("x", "ada")
    assert ask("x", "ben") is True
    queue.complete("x", requeue=True)
    job = queue.job("x")
    assert job.state == "waiting" and job.handle is None and queue.order() == ["x"]
    queue.claim()
    queue.complete("x")  # finished: everybody has what they wanted
    assert queue.jobs() == [] and queue.requesters("x") == []


def test_deaths_count_in_a_row_with_no_new_checkpoint_between():
    ask("x")
    assert queue.claim().crashes == 0
    deaths = [queue.record_crash("x", mark) for mark in (0, 7, 9, 9)]  # none, a first one, a new one, the same again
    assert deaths == [1, 1, 1, 2]
    assert queue.job("x").crashes == 2 and queue.job("x").handle is None


def test_two_deaths_before_any_checkpoint_are_two_in_a_row():
    ask("x")
    queue.claim()
    assert [queue.record_crash("x", 0), queue.record_crash("x", 0)] == [1, 2]


# Several at once


def test_threads_that_ask_and_claim_at_once_take_each_job_once():
    with ThreadPoolExecutor(8) as pool:
        known = list(pool.map(lambda number: ask(f"run{number % 10}", f"person{number}"), range(40)))
        assert known.count(False) == 10
        taken = list(pool.map(lambda _: queue.claim(), range(40)))
    assert sorted(job.run for job in taken if job) == sorted(f"run{number}" for number in range(10))


ASKS = """
import sys
from aecore.store import queue
sys.stdin.readline()  # all at the same moment
queue.enqueue(sys.argv[1], {}, sys.argv[1], None, {})
"""


def test_processes_that_make_the_ledger_at_once_all_find_it(store, monkeypatch):
    """Five times six processes, with everything imported, wake up before an empty folder."""
    for round in range(5):
        monkeypatch.setenv("AECORE_RUNS", str(store / str(round)))
        asking = [
            subprocess.Popen(
                [sys.executable, "-c", ASKS, f"run{number}"], stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT
            )
            for number in range(6)
        ]
        errors = []
        for process in asking:
            process.stdin.write(b"\n")
            process.stdin.flush()
        for process in asking:
            errors.append(process.communicate()[1].decode())
        assert errors == [""] * 6
        assert sorted(job.run for job in queue.jobs()) == [f"run{number}" for number in range(6)]


def test_a_ledger_of_a_newer_version_is_refused_with_a_sentence(store):
    ask("x")
    assert queue.requesters("x") == ["ada"]
    with sqlite3.connect(store / database.FILE_NAME) as connection:
        connection.execute(f"PRAGMA user_version = {database.SCHEMA_VERSION + 1}")
    connection.close()
    for refused in (queue.jobs, queue.claim, lambda: ask("y"), processes_table.register_server):
        with pytest.raises(UserError, match="newer version"):
            refused()
    assert "newer version" in str(database_snapshot.current_error())
    assert queue.requesters("x") == ["ada"]  # what was read last is still shown


def test_a_damaged_ledger_is_said_with_what_to_do(store):
    store.mkdir()
    (store / database.FILE_NAME).write_bytes(b"this is no ledger" * 100)
    for refused in (queue.jobs, lambda: ask("y")):
        with pytest.raises(database.Damaged, match="set aside whole"):
            refused()
    assert people.labels() == {} and isinstance(database_snapshot.current_error(), database.Damaged)


# Processes


def test_a_process_is_told_from_a_later_one_of_the_same_number():
    me, birth = os.getpid(), system.start_time()
    assert system.is_alive(me, birth)
    assert not system.is_alive(me, birth - 60)
    assert not system.is_alive(*a_dead_process())
    assert not system.is_alive(None, 1.0) and not system.is_alive(me, None)


@pytest.mark.skipif(not psutil.LINUX, reason="elsewhere births are kept as times of day")
def test_a_correction_of_the_clock_kills_nobody(monkeypatch):
    birth, clock = system.start_time(), psutil.Process().create_time()
    started = psutil.boot_time()
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: started + 3)  # which is the clock less the seconds since
    assert psutil.Process().create_time() == clock + 3
    assert system.is_alive(os.getpid(), birth)


def test_laboratories_that_died_are_forgotten():
    note_dead = a_dead_process()
    processes_table.register_server()
    assert processes_table.active_servers() == 1
    processes_table.register_server()  # twice is once
    note("server", *note_dead)
    assert processes_table.active_servers() == 1
    processes_table.unregister_server()
    assert processes_table.active_servers() == 0


LEADS = """
import sys
from aecore.store import processes_table
print(processes_table.acquire_leadership(7), flush=True)
sys.stdin.readline()
print(processes_table.acquire_leadership(8), flush=True)
sys.stdin.readline()
"""


def _leading() -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", LEADS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    )


def test_one_process_leads_and_a_dead_one_is_replaced():
    both = [_leading(), _leading()]
    said = {process.stdout.readline().strip(): process for process in both}
    assert said.keys() == {"True", "False"}
    first, second = said["True"], said["False"]
    assert (
        processes_table.scheduler_process().pid == first.pid
        and processes_table.scheduler_process().port == 7
        and processes_table.scheduler_process().slots is None
    )
    first.kill()
    first.wait()
    assert processes_table.scheduler_process() is None
    second.stdin.write("\n")
    second.stdin.flush()
    assert second.stdout.readline().strip() == "True"
    processes_table.set_capacity(3)
    assert (
        processes_table.scheduler_process().pid,
        processes_table.scheduler_process().port,
        processes_table.scheduler_process().slots,
    ) == (
        second.pid,
        8,
        3,
    )
    assert processes_table.acquire_leadership(9) is False
    second.communicate("\n")
    for process in both:
        process.stdin.close()
        process.stdout.close()


def test_one_that_leads_and_gives_no_sign_of_life_is_replaced_and_notices():
    frozen = _leading()
    assert frozen.stdout.readline().strip() == "True" and processes_table.scheduler_process().pid == frozen.pid
    assert processes_table.acquire_leadership(9) is False
    processes_table.set_capacity(2)
    aged = f"{frozen.pid} {system.start_time(frozen.pid)} {time.monotonic() - processes_table.HEARTBEAT_TIMEOUT - 1}"
    (files.runs_dir() / processes_table.HEARTBEAT_FILE).write_text(aged)
    assert processes_table.scheduler_process() is None  # nobody waits for it any more
    assert (
        processes_table.acquire_leadership(9) is True
        and processes_table.is_leader()
        and processes_table.scheduler_process().pid == os.getpid()
    )
    frozen.stdin.write("\n")
    frozen.stdin.flush()
    assert frozen.stdout.readline().strip() == "False"  # it lives, and another one leads
    frozen.communicate("\n")
    frozen.stdin.close()
    frozen.stdout.close()


def test_one_that_still_imports_what_it_needs_has_longer():
    assert processes_table.acquire_leadership(7)
    for age, there in ((processes_table.HEARTBEAT_TIMEOUT + 1, True), (processes_table.STARTUP_TIMEOUT + 1, False)):
        said = f"{os.getpid()} {system.start_time()} {time.monotonic() - age}"
        (files.runs_dir() / processes_table.HEARTBEAT_FILE).write_text(said)
        assert (processes_table.scheduler_process() is not None) is there


@pytest.mark.parametrize("said", ["", "no number at all", "1 2", "1 2 3 4", "\x00" * 80])
def test_a_spoilt_heartbeat_makes_nobody_dead(said):
    assert processes_table.acquire_leadership(7)
    (files.runs_dir() / processes_table.HEARTBEAT_FILE).write_text(said)
    assert processes_table.scheduler_process().pid == os.getpid()
    processes_table.send_heartbeat()
    assert (files.runs_dir() / processes_table.HEARTBEAT_FILE).read_text().split()[0] == str(os.getpid())


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_heartbeat_that_is_no_file_is_not_waited_for_and_not_followed(tmp_path, kind):
    assert processes_table.acquire_leadership(7)
    place, outside = files.runs_dir() / processes_table.HEARTBEAT_FILE, tmp_path / "outside"
    outside.write_text("secret")
    place.unlink()
    {"pipe": os.mkfifo, "link": lambda it: it.symlink_to(outside), "folder": Path.mkdir}[kind](place)
    assert processes_table.scheduler_process().pid == os.getpid()  # nobody can tell how old it is
    processes_table.send_heartbeat()
    assert place.is_file() and not place.is_symlink() and outside.read_text() == "secret"


def test_what_only_the_leader_may_do_is_refused_to_one_that_is_not():
    ask("x")
    for act in (lambda: queue.claim(leader=True), lambda: queue.record_crash("x", 0, leader=True)):
        with pytest.raises(processes_table.LeadershipLost):
            act()
    with pytest.raises(processes_table.LeadershipLost):
        queue.complete("x", leader=True)
    assert queue.job("x").state == "waiting"
    processes_table.acquire_leadership(7)
    assert queue.claim(leader=True).run == "x"


def test_a_second_worker_of_a_run_goes_home():
    ask("x")
    queue.claim()
    queue.mark_started("x", "fork", "8:1.0")
    assert queue.register_worker("x", "fork", "7:1.0") is False and queue.job("x").handle == "8:1.0"
    queue.record_crash("x", 0)  # the other one was found dead
    assert queue.register_worker("x", "fork", "7:1.0") is True and queue.job("x").handle == "7:1.0"
    assert queue.register_worker("x", "fork", "7:1.0") is True  # it is that already


def test_a_foreman_resigns_only_when_no_laboratory_is_open():
    laboratory = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert processes_table.acquire_leadership(7) and processes_table.acquire_leadership(8) is False
    note("server", laboratory.pid, system.start_time(laboratory.pid))
    assert processes_table.release_leadership() is False and processes_table.scheduler_process().pid == os.getpid()
    laboratory.communicate()
    assert processes_table.release_leadership() is True and processes_table.scheduler_process() is None


# What people say of runs


def test_who_asked_first_owns_a_run_and_keeps_it_when_it_is_done():
    people.set_display_name("ada", "Ada L.")
    ask("x")
    ask("x", "ben")
    assert people.labels()["x"] == people.RunLabel("ada", "Ada L.", "", False)
    queue.claim()
    queue.complete("x")
    ask("x", "ben")
    assert people.labels()["x"].owner == "ada"


def test_names_and_pins():
    ask("x")
    people.rename("x", "  the round one  ")
    people.pin("x", "ada", True)
    people.pin("x", "ada", True)
    people.pin("y", "ada", True)  # of the gallery: nobody asked for it
    assert people.labels("ada") == {
        "x": people.RunLabel("ada", "", "the round one", True),
        "y": people.RunLabel(pinned=True),
    }
    assert not people.labels("ben")["x"].pinned and "y" not in people.labels("ben")
    people.pin("x", "ada", False)
    people.rename("x", " ")
    assert people.labels("ada")["x"] == people.RunLabel("ada")
    people.rename("z", "of the command line")
    ask("z", "cleo")  # asked for only now: so hers
    assert people.labels()["z"] == people.RunLabel("cleo", "", "of the command line")


def test_people_are_called_what_they_typed_without_markup():
    people.set_display_name("ada", "  Ada <b>[x](y)</b> *L*  ")
    assert people.display_name("ada") == "Ada bxyb L"
    people.set_display_name("ada", "Zoë O'Neil-Smith")
    assert people.display_name("ada") == "Zoë O'Neil-Smith"
    people.set_display_name("ada", "x" * 1000)
    assert len(people.display_name("ada")) == 40 and people.display_name("ben") == ""
    ask("x")
    people.rename("x", "y" * 1000)
    assert len(people.labels()["x"].name) == 80


def test_a_name_given_later_does_not_cost_a_turn():
    ask("ada0")
    ask("ada1")
    ask("ben0", "ben")
    queue.claim()
    people.set_display_name("ada", "Ada")
    people.set_display_name("ben", "Ben")
    assert queue.order() == ["ben0", "ada1"]


def test_a_deleted_run_is_forgotten_and_can_be_put_back():
    ask("x")
    people.rename("x", "mine")
    people.pin("x", "ada", True)
    people.delete_labels("x")
    assert people.labels("ada") == {}
    people.restore_labels("x", "ada", "mine")
    assert people.labels("ada")["x"] == people.RunLabel("ada", "", "mine")
