"""Styles: what a model that is told the class keeps in its code, and what it takes from the label."""

from __future__ import annotations

from typing import Any

import numpy as np

from aecore.analysis import metrics
from aecore.analysis.loaded import LoadedModel
from aecore.data.datasets import Split

N_STYLES, N_KNN_IMAGES = (
    100,
    2000,
)  # test images whose styles are drawn; the next ones, which say what an image looks like
NEIGHBOURS = 5


def grid(run: LoadedModel, codes: np.ndarray) -> np.ndarray:
    """Every one of `codes` `[N, D]` drawn under every label: `[N, K, C, H, W]`."""
    classes = len(run.card.classes)
    labels = np.tile(np.arange(classes), len(codes))
    return run.decode(np.repeat(codes, classes, axis=0), labels).reshape(len(codes), classes, *run.card.shape)


def report(run: LoadedModel, test: Split) -> dict[str, Any]:
    """How far the label rules what is drawn. Votes are those of the nearest test images, by pixels:

    label_fidelity   share of the codes of test images, decoded under labels that are not theirs, that look like that
                     label
    real_baseline    share of these test images themselves that look like their own label: what the vote is worth
    label_leakage    share of their classes that the nearest codes give away; chance is 1 / classes
    n_styles, n_generated, n_reference_samples   how many codes, generated images and voting test images that is
    """
    asked = slice(min(N_STYLES, len(test) // 2))
    known = slice(asked.stop, asked.stop + N_KNN_IMAGES)
    x, labels = test.to_float(known).reshape(-1, test.x[0].size), test.y[known]
    own, count = test.y[asked], len(run.card.classes)
    codes, others = run.encode(test.to_float(asked), own), own[:, None] != np.arange(count)
    cells = grid(run, codes)[others]
    looks = [(cells, np.nonzero(others)[1]), (test.to_float(asked), own)]
    obeyed, real = (
        metrics.knn_accuracy(x, labels, each.reshape(len(each), -1), said, NEIGHBOURS) for each, said in looks
    )
    known_codes = run.encode(test.to_float(known), labels)
    return {
        "label_fidelity": obeyed,
        "real_baseline": real,
        "label_leakage": metrics.knn_accuracy(known_codes, labels, codes, own),
        "n_styles": len(codes),
        "n_generated": len(cells),
        "n_reference_samples": len(labels),
    }
