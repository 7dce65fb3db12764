"""What the doctor says of settings that are broken on purpose, of their cures, and of every family at its defaults:
writes docs/doctor.md.

    python -m benchmarks.doctor [--datasets digits,shapes,mnist] [--networks mlp,conv] [--seeds 0,1,2] [--runs FOLDER]

Runs are kept in FOLDER (AECORE_RUNS otherwise), and found there the next time.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from aecore.analysis import loaded
from aecore.analysis.diagnosis import doctor
from aecore.analysis.diagnosis.checkup import checkup, neighbour_distances, outliers
from aecore.analysis.diagnosis.fixes import outlier_chance, outliers_stand_out
from aecore.applications.anomaly.metrics import auroc
from aecore.config import Config
from aecore.data.datasets import is_available, load_training
from aecore.errors import UserError
from aecore.jobs.worker import run_training
from aecore.models.families.build import FAMILIES, resolve_config
from aecore.store import runs
from benchmarks import report
from benchmarks.families import default_run_config

DOCS = Path(__file__).parent.parent / "docs" / "doctor.md"
HEADER = """# What the doctor finds

Made by `python -m benchmarks.doctor`. The doctor (aecore/analysis/diagnosis/doctor.py) reads the
history of a training and the checkup at its end, of validation and training images; the first finding is the cause,
and is the one to mend."""


CONTAMINATIONS = (0.0, 0.05, 0.1)
# data sets, and their normal classes
CONTAMINATED = {"digits": (0, 1, 2, 3, 4), "heartbeats": (0,), "machine": (0,), "shapes": (0, 1)}


@dataclass(frozen=True)
class BrokenSetting:
    """Settings that are broken on purpose, put over a family's defaults."""

    description: str
    expected: tuple[str, ...]  # findings that name the cause
    family: str
    dataset: str = "digits"
    overrides: Mapping[str, Any] = field(default_factory=dict)

    def config(self, seed: int) -> Config:
        return resolve_config(
            dataclasses.replace(default_run_config(self.dataset, self.family, seed), **self.overrides)
        )


BROKEN_SETTINGS = (
    BrokenSetting("learning rate 10", ("diverged", "rising loss"), "vae", overrides={"lr": 10.0}),
    BrokenSetting("all weights 0 at the start", ("identical units",), "vae", overrides={"initialisation": "zeros"}),
    BrokenSetting("beta 100", ("beta too strong",), "beta-vae", overrides={"params": {"beta": 100.0}}),
    BrokenSetting(
        "BCE averaged over pixels", ("reconstruction averaged over pixels",), "vae", overrides={"reduction": "mean"}
    ),
    BrokenSetting(
        "a ReLU code of 2 units",
        ("ReLU in the code", "dead units"),
        "vanilla",
        overrides={"params": {"latent_activation": "relu"}},
    ),
    BrokenSetting(
        "a codebook of 512 without revival, on shapes",
        ("dead codebook entries",),
        "vq-vae",
        "shapes",
        {"params": {"codebook_size": 512, "reset_dead_codes": False}},
    ),
    BrokenSetting(
        "100 training images for 200 epochs, on shapes",
        ("overfitting",),
        "vanilla",
        "shapes",
        {"train_size": 100, "epochs": 200},
    ),
    BrokenSetting("a code of 1 number", ("one-dimensional code",), "vanilla", overrides={"latent_dim": 1}),
    BrokenSetting(
        "pixels 0 to 255 for a Bernoulli", ("pixels out of range",), "vae", overrides={"pixel_range": "0 to 255"}
    ),
    # the other families, each by a setting of its own where one can break it
    BrokenSetting("linear, learning rate 1e-5", ("underfitting",), "linear", overrides={"lr": 1e-5}),
    BrokenSetting("tied weights, 2 epochs", ("underfitting",), "tied-weights", overrides={"epochs": 2}),
    BrokenSetting(
        "denoising, all pixels masked",
        ("corruption too strong",),
        "denoising",
        overrides={"params": {"corruption": "masking", "corruption_level": 1.0}},
    ),
    BrokenSetting(
        "sparse, L1 weight 10", ("regularisation too strong",), "sparse", overrides={"params": {"l1_weight": 10.0}}
    ),
    BrokenSetting(
        "sparse KL, weight 100 towards 0.01",
        ("regularisation too strong",),
        "sparse-kl",
        overrides={"params": {"sparsity_weight": 100.0, "rho": 0.01}},
    ),
    BrokenSetting("top-k, k = 1", ("dead units",), "top-k", overrides={"params": {"k": 1}}),
    BrokenSetting(
        "contractive, weight 10",
        ("regularisation too strong",),
        "contractive",
        overrides={"params": {"contraction_weight": 10.0}},
    ),
    BrokenSetting("stacked, 2 epochs", ("underfitting",), "stacked", overrides={"epochs": 2}),
    BrokenSetting(
        "conditional VAE, BCE averaged",
        ("reconstruction averaged over pixels",),
        "conditional-vae",
        overrides={"reduction": "mean"},
    ),
    BrokenSetting(  # its beta weighs total correlation, and is no cure; at 20, its most, it is on the edge of a finding
        "beta-TCVAE, BCE averaged",
        ("reconstruction averaged over pixels",),
        "beta-tcvae",
        overrides={"reduction": "mean"},
    ),
    BrokenSetting(
        "InfoVAE, MMD weight 1000",
        ("regularisation too strong",),
        "info-vae",
        overrides={"params": {"mmd_weight": 1000.0}},
    ),
    BrokenSetting(
        "WAE, learning rate 1e-5", ("underfitting",), "wae", overrides={"lr": 1e-5}
    ),  # no MMD weight breaks it
    BrokenSetting(
        "ladder VAE, BCE averaged",
        ("reconstruction averaged over pixels",),
        "ladder-vae",
        overrides={"reduction": "mean"},
    ),
    BrokenSetting(
        "AAE, adversarial weight 10",
        ("regularisation too strong", "discriminator too strong"),
        "aae",
        overrides={"params": {"adversarial_weight": 10.0}},
    ),
)


def evidence(config: Config) -> doctor.Evidence:
    """Trains a run, unless it is there, and examines it."""
    try:
        entry = runs.entry(config.id)
    except runs.UnknownRun:
        entry = None
    if entry is None or not (entry.finished or entry.diverged):
        try:
            for _ in run_training(config):
                pass
        except UserError as error:
            print(f"{config.id}: {error}", file=sys.stderr)
        entry = runs.entry(config.id)
    fresh = checkup(loaded.load(config.id), load_training(config)) if entry.finished else None
    return doctor.evidence_of(entry, fresh)


def diagnose_broken(setting: BrokenSetting, seeds: list[int]) -> tuple[str, bool, bool]:
    """A line of the table; whether every first finding is right, and whether every cure is clean."""
    named, numbers, cures, after, right, clean = [], [], [], [], True, True
    for seed in seeds:
        found = doctor.diagnose(evidence(setting.config(seed)))
        first = found[0].name if found else "nothing"
        right &= first in setting.expected
        named.append(first)
        if found:
            numbers.append(found[0].message)
            cures.append(found[0].fix_text)
            left = doctor.diagnose(evidence(resolve_config(doctor.with_fix(setting.config(seed), found[0]))))
            after.append(left[0].name if left else "clean")
        clean &= bool(after) and after[-1] == "clean"
    cells = [
        setting.description,
        _count_unique(named),
        numbers[0] if numbers else "",
        _count_unique(cures),
        _count_unique(after),
    ]
    return "| " + " | ".join(cells) + " |", right, clean


def _count_unique(texts: list[str]) -> str:
    """Words of several seeds, equal ones once with how often."""
    return "; ".join(f"{word} ({texts.count(word)} of {len(texts)})" for word in dict.fromkeys(texts))


def diagnose_default(dataset: str, family: str, network: str, seeds: list[int]) -> tuple[str, bool]:
    """A line of the table; whether nothing was found."""
    found, bill = [], ""
    for seed in seeds:
        seen = evidence(default_run_config(dataset, family, seed, network))
        found += [finding.name for finding in doctor.diagnose(seen)]
        bill = bill or "; ".join(f"{name}: {value}" for name, value in doctor.health_summary(seen))
    said = ", ".join(dict.fromkeys(found)) or "nothing"
    return f"| {family} | {network} | {len(seeds)} | {said} | {bill} |", not found


def thresholds_table() -> list[str]:
    lines = ["## Limits", "", "| what | limit | why |", "|---|---|---|"]
    return lines + [f"| {name} | {limit.value:g} | {limit.reason} |" for name, limit in doctor.THRESHOLDS.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", default="digits,shapes,mnist")
    parser.add_argument("--networks", default="mlp,conv")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--seeds", default="0,1,2", help="of what is broken, and of the families on digits")
    parser.add_argument("--runs", help="where runs are kept")
    parser.add_argument("--only", choices=["broken", "contaminated", "healthy"])
    given = parser.parse_args()
    if given.runs:
        os.environ["AECORE_RUNS"] = given.runs
    seeds, bad = [int(seed) for seed in given.seeds.split(",")], 0
    report.write_section(DOCS, HEADER, thresholds_table())
    if given.only in (None, "broken"):
        bad += _write_broken(seeds)
    if given.only in (None, "contaminated"):
        bad += _write_contaminated()
    for dataset in filter(is_available, given.datasets.split(",") if given.only in (None, "healthy") else []):
        bad += _write_healthy(dataset, given, seeds if dataset == "digits" else seeds[:1])
    return 1 if bad else 0


def _write_broken(seeds: list[int]) -> int:
    head = [
        "## Broken on purpose",
        "",
        f"Seeds {', '.join(map(str, seeds))}. The number is the first seed's.",
        "",
        "| broken | first finding | its number | cure | after the cure |",
        "|---|---|---|---|---|",
    ]
    lines, wrong = [], 0
    for each in BROKEN_SETTINGS:
        line, right, clean = diagnose_broken(each, seeds)
        wrong += not right
        lines.append(line)
        print(line, "" if right else "WRONG", "" if clean else "NOT CLEAN", flush=True)
        report.write_section(DOCS, HEADER, head + lines)
    return wrong


def _write_contaminated() -> int:
    """Nothing has to be trained: what the doctor looks at is the training set."""
    head = [
        "## A contaminated training set",
        "",
        "Labels show it wherever classes were said to be normal. Without them, distances to the nearest training "
        "images do where odd ones lie apart and clean validation images are many; p is of Fisher's exact test. If 5 % "
        "are odd, that none of the 70 normal validation digits is has a chance of 0.03: no test that compares the two "
        "sets can do better. AUROC is that of distances, for the odd training images among the others.",
        "",
        "| data set | normal | contamination | labels | distances | outliers | p | AUROC |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines, wrong = [], 0
    for dataset, normal in CONTAMINATED.items():
        for share in CONTAMINATIONS:
            config = Config(dataset=dataset, normal=normal, contamination=share)
            data = load_training(config)
            counts, odd = outliers(config, data), ~np.isin(data.train.y, normal)
            apart = neighbour_distances(data.train, data.train, skip=1)
            found, by_labels = outliers_stand_out(counts), counts["not_normal"] > 0
            wrong += by_labels != (share > 0) or (found and not share)
            sides = ", ".join(f"{counts[name]} of {counts[f'n_{name}']:,}" for name in ("train", "validation"))
            cells = [
                dataset, ", ".join(map(str, normal)), f"{share:.0%}", "found" if by_labels else "nothing",
                "found" if found else "nothing", sides, f"{outlier_chance(counts):.2g}",
                f"{auroc(apart, odd):.2f}" if share else "",
            ]  # fmt: skip
            lines.append("| " + " | ".join(cells) + " |")
            print(lines[-1], flush=True)
    report.write_section(DOCS, HEADER, head + lines)
    return wrong


def _write_healthy(dataset: str, args: argparse.Namespace, seeds: list[int]) -> int:
    said = f"{len(seeds)} seed{'s' * (len(seeds) > 1)} each; the numbers are the first one's."
    head = [f"## Every family at its defaults, {dataset}", "", said, ""]
    head += ["| family | network | seeds | found | numbers |", "|---|---|---|---|---|"]
    lines, wrong = [], 0
    for family in args.families.split(","):
        for network in args.networks.split(","):
            if default_run_config(dataset, family, 0, network).network == network:
                line, clean = diagnose_default(dataset, family, network, seeds)
                wrong += not clean
                lines.append(line)
                print(line, "" if clean else "FOUND", flush=True)
                report.write_section(DOCS, HEADER, head + lines)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
