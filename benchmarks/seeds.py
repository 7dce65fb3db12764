"""How far runs of one setting lie from each other that differ in their seeds alone: writes docs/seeds.md.

    python -m benchmarks.seeds [digits] [mnist]

`mnist` needs it in AECORE_DATA. `aecore.analysis.comparison` takes its usual spreads from here.
"""

from __future__ import annotations

import statistics
import sys
from pathlib import Path
from typing import Any

import torch

from aecore.analysis.diagnosis.checkup import compute_checkup
from aecore.analysis.loaded import LoadedModel
from aecore.content.run_names import run_name
from aecore.data.datasets import load
from aecore.models import presets
from aecore.models.families.build import build_recipe, resolve_config
from aecore.models.families.registry import FAMILIES
from aecore.training.loop import fit
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "seeds.md"
HEADER = """# How much seeds alone change

Made by `python -m benchmarks.seeds`. Runs of one setting that differ in their seeds (weights, order of the images,
noise): the standard deviation of each measure over them, as a share of its mean. Comparisons of runs call a difference
one only where it is larger than that of two seeds (`aecore/analysis/comparison.py`)."""
SETTINGS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "digits": [
        (family, more)
        for family in ("vanilla", "denoising", "vae", "beta-vae", "wae", "aae")
        for more in ({"latent_dim": 2}, {"latent_dim": 8})
    ]
    + [("linear", {"latent_dim": 8}), ("top-k", {}), ("vq-vae", {})],
    "mnist": [(family, {"latent_dim": size}) for family in ("vanilla", "vae") for size in (2, 16)],
}
SEEDS = {"digits": 5, "mnist": 3}
MEASURES = ("test MSE", "validation MSE", "validation reconstruction loss", "validation loss")
CPU = torch.device("cpu")


def measure(dataset: str, family: str, seed: int, **settings: Any) -> tuple[str, dict[str, float]]:
    """Trains one run; its name without the seed, and its measures."""
    defaults = {**FAMILIES[family].defaults, **settings}
    config = resolve_config(presets.default_config(dataset, family=family, seed=seed, **defaults))
    recipe, data = build_recipe(config), load(dataset)
    *_, _last = fit(recipe, data, config, CPU)
    recipe.modules.eval()
    run = LoadedModel(config, recipe.model, {}, corrupts=recipe.corrupts)
    found = compute_checkup(recipe, run, data)
    loss = sum(value for name, value in found["validation"].items() if name != "discriminator")
    values = (run.squared_errors(data.test).mean(), found["mse"], found["validation"]["reconstruction"], loss)
    return run_name(config).replace(f", seed {seed}", ""), dict(zip(MEASURES, map(float, values), strict=True))


def section(dataset: str) -> list[str]:
    """The table of a data set, and the largest spread of each measure."""
    lines = [f"## {dataset}, {SEEDS[dataset]} seeds", "", f"| | {' | '.join(MEASURES)} |", "|---|--:|--:|--:|--:|"]
    largest = dict.fromkeys(MEASURES, 0.0)
    for family, settings in SETTINGS[dataset]:
        runs = [measure(dataset, family, seed, **settings) for seed in range(SEEDS[dataset])]
        cells = []
        for name in MEASURES:
            values = [values[name] for _, values in runs]
            spread = statistics.stdev(values) / statistics.mean(values)
            largest[name] = max(largest[name], spread)
            cells.append(f"{statistics.mean(values):.4g}, {spread:.1%}")
        lines.append(f"| {runs[0][0]} | {' | '.join(cells)} |")
        print(lines[-1], flush=True)
    return [*lines, f"| **largest** | {' | '.join(f'{value:.1%}' for value in largest.values())} |"]


def main() -> None:
    for dataset in sys.argv[1:] or SETTINGS:
        report.write_section(DOCS, HEADER, section(dataset))


if __name__ == "__main__":
    main()
