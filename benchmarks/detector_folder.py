"""From pictures to a detector on another computer, timed.

    python -m benchmarks.detector_folder [--pictures 2000] [--epochs N]

A zip of good and scratched surfaces is added as a data set; a run is trained on the good ones, judged beside its rivals
and taken away as a folder, which scores the pictures in a Python that has NumPy, ONNX Runtime and Pillow only. Prints
the seconds of each step, who wins, and how far the folder's scores are from the laboratory's. The surfaces are drawn:
brushed metal under light that falls off to one side, and on the odd ones a scratch.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import io
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from aecore.analysis import loaded
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.thresholds import parse
from aecore.content.detector_card import ChosenDetector, winner_sentence
from aecore.content.detector_folder import export_detector
from aecore.data.adding import AddOptions, keep, understand
from aecore.data.datasets import Split
from aecore.jobs.worker import run_training
from aecore.models import presets
from aecore.models.families.build import resolve_config

SIDE, ODD_SHARE, SEED = 64, 0.1, 0
SCORES = ("reconstruction", "worst-neighbourhood")  # the first is taken away
PACKAGES = ("numpy", "numpy.libs", "onnxruntime", "PIL", "pillow.libs")


def surface(draw: np.random.Generator, is_odd: bool) -> Image.Image:
    """A picture of brushed metal under light from one side, with a scratch where it is odd."""
    down, across = np.mgrid[:SIDE, :SIDE] / SIDE
    angle = draw.uniform(0, 2 * np.pi)
    light = 0.55 + 0.2 * (np.cos(angle) * (across - 0.5) + np.sin(angle) * (down - 0.5))
    waves = 0.06 * np.sin(2 * np.pi * (4 * down + draw.uniform()) + draw.uniform(0.5, 1.5) * np.sin(2 * np.pi * across))
    streaks = draw.normal(0, 0.02, (SIDE, 1)) + draw.normal(0, 0.015, (SIDE, SIDE))
    image = Image.fromarray(((light + waves + streaks).clip(0, 1) * 255 + 0.5).astype(np.uint8))
    if is_odd:
        start, turn, length = draw.uniform(10, SIDE - 10, 2), draw.uniform(0, 2 * np.pi), draw.uniform(12, 30)
        stop = start + length * np.array([np.cos(turn), np.sin(turn)])
        ImageDraw.Draw(image).line([*start, *stop], fill=int(draw.choice([70, 215])), width=int(draw.integers(1, 3)))
    return image


def write_pictures(file: Path, count: int) -> None:
    """A zip of `count` PNG files in the folders good and bad."""
    draw = np.random.default_rng(SEED)
    with zipfile.ZipFile(file, "w") as packed:
        for at in range(count):
            is_odd, png = at < ODD_SHARE * count, io.BytesIO()
            surface(draw, is_odd).save(png, "PNG")
            packed.writestr(f"{'bad' if is_odd else 'good'}/{at:05}.png", png.getvalue())


@contextlib.contextmanager
def timed(name: str, seconds: dict[str, float]) -> Iterator[None]:
    """Prints how long the block took."""
    started = time.perf_counter()
    yield
    seconds[name] = time.perf_counter() - started
    print(f"{name:<42} {seconds[name]:7.1f} s", flush=True)


def isolated(place: Path, packages: Sequence[str] = PACKAGES) -> tuple[list[str], dict[str, str]]:
    """A Python that finds the standard library and these packages alone: its command, and its environment."""
    place.mkdir()
    for name in packages:
        for path in sys.path:
            if (Path(path) / name).exists():
                (place / name).symlink_to(Path(path) / name)
                break
    return [sys.executable, "-S", "-s"], {"PYTHONPATH": str(place), "PATH": os.environ["PATH"]}


def scores_of_folder(folder: Path, inputs: Sequence[Path], place: Path) -> dict[str, float]:
    """What `detect.py` says in such a Python: scores by the name of the file."""
    command, environment = isolated(place)
    command += [str(folder / "detect.py"), *map(str, inputs)]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    print(said.stderr.strip())
    return {Path(row["file"]).name: float(row["score"]) for row in csv.DictReader(io.StringIO(said.stdout))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--epochs", type=int, help="of the training (default: what the data set suggests)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="aecore-benchmark-") as place:
        os.environ |= {"AECORE_DATA": f"{place}/data", "AECORE_RUNS": f"{place}/runs", "AECORE_OWN_MB": "1000"}
        measure(Path(place), args.pictures, args.epochs)


def measure(place: Path, count: int, epochs: int | None) -> None:
    """Goes the whole way and prints what it took."""
    seconds: dict[str, float] = {}
    with timed(f"{count:,} pictures are drawn (not counted)", seconds):
        write_pictures(place / "surfaces.zip", count)
    seconds.clear()
    with timed("the zip is added as a data set", seconds):
        options = AddOptions(name="Surfaces", side=SIDE)
        with understand(place / "surfaces.zip", options) as found:
            card = keep(found, options)
    settings = {"epochs": epochs} if epochs else {}
    normal = (card.classes.index("good"),)
    config = presets.default_config(card.name, family="vanilla", latent_dim=16, normal=normal, **settings)
    config = resolve_config(config)
    with timed(f"a run is trained for {config.epochs} epochs", seconds):
        for _ in run_training(config):
            pass
    with timed("it is judged beside its rivals", seconds):
        run = loaded.load(config.id)
        chosen = ChosenDetector(Detector.of(run), SCORES[0], parse("conformal:0.01"))
        detection = chosen.detection()
    with timed("it is taken away as a folder", seconds):
        export_detector(chosen, place / "detector")
    with zipfile.ZipFile(place / "surfaces.zip") as packed:
        packed.extractall(place / "pictures")
    with timed("detect.py scores all pictures", seconds):
        theirs = scores_of_folder(place / "detector", [place / "pictures"], place / "packages")
    print(f"{'in all':<42} {sum(seconds.values()):7.1f} s\n{winner_sentence(run, detection)}")
    for name in SCORES:
        print(f"{name}: AUROC {detection.scores[name]['auroc']:.3f}")
    files = sorted((place / "pictures").rglob("*.png"))
    x = np.stack([np.asarray(Image.open(file))[None] for file in files])
    ours = chosen.detector.scorer(SCORES[0])(Split(x, np.zeros(len(x), int)))
    apart = np.abs(ours - [theirs[file.name] for file in files]).max()
    print(f"scores of the folder and of the laboratory differ by {apart:.1e} at most")


if __name__ == "__main__":
    main()
