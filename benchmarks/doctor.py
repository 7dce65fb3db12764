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

from aecore.analysis import loaded
from aecore.analysis.diagnosis import doctor
from aecore.analysis.diagnosis.checkup import checkup
from aecore.config import Config
from aecore.data.datasets import is_here, load
from aecore.errors import UserError
from aecore.jobs.worker import carry_out
from aecore.models.families.build import FAMILIES, settle
from aecore.store import runs
from benchmarks import report
from benchmarks.families import at_defaults

DOCS = Path(__file__).parent.parent / "docs" / "doctor.md"
TOP = """# What the doctor finds

Made by `python -m benchmarks.doctor`. The doctor (aecore/analysis/diagnosis/doctor.py) reads the
history of a training and the checkup at its end, both of validation pictures; the first finding is the cause, and is
the one to mend."""


@dataclass(frozen=True)
class Broken:
    """Settings that are broken on purpose, put over a family's defaults."""

    what: str
    right: tuple[str, ...]  # findings that name the cause
    family: str
    dataset: str = "digits"
    more: Mapping[str, Any] = field(default_factory=dict)

    def config(self, seed: int) -> Config:
        return settle(dataclasses.replace(at_defaults(self.dataset, self.family, seed), **self.more))


BROKEN = (
    Broken("learning rate 10", ("diverged", "rising loss"), "vae", more={"lr": 10.0}),
    Broken("all weights 0 at the start", ("units all alike",), "vae", more={"initialisation": "zeros"}),
    Broken("beta 100", ("beta too strong",), "beta-vae", more={"knobs": {"beta": 100.0}}),
    Broken("BCE averaged over pixels", ("reconstruction averaged over pixels",), "vae", more={"reduction": "mean"}),
    Broken("a ReLU code of 2 units", ("ReLU in the code", "dead units"), "vanilla", more={"knobs": {"code": "relu"}}),
    Broken(
        "a codebook of 512 without revival, on shapes",
        ("dead codebook entries",),
        "vq-vae",
        "shapes",
        {"knobs": {"codes": 512, "revive": False}},
    ),
    Broken(
        "100 training pictures for 200 epochs, on shapes",
        ("overfitting",),
        "vanilla",
        "shapes",
        {"pictures": 100, "epochs": 200},
    ),
    Broken("a code of 1 number", ("a code of one number",), "vanilla", more={"z_dim": 1}),
    Broken("pixels 0 to 255 for a Bernoulli", ("pixels out of range",), "vae", more={"pixels": "0 to 255"}),
    # the other families, each by a setting of its own where one can break it
    Broken("linear, learning rate 1e-5", ("underfitting",), "linear", more={"lr": 1e-5}),
    Broken("tied weights, 2 epochs", ("underfitting",), "tied-weights", more={"epochs": 2}),
    Broken(
        "denoising, all pixels masked",
        ("corruption too strong",),
        "denoising",
        more={"knobs": {"noise": "masking", "strength": 1.0}},
    ),
    Broken("sparse, L1 weight 10", ("regularisation too strong",), "sparse", more={"knobs": {"sparsity": 10.0}}),
    Broken(
        "sparse KL, weight 100 towards 0.01",
        ("regularisation too strong",),
        "sparse-kl",
        more={"knobs": {"beta": 100.0, "rho": 0.01}},
    ),
    Broken("top-k, k = 1", ("dead units",), "top-k", more={"knobs": {"k": 1}}),
    Broken(
        "contractive, weight 10", ("regularisation too strong",), "contractive", more={"knobs": {"stiffness": 10.0}}
    ),
    Broken("stacked, 2 epochs", ("underfitting",), "stacked", more={"epochs": 2}),
    Broken(
        "conditional VAE, BCE averaged",
        ("reconstruction averaged over pixels",),
        "conditional-vae",
        more={"reduction": "mean"},
    ),
    Broken(  # its beta weighs total correlation, and is no cure; at 20, its most, it is on the edge of a finding
        "beta-TCVAE, BCE averaged", ("reconstruction averaged over pixels",), "beta-tcvae", more={"reduction": "mean"}
    ),
    Broken("InfoVAE, MMD weight 1000", ("regularisation too strong",), "info-vae", more={"knobs": {"pull": 1000.0}}),
    Broken("WAE, learning rate 1e-5", ("underfitting",), "wae", more={"lr": 1e-5}),  # no MMD weight breaks it
    Broken(
        "ladder VAE, BCE averaged", ("reconstruction averaged over pixels",), "ladder-vae", more={"reduction": "mean"}
    ),
    Broken(
        "AAE, adversarial weight 10",
        ("regularisation too strong", "an adversary that has won"),
        "aae",
        more={"knobs": {"weight": 10.0}},
    ),
)


def case(config: Config) -> doctor.Case:
    """Trains a run, unless it is there, and examines it."""
    try:
        entry = runs.entry(config.id)
    except runs.UnknownRun:
        entry = None
    if entry is None or not (entry.finished or entry.diverged):
        try:
            for _ in carry_out(config):
                pass
        except UserError as error:
            print(f"{config.id}: {error}", file=sys.stderr)
        entry = runs.entry(config.id)
    fresh = checkup(loaded.load(config.id), load(config.dataset)) if entry.finished else None
    return doctor.of(entry, fresh)


def broken(each: Broken, seeds: list[int]) -> tuple[str, bool, bool]:
    """A line of the table; whether every first finding is right, and whether every cure is clean."""
    named, numbers, cures, after, right, clean = [], [], [], [], True, True
    for seed in seeds:
        found = doctor.diagnose(case(each.config(seed)))
        first = found[0].name if found else "nothing"
        right &= first in each.right
        named.append(first)
        if found:
            numbers.append(found[0].said)
            cures.append(found[0].words)
            left = doctor.diagnose(case(settle(doctor.cured(each.config(seed), found[0]))))
            after.append(left[0].name if left else "clean")
        clean &= bool(after) and after[-1] == "clean"
    cells = [each.what, _once(named), numbers[0] if numbers else "", _once(cures), _once(after)]
    return "| " + " | ".join(cells) + " |", right, clean


def _once(words: list[str]) -> str:
    """Words of several seeds, equal ones once with how often."""
    return "; ".join(f"{word} ({words.count(word)} of {len(words)})" for word in dict.fromkeys(words))


def healthy(dataset: str, family: str, network: str, seeds: list[int]) -> tuple[str, bool]:
    """A line of the table; whether nothing was found."""
    found, bill = [], ""
    for seed in seeds:
        seen = case(at_defaults(dataset, family, seed, network))
        found += [finding.name for finding in doctor.diagnose(seen)]
        bill = bill or "; ".join(f"{name}: {value}" for name, value in doctor.bill(seen))
    said = ", ".join(dict.fromkeys(found)) or "nothing"
    return f"| {family} | {network} | {len(seeds)} | {said} | {bill} |", not found


def limits() -> list[str]:
    lines = ["## Limits", "", "| what | limit | why |", "|---|---|---|"]
    return lines + [f"| {name} | {limit.at:g} | {limit.why} |" for name, limit in doctor.LIMITS.items()]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datasets", default="digits,shapes,mnist")
    parser.add_argument("--networks", default="mlp,conv")
    parser.add_argument("--families", default=",".join(FAMILIES))
    parser.add_argument("--seeds", default="0,1,2", help="of what is broken, and of the families on digits")
    parser.add_argument("--runs", help="where runs are kept")
    parser.add_argument("--only", choices=["broken", "healthy"])
    given = parser.parse_args()
    if given.runs:
        os.environ["AECORE_RUNS"] = given.runs
    seeds, bad = [int(seed) for seed in given.seeds.split(",")], 0
    report.keep(DOCS, TOP, limits())
    if given.only != "healthy":
        bad += _all_broken(seeds)
    for dataset in filter(is_here, given.datasets.split(",") if given.only != "broken" else []):
        bad += _all_healthy(dataset, given, seeds if dataset == "digits" else seeds[:1])
    return 1 if bad else 0


def _all_broken(seeds: list[int]) -> int:
    head = [
        "## Broken on purpose",
        "",
        f"Seeds {', '.join(map(str, seeds))}. The number is the first seed's.",
        "",
        "| broken | first finding | its number | cure | after the cure |",
        "|---|---|---|---|---|",
    ]
    lines, wrong = [], 0
    for each in BROKEN:
        line, right, clean = broken(each, seeds)
        wrong += not right
        lines.append(line)
        print(line, "" if right else "WRONG", "" if clean else "NOT CLEAN", flush=True)
        report.keep(DOCS, TOP, head + lines)
    return wrong


def _all_healthy(dataset: str, given: argparse.Namespace, seeds: list[int]) -> int:
    said = f"{len(seeds)} seed{'s' * (len(seeds) > 1)} each; the numbers are the first one's."
    head = [f"## Every family at its defaults, {dataset}", "", said, ""]
    head += ["| family | network | seeds | found | numbers |", "|---|---|---|---|---|"]
    lines, wrong = [], 0
    for family in given.families.split(","):
        for network in given.networks.split(","):
            if at_defaults(dataset, family, 0, network).network == network:
                line, clean = healthy(dataset, family, network, seeds)
                wrong += not clean
                lines.append(line)
                print(line, "" if clean else "FOUND", flush=True)
                report.keep(DOCS, TOP, head + lines)
    return wrong


if __name__ == "__main__":
    sys.exit(main())
