"""One run from its settings to its folder when things go wrong on the way: full disks, damaged files, sudden ends."""

import dataclasses
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from aecore import files
from aecore.analysis import loaded
from aecore.config import Config
from aecore.errors import UserError
from aecore.jobs import throttle, worker
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store import history, runs, snapshots
from aecore.store.run_info import STATE_AFTER
from aecore.store.writer import RunWriter
from aecore.training import loop
from aecore.training.state import Diverged, TrainState

ROOT = Path(worker.__file__).parents[2]
CPU = torch.device("cpu")
SMALL = resolve_config(
    presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=6, batch_size=256, dropout=0.1)
)
STEPS = 6  # an epoch


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    """A runs folder of its own for each test."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture(autouse=True)
def _reports_at_every_step(monkeypatch):
    """A report at every step, and a checkpoint at every report."""
    monkeypatch.setattr(loop, "REPORT_EVERY", 0.0)
    monkeypatch.setattr(loop, "FIRST_REPORT", 0.0)
    monkeypatch.setattr(throttle.Throttle, "call", lambda self, function, force=False: function())


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """The folder of SMALL, trained in one go."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(tmp_path_factory.mktemp("undisturbed")))
        list(worker.run_training(SMALL))
        return runs.path(SMALL.id)


def _reports(config: Config, most: int) -> None:
    """Trains for so many reports, and stops."""
    training = worker.run_training(config)
    for _ in range(most):
        next(training)
    training.close()


def _lines(place: Path) -> list[dict]:
    """The history without its clock."""
    lines = [json.loads(line) for line in (place / "history.jsonl").read_text().splitlines()]
    return [{name: value for name, value in line.items() if name != "seconds"} for line in lines]


def _like(place: Path, undisturbed: Path) -> bool:
    """Whether a run came out as the undisturbed one: weights, losses and every epoch, bit for bit."""
    results = [json.loads((each / "result.json").read_text()) for each in (place, undisturbed)]
    parts = [[result[name] for name in ("train", "validation", "test", "mse")] for result in results]
    weights = [(each / "weights.safetensors").read_bytes() for each in (place, undisturbed)]
    return weights[0] == weights[1] and parts[0] == parts[1] and _lines(place) == _lines(undisturbed)


def _leftovers(place: Path) -> list[str]:
    """What only a run in the making has."""
    names = {"request.json", "state.json", "log.txt", "command", "checkpoint.safetensors"}
    return sorted(file.name for file in place.rglob("*") if file.name in names or file.name.startswith("."))


# Stopping and going on


@pytest.mark.parametrize("reports", [1, 6, 7, 20, 35])
def test_a_run_closed_after_any_report_goes_on_to_the_same_end(reports, store, undisturbed):
    """In the first epoch, at its end, just after, later, and one step before the last."""
    _reports(SMALL, reports)
    entry = runs.entry(SMALL.id)
    assert entry.state == "stopped" and entry.has_checkpoint and "of 6 epochs" in entry.message
    first, *_ = worker.run_training(SMALL)
    assert first.step == reports + 1
    assert runs.entry(SMALL.id).finished and _like(store / SMALL.id, undisturbed)
    assert _leftovers(store / SMALL.id) == []


def test_a_run_closed_after_its_very_last_report_is_finished_next_time(store, undisturbed):
    """There is nothing to go on with at the end of a training: it goes on from the checkpoint before."""
    _reports(SMALL, 6 * STEPS)
    assert runs.entry(SMALL.id).state == "stopped"
    list(worker.run_training(SMALL))
    assert runs.entry(SMALL.id).finished and _like(store / SMALL.id, undisturbed)


@pytest.mark.parametrize("order", ["stop", "pause"])
def test_an_order_is_followed_at_the_next_report_with_the_checkpoint_kept(order, store, undisturbed):
    draft, told = RunWriter(SMALL), 0
    for _ in worker.run_training(SMALL):
        told += 1
        if told == 8:
            draft.send_command(order)
    assert told == 8
    entry = runs.entry(SMALL.id)
    assert entry.state == STATE_AFTER[order] and entry.has_checkpoint
    assert entry.message == f"{entry.state.capitalize()} after 1 of 6 epochs." and draft.command is None
    at = TrainState(build_recipe(SMALL), SMALL, CPU)
    at.load(draft.checkpoint)
    assert at.step == 9  # what was done is kept, the step in which the order came included
    list(worker.run_training(SMALL))
    assert _like(store / SMALL.id, undisturbed)


@pytest.mark.parametrize("order", ["stop", "pause"])
def test_a_worker_that_waited_for_the_lock_leaves_a_run_at_rest(order, store, undisturbed):
    """The order that the process before it followed is gone when its turn comes."""
    for _ in worker.run_training(SMALL):
        RunWriter(SMALL).send_command(order)
    place = store / SMALL.id
    assert list(worker.run_training(SMALL, resume=False)) == []
    assert runs.entry(SMALL.id).state == STATE_AFTER[order] and runs.entry(SMALL.id).has_checkpoint
    RunWriter(SMALL).request()  # asked for again, it goes on
    assert list(worker.run_training(SMALL, resume=False)) and _like(place, undisturbed)


def test_an_order_from_before_does_not_stop_the_next_training(store, undisturbed):
    RunWriter(SMALL).send_command("stop")
    RunWriter(SMALL).request()  # asked for anew
    list(worker.run_training(SMALL))
    assert _like(store / SMALL.id, undisturbed)


def test_a_damaged_checkpoint_is_said_and_the_run_starts_over(store, undisturbed):
    _reports(SMALL, 20)
    checkpoint = RunWriter(SMALL).checkpoint
    checkpoint.write_bytes(checkpoint.read_bytes()[:-100])
    training = worker.run_training(SMALL)
    assert next(training).step == 1
    entry = runs.entry(SMALL.id)
    assert entry.state == "training" and "cannot be read" in entry.message and "started over" in entry.message
    list(training)
    assert _like(store / SMALL.id, undisturbed)


def test_a_spoilt_state_does_not_keep_a_run_from_being_trained(store, undisturbed):
    _reports(SMALL, 20)
    (store / SMALL.id / "state.json").write_bytes(b'{"state": "trai')
    assert runs.entry(SMALL.id).state == "broken"
    list(worker.run_training(SMALL))
    assert _like(store / SMALL.id, undisturbed)


def test_history_and_snapshots_from_after_the_checkpoint_are_forgotten(store, undisturbed):
    """As after a power cut: the files of two moments."""
    _reports(SMALL, 8)
    early = RunWriter(SMALL).checkpoint.read_bytes()
    _reports(SMALL, 24)
    assert len(history.history(SMALL.id)) == 5
    RunWriter(SMALL).checkpoint.write_bytes(early)
    with open(store / SMALL.id / "history.jsonl", "a") as stream:
        stream.write('{"epoch": 6, "tr')  # and half a line
    training = worker.run_training(SMALL)
    next(training)
    assert [line["epoch"] for line in history.history(SMALL.id)] == [1]
    assert max(snapshots.epochs(SMALL.id)) <= 1
    list(training)
    assert _like(store / SMALL.id, undisturbed)


# A full disk


def _full(monkeypatch, when: Callable[[str], bool]) -> None:
    """From now on there is no space for files whose names are such."""
    replace = os.replace

    def full(source: Path, target: Path) -> None:
        if when(Path(target).name):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)

    monkeypatch.setattr(os, "replace", full)


FULL = {
    "checkpoint": lambda name: name == "checkpoint.safetensors",
    "weights": lambda name: name == "weights.safetensors",
    "result": lambda name: name == "result.json",
    "strip": lambda name: name == "preview.png",
    "snapshot": lambda name: name.startswith("0"),
}


@pytest.mark.parametrize("when", FULL.values(), ids=FULL)
def test_a_full_disk_stops_the_run_with_its_last_checkpoint_intact(when, store, undisturbed, monkeypatch):
    _reports(SMALL, 15)
    with monkeypatch.context() as patch:
        _full(patch, when)
        with pytest.raises(UserError, match="disk is full"):
            list(worker.run_training(SMALL))
    entry = runs.entry(SMALL.id)
    assert (
        entry.state == "failed"
        and entry.has_checkpoint
        and entry.message.startswith("The disk is full: free some space")
    )
    at = TrainState(build_recipe(SMALL), SMALL, CPU)
    at.load(RunWriter(SMALL).checkpoint)
    assert at.step >= 15 and not list((store / SMALL.id).rglob(".*"))
    list(worker.run_training(SMALL))
    assert _like(store / SMALL.id, undisturbed)


def test_a_disk_too_full_to_say_so_still_leaves_the_checkpoint(store, undisturbed, monkeypatch):
    _reports(SMALL, 15)
    with monkeypatch.context() as patch:
        _full(patch, lambda name: True)
        with pytest.raises(OSError, match="No space"):
            list(worker.run_training(SMALL))
    entry = runs.entry(SMALL.id)
    assert not entry.finished and entry.has_checkpoint
    first, *_ = worker.run_training(SMALL)
    assert first.step == 16 and _like(store / SMALL.id, undisturbed)


def test_closing_on_a_full_disk_keeps_the_checkpoint_before(store, undisturbed, monkeypatch):
    _reports(SMALL, 15)
    training = worker.run_training(SMALL)
    next(training)
    next(training)
    with monkeypatch.context() as patch:
        _full(patch, FULL["checkpoint"])
        with pytest.raises(UserError, match="disk is full"):
            training.close()
    first, *_ = worker.run_training(SMALL)
    assert first.step == 18 and _like(store / SMALL.id, undisturbed)


# Other ends


def test_a_training_that_diverges_leaves_no_checkpoint(store):
    config = dataclasses.replace(SMALL, optimiser="sgd", lr=10.0, schedule="constant", epochs=50, likelihood="gaussian")
    with pytest.raises(Diverged):
        list(worker.run_training(config))
    entry = runs.entry(config.id)
    assert entry.state == "failed" and "learning rate" in entry.message and not entry.has_checkpoint


def test_a_broken_training_keeps_its_checkpoint(store, undisturbed, monkeypatch):
    _reports(SMALL, 20)

    def broken(*_: object):
        raise ZeroDivisionError("x")

    with monkeypatch.context() as patch:
        patch.setattr(worker, "fit", broken)
        with pytest.raises(ZeroDivisionError):
            list(worker.run_training(SMALL))
    entry = runs.entry(SMALL.id)
    assert entry.state == "failed" and entry.has_checkpoint and "ZeroDivisionError" in entry.message
    list(worker.run_training(SMALL))
    assert _like(store / SMALL.id, undisturbed)


FORKS = """
import json, os, sys
import torch
torch.set_num_threads(1)
from aecore.jobs.executors.process import preload
from aecore.training import loop as train
from aecore.jobs import throttle, worker as work
from aecore.config import Config
preload()
train.REPORT_EVERY = train.FIRST_REPORT = 0.0
throttle.Throttle.call = lambda self, function, force=False: function()
config = Config.from_json(json.loads(sys.argv[1]))
for line in sys.stdin:
    child = os.fork()
    if not child:
        for _ in work.run_training(config):
            print("report", flush=True)
        os._exit(0)
    print(child, flush=True)
    os.waitpid(child, 0)
    print("dead", flush=True)
"""


@pytest.mark.slow
def test_a_process_killed_at_any_moment_leaves_no_half_file_and_goes_on_to_the_same_end(
    store, undisturbed, monkeypatch
):
    """Killed 12 times while it writes as much as it can: after 1 to 4 reports and up to 8 ms more (seed 1)."""
    monkeypatch.setattr(runs, "HEARTBEAT_TIMEOUT", -60.0)  # not waited for
    chance, place = random.Random(1), store / SMALL.id
    standing = subprocess.Popen(
        [sys.executable, "-c", FORKS, json.dumps(SMALL.to_json())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"AECORE_RUNS": str(store)},
    )
    for _ in range(12):
        standing.stdin.write("again\n")
        standing.stdin.flush()
        said, child = standing.stdout.readline(), 0
        for _ in range(chance.randint(1, 4)):
            if said.strip().isdigit():
                child = int(said)
            said = standing.stdout.readline()
        time.sleep(chance.uniform(0, 0.008))  # the moment is the point: any will do
        assert child, "nobody to kill: the script has failed"
        os.kill(child, signal.SIGKILL)
        while said.strip() != "dead":
            said = standing.stdout.readline()
        entry = runs.entry(SMALL.id)
        assert entry.state in ("stopped", "finished")
        if entry.state == "stopped":
            assert entry.message.startswith("Its process ended before it was done")
            at = TrainState(build_recipe(SMALL), SMALL, CPU)
            at.load(place / "checkpoint.safetensors")
            epochs = [line["epoch"] for line in history.history(SMALL.id)]
            assert epochs == list(range(1, len(epochs) + 1)) and len(epochs) >= at.epoch
        assert len(snapshots.load(SMALL.id)) == len(snapshots.epochs(SMALL.id))
    standing.communicate()
    if not runs.entry(SMALL.id).finished:
        list(worker.run_training(SMALL))
    assert _like(place, undisturbed)


def test_what_a_killed_process_was_writing_is_swept_away(store):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    at_work = f".order-{os.getpid()}-2e"
    for place in (store / SMALL.id, store / SMALL.id / "snapshots"):
        place.mkdir(parents=True)
        for name in (".checkpoint.safetensors-1f", f".state.json-{ended.pid}-3d", at_work):
            (place / name).write_bytes(b"half")
            os.utime(place / name, (time.time() + 3600,) * 2)  # whatever the clock says
    with RunWriter(SMALL):
        assert _leftovers(store / SMALL.id) == [at_work, at_work, "request.json"]


def test_a_file_is_written_whole_while_others_sweep(store):
    """Somebody orders a stop in the moment in which the worker sweeps."""
    (store / SMALL.id).mkdir(parents=True)
    replace, swept = os.replace, []

    def late(source: Path, target: Path) -> None:
        if Path(target).name == "command" and not swept:
            swept.append(1)
            with RunWriter(SMALL):
                pass
        replace(source, target)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "replace", late)
        RunWriter(SMALL).send_command("stop")
    assert swept and RunWriter(SMALL).command[0] == "stop"


# From another run's weights


def test_a_run_starts_from_the_weights_of_another(store):
    first = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(16,), epochs=6))
    list(worker.run_training(first))
    second = dataclasses.replace(first, parent=first.id, epochs=1, lr=1e-6, schedule="constant", seed=5)
    list(worker.run_training(second))
    old, new = (loaded.load(config.id).model.state_dict() for config in (first, second))
    fresh = build_recipe(second).model.state_dict()
    for name, weight in old.items():
        assert torch.allclose(new[name], weight, atol=1e-4)  # 11 steps of a millionth each
        assert weight.ndim == 1 or not torch.allclose(fresh[name], weight, atol=1e-2)


def test_a_parent_that_does_not_fit_or_is_gone_is_said(store):
    first = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(16,), epochs=1))
    list(worker.run_training(first))
    for said, words in (
        ({"hidden_sizes": (8,)}, "do not fit"),
        ({"latent_dim": 3}, "do not fit"),
        ({"parent": "vae-digits-2d-00000000"}, "not here any more"),
        ({"parent": "../.."}, "no run called"),
    ):
        config = dataclasses.replace(first, **{"parent": first.id, "epochs": 2} | said)
        with pytest.raises(UserError, match=words) as caught:
            list(worker.run_training(config))
        assert runs.entry(config.id).state == "failed" and runs.entry(config.id).message == str(caught.value)


def test_a_run_under_way_no_longer_needs_its_parent(store):
    first = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(16,), epochs=1))
    list(worker.run_training(first))
    second = dataclasses.replace(first, parent=first.id, epochs=3)
    _reports(second, 8)
    shutil.rmtree(store / first.id)
    list(worker.run_training(second))
    assert runs.entry(second.id).finished


def test_a_write_that_is_to_last_is_on_the_disk_before_the_old_one_is_gone(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr(os, "fsync", lambda _: done.append("synced"))
    replace = os.replace
    monkeypatch.setattr(os, "replace", lambda *names: (done.append("replaced"), replace(*names)))
    files.atomic_write(tmp_path / "x", b"content", durable=True)
    files.atomic_write(tmp_path / "x", b"quick")
    assert done == ["synced", "replaced", "replaced"]
