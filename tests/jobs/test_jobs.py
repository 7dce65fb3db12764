"""Training as a service: real foremen, their workers, and what happens when any of them dies.

A foreman imports for seconds, so the tests share a few, each with its runs folder; every test has seeds of its own.
"""

import contextlib
import dataclasses
import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import torch
from safetensors.numpy import save

from aecore import disk, limits, system
from aecore.analysis import loaded
from aecore.cli import main
from aecore.config import Config
from aecore.disk import Store
from aecore.errors import UserError
from aecore.jobs import api, queue_position, run_times, scheduler, supervisor
from aecore.jobs import worker as work
from aecore.jobs.executors import Task
from aecore.jobs.executors.process import exit_message, parse_handle
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import database, history, people, processes_table, queue, runs
from aecore.store.writer import RunWriter
from tests.kit.results import RESULT

QUICK = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=3))
# a few seconds, with a checkpoint each second; random numbers at every step
MEDIUM = resolve_config(
    presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=15, batch_size=8, dropout=0.1)
)
LONG = dataclasses.replace(QUICK, epochs=1000, batch_size=8)  # minutes: it ends only by being ended
PATIENCE = 60  # seconds until a condition counts as never met; on an idle machine all take under five
SEEDS = itertools.count(1)


def fresh(config: Config) -> Config:
    """These settings with a seed that no other test has."""
    return dataclasses.replace(config, seed=next(SEEDS))


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> float:
    """Waits for a condition; how many seconds it took. Fails when it is not met in time."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() - started < seconds, "waited in vain"
        time.sleep(0.005)
    return time.monotonic() - started


def state(config: Config) -> str:
    return runs.entry(config.id).state


def ends(config: Config) -> str:
    """The state in which a run comes to rest."""
    until(lambda: not runs.entry(config.id).active)
    return state(config)


def worker(config: Config) -> int:
    """The process that works on a run, once it has one."""
    until(lambda: (job := queue.job(config.id)) and job.handle)
    return pid(queue.job(config.id))


def pid(job: queue.Job) -> int | None:
    """The process that works on a job; None when it has none."""
    return parse_handle(job.handle)[0] if job.handle else None


def kept(config: Config) -> int:
    """Waits for a checkpoint; which one it is."""
    until(lambda: RunWriter(config).checkpoint_version())
    return RunWriter(config).checkpoint_version()


def goes_on(config: Config) -> None:
    """Waits until a run has done another epoch."""
    seen = len(history.history(config.id))
    until(lambda: len(history.history(config.id)) > seen)


def _told(run: str) -> list[dict]:
    """The history without its clock."""
    return [{name: value for name, value in line.items() if name != "seconds"} for line in history.history(run)]


def like_undisturbed(config: Config, tmp_path: Path) -> bool:
    """Whether a run came out as one trained in one go here, with as many threads: weights and every epoch."""
    result, told = runs.entry(config.id).result, _told(config.id)
    weights = (runs.path(config.id) / "weights.safetensors").read_bytes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(tmp_path / "undisturbed"))
        threads = torch.get_num_threads()
        torch.set_num_threads(result["threads"])
        list(work.run_training(config))
        torch.set_num_threads(threads)
        assert [line["epoch"] for line in told] == list(range(1, len(told) + 1))
        return (runs.path(config.id) / "weights.safetensors").read_bytes() == weights and _told(config.id) == told


def ended(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


# --- Laboratories -----------------------------------------------------------------------------------------------------

LABORATORY = """
import json, sys
from aecore.jobs import api as jobs, supervisor
from aecore.config import Config
supervisor.register_server()
print("open", flush=True)
for line in sys.stdin:
    person, config = json.loads(line)
    print(jobs.submit(Config.from_json(config), user=person).created, flush=True)
supervisor.unregister_server()
"""


class Laboratory:
    """Another server process on a runs folder."""

    def __init__(self, folder: Path, workers: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", LABORATORY],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=supervisor.ROOT,
            env=os.environ | {"AECORE_RUNS": str(folder), "AECORE_WORKERS": str(workers)},
        )

    def open(self) -> None:
        assert self.process.stdout.readline().strip() == "open"

    def submit(self, config: Config, person: str) -> bool:
        self.process.stdin.write(json.dumps([person, config.to_json()]) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip() == "True"

    def end(self, kill: bool = False) -> None:
        if kill:
            self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def at(folder: Path, workers: int) -> Iterator[None]:
    """Here is the laboratory of that folder, with so many workers."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(folder))
        patch.setenv("AECORE_WORKERS", str(workers))
        yield


FOLDERS = {"one": 1, "two": 2, "spares": 2}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Iterator[dict[str, Path]]:
    """Runs folders with a foreman each, started together because each imports for seconds; none is left behind."""
    there = {name: tmp_path_factory.mktemp(name) for name in FOLDERS}
    spares = None
    for name, workers in FOLDERS.items():
        with at(there[name], workers):
            if name == "spares":  # as on Windows and macOS
                spares = subprocess.Popen(
                    [sys.executable, "-m", "aecore.jobs.scheduler", "spawn"],
                    cwd=supervisor.ROOT,
                    start_new_session=True,
                )
                processes_table.register_server()
                until(processes_table.scheduler_process)
            supervisor.register_server()
    yield there
    foremen = []
    for name, workers in FOLDERS.items():
        with at(there[name], workers):
            supervisor.unregister_server()
            foremen.append(processes_table.scheduler_process())
    pids = [each.pid for each in foremen if each]
    try:
        until(lambda: spares.poll() is not None and all(map(ended, pids)))
    finally:
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("AECORE_RUNS") in map(str, there.values()):
                    process.kill()


def _swept() -> None:
    """Stops whatever still trains or waits in this folder."""
    for job in queue.jobs():
        for person in queue.requesters(job.run):
            with contextlib.suppress(runs.UnknownRun):
                api.cancel(job.run, person)
    until(lambda: not queue.jobs())


def _laboratory(name: str):
    @pytest.fixture
    def here(folders) -> Iterator[Path]:
        with at(folders[name], FOLDERS[name]):
            yield folders[name]
            _swept()

    return here


one, two, spares = (_laboratory(name) for name in FOLDERS)


@pytest.fixture
def nowhere(tmp_path, monkeypatch) -> Path:
    """A runs folder with no foreman at all, and no gallery that would tell how long training takes."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    monkeypatch.setattr(runs, "PRETRAINED_DIR", tmp_path / "gallery")
    run_times._by_likeness.cache_clear()
    return tmp_path / "runs"


# --- Asking -----------------------------------------------------------------------------------------------------------


def test_a_submitted_run_is_trained_and_a_second_asking_finds_it(two, tmp_path):
    config = fresh(QUICK)
    assert api.submit(config).created
    assert runs.entry(config.id).active or state(config) == "finished"  # at once: the page that asked sees it
    states = [entry.state for entry in api.watch(config.id)]
    assert states[-1] == "finished" and set(states) <= {"waiting", "training", "finished"}
    assert loaded.load(config.id).config == config
    assert like_undisturbed(config, tmp_path)
    assert not (two / config.id / "checkpoint.safetensors").exists()
    assert not api.submit(config).created
    until(lambda: queue.job(config.id) is None)
    assert not api.submit(config).created and queue.job(config.id) is None


def test_a_run_that_two_want_is_trained_once_and_stops_when_the_last_leaves(two):
    config = fresh(LONG)
    assert api.submit(config, user="ada").created
    goes_on(config)
    pid = worker(config)
    assert not api.submit(config, user="ben").created and queue.requesters(config.id) == ["ada", "ben"]
    goes_on(config)
    with pytest.raises(UserError, match="Only those who asked for it"):
        api.cancel(config.id, "cleo")
    assert api.cancel(config.id, "ada") == 1
    goes_on(config)
    assert worker(config) == pid and state(config) == "training"
    with pytest.raises(UserError, match="Only those who asked for it"):
        api.cancel(config.id, "ada")
    assert api.cancel(config.id, "ben") == 0
    assert ends(config) == "stopped" and "of 1000 epochs" in runs.entry(config.id).message
    assert runs.entry(config.id).has_checkpoint


def test_thirty_who_ask_at_once_share_one_training(two):
    config = fresh(QUICK)
    together = threading.Barrier(30)

    def ask(number: int) -> bool:
        together.wait()
        return api.submit(config, user=f"person {number}").created

    with ThreadPoolExecutor(30) as pool:
        created = list(pool.map(ask, range(30)))
    assert created.count(True) == 1
    assert ends(config) == "finished"
    assert [line["epoch"] for line in history.history(config.id)] == [1, 2, 3]
    until(lambda: not queue.jobs())
    assert queue.requesters(config.id) == []


def test_who_asks_while_it_is_being_stopped_gets_it_all_the_same(two):
    config = fresh(LONG)
    api.submit(config, user="ada")
    goes_on(config)
    api.cancel(config.id, "ada")
    api.submit(config, user="ben")  # before or after it has come to rest: both are right
    goes_on(config)
    assert state(config) == "training" and queue.requesters(config.id) == ["ben"]


def test_cancelling_what_is_finished_or_unknown_does_no_harm(two):
    config = fresh(QUICK)
    api.submit(config)
    assert ends(config) == "finished"
    assert api.cancel(config.id) == 0 and api.cancel(config.id, command="pause") == 0
    assert state(config) == "finished"
    with pytest.raises(runs.UnknownRun):
        api.cancel("vae-digits-2d-00000000")


# --- Stopping, pausing, going on --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_paused_run_goes_on_where_it_was_to_the_same_end(two, tmp_path):
    config = fresh(MEDIUM)
    api.submit(config)
    for _ in range(2):
        goes_on(config)
        api.cancel(config.id, command="pause")
        assert ends(config) == "paused"
        entry = runs.entry(config.id)
        assert entry.has_checkpoint and entry.message.startswith("Paused after") and entry.progress["epoch"] >= 1
        seen = entry.progress["step"]
        assert api.submit(config).created
        until(
            lambda seen=seen: runs.entry(config.id).progress.get("step", 0) > seen or not runs.entry(config.id).active
        )
    assert ends(config) == "finished" and like_undisturbed(config, tmp_path)


def test_training_stands_back_behind_the_pages(one):
    """And the scheduler does not: it starts what others wait for."""
    config = fresh(LONG)
    api.submit(config)
    until(lambda: state(config) == "training")
    mine = psutil.Process().nice()
    assert psutil.Process(worker(config)).nice() == min(19, mine + system.NICENESS_TRAINING) > mine
    assert psutil.Process(processes_table.scheduler_process().pid).nice() == mine
    api.cancel(config.id)
    assert ends(config) == "stopped"


def test_stopping_frees_the_worker(one):
    """Ten times the second that is promised, five times over; benchmarks/service.py measures it."""
    for _ in range(5):
        config = fresh(LONG)
        api.submit(config)
        until(lambda config=config: "step" in runs.entry(config.id).progress)
        api.cancel(config.id)
        assert until(lambda: not queue.jobs()) < 10
        assert state(config) == "stopped" and runs.entry(config.id).has_checkpoint


def test_a_run_stopped_before_it_has_begun_to_train_can_be_asked_for_again(two):
    config = fresh(MEDIUM)
    api.submit(config)
    api.cancel(config.id)  # it may wait, be about to start, or have started
    assert ends(config) == "stopped"
    api.submit(config)
    goes_on(config)


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot freeze a process")
def test_a_worker_that_does_not_hear_its_order_is_ended(one):
    """Frozen, as one that hangs inside a library; the next job then has its place."""
    config, after = fresh(LONG), fresh(QUICK)
    api.submit(config)
    kept(config)
    os.kill(worker(config), signal.SIGSTOP)
    api.cancel(config.id)
    assert ends(config) == "stopped" and runs.entry(config.id).has_checkpoint
    api.submit(after)
    assert ends(after) == "finished"


def test_a_run_stopped_while_it_waits_never_starts(one):
    first, waiting, paused, after = fresh(LONG), fresh(QUICK), fresh(QUICK), fresh(QUICK)
    api.submit(first)
    worker(first)
    for config in (waiting, paused, after):
        api.submit(config)
    assert api.cancel(waiting.id) == 0 and state(waiting) == "stopped"
    assert api.cancel(paused.id, command="pause") == 0 and state(paused) == "paused"
    api.cancel(first.id)
    assert ends(after) == "finished"  # it stood behind the others
    assert (state(waiting), state(paused)) == ("stopped", "paused")
    assert history.history(waiting.id) == history.history(paused.id) == []


# --- Turns ------------------------------------------------------------------------------------------------------------


def test_with_one_lane_the_second_waits_its_turn(one):
    first, second = fresh(LONG), fresh(QUICK)
    api.submit(first)
    goes_on(first)
    api.submit(second)
    goes_on(first)
    assert state(second) == "waiting" and queue_position.position(second.id).ahead == 1
    api.cancel(first.id)
    assert ends(second) == "finished" and state(first) == "stopped"


def test_with_two_lanes_two_train_side_by_side(two):
    pair = [fresh(LONG), fresh(LONG)]
    for config in pair:
        api.submit(config)
    until(lambda: all(history.history(config.id) for config in pair))
    assert [state(config) for config in pair] == ["training"] * 2
    assert worker(pair[0]) != worker(pair[1]) and processes_table.scheduler_process().slots == 2


def test_ten_runs_of_one_person_do_not_block_the_first_of_another(one):
    first, adas, bens = fresh(LONG), [fresh(QUICK) for _ in range(4)], [fresh(QUICK) for _ in range(2)]
    api.submit(first, user="ada")
    worker(first)
    for config in adas:
        api.submit(config, user="ada")
    for config in bens:
        api.submit(config, user="ben")
    expected = [bens[0], adas[0], bens[1], *adas[1:]]  # ada has just been served
    assert queue.order() == [config.id for config in expected]
    assert [queue_position.position(config.id).ahead for config in expected] == list(range(1, 7))
    api.cancel(first.id, "ada")
    assert {ends(config) for config in expected} == {"finished"}
    done = sorted(expected, key=lambda config: runs.entry(config.id).created)
    assert [config.id for config in done] == [config.id for config in expected]


def test_a_place_in_the_queue_says_how_many_and_how_long(nowhere):
    training, second, third, unknown = (fresh(QUICK) for _ in range(4))
    for config in (training, second, third):
        queue.enqueue(config.id, config.to_json(), "ada", None, {})
        RunWriter(config).request()
    assert queue.claim().run == training.id
    RunWriter(training).set_state("training", progress={"seconds_left": 30.0, "epoch": 1})
    extra = queue_position.HANDOVER_SECONDS
    assert place(second) == (1, pytest.approx(30 + extra, abs=1))
    assert place(third) == (2, None)  # nobody knows how long the second takes
    RunWriter(second).set_state("waiting", progress={"seconds_left": 12.0})
    assert place(third) == (2, pytest.approx(42 + 2 * extra, abs=1))
    processes_table.acquire_leadership(9)  # with two workers, it begins when the first of the two is done
    processes_table.set_capacity(2)
    assert place(third) == (2, pytest.approx(12 + extra, abs=1))
    assert place(second) == (1, 0.0)
    assert place(unknown)[0] == 1  # not in the queue: only what trains is before it


def place(config: Config) -> tuple[int, float | None]:
    queue_position._queue_positions.cache_clear()  # a moment later
    found = queue_position.position(config.id)
    return found.ahead, found.seconds


def test_what_a_run_said_long_ago_is_not_what_it_says_now(nowhere, monkeypatch):
    """It says nothing while it evaluates; and when it is done, its worker has yet to leave."""
    config = fresh(QUICK)
    queue.enqueue(config.id, config.to_json(), "ada", None, {})
    RunWriter(config).request()
    queue.claim()
    RunWriter(config).set_state("training", progress={"seconds_left": 30.0})
    now, extra = time.time(), queue_position.HANDOVER_SECONDS
    monkeypatch.setattr(queue_position.time, "time", lambda: now + 18)
    assert queue_position.seconds_left(config.id) == pytest.approx(12 + extra, abs=1)
    monkeypatch.setattr(queue_position.time, "time", lambda: now + 100)
    assert queue_position.seconds_left(config.id) == 1 + extra
    with RunWriter(config) as draft:
        draft.finish(save({"w": np.zeros(3, np.float32)}), RESULT, b"")
    assert queue_position.seconds_left(config.id) == extra


def test_runs_that_were_never_begun_are_judged_by_finished_ones_like_them(nowhere):
    done, waiting = fresh(QUICK), dataclasses.replace(fresh(QUICK), epochs=30)
    RunWriter(waiting).request()
    assert queue_position.seconds_left(waiting.id) is None
    run_times._by_likeness.cache_clear()
    with RunWriter(done) as draft:
        phases = {"startup": 1.0, "epoch": 2.0, "closing": 5.0}
        draft.finish(save({"w": np.zeros(3, np.float32)}), RESULT | {"phase_seconds": phases}, b"")
    expected = 1 + 30 * 2 + 5 + queue_position.HANDOVER_SECONDS
    assert queue_position.seconds_left(waiting.id) == pytest.approx(expected)


# --- What goes wrong --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_killed_worker_is_noticed_said_and_its_run_goes_on_to_the_same_end(two, tmp_path):
    """Killed twice, each time after a new checkpoint, and no matter where in an epoch."""
    config, mark = fresh(dataclasses.replace(MEDIUM, epochs=30)), 0
    api.submit(config)
    for _ in range(2):
        until(lambda mark=mark: RunWriter(config).checkpoint_version() not in (0, mark))
        mark, pid = RunWriter(config).checkpoint_version(), worker(config)
        os.kill(pid, signal.SIGKILL)
        assert until(lambda: "another one goes on" in runs.entry(config.id).message) < 5
        until(lambda pid=pid: worker(config) != pid)
        entry = runs.entry(config.id)
        assert entry.state == "training" and entry.message.startswith("Its process was killed (SIGKILL")
    assert ends(config) == "finished" and like_undisturbed(config, tmp_path)


def test_two_deaths_with_no_checkpoint_between_fail_with_the_reason_and_the_log(two):
    """SIGSEGV, as when a library is broken: the worker's last words are in its log."""
    config, killed = fresh(LONG), set()
    api.submit(config)
    while runs.entry(config.id).active:  # a checkpoint may come between two kills on a slow machine: then once more
        job = queue.job(config.id)
        if job and pid(job) and pid(job) not in killed and (two / config.id / "log.txt").exists():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid(job), signal.SIGSEGV)
            killed.add(pid(job))
            assert len(killed) < 20
        time.sleep(0.002)
    entry = runs.entry(config.id)
    assert len(killed) >= 2 and entry.state == "failed"
    assert entry.message == "Its process was killed (SIGSEGV), twice in a row: the log says more."
    assert queue.job(config.id) is None
    assert api.submit(config).created  # and asked for again it starts with a clean slate
    goes_on(config)
    assert runs.entry(config.id).message == "" and queue.job(config.id).crashes == 0


def test_the_log_of_a_failed_run_is_its_end(two):
    config = fresh(LONG)
    api.submit(config)
    pid = worker(config)
    until(lambda: runs.entry(config.id).progress.get("step"))
    os.kill(pid, signal.SIGSEGV)
    until(lambda: worker(config) != pid)
    said = (two / config.id / "log.txt").read_text()
    assert "Segmentation fault" in said and "aecore/jobs/worker.py" in said
    assert RunWriter(config).tail_log(max_bytes=20) == said[-20:]


def test_a_training_that_fails_says_why(two, monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "nothing"))
    missing = resolve_config(presets.default_config("mnist", family="vanilla"))
    api.submit(missing)
    assert ends(missing) == "failed" and "--download mnist" in runs.entry(missing.id).message
    unknown = fresh(QUICK)
    api.submit(unknown, device="abacus")
    assert ends(unknown) == "failed" and "no device abacus" in runs.entry(unknown.id).message
    until(lambda: not queue.jobs())
    assert api.submit(unknown).created
    assert ends(unknown) == "finished"  # with a device that there is


def test_a_run_that_the_command_line_trains_already_is_waited_for_and_taken_over(one):
    first, config = fresh(LONG), fresh(QUICK)
    api.submit(first)
    worker(first)
    api.submit(config)
    with RunWriter(config) as draft:
        draft.set_state("training", message="")
        api.cancel(first.id)
        at_work = worker(config)
        time.sleep(1)  # long enough for two deaths, had it given up
        job = queue.job(config.id)
        assert pid(job) == at_work and job.crashes == 0 and state(config) == "training"
    assert ends(config) == "finished" and len(history.history(config.id)) == 3  # whoever had it is gone


def test_settings_of_another_version_do_not_keep_others_from_their_turns(one):
    config = fresh(QUICK)
    queue.enqueue("vae-digits-2d-00000000", {"colour": "red"}, "ada", None, {})
    api.submit(config, user="ben")
    assert ends(config) == "finished"
    until(lambda: not queue.jobs())


def test_a_run_starts_from_anothers_weights_or_says_why_not(two):
    parent = fresh(QUICK)
    api.submit(parent)
    assert ends(parent) == "finished"
    child = dataclasses.replace(parent, parent=parent.id, epochs=1, lr=1e-6, schedule="constant")
    misfit = dataclasses.replace(child, hidden_sizes=(4,))
    api.submit(child)
    api.submit(misfit)
    assert ends(child) == "finished" and ends(misfit) == "failed"
    assert "do not fit these settings" in runs.entry(misfit.id).message
    old, new = (loaded.load(config.id).model.state_dict() for config in (parent, child))
    assert all(torch.allclose(old[name], new[name], atol=1e-4) for name in old)  # 21 steps of a millionth each


# --- The command line beside a laboratory -----------------------------------------------------------------------------


def test_the_command_line_trains_in_the_queue_of_an_open_laboratory(two, capsys, monkeypatch):
    from aecore.cli import commands

    monkeypatch.setattr(work, "run_training", None)  # nothing may be trained in this process
    arguments = [
        "train",
        "--family",
        "vanilla",
        "--hidden-sizes",
        "8",
        "--epochs",
        "2",
        "--seed",
        str(next(SEEDS)),
        "--json",
    ]
    assert main(arguments) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["already_trained"] is False and runs.entry(said["id"]).finished
    assert people.labels()[said["id"]].owner == commands._user()
    assert main(arguments) == 0 and json.loads(capsys.readouterr().out)["already_trained"] is True
    assert main([*arguments, "--device", "abacus", "--seed", str(next(SEEDS))]) == 1
    assert "no device abacus" in json.loads(capsys.readouterr().err)["error"]


def test_the_command_line_watches_a_run_until_it_comes_to_rest(two, capsys):
    config = fresh(QUICK)
    api.submit(config)
    assert main(["watch", config.id, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == [{"id": config.id, "state": "finished", "message": ""}]
    assert main(["watch", "vae-digits-2d-00000000"]) == 1
    assert "no run called" in capsys.readouterr().err


# --- Foremen and laboratories -----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_where_forking_is_unsafe_a_spare_process_trains_the_same(spares, tmp_path):
    standing = psutil.Process(processes_table.scheduler_process().pid)
    until(standing.children)
    first, config = standing.children()[0], fresh(QUICK)
    assert api.submit(config).created
    assert ends(config) == "finished" and like_undisturbed(config, tmp_path)
    until(lambda: ended(first.pid))  # each spare does one job, and another has taken its place
    assert len([child for child in standing.children() if not ended(child.pid)]) == 1


@pytest.mark.slow
def test_a_dead_foreman_is_replaced_and_the_new_one_takes_over_what_runs(two):
    noted, unnoted, waiting = fresh(LONG), fresh(LONG), fresh(QUICK)
    for config in (noted, unnoted):
        api.submit(config)
    for config in (noted, unnoted):
        goes_on(config)
    pid, other, standing = worker(noted), worker(unnoted), processes_table.scheduler_process()
    assert os.getpgid(standing.pid) != os.getpgid(0)  # Ctrl-C in the terminal does not reach it
    api.submit(waiting)
    os.kill(standing.pid, signal.SIGKILL)
    with database.transaction() as connection:  # as if it had died before anybody noted this one
        connection.execute("UPDATE jobs SET handle = NULL WHERE run = ?", (unnoted.id,))
    until(lambda: (new := processes_table.scheduler_process()) and new.pid != standing.pid and new.slots)
    assert worker(unnoted) == other  # the run itself says who trains it: no second one is started
    for config in (noted, unnoted):
        goes_on(config)
        assert state(config) == "training" and queue.job(config.id).crashes == 0
    assert not ended(pid) and worker(noted) == pid and not ended(other)
    assert state(waiting) == "waiting"
    api.cancel(unnoted.id)
    assert ends(unnoted) == "stopped"
    until(lambda: ended(other))
    assert ends(waiting) == "finished"
    kept(noted)
    os.kill(pid, signal.SIGKILL)  # no child of the new foreman, and missed all the same
    until(lambda: worker(noted) != pid)
    goes_on(noted)
    epochs = [line["epoch"] for line in history.history(noted.id)]
    assert epochs == list(range(1, len(epochs) + 1))
    api.cancel(noted.id)
    assert ends(noted) == "stopped"


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot freeze a process")
def test_a_frozen_foreman_is_not_waited_for_and_goes_home_when_it_wakes_up(one):
    config, standing = fresh(LONG), processes_table.scheduler_process()
    api.submit(config)
    goes_on(config)
    pid = worker(config)
    os.kill(standing.pid, signal.SIGSTOP)
    aged = (
        f"{standing.pid} {system.start_time(standing.pid)} {time.monotonic() - processes_table.HEARTBEAT_TIMEOUT - 1}"
    )
    (one / processes_table.HEARTBEAT_FILE).write_text(aged)  # as it stands after twenty seconds
    until(lambda: (new := processes_table.scheduler_process()) and new.pid != standing.pid and new.slots)
    goes_on(config)
    assert worker(config) == pid  # its worker goes on, under the new one
    os.kill(standing.pid, signal.SIGCONT)
    until(lambda: ended(standing.pid))
    api.cancel(config.id)
    assert ends(config) == "stopped" and processes_table.scheduler_process().pid != standing.pid


@pytest.mark.slow
def test_a_worker_that_dies_without_a_foreman_is_missed_by_the_next(two, tmp_path):
    config, standing = fresh(MEDIUM), processes_table.scheduler_process()
    api.submit(config)
    kept(config)
    first = worker(config)
    os.kill(standing.pid, signal.SIGKILL)
    os.kill(first, signal.SIGKILL)
    until(lambda: (job := queue.job(config.id)) is None or pid(job) not in (first, None))
    assert ends(config) == "finished" and like_undisturbed(config, tmp_path)


@pytest.mark.slow
def test_laboratories_that_die_leave_their_jobs_to_the_next(tmp_path):
    """Two server processes open one folder at the same moment, and both are killed."""
    folder, running, waiting = tmp_path / "shared", fresh(LONG), fresh(QUICK)
    with at(folder, 1):
        pair = [Laboratory(folder, 1), Laboratory(folder, 1)]
        for each in pair:
            each.open()
        assert pair[0].submit(running, "ada") and not pair[1].submit(running, "ben")
        assert pair[1].submit(waiting, "ben")
        until(lambda: (there := processes_table.scheduler_process()) and there.slots)
        foremen = [child.pid for each in pair for child in psutil.Process(each.process.pid).children()]
        standing = processes_table.scheduler_process().pid
        until(lambda: [pid for pid in foremen if not ended(pid)] == [standing])  # the slower one has gone home
        kept(running)
        pid = worker(running)
        for each in pair:
            each.end(kill=True)
        assert processes_table.active_servers() == 0
        goes_on(running)
        assert worker(running) == pid
        assert (api.cancel(running.id, "ada"), api.cancel(running.id, "ben")) == (1, 0)
        assert ends(running) == "stopped"
        until(lambda: ended(standing))  # nothing runs, and nobody is there who would want more
        assert state(waiting) == "waiting" and history.history(waiting.id) == []
        supervisor.register_server()  # the next server
        assert ends(waiting) == "finished"
        standing = processes_table.scheduler_process().pid
        supervisor.unregister_server()
        until(lambda: ended(standing))
        assert processes_table.scheduler_process() is None and not supervisor.has_active_server()


def test_a_second_laboratory_shares_the_foreman(two):
    standing, config = processes_table.scheduler_process().pid, fresh(QUICK)
    other = Laboratory(two, 2)
    other.open()
    assert processes_table.active_servers() == 2 and processes_table.scheduler_process().pid == standing
    assert other.submit(config, "ben")
    assert ends(config) == "finished"
    assert psutil.Process(other.process.pid).children() == []
    other.end()
    assert processes_table.active_servers() == 1


def test_a_request_that_the_disk_refuses_leaves_nothing(nowhere, monkeypatch):
    config, full = fresh(QUICK), OSError(errno.ENOSPC, "No space left on device")

    def refuse(*_: object) -> None:
        raise full

    monkeypatch.setattr(RunWriter, "request", refuse)
    with pytest.raises(UserError, match="disk is full"):
        api.submit(config)
    assert queue.jobs() == [] and queue.requesters(config.id) == []


def test_what_the_command_line_trains_gets_no_job_until_it_gives_no_sign_of_life(nowhere, monkeypatch):
    config = fresh(QUICK)
    monkeypatch.setattr(supervisor, "register_server", lambda: None)
    with RunWriter(config) as writer:
        writer.set_state("training")
    assert not api.submit(config).created and queue.jobs() == [] and state(config) == "training"
    os.utime(nowhere / config.id / "state.json", (1.0, 1.0))
    assert state(config) == "stopped" and "no sign of life" in runs.entry(config.id).message
    assert api.submit(config).created and state(config) == "waiting"


def test_who_asks_for_a_run_that_waits_in_a_closed_laboratory_opens_one(nowhere, monkeypatch):
    config, opened = fresh(QUICK), []
    queue.enqueue(config.id, config.to_json(), "ada", None, {})
    RunWriter(config).request()
    monkeypatch.setattr(supervisor, "register_server", lambda: opened.append(1))
    assert not api.submit(config, user="ben").created and opened
    assert queue.requesters(config.id) == ["ada", "ben"]


def test_the_keeper_goes_on_looking_when_a_look_fails(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    keeper, said = supervisor.SchedulerSupervisor(Store(tmp_path)), []
    monkeypatch.setattr(keeper, "INTERVAL", 0.01)

    def start_foreman() -> None:
        said.append(keeper.error)
        if len(said) == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        if len(said) == 2:
            raise UserError("The database is in use.")

    monkeypatch.setattr(keeper, "start_scheduler", start_foreman)
    monkeypatch.setattr(processes_table, "register_server", lambda: None)
    keeper.start()
    until(lambda: len(said) > 3)
    keeper.stop_event.set()
    keeper.join()
    assert said[:4] == ["", disk.DISK_FULL_MESSAGE, "The database is in use.", ""]


def test_a_place_is_told_whatever_the_settings_of_those_before_are(nowhere):
    """Of another version, or spoilt: nobody knows how long such a run takes."""
    for number, config in enumerate(
        ({"dataset": ["x"]}, {"epochs": "many"}, {}, {"dataset": "digits", "epochs": None})
    ):
        queue.enqueue(f"run{number}", config, "ada", None, {})
    assert queue_position.position("run3") == queue_position.QueuePosition(3, None)


def test_a_keeper_leaves_another_folder_alone(tmp_path, monkeypatch):
    (tmp_path / "runs").mkdir()
    keeper = supervisor.SchedulerSupervisor(Store(tmp_path / "runs"))
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "other"))
    keeper.check()
    assert not (tmp_path / "other").exists() and keeper.process is None


def test_a_deleted_runs_folder_gets_no_foreman(tmp_path, monkeypatch):
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    keeper = supervisor.SchedulerSupervisor(Store(tmp_path / "runs"))
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    keeper.check()
    assert keeper.process is None


# --- What is said of a worker that died -------------------------------------------------------------------------------


class Idle:
    """An executor whose tasks never do anything."""

    name = "idle"

    def start(self, task: Task) -> str:
        return "x"

    def poll(self, handle: str) -> None:
        return None

    def kill(self, handle: str) -> None:
        pass

    def capacity(self) -> int:
        return 1


@pytest.fixture
def mourned(nowhere) -> Callable[..., str]:
    """Has a run's worker die under a foreman that starts nothing; what is said of it."""
    processes_table.acquire_leadership(9)
    standing = scheduler.Scheduler(Idle())
    config = fresh(QUICK)
    queue.enqueue(config.id, config.to_json(), "ada", None, {})
    RunWriter(config).request()
    job = queue.claim(leader=True)
    draft = RunWriter(config)

    def die(checkpoint: bytes = b"", log: bytes = b"") -> str:
        if checkpoint:
            draft.save_checkpoint(checkpoint)
        (draft.run_dir / "log.txt").write_bytes(log)
        standing.handle_crash(job, draft, "was killed (SIGKILL)", 0)
        return runs.read_state(config.id)["message"]

    return die


def test_without_a_checkpoint_nothing_goes_on_from_one(mourned):
    said = mourned()
    assert said == "Its process was killed (SIGKILL); another one starts over, for there is no checkpoint yet."


def test_with_one_the_next_goes_on_from_there(mourned):
    said = mourned(checkpoint=b"x")
    assert said == "Its process was killed (SIGKILL); another one goes on from the last checkpoint."


@pytest.mark.parametrize(
    ("log", "said"),
    [(b"", ", and printed nothing."), (b"\n ", ", and printed nothing."), (b"x", ": the log says more.")],
)
def test_the_log_says_more_only_where_it_does(mourned, log, said):
    mourned(log=log)
    assert mourned(log=log) == f"Its process was killed (SIGKILL), twice in a row{said}"


# --- Without processes ------------------------------------------------------------------------------------------------


def test_the_first_screen_needs_no_torch():
    code = """
import json, sys
import aecore.config, aecore.data.datasets, aecore.jobs.api, aecore.jobs.scheduler, aecore.models.presets
import aecore.store.queue, aecore.store.runs
aecore.store.runs.entries()
aecore.store.queue.jobs()
print(json.dumps([name for name in ("torch", "torchvision", "sklearn", "streamlit") if name in sys.modules]))
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=supervisor.ROOT, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == []


@pytest.mark.parametrize(("asked", "lanes"), [("1", 1), ("3", 3), ("0", 1), ("many", None), ("", None), ("-2", None)])
def test_lanes_are_what_is_asked_for_or_one_for_two_cores(monkeypatch, asked, lanes):
    monkeypatch.setenv("AECORE_WORKERS", asked)
    assert limits.training_slots() == (lanes or max(1, min(4, limits.cores() // 2)))


def test_how_a_process_ended_is_said_in_plain_words():
    assert exit_message(0) == "ended with code 0" and exit_message(3) == "ended with code 3"
    assert exit_message(-signal.SIGKILL) == "was killed (SIGKILL, which the system does when memory runs out)"
    assert exit_message(-signal.SIGSEGV) == "was killed (SIGSEGV)"
