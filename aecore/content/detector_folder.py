"""A detector of anomalies taken away: a folder that scores samples with NumPy and onnxruntime, without this project."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.rivals import RIVALS
from aecore.applications.anomaly.scoring import MAX_REFERENCE, N_NEIGHBOURS, Reference, score_of, scores_of
from aecore.content.detector_card import ChosenDetector, normal_classes, readme
from aecore.data.adding.parsed import FARTHEST
from aecore.data.modalities import Column, Image, Modality, Points, Series, Table, Vector
from aecore.errors import UserError
from aecore.export import onnx
from aecore.export.folder import make_folder, publish
from aecore.export.torch_export import TRACING
from aecore.models.autoencoder import Autoencoder
from aecore.models.footprint import count_parameters
from aecore.models.latents import FlowLatent, GaussianLatent, LadderLatent

MAX_CALIBRATION = 10_000  # scores that p-values are counted in
LARGEST = float(np.finfo(np.float32).max)  # stands for infinity, which JSON does not have
N_TRIED, TOLERANCE = 64, 1e-4  # samples that a folder is tried with, and the share that its scores may be off
SCRIPTS = Path(__file__).with_name("detector_scripts")  # no package: they are copied, and import each other there
SCRIPT_NAMES = ("detect.py", "detector.py", "read_images.py", "read_tables.py")
REQUIREMENTS, IMAGE_REQUIREMENTS = ("numpy>=2.0,<3", "onnxruntime>=1.27,<2"), ("pillow>=11.2,<13",)
KINDS = (Image, Table, Series, Vector, Points)  # of samples that the scripts read

Contents = dict[str, bytes]  # files by their names


class _NegativeLogLikelihood(nn.Module):
    """Samples `[B, *shape]` -> -log p(x | z) at their codes, `[B]`."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        return self.model.likelihood.nll(self.model.decode(self.model.encode(x).code), x)


class _Divergence(nn.Module):
    """Samples `[B, *shape]` -> KL(q(z | x) || N(0, 1)), `[B]`."""

    def __init__(self, model: Autoencoder) -> None:
        super().__init__()
        self.model = model

    def forward(self, x: Tensor) -> Tensor:
        latent = self.model.encode(x)
        assert isinstance(latent, GaussianLatent)
        return latent.kl.sum(1)


def _network(module: Callable[[Autoencoder], nn.Module], reference: Reference) -> Contents:
    run = reference.run
    x = torch.rand(3, *run.card.shape, generator=torch.Generator().manual_seed(0))
    with TRACING:
        return {"score.onnx": onnx.to_onnx(module(run.model), {"x": x}, "score", "score.onnx")}


def _codes(reference: Reference) -> Contents:
    return {"codes.npy": _npy(reference.codes)}


def _covariance(reference: Reference) -> Contents:
    found = reference.covariance
    return {"code_mean.npy": _npy(found.location_), "code_precision.npy": _npy(found.get_precision())}


def _npy(array: np.ndarray) -> bytes:
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    return written.getvalue()


# score -> the files that it takes beside encoder and decoder; one that draws random numbers as torch does has no row
EXTRAS: dict[str, Callable[[Reference], Contents]] = {
    "reconstruction": lambda reference: {},
    "worst-neighbourhood": lambda reference: {},
    "likelihood": lambda reference: _network(_NegativeLogLikelihood, reference),
    "knn-codes": _codes,
    "mahalanobis-codes": _covariance,
    "kl": lambda reference: _network(_Divergence, reference),
}
OPTIONAL_FILES = ("score.onnx", "codes.npy", "code_mean.npy", "code_precision.npy")


def portable_scores(run: LoadedModel) -> list[str]:
    """The scores of a run that a folder can compute."""
    is_drawn = issubclass(run.types[0], LadderLatent | FlowLatent)  # a level, or the KL itself, is of one draw
    return [name for name in scores_of(run) if name in EXTRAS and not (name == "kl" and is_drawn)]


def check(run: LoadedModel, score: str, max_bytes: int | None = None) -> None:
    """UserError where a detector of this run and score cannot be taken away, or takes more than `max_bytes` bytes."""
    onnx.require_packages()
    if run.model.is_conditional:
        raise UserError(
            f"{run.id} tries every class on a sample, which no folder does: choose a run of another family."
        )
    if not isinstance(run.card.modality, KINDS):
        raise UserError(f"The scripts of a folder read no {run.card.modality.noun.many}: use aecore itself.")
    if score not in RIVALS:
        score_of(run, score)  # which says what there is
    if score not in portable_scores(run):
        known = ", ".join(portable_scores(run))
        raise UserError(f"The score {score} cannot be taken away; those of {run.id} that can are: {known}.")
    size = 4 * (count_parameters(run.model) + (MAX_REFERENCE * run.code_size if score == "knn-codes" else 0))
    if max_bytes is not None and size > max_bytes:
        raise UserError(
            f"Pages give {max_bytes / 1e6:.0f} MB at most, and this detector may have {size / 1e6:.0f} MB: use "
            f"`python -m aecore detect {run.id} --export FOLDER`."
        )


def contents(chosen: ChosenDetector) -> Contents:
    """The files of the folder, tried with calibration samples.

    Returns
    -------
    dict
        encoder.onnx, decoder.onnx and what the score takes beside them, detector.json, four scripts, README.md and
        requirements.txt.

    Raises
    ------
    UserError
        When it cannot be taken away, or ONNX computes something else than the model.
    """
    run, detector, score = chosen.run, chosen.detector, chosen.score
    check(run, score)
    made = onnx.programs(run) | EXTRAS[score](detector.reference)
    made["detector.json"] = json.dumps(_about(chosen, made), indent=1).encode()
    made |= {name: (SCRIPTS / name).read_bytes() for name in SCRIPT_NAMES}
    made["README.md"] = readme(chosen).encode()
    made["requirements.txt"] = "\n".join([*requirements(run.card.modality), ""]).encode()
    _try(made, detector, score)
    return made


def requirements(modality: Modality) -> tuple[str, ...]:
    """The packages that a folder needs."""
    return REQUIREMENTS + (IMAGE_REQUIREMENTS if isinstance(modality, Image) else ())


def export_detector(chosen: ChosenDetector, to: Path) -> list[Path]:
    """Write the folder, whole or not at all, and return its files; other files there stay. UserError as `contents`, and
    where it cannot be written."""
    made = contents(chosen)
    make_folder(to)
    return publish(made, to, OPTIONAL_FILES)


def _about(chosen: ChosenDetector, others: Contents) -> dict[str, Any]:
    """What detector.json says."""
    run, detector, score = chosen.run, chosen.detector, chosen.score
    threshold = detector.threshold(score, chosen.rule, chosen.base_rate)
    scores = detector.scored(score).calibration[-MAX_CALIBRATION:]  # in a random order: the last are a fair sample
    return {
        "run": run.id,
        "score": score,
        "n_neighbours": N_NEIGHBOURS,
        "threshold": {
            "rule": str(chosen.rule),
            "cut": float(np.clip(threshold.cut, -LARGEST, LARGEST)),
            "promise": threshold.promise,
        },
        "normal": list(normal_classes(run)),
        "kind": run.card.modality.kind,
        "shape": list(run.card.shape),
        "missing": run.card.modality.has_missing,
        "farthest": FARTHEST if run.card.origin else LARGEST,  # standard deviations at which numbers are cut
        "columns": _columns(run.card.modality),
        "sha256": {name: hashlib.sha256(content).hexdigest() for name, content in others.items()},
        "calibration": [float(str(each)) for each in np.sort(scores.astype(np.float32))],  # its shortest digits
    }


def _columns(modality: Modality) -> list[dict[str, Any]]:
    """The columns of a table, the numbers of a vector or the channels of a series; of images none."""
    if isinstance(modality, Table):
        columns = modality.columns
    elif isinstance(modality, Series | Vector | Points):
        names = modality.channels if isinstance(modality, Series) else modality.names
        standardised = zip(names, modality.mean, modality.std, strict=True)
        columns = tuple(Column(name, mean=mean, std=std) for name, mean, std in standardised)
    else:
        return []
    return [dataclasses.asdict(column) | {"width": column.width} for column in columns]


def _try(made: Contents, detector: Detector, score: str) -> None:
    """UserError where the folder scores calibration samples otherwise than the run."""
    x, expected = detector.data.calibration.observed(slice(N_TRIED)), detector.scored(score).calibration[:N_TRIED]
    with tempfile.TemporaryDirectory(prefix="aecore-detector-") as place:
        for name, content in made.items():
            (Path(place) / name).write_bytes(content)
        found = _script("detector").Detector(Path(place)).score(x)
    apart = float(np.max(np.abs(found - expected) / np.maximum(1, np.abs(expected)), initial=0))
    if not apart <= TOLERANCE:
        raise UserError(
            f"The folder scores samples otherwise than {detector.run.id} (by {apart:.2g}), so nothing is given: choose "
            "another score."
        )


def _script(name: str) -> ModuleType:
    """A script of a folder as a module."""
    spec = importlib.util.spec_from_file_location(name, SCRIPTS / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
