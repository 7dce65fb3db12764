"""The store of runs: a folder is complete or says why not, and nothing that lies there stops the list."""

import dataclasses
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save

from aecore.analysis import baselines, loaded, metrics
from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.data.datasets import is_available, load
from aecore.errors import UserError
from aecore.jobs import worker
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import history, queue, runs
from aecore.store.run_info import RunInfo
from aecore.store.writer import RunWriter
from tests.kit.cases import few
from tests.kit.results import EPOCH, RESULT

GALLERY = resolve_config(PRETRAINED_MODELS["digits-vae-2d"].config)
WEIGHTS = save({"w": np.zeros(5000, np.float32)})
SMALL = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=2))


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    """A runs folder of its own for each test."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    return tmp_path / "runs"


@pytest.fixture
def place(store) -> Path:
    """A finished run among ours: a copy of the gallery's."""
    shutil.copytree(runs.PRETRAINED_DIR / GALLERY.id, store / GALLERY.id)
    return store / GALLERY.id


def _ours() -> list[RunInfo]:
    return [entry for entry in runs.entries() if not entry.pretrained]


def _one_sentence(text: str) -> bool:
    return bool(text) and "\n" not in text and text.endswith(".")


def _write(config: Config, result=RESULT, weights: bytes = WEIGHTS) -> Path:
    with RunWriter(config) as draft:
        draft.finish(weights, result, b"picture")
    return draft.run_dir


# Spoilt folders


def _cut(file: str, share: float):
    def spoil(place: Path) -> None:
        content = (place / file).read_bytes()
        (place / file).write_bytes(content[: int(len(content) * share)])

    return spoil


def _gone(file: str):
    return lambda place: (place / file).unlink()


def _instead(file: str, content: bytes):
    return lambda place: (place / file).write_bytes(content)


def _a_folder(file: str):
    def spoil(place: Path) -> None:
        (place / file).unlink()
        (place / file).mkdir()

    return spoil


def _other_settings(place: Path) -> None:
    said = json.loads((place / "config.json").read_bytes())
    (place / "config.json").write_text(json.dumps(said | {"seed": 1}))


def _foreign(place: Path) -> None:
    shutil.rmtree(place)
    place.mkdir()
    (place / "notes.txt").write_text("not a run")


SPOILT = {
    "no config": _gone("config.json"),
    "empty config": _instead("config.json", b""),
    "empty braces": _instead("config.json", b"{}"),
    "null": _instead("config.json", b"null"),
    "a list": _instead("config.json", b"[1, 2]"),
    "half a config": _cut("config.json", 0.5),
    "no text": _instead("config.json", b"\xff\xfe\x00\x01"),
    "unknown setting": _instead("config.json", b'{"colour": "red"}'),
    "infinite setting": _instead("config.json", b'{"lr": Infinity, "hidden_sizes": [1e999]}'),
    "config is a folder": _a_folder("config.json"),
    "other settings": _other_settings,
    "no weights": _gone("weights.safetensors"),
    "empty weights": _instead("weights.safetensors", b""),
    "weights cut short": _cut("weights.safetensors", 0.5),
    "weights cut in the header": _cut("weights.safetensors", 0.001),
    "weights are noise": _instead("weights.safetensors", bytes(range(256)) * 9),
    "weights are a folder": _a_folder("weights.safetensors"),
    "no result": _gone("result.json"),
    "empty result": _instead("result.json", b""),
    "half a result": _cut("result.json", 0.5),
    "result is a list": _instead("result.json", b"[]"),
    "foreign folder": _foreign,
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_a_spoilt_folder_is_listed_with_one_sentence_and_stops_nothing(place, spoil):
    healthy = _write(SMALL).name
    spoil(place)
    listed = {entry.id: entry for entry in _ours()}
    assert listed.keys() == {place.name, healthy} and listed[healthy].finished
    assert listed[place.name].state == "broken" and _one_sentence(listed[place.name].message)
    with pytest.raises(UserError) as caught:
        loaded.load(place.name)
    assert _one_sentence(str(caught.value))
    assert history.history(place.name) is not None


def test_an_unspoilt_copy_is_finished(place):
    assert [(entry.id, entry.state) for entry in _ours()] == [(place.name, "finished")]
    assert loaded.load(place.name).config == GALLERY


def test_a_result_with_a_date_in_words_is_listed_as_broken(place):
    (place / "result.json").write_text(json.dumps(RESULT | {"created": "yesterday"}))
    _write(SMALL)
    assert {entry.id: entry.state for entry in _ours()} == {place.name: "broken", SMALL.id: "finished"}
    assert runs.entry(place.name).message == (
        "result.json is spoilt (created is no number); delete the run, or put the file back."
    )


def test_weights_of_another_shape_are_refused_when_the_run_is_opened(place):
    (place / "weights.safetensors").write_bytes(WEIGHTS)
    (place / "result.json").write_text(json.dumps(RESULT))  # of a time before checksums
    assert runs.entry(place.name).finished  # only opening compares them with the settings
    with pytest.raises(UserError, match="do not fit its settings") as caught:
        loaded.load(place.name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("change", [{"dataset": "nonesuch"}, {"family": "nonesuch"}, {"params": {"nonesuch": 1}}])
def test_settings_of_a_newer_laboratory_are_said_when_the_run_is_opened(change):
    run = _write(dataclasses.replace(GALLERY, **change)).name
    with pytest.raises(UserError, match="nonesuch"):
        loaded.load(run)


STATES = {
    "no state": None,
    "a list": [],
    "empty": {},
    "unknown word": {"state": "dreaming"},
    "handle no text": {"state": "training", "executor": "fork", "handle": 7, "updated_at": 1.0},
    "executor no text": {"state": "training", "executor": ["fork"], "handle": "7:1.0", "updated_at": 1.0},
    "updated_at in words": {"state": "stopped", "updated_at": "now"},
}


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_an_unfinished_folder_with_an_odd_state_is_listed_with_one_sentence(store, state):
    draft = RunWriter(SMALL)
    runs.atomic_write(draft.run_dir / "request.json", json.dumps(SMALL.to_json()))
    if state is not None:
        runs.atomic_write(draft.run_dir / "state.json", json.dumps(state))
    _write(GALLERY)
    entry = next(entry for entry in _ours() if entry.id == SMALL.id)
    assert entry.state in ("broken", "stopped") and not entry.active
    assert _one_sentence(entry.message)


# Names


@pytest.mark.parametrize("run", ["../runs", "..", ".", "", "/etc", "a/b", "a\\b", "A", "x" * 200, "a\n", ".locks", "ä"])
def test_names_that_lead_elsewhere_are_unknown_runs(store, run):
    store.mkdir()
    with pytest.raises(runs.UnknownRun) as caught:
        runs.entry(run)
    assert _one_sentence(str(caught.value))
    with pytest.raises(runs.UnknownRun):
        loaded.load(run)


def test_an_unknown_run_is_said():
    with pytest.raises(runs.UnknownRun, match="no run called vae-digits-2d-00000000"):
        runs.entry("vae-digits-2d-00000000")
    assert history.history("vae-digits-2d-00000000") == []


def test_files_links_to_nowhere_and_odd_names_are_passed_over(store, place):
    (store / "a-file").write_text("no folder")
    (store / "Has Capitals").mkdir()
    (store / "to-nowhere").symlink_to(store / "nonesuch")
    (store / "in-a-ring").symlink_to(store / "in-a-ring")
    assert [entry.id for entry in _ours()] == [place.name]
    with pytest.raises(runs.UnknownRun):
        runs.entry("a-file")


def test_a_linked_folder_is_broken_and_what_it_leads_to_is_not_read(store, place, tmp_path):
    shutil.move(place, tmp_path / place.name)
    place.symlink_to(tmp_path / place.name)
    (found,) = _ours()
    assert found.id == place.name and found.state == "broken" and "links in the runs folder" in found.message
    with pytest.raises(UserError, match="links in the runs folder are not followed"):
        loaded.load(place.name)
    with pytest.raises(UserError, match="links in the runs folder are not followed"):
        RunWriter(GALLERY)


def test_the_runs_folder_itself_may_be_a_link(store, place, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").symlink_to(store)
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "elsewhere"))
    assert [entry.state for entry in _ours()] == ["finished"] and loaded.load(place.name).id == place.name
    with RunWriter(SMALL) as draft:
        draft.set_state("training")
    assert runs.entry(SMALL.id).state == "training"


def test_no_runs_folder_is_an_empty_list(store):
    assert not store.exists() and _ours() == []


def test_ours_come_before_the_gallerys_and_newest_first():
    seeds = [dataclasses.replace(SMALL, seed=seed) for seed in (1, 2, 3)]
    for config, created in zip(seeds, (20.0, 30.0, 10.0), strict=True):
        _write(config, RESULT | {"created": created})
    listed = runs.entries()
    assert [entry.id for entry in listed[:3]] == [seeds[i].id for i in (1, 0, 2)]
    assert all(entry.pretrained for entry in listed[3:]) and GALLERY.id in [entry.id for entry in listed[3:]]


def test_a_run_of_ours_hides_the_gallerys_of_the_same_name(place):
    listed = [entry for entry in runs.entries() if entry.id == place.name]
    assert [entry.pretrained for entry in listed] == [False]


def test_a_folder_deleted_while_the_list_is_made_is_left_out(monkeypatch, store, place):
    there = runs._run_dirs
    monkeypatch.setattr(runs, "_run_dirs", lambda at: [*there(at), at / "deleted-just-now"])
    assert [entry.id for entry in _ours()] == [place.name]


def test_a_run_that_is_finished_anew_is_seen_anew():
    place = _write(SMALL)
    assert runs.entry(SMALL.id).result["mse"] == 0.5
    stamp = (place / "config.json").stat().st_mtime_ns
    _write(SMALL, RESULT | {"mse": 0.25})
    os.utime(place / "config.json", ns=(stamp + 1, stamp + 1))  # a clock may be coarse
    assert runs.entry(SMALL.id).result["mse"] == 0.25


# Writing


def test_readers_see_the_old_content_or_the_new_and_never_half(tmp_path):
    file, contents = tmp_path / "state.json", (b"a" * 300_000, b"b" * 200_000)
    runs.atomic_write(file, contents[0])
    stop, odd, read = threading.Event(), [], 0

    def look() -> None:
        nonlocal read
        while not stop.is_set():
            seen = file.read_bytes()
            read += 1
            if seen not in contents:
                odd.append(len(seen))

    readers = [threading.Thread(target=look) for _ in range(3)]
    for reader in readers:
        reader.start()
    for _ in range(60):
        for content in contents:
            runs.atomic_write(file, content)
    stop.set()
    for reader in readers:
        reader.join()
    assert odd == [] and read > 10 and os.listdir(tmp_path) == ["state.json"]


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(tmp_path, monkeypatch):
    runs.atomic_write(tmp_path / "x", "old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        runs.atomic_write(tmp_path / "x", "new")
    assert (tmp_path / "x").read_text() == "old" and os.listdir(tmp_path) == ["x"]


WRITER = """
import dataclasses, itertools, json, sys
from aecore.store.writer import RunWriter
from aecore.config import Config
weights = open(sys.argv[1], "rb").read()
for seed in itertools.count(int(sys.argv[2])):
    with RunWriter(Config(family="vanilla", seed=seed)) as draft:
        draft.set_state("training", message="", progress={"epoch": 0})
        for epoch in range(3):
            draft.add_epoch(json.loads(sys.argv[4]) | {"epoch": epoch + 1})
        draft.finish(weights, json.loads(sys.argv[3]), b"image")
    print(seed, flush=True)
"""


def test_a_writer_killed_at_any_moment_leaves_complete_folders_or_ones_that_say_so(store, tmp_path, monkeypatch):
    """Six processes that write runs as fast as they can are killed after 1 to 6 runs and up to 3 ms (seed 0)."""
    (tmp_path / "weights").write_bytes(WEIGHTS)
    chance, cut_off = random.Random(0), 0
    killed = [
        subprocess.Popen(
            [
                sys.executable,
                "-c",
                WRITER,
                str(tmp_path / "weights"),
                str(1000 * start),
                *map(json.dumps, (RESULT, EPOCH)),
            ],
            stdout=subprocess.PIPE,
            cwd=Path(runs.__file__).parents[2],
        )
        for start in range(6)
    ]
    for process in killed:
        for _ in range(chance.randint(1, 6)):
            process.stdout.readline()
        threading.Event().wait(chance.uniform(0, 0.003))  # the moment is the point: any will do
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stdout.close()
    monkeypatch.setattr(runs, "HEARTBEAT_TIMEOUT", -60.0)  # not waited for
    for entry in _ours():
        assert entry.state in ("finished", "stopped", "broken"), entry
        if entry.finished:
            assert (store / entry.id / "weights.safetensors").read_bytes() == WEIGHTS
            assert [line["epoch"] for line in history.history(entry.id)] == [
                1,
                2,
                3,
            ] and entry.result.items() >= RESULT.items()
        else:
            cut_off += 1
            assert _one_sentence(entry.message)
            if entry.config is not None:
                assert _write(entry.config) and runs.entry(entry.id).finished  # its lock died with it
    assert cut_off <= 6 < len(_ours())


def test_a_half_written_last_line_of_the_history_is_passed_over(place):
    lines = "".join(json.dumps(EPOCH | {"epoch": epoch}) + "\n" for epoch in (1, 2))
    for end in range(len(lines) + 1):
        (place / "history.jsonl").write_text(lines[:end])
        assert [line["epoch"] for line in history.history(place.name)] == [1, 2][: lines[:end].count("\n")]


def test_one_draft_at_a_time():
    with RunWriter(SMALL):
        with pytest.raises(runs.AlreadyTraining), RunWriter(SMALL):
            pass
        with RunWriter(GALLERY):
            pass  # another run is another lock
    with RunWriter(SMALL) as draft:
        draft.set_state("training")


# Training into a folder


def test_a_run_says_where_it_stands_while_it_trains_and_is_complete_only_at_the_end(store):
    seen = []
    for _ in worker.run_training(SMALL):
        entry = runs.entry(SMALL.id)
        assert entry.state == "training" and entry.config == SMALL and not (store / SMALL.id / "config.json").exists()
        seen.append(entry.progress["fraction"])
    assert seen == sorted(seen) and seen[-1] == 1
    assert runs.entry(SMALL.id).finished
    assert {file.name for file in (store / SMALL.id).iterdir()} == {
        "config.json",
        "weights.safetensors",
        "result.json",
        "history.jsonl",
        "thumbnail.png",
        "preview.png",
        "snapshots",
    }


def test_a_stopped_run_says_so_and_can_be_trained_again():
    config = dataclasses.replace(SMALL, epochs=10)
    seen = []
    for progress in worker.run_training(config):
        seen.append(progress.fraction)
        RunWriter(config).send_command("stop")
    assert len(seen) == 1 and seen[0] < 1
    entry = runs.entry(config.id)
    assert entry.state == "stopped" and _one_sentence(entry.message) and "of 10 epochs" in entry.message
    assert entry.has_checkpoint and not entry.active
    *_, last = worker.run_training(config)
    assert last.fraction == 1 and runs.entry(config.id).finished


def test_a_paused_run_is_at_rest_until_it_is_asked_for_again():
    draft = RunWriter(SMALL)
    draft.request()
    assert runs.entry(SMALL.id).state == "waiting"  # this process answers for it
    draft.send_command("pause")
    assert draft.command[0] == "pause"
    draft.set_stopped("pause")
    entry = runs.entry(SMALL.id)
    assert entry.state == "paused" and entry.message == "Paused after 0 of 2 epochs." and not entry.active
    assert draft.command is None
    draft.send_command("stop")
    draft.request()
    assert draft.command is None and runs.entry(SMALL.id).message == ""


def test_the_ledger_says_what_runs_are_moving_and_the_folder_how_they_came_to_rest(store):
    """Also for somebody who looks in the very moment in between."""
    draft = RunWriter(SMALL)
    queue.enqueue(SMALL.id, SMALL.to_json(), "ada", None, {})
    draft.request()
    assert runs.entry(SMALL.id).state == "waiting"
    queue.claim()
    draft.set_state("training", message="")
    assert runs.entry(SMALL.id).state == "training"  # whoever said so last is gone, but it goes on
    draft.set_stopped("pause")
    assert runs.entry(SMALL.id).state == "training"  # its worker has yet to end
    queue.complete(SMALL.id)
    assert runs.entry(SMALL.id).state == "paused"


def test_looking_while_a_run_comes_to_rest_never_says_that_its_process_died(monkeypatch):
    draft = RunWriter(SMALL)
    queue.enqueue(SMALL.id, SMALL.to_json(), "ada", None, {})
    draft.request()
    runs.atomic_write(draft.run_dir / "state.json", json.dumps(draft.state_fields | {"state": "training"}))
    os.utime(draft.run_dir / "state.json", (1.0, 1.0))  # its worker is gone by now
    queue.claim()
    read = runs.read_json

    def rests(file: Path):
        """The run comes to rest just after the reader has seen its state."""
        found = read(file)
        if file.name == "state.json":
            monkeypatch.setattr(runs, "read_json", read)
            draft.set_stopped("pause")
            queue.complete(SMALL.id)
        return found

    monkeypatch.setattr(runs, "read_json", rests)
    assert runs.entry(SMALL.id).state in ("training", "paused")
    assert runs.entry(SMALL.id).state == "paused"


def test_a_finished_folder_keeps_nothing_of_the_making():
    """Also when the worker died while it cleared up."""
    place = _write(SMALL)
    for name in ("checkpoint.safetensors", "state.json", "request.json", "command", "log.txt"):
        (place / name).write_text("{}")
    assert runs.entry(SMALL.id).finished
    RunWriter(SMALL).cleanup()
    assert {file.name for file in place.iterdir()} == {
        "config.json",
        "weights.safetensors",
        "result.json",
        "thumbnail.png",
    }


@pytest.mark.parametrize(
    ("error", "state", "words"),
    [
        (UserError("The data are missing; download them."), "failed", "The data are missing; download them."),
        (ZeroDivisionError("x"), "failed", "an error of ours: ZeroDivisionError"),
        (KeyboardInterrupt(), "stopped", "Stopped after 0 of 2 epochs."),
    ],
)
def test_a_training_that_ends_early_says_why(monkeypatch, error, state, words):
    def broken(*_: object):
        raise error

    monkeypatch.setattr(worker, "fit", broken)
    with pytest.raises(type(error)):
        list(worker.run_training(SMALL))
    entry = runs.entry(SMALL.id)
    assert entry.state == state and words in entry.message and not entry.active
    with RunWriter(SMALL):
        pass  # the lock is free


def test_a_closed_training_says_stopped():
    training = worker.run_training(SMALL)
    next(training)
    training.close()
    assert runs.entry(SMALL.id).state == "stopped"


# The gallery


@pytest.mark.parametrize("name", few(list(PRETRAINED_MODELS), "mnist-vae-2d", "digits-vae-2d"))
def test_models_of_the_gallery_open_and_beat_the_mean_picture(name):
    opened = loaded.load(resolve_config(PRETRAINED_MODELS[name].config).id)
    assert runs.entry(opened.id).pretrained
    if not is_available(opened.config.dataset):
        pytest.skip("needs MNIST under AECORE_DATA")
    data = load(opened.config.dataset)
    drawn = opened.reconstruct(data.test.to_float(), data.test.y)
    error = metrics.mse(data.test.to_float(), drawn).mean()
    assert error == pytest.approx(opened.result["mse"], rel=0.01)  # other machines round otherwise
    assert error < 0.8 * baselines.baseline_errors(data.train, data.test, 0)["mean_baseline_mse"]
