"""The search behind the gallery: trains the candidates for an exhibit, and writes docs/pretrained.md.

    python -m benchmarks.gallery [--only mnist-vae-2d] [--keep]

Candidates are compared on the held-out (validation) images; the cards state the test images. Runs are kept under
AECORE_RUNS like any other, so that a second call finds what was trained before.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import Any

from aecore.config import Config
from aecore.content.gallery import PRETRAINED_MODELS
from aecore.jobs.worker import run_training
from aecore.models.families.build import resolve_config
from aecore.store import runs
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "pretrained.md"
HEADER = """# How the gallery was chosen

`python -m aecore pretrain NAME` makes a model of the gallery, `python -m aecore evaluate pretrained/RUN` scores it;
both need its data set under AECORE_DATA. What each scores stands on its card, `pretrained/RUN/README.md`.

The tables say what was tried (`python -m benchmarks.gallery --keep`). Losses are in nats per held-out (validation)
image, all parts together; the test images took no part in the choice. The chosen one is in bold. Exhibits without a
table were trained once, as they stand in `aecore/content/gallery.py`."""

CANDIDATES: dict[str, dict[str, dict[str, Any]]] = {
    "mnist-vae-2d": {
        "512, 256": {"hidden_sizes": (512, 256)},
        "512, 256, SiLU": {"hidden_sizes": (512, 256), "activation": "silu"},
        "512, 256, 128": {},
    },
    "mnist-vanilla-32d": {
        "60 epochs": {},
        "20 epochs": {"epochs": 20},
    },
    "mnist-conv-16d": {"32, 64": {}, "16, 32": {"hidden_sizes": (16, 32)}},
}


def candidates(name: str) -> dict[str, Config]:
    """What is tried for an exhibit, by how it differs from the others; what the gallery holds is among them."""
    chosen = PRETRAINED_MODELS[name].config
    return {words: resolve_config(dataclasses.replace(chosen, **change)) for words, change in CANDIDATES[name].items()}


def train_candidate(config: Config) -> dict[str, Any]:
    """What a candidate came to; trained when nobody has."""
    try:
        found = runs.entry(config.id).finished
    except runs.UnknownRun:
        found = False
    if not found:
        for _ in run_training(config):
            pass
    return dict(runs.entry(config.id).result)


def candidate_table(name: str) -> list[str]:
    """The candidates for an exhibit side by side."""
    chosen = resolve_config(PRETRAINED_MODELS[name].config).id
    lines = [f"## {name}", "", "| candidate | validation | of which | seconds |", "|---" * 4 + "|"]
    for words, config in candidates(name).items():
        said = train_candidate(config)
        parts = ", ".join(f"{part} {nats:.2f}" for part, nats in said["validation"].items())
        bold = "**" if config.id == chosen else ""
        lines.append(
            f"| {bold}{words}{bold} | {sum(said['validation'].values()):.2f} | {parts} | {said['seconds']:.0f} |"
        )
        print(lines[-1], flush=True)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(CANDIDATES), help="one exhibit")
    parser.add_argument("--keep", action="store_true", help="write docs/pretrained.md")
    given = parser.parse_args()
    for name in [given.only] if given.only else CANDIDATES:
        lines = candidate_table(name)
        if given.keep:
            report.write_section(DOCS, HEADER, lines)


if __name__ == "__main__":
    main()
