"""A model taken home: each file is opened by the program that people will open it with, and by the lines beside it."""

from __future__ import annotations

import dataclasses
import importlib.util
import io
import re
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import load

from aecore.analysis import loaded
from aecore.content import downloads, model_card
from aecore.content.downloads import MODEL_FILES
from aecore.export.program import UnsupportedLayer
from aecore.store import runs
from tests.kit.trained_runs import furnished

SLOW = {"onnx": pytest.mark.slow}  # an export takes ten seconds
PROGRAMS = [pytest.param(name, marks=SLOW.get(name, ())) for name in ("torch", "onnx")]


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """A run of random settings by their names, trained for an epoch."""
    place = tmp_path_factory.mktemp("runs")
    wanted = {name: {"family": name, "epochs": 1} for name in ("vae", "tied-weights", "conditional-vae")}
    with pytest.MonkeyPatch.context() as patch:
        ids = furnished(place, wanted)
        patch.setenv("AECORE_RUNS", str(place))
        yield {name: loaded.load(run) for name, run in ids.items()}


def unpacked(content: bytes, place, monkeypatch) -> None:
    """The files of an archive, in the folder from which code is run."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        archive.extractall(place)
    monkeypatch.chdir(place)


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_lines_beside_a_program_decode_what_the_model_decodes(opened, name, tmp_path, monkeypatch):
    if name == "onnx" and not importlib.util.find_spec("onnxruntime"):
        pytest.skip("not installed: onnxruntime")
    run, file = opened["vae"], MODEL_FILES[name]
    unpacked(file.make(run), tmp_path, monkeypatch)
    codes = np.random.default_rng(0).standard_normal((5, run.code_size)).astype(np.float32)
    scope = {"codes": torch.from_numpy(codes) if name == "torch" else codes}
    lines = file.lines(run)
    assert len(lines.splitlines()) == 2 and lines in (tmp_path / "README.md").read_text()
    exec(lines, scope)
    np.testing.assert_allclose(torch.as_tensor(scope["images"]).detach(), run.decode(codes), atol=1e-4)


@pytest.mark.parametrize("family", ["vae", "tied-weights"])
def test_weights_are_loaded_by_safetensors_and_are_a_model_again(opened, family, tmp_path, monkeypatch):
    run = opened[family]
    unpacked(MODEL_FILES["safetensors"].make(run, "My first"), tmp_path, monkeypatch)
    text = (tmp_path / "README.md").read_text()
    assert text.startswith("# My first\n") and f"run `{run.id}`" in text
    scope: dict = {}
    exec(MODEL_FILES["safetensors"].lines(run), scope)
    assert {name: tuple(each.shape) for name, each in scope["weights"].items()}.items() <= {
        name: tuple(each.shape) for name, each in run.model.state_dict().items()
    }.items()
    exec(re.findall(r"```python\n(.*?)```", text, re.DOTALL)[-1], scope)
    for name, tensor in run.model.state_dict().items():
        assert torch.equal(scope["model"].state_dict()[name], tensor), name


def test_a_run_that_was_stopped_gives_its_weights_and_a_card(opened):
    run = opened["vae"]
    entry = dataclasses.replace(runs.entry(run.id), result={})
    assert "not to its end" in model_card.readme(entry) and model_card.metric_rows(entry) == []
    elsewhere = dataclasses.replace(run, config=dataclasses.replace(run.config, seed=9))  # no file of that name
    kept = load(downloads._weights_file(elsewhere))
    assert all(torch.equal(run.model.state_dict()[name], each) for name, each in kept.items())


def test_a_card_has_the_settings_and_the_metrics(opened):
    run = opened["conditional-vae"]
    text = MODEL_FILES["card"].make(run).decode()
    assert "| family | conditional-vae |" in text and f"{run.result['mse']:.5f}" in text
    assert "labels" in MODEL_FILES["onnx"].lines(run), "its decoder is told the class"
    assert downloads.settings(run.config)["Gradient norm clip"] == "no limit"


def test_what_cannot_be_made_is_one_sentence(opened, monkeypatch):
    run = opened["vae"]
    assert [file.obstacle(run) for file in MODEL_FILES.values()] == [""] * len(MODEL_FILES)

    def refuse(_):
        raise UnsupportedLayer("The browser cannot compute GRU, a part of this model.")

    unknown = dataclasses.replace(MODEL_FILES["html"], check=refuse)
    assert unknown.obstacle(run) == "The browser cannot compute GRU, a part of this model."
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    assert "pip install onnxscript" in MODEL_FILES["onnx"].obstacle(run)
    monkeypatch.setattr(downloads, "MAX_BYTES", 1000)
    assert f"python -m aecore export {run.id}" in MODEL_FILES["safetensors"].obstacle(run)


def test_codes_of_all_splits_are_a_row_for_each_image(opened):
    table = downloads.codes_of_all(opened["vae"])
    card = opened["vae"].card
    names, counts = np.unique(table["split"], return_counts=True)
    assert dict(zip(names.tolist(), counts.tolist(), strict=True)) == {
        "train": card.n_train, "validation": card.n_validation, "test": card.n_test,
    }  # fmt: skip
    assert table["index"][-1] == card.n_test - 1 and {"class", "z1", "z2"} <= set(table)
