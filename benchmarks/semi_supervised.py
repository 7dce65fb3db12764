"""Families that learn from few labels beside logistic regression on the same labels: writes docs/semi_supervised.md.

    python -m benchmarks.semi_supervised [--dataset digits] [--labels-per-class 10] [--seeds 0,1,2]

Every row is trained from the form's start; a seed draws the weights and whose labels are known. MNIST with 100 labels,
as papers have it: `--dataset mnist --labels-per-class 10 --seeds 0,1,2,3,4`.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.decomposition import PCA

from aecore.analysis.latents import classification
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Dataset, Split, load
from aecore.models import presets
from aecore.models.families.build import FAMILIES, build_recipe, resolve_config
from aecore.models.semi_supervised.classifiers import Classifier
from aecore.training.loop import fit
from benchmarks import report

DOCS = Path(__file__).parent.parent / "docs" / "semi_supervised.md"
HEADER = """# Few labels: what samples without a label add

Made by `python -m benchmarks.semi_supervised`. Accuracies are shares of the test set, mean ± standard deviation over
the seeds, each of which draws weights and labelled samples. Logistic regression (scikit-learn, C = 1) is fitted to the
same labelled samples and no others: to their values, to codes of PCA, or to codes of a model, each dimension divided by
its standard deviation. Models learn from all training samples, and of the labelled ones from the label. Rows were
chosen before anything was measured; the best of the table is bold, whoever it is."""
PCA_SIZE = 16


@dataclass(frozen=True)
class Row:
    """A model of the table, and what it is there for."""

    title: str
    family: str
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)


ROWS = (
    Row("M2", "semi-supervised-vae"),
    Row("ladder network", "ladder-network"),
    Row("ladder network without denoising costs", "ladder-network", {"denoising_weight": 0.0}),
    Row("domain-adversarial", "domain-adversarial"),
    Row("domain-adversarial without the reversal", "domain-adversarial", {"reversal_weight": 0.0}),
    Row("contrastive", "contrastive"),
    Row("VAE, 16-D", "vae", settings={"latent_dim": 16}),
)


def trained(row: Row, dataset: str, per_class: int, seed: int) -> tuple[LoadedModel, float]:
    """A model trained from the form's start with so many labels, and the seconds that it took; nothing is kept."""
    start: dict[str, Any] = {"family": row.family, "seed": seed, "labels_per_class": per_class}
    start |= {**FAMILIES[row.family].defaults, **row.settings, "params": row.params}
    config = resolve_config(presets.default_config(dataset, **start))
    recipe = build_recipe(config)
    *_, last = fit(recipe, load(dataset), config, torch.device("cpu"))
    return LoadedModel(config, recipe.model.eval(), {}), last.seconds


def labelled(data: Dataset, per_class: int, seed: int) -> Split:
    """The samples whose labels are known."""
    known = data.train.hide_labels(per_class, seed)
    return known.take(np.flatnonzero(known.y >= 0)[: classification.MAX_FITTED])


def rivals(data: Dataset, per_class: int, seed: int) -> dict[str, float]:
    """Logistic regression on values and on codes of PCA."""
    known, test = labelled(data, per_class, seed), data.test
    values = [classification.flatten(split) for split in (known, test)]
    pca = PCA(PCA_SIZE, random_state=0).fit(classification.flatten(data.train))
    return {
        "logistic regression on values": classification.logistic_regression_accuracy(
            values[0], known.y, values[1], test.y
        ),
        f"logistic regression on {PCA_SIZE} components of PCA": classification.codes_accuracy(
            pca.transform(values[0]), known.y, pca.transform(values[1]), test.y
        ),
    }


def scores(row: Row, run: LoadedModel, data: Dataset, per_class: int) -> dict[str, float]:
    """Of the model's classifier, where it has one, and of logistic regression on its codes."""
    known, model = labelled(data, per_class, run.config.seed), run.model
    codes, test_codes = (classification.codes_without_labels(run, split) for split in (known, data.test))
    found = {}
    if isinstance(model, Classifier):
        found[f"{row.title}: classifier"] = classification.accuracy(run, data.test)
        if model.shifted:
            found[f"{row.title}: classifier, test samples inverted"] = classification.accuracy(run, data.test, True)
    on_codes = classification.codes_accuracy(codes, known.y, test_codes, data.test.y)
    return found | {f"{row.title}: logistic regression on codes": on_codes}


@dataclass(frozen=True)
class Measured:
    """What a row of the table says: shares that got their class, and seconds of training, by seed."""

    accuracies: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)  # none of what is no model


def measure(dataset: str, per_class: int, seeds: list[int]) -> dict[str, Measured]:
    """Accuracies of all methods by their names."""
    found: dict[str, Measured] = {}
    data = load(dataset)
    for seed in seeds:
        for name, share in rivals(data, per_class, seed).items():
            found.setdefault(name, Measured()).accuracies.append(share)
    for row in ROWS:
        for seed in seeds:
            run, taken = trained(row, dataset, per_class, seed)
            told = scores(row, run, data, per_class)
            print(dataset, seed, told, f"{taken:.0f} s", flush=True)
            for name, share in told.items():
                found.setdefault(name, Measured()).accuracies.append(share)
                found[name].seconds.append(taken)
    return found


def table(dataset: str, per_class: int, found: dict[str, Measured]) -> list[str]:
    """A part of the report."""
    data = load(dataset)
    n_seeds = len(next(iter(found.values())).accuracies)
    best = max(found, key=lambda name: float(np.mean(found[name].accuracies)))
    lines = [
        f"## {dataset}, {per_class or 'all'} labels per class",
        "",
        f"{len(labelled(data, per_class, 0)):,} labels of {len(data.train):,} training samples, {len(data.test):,} "
        f"test samples, {n_seeds} seeds.",
        "",
        "| method | test accuracy | seconds |",
        "|---|--:|--:|",
    ]
    for name, each in found.items():
        spread = f" ± {np.std(each.accuracies, ddof=1):.1%}" if n_seeds > 1 else ""
        cell = f"{np.mean(each.accuracies):.1%}{spread}"
        duration = f"{np.mean(each.seconds):.0f}" if each.seconds else ""
        lines.append(f"| {name} | {f'**{cell}**' if name == best else cell} | {duration} |")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dataset", default="digits")
    parser.add_argument("--labels-per-class", type=int, default=10)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--dry", action="store_true", help=f"print only; {DOCS.name} stays as it is")
    asked = parser.parse_args()
    seeds = [int(seed) for seed in asked.seeds.split(",")]
    found = measure(asked.dataset, asked.labels_per_class, seeds)
    lines = table(asked.dataset, asked.labels_per_class, found)
    print("\n".join(lines))
    if not asked.dry:
        report.write_section(DOCS, HEADER, lines)


if __name__ == "__main__":
    main()
