"""Training in processes of its own: the real standing process, its workers, and what happens when they die."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from aecore import jobs, presets, runs, trained
from aecore.config import Config
from aecore.families import settle

QUICK = settle(presets.start("digits", family="vanilla", hidden=(8,), epochs=3))
LONG = dataclasses.replace(QUICK, epochs=1000, batch_size=8)  # minutes: it ends only by being ended
PATIENCE = 60  # seconds until a condition counts as never met; on an idle machine all take under one


def _seeded(config: Config, seed: int) -> Config:
    return dataclasses.replace(config, seed=seed)


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
    until(lambda: not runs.entry(config.id).moving)
    return state(config)


def _standing(workers: int, *how: str) -> jobs.Standing:
    """A standing process of its own, at work on what `aecore.jobs` sends."""
    standing = jobs.Standing()
    standing.process = subprocess.Popen(
        [sys.executable, "-m", "aecore.jobs", *how],
        stdin=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=jobs.ROOT,
        # threads that wait asleep; on a busy machine those that wait in a loop take ten times as long
        env=os.environ | {"AECORE_WORKERS": str(workers), "OMP_WAIT_POLICY": "PASSIVE"},
    )
    return standing


def _end(standing: jobs.Standing) -> int:
    """Closes a standing process' input, and waits until it has ended by itself."""
    process = standing.process
    assert process is not None and process.stdin is not None
    process.stdin.close()
    return process.wait(PATIENCE)


@pytest.fixture(scope="module")
def laboratories() -> Iterator[dict[str, jobs.Standing]]:
    """Three standing processes, started together because each imports for seconds."""
    there = {"two": _standing(2), "one": _standing(1), "spares": _standing(2, "spares")}
    yield there
    for standing in there.values():
        if standing.process and standing.process.poll() is None:
            os.killpg(standing.process.pid, signal.SIGKILL)
            standing.process.wait()


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Iterator[Path]:
    """A runs folder of its own for each test; whatever still trains there at the end is stopped."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))
    yield tmp_path
    moving = [entry for entry in runs.entries() if entry.moving and entry.config]
    for entry in moving:
        jobs.cancel(entry.id)
    for entry in moving:
        ends(entry.config)


@pytest.fixture
def two(monkeypatch, laboratories) -> jobs.Standing:
    monkeypatch.setattr(jobs, "_STANDING", laboratories["two"])
    return laboratories["two"]


@pytest.fixture
def one(monkeypatch, laboratories) -> jobs.Standing:
    monkeypatch.setattr(jobs, "_STANDING", laboratories["one"])
    return laboratories["one"]


def test_a_submitted_run_is_trained_and_a_second_asking_finds_it(two):
    assert jobs.submit(QUICK) is False
    assert runs.entry(QUICK.id).moving or state(QUICK) == "finished"  # at once: the page that asked sees it
    assert ends(QUICK) == "finished"
    assert trained.load(QUICK.id).config == QUICK
    assert [line["epoch"] for line in runs.history(QUICK.id)] == [1, 2, 3]
    assert jobs.submit(QUICK) is True


def test_a_run_under_way_is_shared(two, laboratories, monkeypatch):
    assert jobs.submit(LONG) is False
    until(lambda: state(LONG) == "training")
    worker = runs.read_json(runs.path(LONG.id) / "state.json")["pid"]
    assert jobs.submit(LONG) is True
    monkeypatch.setattr(jobs, "_STANDING", laboratories["one"])  # another laboratory on the same folder
    assert jobs.submit(LONG) is True
    seen = len(runs.history(LONG.id))
    until(lambda: len(runs.history(LONG.id)) > seen)
    assert runs.read_json(runs.path(LONG.id) / "state.json")["pid"] == worker


def test_two_asking_in_the_same_moment_train_once(two):
    """Both may find nothing there; the run's lock lets one of the two workers in."""
    together = threading.Barrier(2)

    def ask() -> None:
        together.wait()
        jobs.submit(QUICK)

    students = [threading.Thread(target=ask) for _ in range(2)]
    for student in students:
        student.start()
    for student in students:
        student.join()
    assert ends(QUICK) == "finished"
    assert [line["epoch"] for line in runs.history(QUICK.id)] == [1, 2, 3] and trained.load(QUICK.id)


def test_a_run_that_stands_twice_in_the_queue_is_trained_once(one):
    after = _seeded(QUICK, 1)
    runs.Draft(QUICK).wait(one.alive().pid)
    for _ in range(2):
        one.send({"config": QUICK.to_json(), "device": None, "environment": {"AECORE_RUNS": os.environ["AECORE_RUNS"]}})
    until(lambda: state(QUICK) == "finished")
    created = runs.entry(QUICK.id).created
    jobs.submit(after)  # its turn comes after both
    assert ends(after) == "finished"
    assert runs.entry(QUICK.id).created == created and len(runs.history(QUICK.id)) == 3


def test_cancelling_stops_within_a_second_and_a_half_and_the_run_can_be_asked_for_again(two):
    jobs.submit(LONG)
    until(lambda: runs.history(LONG.id))
    jobs.cancel(LONG.id)
    assert until(lambda: not runs.entry(LONG.id).moving) < 1.5
    entry = runs.entry(LONG.id)
    assert entry.state == "stopped" and "of 1000 epochs" in entry.reason
    assert jobs.submit(LONG) is False
    until(lambda: state(LONG) == "training" and runs.history(LONG.id))


def test_with_one_lane_the_second_waits_its_turn(one):
    other = _seeded(QUICK, 1)
    jobs.submit(LONG)
    until(lambda: runs.history(LONG.id))
    jobs.submit(other)
    seen = len(runs.history(LONG.id))
    until(lambda: len(runs.history(LONG.id)) > seen + 1)  # the first goes on, and the second waits meanwhile
    assert state(other) == "waiting"
    jobs.cancel(LONG.id)
    assert ends(other) == "finished" and state(LONG) == "stopped"


def test_with_two_lanes_two_train_side_by_side(two):
    pair = [LONG, _seeded(LONG, 1)]
    for config in pair:
        jobs.submit(config)
    until(lambda: all(runs.history(config.id) for config in pair))
    assert [state(config) for config in pair] == ["training"] * 2


def test_a_run_cancelled_while_it_waits_never_starts(one):
    waiting, after = _seeded(QUICK, 1), _seeded(QUICK, 2)
    jobs.submit(LONG)
    until(lambda: state(LONG) == "training")
    jobs.submit(waiting)
    jobs.submit(after)
    jobs.cancel(waiting.id)
    assert state(waiting) == "stopped"
    jobs.cancel(LONG.id)
    assert ends(after) == "finished"  # it stood behind the cancelled one
    assert state(waiting) == "stopped" and runs.history(waiting.id) == []


def test_a_killed_worker_is_said_as_stopped_and_its_lane_is_free_again(one):
    jobs.submit(LONG)
    until(lambda: runs.history(LONG.id))
    os.kill(runs.read_json(runs.path(LONG.id) / "state.json")["pid"], signal.SIGKILL)
    assert ends(LONG) == "stopped"
    assert "process ended before it was done" in runs.entry(LONG.id).reason
    jobs.submit(QUICK)
    assert ends(QUICK) == "finished"
    assert jobs.submit(LONG) is False  # the lock died with the worker
    until(lambda: state(LONG) == "training" and runs.history(LONG.id))


def test_a_training_that_fails_says_why(two, monkeypatch, tmp_path):
    monkeypatch.setenv("AECORE_DATA", str(tmp_path / "nothing"))
    missing = settle(presets.start("mnist", family="vanilla"))
    jobs.submit(missing)
    assert ends(missing) == "failed" and "--download mnist" in runs.entry(missing.id).reason
    nowhere = _seeded(QUICK, 1)
    jobs.submit(nowhere, device="abacus")
    assert ends(nowhere) == "failed" and "no device abacus" in runs.entry(nowhere.id).reason


def test_cancelling_what_is_finished_or_unknown_does_no_harm(two):
    jobs.submit(QUICK)
    assert ends(QUICK) == "finished"
    jobs.cancel(QUICK.id)
    assert state(QUICK) == "finished"
    with pytest.raises(runs.UnknownRun):
        jobs.cancel("vae-digits-2d-00000000")


def test_where_forking_is_unsafe_a_spare_process_trains_the_same(two, laboratories, monkeypatch, tmp_path):
    """Bit by bit: both have two lanes and so the same number of threads."""
    spares = psutil.Process(laboratories["spares"].alive().pid)
    until(spares.children)
    first, weights = spares.children()[0], []
    for name in ("two", "spares"):
        monkeypatch.setenv("AECORE_RUNS", str(tmp_path / name))
        monkeypatch.setattr(jobs, "_STANDING", laboratories[name])
        assert jobs.submit(QUICK) is False
        assert ends(QUICK) == "finished" and trained.load(QUICK.id).config == QUICK
        weights.append((runs.path(QUICK.id) / "weights.safetensors").read_bytes())
    assert weights[0] == weights[1]
    until(lambda: not first.is_running())  # each spare does one job, and another has taken its place
    assert len(spares.children()) == 1


def test_a_dead_standing_process_is_started_again(monkeypatch):
    standing = jobs.Standing()
    monkeypatch.setattr(jobs, "_STANDING", standing)
    jobs.warm()
    first = standing.process
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    jobs.warm()
    assert standing.process.pid != first.pid and standing.process.poll() is None
    assert os.getpgid(standing.process.pid) != os.getpgid(0)  # Ctrl-C in the terminal does not reach it
    os.killpg(standing.process.pid, signal.SIGKILL)
    standing.process.wait()


# Last, because these end the processes that the tests above share


def test_closing_the_input_lets_the_running_job_finish_and_ends_the_process(two):
    jobs.submit(QUICK)
    assert _end(two) == 0
    assert state(QUICK) == "finished"


def test_a_spare_that_no_job_came_for_ends_with_its_laboratory(laboratories):
    children = psutil.Process(laboratories["spares"].alive().pid).children()
    assert children and _end(laboratories["spares"]) == 0
    until(lambda: not any(child.is_running() for child in children))


def test_the_first_screen_needs_no_torch():
    code = """
import json, sys
import aecore.config, aecore.data, aecore.jobs, aecore.presets, aecore.runs
aecore.runs.entries()
print(json.dumps([name for name in ("torch", "torchvision", "sklearn", "streamlit") if name in sys.modules]))
"""
    said = subprocess.run([sys.executable, "-c", code], cwd=jobs.ROOT, capture_output=True, text=True, check=True)
    assert json.loads(said.stdout) == []


@pytest.mark.parametrize(("asked", "lanes"), [("1", 1), ("3", 3), ("0", 1), ("many", None), ("", None), ("-2", None)])
def test_lanes_are_what_is_asked_for_or_one_for_two_cores(monkeypatch, asked, lanes):
    monkeypatch.setenv("AECORE_WORKERS", asked)
    assert jobs.lanes() == (lanes or max(1, min(4, jobs.cores() // 2)))
