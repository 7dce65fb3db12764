"""What is read from a folder: regular files only, bounded, and of the format that pages take for granted."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save

from aecore import disk, files
from aecore.cli import main
from aecore.data import images
from aecore.errors import UserError
from aecore.jobs import projection_jobs, projection_store, worker
from aecore.models import presets
from aecore.models.families.build import resolve_config
from aecore.store import history, offline, people, previews, runs, snapshots, trash
from aecore.store.writer import RunWriter
from tests.kit.results import EPOCH, RESULT

SMALL = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=2))
OTHER = resolve_config(presets.default_config("digits", family="vanilla", hidden_sizes=(8,), epochs=3))
WEIGHTS = save({"w": np.zeros(10, np.float32)})
ROOT = Path(runs.__file__).parents[2]


@pytest.fixture(autouse=True)
def store(monkeypatch, tmp_path) -> Path:
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    (tmp_path / "runs").mkdir()
    return tmp_path / "runs"


def finished(config=SMALL, **more: Any) -> Path:
    """The folder of a finished run whose result says `more`."""
    with RunWriter(config) as draft:
        draft.finish(WEIGHTS, RESULT | more, b"")
    return draft.run_dir


def state_of(run: str = SMALL.id) -> tuple[str, str]:
    entry = next(entry for entry in runs.entries() if entry.id == run)
    return entry.state, entry.message


def refusal(function, *given: object) -> str:
    with pytest.raises(UserError) as caught:
        function(*given)
    text = str(caught.value)
    assert text.endswith(".") and "\n" not in text
    return text


# --- Files ------------------------------------------------------------------------------------------------------------


def _socket(file: Path) -> None:
    with pytest.MonkeyPatch.context() as patch, socket.socket(socket.AF_UNIX) as listening:
        patch.chdir(file.parent)  # the whole path may be too long for one
        listening.bind(file.name)


ODD = {
    "FIFO": (os.mkfifo, "a named pipe (FIFO)"),
    "folder": (os.mkdir, "a folder"),
    "socket": (_socket, "a socket"),
    "link": (lambda file: file.symlink_to(file.parent / "other.json"), "a symbolic link"),
    "link to itself": (lambda file: file.symlink_to(file.name), "a symbolic link"),
    "link to a device": (lambda file: file.symlink_to("/dev/zero"), "a symbolic link"),
}


@pytest.mark.timeout(10)
@pytest.mark.parametrize(("make", "words"), ODD.values(), ids=ODD)
def test_what_is_no_regular_file_is_refused_at_once(make, words, store):
    (store / "other.json").write_text("{}")
    make(store / "x.json")
    for read in (files.read_json, files.open_regular, files.checksum, lambda file: files.read_bytes(file, 10)):
        assert words in refusal(read, store / "x.json")
    assert words in refusal(files.read_tail, store / "x.json", 10)


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs a device")
def test_a_device_is_not_opened():
    assert "it is a device" in refusal(files.open_regular, Path("/dev/full"))


def test_a_file_is_read_to_its_bound_and_no_further(store):
    file = store / "x.json"
    file.write_bytes(b"[" + b" " * 98 + b"]")
    assert files.read_json(file, 100) == [] and files.read_bytes(file, 100) == file.read_bytes()
    assert "more than the 9.9e-05 MB" in refusal(files.read_bytes, file, 99)
    os.truncate(file, 10**12)  # sparse: nothing of it is on the disk
    assert "more than the 8 MB that such a file can have" in refusal(files.read_json, file)
    assert files.read_tail(file, 3) == "\0\0\0" and files.read_tail(store / "none", 3) == ""


JUNK = {
    "brackets": b"[" * 100_000,
    "whole brackets": b"[" * 40 + b"]" * 40,
    "deep objects": b'{"a":' * 900 + b"1" + b"}" * 900,
    "a field twice": b'{"a": 1, "a": 2}',
    "no text": b"\xff\xfe\xfa",
    "a number of 10,000 digits": b"9" * 10_000,
    "half": b'{"a": ',
    "two": b"{} {}",
}


@pytest.mark.parametrize("content", JUNK.values(), ids=JUNK)
def test_what_is_no_json_of_ours_is_refused(content, store):
    (store / "x.json").write_bytes(content)
    assert refusal(files.read_json, store / "x.json").startswith("x.json cannot be read (")


def test_json_of_32_levels_is_taken_and_of_33_is_not():
    assert files.parse_json(b"[" * 32 + b"]" * 32)
    with pytest.raises(ValueError, match="nested more than 32 deep"):
        files.parse_json(b"[" * 33 + b"]" * 33)


def test_a_file_that_nobody_may_read_is_said(store, monkeypatch):
    """The tests may run as the superuser, whom nothing is forbidden."""
    place = finished()
    finished(OTHER)
    really = os.open

    def forbidden(file, *more, **named):
        if Path(file) == place / "result.json":
            raise PermissionError(13, "Permission denied")
        return really(file, *more, **named)

    monkeypatch.setattr(os, "open", forbidden)
    assert state_of() == (
        "broken",
        f"result.json cannot be read (Permission denied); delete the folder {place.name}, or put the file back.",
    )
    assert state_of(OTHER.id) == ("finished", "")


def test_a_runs_folder_that_nobody_may_read_is_said(store, monkeypatch):
    really = os.scandir

    def forbidden(place):
        if Path(place) == store:
            raise PermissionError(13, "Permission denied")
        return really(place)

    monkeypatch.setattr(os, "scandir", forbidden)
    monkeypatch.setattr(os, "access", lambda place, mode: Path(place) != store)
    others = runs.entries()
    assert all(entry.pretrained and entry.finished for entry in others) and others
    assert "may not be read" in disk.runs_dir_error()


# --- Links ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [".locks", SMALL.id])
def test_a_draft_writes_through_no_link(name, store, tmp_path):
    (tmp_path / "outside").mkdir()
    (store / name).symlink_to(tmp_path / "outside")
    assert f"{name} is a symbolic link" in refusal(RunWriter, SMALL)
    assert not list((tmp_path / "outside").iterdir())


def test_training_writes_no_snapshot_through_a_link(store, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "00001.safetensors").write_text("mine")
    (store / SMALL.id).mkdir()
    (store / SMALL.id / "snapshots").symlink_to(outside)
    assert "snapshots is a symbolic link" in refusal(list, worker.run_training(SMALL))
    assert [each.read_text() for each in outside.iterdir()] == ["mine"]
    assert state_of()[0] == "failed" and "snapshots is a symbolic link" in state_of()[1]
    assert snapshots.epochs(SMALL.id) == [] and snapshots.load(SMALL.id) == []


def test_maps_are_kept_behind_no_link(store, tmp_path):
    (tmp_path / "outside").mkdir()
    (store / ".projections").symlink_to(tmp_path / "outside")
    codes = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    assert ".projections is a symbolic link" in refusal(projection_jobs.submit, codes, "UMAP")
    assert not list((tmp_path / "outside").iterdir())


# --- Fields -----------------------------------------------------------------------------------------------------------

WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "seconds in words": ({"seconds": "long"}, "seconds is no number"),
    "seconds below zero": ({"seconds": -1.0}, "seconds is not between 0 and 3.5e+38"),
    "seconds as a truth": ({"seconds": True}, "seconds is no number"),
    "half a parameter": ({"parameters": 0.5}, "parameters is no whole number"),
    "no error": ({"mse": float("nan")}, "mse is no finite number"),
    "endless error": ({"mse": float("inf")}, "mse is no finite number"),
    "a number too large for any": ({"mse": 10**400}, "mse is no finite number"),
    "a loss in words": ({"test": {"reconstruction": "low"}}, "test.reconstruction is no number"),
    "no loss": ({"test": {}}, "test has 0 fields"),
    "a list of losses": ({"train": [1.0]}, "train is no object"),
    "a device that is a number": ({"device": 1}, "device is no text"),
    "half a character": ({"device": "\ud800"}, "device has half a character in it"),
    "a long text": ({"device": "x" * 300}, "device has more than 200 characters"),
    "before any date": ({"created": -1e12}, "created is not between 0 and 7.25812e+09"),
    "after any date": ({"created": 1e12}, "created is not between 0 and 7.25812e+09"),
    "a checksum that is none": ({"sha256": {"a": "b"}}, "sha256.a has another form"),
    "pretrained is a list": ({"pretrained": []}, "pretrained is no object"),
    "a price in words": ({"pretrained": {"sweep_beta": "dear"}}, "pretrained.sweep_beta is no number"),
    "half a checkup": ({"checkup": {"mse": 1.0}}, "checkup.saturated_wrong is missing"),
    "scores without a baseline": ({"scores": {"test": {"a": 1.0}}}, "scores.mse is missing"),
}


@pytest.mark.parametrize(("more", "words"), WRONG.values(), ids=WRONG)
def test_a_result_with_a_wrong_field_is_broken_and_says_which(more, words):
    finished(OTHER)
    place = finished()
    (place / "result.json").write_text(json.dumps(RESULT | more))
    assert state_of() == ("broken", f"result.json is spoilt ({words}); delete the run, or put the file back.")
    assert state_of(OTHER.id)[0] == "finished"


@pytest.mark.parametrize("name", RESULT)
def test_what_pages_take_for_granted_is_required(name):
    place = finished()
    (place / "result.json").write_text(json.dumps({each: value for each, value in RESULT.items() if each != name}))
    assert state_of()[1].startswith(f"result.json is spoilt ({name} is missing)")


def test_fields_of_a_newer_version_are_taken():
    finished(colour={"deep": [[float("nan")]]})
    assert state_of()[0] == "finished"


def test_a_file_that_changes_is_read_again():
    """What is remembered of a folder goes by every file that it was read from."""
    place = finished()
    assert state_of()[0] == "finished"
    (place / "result.json").write_text("{}")
    assert state_of()[0] == "broken"
    (place / "result.json").write_text(json.dumps(RESULT))
    assert state_of()[0] == "finished"
    (place / "weights.safetensors").unlink()
    os.mkfifo(place / "weights.safetensors")
    assert "weights.safetensors cannot be read (it is a named pipe (FIFO))" in state_of()[1]


STATE = {"state": "stopped", "updated_at": 1.0, "message": "Stopped."}
UNFIT: dict[str, tuple[dict[str, Any], str]] = {
    "finished without a result": ({"state": "finished"}, "state is none of the choices it can be"),
    "of no date": ({"updated_at": float("nan")}, "updated_at is no finite number"),
    "of the year 33658": ({"updated_at": 1e12}, "updated_at is not between"),
    "a message that is none": ({"message": ["because"]}, "message is no text"),
    "a fallback that is no device": ({"fallback_device": "rm -rf"}, "fallback_device has another form"),
    "half a progress": ({"progress": {"seconds": 1.0}}, "progress.epoch is missing"),
    "more than all": ({"progress": {"fraction": 1.5}}, "progress.fraction is not between 0 and 1"),
    "a log that is none": ({"log": 1}, "log is no text"),
    "diverged in words": ({"diverged": "yes"}, "diverged is neither true nor false"),
}


@pytest.mark.parametrize(("more", "words"), UNFIT.values(), ids=UNFIT)
def test_a_state_with_a_wrong_field_is_broken_and_says_which(more, words):
    draft = RunWriter(SMALL)
    draft.request()
    runs.atomic_write(draft.run_dir / "state.json", json.dumps(STATE))
    assert state_of() == ("stopped", "Stopped.")
    runs.atomic_write(draft.run_dir / "state.json", json.dumps(STATE | more))
    assert state_of()[0] == "broken" and state_of()[1].startswith(f"state.json is spoilt ({words}")


def test_a_request_of_another_run_is_broken():
    """Or Resume would train what nobody sees there."""
    draft = RunWriter(SMALL)
    draft.request()
    runs.atomic_write(draft.run_dir / "request.json", json.dumps(OTHER.to_json()))
    assert state_of() == ("broken", "The folder's name does not belong to the settings in it.")


@pytest.mark.parametrize("parent", [["x"], 7, "x" * 300])
def test_a_parent_that_is_no_run_is_broken(parent):
    draft = RunWriter(SMALL)
    draft.request()
    runs.atomic_write(draft.run_dir / "request.json", json.dumps(SMALL.to_json() | {"parent": parent}))
    assert state_of()[1].startswith("request.json is spoilt (parent ")


def test_a_reason_has_no_markup_and_no_end_of_line():
    draft = RunWriter(SMALL)
    draft.request()
    name = "![x](http://example.org)\n<b>" * 100
    runs.atomic_write(draft.run_dir / "request.json", json.dumps(SMALL.to_json() | {"params": {name: 1}}))
    _, reason = state_of()
    assert len(reason) < 450 and not set("<>[]\n`") & set(reason)


def test_the_gallery_has_the_format():
    for place in runs.PRETRAINED_DIR.iterdir():
        if (place / "result.json").exists():
            assert runs.entry(place.name).finished
            assert history.history(place.name) and history.history_error(place.name) == ""


def test_what_training_writes_has_the_format(store):
    for family in ("vae", "vq-vae", "sparse", "ladder-vae", "aae"):
        config = resolve_config(presets.default_config("digits", family=family, epochs=2))
        for _ in worker.run_training(config):
            assert runs.entry(config.id).state == "training"
        entry = runs.entry(config.id)
        assert entry.finished, entry.message
        assert [line["epoch"] for line in history.history(config.id)] == [1, 2]
        assert [each.epoch for each in snapshots.load(config.id)] == snapshots.epochs(config.id)


# --- The history ------------------------------------------------------------------------------------------------------

SPOILT_LINES = {
    "half": ('{"epoch": 2', "Expecting ',' delimiter: line 1 column 12 (char 11)"),
    "deep": ("[" * 5000, "it is nested more than 32 deep"),
    "a list": ("[]", "is no object"),
    "words": (json.dumps(EPOCH | {"epoch": 2, "train": {"a": "low"}}), "train.a is no number"),
    "NaN": (json.dumps(EPOCH | {"epoch": 2, "validation": {"a": float("nan")}}), "validation.a is no finite number"),
    "twice": (json.dumps(EPOCH), "epoch 1 follows epoch 1"),
    "signals": (
        json.dumps(EPOCH | {"epoch": 2, "signals": {"saturated_wrong": 0.0, "code": {"usage": [0.0]}}}),
        "signals.code.usage is not between 1e-12 and 1",
    ),
}


@pytest.mark.parametrize(("line", "words"), SPOILT_LINES.values(), ids=SPOILT_LINES)
def test_a_history_is_read_to_its_first_spoilt_line_and_that_is_said(line, words):
    place = finished()
    lines = [json.dumps(EPOCH), line, json.dumps(EPOCH | {"epoch": 3})]
    (place / "history.jsonl").write_text("".join(f"{each}\n" for each in lines))
    assert [each["epoch"] for each in history.history(SMALL.id)] == [1]
    assert history.history_error(SMALL.id) == (
        f"Line 2 of history.jsonl is spoilt ({words}): from there on its epochs are lost."
    )
    assert runs.entry(SMALL.id).finished  # its weights are what counts


def test_a_history_that_is_no_file_is_said(store):
    os.mkfifo(finished() / "history.jsonl")
    assert history.history(SMALL.id) == [] and "FIFO" in history.history_error(SMALL.id)


# --- Images, snapshots, products, maps ------------------------------------------------------------------------------


def test_only_pictures_get_into_a_page(store):
    file = finished() / "thumbnail.png"
    sound = images.png(np.zeros((1, 8, 8), np.float32))
    file.write_bytes(sound)
    assert previews.read_png(file) == sound
    for content in (b"", b"<script>", sound[:45], images.png(np.zeros((4000, 1001), np.uint8))):
        file.write_bytes(content)
        assert refusal(previews.read_png, file).startswith("thumbnail.png is no image that can be shown")
    file.unlink()
    assert previews.read_png(file) == b""
    os.mkfifo(file)
    assert "FIFO" in refusal(previews.read_png, file)


@pytest.fixture(scope="module")
def trained_place(tmp_path_factory) -> Path:
    """A finished run with its snapshots."""
    place = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AECORE_RUNS", str(place))
        assert list(worker.run_training(SMALL))
    return place / SMALL.id


CHANGES: dict[str, dict[str, Any]] = {
    "another type": {"points": np.zeros((359, 2))},
    "points in space": {"points": np.zeros((359, 3), np.float16)},
    "no points": {"points": np.zeros((0, 2), np.float16), "codes": np.zeros((0, 2), np.float16)},
    "fewer points": {"points": np.zeros((100, 2), np.float16), "codes": np.zeros((100, 2), np.float16)},
    "a grid of NaN": {"x": np.full(15, np.nan, np.float32)},
    "a grid of two sizes": {"y": np.zeros(14, np.float32)},
    "images of another size": {"reconstructions": np.zeros((16, 1, 9, 9), np.uint8)},
    "images of other data": {
        "manifold": np.zeros((225, 1, 28, 28), np.uint8),
        "reconstructions": np.zeros((16, 1, 28, 28), np.uint8),
    },
    "five colours": {
        "manifold": np.zeros((225, 5, 8, 8), np.uint8),
        "reconstructions": np.zeros((16, 5, 8, 8), np.uint8),
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_snapshot_that_does_not_fit_is_left_out(change, trained_place, store):
    shutil.copytree(trained_place, store / SMALL.id)
    epochs = snapshots.epochs(SMALL.id)
    assert [each.epoch for each in snapshots.load(SMALL.id)] == epochs and len(epochs) > 2
    file = store / SMALL.id / "snapshots" / f"{epochs[1]:05}.safetensors"
    arrays, head = files.read_tensors(file, 10**7)
    file.write_bytes(save(arrays | change, head))
    assert [each.epoch for each in snapshots.load(SMALL.id)] == [epochs[0], *epochs[2:]]


def test_pictures_that_unpack_to_more_than_they_say_are_left_out(trained_place, store):
    shutil.copytree(trained_place, store / SMALL.id)
    snapshots.thin(store / SMALL.id, 3)
    first = snapshots.epochs(SMALL.id)[0]
    file = store / SMALL.id / "snapshots" / f"{first:05}.safetensors"
    arrays, head = files.read_tensors(file, 10**7)
    assert len(snapshots.load(SMALL.id)) == 3
    for shape in ([225, 1, 8, 7], [225, 1, 8, 10**9], [225, -1, 8, 8], "x", [[225]]):
        said = json.loads(head["compressed"]) | {"manifold": shape}
        file.write_bytes(save(arrays, head | {"compressed": json.dumps(said)}))
        assert len(snapshots.load(SMALL.id)) == 2


BROUGHT = "vae-mnist-2d-8d676f8e"


def test_products_that_do_not_fit_their_run_are_refused(store):
    place = store / BROUGHT
    shutil.copytree(runs.PRETRAINED_DIR / BROUGHT, place)
    assert offline.load_bundle(BROUGHT).codes.shape == (2000, 2)
    result = files.read_json(place / "result.json")
    del result["sha256"]  # as of a time before checksums
    (place / "result.json").write_text(json.dumps(result))
    arrays, head = files.read_tensors(place / offline.FILE_NAME, 10**7)
    for change, words in [
        ({"codes": np.zeros((2000, 3), np.float16)}, "not of 2000 codes of 2 numbers"),
        ({"pseudo_labels": np.full(2000, 77, np.uint8)}, "classes that there are not"),
        ({"mse": np.full(2000, np.nan, np.float16)}, "numbers that are not finite"),
        ({"kl_per_dim": np.zeros(3, np.float32)}, "its nats are not those of 2 numbers"),
    ]:
        (place / offline.FILE_NAME).write_bytes(save(arrays | change, head))
        assert words in refusal(offline.load_bundle, BROUGHT)
    (place / offline.FILE_NAME).write_bytes(save(arrays, {"metadata": '{"pseudo_label_accuracy": NaN}'}))
    assert "pseudo_label_accuracy is no finite number" in refusal(offline.load_bundle, BROUGHT)
    (place / "result.json").write_text(json.dumps({name: each for name, each in result.items() if name != "scores"}))
    (place / offline.FILE_NAME).write_bytes(save(arrays, head))
    assert "result.json has no scores beside it" in refusal(offline.load_bundle, BROUGHT)


REQUEST = {
    "key": "ab",
    "kind": "UMAP",
    "params": {},
    "count": 100,
    "urgent": True,
    "sequence": 1.0,
    "executor": "spawn",
    "handle": "1:1.0",
}


@pytest.mark.parametrize(
    "change", [{"key": "../../outside"}, {"asked": "now"}, {"count": 0}, {"kind": "x"}, {"pid": []}]
)
def test_a_request_for_a_map_that_is_spoilt_is_none(change, store):
    place = store / ".projections" / "ab"
    place.mkdir(parents=True)
    (place / "request.json").write_text(json.dumps(REQUEST))
    assert projection_store.read_request("ab").count == 100
    (place / "request.json").write_text(json.dumps(REQUEST | change))
    assert projection_store.read_request("ab") is None and projection_store.active_requests() == []


def test_paces_that_are_spoilt_are_none(store):
    (store / ".projections").mkdir()
    for paces in ([["UMAP", "x", 100, 1.0], ["UMAP"]], [["UMAP", "x", 100, 0]], {"a": 1}, "x"):
        (store / ".projections" / "timings.json").write_text(json.dumps(paces))
        assert projection_store._timings() == []


def test_a_map_of_other_codes_is_refused(store):
    codes = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    ready = projection_store.result_path(
        projection_jobs._key(codes, "UMAP", projection_jobs._resolve_params("UMAP", {}))
    )
    ready.parent.mkdir()
    np.save(ready, np.zeros((100, 2), np.float32))
    assert projection_jobs.status(codes, "UMAP").points().shape == (100, 2)
    for odd in (np.zeros((99, 2), np.float32), np.full((100, 2), np.nan, np.float32), np.zeros((100, 2))):
        np.save(ready, odd)
        assert "The file of this projection is invalid" in refusal(projection_jobs.status(codes, "UMAP").points)


# --- What people can do about it --------------------------------------------------------------------------------------


@pytest.mark.timeout(20)
def test_a_run_with_a_fifo_in_it_is_deleted_and_taken_back(store):
    place = finished()
    for name in ("result.json", "label.json"):
        (place / name).unlink(missing_ok=True)
        os.mkfifo(place / name)
    assert state_of()[0] == "broken" and trash.disk_usage(runs.entry(SMALL.id)) > 0
    ticket = trash.delete(SMALL.id, "ada")
    assert SMALL.id not in {entry.id for entry in runs.entries()}
    trash.restore(ticket, "ada")
    assert stat.S_ISFIFO((place / "result.json").lstat().st_mode)


def test_of_a_link_the_link_is_deleted_and_not_what_it_leads_to(store, tmp_path):
    outside = tmp_path / "outside"
    shutil.move(finished(), outside)
    before = sorted((each.name, each.read_bytes()) for each in outside.iterdir())
    (store / SMALL.id).symlink_to(outside)
    assert state_of() == ("broken", "It is a symbolic link, and links in the runs folder are not followed; delete it.")
    assert trash.disk_usage(runs.entry(SMALL.id)) == 0
    ticket = trash.delete(SMALL.id, "ada")
    assert not os.path.lexists(store / SMALL.id)
    trash.restore(ticket, "ada")
    assert (store / SMALL.id).is_symlink()
    ticket = trash.delete(SMALL.id, "ada")
    old = store / disk.TRASH_DIR / f"{SMALL.id}~1"  # deleted long ago
    os.replace(store / disk.TRASH_DIR / ticket, old)
    trash._purge_expired(store / disk.TRASH_DIR)
    assert not os.path.lexists(old)
    assert sorted((each.name, each.read_bytes()) for each in outside.iterdir()) == before


def test_a_label_that_is_spoilt_makes_a_run_everybodys(store):
    finished()
    ticket = trash.delete(SMALL.id, "ada")
    (store / disk.TRASH_DIR / ticket / "label.json").write_text('{"owner": ["x"], "name": 7}')
    trash.restore(ticket, "ada")
    assert people.labels().get(SMALL.id, people.RunLabel()).owner is None


def test_the_command_line_shows_the_good_ones_and_says_of_the_bad_what_is_wrong(store, capsys):
    place = finished()
    finished(OTHER)
    (place / "result.json").write_text("[" * 100_000)
    assert main(["runs", "--json"]) == 0
    listed = {each["id"]: each for each in json.loads(capsys.readouterr().out)}
    assert listed[OTHER.id]["state"] == "finished" and listed[SMALL.id]["state"] == "broken"
    assert "nested more than 32 deep" in listed[SMALL.id]["message"]
    for command in (["evaluate"], ["watch"], ["export", "--to", str(store / "x")]):
        assert main([command[0], SMALL.id, *command[1:]]) == 1
        said = capsys.readouterr().err
        assert "nested more than 32 deep" in said and "Traceback" not in said


def test_the_list_is_made_while_folders_come_and_go(store):
    """A writer makes, spoils and removes folders as fast as it can while the list is read 200 times."""
    finished(OTHER)
    program = (
        "import json, os, shutil, sys, itertools\n"
        "place, like = sys.argv[1:]\n"
        "for n in itertools.count():\n"
        "    shutil.copytree(like, place, dirs_exist_ok=True)\n"
        "    name = ('result.json', 'config.json', 'weights.safetensors')[n % 3]\n"
        "    os.unlink(f'{place}/{name}'); (os.mkfifo if n % 2 else os.mkdir)(f'{place}/{name}')\n"
        "    shutil.rmtree(place)\n"
    )
    like = store.parent / "like"
    shutil.copytree(finished(), like)
    writer = subprocess.Popen([sys.executable, "-c", program, str(store / SMALL.id), str(like)])
    try:
        seen = {entry.state for _ in range(200) for entry in runs.entries() if entry.id == SMALL.id}
    finally:
        assert writer.poll() is None
        writer.kill()
        writer.wait()
    assert seen <= {"finished", "broken"} and seen
    assert state_of(OTHER.id)[0] == "finished"
