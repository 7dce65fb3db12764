"""Export as `torch.export` programs: a run's encoder and decoder for use without this project."""

from __future__ import annotations

import io
import threading
from pathlib import Path

import torch
from torch import Tensor, nn

from aecore.analysis import loaded
from aecore.analysis.loaded import LoadedModel
from aecore.data import datasets
from aecore.data.modalities import Modality
from aecore.export.codes import codes_table, to_csv
from aecore.export.folder import make_folder, publish
from aecore.models.autoencoder import Autoencoder
from aecore.store import runs

README = """{title}

encoder.pt2   {many} float32 [B, {shape}]{range} -> codes float32 [B, {code_size}]
decoder.pt2   codes -> {many}
codes.csv     latent codes and labels of the test {many}
config.json   the configuration; result.json: metrics; weights.safetensors: the weights

import torch
encoder = torch.export.load("encoder.pt2").module()
decoder = torch.export.load("decoder.pt2").module()
reconstruction = decoder(encoder({many}))
"""

TRACING = threading.Lock()  # torch traces one module at a time
RUN_FILES = ("config.json", "result.json", "weights.safetensors")  # files of a run that an export has, too


class Encoder(nn.Module):
    """Samples `[B, *shape]` (and labels) -> codes `[B, D]`."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return self.model.encode(x, y).code


class Decoder(nn.Module):
    """Codes `[B, D]` (and labels) -> samples `[B, *shape]`, as they can be shown: images in [0, 1]."""

    def __init__(self, model: Autoencoder, modality: Modality | None = None) -> None:
        super().__init__()
        self.model = model
        self.bounded = modality is None or modality.bounded  # None: images

    def forward(self, codes: Tensor, y: Tensor | None = None) -> Tensor:
        made = self.model.likelihood.mean(self.model.decode(self.model.bottleneck.project(codes), y))
        return made.clamp(0, 1) if self.bounded else made


def export_run(run: str, to: Path) -> list[Path]:
    """Export encoder and decoder as `torch.export` programs, which need nothing of this package to be loaded.

    Settings, metrics and the test codes are written beside them.

    Parameters
    ----------
    run
        Id of a finished run.
    to
        The folder to write into; it is made when it is not there.

    Returns
    -------
    list of Path
        The files. Both programs take any batch size.

    Raises
    ------
    UserError
        When the run cannot be opened or the folder cannot be written.

    Examples
    --------
    >>> import aecore
    >>> from pathlib import Path
    >>> files = aecore.export_run("vae-digits-2d-00000000", Path("exports"))
    Traceback (most recent call last):
    aecore.store.runs.UnknownRun: There is no run called vae-digits-2d-00000000; ...
    """
    opened = loaded.load(run)
    make_folder(to)
    contents = {
        **programs(opened),
        "README.txt": _readme(opened).encode(),
        **{name: (runs.path(run) / name).read_bytes() for name in RUN_FILES},
    }
    if datasets.is_available(opened.config.dataset):
        test = datasets.load(opened.config.dataset).test
        table = codes_table(opened.encode_split(test), test.y, opened.card.classes, {"test": len(test)})
        contents["codes.csv"] = to_csv(table)
    return publish(contents, to, ["codes.csv"])


def _readme(run: LoadedModel) -> str:
    modality = run.card.modality
    return README.format(
        title=run.config.summary, shape=", ".join(map(str, modality.shape)), code_size=run.code_size,
        many=modality.noun.many, range=_range_text(modality),
    )  # fmt: skip


def _range_text(modality: Modality) -> str:
    if modality.bounded:
        return " in [0, 1]"
    return ", standardised like the training set, 0 where a value is missing"


def programs(run: LoadedModel) -> dict[str, bytes]:
    """Encoder and decoder of a run as `torch.export` programs, by the names of their files."""
    x, z = torch.zeros(2, *run.card.shape), torch.zeros(2, run.code_size)
    with TRACING:
        return {
            "encoder.pt2": _exported_program(Encoder(run.model), x),
            "decoder.pt2": _exported_program(Decoder(run.model, run.card.modality), z),
        }


def _exported_program(module: nn.Module, example: Tensor) -> bytes:
    written = io.BytesIO()
    batch = {0: torch.export.Dim("batch")}
    torch.export.save(torch.export.export(module, (example,), dynamic_shapes=(batch,)), written)
    return written.getvalue()
