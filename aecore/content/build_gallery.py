"""Makes the gallery: trains an exhibit, measures it, and writes it into pretrained/ with its card.

The folder is that of a run. What is done to it besides: weights are halved where that changes no fourth digit, what
shows the data set's pictures is left out, and what stands in for them is put in (products.py).
"""

from __future__ import annotations

import dataclasses
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
from aecore.content.gallery import PretrainedModel
from aecore.data.cards import CARDS
from aecore.data.datasets import is_available, load
from aecore.disk import Store
from aecore.export import compile_browser, program
from aecore.jobs.worker import run_training
from aecore.models.families.build import FAMILIES, resolve_config
from aecore.store import offline, runs, snapshots
from aecore.training.loop import Progress

MAX_SNAPSHOTS = 10  # that stay of each exhibit, for the time machine
CHECKSUMMED = (
    runs.WEIGHTS_FILE,
    runs.AUXILIARY_FILE,
    offline.FILE_NAME,
    program.FILE_NAME,
)  # whose checksums the result holds


def build_model(spec: PretrainedModel, on_progress: Callable[[Progress], None], force: bool = False) -> str:
    """Trains an exhibit, unless the gallery has it (`anew`: in any case); returns the id of its run. Of one that is
    there the words are brought up to date and, where its data set is here, the numbers.

    Raises DataMissing when its data set is not here. What is in the gallery stays until the new one is whole.
    """
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
    """Makes an exhibit of the folder of a finished run."""
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
        (run_dir / "preview.png").unlink(missing_ok=True)  # it shows pictures of the data set
    if spec.on_home:
        program.save_program(run_dir, compile_browser.compile_model(opened))
    snapshots.thin(run_dir, MAX_SNAPSHOTS)
    result = json.loads((run_dir / "result.json").read_text())
    result |= {**_result_fields(said), "processor": _processor(), **brought}
    result["weights_dtype"] = "float16" if halved else "float32"
    result["sha256"] = {name: files.checksum(run_dir / name) for name in CHECKSUMMED if (run_dir / name).exists()}
    _write_card(run_dir, spec, result)


def _result_fields(evaluation: dict[str, Any]) -> dict[str, Any]:
    """What the result of a run holds of its scores."""
    kept = {name: evaluation[name] for name in ("mse", "code_size", "code_bits", "active_units", "test", "checkup")}
    return {**kept, "scores": {name: each for name, each in evaluation.items() if name != "checkup"}}


def _write_card(run_dir: Path, spec: PretrainedModel, result: Mapping[str, Any]) -> None:
    """Writes the result with what is said of the exhibit, and its card."""
    shown = {"name": spec.name, "title": spec.title, "good_for": spec.good_for, "not_for": spec.not_for}
    _write_result(run_dir, {**result, "pretrained": shown | {"on_home": spec.on_home, "sweep_beta": spec.sweep_beta}})
    files.atomic_write(run_dir / "README.md", readme(runs.entry(run_dir.name)))


def _write_result(run_dir: Path, result: dict[str, Any]) -> None:
    """Writes the result anew, and with it the moment by which the store knows whether it has seen it."""
    files.atomic_write(run_dir / "result.json", json.dumps(result, indent=1))
    (run_dir / "config.json").touch()


def _store_half_precision(run_dir: Path, before: dict[str, Any]) -> bool:
    """Stores the weights in half precision, unless the error on the test pictures would change in its fourth digit."""
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
    """What a safetensors file says beside its arrays: which weights two layers share, say."""
    size = int.from_bytes(content[:8], "little")
    said: dict[str, str] = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    return said


def _processor() -> str:
    """The machine, in words that do not name it."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def _replace(run_dir: Path, spec: PretrainedModel) -> None:
    """Puts a finished exhibit into the gallery, in the place of an earlier one of its name."""
    for place in list(runs.PRETRAINED_DIR.iterdir()):
        said = files.read_json(place / "result.json") if place.is_dir() else None
        same = isinstance(said, dict) and said.get("pretrained", {}).get("name") == spec.name
        if same or place.name == run_dir.name:
            shutil.rmtree(place)
    os.replace(run_dir, runs.PRETRAINED_DIR / run_dir.name)


# --- The card ---------------------------------------------------------------------------------------------------------


def readme(entry: runs.RunInfo) -> str:
    """The card of an exhibit, from what its result says."""
    config, result = entry.config, entry.result
    assert config
    shown, card, family = result["pretrained"], CARDS[config.dataset], FAMILIES[config.family]
    settings = dataclasses.asdict(config) | {"hidden": ", ".join(map(str, config.hidden)) or "none"}
    lines = [
        f"# {shown['title']}",
        "",
        family.doc.split("\n")[0],
        "",
        f"- **Good for:** {shown['good_for']}",
        f"- **Not for:** {shown['not_for']}",
        f"- **Data:** {card.title}. {card.source}. Licence: {card.licence}.",
        f"- **Trained** in {result['seconds']:.0f} s on {result['processor']}, seed {config.seed}; remade by "
        f"`python -m aecore pretrain {shown['name']}`.",
        "",
        "| on the test pictures, never used for training or choosing | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in metric_rows(entry)),
        "",
        "| setting | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in settings.items() if name not in ("knobs", "parent", "version")),
        *(f"| {name} | {value} |" for name, value in config.knobs.items()),
        "",
        *_offline_note(result, card.title),
        *(f"SHA-256 of {name}: `{value}`  " for name, value in result["sha256"].items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _offline_note(result: Any, title: str) -> list[str]:
    if "pseudo_label_accuracy" not in result:
        return []
    return [
        f"Nothing of {title} is in this folder. In place of its pictures stand the codes of {offline.N_SAMPLES:,} test "
        "pictures and the classes that the nearest training pictures vote for "
        f"({result['pseudo_label_accuracy']:.1%} right).",
        "",
    ]


def metric_rows(entry: runs.RunInfo) -> list[tuple[str, str]]:
    """What an exhibit scores on the test pictures: names and values as a card shows them."""
    said = entry.result["scores"]
    lines = [("a code", f"{_dimensions_text(said['code_size'])}, {said['code_bits']:,.0f} bits")]
    lines += [(f"{name}, nats per picture", f"{value:.2f}") for name, value in said["test"].items()]
    if "elbo" in said:
        lines.append(("ELBO, one draw per picture, nats", f"{said['elbo']:.2f}"))
    if bounds := said["report"].get("likelihood_bounds"):
        most, gap = max(map(int, bounds["log_likelihood"])), f"{bounds['gap']:.2f} ± {2 * bounds['gap_std_error']:.2f}"
        name = f"log p(x) is above it by at least ({most} importance samples, {bounds['n_samples']} pictures), nats"
        lines.append((name, gap))
    if "reconstruction_at_mean_code" in said:
        lines.append(("reconstruction from the mean code, nats", f"{said['reconstruction_at_mean_code']:.2f}"))
    lines += [
        ("squared error per pixel", f"{said['mse']:.5f}"),
        (f"the same of PCA with {_dimensions_text(said['code_size'])}", f"{said['pca_mse']:.5f}"),
        ("the same of the mean picture", f"{said['mean_baseline_mse']:.5f}"),
        ("active units (variance above 0.01)", str(said["active_units"])),
        ("class right by the 10 nearest codes", f"{said['knn_accuracy']:.1%}"),
    ]
    for noise, psnr in said.get("denoising", {}).items():
        words = f"{psnr['corrupted_psnr']:.1f} to {psnr['denoised_psnr']:.1f} dB ({psnr['psnr_gain']:+.1f})"
        lines.append((f"PSNR under {noise}", words))
    return lines


def _dimensions_text(count: int) -> str:
    return f"{count} {'number' if count == 1 else 'numbers'}"
