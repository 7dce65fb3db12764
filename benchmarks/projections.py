"""How fast maps of codes are drawn, and how good they are: ours beside scikit-learn's t-SNE and umap-learn, in one run.

    AECORE_DATA=folder python -m benchmarks.projections      prints a table and, last, one line of JSON
    ... --counts 2000 10000                                  other numbers of codes
    ... --slow 60000                                         the others draw so many too (half an hour)
    ... --keep                                               puts the table into docs/performance.md too

Codes are the first 32 principal components of MNIST's test images, then of its training images; without MNIST, of
shapes, of which there are so few that the largest count is left out. Each line is drawn by processes of its own, the
ones to compare in turns. Cold: from starting Python to the map, with all imports and what compiles itself; warm: the
second map of the same process. Of each the least of all rounds: other programs only add.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from aecore.analysis import metrics, projection_engines, projections
from aecore.data.datasets import load
from aecore.errors import UserError
from aecore.limits import cores
from benchmarks import report

MAX_SAMPLES = 50_000  # images of each split
MAX_EVALUATED = 10_000  # points at most by which a map is judged: it takes all distances between them
ROUNDS = 2


def _sklearn_tsne(codes: np.ndarray) -> np.ndarray:
    from sklearn.manifold import TSNE

    return TSNE(random_state=0, n_jobs=-1).fit_transform(codes)


def _umap_learn(codes: np.ndarray) -> np.ndarray:
    from umap import UMAP

    return UMAP(random_state=0, n_jobs=1).fit_transform(codes)


IMPLEMENTATIONS: dict[str, dict[str, Callable[[np.ndarray], np.ndarray]]] = {
    "t-SNE": {"ours": projections.tsne, "scikit-learn": _sklearn_tsne},
    "UMAP": {"ours": projections.umap, "umap-learn": _umap_learn},
}


@dataclass
class Timing:
    """One way to draw one number of codes."""

    kind: str
    implementation: str
    count: int
    cold: float  # seconds
    warm: float | None  # seconds; None where one map is long enough
    trustworthiness: float
    accuracy: float

    def to_row(self) -> str:
        warm = "" if self.warm is None else f"{self.warm:.1f}"
        numbers = f"{self.cold:.1f} | {warm} | {self.trustworthiness:.4f} | {self.accuracy:.3f}"
        return f"| {self.count:,} | {self.kind} | {self.implementation} | {numbers} |"


def codes_and_labels() -> tuple[str, np.ndarray, np.ndarray]:
    """What is drawn: in words, codes [N, 32], labels [N]."""
    try:
        name, data = "MNIST", load("mnist")
    except UserError:
        name, data = "shapes", load("shapes")
    splits = (data.test, data.train)
    images = np.concatenate(
        [split.to_float(slice(MAX_SAMPLES)).reshape(min(MAX_SAMPLES, len(split)), -1) for split in splits]
    )
    images -= images.mean(axis=0)
    _, axes = np.linalg.eigh(images.T @ images)
    return name, images @ axes[:, -32:], np.concatenate([split.y[:MAX_SAMPLES] for split in splits])


def time_process(kind: str, implementation: str, folder: Path, repeat: bool) -> tuple[float, float | None]:
    """Seconds of the first and of the second map in a fresh process."""
    command = [sys.executable, "-m", "benchmarks.projections", "--draw", kind, implementation, str(folder)]
    began = time.perf_counter()
    process = subprocess.Popen([*command, *(["--again"] if repeat else [])], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    cold = time.perf_counter() - began
    rest = process.communicate()[0]
    if process.returncode:
        sys.exit(f"{implementation} did not draw its {kind}.")
    return cold, float(rest) if repeat else None


def run_projection(kind: str, implementation: str, folder: Path, repeat: bool) -> None:
    """In the process that is timed: says when the first map is there, then how long the second took."""
    codes = np.load(folder / "codes.npy")
    points = IMPLEMENTATIONS[kind][implementation](codes)
    print("there", flush=True)
    np.save(folder / f"{kind}-{implementation}.npy", points)
    if repeat:
        began = time.perf_counter()
        IMPLEMENTATIONS[kind][implementation](codes)
        print(time.perf_counter() - began)


def compare(kind: str, codes: np.ndarray, labels: np.ndarray, max_rival_codes: int, folder: Path) -> list[Timing]:
    """Ours and the other, in turns; up to 10,000 codes several rounds and warm ones too."""
    np.save(folder / "codes.npy", codes)
    ways = [by for by in IMPLEMENTATIONS[kind] if by == "ours" or len(codes) <= max_rival_codes]
    short = len(codes) <= MAX_EVALUATED
    times = [{by: time_process(kind, by, folder, short) for by in ways} for _ in range(ROUNDS if short else 1)]
    lines = []
    for by in ways:
        cold, warm = zip(*(each[by] for each in times), strict=True)
        quality = evaluate_map(codes, np.load(folder / f"{kind}-{by}.npy"), labels)
        lines.append(Timing(kind, by, len(codes), min(cold), min(warm) if short else None, *quality))
        print(lines[-1].told(), flush=True)
    return lines


def evaluate_map(codes: np.ndarray, points: np.ndarray, labels: np.ndarray) -> tuple[float, float]:
    """Trustworthiness of a map, and its 10-NN accuracy, seven tenths of the points telling of the rest."""
    some = np.random.default_rng(0).permutation(len(codes))[:MAX_EVALUATED]
    cut = len(some) * 7 // 10
    known, asked = some[:cut], some[cut:]
    accuracy = metrics.knn_accuracy(points[known], labels[known], points[asked], labels[asked])
    return metrics.trustworthiness(codes[some], points[some]), accuracy


def summary(lines: list[Timing]) -> dict[str, float]:
    """Every number by a name, and how many times faster ours is."""
    found = {}
    for line in lines:
        name = f"{line.kind} of {line.count} by {line.implementation}"
        said = {"cold": line.cold, "warm": line.warm, "trustworthiness": line.trustworthiness, "10-NN": line.accuracy}
        found |= {f"{name}, {what}": round(number, 4) for what, number in said.items() if number is not None}
        ours = next(each for each in lines if (each.kind, each.count) == (line.kind, line.count))
        if line is not ours:
            found[f"{name}: times as long as ours, cold"] = round(line.cold / ours.cold, 2)
            if line.warm and ours.warm:
                found[f"{name}: times as long as ours, warm"] = round(line.warm / ours.warm, 2)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="How fast maps of codes are drawn.")
    parser.add_argument("--counts", type=int, nargs="+", default=[2000, 10_000, 60_000])
    parser.add_argument("--slow", type=int, default=10_000, help="codes up to which the others draw too")
    parser.add_argument("--keep", action="store_true", help=f"put the table into {report.PERFORMANCE}")
    parser.add_argument("--draw", nargs=3, metavar=("KIND", "BY", "FOLDER"), help=argparse.SUPPRESS)
    parser.add_argument("--again", action="store_true", help=argparse.SUPPRESS)
    said = parser.parse_args()
    if said.draw:
        kind, by, folder = said.draw
        run_projection(kind, by, Path(folder), said.again)
        return
    name, codes, labels = codes_and_labels()
    top = [
        "## Maps of codes", "",
        f"The first 32 principal components of {name}; {platform.machine()}, {cores()} cores, load before "
        f"{os.getloadavg()[0]:.1f}; ours by {projection_engines.engine_version('t-SNE')}. Seconds: the least of "
        f"{ROUNDS} rounds up to {MAX_EVALUATED:,} codes, else of one. 10-NN: accuracy of the classes.", "",
        "| codes | map | by | cold | warm | trustworthiness | 10-NN |", "|---|---|---|---|---|---|---|",
    ]  # fmt: skip
    print("\n".join(top), flush=True)
    lines = []
    with tempfile.TemporaryDirectory() as folder:
        for count in [count for count in said.counts if count <= len(codes)]:
            for kind in IMPLEMENTATIONS:
                lines += compare(kind, codes[:count], labels[:count], said.slow, Path(folder))
    if said.keep:
        report.write_section(report.PERFORMANCE, report.PERFORMANCE_HEADER, [*top, *(line.told() for line in lines)])
    print(json.dumps(summary(lines)))


if __name__ == "__main__":
    main()
