"""Export: a run's encoder and decoder for use without this laboratory."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import os
import shutil
import time
import uuid
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from aecore import files
from aecore.analysis import loaded
from aecore.data import datasets
from aecore.errors import UserError
from aecore.models.autoencoder import Autoencoder
from aecore.store import runs

README = """{title}

encoder.pt2   pictures float32 [B, {shape}] in [0, 1] -> codes float32 [B, {code_size}]
decoder.pt2   codes -> pictures
codes.csv     the codes and labels of the test pictures
config.json   the settings; result.json: its scores; weights.safetensors: the weights

import torch
encoder = torch.export.load("encoder.pt2").module()
decoder = torch.export.load("decoder.pt2").module()
again = decoder(encoder(pictures))
"""

RUN_FILES = ("config.json", "result.json", "weights.safetensors")  # files of a run that an export has, too
TEMP_PREFIX = ".export-"  # what the name of a folder begins with where an export is being written
STALE_AFTER = 24 * 3600  # seconds after which such a folder is removed: its process has died
ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # what writing and checking ONNX needs; nothing else here does
TOLERANCE = 1e-4  # how far onnxruntime and torch may be apart


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
        return self.model.likelihood.mean(self.model.decode(self.model.bottleneck.project(codes), y)).clamp(0, 1)


def export_run(run: str, to: Path) -> list[Path]:
    """Writes encoder and decoder as `torch.export` programs (any batch size, no code of ours needed to load them), with
    settings, scores and the test codes, into the folder `to`. Returns the files.

    Raises UserError when the run cannot be opened or the folder cannot be written.
    """
    opened = loaded.load(run)
    _make_folder(to)
    x = torch.zeros(2, *opened.card.shape)
    z = torch.zeros(2, opened.code_size)
    shape = ", ".join(map(str, opened.card.shape))
    contents = {
        "encoder.pt2": _exported_program(_Encoder(opened.model), x),
        "decoder.pt2": _exported_program(_Decoder(opened.model), z),
        "README.txt": README.format(title=opened.config.summary, shape=shape, code_size=opened.code_size).encode(),
        **{name: (runs.path(run) / name).read_bytes() for name in RUN_FILES},
    }
    if datasets.is_available(opened.config.dataset):
        contents["codes.csv"] = _codes_csv(opened).encode()
    return _publish(contents, to, ["codes.csv"])


def _exported_program(module: nn.Module, example: Tensor) -> bytes:
    written = io.BytesIO()
    batch = {0: torch.export.Dim("batch")}
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=(batch,)), written)
    return written.getvalue()


def export_onnx(run: str, to: Path) -> list[Path]:
    """Writes encoder.onnx and decoder.onnx (any batch size) into the folder `to`, and checks in onnxruntime that they
    say what the model says. Conditional models take labels beside pictures and codes. Returns the files.

    Raises UserError when the run cannot be opened, the folder cannot be written or a package is not installed.
    """
    lacking = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise UserError(f"ONNX needs packages that are not installed: python -m pip install {' '.join(lacking)}.")
    opened = loaded.load(run)
    _make_folder(to)
    x = torch.rand(3, *opened.card.shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3) if opened.model.is_conditional else None
    codes = opened.model.encode_mean(x, labels).clone()
    encoder = _onnx(_Encoder(opened.model), {"pictures": x, "labels": labels}, "codes", "encoder.onnx")
    decoder = _onnx(_Decoder(opened.model), {"codes": codes, "labels": labels}, "pictures", "decoder.onnx")
    return _publish({"encoder.onnx": encoder, "decoder.onnx": decoder}, to)


def _onnx(module: nn.Module, inputs: dict[str, Tensor | None], output: str, name: str) -> bytes:
    given = {each: tensor for each, tensor in inputs.items() if tensor is not None}
    batch = torch.export.Dim("batch")
    shapes = tuple({0: batch} for _ in given)
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it tells every step, and that two inputs have one batch size
        written = torch.onnx.export(
            module.eval(),
            tuple(given.values()),
            input_names=list(given),
            output_names=[output],
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
        )
    assert written
    content: bytes = written.model_proto.SerializeToString()
    twice = {each: torch.cat([tensor, tensor]) for each, tensor in given.items()}  # another batch size
    _check_onnx(module, twice, content, name)
    return content


def _check_onnx(module: nn.Module, inputs: dict[str, Tensor], content: bytes, name: str) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {each: tensor.numpy() for each, tensor in inputs.items()})
    with torch.inference_mode():
        apart = float(np.abs(found - module(*inputs.values()).numpy()).max())
    if not apart < TOLERANCE:
        raise UserError(f"{name} draws something else than the model (by {apart:.2g}); do not use it.")


def _make_folder(to: Path) -> None:
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {to} cannot be made ({error.strerror}); name another.") from None


def _publish(contents: Mapping[str, bytes], to: Path, stale: Sequence[str] = ()) -> list[Path]:
    """Puts files into a folder, all or none: an earlier export there, `stale` files of it included, is replaced by the
    whole new one or stays as it was. Other files stay. Returns the files; UserError when they cannot be written."""
    part = to / f"{TEMP_PREFIX}{uuid.uuid4().hex}"
    try:
        _remove_stale(to)
        for folder in (part, part / "new", part / "old"):
            folder.mkdir()
        for name, content in contents.items():
            files.atomic_write(part / "new" / name, content, durable=True)
        _swap(part, to, [*contents, *stale])
    except OSError as error:
        raise UserError(
            f"The export could not be written to {to} ({error.strerror or error}), and what was there is as it was: "
            "free some space there, or name another folder."
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return sorted(to / name for name in contents)


def _swap(temp_dir: Path, to: Path, names: Sequence[str]) -> None:
    """Moves the earlier files out, then the new ones in: whenever the process dies, none of one export lies beside
    one of another. An error takes it all back."""
    steps = [(to / name, temp_dir / "old" / name) for name in dict.fromkeys(names)]
    steps += [(temp_dir / "new" / name, to / name) for name in dict.fromkeys(names)]
    moved = []
    try:
        for source, target in steps:
            if source.exists():
                os.replace(source, target)
                moved.append((source, target))
    except BaseException:
        for source, target in reversed(moved):
            os.replace(target, source)
        raise


def _remove_stale(to: Path) -> None:
    for place in to.glob(f"{TEMP_PREFIX}*"):
        if time.time() - place.stat().st_mtime > STALE_AFTER:
            shutil.rmtree(place, ignore_errors=True)


def _codes_csv(run: loaded.LoadedModel) -> str:
    test = datasets.load(run.config.dataset).test
    codes, out = run.encode_split(test), io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["label", *(f"z{i + 1}" for i in range(codes.shape[1]))])
    writer.writerows([run.card.classes[label], *map(float, code)] for label, code in zip(test.y, codes, strict=True))
    return out.getvalue()
