"""Runs as ONNX: what another program computes from the files is what the model computes, for any number of images."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import torch

from aecore.analysis import loaded
from aecore.cli import main
from aecore.errors import UserError
from aecore.export import onnx
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from tests.kit.cases import few

# an export takes ten seconds: convolutions, labels and a codebook, which are what is hard to export
CASES = [
    {"family": "conditional-vae", "network": "conv"},
    {"family": "vq-vae"},
]
LACKING = [name for name in onnx.ONNX_PACKAGES if importlib.util.find_spec(name) is None]
installed = pytest.mark.skipif(bool(LACKING), reason=f"not installed: {', '.join(LACKING)}")


@pytest.fixture
def opens(monkeypatch):
    """Lets a model be exported that was never trained or saved."""

    def give(**settings) -> loaded.LoadedModel:
        config = resolve_config(presets.default_config("digits", **settings))
        run = loaded.LoadedModel(config, build_recipe(config).model.eval(), {})
        monkeypatch.setattr(loaded, "load", lambda _: run)
        return run

    return give


@installed
@pytest.mark.parametrize("case", few(CASES, CASES[0], name=lambda case: case["family"]))
def test_onnx_computes_what_torch_computes(opens, tmp_path, case):
    import onnxruntime

    run = opens(**case)
    assert {file.name for file in onnx.export_onnx(run.id, tmp_path)} == {"encoder.onnx", "decoder.onnx"}
    session = {
        part: onnxruntime.InferenceSession(str(tmp_path / f"{part}.onnx"), providers=["CPUExecutionProvider"])
        for part in ("encoder", "decoder")
    }
    for count in (1, 7):
        labels = np.arange(count)
        told = {"labels": labels} if run.model.is_conditional else {}
        x = np.random.default_rng(0).random((count, 1, 8, 8), dtype=np.float32)
        (codes,) = session["encoder"].run(None, {"x": x, **told})
        (again,) = session["decoder"].run(None, {"codes": codes, **told})
        np.testing.assert_allclose(codes, run.encode(x, labels), atol=1e-4)
        np.testing.assert_allclose(again, run.decode(codes, labels), atol=1e-4)


@pytest.mark.slow
@installed
def test_a_file_that_draws_something_else_is_not_called_good(opens, tmp_path):
    run = opens(family="vae")
    onnx.export_onnx(run.id, tmp_path)
    codes = torch.zeros(2, 2)
    written = (tmp_path / "decoder.onnx").read_bytes()
    onnx._check_onnx(onnx.Decoder(run.model), {"codes": codes}, written, "decoder.onnx")
    with torch.no_grad():
        run.model.decoder[-2].bias += 0.5
    with pytest.raises(UserError, match="do not use it"):
        onnx._check_onnx(onnx.Decoder(run.model), {"codes": codes}, written, "decoder.onnx")


def test_without_the_packages_a_sentence_says_what_to_install(opens, tmp_path, monkeypatch, capsys):
    run, find = opens(family="vae"), importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "onnxscript" else find(name))
    assert main(["export", run.id, "--onnx", str(tmp_path)]) == 1
    said = capsys.readouterr().err
    assert "pip install" in said and "onnxscript" in said and not list(tmp_path.iterdir())
