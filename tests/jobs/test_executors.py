"""Executors: handles that any process understands, and how a task's end is told."""

import dataclasses
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from aecore.disk import Store, current_store, runs_dir
from aecore.jobs import executors
from aecore.jobs.executors import Task
from aecore.jobs.executors.process import ROOT, parse_handle, process_handle
from aecore.jobs.executors.spawn import SpawnExecutor


@pytest.fixture(autouse=True)
def _store(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path))


def outcome(name: str, handle: str) -> str:
    deadline = time.monotonic() + 60
    while (said := executors.poll(name, handle)) is None:
        assert time.monotonic() < deadline, "it goes on and on"
        time.sleep(0.01)
    return said


def fork(task: Task) -> str:
    """In a process that has computed nothing."""
    code = (
        "import json, sys, time\nfrom aecore.jobs import executors\nfork = executors.get('fork')\n"
        "handle = fork.start(executors.Task(**json.loads(sys.argv[1])))\n"
        "while (said := fork.poll(handle)) is None: time.sleep(0.01)\n"
        "assert fork.poll(handle) == said\nprint(said)"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, json.dumps(dataclasses.asdict(task))],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return said.stdout.strip()


def spawn(task: Task) -> str:
    return outcome("spawn", executors.get("spawn").start(task))


@pytest.mark.parametrize("run", [fork, spawn])
@pytest.mark.parametrize(
    ("target", "arguments", "said", "printed"),
    [
        ("builtins:print", {"an": "argument"}, "ended with code 0", "{'an': 'argument'}"),
        ("builtins:no_such_function", {}, "ended with code 1", "has no attribute 'no_such_function'"),
    ],
)
def test_a_task_is_done_and_its_end_told(run, target, arguments, said, printed, tmp_path):
    log = tmp_path / "log.txt"
    assert run(Task(target, arguments, str(log))) == said
    assert printed in log.read_text()


def test_who_did_not_start_a_task_polls_and_kills_it_all_the_same(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    handle = process_handle(process.pid)
    assert parse_handle(handle)[0] == process.pid
    for name in ("fork", "spawn"):
        assert executors.poll(name, handle) is None
    executors.kill("spawn", handle)
    assert outcome("fork", handle) == "ended"
    executors.kill("spawn", handle)  # once more does no harm
    process.communicate()


def test_a_killed_task_is_told_by_its_signal():
    executor = SpawnExecutor(warm=False)
    handle = executor.start(Task("time:sleep", {}, ""))  # too little to sleep on: it fails unless killed before
    executor.kill(handle)
    deadline = time.monotonic() + 60
    while executor.poll(handle) is None:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert executor.poll(handle) == "was killed (SIGKILL, which the system does when memory runs out)"


@pytest.mark.parametrize("handle", ["", "x", "12", "12:x", "a:b:c", "999999999999999999999:1.0"])
def test_what_is_no_handle_has_ended(handle):
    assert executors.poll("fork", handle) == "ended" and executors.kill("fork", handle) is None


def test_an_executor_that_is_not_here_has_ended_its_tasks():
    assert "ray" in executors.poll("ray", "7") and executors.kill("ray", "7") is None


def test_a_store_in_use_replaces_that_of_the_environment(tmp_path):
    assert current_store() == Store.from_env() and runs_dir() == tmp_path
    with Store(Path("one")).use() as one:
        assert runs_dir() == Path("one") == one.root
        with Store(Path("two")).use():
            assert one.environment()["AECORE_RUNS"].endswith("/one") and runs_dir() == Path("two")
        assert current_store() is one
    assert runs_dir() == tmp_path
