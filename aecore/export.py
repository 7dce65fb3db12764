"""Export: a run's encoder and decoder for use without this laboratory."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import os
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aecore import data, runs, trained
from aecore.errors import UserError
from aecore.model import Autoencoder

README = """{title}

encoder.pt2   pictures float32 [B, {shape}] in [0, 1] -> codes float32 [B, {z_dim}]
decoder.pt2   codes -> pictures
codes.csv     the codes and labels of the test pictures
config.json   the settings; result.json: its scores; weights.safetensors: the weights

import torch
encoder = torch.export.load("encoder.pt2").module()
decoder = torch.export.load("decoder.pt2").module()
again = decoder(encoder(pictures))
"""


ONNX = ("onnx", "onnxscript", "onnxruntime")  # what writing and checking ONNX needs; nothing else here does
CLOSE = 1e-4  # how far onnxruntime and torch may be apart


class _Encoder(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.model.encode(x, y).code


class _Decoder(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor, y: Tensor | None = None) -> Tensor:
        return self.model.likelihood.mean(self.model.decode(self.model.bottleneck.nearest(codes), y)).clamp(0, 1)


def export_run(run: str, to: Path) -> list[Path]:
    """Writes encoder and decoder as `torch.export` programs (any batch size, no code of ours needed to load them), with
    settings, scores and the test codes, into the folder `to`. Returns the files.

    Raises UserError when the run cannot be opened or the folder cannot be written.
    """
    opened = trained.load(run)
    _make_folder(to)
    batch = {0: torch.export.Dim("batch")}
    x = torch.zeros(2, *opened.card.shape)
    torch.export.save(torch.export.export(_Encoder(opened.model), (x,), dynamic_shapes=(batch,)), to / "encoder.pt2")
    z = torch.zeros(2, opened.codes(x.numpy()).shape[1])
    torch.export.save(torch.export.export(_Decoder(opened.model), (z,), dynamic_shapes=(batch,)), to / "decoder.pt2")
    for name in ("config.json", "result.json", "weights.safetensors"):
        runs.write(to / name, (runs.path(run) / name).read_bytes())
    shape = ", ".join(map(str, opened.card.shape))
    runs.write(to / "README.txt", README.format(title=opened.config.title, shape=shape, z_dim=z.shape[1]))
    if data.is_here(opened.config.dataset):
        runs.write(to / "codes.csv", _codes_csv(opened))
    return sorted(to.iterdir())


def export_onnx(run: str, to: Path) -> list[Path]:
    """Writes encoder.onnx and decoder.onnx (any batch size) into the folder `to`, and checks in onnxruntime that they
    say what the model says. Conditional models take labels beside pictures and codes. Returns the files.

    Raises UserError when the run cannot be opened, the folder cannot be written or a package is not installed.
    """
    lacking = [name for name in ONNX if importlib.util.find_spec(name) is None]
    if lacking:
        raise UserError(f"ONNX needs packages that are not installed: python -m pip install {' '.join(lacking)}.")
    opened = trained.load(run)
    _make_folder(to)
    x = torch.rand(3, *opened.card.shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3) if opened.model.conditional else None
    codes = opened.model.codes(x, labels).clone()
    _write_onnx(_Encoder(opened.model), {"pictures": x, "labels": labels}, "codes", to / "encoder.onnx")
    _write_onnx(_Decoder(opened.model), {"codes": codes, "labels": labels}, "pictures", to / "decoder.onnx")
    return [to / "decoder.onnx", to / "encoder.onnx"]


def _write_onnx(part: nn.Module, inputs: dict[str, Tensor | None], output: str, file: Path) -> None:
    given = {name: tensor for name, tensor in inputs.items() if tensor is not None}
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in given)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells every step, and that two inputs have one batch size
        written = torch.onnx.export(
            part.eval(),
            tuple(given.values()),
            input_names=list(given),
            output_names=[output],
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    assert written
    written.save(str(file), external_data=False)
    twice = {name: torch.cat([tensor, tensor]) for name, tensor in given.items()}  # another batch size
    _check_onnx(part, twice, file)


def _check_onnx(part: nn.Module, inputs: dict[str, Tensor], file: Path) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(file), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {name: tensor.numpy() for name, tensor in inputs.items()})
    with torch.inference_mode():
        apart = float(np.abs(found - part(*inputs.values()).numpy()).max())
    if not apart < CLOSE:
        raise UserError(f"{file.name} draws something else than the model (by {apart:.2g}); do not use it.")


def _make_folder(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {to} cannot be made ({error.strerror}); name another.") from None


def _codes_csv(opened: trained.Trained) -> str:
    test = data.load(opened.config.dataset).test
    codes, out = opened.codes_of(test), io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["label", *(f"z{i + 1}" for i in range(codes.shape[1]))])
    writer.writerows(
        [opened.card.classes[label], *map(float, code)] for label, code in zip(test.labels, codes, strict=True)
    )
    return out.getvalue()
