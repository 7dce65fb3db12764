"""Classifiers beside logistic regression: how many test samples get their class, learned from the same labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from aecore.analysis.baselines import batches
from aecore.analysis.loaded import LoadedModel
from aecore.data import datasets
from aecore.data.datasets import Split
from aecore.models.semi_supervised.classifiers import Classifier

MAX_FITTED = 3000  # labelled samples that logistic regression learns from: more of them take minutes


def labelled_samples(run: LoadedModel, limit: int = MAX_FITTED) -> Split:
    """The training samples whose labels a run learned from, the first `limit` of them."""
    train = datasets.load_training(run.config).train
    known = train.hide_labels(run.config.labels_per_class, run.config.seed)
    return known.take(np.flatnonzero(known.y >= 0)[:limit])


def accuracy(run: LoadedModel, test: Split, shifted: bool = False) -> float:
    """The share of samples whose class the model says, from 0 to 1, no label being given. With `shifted` samples are
    those of its second domain."""
    model = run.model
    assert isinstance(model, Classifier) and isinstance(model, torch.nn.Module)
    right = 0
    for x, y in batches(test):
        inputs = torch.from_numpy(x).to(run.device)
        if shifted:
            assert model.shifted is not None
            inputs = model.shifted(inputs)
        right += int((model.classify(inputs).cpu().numpy() == y).sum())
    return right / len(test)


def logistic_regression_accuracy(
    train_x: np.ndarray, train_y: np.ndarray, test_x: np.ndarray, test_y: np.ndarray
) -> float:
    """The share of the rows of `test_x` `[M, D]` whose class a logistic regression says, fitted to `train_x` `[N, D]`
    with the penalty that scikit-learn begins with (C = 1)."""
    from sklearn.linear_model import LogisticRegression

    return float(LogisticRegression(max_iter=1000).fit(train_x, train_y).score(test_x, test_y))


def codes_accuracy(codes: np.ndarray, labels: np.ndarray, test_codes: np.ndarray, test_labels: np.ndarray) -> float:
    """The same on codes, each dimension divided by its standard deviation over the ones that are fitted to."""
    scale = np.maximum(codes.std(axis=0), 1e-6)
    return logistic_regression_accuracy(codes / scale, labels, test_codes / scale, test_labels)


def codes_without_labels(run: LoadedModel, split: Split) -> np.ndarray:
    """Codes `[N, D]` of a split; a model that asks for labels infers them."""
    return np.concatenate([run.encode(x) for x, _ in batches(split)])


def flatten(split: Split) -> np.ndarray:
    """The values of a split's samples, float32 `[N, D]`."""
    return split.to_float().reshape(len(split), -1)


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """Accuracies on test samples, each the share that gets its class:

    accuracy          the model's classifier
    raw_accuracy      logistic regression on the values of samples, fitted to the labelled ones, `n_fitted`
    code_accuracy     the same on codes, of inferred labels where a model asks for labels
    majority_accuracy always saying the commonest class
    shifted_accuracy  the model's on samples as its second domain has them, if it learned of one

    Nothing where the data set is not here, or tells no classes apart.
    """
    assert isinstance(run.model, Classifier)
    if test.synthetic or not run.card.labelled:
        return {}
    known = labelled_samples(run)
    if len(np.unique(known.y)) < 2:
        return {}
    codes, test_codes = (codes_without_labels(run, split) for split in (known, test))
    found = {
        "n_samples": len(test),
        "n_fitted": len(known),
        "accuracy": accuracy(run, test),
        "raw_accuracy": logistic_regression_accuracy(flatten(known), known.y, flatten(test), test.y),
        "code_accuracy": codes_accuracy(codes, known.y, test_codes, test.y),
        "majority_accuracy": float(np.unique(test.y, return_counts=True)[1].max() / len(test)),
    }
    return found | ({"shifted_accuracy": accuracy(run, test, shifted=True)} if run.model.shifted else {})
