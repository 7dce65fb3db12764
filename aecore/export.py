"""Export: a run's encoder and decoder for use without this laboratory."""

from __future__ import annotations

import csv
import io
from pathlib import Path

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


class _Encoder(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model.encode(x).code


class _Decoder(nn.Module):
    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, codes: Tensor) -> Tensor:
        return self.model.likelihood.mean(self.model.decode(codes))


def export_run(run: str, to: Path) -> list[Path]:
    """Writes encoder and decoder as `torch.export` programs (any batch size, no code of ours needed to load them), with
    settings, scores and the test codes, into the folder `to`. Returns the files.

    Raises UserError when the run cannot be opened or the folder cannot be written.
    """
    opened = trained.load(run)
    try:
        to.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"The folder {to} cannot be made ({error.strerror}); name another with --to.") from None
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


def _codes_csv(opened: trained.Trained) -> str:
    test = data.load(opened.config.dataset).test
    codes, out = opened.codes_of(test), io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["label", *(f"z{i + 1}" for i in range(codes.shape[1]))])
    writer.writerows(
        [opened.card.classes[label], *map(float, code)] for label, code in zip(test.labels, codes, strict=True)
    )
    return out.getvalue()
