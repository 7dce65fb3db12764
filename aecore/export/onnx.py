"""Export to ONNX: a run's encoder and decoder for other programs, checked in onnxruntime."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.analysis import loaded
from aecore.analysis.loaded import LoadedModel
from aecore.errors import UserError
from aecore.export.folder import make_folder, publish
from aecore.export.torch_export import TRACING, Decoder, Encoder

ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")  # what writing and checking ONNX needs; nothing else here does
TOLERANCE = 1e-4  # how far onnxruntime and torch may be apart, as a share of numbers above 1


def export_onnx(run: str, to: Path) -> list[Path]:
    """Export encoder.onnx and decoder.onnx, and check in onnxruntime that they compute what the model computes.

    Parameters
    ----------
    run
        Id of a finished run.
    to
        The folder to write into; it is made when it is not there.

    Returns
    -------
    list of Path
        Both files. They take any batch size; those of conditional models take labels beside images and codes.

    Raises
    ------
    UserError
        When the run cannot be opened, the folder cannot be written, or a package is not installed.

    Examples
    --------
    >>> import aecore
    >>> aecore.export_onnx(aecore.list_runs()[0].id, Path("exports"))  # doctest: +SKIP
    [PosixPath('exports/encoder.onnx'), PosixPath('exports/decoder.onnx')]
    """
    require_packages()
    opened = loaded.load(run)
    make_folder(to)
    return publish(programs(opened), to)


def require_packages() -> None:
    """UserError where what ONNX needs is not installed."""
    lacking = [name for name in ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if lacking:
        raise UserError(f"ONNX needs packages that are not installed: python -m pip install {' '.join(lacking)}.")


def programs(run: LoadedModel) -> dict[str, bytes]:
    """Encoder and decoder of a run as ONNX, by the names of their files; checked in onnxruntime."""
    x = torch.rand(3, *run.card.shape, generator=torch.Generator().manual_seed(0))
    labels = torch.arange(3) if run.model.is_conditional else None
    codes = run.model.encode_mean(x, labels).clone()
    with TRACING:
        return {
            "encoder.onnx": to_onnx(Encoder(run.model), {"x": x, "labels": labels}, "codes", "encoder.onnx"),
            "decoder.onnx": to_onnx(
                Decoder(run.model, run.card.modality),
                {"codes": codes, "labels": labels},
                "reconstruction",
                "decoder.onnx",
            ),
        }


def to_onnx(module: nn.Module, inputs: dict[str, Tensor | None], output: str, name: str) -> bytes:
    """A module as ONNX, for any batch size, checked in onnxruntime; UserError where that computes something else.
    Callers hold `torch_export.TRACING`."""
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
            custom_translation_table={torch.ops.aten.log_sigmoid.default: _log_sigmoid},
        )
    assert written
    content: bytes = written.model_proto.SerializeToString()
    twice = {each: torch.cat([tensor, tensor]) for each, tensor in given.items()}  # another batch size
    _check_onnx(module, twice, content, name)
    return content


def _log_sigmoid(x: Any) -> Any:
    """As torch computes it; the exporter's own log(sigmoid(x)) loses the small digits, and is -inf below -88."""
    from onnxscript import opset18

    return opset18.Neg(opset18.Softplus(opset18.Neg(x)))


def _check_onnx(module: nn.Module, inputs: dict[str, Tensor], content: bytes, name: str) -> None:
    import onnxruntime

    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {each: tensor.numpy() for each, tensor in inputs.items()})
    with torch.inference_mode():
        expected = module(*inputs.values()).numpy()
    apart = float(np.abs(found - expected).max()) / max(1.0, float(np.abs(expected).max()))  # sums of many are large
    if not apart < TOLERANCE:
        raise UserError(f"{name} computes something else than the model (by {apart:.2g}); do not use it.")
