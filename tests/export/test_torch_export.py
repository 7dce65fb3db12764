"""An export is written whole or not at all, whatever happens meanwhile; an earlier one outlives a failed one."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import save

from aecore import files
from aecore.analysis.loaded import LoadedModel
from aecore.cli import main
from aecore.errors import UserError
from aecore.export import folder, torch_export
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.store.writer import RunWriter
from tests.kit.cases import few

ROOT = Path(__file__).resolve().parents[2]
OLD = {"encoder.pt2": b"old encoder", "decoder.pt2": b"old decoder", "codes.csv": b"old codes"}
NEW = {"encoder.pt2": b"new encoder", "decoder.pt2": b"new decoder", "README.txt": b"new words"}


@pytest.fixture
def run(monkeypatch, tmp_path) -> str:
    """A finished run of the digits with random weights."""
    monkeypatch.setenv("AECORE_RUNS", str(tmp_path / "runs"))
    config = resolve_config(presets.default_config("digits", family="vae", hidden_sizes=(8,), epochs=1))
    losses = {"reconstruction": 1.0, "kl": 1.0}
    result = {"seconds": 1.0, "parameters": 1, "mse": 0.1, "device": "cpu", "created": 1.0}
    with RunWriter(config) as draft:
        torch.manual_seed(0)
        draft.finish(
            save(build_recipe(config).model.state_dict()), result | dict.fromkeys(("train", "test"), losses), b""
        )
    return config.id


def held(place: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in place.iterdir() if file.is_file()}


def filled(place: Path) -> Path:
    """A folder with an earlier export, and a file of somebody's own."""
    place.mkdir()
    for name, content in (OLD | {"mine.txt": b"mine"}).items():
        (place / name).write_bytes(content)
    return place


def full(*_args: object, **_more: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("dataset", ["digits", "heartbeats", "iris"])
def test_an_exported_decoder_gives_what_the_laboratory_shows(dataset):
    """Images are clipped to [0, 1]; what may be below 0 is not."""
    config = resolve_config(presets.default_config(dataset, family="vae", likelihood="gaussian"))
    torch.manual_seed(0)
    run = LoadedModel(config, build_recipe(config).model.eval(), {})
    codes = 10 * torch.randn(8, run.code_size)
    with torch.inference_mode():
        made = torch_export.Decoder(run.model, run.card.modality)(codes).numpy()
    assert (made == run.decode(codes.numpy())).all()
    assert (made.min() < 0) == (dataset != "digits")


def test_the_words_beside_an_export_say_what_its_samples_are():
    for dataset, said in (("digits", "images float32 [B, 1, 8, 8] in [0, 1]"), ("iris", "rows float32 [B, 4], stand")):
        config = resolve_config(presets.default_config(dataset, family="vae"))
        assert said in torch_export._readme(LoadedModel(config, build_recipe(config).model.eval(), {}))


def test_an_export_replaces_an_earlier_one_and_leaves_what_is_not_its_own(tmp_path):
    place = filled(tmp_path / "out")
    assert folder.publish(NEW, place, ["codes.csv"]) == sorted(place / name for name in NEW)
    assert held(place) == NEW | {"mine.txt": b"mine"}, "codes of the earlier model are gone"
    assert sorted(each.name for each in place.iterdir()) == sorted([*NEW, "mine.txt"])


@pytest.mark.parametrize("fails", range(3))
def test_a_full_disk_leaves_the_earlier_export(monkeypatch, tmp_path, fails):
    place, write, calls = filled(tmp_path / "out"), files.atomic_write, []

    def writes(file, content, durable=False):
        calls.append(file)
        if len(calls) > fails:
            file.write_bytes(content[:3])
            full()
        write(file, content, durable)

    monkeypatch.setattr(files, "atomic_write", writes)
    with pytest.raises(UserError) as caught:
        folder.publish(NEW, place, ["codes.csv"])
    assert str(caught.value) == (
        f"The export could not be written to {place} (No space left on device), and what was there is as it was: free "
        "some space there, or name another folder."
    )
    assert held(place) == OLD | {"mine.txt": b"mine"}
    assert not [each for each in place.iterdir() if each.is_dir()]


@pytest.mark.parametrize("fails", range(6))
def test_a_move_that_fails_takes_all_of_them_back(monkeypatch, tmp_path, fails):
    place = filled(tmp_path / "out")
    contents, replace, calls = dict(NEW), os.replace, []

    def moves(source, target):
        if Path(source).name in {*NEW, *OLD}:
            calls.append(source)
            if len(calls) == fails + 1:
                full()
        replace(source, target)

    monkeypatch.setattr(files, "atomic_write", lambda file, content, durable: file.write_bytes(content))
    monkeypatch.setattr(os, "replace", moves)
    with pytest.raises(UserError, match="what was there is as it was"):
        folder.publish(contents, place, ["codes.csv"])
    assert len(calls) > fails and held(place) == OLD | {"mine.txt": b"mine"}


@pytest.mark.parametrize("dies", few(range(6), 0, 3))
def test_a_process_that_dies_leaves_nothing_that_looks_complete(tmp_path, dies):
    """Killed before the move of that number: files of one export only, and not all of them."""
    place = filled(tmp_path / "out")
    source = f"""
        import os
        from pathlib import Path
        from aecore.export import folder as export
        new, old, place = {NEW!r}, {OLD!r}, Path({str(place)!r})
        replace, calls = os.replace, []
        def moves(source, target):
            if Path(source).name in {{*new, *old}}:
                calls.append(source)
                if len(calls) == {dies + 1}:
                    os._exit(9)
            replace(source, target)
        os.replace = moves
        export.publish(new, place, ["codes.csv"])
    """
    assert subprocess.run([sys.executable, "-c", textwrap.dedent(source)], cwd=ROOT, timeout=60).returncode == 9
    left = held(place)
    assert left.pop("mine.txt") == b"mine"
    whole = left == OLD
    assert whole if dies == 0 else not whole and left.keys() < NEW.keys() | OLD.keys()
    assert left.items() <= OLD.items() or left.items() < NEW.items()
    assert folder.publish(NEW, place, ["codes.csv"]) and held(place) == NEW | {"mine.txt": b"mine"}


def test_what_a_dead_process_left_is_removed_a_day_later(tmp_path):
    fresh, given_up = tmp_path / f"{folder.TEMP_PREFIX}1", tmp_path / f"{folder.TEMP_PREFIX}2"
    for each in (fresh, given_up):
        (each / "new").mkdir(parents=True)
    os.utime(given_up, (0, 0))
    folder.publish(NEW, tmp_path)
    assert fresh.is_dir() and not given_up.exists()


def test_a_run_is_exported_whole_or_not_at_all(run, tmp_path, monkeypatch, capsys):
    place = tmp_path / "out"
    written = [file.name for file in torch_export.export_run(run, place)]
    assert written == sorted(["encoder.pt2", "decoder.pt2", "README.txt", "codes.csv", *torch_export.RUN_FILES])
    assert json.loads((place / "config.json").read_text())["family"] == "vae"
    before = held(place)
    monkeypatch.setattr(os, "fsync", full)
    assert main(["export", run, "--to", str(place)]) == 1
    said = capsys.readouterr().err.strip()
    assert re.search(r"The export could not be written to .+ \(No space left on device\).+folder\.$", said)
    assert "Traceback" not in said and said.count("\n") == 0
    assert held(place) == before


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="limits of a process")
def test_a_file_that_may_not_grow_is_a_sentence(run, tmp_path):
    """A real error of the system, half way through a file."""
    source = f"""
        import resource, signal, sys
        from aecore.store import runs
        from aecore.cli import main
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))
        sys.exit(main(["export", {run!r}, "--to", {str(tmp_path / "out")!r}]))
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(source)], cwd=ROOT, capture_output=True, text=True, timeout=100
    )
    assert ended.returncode == 1 and "(File too large)" in ended.stderr and "Traceback" not in ended.stderr
    assert not list((tmp_path / "out").iterdir())
