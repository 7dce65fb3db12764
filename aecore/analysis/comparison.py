"""Verdicts on runs beside each other, from what was measured of them: a sentence or two, seed noise considered.

Nothing here imports torch, and nothing is measured here.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from aecore.config import Config

# The standard deviation of the MSE over seeds, as a share of its mean, where a run has no sisters to tell it: the
# middle one of those that benchmarks/seeds.py has found for 15 settings on the 1,295 training images of the digits
# (0.016 to 0.075, docs/seeds.md). On the 55,000 of MNIST it found 0.016 and 0.008 for plain autoencoders with 2 and 16
# dimensions. LOSS_SPREAD: of a loss in nats.
SMALL_DATA_SPREAD, LARGE_DATA_SPREAD, LOSS_SPREAD = 0.037, 0.02, 0.01
LARGE_DATA = 20_000  # training images from which on a data set is a large one
MIN_SEEDS = 3  # runs that differ in their seeds alone, from which on their own spread counts
CONFIDENCE = 0.95  # of a difference that is called one: two runs of one setting differ by less so often
# How near samples must come to what real (training) images score, in strict precision and in coverage, to be called
# images: of the gallery's models those pass whose samples look like digits; the VQ-VAE's (0.73) and those of plain
# autoencoders with 16 and 32 dimensions (0.13 to 0.33) do not.
IMAGE_SHARE = 0.75


@dataclass(frozen=True)
class SampleScores:
    """How near some samples come to test images: shares from 0 to 1 (`aecore.analysis.metrics`)."""

    strict_precision: float
    coverage: float

    @classmethod
    def of(cls, scores: Mapping[str, float]) -> SampleScores:
        """From what `aecore.analysis.sampling` says of one way of sampling."""
        return cls(float(scores["strict_precision"]), float(scores["coverage"]))

    def reaches(self, real: SampleScores, share: float = IMAGE_SHARE) -> bool:
        """Whether both are at least so large a share of what `real` images score."""
        return self.strict_precision >= share * real.strict_precision and self.coverage >= share * real.coverage


@dataclass(frozen=True)
class RunScores:
    """What a verdict needs of a run; None where something was not measured.

    Attributes
    ----------
    name
        What people call it.
    mse
        Mean squared error per pixel of the test images' reconstructions.
    seed_mses
        The same of the runs with its settings and other seeds, and its own.
    usual_spread
        What stands for their spread where they are too few (`usual_spread`).
    rivals
        The errors of the run, of PCA with as many dimensions and of the mean image, on the same images.
    prior, fitted, real
        Scores of samples from its prior, from a mixture fitted to its codes, and of training images.
    """

    name: str
    mse: float
    seed_mses: tuple[float, ...] = ()
    usual_spread: float = SMALL_DATA_SPREAD
    rivals: tuple[float, float, float] | None = None
    prior: SampleScores | None = None
    fitted: SampleScores | None = None
    real: SampleScores | None = None

    @property
    def margin(self) -> float:
        """The difference in test MSE, as a share of it, up to which two runs of these settings count as alike."""
        return noise_margin(self.seed_mses, self.usual_spread)


def usual_spread(n_train: int) -> float:
    """The standard deviation of the MSE over seeds, as a share of its mean, for a data set of so many training
    images."""
    return LARGE_DATA_SPREAD if n_train >= LARGE_DATA else SMALL_DATA_SPREAD


def noise_margin(values: Sequence[float], default_spread: float) -> float:
    """By how much of their mean two runs differ that differ in their seeds alone, in CONFIDENCE of all cases: from the
    `values` of at least MIN_SEEDS of them by Student's t, else from a `default_spread`."""
    from scipy.special import ndtri, stdtrit  # quantiles: scipy.stats takes a second to import

    tail, count = (1 + CONFIDENCE) / 2, len(values)
    if count < MIN_SEEDS:
        return float(ndtri(tail)) * math.sqrt(2) * default_spread
    spread = float(np.std(values, ddof=1) / np.mean(values)) if np.mean(values) else 0.0
    return float(stdtrit(count - 1, tail)) * math.sqrt(2) * spread


def alike(one: RunScores, other: RunScores) -> bool:
    """Whether two runs reconstruct alike: their test MSEs differ by no more than those of two seeds."""
    return abs(one.mse - other.mse) <= max(one.margin, other.margin) * (one.mse + other.mse) / 2


def same_but_seed(config: Config) -> str:
    """The settings of a run without its seed, as a key that runs of other seeds share."""
    return json.dumps({name: value for name, value in config.to_json().items() if name != "seed"}, sort_keys=True)


def seed_groups(runs: Iterable[tuple[Config, float]]) -> dict[str, tuple[float, ...]]:
    """The values of runs by `same_but_seed` of their settings."""
    found: dict[str, tuple[float, ...]] = {}
    for config, value in runs:
        key = same_but_seed(config)
        found[key] = (*found.get(key, ()), value)
    return found


# Sentences


def verdict(runs: Sequence[RunScores]) -> str:
    """What the numbers of at least two runs on one data set say, in one or two sentences; empty for fewer."""
    if len(runs) < 2:
        return ""
    samples = _samples_clause(runs)
    reconstruction = _reconstruction_clause(runs)
    behind = _rivals_sentence(runs)
    first = f"{reconstruction}; {samples}." if samples else f"{reconstruction}."
    return f"{first} {behind}".strip()


def _reconstruction_clause(runs: Sequence[RunScores]) -> str:
    ordered = sorted(runs, key=lambda run: run.mse)
    best, worst = ordered[0], ordered[-1]
    group = [run for run in ordered if alike(best, run)]
    if len(group) == len(runs):
        span = f"test MSE {best.mse:.4f} to {worst.mse:.4f}, no further apart than two seeds"
        return f"{'Both' if len(runs) == 2 else f'All {len(runs)}'} reconstruct alike ({span})"
    if len(group) == 1:
        return f"{best.name} reconstructs best (test MSE {best.mse:.4f}; {_others(ordered[1:])})"
    named = _listed([run.name for run in group])
    rest = [run for run in ordered if run not in group]
    return f"{named} reconstruct alike, and best (test MSE {best.mse:.4f} to {group[-1].mse:.4f}; {_others(rest)})"


def _others(runs: Sequence[RunScores]) -> str:
    """The runs behind the best, with their numbers where these are few."""
    if len(runs) == 1:
        return f"{runs[0].name}: {runs[0].mse:.4f}"
    return f"the others {runs[0].mse:.4f} to {runs[-1].mse:.4f}"


def _samples_clause(runs: Sequence[RunScores]) -> str:
    """Whose samples are images; empty where that was not measured of all."""
    if not all(run.prior and run.real for run in runs):
        return ""
    good = [run for run in runs if run.prior and run.real and run.prior.reaches(run.real)]
    bad = [run for run in runs if run not in good]
    if not bad:
        return f"samples from {'both priors' if len(runs) == 2 else 'every prior'} are images"
    repaired = all(run.fitted and run.real and run.fitted.reaches(run.real) for run in bad)
    mixture = "from a mixture fitted to its codes" if len(bad) == 1 else "from mixtures fitted to their codes"
    if not good:
        first = "samples from no prior are images"
        return f"{first}, those drawn {mixture} are" if repaired else first
    first = f"only the samples of {_listed([run.name for run in good])} are images"
    whose = f"those of {bad[0].name}" if len(bad) == 1 else "the others'"
    return f"{first} ({whose} are too when drawn {mixture})" if repaired else first


def _rivals_sentence(runs: Sequence[RunScores]) -> str:
    """Which runs are no better than the mean image or PCA; empty where none is behind, or it is not known."""
    beaten = {name: [run for run in runs if _is_behind(run, at)] for name, at in (("the mean image", 2), ("PCA", 1))}
    beaten["PCA"] = [run for run in beaten["PCA"] if run not in beaten["the mean image"]]
    clauses = []
    for rival, behind in beaten.items():
        whole = "PCA of as many dimensions" if rival == "PCA" else rival
        if behind and len(behind) == len(runs):
            return f"{'Neither' if len(runs) == 2 else 'None'} reconstructs better than {whole}."
        if behind:
            named = _listed([run.name for run in behind])
            clauses.append(f"{named} {'is' if len(behind) == 1 else 'are'} no better than {whole}")
    return f"{'; '.join(clauses)}." if clauses else ""


def _is_behind(run: RunScores, at: int) -> bool:
    """Whether a run's error is no smaller than that of a rival, given what seeds change."""
    return run.rivals is not None and run.rivals[0] > (1 - run.margin) * run.rivals[at]


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
