"""Builds the gallery: trains a model, evaluates it, and writes it into pretrained/ with its card.

The folder is that of a run. What is done to it besides: weights are stored as float16 where that changes no fourth
digit, what shows the data set's images is left out, and the offline bundle that replaces them is put in.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load as read_tensors
from safetensors.numpy import save

from aecore import files
from aecore.analysis import loaded, offline_bundle
from aecore.analysis.evaluation import evaluate_run
from aecore.content import model_card
from aecore.content.gallery import PretrainedModel, gallery_error
from aecore.data.cards import CARDS
from aecore.data.datasets import is_available, load
from aecore.disk import Store
from aecore.errors import UserError
from aecore.export import compile_browser, program
from aecore.jobs.worker import run_training
from aecore.models.families.build import resolve_config
from aecore.store import offline, runs, snapshots
from aecore.training.loop import Progress

MAX_SNAPSHOTS = 10  # that stay of each model, for the time machine
CHECKSUMMED = (
    runs.WEIGHTS_FILE,
    runs.AUXILIARY_FILE,
    offline.FILE_NAME,
    program.FILE_NAME,
)  # whose checksums the result holds


def build_model(spec: PretrainedModel, on_progress: Callable[[Progress], None], force: bool = False) -> str:
    """Train a model of the gallery, unless it is there (`force`: in any case); returns the id of its run. The card of
    one that is there is brought up to date and, where its data set is here, its numbers.

    Raises DatasetNotAvailable when its data set is not here, UserError when there is no folder of the gallery. What is
    in the gallery stays until the new one is whole.
    """
    if error := gallery_error():
        raise UserError(error)
    config = resolve_config(spec.config)
    place = runs.PRETRAINED_DIR / config.id
    if not force and (place / "config.json").exists():
        entry = runs.entry(config.id)
        fresh = _result_fields(evaluate_run(loaded.load(config.id))) if is_available(config.dataset) else {}
        _write_card(place, spec, {**entry.result, **fresh})
        return config.id
    with tempfile.TemporaryDirectory(dir=runs.PRETRAINED_DIR, prefix=".") as made, Store(Path(made)).use():
        for progress in run_training(config):
            on_progress(progress)
        _finish(Path(made) / config.id, spec)
        _replace(Path(made) / config.id, spec)
    return config.id


def _finish(run_dir: Path, spec: PretrainedModel) -> None:
    """Turn the folder of a finished run into a model of the gallery."""
    opened, card = loaded.load(run_dir.name), CARDS[spec.config.dataset]
    before = evaluate_run(opened)
    halved = _store_half_precision(run_dir, before)
    opened = loaded.load(run_dir.name) if halved else opened
    said = evaluate_run(opened) if halved else before
    brought: dict[str, Any] = {}
    if card.download_bytes:
        mine = offline_bundle.compute_bundle(opened, load(card.name))
        offline.save_bundle(run_dir, mine)
        brought = {"pseudo_label_accuracy": mine.pseudo_label_accuracy}
        (run_dir / "preview.png").unlink(missing_ok=True)  # it shows images of the data set
    if spec.on_home:
        program.save_program(run_dir, compile_browser.compile_model(opened))
    snapshots.thin(run_dir, MAX_SNAPSHOTS)
    result = json.loads((run_dir / "result.json").read_text())
    result |= {**_result_fields(said), "processor": _processor(), **brought}
    result["weights_dtype"] = "float16" if halved else "float32"
    result["sha256"] = {name: files.checksum(run_dir / name) for name in CHECKSUMMED if (run_dir / name).exists()}
    _write_card(run_dir, spec, result)


def _result_fields(evaluation: dict[str, Any]) -> dict[str, Any]:
    """The fields of a run's result that an evaluation gives."""
    kept = {name: evaluation[name] for name in ("mse", "code_size", "code_bits", "active_units", "test", "checkup")}
    return {**kept, "scores": {name: each for name, each in evaluation.items() if name != "checkup"}}


def _write_card(run_dir: Path, spec: PretrainedModel, result: Mapping[str, Any]) -> None:
    """Write the result with the description of the model, and its card."""
    shown = {"name": spec.name, "title": spec.title, "good_for": spec.good_for, "not_for": spec.not_for}
    _write_result(run_dir, {**result, "pretrained": shown | {"on_home": spec.on_home, "sweep_beta": spec.sweep_beta}})
    files.atomic_write(run_dir / "README.md", model_card.readme(runs.entry(run_dir.name)))


def _write_result(run_dir: Path, result: dict[str, Any]) -> None:
    """Write the result again, and with it the time by which the store knows whether it has read it."""
    files.atomic_write(run_dir / "result.json", json.dumps(result, indent=1))
    (run_dir / "config.json").touch()


def _store_half_precision(run_dir: Path, before: dict[str, Any]) -> bool:
    """Store the weights as float16, unless the test MSE would change in its fourth digit."""
    file = run_dir / "weights.safetensors"
    whole = file.read_bytes()
    result = json.loads((run_dir / "result.json").read_text())
    arrays = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in read_tensors(whole).items()}
    files.atomic_write(file, save(arrays, _metadata(whole)))
    _write_result(run_dir, {name: value for name, value in result.items() if name != "sha256"})
    after = evaluate_run(loaded.load(run_dir.name))
    if f"{after['mse']:.4g}" == f"{before['mse']:.4g}" or abs(after["mse"] / before["mse"] - 1) < 5e-5:
        return True
    files.atomic_write(file, whole)
    return False


def _metadata(content: bytes) -> dict[str, str]:
    """The metadata of a safetensors file, such as which weights two layers share."""
    size = int.from_bytes(content[:8], "little")
    said: dict[str, str] = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    return said


def _processor() -> str:
    """The machine, in words that do not name it."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def _replace(run_dir: Path, spec: PretrainedModel) -> None:
    """Put a finished model into the gallery, in the place of an earlier one of its name."""
    for place in list(runs.PRETRAINED_DIR.iterdir()):
        said = files.read_json(place / "result.json") if place.is_dir() else None
        same = isinstance(said, dict) and said.get("pretrained", {}).get("name") == spec.name
        if same or place.name == run_dir.name:
            shutil.rmtree(place)
    os.replace(run_dir, runs.PRETRAINED_DIR / run_dir.name)
