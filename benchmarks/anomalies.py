"""Anomaly detection beside its boring rivals: digits, tables, and whether conformal thresholds keep their promise.

    python -m benchmarks.anomalies [--part codes,tables,conformal] [--data digits,mnist] [--tables FOLDER] [--keep]

`--tables` takes a folder of the ODDS tables (Rayana 2016; .mat files with `X` and `y`), which is not part of the
project. `--keep` writes the parts that were measured into docs/anomalies.md. Scores, sizes and settings were chosen
before anything was measured; no row is left out.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.stats import betabinom

import aecore
from aecore.analysis.loaded import LoadedModel
from aecore.applications.anomaly import metrics
from aecore.applications.anomaly.detection import Detector
from aecore.applications.anomaly.rivals import RIVALS
from aecore.applications.anomaly.scoring import N_NEIGHBOURS, scores_of
from aecore.applications.anomaly.thresholds import Calibration, parse
from aecore.data.datasets import Split, load_training
from aecore.data.modalities import Vector
from aecore.models.families.build import build_recipe, resolve_config
from aecore.sklearn import AutoencoderDetector
from benchmarks.report import write_section

DOCS = Path(__file__).parent.parent / "docs" / "anomalies.md"
HEADER = """# Anomalies: what autoencoders find, beside what simpler methods find

Made by `python -m benchmarks.anomalies --keep`. AUROC is how often an odd test sample scores higher than a normal one:
0.5 is a coin, 1 is never wrong. Every rival is fitted to the training samples that the autoencoder learnt from, and
asked about the same test samples. Scores, sizes and settings were chosen before anything was measured; every row is
kept. The best of a row is bold, whoever it is."""

SEEDS = (0, 1, 2)
SIZES = (2, 4, 8, 16, 32)
NORMAL = (0, 1, 2, 3, 4)

# what is known of the tables: PyOD's published AutoEncoder, trained on contaminated data, one split of 60/40
TABLES = {
    "cardio": 0.817, "ionosphere": 0.896, "letter": 0.814, "optdigits": 0.598, "wbc": 0.923, "glass": 0.675,
    "pima": 0.666, "vertebral": 0.482,
}  # fmt: skip
SPLITS = range(5)  # seeds of RandomState
DETECTOR: dict[str, Any] = {"hidden_sizes": (64, 32), "epochs": 50, "batch_size": 64, "lr": 0.004, "random_state": 0}

CONFORMAL = ("digits", "mnist", "payments")
LEVELS = (0.01, 0.05, 0.1)
N_SPLITS = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", default="codes,tables,conformal")
    parser.add_argument("--data", default="digits,mnist", help="data sets of the part codes")
    parser.add_argument("--tables", type=Path, help="a folder of .mat files with X and y")
    parser.add_argument("--keep", action="store_true", help=f"write {DOCS.name}")
    asked = parser.parse_args()
    parts = {
        "codes": lambda: [codes(name) for name in asked.data.split(",")],
        "tables": lambda: [tables(asked.tables)] if asked.tables else [],
        "conformal": lambda: [conformal()],
    }
    for part in asked.part.split(","):
        for lines in parts[part]():
            print("\n".join(lines), flush=True)
            if asked.keep:
                write_section(DOCS, HEADER, lines)


def bold_best(values: dict[str, float], others: dict[str, str]) -> list[str]:
    """Cells of a row, the largest of `values` bold; `others` says how each is written."""
    best = max(values.values())
    return [f"**{others[name]}**" if value == best else others[name] for name, value in values.items()]


# --- Digits: kinds of score, sizes of code ----------------------------------------------------------------------------


def train(dataset: str, seed: int, **settings: Any) -> LoadedModel:
    """A vanilla autoencoder or another, trained on the normal classes; nothing is kept."""
    config = resolve_config(aecore.default_config(dataset, seed=seed, **settings))
    recipe, device = build_recipe(config), torch.device("cpu")
    for _ in aecore.fit(recipe, load_training(config), config, device):
        pass
    return LoadedModel(config, recipe.model.eval(), {})


def codes(dataset: str) -> list[str]:
    """Scores and rivals by size of code, over SEEDS."""
    lines = [
        f"## {dataset}: classes 0 to 4 are normal, 5 to 9 are odd",
        "",
        f"AUROC on the test set, mean ± standard deviation of {len(SEEDS)} seeds. Vanilla autoencoders by the numbers "
        "in the code, and a VAE of 2 and 16 numbers; rivals do not hang on the seed.",
        "",
    ]
    found = {f"vanilla, {size}": [_scores(dataset, "vanilla", size, seed) for seed in SEEDS] for size in SIZES}
    found |= {f"vae, {size}": [_scores(dataset, "vae", size, seed) for seed in SEEDS] for size in (2, 16)}
    names = list(dict.fromkeys(name for rows in found.values() for name in rows[0]))
    lines += [f"| model, numbers | {' | '.join(names)} |", f"|---|{'--:|' * len(names)}"]
    for model, rows in found.items():
        means = {name: float(np.mean([each[name] for each in rows])) if name in rows[0] else -1.0 for name in names}
        words = {name: _spread([each[name] for each in rows]) if name in rows[0] else "" for name in names}
        lines.append(f"| {model} | {' | '.join(bold_best(means, words))} |")
    return lines


def _scores(dataset: str, family: str, size: int, seed: int) -> dict[str, float]:
    detector = Detector.of(train(dataset, seed, family=family, latent_dim=size, normal=NORMAL))
    found = {name: detector.summary(name)["auroc"] for name in (*scores_of(detector.run), "pca")}
    return found | _rivals(dataset)


@cache
def _rivals(dataset: str) -> dict[str, float]:
    """Those rivals that do not hang on the size of the code."""
    detector = Detector.of(train(dataset, 0, family="linear", latent_dim=2, normal=NORMAL, epochs=1))
    return {name: detector.summary(name)["auroc"] for name in RIVALS if name != "pca"}


def _spread(values: list[float]) -> str:
    deviation = np.std(values, ddof=1)
    return f"{np.mean(values):.3f}" + (f" ± {deviation:.3f}" if deviation >= 0.0005 else "")


# --- Tables -----------------------------------------------------------------------------------------------------------


def splits(x: np.ndarray, y: np.ndarray, seed: int, clean: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 % to learn from, without the odd rows where `clean`, and 40 % to be judged; standardised on the former."""
    order = np.random.RandomState(seed).permutation(len(x))
    train, test = np.split(order, [round(0.6 * len(x))])
    train = train[y[train] == 0] if clean else train
    mean, deviation = x[train].mean(axis=0), x[train].std(axis=0)
    scaled = (x - mean) / np.where(deviation > 0, deviation, 1)
    return scaled[train], scaled[test], y[test].astype(bool)


def judged(train: np.ndarray, test: np.ndarray) -> dict[str, np.ndarray]:
    """What the autoencoder's scores and the rivals say of `test`, by name; codes of a quarter of the columns."""
    size = max(2, round(train.shape[1] / 4))
    detector = AutoencoderDetector(size, standardise=False, **DETECTOR).fit(train)
    seen, asked = (detector.model_.encode(each) for each in (train, test))
    found = {"reconstruction": -detector.score_samples(test), "knn-codes": _nearest(seen, asked)}
    columns = range(train.shape[1])
    kind = Vector(tuple(map(str, columns)), tuple(0.0 for _ in columns), tuple(1.0 for _ in columns))
    known, other = (Split(each.astype(np.float32), np.zeros(len(each), int), 1, kind=kind) for each in (train, test))
    return found | {name: RIVALS[name].fit(known, size)(other) for name in RIVALS}


def _nearest(known: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from sklearn.neighbors import NearestNeighbors

    return NearestNeighbors(n_neighbors=N_NEIGHBOURS).fit(known).kneighbors(asked)[0].mean(axis=1)


def tables(folder: Path) -> list[str]:
    """Eight tables of the ODDS collection, trained on normal rows alone and on contaminated ones."""
    from scipy.io import loadmat

    lines = [
        "## Tables",
        "",
        "Eight tables of the ODDS collection (Rayana 2016): AUROC on the 40 % that nothing was fitted to, mean ± "
        "standard deviation of five splits (`RandomState(0)` to 4), standardised on the training rows. One autoencoder "
        f"for all: hidden layers {DETECTOR['hidden_sizes']}, a code of a quarter of the columns, "
        f"{DETECTOR['epochs']} epochs. *PyOD* is the figure that its authors publish for their autoencoder "
        "(contaminated training, one split; Zhao, Nasrullah & Li 2019).",
    ]
    for clean, title in ((True, "Trained on normal rows alone"), (False, "Trained on all rows, odd ones among them")):
        names = ["reconstruction", "knn-codes", *RIVALS]
        lines += [
            "",
            f"### {title}",
            "",
            f"| table | {' | '.join(names)} | PyOD |",
            f"|---|{'--:|' * (len(names) + 1)}",
        ]
        wins = {"at least PyOD's": 0, "within .01 of k-NN or better": 0}
        for name, published in TABLES.items():
            held = loadmat(folder / f"{name}.mat")
            x, y, told = held["X"].astype(float), held["y"].ravel(), []
            for seed in SPLITS:
                train, test, odd = splits(x, y, seed, clean)
                told.append({key: metrics.auroc(each, odd) for key, each in judged(train, test).items()})
            means = {key: float(np.mean([each[key] for each in told])) for key in names}
            words = {key: _spread([each[key] for each in told]) for key in names}
            lines.append(f"| {name} | {' | '.join(bold_best(means, words))} | {published:.3f} |")
            print(lines[-1], flush=True)
            wins["at least PyOD's"] += means["reconstruction"] >= published
            wins["within .01 of k-NN or better"] += means["reconstruction"] >= means["knn"] - 0.01
        counts = " and ".join(f"{words} on {count}" for words, count in wins.items())
        lines += ["", f"Of 8 tables the reconstruction error is {counts}."]
    return lines


# --- Conformal thresholds ---------------------------------------------------------------------------------------------


def normal_scores(dataset: str) -> np.ndarray:
    """Reconstruction errors of normal samples that the model did not learn from: validation and test together."""
    normal = NORMAL if dataset != "payments" else (0,)
    scored = Detector.of(train(dataset, 0, family="vanilla", latent_dim=8, normal=normal))
    found = scored.scored("reconstruction")
    return np.concatenate([found.calibration, found.judged[~scored.data.odd]])


def random_halves(scores: np.ndarray, n: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """N_SPLITS random divisions into `n` calibration scores and the others, seeds 0 to 99."""
    for seed in range(N_SPLITS):
        shuffled = np.random.RandomState(seed).permutation(scores)
        yield shuffled[:n], shuffled[n:]


def conformal() -> list[str]:
    """False alarms over random splits beside the band in which theory puts 95 % of them."""
    lines = [
        "## Do conformal thresholds keep their promise?",
        "",
        f"{N_SPLITS} random splits (`RandomState(0)` to 99) of the normal samples that a model did not learn from into "
        "n that calibrate and m that are judged. Given its calibration samples, a correct detector's alarms are "
        "*beta-binomial*, BetaBin(m, k, n + 1 - k) with k = floor(alpha (n + 1)), and not binomial: the threshold is "
        "itself a matter of luck. *Inside* counts the splits whose alarms lie in the central 95 % of it.",
        "",
        "| data | n | m | alpha | mean rate | band, alarms | inside, of 100 |",
        "|---|--:|--:|--:|--:|---|--:|",
    ]
    for dataset in CONFORMAL:
        scores = normal_scores(dataset)
        n = max(199, len(scores) // 2) if len(scores) < 2000 else 1000
        n = min(n, len(scores) - 50)
        for level in LEVELS:
            k, m = math.floor(level * (n + 1) + 1e-9), len(scores) - n
            low, high = betabinom.ppf([0.025, 0.975], m, k, n + 1 - k)
            rule = partial(parse(f"conformal:{level}").threshold, scores=np.zeros(0))
            counts = [
                int(rule(Calibration(known, np.zeros(0))).alarms(others).sum())
                for known, others in random_halves(scores, n)
            ]
            inside = sum(low <= count <= high for count in counts)
            row = (
                dataset,
                n,
                f"{m:,}",
                f"{level:.0%}",
                f"{np.mean(counts) / m:.2%}",
                f"{low:.0f} to {high:.0f}",
                inside,
            )
            lines.append(f"| {' | '.join(map(str, row))} |")
    return lines


if __name__ == "__main__":
    main()
