"""What each family scores at its defaults: writes docs/families.md.

    python -m benchmarks.families [--datasets digits,shapes] [--seeds 0,1,2]

Every family is trained from the form's start for the data set; errors are on the test images.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from pathlib import Path
from typing import Any

import torch

from aecore.analysis import baselines, loaded, metrics
from aecore.config import Config
from aecore.data.datasets import Dataset, is_available, load
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, model_size, resolve_config
from aecore.models.footprint import count_parameters
from aecore.training.loop import fit
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "families.md"


def default_run_config(dataset: str, family: str, seed: int, network: str = "mlp") -> Config:
    """What the form starts with."""
    start: dict[str, Any] = {"family": family, "seed": seed, **FAMILIES[family].defaults}
    return resolve_config(presets.default_config(dataset, network, **start))


def score(config: Config, data: Dataset) -> dict[str, Any]:
    recipe = build_recipe(config)
    *_, last = fit(recipe, data, config, torch.device("cpu"))
    opened = loaded.LoadedModel(config, recipe.model.eval(), {})
    codes = opened.encode_split(data.test)
    return {
        "mse": float(opened.squared_errors(data.test).mean()),
        "kl": sum(nats for part, nats in (last.validation or {}).items() if "kl" in part),
        "active": metrics.active_units(codes),
        "size": codes.shape[1],
        "seconds": last.seconds,
        "parameters": count_parameters(recipe.modules),
    }


def table_row(dataset: str, family: str, data: Dataset, seeds: list[int], network: str) -> tuple[str, bool]:
    """A line of the table, and whether all seeds beat the mean image and the half way to PCA."""
    config = default_run_config(dataset, family, seeds[0], network)
    found = [score(default_run_config(dataset, family, seed, network), data) for seed in seeds]
    size = model_size(config).code_size
    base = baselines.baseline_errors(data.train, data.test, size)
    errors = [each["mse"] for each in found]
    half = (base["mean_baseline_mse"] + base["pca_mse"]) / 2
    good = max(errors) < base["mean_baseline_mse"] and max(errors) < half
    kl = statistics.median(each["kl"] for each in found)
    cells = [
        family,
        config.network,
        str(size),
        f"{statistics.median(errors):.4f} ({min(errors):.4f} to {max(errors):.4f})",
        f"{base['pca_mse']:.4f}",
        f"{kl:.2f}" if kl else "",
        f"{statistics.median(each['active'] for each in found):.0f} of {found[0]['size']}",
        f"{statistics.median(each['seconds'] for each in found):.1f}",
        f"{found[0]['parameters']:,}",
        "yes" if good else "**no**",
    ]
    return "| " + " | ".join(cells) + " |", good


HEADER = """# Families at their defaults

Made by `python -m benchmarks.families`. Squared errors are per pixel on the test images: the median over the seeds,
and their span. *good* says that every seed is better than the mean image and than half way from it to PCA with as
many numbers. KL is held out, in nats, as charged by the loss."""
TABLE_HEADER = "| family | network | size | squared error | PCA's | KL | active | seconds | parameters | good |"


def write_rows(dataset: str, caption: str, rows: list[str]) -> None:
    """Puts rows into a data set's table in docs/families.md; what was not measured again stays as it is."""
    known = [
        line
        for line in report.sections(DOCS).get(dataset, "").split("\n")
        if line.startswith("| ") and line != TABLE_HEADER
    ]
    table = {tuple(row.split(" | ")[:2]): row for row in [*known, *rows]}
    order = [f"| {name}" for name in FAMILIES]
    sorted_rows = sorted(table.values(), key=lambda row: order.index(row.split(" | ")[0]))
    report.write_section(
        DOCS, HEADER, [f"## {dataset}", "", caption, "", TABLE_HEADER, "|---" * 10 + "|", *sorted_rows]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", default="digits,shapes")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--networks", default="mlp,conv")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--dry", action="store_true", help="print only; docs/families.md stays as it is")
    given = parser.parse_args()
    seeds, bad = [int(seed) for seed in given.seeds.split(",")], 0
    for dataset in filter(is_available, given.datasets.split(",")):
        data = load(dataset)
        error = baselines.baseline_errors(data.train, data.test, 0)["mean_baseline_mse"]
        said, rows = f"Seeds {given.seeds}. The mean image's error is {error:.4f}.", []
        for family in given.families.split(","):
            for network in given.networks.split(","):
                if default_run_config(dataset, family, 0, network).network == network:
                    line, good = table_row(dataset, family, data, seeds, network)
                    print(dataset, line, flush=True)
                    rows.append(line)
                    bad += not good
                    if not given.dry:
                        write_rows(dataset, said, rows)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
