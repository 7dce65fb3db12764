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
from aecore.analysis import loaded
from aecore.analysis.evaluation import scores
from aecore.content.gallery import Exhibit
from aecore.data.cards import CARDS
from aecore.data.datasets import is_here, load
from aecore.export import compile_browser, program
from aecore.jobs.worker import carry_out
from aecore.models.families.build import FAMILIES, settle
from aecore.store import offline, runs, snapshots
from aecore.training.loop import Progress

SNAPSHOTS = 10  # that stay of each exhibit, for the time machine
CHECKED = (runs.WEIGHTS, runs.ADVERSARY, offline.NAME, program.NAME)  # whose checksums the result holds


def make(exhibit: Exhibit, told: Callable[[Progress], None], anew: bool = False) -> str:
    """Trains an exhibit, unless the gallery has it (`anew`: in any case); returns the id of its run. Of one that is
    there the words are brought up to date and, where its data set is here, the numbers.

    Raises DataMissing when its data set is not here. What is in the gallery stays until the new one is whole.
    """
    config = settle(exhibit.config)
    place = runs.GALLERY / config.id
    if not anew and (place / "config.json").exists():
        entry = runs.entry(config.id)
        fresh = _measured(scores(loaded.load(config.id))) if is_here(config.dataset) else {}
        _describe(place, exhibit, {**entry.result, **fresh})
        return config.id
    with tempfile.TemporaryDirectory(dir=runs.GALLERY, prefix=".") as made, _runs_in(made):
        for progress in carry_out(config):
            told(progress)
        _finish(Path(made) / config.id, exhibit)
        _replace(Path(made) / config.id, exhibit)
    return config.id


class _runs_in:
    """Meanwhile runs are kept elsewhere."""

    def __init__(self, place: str) -> None:
        self.place, self.before = place, os.environ.get("AECORE_RUNS")

    def __enter__(self) -> None:
        os.environ["AECORE_RUNS"] = self.place

    def __exit__(self, *_: object) -> None:
        if self.before is None:
            del os.environ["AECORE_RUNS"]
        else:
            os.environ["AECORE_RUNS"] = self.before


def _finish(place: Path, exhibit: Exhibit) -> None:
    """Makes an exhibit of the folder of a finished run."""
    opened, card = loaded.load(place.name), CARDS[exhibit.config.dataset]
    before = scores(opened)
    halved = _halved(place, before)
    opened = loaded.load(place.name) if halved else opened
    said = scores(opened) if halved else before
    brought: dict[str, Any] = {}
    if card.download_bytes:
        mine = offline.of(opened, load(card.name))
        offline.keep(place, mine)
        brought = {"agreement": mine.agreement}
        (place / "strip.png").unlink(missing_ok=True)  # it shows pictures of the data set
    if exhibit.opening:
        program.keep(place, compile_browser.program(opened))
    snapshots.thin(place, SNAPSHOTS)
    result = json.loads((place / "result.json").read_text())
    result |= {**_measured(said), "processor": _processor(), **brought}
    result["weights"] = "float16" if halved else "float32"
    result["sha256"] = {name: files.checksum(place / name) for name in CHECKED if (place / name).exists()}
    _describe(place, exhibit, result)


def _measured(said: dict[str, Any]) -> dict[str, Any]:
    """What the result of a run holds of its scores."""
    kept = {name: said[name] for name in ("mse", "code_size", "code_bits", "active_units", "test", "checkup")}
    return {**kept, "scores": {name: each for name, each in said.items() if name != "checkup"}}


def _describe(place: Path, exhibit: Exhibit, result: Mapping[str, Any]) -> None:
    """Writes the result with what is said of the exhibit, and its card."""
    shown = {"name": exhibit.name, "title": exhibit.title, "good": exhibit.good, "bad": exhibit.bad}
    _say(place, {**result, "exhibit": shown | {"opening": exhibit.opening, "sweep": exhibit.sweep}})
    files.write(place / "README.md", readme(runs.entry(place.name)))


def _say(place: Path, result: dict[str, Any]) -> None:
    """Writes the result anew, and with it the moment by which the store knows whether it has seen it."""
    files.write(place / "result.json", json.dumps(result, indent=1))
    (place / "config.json").touch()


def _halved(place: Path, before: dict[str, Any]) -> bool:
    """Stores the weights in half precision, unless the error on the test pictures would change in its fourth digit."""
    file = place / "weights.safetensors"
    whole = file.read_bytes()
    result = json.loads((place / "result.json").read_text())
    arrays = {n: a.astype(np.float16) if a.dtype == np.float32 else a for n, a in read_tensors(whole).items()}
    files.write(file, save(arrays, _metadata(whole)))
    _say(place, {name: value for name, value in result.items() if name != "sha256"})
    after = scores(loaded.load(place.name))
    if f"{after['mse']:.4g}" == f"{before['mse']:.4g}" or abs(after["mse"] / before["mse"] - 1) < 5e-5:
        return True
    files.write(file, whole)
    return False


def _metadata(content: bytes) -> dict[str, str]:
    """What a safetensors file says beside its arrays: which weights two layers share, say."""
    size = int.from_bytes(content[:8], "little")
    said: dict[str, str] = json.loads(content[8 : 8 + size]).get("__metadata__", {})
    return said


def _processor() -> str:
    """The machine, in words that do not name it."""
    return f"{os.cpu_count()} cores, {platform.machine()}"


def _replace(made: Path, exhibit: Exhibit) -> None:
    """Puts a finished exhibit into the gallery, in the place of an earlier one of its name."""
    for place in list(runs.GALLERY.iterdir()):
        said = files.read_json(place / "result.json") if place.is_dir() else None
        same = isinstance(said, dict) and said.get("exhibit", {}).get("name") == exhibit.name
        if same or place.name == made.name:
            shutil.rmtree(place)
    os.replace(made, runs.GALLERY / made.name)


# --- The card ---------------------------------------------------------------------------------------------------------


def readme(entry: runs.Entry) -> str:
    """The card of an exhibit, from what its result says."""
    config, result = entry.config, entry.result
    assert config
    shown, card, family = result["exhibit"], CARDS[config.dataset], FAMILIES[config.family]
    settings = dataclasses.asdict(config) | {"hidden": ", ".join(map(str, config.hidden)) or "none"}
    lines = [
        f"# {shown['title']}",
        "",
        family.doc.split("\n")[0],
        "",
        f"- **Good for:** {shown['good']}",
        f"- **Not for:** {shown['bad']}",
        f"- **Data:** {card.title}. {card.source}. Licence: {card.licence}.",
        f"- **Trained** in {result['seconds']:.0f} s on {result['processor']}, seed {config.seed}; remade by "
        f"`python -m aecore pretrain {shown['name']}`.",
        "",
        "| on the test pictures, never used for training or choosing | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in numbers(entry)),
        "",
        "| setting | |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in settings.items() if name not in ("knobs", "parent", "version")),
        *(f"| {name} | {value} |" for name, value in config.knobs.items()),
        "",
        *_brought(result, card.title),
        *(f"SHA-256 of {name}: `{value}`  " for name, value in result["sha256"].items()),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _brought(result: Any, title: str) -> list[str]:
    if "agreement" not in result:
        return []
    return [
        f"Nothing of {title} is in this folder. In place of its pictures stand the codes of {offline.KEPT:,} test "
        f"pictures and the classes that the nearest training pictures vote for ({result['agreement']:.1%} right).",
        "",
    ]


def numbers(entry: runs.Entry) -> list[tuple[str, str]]:
    """What an exhibit scores on the test pictures: names and values as a card shows them."""
    said = entry.result["scores"]
    lines = [("a code", f"{_size(said['code_size'])}, {said['code_bits']:,.0f} bits")]
    lines += [(f"{name}, nats per picture", f"{value:.2f}") for name, value in said["test"].items()]
    if "elbo" in said:
        lines.append(("ELBO, one draw per picture, nats", f"{said['elbo']:.2f}"))
    if bounds := said["inside"].get("bounds"):
        most, gap = max(map(int, bounds["log_likelihood"])), f"{bounds['gap']:.2f} ± {2 * bounds['gap_error']:.2f}"
        name = f"log p(x) is above it by at least ({most} importance samples, {bounds['pictures']} pictures), nats"
        lines.append((name, gap))
    if "reconstruction_at_mean_code" in said:
        lines.append(("reconstruction from the mean code, nats", f"{said['reconstruction_at_mean_code']:.2f}"))
    lines += [
        ("squared error per pixel", f"{said['mse']:.5f}"),
        (f"the same of PCA with {_size(said['code_size'])}", f"{said['pca_mse']:.5f}"),
        ("the same of the mean picture", f"{said['mean_picture_mse']:.5f}"),
        ("active units (variance above 0.01)", str(said["active_units"])),
        ("class right by the 10 nearest codes", f"{said['knn_accuracy']:.1%}"),
    ]
    for noise, psnr in said.get("denoising", {}).items():
        words = f"{psnr['noisy']:.1f} to {psnr['cleaned']:.1f} dB ({psnr['gain']:+.1f})"
        lines.append((f"PSNR under {noise}", words))
    return lines


def _size(numbers: int) -> str:
    return f"{numbers} {'number' if numbers == 1 else 'numbers'}"
