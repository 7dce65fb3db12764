"""Codes of an autoencoder in a pipeline of scikit-learn: do they help to read digits with few labels?

    python -m examples.sklearn_pipeline

Logistic regression on four descriptions of the same images: all 64 pixels, 16 principal components, and 16-D codes of a
vanilla and of a denoising autoencoder. Each description is learnt from all training images, without their labels; the
regression gets the labels of a few of them. Splits, labels, scaling and regression are the same for all four.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from aecore.sklearn import AutoencoderTransformer

SEEDS = range(10)  # of the split, of which images have labels, and of the first weights
N_LABELS = (20, 50, 100, 200, 500, 1257)  # the last: all training images
N_TEST = 540
CODE_SIZE = 16
PAIRS = (("vanilla, 16", "PCA, 16"), ("denoising, 16", "PCA, 16"), ("denoising, 16", "64 pixels"))


def autoencoder(family: str, seed: int) -> AutoencoderTransformer:
    """The default network of the laboratory for digits, with a code of 16 numbers."""
    return AutoencoderTransformer(
        CODE_SIZE, family=family, hidden_sizes=(128, 64), epochs=100, standardise=False, random_state=seed
    )


DESCRIPTIONS: dict[str, Callable[[int], Pipeline]] = {
    "64 pixels": lambda seed: make_pipeline(StandardScaler()),
    "PCA, 16": lambda seed: make_pipeline(StandardScaler(), PCA(CODE_SIZE), StandardScaler()),
    "vanilla, 16": lambda seed: make_pipeline(StandardScaler(), autoencoder("vanilla", seed), StandardScaler()),
    "denoising, 16": lambda seed: make_pipeline(StandardScaler(), autoencoder("denoising", seed), StandardScaler()),
}


def accuracies(seed: int, n_labels: tuple[int, ...] = N_LABELS) -> dict[str, list[float]]:
    """Test accuracy of each description, for each number of labels."""
    x, y = load_digits(return_X_y=True)
    train, test = train_test_split(np.arange(len(y)), test_size=N_TEST, stratify=y, random_state=seed)
    labelled = [_fair_sample(train, y[train], count, seed) for count in n_labels]
    found = {}
    for name, describe in DESCRIPTIONS.items():
        features = describe(seed).fit(x[train]).transform(x)
        found[name] = [
            LogisticRegression(max_iter=5000).fit(features[few], y[few]).score(features[test], y[test])
            for few in labelled
        ]
    return found


def _fair_sample(rows: np.ndarray, classes: np.ndarray, count: int, seed: int) -> np.ndarray:
    """`count` of the rows, with all classes as often as among all of them."""
    return (
        rows if count == len(rows) else train_test_split(rows, train_size=count, stratify=classes, random_state=seed)[0]
    )


def table(runs: list[dict[str, list[float]]], n_labels: tuple[int, ...] = N_LABELS) -> Iterator[str]:
    """The lines of a table in Markdown: mean and standard deviation over seeds, in percent."""
    yield f"| labels | {' | '.join(DESCRIPTIONS)} |"
    yield "|--:" * (1 + len(DESCRIPTIONS)) + "|"
    for at, count in enumerate(n_labels):
        values = [100 * np.array([run[name][at] for run in runs]) for name in DESCRIPTIONS]
        yield f"| {count} | {' | '.join(f'{each.mean():.1f} ± {each.std(ddof=1):.1f}' for each in values)} |"


def differences(runs: list[dict[str, list[float]]], n_labels: tuple[int, ...] = N_LABELS) -> Iterator[str]:
    """A table of pairs: mean difference over seeds with its standard error, in percentage points, and how often the
    first one wins."""
    yield f"| pair | {' | '.join(map(str, n_labels))} |"
    yield "|---" + "|--:" * len(n_labels) + "|"
    for one, other in PAIRS:
        apart = 100 * (np.array([run[one] for run in runs]) - np.array([run[other] for run in runs]))  # [seeds, labels]
        errors, wins = apart.std(0, ddof=1) / np.sqrt(len(runs)), (apart > 0).sum(0)
        cells = (f"{d:+.1f} ± {e:.1f} ({w})" for d, e, w in zip(apart.mean(0), errors, wins, strict=True))
        yield f"| {one} - {other} | {' | '.join(cells)} |"


if __name__ == "__main__":
    found = [accuracies(seed) for seed in SEEDS]
    print(*table(found), "", *differences(found), sep="\n")
